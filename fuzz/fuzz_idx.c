/* fuzz_idx.c - feeds arbitrary bytes to the IDX reader, as images or as labels (libFuzzer entry
 * point). The first byte says as which. */
#include "data/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/mwn-fuzz-idx-XXXXXX";

static void put(const char *name, const void *bytes, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void clean(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    (void)!system(command);
}

static void use(const struct mwn_source *source)
{
    size_t pixels = (size_t)source->shape.h * (size_t)source->shape.w;
    const unsigned char *samples = source->samples;
    unsigned sum = 0;
    for (size_t i = 0; i < source->n * pixels; i++)
        sum += samples[i];
    for (size_t i = 0; i < source->n; i++)
        if (source->label[i] < 0 || source->label[i] >= source->classes)
            abort();
    volatile unsigned sink = sum;
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                           0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    static char reader[] = "idx";
    static bool ready;
    if (!ready && (!mkdtemp(folder) || atexit(clean) != 0))
        abort();
    ready = true;
    if (size == 0)
        return 0;
    bool as_images = data[0] % 2 == 0;
    put("train-images-idx3-ubyte", as_images ? data + 1 : images,
        as_images ? size - 1 : sizeof(images));
    put("train-labels-idx1-ubyte", as_images ? labels : data + 1,
        as_images ? sizeof(labels) : size - 1);
    struct mwn_data_options options = {.reader = reader, .path = folder};
    struct mwn_source source;
    struct mwn_error err = {0};
    const struct mwn_request request = {.options = &options, .part = MWN_PART_TRAIN};
    if (mwn_source_open(&source, &request, &err) == MWN_OK)
        use(&source);
    else if (err.status == MWN_OK || err.text[0] == '\0')
        abort();
    mwn_source_close(&source);
    return 0;
}

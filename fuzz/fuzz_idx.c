/* fuzz_idx.c - feeds arbitrary bytes to the IDX reader, as images or as labels (libFuzzer entry
 * point). The first byte says as which. */
#include "fuzz_folder.h"
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (!ready)
        make_folder(NULL);
    ready = true;
    if (size == 0)
        return 0;
    bool as_images = data[0] % 2 == 0;
    put("train-images-idx3-ubyte", as_images ? data + 1 : images,
        as_images ? size - 1 : sizeof(images));
    put("train-labels-idx1-ubyte", as_images ? labels : data + 1,
        as_images ? sizeof(labels) : size - 1);
    struct mwn_data_options options = {.reader = reader, .path = folder};
    const struct mwn_request request = {.options = &options, .part = MWN_PART_TRAIN};
    read_source(&request, use);
    return 0;
}

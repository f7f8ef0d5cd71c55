/* fuzz_libsvm.c - feeds arbitrary bytes to the reader of LIBSVM text, as the training part and then, by its
 * own schema, as the test part (libFuzzer entry point). */
#include "data/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct mwn_source *source)
{
    const float *samples = source->samples;
    for (size_t i = 0; i < source->n * (size_t)source->shape.c; i++)
        if (!(samples[i] - samples[i] == 0))
            abort();
    for (size_t i = 0; i < source->n; i++)
        if (source->label[i] < 0 || source->label[i] >= source->classes)
            abort();
}

static void check(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK && (err->status == MWN_OK || err->text[0] == '\0'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char reader[] = "libsvm", path[32];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    struct mwn_data_options options = {.reader = reader, .path = path};
    struct mwn_request request = {.options = &options, .part = MWN_PART_TRAIN};
    struct mwn_source train, test;
    struct mwn_error err = {0};
    mwn_status status = mwn_source_open(&train, &request, &err);
    check(status, &err);
    if (status == MWN_OK) {
        use(&train);
        request.part = MWN_PART_TEST;
        request.schema = train.schema;
        status = mwn_source_open(&test, &request, &err);
        check(status, &err);
        if (status == MWN_OK)
            use(&test);
        mwn_source_close(&test);
    }
    mwn_source_close(&train);
    return 0;
}

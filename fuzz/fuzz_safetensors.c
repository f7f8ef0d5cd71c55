/* fuzz_safetensors.c - feeds arbitrary bytes to the safetensors reader (libFuzzer entry
 * point), and reads every byte of every tensor that it hands out. */
#include "tensor/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t item_size(const struct mwn_st_tensor *tensor)
{
    switch (tensor->type) {
    case MWN_ST_F32:
    case MWN_ST_I32:
    case MWN_ST_U32:
        return 4;
    case MWN_ST_F64:
    case MWN_ST_I64:
        return 8;
    case MWN_ST_F16:
    case MWN_ST_BF16:
        return 2;
    case MWN_ST_U8:
    case MWN_ST_UNREADABLE:
        break;
    }
    return 1;
}

static void read_tensors(const mwn_st_file *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < mwn_st_count(file); i++) {
        const struct mwn_st_tensor *tensor = mwn_st_at(file, i);
        const unsigned char *bytes = tensor->data;
        for (size_t j = 0; j < tensor->count * item_size(tensor); j++)
            sum += bytes[j];
        if (mwn_st_find(file, tensor->name) != tensor)
            abort();
    }
    const char *text = mwn_st_metadata(file, "format");
    volatile size_t sink = sum + (text == NULL ? 0 : strlen(text));
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    mwn_st_file *file = NULL;
    struct mwn_error err = {0};
    if (mwn_st_open(&file, path, &err) == MWN_OK)
        read_tensors(file);
    else if (err.status == MWN_OK || err.text[0] == '\0')
        abort();
    mwn_st_close(file);
    return 0;
}

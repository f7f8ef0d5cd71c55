/* fuzz_npz.c - feeds arbitrary bytes to the .npz reader (libFuzzer entry point). */
#include "tensor/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    struct mwn_npz npz = {0};
    struct mwn_error err = {0};
    double sum = 0.0;
    if (mwn_npz_open(&npz, path, &err) != MWN_OK && err.text[0] == '\0')
        abort();
    for (size_t i = 0; i < npz.count; i++) {
        struct mwn_npy array = {0};
        err = (struct mwn_error){0};
        if (npz.entry[i].size < 1 << 24 &&
            mwn_npz_read(&npz, &npz.entry[i], &array, &err) == MWN_OK)
            for (size_t k = 0; k < array.count; k++)
                sum += mwn_npy_real(&array, k);
        else if (npz.entry[i].size < 1 << 24 && err.text[0] == '\0')
            abort();
        mwn_npy_release(&array);
    }
    volatile double sink = sum;
    (void)sink;
    mwn_npz_close(&npz);
    return 0;
}

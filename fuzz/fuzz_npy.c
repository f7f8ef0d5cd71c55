/* fuzz_npy.c - feeds arbitrary bytes to the .npy reader (libFuzzer entry point). */
#include "tensor/npy.h"

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
    struct mwn_npy npy = {0};
    struct mwn_error err = {0};
    double sum = 0.0;
    if (mwn_npy_read(path, &npy, &err) == MWN_OK) {
        for (size_t i = 0; i < npy.count; i++)
            sum += mwn_npy_real(&npy, i) + (double)mwn_npy_int(&npy, i);
    } else if (err.status == MWN_OK || err.text[0] == '\0') {
        abort();
    }
    volatile double sink = sum;
    (void)sink;
    mwn_npy_release(&npy);
    return 0;
}

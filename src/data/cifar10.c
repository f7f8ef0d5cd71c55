/* cifar10.c - reader of CIFAR-10, binary version: data_batch_1..5.bin and test_batch.bin. */
#include "base/base.h"
#include "data/cifar_binary.h"

static const char *const train_files[] = {"data_batch_1.bin", "data_batch_2.bin",
                                          "data_batch_3.bin", "data_batch_4.bin",
                                          "data_batch_5.bin", NULL};
static const char *const test_files[] = {"test_batch.bin", NULL};

static const struct mwn_cifar_format format = {
    .folder = "cifar-10-batches-bin",
    .train = train_files,
    .test = test_files,
    .names = "batches.meta.txt",
    .classes = 10,
};

static mwn_status cifar10_open(struct mwn_source *source, const struct mwn_request *request,
                               struct mwn_error *err)
{
    return mwn_cifar_open(source, &format, request->path, mwn_part_files(request->part),
                          err);
}

const struct mwn_reader mwn_reader_cifar10 = {
    .name = "cifar10",
    .summary = "CIFAR-10, binary version (cifar-10-batches-bin)",
    .normalize = "cifar",
    .open = cifar10_open,
    .close = mwn_cifar_close,
};

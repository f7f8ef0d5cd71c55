/* cifar100.c - reader of CIFAR-100, binary version: train.bin and test.bin. The fine label is
 * the class; the superclass of a row is checked and left aside. */
#include "base/base.h"
#include "data/cifar_binary.h"

static const char *const train_files[] = {"train.bin", NULL};
static const char *const test_files[] = {"test.bin", NULL};

static const struct mwn_cifar_format format = {
    .folder = "cifar-100-binary",
    .train = train_files,
    .test = test_files,
    .names = "fine_label_names.txt",
    .classes = 100,
    .superclasses = 20,
};

static mwn_status cifar100_open(struct mwn_source *source,
                                const struct mwn_request *request, struct mwn_error *err)
{
    return mwn_cifar_open(source, &format, request->path, mwn_part_files(request->part),
                          err);
}

const struct mwn_reader mwn_reader_cifar100 = {
    .name = "cifar100",
    .summary = "CIFAR-100, binary version (cifar-100-binary), its 100 fine classes",
    .normalize = "cifar",
    .open = cifar100_open,
    .close = mwn_cifar_close,
};

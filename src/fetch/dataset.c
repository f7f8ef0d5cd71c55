/* dataset.c - the table of data sets that can be fetched. */
#include "base/base.h"
#include "base/buf.h"
#include "base/status.h"
#include "fetch/dataset.h"

#include <string.h>

/* The SHA-256 sums belong to the files whose MD5 sums are published: by the authors of
 * CIFAR on its page (c32a1d4a.. and 03b5dce0..), of Fashion-MNIST in its repository. */
static const struct mwn_remote_file cifar10_files[] = {
    {"cifar-10-binary.tar.gz", 170052171,
     "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    {NULL, 0, NULL},
};
static const struct mwn_remote_file cifar100_files[] = {
    {"cifar-100-binary.tar.gz", 168513733,
     "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
    {NULL, 0, NULL},
};
static const struct mwn_remote_file mnist_files[] = {
    {"train-images-idx3-ubyte.gz", 9912422,
     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28881,
     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-images-idx3-ubyte.gz", 1648877,
     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4542,
     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
    {NULL, 0, NULL},
};
static const struct mwn_remote_file fashion_files[] = {
    {"train-images-idx3-ubyte.gz", 26421880,
     "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29515,
     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-images-idx3-ubyte.gz", 4422102,
     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5148,
     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
    {NULL, 0, NULL},
};

const struct mwn_dataset mwn_datasets[] = {
    {"cifar10", "CIFAR-10: 60,000 colour photos 32 x 32, 10 classes (170 MB)", "cifar10",
     "https://www.cs.toronto.edu/~kriz", "cifar-10-batches-bin", cifar10_files},
    {"cifar100", "CIFAR-100: 60,000 colour photos 32 x 32, 100 classes (169 MB)",
     "cifar100", "https://www.cs.toronto.edu/~kriz", "cifar-100-binary", cifar100_files},
    {"mnist", "MNIST: 70,000 digits 28 x 28, 10 classes (12 MB)", "idx",
     "https://ossci-datasets.s3.amazonaws.com/mnist", NULL, mnist_files},
    {"fashion-mnist", "Fashion-MNIST: 70,000 garments 28 x 28, 10 classes (31 MB)", "idx",
     "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
     NULL, fashion_files},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const struct mwn_dataset *mwn_dataset_find(const char *name, struct mwn_error *err)
{
    const char *names[MWN_COUNT(mwn_datasets)];
    size_t count = 0;
    struct mwn_buf all = {0};
    for (const struct mwn_dataset *d = mwn_datasets; d->name; d++) {
        if (strcmp(d->name, name) == 0) {
            mwn_buf_release(&all);
            return d;
        }
        mwn_buf_printf(&all, "%s%s", count ? ", " : "", d->name);
        names[count++] = d->name;
    }
    const char *near = mwn_nearest(name, names, count);
    mwn_fail(err, MWN_ERR_CONFIG, "'%.40s' is not one of %s", name,
             all.text ? all.text : "the data sets");
    if (near)
        mwn_hint(err, "did you mean '%s'?", near);
    mwn_buf_release(&all);
    return NULL;
}

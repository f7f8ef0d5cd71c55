/* cifar_binary.h - what the readers of CIFAR-10 and CIFAR-100 share: files of rows, each the
 * label bytes and a picture of 3 x 32 x 32 bytes. */
#ifndef MWN_DATA_CIFAR_BINARY_H
#define MWN_DATA_CIFAR_BINARY_H

#include "base/base.h"
#include "data/reader.h"

struct mwn_cifar_format {
    const char *folder; /* that the published archive unpacks to        */
    const char *const *train, *const *test; /* names of files, NULL-terminated        */
    const char *names; /* file of class names, one a line; optional    */
    int classes;
    int superclasses; /* a first label byte 0..superclasses-1 in each row; 0: there is none */
};

/* The files may be in data.path or in its sub-folder `folder`. */
MWN_MUST_CHECK mwn_status mwn_cifar_open(struct mwn_source *source,
                                         const struct mwn_cifar_format *format,
                                         const char *path, enum mwn_part part,
                                         struct mwn_error *err);
void mwn_cifar_close(struct mwn_source *source);

#endif

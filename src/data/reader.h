/* reader.h - where samples come from. A reader is one file and one line in reader_list.h. */
#ifndef MWN_DATA_READER_H
#define MWN_DATA_READER_H

#include "base/base.h"
#include "base/option.h"
#include "tensor/shape.h"

/* Section "data" of the options. */
struct mwn_data_options {
    char *reader;            /* "idx", "cifar10", "cifar100"                        */
    char *path;              /* folder (or file) with the data                      */
    int64_t meta_per_class;  /* clean samples a class, taken out of train; 0: none  */
    int64_t valid_per_class; /* samples a class (labels as given), out of train     */
    char *noise;             /* "none", "uniform", "flip", ... (noise_list.h)       */
    double noise_rate;       /* 0..1                                                */
    char *labels;            /* file of training labels (.npy, .csv) instead        */
    double imbalance;        /* n_max / n_min; 1: none                              */
    bool imbalance_shuffle;  /* which class gets which size: from the seed          */
    bool train_on_meta;      /* append the meta set to the training set             */
    bool augment;            /* reflect-pad 4, random crop, horizontal flip         */
    bool flip;               /* whether augmentation flips                          */
    int64_t pad;             /* padding of the random crop, pixels                  */
    char *
        normalize; /* "auto", "none", "cifar", "imagenet", "mean", or "m1,m2,..;s1,s2,.." */
    int64_t limit; /* a random subset of so many training samples; 0: all */
    int64_t threads; /* loader threads                                      */
    int64_t seed;    /* -1: train.seed                                      */
};
extern const struct mwn_option mwn_data_option_rows[];

/* Samples as the file has them, all of one shape, with the file's labels. Borrowed pointers
 * are valid until close. */
struct mwn_source {
    const struct mwn_reader *reader;
    size_t n;
    struct mwn_shape shape;
    int classes;
    char **class_names;  /* owned [classes], or NULL                                */
    bool is_real;        /* samples are float (used as they are), else uint8 0..255 */
    const void *samples; /* [n][c][h][w]                                            */
    int32_t *label;      /* owned [n]                                               */
    void *store;         /* owned by the reader                                     */
};

enum mwn_part { MWN_PART_TRAIN, MWN_PART_TEST };

struct mwn_reader {
    const char *name, *summary;
    const char *normalize; /* what "auto" means: "cifar" or "mean" ... */
    /* Fills a zeroed source. A part that the data has not got: MWN_ERR_IO. */
    mwn_status (*open)(struct mwn_source *source, const struct mwn_data_options *options,
                       enum mwn_part part, struct mwn_error *err);
    void (*close)(struct mwn_source *source);
};

#define MWN_READER(name) extern const struct mwn_reader mwn_reader_##name;
#include "data/reader_list.h"
#undef MWN_READER

/* All of them, NULL-terminated. */
extern const struct mwn_reader *const mwn_readers[];

MWN_MUST_CHECK mwn_status mwn_source_open(struct mwn_source *source,
                                          const struct mwn_data_options *options,
                                          enum mwn_part part, struct mwn_error *err);
/* Safe on a zeroed source. */
void mwn_source_close(struct mwn_source *source);

/* What mwn_source_open() asks of every reader: samples, a shape, labels in 0..classes-1, real
 * samples finite. `path` is for the message. */
MWN_MUST_CHECK mwn_status mwn_source_check(const struct mwn_source *source,
                                           const char *path, struct mwn_error *err);

#endif

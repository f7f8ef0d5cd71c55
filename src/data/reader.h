/* reader.h - where samples come from. A reader is one file and one line in reader_list.h. */
#ifndef MWN_DATA_READER_H
#define MWN_DATA_READER_H

#include "base/base.h"
#include "base/hash.h"
#include "base/option.h"
#include "base/rng.h"
#include "tensor/shape.h"

/* Section "data" of the options. */
struct mwn_data_options {
    char *reader;              /* "auto" or the name of a reader                     */
    char *path;                /* folder (or file) with the data                      */
    char *test, *meta, *valid; /* folder or file of that part; "": in path, or none */
    double test_share;         /* held out where the data has no test part of its own */
    int64_t meta_per_class;    /* clean samples a class, taken out of train; 0: none  */
    char *meta_ids;            /* file of the ids of samples that were checked        */
    int64_t valid_per_class;   /* samples a class (labels as given), out of train     */
    double valid_share;        /* or that share of each class                         */
    int overlap;               /* 0: drop what two sets share, 1: keep                */
    int64_t folds, fold;       /* cross-validation: fold `fold` leaves train; 0: none */
    char *noise;               /* "none", "uniform", "flip", ... (noise_list.h)       */
    double noise_rate;         /* 0..1                                                */
    char *noise_matrix;        /* file of T[true][given], for noise "matrix"          */
    char *noise_probs;         /* file of class probabilities, for "pmd1" to "pmd3"   */
    char *labels;              /* file of training labels (.npy, .csv) instead        */
    double imbalance;          /* n_max / n_min; 1: none                              */
    bool imbalance_shuffle;    /* which class gets which size: from the seed          */
    bool train_on_meta;        /* append the meta set to the training set             */
    bool augment;              /* reflect-pad 4, random crop, horizontal flip         */
    bool flip;                 /* whether augmentation flips                          */
    int64_t pad;               /* padding of the random crop, pixels                  */
    char *
        normalize; /* "auto", "none", "cifar", "imagenet", "mean", or "m1,m2,..;s1,s2,.." */
    int64_t size;  /* images: side of the square that is seen, pixels     */
    int64_t resize; /* images: short side when it is cut; 0: size*256/224  */
    int crop;       /* images: enum mwn_crop_kind                          */
    int damaged;    /* images: 0: fail, 1: leave them out                  */
    char *root;     /* folder of the paths in a list; "": that of the list */
    char *label_column, *id_column; /* of a table, by name or number; "": found out  */
    char *weight_column;            /* of a table: weights of the samples; "": none  */
    char *meta_column;              /* of a table: 1 = checked by hand; "": none     */
    int header;                     /* of a table: 0: found out, 1: yes, 2: no       */
    char *delimiter, *categorical;  /* of a table                                    */
    char *y;                        /* npy: file of the training part's labels       */
    int64_t limit;   /* a random subset of so many training samples; 0: all */
    int64_t threads; /* loader threads                                      */
    int64_t seed;    /* -1: train.seed                                      */
};
extern const struct mwn_option mwn_data_option_rows[];

enum mwn_sample_type { MWN_SAMPLE_U8, MWN_SAMPLE_F32, MWN_SAMPLE_F64 };

/* Samples as the file has them, all of one shape, with the file's labels. Borrowed pointers
 * are valid until close. Features have the shape {F, 1, 1}. */
struct mwn_source {
    const struct mwn_reader *reader;
    size_t n;
    struct mwn_shape shape;
    int classes;
    char **class_names;        /* owned [classes], or NULL                             */
    enum mwn_sample_type type; /* U8: 0..255, divided by 255; others are used as is    */
    const void *samples;       /* [n][c][h][w]; NULL: the reader's load() makes them   */
    int32_t *label;            /* owned [n]                                            */
    char **id;                 /* owned [n], a path or an id column; NULL: the numbers */
    float *weight;             /* owned [n], weights that the data gives, or NULL      */
    unsigned char *mark;       /* owned [n], 1: checked by hand; or NULL               */
    char *schema;              /* owned JSON: how it was read, or NULL                 */
    size_t skipped;            /* damaged samples that were left out                   */
    void *store;               /* owned by the reader                                  */
};

enum mwn_part { MWN_PART_TRAIN, MWN_PART_TEST, MWN_PART_META, MWN_PART_VALID };

/* What a reader is asked for. */
struct mwn_request {
    const struct mwn_data_options *options;
    enum mwn_part part;
    const char *path;   /* of this part                                                */
    const char *schema; /* the training part's, to be read alike; NULL: find one out   */
    bool unlabelled;    /* labels may be missing: -1 then                              */
};

struct mwn_reader {
    const char *name, *summary;
    const char *normalize; /* what "auto" means: "cifar" or "mean" ... */
    bool single; /* a path is one part: others need a path of their own               */
    bool plain;  /* load() ignores rng: samples are varied as those in memory are     */
    /* Fills a zeroed source. A part that the data has not got: MWN_ERR_IO. */
    mwn_status (*open)(struct mwn_source *source, const struct mwn_request *request,
                       struct mwn_error *err);
    void (*close)(struct mwn_source *source);
    /* For a source without samples; both are called from several threads at once. load() writes
     * sample i, [c][h][w] of the source's type, varied by rng unless that is NULL. hash() names
     * its content. */
    mwn_status (*load)(const struct mwn_source *source, size_t i, struct mwn_rng *rng,
                       void *out, struct mwn_error *err);
    mwn_status (*hash)(const struct mwn_source *source, size_t i, struct mwn_hash *out,
                       struct mwn_error *err);
    /* Optional: whether options->path has this part. Without it: all but META and VALID, and of
     * a single one nothing but TRAIN. */
    bool (*has)(const struct mwn_data_options *options, enum mwn_part part);
};

#define MWN_READER(name) extern const struct mwn_reader mwn_reader_##name;
#include "data/reader_list.h"
#undef MWN_READER

/* All of them, NULL-terminated. */
extern const struct mwn_reader *const mwn_readers[];

/* "training", "test", "meta", "validation". */
const char *mwn_part_name(enum mwn_part part);

/* Where a reader knows training and test files only: which of them hold a part. */
enum mwn_part mwn_part_files(enum mwn_part part);

/* The reader that data.reader names; NULL and an error if there is none. */
const struct mwn_reader *mwn_reader_find(const char *name, struct mwn_error *err);

/* Opens what is asked for; request->path NULL: the options' path of that part. */
MWN_MUST_CHECK mwn_status mwn_source_open(struct mwn_source *source,
                                          const struct mwn_request *request,
                                          struct mwn_error *err);
/* Whether the options name, or the data has, this part. */
bool mwn_source_has(const struct mwn_data_options *options, enum mwn_part part);
/* Safe on a zeroed source. */
void mwn_source_close(struct mwn_source *source);

/* Numbers of a sample, and bytes of one. */
size_t mwn_source_numbers(const struct mwn_source *source);
size_t mwn_source_stride(const struct mwn_source *source);

/* Sample i as it is stored: out of samples, or loaded into work[stride] (rng: see load()). */
MWN_MUST_CHECK mwn_status mwn_source_sample(const struct mwn_source *source, size_t i,
                                            struct mwn_rng *rng, void *work,
                                            const void **out, struct mwn_error *err);

/* What mwn_source_open() asks of every reader: samples, a shape, labels in 0..classes-1 (or -1
 * if `unlabelled`), real samples finite. `path` is for the message. */
MWN_MUST_CHECK mwn_status mwn_source_check(const struct mwn_source *source,
                                           const char *path, bool unlabelled,
                                           struct mwn_error *err);

#endif

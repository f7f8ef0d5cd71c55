/* reader.c - the list of readers, the options of section "data", and opening a source. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/guess.h"
#include "data/reader.h"

#include <math.h>
#include <string.h>

const struct mwn_reader *const mwn_readers[] = {
#define MWN_READER(name) &mwn_reader_##name,
#include "data/reader_list.h"
#undef MWN_READER
    NULL,
};

#define FIELD(name) offsetof(struct mwn_data_options, name)

static const char *const overlap_choices[] = {"drop", "keep", NULL};
static const char *const crop_choices[] = {"random", "center", "shift", NULL};
static const char *const damaged_choices[] = {"fail", "skip", NULL};
static const char *const header_choices[] = {"auto", "yes", "no", NULL};

const struct mwn_option mwn_data_option_rows[] = {
    {"reader", MWN_OPT_TEXT, FIELD(reader), "auto", 0, 0, NULL,
     "format of the data: see `mwnet list readers`; auto: by the names of the files"},
    {"path", MWN_OPT_TEXT, FIELD(path), "", 0, 0, NULL,
     "folder (or file) that holds the data"},
    {"test", MWN_OPT_TEXT, FIELD(test), "", 0, 0, NULL,
     "file or folder of the test set, where it is not in data.path"},
    {"meta", MWN_OPT_TEXT, FIELD(meta), "", 0, 0, NULL,
     "file or folder of the clean meta set, where it is not taken out of the training set"},
    {"valid", MWN_OPT_TEXT, FIELD(valid), "", 0, 0, NULL,
     "file or folder of the validation set, where it is not taken out of the training set"},
    {"test_share", MWN_OPT_REAL, FIELD(test_share), "0.2", 0, 0.9, NULL,
     "share of each class that is held out as the test set, where the data has none of its "
     "own; 0: no test set"},
    {"meta_per_class", MWN_OPT_INT, FIELD(meta_per_class), "0", 0, 1e9, NULL,
     "clean samples of each class that are taken out of the training set as the meta set; "
     "out of data.meta_ids, if given: 0 takes all of these"},
    {"meta_ids", MWN_OPT_TEXT, FIELD(meta_ids), "", 0, 0, NULL,
     "file with the ids of training samples whose labels were checked by hand, one a line"},
    {"valid_per_class", MWN_OPT_INT, FIELD(valid_per_class), "0", 0, 1e9, NULL,
     "samples of each class that are taken out of the training set for validation"},
    {"valid_share", MWN_OPT_REAL, FIELD(valid_share), "0", 0, 0.9, NULL,
     "share of each class that is taken out of the training set for validation"},
    {"overlap", MWN_OPT_CHOICE, FIELD(overlap), "drop", 0, 0, overlap_choices,
     "samples that two sets share: drop them from the earlier one of training, meta, "
     "validation and test set (an error if it is more than half of a set, but for a meta "
     "set out "
     "of the training set), or keep them"},
    {"folds", MWN_OPT_INT, FIELD(folds), "0", 0, 1000, NULL,
     "parts of a cross-validation, each with its share of every class; 0: none"},
    {"fold", MWN_OPT_INT, FIELD(fold), "0", 0, 999, NULL,
     "part of the cross-validation that is kept out of the training set, from 0"},
    {"noise", MWN_OPT_TEXT, FIELD(noise), "none", 0, 0, NULL,
     "label noise put into the training set: none, uniform, flip, flip2, hierarchical, "
     "asymmetric, matrix, pmd1, pmd2 or pmd3"},
    {"noise_rate", MWN_OPT_REAL, FIELD(noise_rate), "0", 0, 1, NULL,
     "probability that the noise redraws a label (uniform may draw the true one again); of "
     "pmd1 to pmd3: the share of labels that are not the data's own"},
    {"noise_matrix", MWN_OPT_TEXT, FIELD(noise_matrix), "", 0, 0, NULL,
     "file of data.noise=matrix, text or .npy: row: true class, column: given class, "
     "entry: "
     "probability"},
    {"noise_probs", MWN_OPT_TEXT, FIELD(noise_probs), "", 0, 0, NULL,
     "file of data.noise=pmd1 to pmd3, .npy or text: class probabilities of the training "
     "samples, as `mwnet cv` writes them"},
    {"labels", MWN_OPT_TEXT, FIELD(labels), "", 0, 0, NULL,
     "file of training labels (.npy or .csv) in place of the data's own, which then count "
     "as the true ones"},
    {"imbalance", MWN_OPT_REAL, FIELD(imbalance), "1", 1, 1e9, NULL,
     "size of the largest class divided by that of the smallest in the long tail to cut; "
     "1: keep all"},
    {"imbalance_shuffle", MWN_OPT_BOOL, FIELD(imbalance_shuffle), "false", 0, 0, NULL,
     "deal the sizes of the long tail out to the classes at random, not in their order"},
    {"train_on_meta", MWN_OPT_BOOL, FIELD(train_on_meta), "false", 0, 0, NULL,
     "append the meta set to the training set"},
    {"augment", MWN_OPT_BOOL, FIELD(augment), "false", 0, 0, NULL,
     "augment training and meta images: reflect padding, random crop, horizontal flip; of "
     "image files, data.crop and horizontal flip"},
    {"flip", MWN_OPT_BOOL, FIELD(flip), "true", 0, 0, NULL,
     "whether augmentation mirrors half of the images left-right"},
    {"pad", MWN_OPT_INT, FIELD(pad), "4", 0, 1024, NULL,
     "padding of the random crop, in pixels on each side"},
    {"normalize", MWN_OPT_TEXT, FIELD(normalize), "auto", 0, 0, NULL,
     "none, cifar, imagenet, mean (measured on the training set), constants as "
     "'m1,m2,..;s1,s2,..', or auto (cifar for cifar10 and cifar100, imagenet for image "
     "files, else mean)"},
    {"size", MWN_OPT_INT, FIELD(size), "224", 1, 4096, NULL,
     "image files: side of the square that the network sees, in pixels"},
    {"resize", MWN_OPT_INT, FIELD(resize), "0", 0, 16384, NULL,
     "image files: their short side, in pixels, when the square is cut out; 0: data.size * "
     "256 / 224"},
    {"crop", MWN_OPT_CHOICE, FIELD(crop), "random", 0, 0, crop_choices,
     "image files, what augmentation cuts out: random (8 % to 100 % of the area, stretched "
     "by up to 4/3), center, or shift (a square from anywhere in the resized image)"},
    {"damaged", MWN_OPT_CHOICE, FIELD(damaged), "fail", 0, 0, damaged_choices,
     "image files that cannot be decoded: fail when one is met, or skip (all are decoded "
     "once at the start)"},
    {"root", MWN_OPT_TEXT, FIELD(root), "", 0, 0, NULL,
     "folder that the paths in a list file start from; empty: the list's own folder"},
    {"label_column", MWN_OPT_TEXT, FIELD(label_column), "", 0, 0, NULL,
     "csv: column of the labels, by name or number (from 1; -1: the last); empty: the one "
     "called label, class, target or y, else the last"},
    {"id_column", MWN_OPT_TEXT, FIELD(id_column), "", 0, 0, NULL,
     "csv: column of the samples' ids; empty: the one called id, or the "
     "index that pandas writes; none: no column"},
    {"weight_column", MWN_OPT_TEXT, FIELD(weight_column), "", 0, 0, NULL,
     "csv: column of the samples' weights, 0 or more; empty: none"},
    {"meta_column", MWN_OPT_TEXT, FIELD(meta_column), "", 0, 0, NULL,
     "csv: column that says by 1 or 0 whether a label was checked by hand; empty: none"},
    {"header", MWN_OPT_CHOICE, FIELD(header), "auto", 0, 0, header_choices,
     "csv: whether the first line names the columns"},
    {"delimiter", MWN_OPT_TEXT, FIELD(delimiter), "auto", 0, 0, NULL,
     "csv: what separates fields: auto, comma, semicolon, tab, pipe or a character"},
    {"categorical", MWN_OPT_TEXT, FIELD(categorical), "auto", 0, 0, NULL,
     "csv: columns whose numbers are names of categories, 'col1,col2'; auto: none"},
    {"y", MWN_OPT_TEXT, FIELD(y), "", 0, 0, NULL,
     "npy: file of the training set's labels (.npy or .csv), where it is not beside "
     "data.path"},
    {"limit", MWN_OPT_INT, FIELD(limit), "0", 0, 4294967295.0, NULL,
     "train on a random subset of so many training samples; 0: on all"},
    {"threads", MWN_OPT_INT, FIELD(threads), "1", 0, 64, NULL,
     "threads of each loader that prepare batches ahead; 0: none, prepare when needed"},
    {"seed", MWN_OPT_INT, FIELD(seed), "-1", -1, 9007199254740992.0, NULL,
     "seed of the split, the long tail and the noise; -1: the value of train.seed"},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

static mwn_status fail_reader(const char *name, struct mwn_error *err)
{
    const char *names[MWN_COUNT(mwn_readers)];
    size_t count = 0;
    for (const struct mwn_reader *const *r = mwn_readers; *r; r++)
        names[count++] = (*r)->name;
    const char *near = mwn_nearest(name, names, count);
    mwn_fail(err, MWN_ERR_CONFIG, "data.reader: there is no reader '%.80s'", name);
    if (near)
        return mwn_hint(err, "did you mean '%s'?", near);
    return mwn_hint(err, "`mwnet list readers` names them all");
}

const struct mwn_reader *mwn_reader_find(const char *name, struct mwn_error *err)
{
    for (const struct mwn_reader *const *r = mwn_readers; *r; r++)
        if (name && strcmp((*r)->name, name) == 0)
            return *r;
    (void)fail_reader(name ? name : "", err);
    return NULL;
}

const char *mwn_part_name(enum mwn_part part)
{
    static const char *const names[] = {
        [MWN_PART_TRAIN] = "training",
        [MWN_PART_TEST] = "test",
        [MWN_PART_META] = "meta",
        [MWN_PART_VALID] = "validation",
    };
    return names[part];
}

enum mwn_part mwn_part_files(enum mwn_part part)
{
    return part == MWN_PART_TEST ? MWN_PART_TEST : MWN_PART_TRAIN;
}

size_t mwn_source_numbers(const struct mwn_source *source)
{
    const struct mwn_shape *shape = &source->shape;
    return (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
}

size_t mwn_source_stride(const struct mwn_source *source)
{
    static const size_t bytes[] = {
        [MWN_SAMPLE_U8] = 1,
        [MWN_SAMPLE_F32] = sizeof(float),
        [MWN_SAMPLE_F64] = sizeof(double),
    };
    return mwn_source_numbers(source) * bytes[source->type];
}

mwn_status mwn_source_sample(const struct mwn_source *source, size_t i, struct mwn_rng *rng,
                             void *work, const void **out, struct mwn_error *err)
{
    if (source->samples) {
        *out = (const char *)source->samples + i * mwn_source_stride(source);
        return MWN_OK;
    }
    *out = work;
    return source->reader->load(source, i, rng, work, err);
}

/* The first real number that is not finite. */
static mwn_status check_finite(const struct mwn_source *source, const char *path,
                               struct mwn_error *err)
{
    size_t size = mwn_source_numbers(source);
    const float *single = source->samples;
    const double *wide = source->samples;
    bool is_wide = source->type == MWN_SAMPLE_F64;
    for (size_t i = 0; i < source->n * size; i++) {
        double value = is_wide ? wide[i] : (double)single[i];
        if (!isfinite(value))
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: value %zu of sample %zu is %f, expected a finite number",
                            path, i % size, i / size, value);
    }
    return MWN_OK;
}

mwn_status mwn_source_check(const struct mwn_source *source, const char *path,
                            bool unlabelled, struct mwn_error *err)
{
    const struct mwn_shape *shape = &source->shape;
    if (source->n == 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s: there are no samples", path);
    if (source->n > UINT32_MAX)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: %zu samples are more than the %lu that can "
                        "be used",
                        path, source->n, (unsigned long)UINT32_MAX);
    if (shape->c < 1 || shape->h < 1 || shape->w < 1 || source->classes < 1)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: samples of %d x %d x %d in %d classes, expected at least 1 "
                        "of each",
                        path, shape->c, shape->h, shape->w, source->classes);
    for (size_t i = 0; i < source->n; i++)
        if (source->label[i] < (unlabelled ? -1 : 0) || source->label[i] >= source->classes)
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: label of sample %zu is %ld, expected 0 .. %d", path, i,
                            (long)source->label[i], source->classes - 1);
    if (source->type == MWN_SAMPLE_U8 || !source->samples)
        return MWN_OK;
    return check_finite(source, path, err);
}

/* The path that the options give a part by itself; NULL if they do not. */
static const char *own_path(const struct mwn_data_options *options, enum mwn_part part)
{
    const char *const paths[] = {
        [MWN_PART_TRAIN] = options->path,
        [MWN_PART_TEST] = options->test,
        [MWN_PART_META] = options->meta,
        [MWN_PART_VALID] = options->valid,
    };
    return paths[part] && *paths[part] ? paths[part] : NULL;
}

bool mwn_source_has(const struct mwn_data_options *options, enum mwn_part part)
{
    const struct mwn_reader *reader = NULL;
    if (own_path(options, part) || mwn_reader_choose(options, &reader, NULL) != MWN_OK)
        return true;
    if (reader->has)
        return reader->has(options, part);
    return part == MWN_PART_TRAIN || (part == MWN_PART_TEST && !reader->single);
}

mwn_status mwn_source_open(struct mwn_source *source, const struct mwn_request *request,
                           struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_data_options *options = request->options;
    struct mwn_request full = *request;
    memset(source, 0, sizeof(*source));
    const struct mwn_reader *reader = NULL;
    status = mwn_reader_choose(options, &reader, err);
    if (status != MWN_OK)
        return status;
    if (!full.path)
        full.path = own_path(options, full.part);
    if (!full.path)
        full.path = options->path;
    if (!full.path || !*full.path) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.path: the folder of the data is not given");
        return mwn_hint(err, "add data.path=FOLDER");
    }
    source->reader = reader;
    MWN_TRY(reader->open(source, &full, err));
    MWN_TRY(mwn_source_check(source, full.path, full.unlabelled, err));
out:
    if (status != MWN_OK)
        mwn_source_close(source);
    return status;
}

void mwn_source_close(struct mwn_source *source)
{
    if (source->reader)
        source->reader->close(source);
    for (int c = 0; source->class_names && c < source->classes; c++)
        mwn_free(source->class_names[c]);
    for (size_t i = 0; source->id && i < source->n; i++)
        mwn_free(source->id[i]);
    mwn_free(source->class_names);
    mwn_free(source->id);
    mwn_free(source->label);
    mwn_free(source->weight);
    mwn_free(source->mark);
    mwn_free(source->schema);
    memset(source, 0, sizeof(*source));
}

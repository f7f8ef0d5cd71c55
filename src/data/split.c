/* split.c - from the files' samples to the sets of a run. */
#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/fold.h"
#include "data/ids_file.h"
#include "data/labels_file.h"
#include "data/noise.h"
#include "data/overlap.h"
#include "data/split.h"

#include <stdio.h>
#include <string.h>

/* Epochs that tell the three uses of the stream MWN_STREAM_IMBALANCE apart. */
enum { IMBALANCE_PICK = 0, IMBALANCE_SHUFFLE = 1, IMBALANCE_LIMIT = 2 };

/* The same of MWN_STREAM_VALIDATION; 0 draws the validation set, 2 deals the folds (fold.c). */
enum { TEST_USE = 1 };

/* A split being made. */
struct split {
    const struct mwn_data_options *options;
    const struct mwn_source *source; /* of the training samples          */
    uint64_t seed;
    int classes;
    bool own_test, own_meta, own_valid; /* parts with a source of their own */
    unsigned char *role;                /* owned [n]: enum mwn_role                  */
    unsigned char *own[MWN_ROLES];      /* owned: the same of those sources; NULL: all */
    unsigned char *checked;             /* owned [n]: may be a meta sample; NULL: all */
    uint32_t *members;                  /* owned [n]: samples, grouped by class         */
    size_t *start;                      /* owned [classes + 1]: where a class begins    */
    uint32_t *list;                     /* owned [n]: what choose() gives               */
    uint32_t *order;                    /* owned [n]: scratch                           */
};

static void split_release(struct split *split)
{
    mwn_free(split->role);
    for (int role = 0; role < MWN_ROLES; role++)
        mwn_free(split->own[role]);
    mwn_free(split->checked);
    mwn_free(split->members);
    mwn_free(split->start);
    mwn_free(split->list);
    mwn_free(split->order);
}

/* Groups the samples by class (counting sort), all in the training set. */
static mwn_status split_init(struct split *split, struct mwn_error *err)
{
    const struct mwn_source *source = split->source;
    size_t n = source->n, k = (size_t)split->classes;
    split->role = mwn_alloc(n, sizeof(*split->role));
    split->members = mwn_alloc(n, sizeof(*split->members));
    split->list = mwn_alloc(n, sizeof(*split->list));
    split->order = mwn_alloc(n, sizeof(*split->order));
    split->start = mwn_alloc(k + 2, sizeof(*split->start));
    if (!split->role || !split->members || !split->list || !split->order || !split->start)
        return mwn_fail_memory(err, n * 13, "the split of the data");
    memset(split->role, MWN_ROLE_TRAIN, n);
    size_t *next = split->start + 1;
    for (size_t i = 0; i < n; i++)
        next[source->label[i] + 1]++;
    for (size_t c = 0; c < k; c++)
        next[c + 1] += next[c];
    for (size_t i = 0; i < n; i++)
        split->members[next[source->label[i]]++] = (uint32_t)i;
    return MWN_OK;
}

static bool may_take(const struct split *split, uint32_t sample, const unsigned char *only)
{
    return split->role[sample] == MWN_ROLE_TRAIN && (!only || only[sample]);
}

/* How many samples of class c choose() would put into the list. */
static size_t count_left(const struct split *split, size_t c, const unsigned char *only)
{
    size_t count = 0;
    for (size_t i = split->start[c]; i < split->start[c + 1]; i++)
        count += may_take(split, split->members[i], only);
    return count;
}

/* Puts the samples of class c that are still in the training set (and in `only`, unless NULL)
 * into split->list, in random order; how many there are. */
static size_t choose(struct split *split, size_t c, const unsigned char *only,
                     struct mwn_rng rng)
{
    const uint32_t *members = split->members + split->start[c];
    size_t all = split->start[c + 1] - split->start[c];
    size_t count = count_left(split, c, only);
    mwn_rng_permutation(&rng, split->order, count);
    for (size_t i = 0, j = 0; i < all; i++)
        if (may_take(split, members[i], only))
            split->list[split->order[j++]] = members[i];
    return count;
}

static void set_roles(struct split *split, size_t from, size_t to, enum mwn_role role)
{
    for (size_t i = from; i < to; i++)
        split->role[split->list[i]] = (unsigned char)role;
}

/* What the data calls class c: its name, or its number in `number`. */
static const char *name_class(const struct split *split, size_t c, char number[24])
{
    const struct mwn_source *source = split->source;
    if (source->class_names && c < (size_t)source->classes)
        return source->class_names[c];
    snprintf(number, 24, "%zu", c);
    return number;
}

/* Every class needs a sample. */
static mwn_status check_classes(const struct split *split, struct mwn_error *err)
{
    char number[24];
    for (int c = 0; c < split->classes; c++)
        if (split->start[c + 1] == split->start[c]) {
            mwn_fail(err, MWN_ERR_DATA, "%s: class %.80s has no training samples",
                     split->options->path, name_class(split, (size_t)c, number));
            return mwn_hint(err,
                            "labels go from 0 to %d; every number between needs samples",
                            split->classes - 1);
        }
    return MWN_OK;
}

/* A set to take out of the training set: so many samples of each class, or that share. */
struct portion {
    const char *option; /* whose value it is */
    enum mwn_stream stream;
    uint64_t use; /* of the stream */
    enum mwn_role role;
    size_t count;
    double share;
    const unsigned char *only; /* NULL: of all samples */
};

static mwn_status fail_portion(const struct split *split, const struct portion *portion,
                               size_t c, size_t has, size_t wanted, struct mwn_error *err)
{
    char number[24];
    const char *name = name_class(split, c, number);
    if (portion->only && has < wanted)
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: class %.80s has %zu samples that were checked, %s=%zu asks for more",
                 split->options->path, name, has, portion->option, wanted);
    else
        mwn_fail(
            err, MWN_ERR_DATA,
            "%s: class %.80s has %zu samples left, %s=%g takes %zu (one must be left to "
            "train on)",
            split->options->path, name, has, portion->option,
            portion->share > 0 ? portion->share : (double)portion->count, wanted);
    return mwn_hint(err, "lower %s", portion->option);
}

/* Takes them. What is left of a class must not be nothing. */
static mwn_status take_out(struct split *split, const struct portion *portion,
                           struct mwn_error *err)
{
    bool takes = portion->count > 0 || portion->share > 0;
    for (size_t c = 0; takes && c < (size_t)split->classes; c++) {
        size_t left = count_left(split, c, NULL);
        size_t has = choose(split, c, portion->only,
                            mwn_rng_at(split->seed, portion->stream, portion->use, c));
        size_t wanted = portion->count;
        if (portion->share > 0)
            wanted = (size_t)(portion->share * (double)has + 0.5);
        if (wanted > has || (wanted > 0 && wanted >= left))
            return fail_portion(split, portion, c, has, wanted, err);
        set_roles(split, 0, wanted, portion->role);
    }
    return MWN_OK;
}

/* Reads data.meta_ids into split->checked, or takes the marks of the data. */
static mwn_status find_checked(struct split *split, struct mwn_error *err)
{
    const char *path = split->options->meta_ids;
    bool from_file = path && *path;
    if (!from_file && !split->source->mark)
        return MWN_OK;
    split->checked = mwn_alloc(split->source->n, 1);
    if (!split->checked)
        return mwn_fail_memory(err, split->source->n, "the ids of checked samples");
    if (from_file)
        return mwn_ids_read(path, split->source, split->checked, err);
    memcpy(split->checked, split->source->mark, split->source->n);
    return MWN_OK;
}

/* All samples that were checked make the meta set. */
static void take_checked(struct split *split)
{
    for (size_t i = 0; i < split->source->n; i++)
        if (split->checked[i] && split->role[i] == MWN_ROLE_TRAIN)
            split->role[i] = MWN_ROLE_META;
}

/* Test, meta and validation set, as far as they come out of the training samples. */
static mwn_status take_sets(struct split *split, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_data_options *o = split->options;
    const struct portion test = {"data.test_share",
                                 MWN_STREAM_VALIDATION,
                                 TEST_USE,
                                 MWN_ROLE_TEST,
                                 0,
                                 o->test_share,
                                 NULL};
    struct portion meta = {"data.meta_per_class",
                           MWN_STREAM_META_SPLIT,
                           0,
                           MWN_ROLE_META,
                           (size_t)o->meta_per_class,
                           0,
                           NULL};
    const struct portion valid = {o->valid_share > 0 ? "data.valid_share"
                                                     : "data.valid_per_class",
                                  MWN_STREAM_VALIDATION,
                                  0,
                                  MWN_ROLE_VALID,
                                  (size_t)o->valid_per_class,
                                  o->valid_share,
                                  NULL};

    MWN_TRY(find_checked(split, err));
    meta.only = split->checked;
    if (!split->own_test)
        MWN_TRY(take_out(split, &test, err));
    if (split->checked && o->meta_per_class == 0 && !split->own_meta)
        take_checked(split);
    else if (!split->own_meta)
        MWN_TRY(take_out(split, &meta, err));
    if (!split->own_valid)
        MWN_TRY(take_out(split, &valid, err));
out:
    return status;
}

/* size[c]: how many samples class c may keep. */
static void deal_sizes(struct split *split, size_t n_max, size_t *in_order, size_t *size)
{
    size_t k = (size_t)split->classes;
    struct mwn_rng rng =
        mwn_rng_at(split->seed, MWN_STREAM_IMBALANCE, IMBALANCE_SHUFFLE, 0);
    mwn_imbalance_sizes(n_max, split->options->imbalance, split->classes, in_order);
    mwn_rng_permutation(&rng, split->order, k);
    for (size_t c = 0; c < k; c++)
        size[c] = in_order[split->options->imbalance_shuffle ? split->order[c] : c];
}

static mwn_status cut_tail(struct split *split, struct mwn_error *err)
{
    size_t k = (size_t)split->classes, n_max = 0;
    char number[24];
    size_t *size = mwn_alloc(2 * k, sizeof(*size));
    if (!size)
        return mwn_fail_memory(err, 2 * k * sizeof(*size), "the long tail");
    for (size_t c = 0; c < k; c++) {
        size_t n = count_left(split, c, NULL);
        n_max = n > n_max ? n : n_max;
    }
    deal_sizes(split, n_max, size + k, size);
    for (size_t c = 0; c < k; c++) {
        struct mwn_rng rng =
            mwn_rng_at(split->seed, MWN_STREAM_IMBALANCE, IMBALANCE_PICK, c);
        size_t n = choose(split, c, NULL, rng);
        if (size[c] == 0) {
            mwn_free(size);
            mwn_fail(err, MWN_ERR_CONFIG,
                     "data.imbalance: %g leaves class %.80s without a sample (the largest "
                     "class has %zu)",
                     split->options->imbalance, name_class(split, c, number), n_max);
            return mwn_hint(err, "use a smaller data.imbalance");
        }
        if (n > size[c])
            set_roles(split, size[c], n, MWN_ROLE_NONE);
    }
    mwn_free(size);
    return MWN_OK;
}

/* The overlap check must not have emptied a class. */
static mwn_status check_left(struct split *split, struct mwn_error *err)
{
    char number[24];
    for (size_t c = 0; c < (size_t)split->classes; c++)
        if (count_left(split, c, NULL) == 0)
            return mwn_fail(
                err, MWN_ERR_DATA,
                "%s: all training samples of class %.80s are in another set, too",
                split->options->path, name_class(split, c, number));
    return MWN_OK;
}

static void cut_to_limit(struct split *split)
{
    size_t limit = (size_t)split->options->limit, count = 0;
    struct mwn_rng rng = mwn_rng_at(split->seed, MWN_STREAM_IMBALANCE, IMBALANCE_LIMIT, 0);
    for (size_t i = 0; i < split->source->n; i++)
        count += split->role[i] == MWN_ROLE_TRAIN;
    if (limit == 0 || count <= limit)
        return;
    mwn_rng_permutation(&rng, split->order, count);
    for (size_t i = 0, j = 0; i < split->source->n; i++)
        if (split->role[i] == MWN_ROLE_TRAIN)
            split->list[split->order[j++]] = (uint32_t)i;
    set_roles(split, limit, count, MWN_ROLE_NONE);
}

/* ---- Sets --------------------------------------------------------------------------- */

/* The samples of the source in this role (role NULL: all), with the given labels. */
static mwn_status make_set(struct mwn_set *set, const struct mwn_source *source,
                           const unsigned char *role, enum mwn_role wanted,
                           const int32_t *label, struct mwn_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < source->n; i++)
        n += !role || role[i] == wanted;
    set->source = source;
    if (n == 0)
        return MWN_OK;
    set->id = mwn_alloc(n, sizeof(*set->id));
    set->given = mwn_alloc(n, sizeof(*set->given));
    if (!set->id || !set->given)
        return mwn_fail_memory(err, n * 8, "a set of samples");
    for (size_t i = 0; i < source->n; i++) {
        if (role && role[i] != wanted)
            continue;
        set->id[set->n] = (uint32_t)i;
        set->given[set->n++] = label[i];
    }
    return MWN_OK;
}

/* Keeps the data's own labels as the truth. */
static mwn_status keep_truth(struct mwn_set *set, struct mwn_error *err)
{
    if (set->n == 0)
        return MWN_OK;
    set->truth = mwn_alloc(set->n, sizeof(*set->truth));
    if (!set->truth)
        return mwn_fail_memory(err, set->n * sizeof(*set->truth), "the true labels");
    for (size_t i = 0; i < set->n; i++)
        set->truth[i] = set->source->label[set->id[i]];
    return MWN_OK;
}

static mwn_status append_set(struct mwn_set *set, const struct mwn_set *more,
                             struct mwn_error *err)
{
    size_t n = set->n + more->n;
    uint32_t *id = mwn_resize(set->id, n, sizeof(*id));
    set->id = id ? id : set->id;
    int32_t *given = id ? mwn_resize(set->given, n, sizeof(*given)) : NULL;
    set->given = given ? given : set->given;
    int32_t *truth = set->truth ? mwn_resize(set->truth, n, sizeof(*truth)) : NULL;
    bool failed = !id || !given || (set->truth && !truth);
    set->truth = truth ? truth : set->truth;
    if (failed)
        return mwn_fail_memory(err, n * 12, "the training set");
    for (size_t i = 0; i < more->n; i++) {
        id[set->n + i] = more->id[i];
        given[set->n + i] = more->given[i];
        if (truth)
            truth[set->n + i] = more->given[i];
    }
    set->n = n;
    return MWN_OK;
}

static double share_of_wrong(const struct mwn_set *set)
{
    size_t wrong = 0;
    if (!set->truth || set->n == 0)
        return -1;
    for (size_t i = 0; i < set->n; i++)
        wrong += set->given[i] != set->truth[i];
    return (double)wrong / (double)set->n;
}

static struct mwn_noise_options noise_options(const struct mwn_data_options *options)
{
    return (struct mwn_noise_options){options->noise, options->noise_rate,
                                      options->noise_matrix, options->noise_probs};
}

static mwn_status put_noise(struct mwn_set *set, const struct split *split,
                            struct mwn_error *err)
{
    const struct mwn_noise_options options = noise_options(split->options);
    const struct mwn_labels labels = {split->classes, set->n, set->id, set->given,
                                      set->source->n};
    return mwn_noise_apply(&options, split->seed, &labels, NULL, err);
}

/* A set from the part of its own, or from the training part. */
static mwn_status make_either(struct mwn_set *set, const struct mwn_source *own,
                              const struct split *split, enum mwn_role role,
                              const int32_t *label, struct mwn_error *err)
{
    if (own->n > 0)
        return make_set(set, own, split->own[role], role, own->label, err);
    return make_set(set, split->source, split->role, role, label, err);
}

/* Reads data.labels; samples that it leaves out are in no set. */
static mwn_status read_labels(const struct split *split, int32_t *label, bool *corrected,
                              struct mwn_error *err)
{
    size_t left = 0;
    const char *path = split->options->labels;
    const struct mwn_labelled samples = {split->classes, split->source->n,
                                         split->source->id};
    mwn_status status = mwn_labels_read(path, &samples, label, corrected, err);
    for (size_t i = 0; i < split->source->n && status == MWN_OK; i++) {
        if (label[i] < 0 && split->role[i] != MWN_ROLE_TEST)
            split->role[i] = MWN_ROLE_NONE;
        left += split->role[i] == MWN_ROLE_TRAIN;
    }
    if (status == MWN_OK && left == 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s: leaves no training sample", path);
    return status;
}

/* Makes the sets out of the roles and puts the labels in. */
static mwn_status make_sets(struct mwn_sets *sets, const struct split *split,
                            struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_data_options *options = split->options;
    const struct mwn_source *source = split->source;
    const int32_t *own = source->label;
    bool from_file = options->labels && *options->labels;
    bool noisy = options->noise && strcmp(options->noise, "none") != 0;
    bool corrected = false;
    int32_t *label = mwn_alloc(source->n, sizeof(*label));

    if (!label)
        return mwn_fail_memory(err, source->n * sizeof(*label), "labels");
    memcpy(label, own, source->n * sizeof(*label));
    if (from_file)
        MWN_TRY(read_labels(split, label, &corrected, err));
    MWN_TRY(make_set(&sets->train, source, split->role, MWN_ROLE_TRAIN, label, err));
    MWN_TRY(
        make_either(&sets->valid, &sets->valid_source, split, MWN_ROLE_VALID, label, err));
    MWN_TRY(make_either(&sets->meta, &sets->meta_source, split, MWN_ROLE_META, own, err));
    MWN_TRY(make_either(&sets->test, &sets->test_source, split, MWN_ROLE_TEST, own, err));
    if ((from_file && !corrected) || noisy)
        MWN_TRY(keep_truth(&sets->train, err));
    if (from_file && !corrected && !split->own_valid)
        MWN_TRY(keep_truth(&sets->valid, err));
    if (noisy)
        MWN_TRY(put_noise(&sets->train, split, err));
    if (options->folds > 0)
        MWN_TRY(mwn_fold_cut(sets, options, split->seed, err));
    if (options->train_on_meta && split->own_meta) {
        status = mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.train_on_meta: a meta set of its own file or folder cannot be appended");
        goto out;
    }
    if (options->train_on_meta)
        MWN_TRY(append_set(&sets->train, &sets->meta, err));
    sets->noise_rate = share_of_wrong(&sets->train);
out:
    mwn_free(label);
    return status;
}

static mwn_status check_options(const struct mwn_data_options *options,
                                struct mwn_error *err)
{
    bool has_meta = options->meta_per_class > 0 || (options->meta && *options->meta) ||
                    (options->meta_ids && *options->meta_ids);
    bool from_file = options->labels && *options->labels;
    const struct mwn_noise_options noise = noise_options(options);
    if (from_file && noise.name && strcmp(noise.name, "none") != 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.labels and data.noise=%.40s exclude each other",
                 options->noise);
        return mwn_hint(err, "set data.noise=none to use the labels of the file");
    }
    if (options->train_on_meta && !has_meta)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.train_on_meta: true needs data.meta_per_class above 0");
    if (options->train_on_meta && options->meta && *options->meta)
        return mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.train_on_meta: a meta set of its own path cannot be appended");
    if (options->folds > 0 && (options->folds == 1 || options->fold >= options->folds))
        return mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.fold: %lld of %lld folds, expected 0 .. folds-1 of at least 2",
            (long long)options->fold, (long long)options->folds);
    if (!noise.name || from_file)
        return MWN_OK;
    return mwn_noise_check(&noise, err);
}

/* Opens a part, read like the training part. */
static mwn_status open_part(struct mwn_source *source, struct mwn_sets *sets,
                            const struct mwn_data_options *options, enum mwn_part part,
                            struct mwn_error *err)
{
    const struct mwn_source *train = &sets->train_source;
    const struct mwn_request request = {
        .options = options, .part = part, .schema = train->schema};
    const struct mwn_shape *a = &train->shape, *b = &source->shape;
    mwn_status status = mwn_source_open(source, &request, err);
    if (status != MWN_OK)
        return status;
    if (a->c != b->c || a->h != b->h || a->w != b->w || train->type != source->type)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: training samples are %d x %d x %d, %s samples %d x %d x %d",
                        options->path, a->c, a->h, a->w, mwn_part_name(part), b->c, b->h,
                        b->w);
    if (source->classes > sets->classes)
        sets->classes = source->classes;
    return MWN_OK;
}

static mwn_status open_sources(struct mwn_sets *sets, struct split *split,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_data_options *options = split->options;
    const struct mwn_request train = {.options = options, .part = MWN_PART_TRAIN};

    split->own_test = mwn_source_has(options, MWN_PART_TEST);
    split->own_meta = mwn_source_has(options, MWN_PART_META);
    split->own_valid = mwn_source_has(options, MWN_PART_VALID);
    MWN_TRY(mwn_source_open(&sets->train_source, &train, err));
    sets->shape = sets->train_source.shape;
    sets->classes = sets->train_source.classes;
    if (split->own_test)
        MWN_TRY(open_part(&sets->test_source, sets, options, MWN_PART_TEST, err));
    if (split->own_meta)
        MWN_TRY(open_part(&sets->meta_source, sets, options, MWN_PART_META, err));
    if (split->own_valid)
        MWN_TRY(open_part(&sets->valid_source, sets, options, MWN_PART_VALID, err));
    split->classes = sets->classes;
out:
    return status;
}

static mwn_status drop_overlap(struct mwn_sets *sets, struct split *split,
                               struct mwn_error *err)
{
    struct mwn_source *const own[MWN_ROLES] = {[MWN_ROLE_META] = &sets->meta_source,
                                               [MWN_ROLE_VALID] = &sets->valid_source,
                                               [MWN_ROLE_TEST] = &sets->test_source};
    struct mwn_roles sources[MWN_ROLES] = {{&sets->train_source, split->role}};
    size_t count = 1;
    if (split->options->overlap != 0)
        return MWN_OK;
    for (int role = 0; role < MWN_ROLES; role++) {
        if (!own[role] || own[role]->n == 0)
            continue;
        split->own[role] = mwn_alloc(own[role]->n, 1);
        if (!split->own[role])
            return mwn_fail_memory(err, own[role]->n, "the split of the data");
        memset(split->own[role], role, own[role]->n);
        sources[count++] = (struct mwn_roles){own[role], split->own[role]};
    }
    mwn_status status = mwn_overlap_drop(sources, count, &sets->dropped, err);
    if (status != MWN_OK)
        mwn_context(err, "%s", split->options->path);
    return status;
}

uint64_t mwn_data_seed(const struct mwn_data_options *options, uint64_t seed)
{
    return options->seed >= 0 ? (uint64_t)options->seed : seed;
}

mwn_status mwn_sets_open(struct mwn_sets *sets, const struct mwn_data_options *options,
                         uint64_t seed, struct mwn_error *err)
{
    mwn_status status;
    struct split split = {.options = options, .source = &sets->train_source};

    memset(sets, 0, sizeof(*sets));
    split.seed = mwn_data_seed(options, seed);
    MWN_TRY(check_options(options, err));
    MWN_TRY(open_sources(sets, &split, err));
    MWN_TRY(split_init(&split, err));
    MWN_TRY(check_classes(&split, err));
    MWN_TRY(take_sets(&split, err));
    if (options->imbalance > 1)
        MWN_TRY(cut_tail(&split, err));
    MWN_TRY(drop_overlap(sets, &split, err));
    MWN_TRY(check_left(&split, err));
    cut_to_limit(&split);
    MWN_TRY(make_sets(sets, &split, err));
out:
    split_release(&split);
    if (status != MWN_OK)
        mwn_sets_close(sets);
    return status;
}

mwn_status mwn_sets_open_test(struct mwn_sets *sets, const struct mwn_data_options *options,
                              const char *schema, uint64_t seed, struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_request request = {
        .options = options, .part = MWN_PART_TEST, .schema = schema};

    if (!mwn_source_has(options, MWN_PART_TEST))
        return mwn_sets_open(sets, options, seed, err);
    memset(sets, 0, sizeof(*sets));
    sets->noise_rate = -1;
    MWN_TRY(mwn_source_open(&sets->test_source, &request, err));
    sets->classes = sets->test_source.classes;
    sets->shape = sets->test_source.shape;
    MWN_TRY(make_set(&sets->test, &sets->test_source, NULL, MWN_ROLE_NONE,
                     sets->test_source.label, err));
out:
    if (status != MWN_OK)
        mwn_sets_close(sets);
    return status;
}

static void set_release(struct mwn_set *set)
{
    mwn_free(set->id);
    mwn_free(set->given);
    mwn_free(set->truth);
}

void mwn_sets_close(struct mwn_sets *sets)
{
    set_release(&sets->train);
    set_release(&sets->meta);
    set_release(&sets->valid);
    set_release(&sets->test);
    set_release(&sets->fold);
    mwn_source_close(&sets->train_source);
    mwn_source_close(&sets->test_source);
    mwn_source_close(&sets->meta_source);
    mwn_source_close(&sets->valid_source);
    memset(sets, 0, sizeof(*sets));
}

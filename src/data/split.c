/* split.c - from the files' samples to the sets of a run. */
#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/labels_file.h"
#include "data/noise.h"
#include "data/overlap.h"
#include "data/split.h"

#include <string.h>

/* Epochs that tell the three uses of the stream MWN_STREAM_IMBALANCE apart. */
enum { IMBALANCE_PICK = 0, IMBALANCE_SHUFFLE = 1, IMBALANCE_LIMIT = 2 };

/* A split being made. */
struct split {
    const struct mwn_data_options *options;
    const struct mwn_source *source; /* of the training samples          */
    uint64_t seed;
    int classes;
    unsigned char *role; /* owned [n]: enum mwn_role                     */
    uint32_t *members;   /* owned [n]: samples, grouped by class         */
    size_t *start;       /* owned [classes + 1]: where a class begins    */
    uint32_t *list;      /* owned [n]: what choose() gives               */
    uint32_t *order;     /* owned [n]: scratch                           */
};

static void split_release(struct split *split)
{
    mwn_free(split->role);
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

/* Puts the samples of class c that are still in the training set into split->list, in random
 * order; how many there are. */
static size_t choose(struct split *split, size_t c, struct mwn_rng rng)
{
    const uint32_t *members = split->members + split->start[c];
    size_t all = split->start[c + 1] - split->start[c], count = 0;
    for (size_t i = 0; i < all; i++)
        count += split->role[members[i]] == MWN_ROLE_TRAIN;
    mwn_rng_permutation(&rng, split->order, count);
    for (size_t i = 0, j = 0; i < all; i++)
        if (split->role[members[i]] == MWN_ROLE_TRAIN)
            split->list[split->order[j++]] = members[i];
    return count;
}

static void set_roles(struct split *split, size_t from, size_t to, enum mwn_role role)
{
    for (size_t i = from; i < to; i++)
        split->role[split->list[i]] = (unsigned char)role;
}

/* Every class needs a sample to train on besides those that other sets take. */
static mwn_status check_classes(const struct split *split, struct mwn_error *err)
{
    const struct mwn_data_options *options = split->options;
    size_t meta = (size_t)options->meta_per_class, valid = (size_t)options->valid_per_class;
    for (int c = 0; c < split->classes; c++) {
        size_t n = split->start[c + 1] - split->start[c];
        if (n == 0) {
            mwn_fail(err, MWN_ERR_DATA, "%s: class %d has no training samples",
                     options->path, c);
            return mwn_hint(err,
                            "labels go from 0 to %d; every number between needs samples",
                            split->classes - 1);
        }
        if (n <= meta + valid) {
            mwn_fail(err, MWN_ERR_DATA,
                     "%s: class %d has %zu samples, data.meta_per_class=%zu and "
                     "data.valid_per_class=%zu need %zu (one is left to train on)",
                     options->path, c, n, meta, valid, meta + valid + 1);
            return mwn_hint(err, "lower data.meta_per_class or data.valid_per_class");
        }
    }
    return MWN_OK;
}

/* Takes `count` samples of each class out of the training set. */
static void take_out(struct split *split, enum mwn_stream stream, size_t count,
                     enum mwn_role role)
{
    for (size_t c = 0; count > 0 && c < (size_t)split->classes; c++) {
        choose(split, c, mwn_rng_at(split->seed, stream, 0, c));
        set_roles(split, 0, count, role);
    }
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
    size_t *size = mwn_alloc(2 * k, sizeof(*size));
    if (!size)
        return mwn_fail_memory(err, 2 * k * sizeof(*size), "the long tail");
    for (size_t c = 0; c < k; c++) {
        size_t n = choose(split, c, mwn_rng_at(split->seed, MWN_STREAM_IMBALANCE, 0, c));
        n_max = n > n_max ? n : n_max;
    }
    deal_sizes(split, n_max, size + k, size);
    for (size_t c = 0; c < k; c++) {
        struct mwn_rng rng =
            mwn_rng_at(split->seed, MWN_STREAM_IMBALANCE, IMBALANCE_PICK, c);
        size_t n = choose(split, c, rng);
        if (size[c] == 0) {
            mwn_free(size);
            mwn_fail(err, MWN_ERR_CONFIG,
                     "data.imbalance: %g leaves class %zu without a sample (the largest "
                     "class has %zu)",
                     split->options->imbalance, c, n_max);
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
    for (size_t c = 0; c < (size_t)split->classes; c++)
        if (choose(split, c, mwn_rng_at(0, MWN_STREAM_IMBALANCE, 0, 0)) == 0)
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: all training samples of class %zu are in another set, too",
                            split->options->path, c);
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

static mwn_status put_noise(struct mwn_set *set, const struct split *split,
                            struct mwn_error *err)
{
    const struct mwn_data_options *options = split->options;
    const struct mwn_labels labels = {split->classes, set->n, set->id, set->given};
    return mwn_noise_apply(options->noise, options->noise_rate, split->seed, &labels, NULL,
                           err);
}

/* Makes the sets out of the roles and puts the labels in. */
static mwn_status make_sets(struct mwn_sets *sets, const struct split *split,
                            struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_data_options *options = split->options;
    const struct mwn_source *source = split->source;
    bool from_file = options->labels && *options->labels;
    bool noisy = options->noise && strcmp(options->noise, "none") != 0;
    int32_t *label = mwn_alloc(source->n, sizeof(*label));

    if (!label)
        return mwn_fail_memory(err, source->n * sizeof(*label), "labels");
    memcpy(label, source->label, source->n * sizeof(*label));
    if (from_file)
        MWN_TRY(mwn_labels_read(options->labels, split->classes, source->n, label, err));
    MWN_TRY(make_set(&sets->train, source, split->role, MWN_ROLE_TRAIN, label, err));
    MWN_TRY(make_set(&sets->valid, source, split->role, MWN_ROLE_VALID, label, err));
    MWN_TRY(make_set(&sets->meta, source, split->role, MWN_ROLE_META, source->label, err));
    MWN_TRY(make_set(&sets->test, &sets->test_source, NULL, MWN_ROLE_NONE,
                     sets->test_source.label, err));
    if (from_file || noisy)
        MWN_TRY(keep_truth(&sets->train, err));
    if (from_file)
        MWN_TRY(keep_truth(&sets->valid, err));
    if (noisy)
        MWN_TRY(put_noise(&sets->train, split, err));
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
    if (options->labels && *options->labels && options->noise &&
        strcmp(options->noise, "none") != 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.labels and data.noise=%.40s exclude each other",
                 options->noise);
        return mwn_hint(err, "set data.noise=none to use the labels of the file");
    }
    if (options->train_on_meta && options->meta_per_class == 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.train_on_meta: true needs data.meta_per_class above 0");
    if (!options->noise)
        return MWN_OK;
    return mwn_noise_check(options->noise, options->noise_rate, err);
}

static mwn_status open_sources(struct mwn_sets *sets,
                               const struct mwn_data_options *options,
                               struct mwn_error *err)
{
    const struct mwn_source *train = &sets->train_source, *test = &sets->test_source;
    mwn_status status = mwn_source_open(&sets->train_source, options, MWN_PART_TRAIN, err);
    if (status == MWN_OK)
        status = mwn_source_open(&sets->test_source, options, MWN_PART_TEST, err);
    if (status != MWN_OK)
        return status;
    if (train->shape.c != test->shape.c || train->shape.h != test->shape.h ||
        train->shape.w != test->shape.w || train->is_real != test->is_real)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: training samples are %d x %d x %d, test samples %d x %d x %d",
                        options->path, train->shape.c, train->shape.h, train->shape.w,
                        test->shape.c, test->shape.h, test->shape.w);
    sets->shape = train->shape;
    sets->classes = train->classes > test->classes ? train->classes : test->classes;
    return MWN_OK;
}

mwn_status mwn_sets_open(struct mwn_sets *sets, const struct mwn_data_options *options,
                         uint64_t seed, struct mwn_error *err)
{
    mwn_status status;
    struct split split = {.options = options, .source = &sets->train_source};

    memset(sets, 0, sizeof(*sets));
    split.seed = options->seed >= 0 ? (uint64_t)options->seed : seed;
    MWN_TRY(check_options(options, err));
    MWN_TRY(open_sources(sets, options, err));
    split.classes = sets->classes;
    MWN_TRY(split_init(&split, err));
    MWN_TRY(check_classes(&split, err));
    take_out(&split, MWN_STREAM_META_SPLIT, (size_t)options->meta_per_class, MWN_ROLE_META);
    take_out(&split, MWN_STREAM_VALIDATION, (size_t)options->valid_per_class,
             MWN_ROLE_VALID);
    if (options->imbalance > 1)
        MWN_TRY(cut_tail(&split, err));
    status = mwn_overlap_drop(&sets->train_source, &sets->test_source, split.role,
                              &sets->dropped, err);
    if (status != MWN_OK) {
        mwn_context(err, "%s", options->path);
        goto out;
    }
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
                              struct mwn_error *err)
{
    mwn_status status;

    memset(sets, 0, sizeof(*sets));
    sets->noise_rate = -1;
    MWN_TRY(mwn_source_open(&sets->test_source, options, MWN_PART_TEST, err));
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
    mwn_source_close(&sets->train_source);
    mwn_source_close(&sets->test_source);
    memset(sets, 0, sizeof(*sets));
}

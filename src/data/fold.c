/* fold.c - deals the training samples out to the folds of a cross-validation. */
#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/fold.h"

/* The use of MWN_STREAM_VALIDATION that deals the folds (split.c has the others). */
enum { FOLD_USE = 2 };

/* Numbers the samples of each class at random; the fold is the number modulo the folds. */
mwn_status mwn_fold_deal(const struct mwn_deal *deal, const struct mwn_set *train,
                         uint32_t *fold_of, struct mwn_error *err)
{
    size_t k = (size_t)deal->classes;
    uint32_t *order = mwn_alloc(train->n, sizeof(*order));
    size_t *next = mwn_alloc(k, sizeof(*next));
    if (order && next) {
        struct mwn_rng rng = mwn_rng_at(deal->seed, MWN_STREAM_VALIDATION, FOLD_USE, 0);
        mwn_rng_permutation(&rng, order, train->n);
        for (size_t c = 0; c < k; c++) /* or all small classes would go to fold 0 */
            next[c] = c;
        for (size_t i = 0; i < train->n; i++)
            fold_of[order[i]] = (uint32_t)(next[train->given[order[i]]]++ % deal->folds);
    }
    mwn_free(order);
    mwn_free(next);
    return order && next ? MWN_OK : mwn_fail_memory(err, train->n * 4, "the folds");
}

static mwn_status alloc_fold(struct mwn_sets *sets, size_t n, struct mwn_error *err)
{
    struct mwn_set *fold = &sets->fold;
    fold->source = sets->train.source;
    fold->id = mwn_alloc(n, sizeof(*fold->id));
    fold->given = mwn_alloc(n, sizeof(*fold->given));
    fold->truth = sets->train.truth ? mwn_alloc(n, sizeof(*fold->truth)) : NULL;
    if (!fold->id || !fold->given || (sets->train.truth && !fold->truth))
        return mwn_fail_memory(err, n * 16, "a fold");
    return MWN_OK;
}

static void move_sample(struct mwn_set *to, const struct mwn_set *from, size_t i)
{
    to->id[to->n] = from->id[i];
    to->given[to->n] = from->given[i];
    if (to->truth)
        to->truth[to->n] = from->truth[i];
    to->n++;
}

mwn_status mwn_fold_cut(struct mwn_sets *sets, const struct mwn_data_options *options,
                        uint64_t seed, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_set *train = &sets->train, *fold = &sets->fold;
    size_t n = train->n, wanted = (size_t)options->fold;
    const struct mwn_deal deal = {(size_t)options->folds, sets->classes, seed};
    uint32_t *fold_of = mwn_alloc(n, sizeof(*fold_of));

    if (!fold_of)
        return mwn_fail_memory(err, n * sizeof(*fold_of), "the folds");
    MWN_TRY(mwn_fold_deal(&deal, train, fold_of, err));
    MWN_TRY(alloc_fold(sets, n, err));
    train->n = 0;
    for (size_t i = 0; i < n; i++)
        move_sample(fold_of[i] == wanted ? fold : train, train, i);
    if (train->n == 0 || fold->n == 0)
        status = mwn_fail(err, MWN_ERR_CONFIG,
                          "data.folds: %zu training samples are too few for %lld folds", n,
                          (long long)options->folds);
out:
    mwn_free(fold_of);
    return status;
}

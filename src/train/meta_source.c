/* meta_source.c - a meta set out of the noisy training set itself: of each class (by the given
 * label) the k samples with the lowest losses of the last epoch, as in
 *
 *     Shu, Yuan, Meng, Xu: CMW-Net: Learning a Class-Aware Sample Weighting Mapping for Robust
 *     Deep Learning, TPAMI 2023 (section on data without clean meta samples).
 *
 * Networks fit right labels before wrong ones (Arpit et al., ICML 2017), so these are mostly
 * right. In the first epoch there are no losses yet and V does not learn. The losses are those
 * of the training passes, before the step on their batch: no further pass is needed. An epoch on the
 * meta set alone (finetune, meta_only) has none, and leaves the choice as it is. */
#include "train/meta_source.h"

#include "base/mem.h"
#include "base/status.h"
#include "train/journal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A training sample and how surely its label is right. */
struct item {
    float loss;
    uint32_t position;
    int32_t label;
};

static bool is_used(const struct mwn_run *run)
{
    return run->settings.meta.source == MWN_META_LOWEST_LOSS &&
           (run->settings.needs & MWN_NEEDS_META) != 0;
}

static size_t wanted(const struct mwn_run *run, size_t has)
{
    size_t k = (size_t)run->settings.meta.per_class;
    return has < k ? has : k;
}

mwn_status mwn_meta_source_init(struct mwn_run *run, struct mwn_error *err)
{
    struct mwn_set *meta = &run->sets.meta;
    const struct mwn_set *train = &run->sets.train;
    size_t classes = (size_t)run->sets.classes, n = 0;
    if (!is_used(run))
        return MWN_OK;
    if (meta->n > 0) {
        mwn_fail(err, MWN_ERR_CONFIG,
                 "meta.source=lowest_loss: the data has a meta set of %zu samples",
                 meta->n);
        return mwn_hint(err, "leave meta.source away to use it");
    }
    if (!run->settings.train.journal)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "meta.source=lowest_loss needs train.journal=true");
    run->meta_items = mwn_alloc(train->n, sizeof(struct item));
    for (size_t c = 0; c < classes; c++)
        n += wanted(run, (size_t)run->class_count[c]);
    meta->source = train->source;
    meta->id = mwn_alloc(n, sizeof(*meta->id));
    meta->given = mwn_alloc(n, sizeof(*meta->given));
    meta->n = n;
    run->meta_chosen = mwn_alloc(n, sizeof(*run->meta_chosen));
    if (!meta->id || !meta->given || !run->meta_items || !run->meta_chosen)
        return mwn_fail_memory(err, n * 8, "the meta set");
    return MWN_OK;
}

/* By class, then by loss, then by position, so that the order is always the same. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    if (a->loss < b->loss || b->loss < a->loss)
        return a->loss < b->loss ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

/* False if there are no losses. */
static bool take_losses(const struct mwn_run *run, struct item *items)
{
    bool any = false;
    for (size_t i = 0; i < run->sets.train.n; i++) {
        float loss = run->journal.value[i * MWN_JOURNAL_COLUMNS + MWN_JOURNAL_LOSS];
        any = any || !isnan(loss);
        items[i] = (struct item){isnan(loss) ? HUGE_VALF : loss, (uint32_t)i,
                                 run->sets.train.given[i]};
    }
    return any;
}

static void choose_positions(struct mwn_run *run)
{
    const struct mwn_set *train = &run->sets.train;
    struct item *items = run->meta_items;
    size_t put = 0;

    if (!take_losses(run, items))
        return;
    qsort(items, train->n, sizeof(*items), compare_items);
    for (size_t begin = 0, end = 0; begin < train->n; begin = end) {
        while (end < train->n && items[end].label == items[begin].label)
            end++;
        for (size_t i = 0; i < wanted(run, end - begin); i++)
            run->meta_chosen[put++] = items[begin + i].position;
    }
}

static void restore(void *user)
{
    struct mwn_run *run = user;
    struct mwn_set *meta = &run->sets.meta;
    const struct mwn_set *train = &run->sets.train;
    for (size_t i = 0; i < meta->n; i++) {
        uint32_t position = run->meta_chosen[i];
        meta->id[i] = train->id[position];
        meta->given[i] = train->given[position];
    }
}

void mwn_meta_source_restore(struct mwn_run *run)
{
    if (is_used(run))
        mwn_loader_change(run->meta, restore, run);
}

void mwn_meta_source_choose(struct mwn_run *run)
{
    if (!is_used(run))
        return;
    choose_positions(run);
    mwn_meta_source_restore(run);
}

uint64_t mwn_meta_source_steps(const struct mwn_run *run, uint64_t iteration)
{
    uint64_t every = mwn_run_meta_every(run), first = mwn_run_steps(run);
    uint64_t all = (iteration + every - 1) / every;
    if (!is_used(run))
        return all;
    return iteration > first ? all - (first + every - 1) / every : 0;
}

bool mwn_meta_source_ready(const struct mwn_run *run)
{
    return !is_used(run) || run->epoch > 0;
}

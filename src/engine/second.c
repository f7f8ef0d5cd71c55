/* second.c - the state of a second network of the learner's kind. */
#include "engine/second.h"

#include "base/mem.h"
#include "base/status.h"
#include "engine/optimizer.h"
#include "tensor/vec.h"

mwn_status mwn_second_init(struct mwn_second *second, const struct mwn_learner *learner,
                           struct mwn_error *err)
{
    size_t size = mwn_dtype_size(learner->dtype), n = learner->n_params;
    second->bytes = n <= SIZE_MAX / size ? n * size : 0;
    second->params = second->bytes > 0 ? mwn_arena_alloc(second->bytes) : NULL;
    second->stats = mwn_alloc(learner->n_stats, sizeof *second->stats);
    if (second->params && second->stats)
        return MWN_OK;
    return mwn_fail_memory(err, second->bytes + learner->n_stats * sizeof *second->stats,
                           "a second network");
}

void mwn_second_release(struct mwn_second *second)
{
    if (second->params)
        mwn_arena_free(second->params, second->bytes);
    mwn_free(second->stats);
    *second = (struct mwn_second){0};
}

void mwn_second_exchange(struct mwn_second *second, struct mwn_learner *learner)
{
    void *coming = second->params;
    learner->exchange(learner->self, &second->params, second->stats);
    learner->params = coming;
}

/* method.c - the table of all methods, made from method_list.h, and what several of them do. */
#include "methods/method.h"

#include "base/status.h"

#include <string.h>

const struct mwn_method *const mwn_methods[] = {
#define MWN_METHOD(name) &mwn_method_##name,
#include "methods/method_list.h"
#undef MWN_METHOD
    NULL};

const struct mwn_method *mwn_method_find(const char *name)
{
    for (const struct mwn_method *const *m = mwn_methods; *m; m++)
        if (strcmp((*m)->name, name) == 0)
            return *m;
    return NULL;
}

unsigned mwn_method_needs(const struct mwn_method *method, const void *options)
{
    return method->needs & ~(method->spares ? method->spares(options) : 0U);
}

mwn_status mwn_method_check(const struct mwn_method *method, const void *options,
                            const struct mwn_data_facts *facts,
                            const struct mwn_learner *learner, struct mwn_error *err)
{
    unsigned needs = mwn_method_needs(method, options);
    const struct {
        unsigned need;
        bool is_there;
        const char *what;
    } row[] = {
        {MWN_NEEDS_CLASSES, facts->classes > 0 && facts->class_count,
         "the number of samples of each class (facts: classes, class_count)"},
        {MWN_NEEDS_INDEX, facts->n > 0, "the number of training samples (facts: n)"},
        {MWN_NEEDS_EPOCHS, facts->epochs > 0 && facts->steps > 0,
         "the length of the training (facts: epochs, steps)"},
        {MWN_NEEDS_STEPS, facts->steps > 0,
         "the number of steps of an epoch (facts: steps)"},
        {MWN_NEEDS_OUTPUT, learner->classes > 0 && learner->output && learner->pull,
         "a learner with classes, output and pull"},
        {MWN_NEEDS_FEATURES, learner->features > 0 && learner->feature,
         "a learner with features and feature"},
        {MWN_NEEDS_TANGENT, learner->tangent, "a learner with tangent"},
        {MWN_NEEDS_SECOND, learner->exchange && learner->another,
         "a learner with exchange and another"},
        {MWN_NEEDS_BOTH, learner->pull_both, "a learner with pull_both"},
    };
    for (size_t i = 0; i < MWN_COUNT(row); i++)
        if ((needs & row[i].need) && !row[i].is_there)
            return mwn_fail(err, MWN_ERR_CONFIG, "method '%s' needs %s", method->name,
                            row[i].what);
    if ((needs & MWN_NEEDS_CLASSES) && (needs & MWN_NEEDS_OUTPUT) &&
        facts->classes != learner->classes)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the learner has %zu classes, the data has %zu", learner->classes,
                        facts->classes);
    return MWN_OK;
}

mwn_status mwn_method_update(struct mwn_step *step, struct mwn_error *err)
{
    size_t n = step->train->n;
    for (size_t i = 0; i < n; i++)
        step->coef[i] = step->weight[i] / (double)n;
    return mwn_step_update(step, step->coef, err);
}

mwn_status mwn_method_plain(struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < step->train->n; i++)
        step->weight[i] = 1;
    return mwn_method_update(step, err);
}

mwn_status mwn_method_fail_unseen(const struct mwn_step *step, const char *name,
                                  const char *when, struct mwn_error *err)
{
    if (step->timed)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG,
             "iteration %llu: method '%s' has seen no meta sample in %s to learn from",
             (unsigned long long)step->iteration, name, when);
    return mwn_hint(err, "raise train.epochs or lower meta.every; meta.source=lowest_loss "
                         "has no meta set in the first epoch");
}

size_t mwn_method_counting(const struct mwn_step *step, double *loss)
{
    size_t count = 0;
    for (size_t i = 0; i < step->train->n; i++)
        if (mwn_step_given(step, i) > 0)
            loss[count++] = step->loss[i];
    return count;
}

uint64_t mwn_method_epoch(const struct mwn_data_facts *facts, const struct mwn_step *step)
{
    return facts->steps > 0 ? step->iteration / facts->steps : 0;
}

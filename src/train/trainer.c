/* trainer.c - the bilevel iteration on a learner of the user's own. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "engine/step.h"
#include "train/config.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct mwn_trainer {
    struct mwn_settings settings;
    struct mwn_step step;
    struct mwn_data_facts facts; /* class_count is NULL once the method has begun */
    void *self;                  /* owned: the method's state */
};

static mwn_status check_layers(const struct mwn_learner *learner, struct mwn_error *err)
{
    size_t count = learner->layers ? learner->layer_count : 1;
    bool in_order = count > 0 && (!learner->layers || learner->layers[0] == 0);
    for (size_t k = 1; k < count && in_order; k++)
        in_order = learner->layers[k - 1] < learner->layers[k] &&
                   learner->layers[k] < learner->n_params;
    if (in_order)
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_CONFIG,
                    "the learner's layers do not rise from 0 to below n_params, %zu",
                    learner->n_params);
}

static mwn_status check_learner(const struct mwn_learner *learner, size_t max_batch,
                                struct mwn_error *err)
{
    if (!learner || !learner->params || learner->n_params == 0 || !learner->forward ||
        !learner->backward)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the learner lacks params, n_params, forward or backward");
    if (learner->dtype != MWN_F32 && learner->dtype != MWN_F64)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the learner's dtype is %d (expected MWN_F32 or MWN_F64)",
                        (int)learner->dtype);
    if (learner->head >= learner->n_params)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the learner's head is %zu (expected below n_params, %zu)",
                        learner->head, learner->n_params);
    if (max_batch == 0)
        return mwn_fail(err, MWN_ERR_CONFIG, "max_batch is 0 (expected at least 1)");
    return check_layers(learner, err);
}

/* What the method and the meta options ask of the learner. */
static mwn_status check_abilities(const struct mwn_settings *settings,
                                  const struct mwn_learner *learner, struct mwn_error *err)
{
    if (settings->needs & MWN_NEEDS_LOADER) {
        mwn_fail(err, MWN_ERR_CONFIG, "method '%s' chooses the samples of a batch",
                 settings->method->name);
        return mwn_hint(err, "whoever makes the batches can do that, with method.name=ce");
    }
    if (!(settings->needs & MWN_NEEDS_HYPERGRADIENT))
        return MWN_OK;
    if (!learner->meta)
        return mwn_fail(err, MWN_ERR_CONFIG, "method '%s' needs a learner with meta",
                        settings->method->name);
    if (!learner->jvp && settings->meta.gradient != MWN_GRADIENT_FD) {
        mwn_fail(err, MWN_ERR_CONFIG, "method '%s' needs a learner with jvp",
                 settings->method->name);
        return mwn_hint(err, "meta.gradient=fd does without, by two more forward passes");
    }
    return MWN_OK;
}

static mwn_status begin_method(mwn_trainer *trainer, size_t max_batch,
                               struct mwn_error *err)
{
    const struct mwn_settings *settings = &trainer->settings;
    const struct mwn_method *method = settings->method;
    const struct mwn_method_context context = {.max_n = max_batch,
                                               .seed = (uint64_t)settings->train.seed,
                                               .outputs = trainer->step.learner->classes,
                                               .features = trainer->step.learner->features,
                                               .facts = trainer->facts,
                                               .step = &trainer->step};
    trainer->facts.class_count = NULL;
    trainer->self = mwn_alloc(1, method->self_size ? method->self_size : 1);
    if (!trainer->self)
        return mwn_fail_memory(err, method->self_size, "the method's state");
    if (!method->begin)
        return MWN_OK;
    return method->begin(trainer->self, settings->method_options, &context, err);
}

mwn_status mwn_trainer_create_for(mwn_trainer **out, struct mwn_learner *learner,
                                  const mwn_config *config, size_t max_batch,
                                  const struct mwn_data_facts *facts, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_trainer *trainer = NULL;
    MWN_TRY(check_learner(learner, max_batch, err));
    trainer = mwn_alloc(1, sizeof *trainer);
    if (!trainer)
        return mwn_fail_memory(err, sizeof *trainer, "a trainer");
    struct mwn_settings *settings = &trainer->settings;
    MWN_TRY(mwn_settings_resolve(settings, config, err));
    MWN_TRY(check_abilities(settings, learner, err));
    if (facts)
        trainer->facts = *facts;
    MWN_TRY(mwn_method_check(settings->method, settings->method_options, &trainer->facts,
                             learner, err));
    trainer->step.sgd.momentum = settings->train.momentum;
    trainer->step.sgd.dampening = settings->train.dampening;
    trainer->step.sgd.weight_decay = settings->train.weight_decay;
    trainer->step.sgd.nesterov = settings->train.nesterov;
    MWN_TRY(mwn_step_init(&trainer->step, learner, &settings->meta, max_batch,
                          settings->needs & MWN_NEEDS_HYPERGRADIENT, err));
    trainer->step.seed = (uint64_t)settings->train.seed;
    MWN_TRY(begin_method(trainer, max_batch, err));
    *out = trainer;
out:
    if (status != MWN_OK)
        mwn_trainer_free(trainer);
    return status;
}

mwn_status mwn_trainer_create(mwn_trainer **out, struct mwn_learner *learner,
                              const mwn_config *config, size_t max_batch,
                              struct mwn_error *err)
{
    return mwn_trainer_create_for(out, learner, config, max_batch, NULL, err);
}

static mwn_status check_batch(const struct mwn_step *step, const struct mwn_batch *batch,
                              const char *what, struct mwn_error *err)
{
    if (!batch)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "iteration %" PRIu64 ": the %s batch is missing", step->iteration,
                        what);
    if (batch->n == 0 || batch->n > step->max_n)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "iteration %" PRIu64 ": the %s batch has %zu samples "
                        "(expected 1 .. %zu, the trainer's max_batch)",
                        step->iteration, what, batch->n, step->max_n);
    return MWN_OK;
}

/* What a method that looks at labels or positions relies on. */
static mwn_status check_labels(const mwn_trainer *trainer, const struct mwn_batch *batch,
                               const char *what, struct mwn_error *err)
{
    unsigned needs = trainer->settings.needs;
    bool by_label = needs & (MWN_NEEDS_CLASSES | MWN_NEEDS_OUTPUT);
    size_t classes =
        needs & MWN_NEEDS_OUTPUT ? trainer->step.learner->classes : trainer->facts.classes;
    if (by_label && !batch->label)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "method '%s' needs labels, the %s batch has none",
                        trainer->settings.method->name, what);
    for (size_t i = 0; by_label && i < batch->n; i++)
        if (batch->label[i] < 0 || (size_t)batch->label[i] >= classes)
            return mwn_fail(
                err, MWN_ERR_CONFIG,
                "sample %zu of the %s batch has the label %d (expected 0 .. %zu)", i, what,
                (int)batch->label[i], classes - 1);
    return MWN_OK;
}

static mwn_status check_index(const mwn_trainer *trainer, const struct mwn_batch *batch,
                              struct mwn_error *err)
{
    if (!(trainer->settings.needs & MWN_NEEDS_INDEX))
        return MWN_OK;
    if (!batch->index)
        return mwn_fail(err, MWN_ERR_CONFIG, "method '%s' needs the batch's index",
                        trainer->settings.method->name);
    for (size_t i = 0; i < batch->n; i++)
        if (batch->index[i] >= trainer->facts.n)
            return mwn_fail(err, MWN_ERR_CONFIG,
                            "sample %zu of the batch has the index %" PRIu32
                            " (expected below facts.n, %zu)",
                            i, batch->index[i], trainer->facts.n);
    return MWN_OK;
}

mwn_status mwn_trainer_step(mwn_trainer *trainer, const struct mwn_batch *train,
                            const struct mwn_batch *meta, double lr, double *weight,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_step *step = &trainer->step;
    const struct mwn_method *method = trainer->settings.method;
    bool learns = trainer->settings.needs & MWN_NEEDS_HYPERGRADIENT;
    uint64_t every = learns ? (uint64_t)trainer->settings.meta.every : 1;
    bool due = (trainer->settings.needs & MWN_NEEDS_META) && step->iteration % every == 0;
    if (due && !meta)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "iteration %" PRIu64 ": method '%s' needs a meta batch",
                        step->iteration, method->name);
    if (!(lr >= 0) || !isfinite(lr))
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "iteration %" PRIu64
                        ": the learning rate is %g (expected 0 or more)",
                        step->iteration, lr);
    MWN_TRY(check_batch(step, train, "training", err));
    MWN_TRY(check_labels(trainer, train, "training", err));
    MWN_TRY(check_index(trainer, train, err));
    if (due) {
        MWN_TRY(check_batch(step, meta, "meta", err));
        MWN_TRY(check_labels(trainer, meta, "meta", err));
    }
    step->train = train;
    step->meta = due ? meta : NULL;
    step->lr = lr;
    status = method->step(trainer->self, step, err);
    if (status == MWN_OK && weight)
        memcpy(weight, step->weight, train->n * sizeof *weight);
    step->train = step->meta = NULL;
    step->iteration += status == MWN_OK;
out:
    return status;
}

void mwn_trainer_weigh(const mwn_trainer *trainer, size_t n, const double *loss,
                       double *weight)
{
    const struct mwn_method *method = trainer->settings.method;
    if (method->weigh)
        method->weigh(trainer->self, n, loss, weight);
    for (size_t i = 0; !method->weigh && i < n; i++)
        weight[i] = 1;
}

void mwn_trainer_free(mwn_trainer *trainer)
{
    if (!trainer)
        return;
    if (trainer->self && trainer->settings.method->end)
        trainer->settings.method->end(trainer->self);
    mwn_free(trainer->self);
    mwn_step_release(&trainer->step);
    if (trainer->settings.method)
        mwn_settings_release(&trainer->settings);
    mwn_free(trainer);
}

/* finetune.c - plain training, then the meta set alone.
 *
 *     first epochs   w <- Opt_w( (1/n) sum_i grad l_i(w) )
 *     the last ones  w <- Opt_w( (1/m) sum_j grad l_j^meta(w) )
 *
 * "Fine-tuning" in the tables of Shu et al., NeurIPS 2019, after Ren et al., ICML 2018, whose code
 * makes 5000 steps at the final learning rate: a quarter of the 20 000 steps of Table 2, which is
 * the default here. The learning rate follows train.schedule throughout. */
#include "methods/formulas.h"
#include "methods/method.h"

struct finetune_options {
    double share;
};

struct finetune {
    struct mwn_data_facts facts;
    uint64_t from; /* the first epoch on the meta set */
};

static const struct mwn_option finetune_rows[] = {
    {"share", MWN_OPT_REAL, offsetof(struct finetune_options, share), "0.25", 0, 1, NULL,
     "Share of the epochs, at the end, that train on the meta set alone."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static mwn_status finetune_begin(void *self, const void *options,
                                 const struct mwn_method_context *context,
                                 struct mwn_error *err)
{
    struct finetune *m = self;
    (void)err;
    m->facts = context->facts;
    m->from =
        mwn_last_epochs(m->facts.epochs, ((const struct finetune_options *)options)->share);
    return MWN_OK;
}

static mwn_status finetune_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    const struct finetune *m = self;
    if (step->meta && mwn_method_epoch(&m->facts, step) >= m->from)
        return mwn_step_learn_meta(step, err);
    return mwn_method_plain(step, err);
}

const struct mwn_method mwn_method_finetune = {
    .name = "finetune",
    .summary = "plain training, then the meta set alone for the last epochs",
    .reference = "\"Fine-tuning\" in Shu et al., NeurIPS 2019, after Ren et al., ICML 2018",
    .needs = MWN_NEEDS_META | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct finetune_options),
    .self_size = sizeof(struct finetune),
    .options = finetune_rows,
    .begin = finetune_begin,
    .step = finetune_step,
};

/* ldam.c - LDAM-DRW: rare classes must win by a larger margin, and count more at the end.
 *
 * Cao, Wei, Gaidon, Arechiga, Ma: Learning Imbalanced Datasets with Label-Distribution-Aware Margin
 * Loss, NeurIPS 2019, equations 12 and 13 and algorithm 1. With n_c training samples of class c and
 * logits z_i,
 *
 *     Delta_c = margin (min_j n_j / n_c)^(1/4)
 *     f_i = -log softmax(s (z_i - Delta_(y_i) onehot(y_i)))_(y_i)
 *     w <- Opt_w( sum_i w_(y_i) grad f_i(w) / sum_i w_(y_i) ),
 *
 * with w_c = 1 at first and, in the last fifth of the epochs (160 of 200: "deferred reweighting"),
 * the class-balanced weights for beta = 0.9999.
 *
 * The authors' last layer is a cosine, of normalised features and normalised columns, and s = 30
 * puts its values on the scale of logits. The networks here have a linear last layer, whose logits
 * are on that scale already: hence s = 1. */
#include "methods/formulas.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>

struct ldam_options {
    double margin, scale, beta, share;
};

struct ldam {
    struct mwn_data_facts facts;
    struct mwn_output_room room;
    double scale;
    uint64_t from;           /* the first epoch with weights */
    double *margin, *weight; /* owned [classes]             */
};

#define FIELD(name) offsetof(struct ldam_options, name)
static const struct mwn_option ldam_rows[] = {
    {"margin", MWN_OPT_REAL, FIELD(margin), "0.5", 0, 100, NULL,
     "Margin of the smallest class, the largest of all."},
    {"scale", MWN_OPT_REAL, FIELD(scale), "1", 1e-6, 1e6, NULL,
     "Factor of the logits; published: 30, for a last layer that is a cosine."},
    {"beta", MWN_OPT_REAL, FIELD(beta), "0.9999", 0, 1, NULL,
     "Of the class weights, as in class_balanced."},
    {"share", MWN_OPT_REAL, FIELD(share), "0.2", 0, 1, NULL,
     "Share of the epochs, at the end, with class weights; 0: LDAM alone."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef FIELD

static void ldam_end(void *self)
{
    struct ldam *m = self;
    mwn_output_room_release(&m->room);
    mwn_free(m->margin);
    mwn_free(m->weight);
    m->margin = m->weight = NULL;
}

static mwn_status ldam_begin(void *self, const void *options,
                             const struct mwn_method_context *context,
                             struct mwn_error *err)
{
    struct ldam *m = self;
    const struct ldam_options *o = options;
    const double *count = context->facts.class_count;
    size_t classes = context->facts.classes;
    double least = HUGE_VAL;
    m->facts = context->facts;
    m->facts.class_count = NULL;
    m->scale = o->scale;
    m->from = mwn_last_epochs(m->facts.epochs, o->share);
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    m->margin = mwn_alloc(classes, sizeof *m->margin);
    m->weight = mwn_alloc(classes, sizeof *m->weight);
    bool whole = m->margin && m->weight;
    if (status == MWN_OK && !whole)
        status = mwn_fail_memory(err, 2 * classes * sizeof *m->weight, "class margins");
    if (status != MWN_OK || !whole) {
        ldam_end(m);
        return status;
    }
    for (size_t c = 0; c < classes; c++)
        least = count[c] > 0 ? fmin(least, count[c]) : least;
    for (size_t c = 0; c < classes; c++)
        m->margin[c] = count[c] > 0 ? o->margin * pow(least / count[c], 0.25) : 0;
    mwn_effective_weights(classes, count, o->beta, m->weight);
    return MWN_OK;
}

/* From a sample's logits to share times the derivatives of its loss. */
static void slope_of(const struct ldam *m, size_t label, double share, double *z)
{
    size_t classes = m->room.classes;
    double top = -HUGE_VAL, sum = 0;
    z[label] -= m->margin[label];
    for (size_t k = 0; k < classes; k++)
        top = fmax(top, z[k]);
    for (size_t k = 0; k < classes; k++) {
        z[k] = exp(m->scale * (z[k] - top));
        sum += z[k];
    }
    for (size_t k = 0; k < classes; k++)
        z[k] = share * m->scale * (z[k] / sum - (k == label));
}

static mwn_status ldam_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct ldam *m = self;
    const struct mwn_batch *batch = step->train;
    double sum = 0;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    bool weighted = mwn_method_epoch(&m->facts, step) >= m->from;
    for (size_t i = 0; i < batch->n; i++) {
        step->weight[i] = weighted ? m->weight[batch->label[i]] : 1;
        sum += step->weight[i];
    }
    for (size_t i = 0; i < batch->n; i++)
        slope_of(m, (size_t)batch->label[i], step->weight[i] / sum,
                 m->room.slope + i * m->room.classes);
    return mwn_step_update_output(step, m->room.slope, err);
}

const struct mwn_method mwn_method_ldam = {
    .name = "ldam",
    .summary = "LDAM-DRW, rare classes win by a larger margin and count more at the end",
    .reference =
        "Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin "
        "Loss, NeurIPS 2019",
    .needs = MWN_NEEDS_OUTPUT | MWN_NEEDS_CLASSES | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct ldam_options),
    .self_size = sizeof(struct ldam),
    .options = ldam_rows,
    .begin = ldam_begin,
    .step = ldam_step,
    .end = ldam_end,
};

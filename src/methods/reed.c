/* reed.c - bootstrapping: the network's own prediction takes a share of the label's place.
 *
 * Reed, Lee, Anguelov, Szegedy, Erhan, Rabinovich: Training Deep Neural Networks on Noisy Labels
 * with Bootstrapping, ICLR 2015 workshop, equations 6 and 7. With p_i the softmax of the logits z_i
 * and t_i the label as a vector,
 *
 *     hard   f_i = -sum_k (beta t_ik + (1 - beta) 1[k = argmax p_i]) log p_ik
 *            df_i/dz_ik = p_ik - beta t_ik - (1 - beta) 1[k = argmax p_i]
 *     soft   f_i = -sum_k (beta t_ik + (1 - beta) p_ik) log p_ik,   H_i = -sum_k p_ik log p_ik
 *            df_i/dz_ik = beta (p_ik - t_ik) - (1 - beta) p_ik (log p_ik + H_i)
 *
 *     w <- Opt_w( (1/n) sum_i grad f_i(w) ).
 *
 * The soft form's gradient goes through the prediction in the target, as in the authors' equation.
 * The paper has beta = 0.8 for hard and 0.95 for soft; "Reed-Hard" is in the published tables. */
#include "methods/formulas.h"
#include "methods/output_room.h"

#include <math.h>

struct reed_options {
    int form; /* 0: hard, 1: soft */
    double beta;
};

struct reed {
    struct reed_options options;
    struct mwn_output_room room;
};

static const char *const form_choices[] = {"hard", "soft", NULL};

static const struct mwn_option reed_rows[] = {
    {"target", MWN_OPT_CHOICE, offsetof(struct reed_options, form), "hard", 0, 0,
     form_choices,
     "What stands beside the label: the likeliest class or the probabilities."},
    {"beta", MWN_OPT_REAL, offsetof(struct reed_options, beta), "0.8", 0, 1, NULL,
     "Share of the label in the target; published: 0.8 for hard, 0.95 for soft."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void reed_end(void *self)
{
    mwn_output_room_release(&((struct reed *)self)->room);
}

static mwn_status reed_begin(void *self, const void *options,
                             const struct mwn_method_context *context,
                             struct mwn_error *err)
{
    struct reed *m = self;
    m->options = *(const struct reed_options *)options;
    mwn_status status = mwn_output_room_init(&m->room, context, err);
    if (status != MWN_OK)
        reed_end(m);
    return status;
}

/* (1 - beta) times what the prediction adds to the slope of a sample, beside p - t for the label's
 * share. */
static void add_prediction(const struct reed *m, const double *p, double share,
                           double *slope)
{
    size_t classes = m->room.classes, top = mwn_argmax(classes, p);
    double entropy = 0;
    for (size_t k = 0; m->options.form && k < classes; k++)
        entropy -= p[k] > 0 ? p[k] * log(p[k]) : 0;
    for (size_t k = 0; k < classes; k++) {
        double own = p[k] - (k == top);
        if (m->options.form)
            own = p[k] > 0 ? -p[k] * (log(p[k]) + entropy) : 0;
        slope[k] += share * own;
    }
}

static mwn_status reed_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct reed *m = self;
    size_t n = step->train->n, classes = m->room.classes;
    double beta = m->options.beta;
    mwn_status status = mwn_output_room_forward(&m->room, step, err);
    if (status != MWN_OK)
        return status;
    mwn_output_room_plain(&m->room, step->train);
    for (size_t i = 0; i < n * classes; i++)
        m->room.slope[i] *= beta;
    for (size_t i = 0; i < n; i++)
        add_prediction(m, m->room.prob + i * classes, (1 - beta) / (double)n,
                       m->room.slope + i * classes);
    return mwn_step_update_output(step, m->room.slope, err);
}

const struct mwn_method mwn_method_reed = {
    .name = "reed",
    .summary = "bootstrapping, the network's prediction takes a share of the label's place",
    .reference = "Reed et al., Training Deep Neural Networks on Noisy Labels with "
                 "Bootstrapping, ICLR 2015 workshop",
    .needs = MWN_NEEDS_OUTPUT,
    .options_size = sizeof(struct reed_options),
    .self_size = sizeof(struct reed),
    .options = reed_rows,
    .begin = reed_begin,
    .step = reed_step,
    .end = reed_end,
};

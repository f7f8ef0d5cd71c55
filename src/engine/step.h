/* step.h - what a method may ask for in an iteration: losses, weighted backward, the
 * hypergradient's coefficients d_i, the update of w. One object for the whole run; the run
 * sets train, meta, lr and iteration before each step. */
#ifndef MWN_ENGINE_STEP_H
#define MWN_ENGINE_STEP_H

#include "base/base.h"
#include "base/option.h"
#include "engine/layer_cut.h"
#include "engine/optimizer.h"

enum mwn_virtual { MWN_VIRTUAL_SGD, MWN_VIRTUAL_FULL };
enum mwn_gradient {
    MWN_GRADIENT_JVP,
    MWN_GRADIENT_FD,
    MWN_GRADIENT_LAST_LAYER,
    MWN_GRADIENT_SAMPLED
};

enum mwn_chances { MWN_CHANCES_FIXED, MWN_CHANCES_LEARNED };

enum mwn_meta_loss { MWN_META_LOSS_CE, MWN_META_LOSS_MAE };

enum mwn_meta_source { MWN_META_SET, MWN_META_LOWEST_LOSS };

/* Section "meta" of the options. */
struct mwn_meta_options {
    int source;        /* enum mwn_meta_source                    */
    int64_t per_class; /* lowest_loss: samples of each class      */
    int loss;          /* enum mwn_meta_loss                        */
    int64_t batch;     /* meta batch size                           */
    int64_t every;     /* update V in every k-th iteration          */
    int virtual_step;  /* enum mwn_virtual                        */
    int gradient;      /* enum mwn_gradient                       */
    double layers;     /* sampled: mean share of the layers       */
    int chances;       /* sampled: enum mwn_chances               */
    int precision;     /* of the meta pass: 0 as in training, else 1 + enum mwn_precision */
};
extern const struct mwn_option mwn_meta_option_rows[];

struct mwn_step {
    struct mwn_learner *learner; /* borrowed                                            */
    struct mwn_meta_options options;
    struct mwn_sgd sgd;       /* the optimiser of w                                  */
    struct mwn_layer_cut cut; /* for meta.gradient=sampled                      */
    double *profile;          /* owned: see layer_profile.h                     */
    uint64_t seed;            /* of the cuts: set after mwn_step_init()         */
    size_t max_n;

    /* Set for each iteration. */
    const struct mwn_batch *train;
    const struct mwn_batch *meta; /* NULL when this iteration has no meta update        */
    double lr;
    uint64_t iteration;  /* from 0                                             */
    const double *given; /* [train->n] weights that the data gives; NULL: all one       */
    bool timed; /* the step is only measured; those before it need not have been made   */

    /* Results, valid within the iteration. */
    double *loss;      /* owned [max_n] of the train batch at w                         */
    double *weight;    /* owned [max_n] V_i as used in the actual step; methods fill it */
    bool passed_over;  /* the train batch took no part: loss and weight hold nothing    */
    double *coef;      /* owned [max_n] work space for c_i                              */
    double *d;         /* owned [max_n] d_i = <grad l_i(w), u>                          */
    double *meta_loss; /* owned [max_n]                                                 */
    double meta_mean;  /* mean meta loss at the virtual parameters                      */
    void *grad, *direction, *shifted; /* owned [n_params]: gradient, u, w^              */
    double *work; /* owned [max_n] losses of the central difference, given_i c_i   */
};

/* sgd fields momentum, dampening, weight_decay, nesterov must be set; max_n bounds both
 * batches. Vectors for the hypergradient are only allocated if it is needed. On failure the step
 * is released. */
MWN_MUST_CHECK mwn_status mwn_step_init(struct mwn_step *step, struct mwn_learner *learner,
                                        const struct mwn_meta_options *options,
                                        size_t max_n, bool needs_hypergradient,
                                        struct mwn_error *err);
void mwn_step_release(struct mwn_step *step);

/* step->loss at w; MWN_ERR_DIVERGED if one is not finite. */
MWN_MUST_CHECK mwn_status mwn_step_forward(struct mwn_step *step, struct mwn_error *err);

/* Virtual step with coefficients given_i coef_i (coef NULL: w^ = w, as in L2RW), meta loss and
 * gradient u there, and step->d = given_i <grad l_i(w), u>. u has no entries for layers that take no part (last_layer, sampled) and
 * is weighted for those that do (sampled). *scale = -lr*s, so that
 * grad_Theta = *scale * sum_i d_i dc_i/dTheta (see step.c). For coef NULL scale is -lr, and
 * step->shifted is left alone; the central difference (meta.gradient fd) uses step->shifted up. */
MWN_MUST_CHECK mwn_status mwn_step_hypergradient(struct mwn_step *step, const double *coef,
                                                 double *scale, struct mwn_error *err);

/* The same for losses of the method's own on the output, of learners with output, pull and tangent:
 * w^ is the virtual step along sum_ik given_i slope_ik grad z_ik(w), slope[train->n][classes]
 * being their derivatives by the logits z, and tangent_ik = given_i <grad z_ik(w), u>. For
 * parameters Theta of the slopes, grad_Theta = *scale * sum_ik tangent_ik dslope_ik/dTheta.
 * Changes slope and step->d. MWN_ERR_CONFIG for meta.gradient=fd. */
MWN_MUST_CHECK mwn_status mwn_step_hypergradient_output(struct mwn_step *step,
                                                        double *slope, double *tangent,
                                                        double *scale,
                                                        struct mwn_error *err);

/* Actual step: w <- Opt_w(sum_i given_i coef_i grad l_i(w)). */
MWN_MUST_CHECK mwn_status mwn_step_update(struct mwn_step *step, const double *coef,
                                          struct mwn_error *err);

/* For learners with output and pull. logits[n][classes] of the last forward's batch, prob (may be
 * NULL) their softmax. MWN_ERR_DIVERGED if one is not finite. */
MWN_MUST_CHECK mwn_status mwn_step_output(const struct mwn_step *step,
                                          const struct mwn_batch *batch, double *logits,
                                          double *prob, struct mwn_error *err);
/* step->grad = sum_i given_i <slope_i, grad logits_i>, slope[train->n][classes] being derivatives of
 * losses of the method's own by the logits. Changes slope. */
MWN_MUST_CHECK mwn_status mwn_step_pull(struct mwn_step *step, double *slope,
                                        struct mwn_error *err);
/* The same, and the actual step along it. */
MWN_MUST_CHECK mwn_status mwn_step_update_output(struct mwn_step *step, double *slope,
                                                 struct mwn_error *err);
/* The same for losses that look at the features too, of learners with pull_both:
 * by_feature[train->n][features] are their derivatives by these. Changes both. */
MWN_MUST_CHECK mwn_status mwn_step_update_both(struct mwn_step *step, double *slope,
                                               double *by_feature, struct mwn_error *err);
/* The meta batch as if it were a train batch: forward, with meta_loss and meta_mean (always of the
 * cross-entropy). backward, output and pull are of it then. */
MWN_MUST_CHECK mwn_status mwn_step_forward_meta(struct mwn_step *step,
                                                struct mwn_error *err);
/* An iteration on the meta batch alone: w <- Opt_w((1/m) sum_j grad l_j^meta(w)). The train batch
 * is passed over, its weights are 0. */
MWN_MUST_CHECK mwn_status mwn_step_learn_meta(struct mwn_step *step, struct mwn_error *err);

/* The weight that the data gives sample i of the train batch. */
static inline double mwn_step_given(const struct mwn_step *step, size_t i)
{
    return step->given ? step->given[i] : 1;
}
#endif

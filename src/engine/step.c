/* step.c - one iteration's verbs: losses, hypergradient, update.
 *
 * With w^(Theta) = w - lr s sum_i c_i(Theta) grad l_i(w) + (terms free of Theta), u the
 * gradient of the mean meta loss at w^ and d_i = <grad l_i(w), u>,
 *
 *     grad_Theta L_meta = -lr s sum_i d_i dc_i/dTheta,
 *
 * because the chain rule stops at c_i. The n numbers d_i are the derivative of the loss vector
 * at w in the direction u: one forward-mode pass beside the activations of the last forward
 * (jvp), a central difference of two forwards (fd, with the step 0.01/|u| of DARTS), the last
 * layer's share alone (last_layer), or an unbiased estimate from the layers above a random one
 * (sampled: layer_cut.c). s is the share of a gradient that the virtual step's optimiser lets
 * through at once (mwn_sgd_scale).
 *
 * Costs, in forward passes of the batch: forward 1, virtual backward 2, meta forward 1, actual
 * backward 2, and between the last two
 *
 *     jvp         meta backward 2, tangent 2                          10 in all
 *     fd          meta backward 2, two forwards 2                     10
 *     last_layer  both of the last layer only                          6 and a little
 *     sampled     both of the layers above the cut                     6 + 4 meta.layers
 *
 * An iteration without a meta batch costs 3, so with meta.every = k and jvp k iterations cost
 * 3(k - 1) + 10. */
#include "engine/step.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "engine/layer_profile.h"
#include "tensor/vec.h"

#include <inttypes.h>
#include <math.h>

static const char *const source_choices[] = {"set", "lowest_loss", NULL};
static const char *const loss_choices[] = {"ce", "mae", NULL};
static const char *const virtual_choices[] = {"sgd", "full", NULL};
static const char *const precision_choices[] = {"same", "f32", "bf16", NULL};
static const char *const gradient_choices[] = {"jvp", "fd", "last_layer", "sampled", NULL};
static const char *const chances_choices[] = {"fixed", "learned", NULL};

#define FIELD(name) offsetof(struct mwn_meta_options, name)
const struct mwn_option mwn_meta_option_rows[] = {
    {"batch", MWN_OPT_INT, FIELD(batch), "100", 1, 65536, NULL,
     "Samples of the meta batch that judges an iteration."},
    {"source", MWN_OPT_CHOICE, FIELD(source), "set", 0, 0, source_choices,
     "Where meta samples come from: the clean set of the data, or, where there is none, "
     "the "
     "training samples of each class with the lowest losses of the last epoch."},
    {"per_class", MWN_OPT_INT, FIELD(per_class), "10", 1, 1000000, NULL,
     "For meta.source=lowest_loss: samples of each class, chosen anew every epoch."},
    {"loss", MWN_OPT_CHOICE, FIELD(loss), "ce", 0, 0, loss_choices,
     "What judges an iteration on the meta batch: the cross-entropy, or mae, the mean "
     "absolute error 2(1 - p), which bears wrong labels in the meta set. Methods that "
     "train "
     "on the meta set itself (finetune, meta_only, glc, fwl, mentornet_dd) do so by its "
     "labels."},
    {"every", MWN_OPT_INT, FIELD(every), "1", 1, 1000000, NULL,
     "Update the weight net in every k-th iteration, the first one included."},
    {"virtual", MWN_OPT_CHOICE, FIELD(virtual_step), "sgd", 0, 0, virtual_choices,
     "Virtual step: plain SGD as in the paper, or full, the optimiser of the actual step "
     "with momentum and weight decay."},
    {"gradient", MWN_OPT_CHOICE, FIELD(gradient), "jvp", 0, 0, gradient_choices,
     "Meta-gradient: jvp is exact; fd is a central difference, as slow; last_layer leaves "
     "out all other layers, fast and biased; sampled takes the layers above a random one, "
     "without bias."},
    {"layers", MWN_OPT_REAL, FIELD(layers), "0.5", 0.01, 1, NULL,
     "For meta.gradient=sampled: mean share of the layers that take part; less is faster "
     "and noisier. The last layer always does."},
    {"chances", MWN_OPT_CHOICE, FIELD(chances), "fixed", 0, 0, chances_choices,
     "For meta.gradient=sampled: the chances of the layers, fixed, or learned, so that the "
     "noise is least by what was measured last, every 500 updates."},
    {"precision", MWN_OPT_CHOICE, FIELD(precision), "same", 0, 0, precision_choices,
     "How activations of the meta batch are stored: same as train.precision, f32 or bf16."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef FIELD

static mwn_status allocate_losses(struct mwn_step *step, struct mwn_error *err)
{
    double **const rows[] = {&step->loss, &step->weight,    &step->coef,
                             &step->d,    &step->meta_loss, &step->work};
    for (size_t i = 0; i < MWN_COUNT(rows); i++) {
        *rows[i] = mwn_alloc(step->max_n, sizeof(double));
        if (!*rows[i])
            return mwn_fail_memory(err, step->max_n * sizeof(double), "batch losses");
    }
    return MWN_OK;
}

static mwn_status allocate_vectors(struct mwn_step *step, bool needs_hypergradient,
                                   struct mwn_error *err)
{
    size_t size = mwn_dtype_size(step->learner->dtype), n = step->learner->n_params;
    size_t bytes = n <= SIZE_MAX / size / 3 ? n * size : 0;
    bool whole = bytes > 0 && (step->grad = mwn_arena_alloc(bytes)) != NULL;
    if (whole && needs_hypergradient) {
        step->direction = mwn_arena_alloc(bytes);
        step->shifted = mwn_arena_alloc(bytes);
        step->profile = mwn_alloc(2 * step->cut.layers, sizeof *step->profile);
        whole = step->direction && step->shifted && step->profile;
    }
    return whole ? MWN_OK : mwn_fail_memory(err, 3 * n * size, "gradient vectors");
}

mwn_status mwn_step_init(struct mwn_step *step, struct mwn_learner *learner,
                         const struct mwn_meta_options *options, size_t max_n,
                         bool needs_hypergradient, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_sgd sgd = step->sgd;
    *step = (struct mwn_step){.learner = learner, .options = *options, .max_n = max_n};
    step->sgd.momentum = sgd.momentum;
    step->sgd.dampening = sgd.dampening;
    step->sgd.weight_decay = sgd.weight_decay;
    step->sgd.nesterov = sgd.nesterov;
    step->cut = mwn_layer_cut_of(mwn_layer_count(learner), options->layers);
    MWN_TRY(mwn_sgd_init(&step->sgd, learner->dtype, learner->n_params, err));
    MWN_TRY(allocate_losses(step, err));
    MWN_TRY(allocate_vectors(step, needs_hypergradient, err));
out:
    if (status != MWN_OK)
        mwn_step_release(step);
    return status;
}

void mwn_step_release(struct mwn_step *step)
{
    if (!step->learner)
        return;
    size_t bytes = step->learner->n_params * mwn_dtype_size(step->learner->dtype);
    void *vectors[] = {step->grad, step->direction, step->shifted};
    double *losses[] = {step->loss, step->weight,    step->coef,
                        step->d,    step->meta_loss, step->work};
    for (size_t i = 0; i < MWN_COUNT(vectors); i++)
        if (vectors[i])
            mwn_arena_free(vectors[i], bytes);
    for (size_t i = 0; i < MWN_COUNT(losses); i++)
        mwn_free(losses[i]);
    mwn_free(step->profile);
    mwn_sgd_release(&step->sgd);
    *step = (struct mwn_step){0};
}

/* MWN_ERR_DIVERGED unless all values, one a sample of the batch, are finite. */
static mwn_status check_finite(const struct mwn_step *step, const struct mwn_batch *batch,
                               const double *value, const char *what, struct mwn_error *err)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (isfinite(value[i]))
            continue;
        if (batch->index)
            mwn_fail(err, MWN_ERR_DIVERGED,
                     "iteration %" PRIu64 ": the %s sample %" PRIu32 " is %g",
                     step->iteration, what, batch->index[i], value[i]);
        else
            mwn_fail(err, MWN_ERR_DIVERGED,
                     "iteration %" PRIu64 ": the %s sample %zu of the "
                     "batch is %g",
                     step->iteration, what, i, value[i]);
        mwn_hint(err,
                 "use a lower train.lr (it is %g here), and see that no input value is "
                 "huge or not a number",
                 step->lr);
        return MWN_ERR_DIVERGED;
    }
    return MWN_OK;
}

mwn_status mwn_step_forward(struct mwn_step *step, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    step->passed_over = false;
    mwn_status status = learner->forward(learner->self, step->train, step->loss, err);
    if (status != MWN_OK)
        return status;
    return check_finite(step, step->train, step->loss, "loss of training", err);
}

/* given_i coef_i, in step->work if they differ from coef. */
static const double *apply_given(struct mwn_step *step, const double *coef)
{
    if (!step->given)
        return coef;
    for (size_t i = 0; i < step->train->n; i++)
        step->work[i] = step->given[i] * coef[i];
    return step->work;
}

/* w^, the step along step->grad, into step->shifted; returns -lr s. */
static double virtual_step(struct mwn_step *step)
{
    const struct mwn_learner *learner = step->learner;
    if (step->options.virtual_step == MWN_VIRTUAL_FULL) {
        mwn_sgd_virtual(&step->sgd, step->lr, learner->params, step->grad, step->shifted);
        return -step->lr * mwn_sgd_scale(&step->sgd);
    }
    mwn_vec_add(learner->dtype, learner->n_params, learner->params, -step->lr, step->grad,
                step->shifted);
    return -step->lr;
}

/* The mean absolute error of a softmax with probability p of the label is 2(1 - p), that is
 * g(l) = 2(1 - exp(-l)) of its cross-entropy l (Ghosh et al., AAAI 2017; as a meta loss: Shu et
 * al., CMW-Net, TPAMI 2023), so its gradient is g'(l) grad l = 2 exp(-l) grad l. */
static void mae_slope(size_t m, const double *loss, double *coef)
{
    for (size_t j = 0; j < m; j++)
        coef[j] = 2 * exp(-loss[j]) / (double)m;
}

static double meta_loss_of(const struct mwn_step *step, double loss)
{
    return step->options.loss == MWN_META_LOSS_MAE ? 2 * (1 - exp(-loss)) : loss;
}

/* The entries of u from index `from` on into step->direction, the meta losses and their mean. */
static mwn_status meta_pass(struct mwn_step *step, const void *params, size_t from,
                            struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    bool mae = step->options.loss == MWN_META_LOSS_MAE;
    const struct mwn_meta_pass pass = {step->meta_loss, step->direction, from,
                                       mae ? mae_slope : NULL, step->work};
    double sum = 0;
    mwn_status status = learner->meta(learner->self, params, step->meta, &pass, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < step->meta->n; i++)
        sum += meta_loss_of(step, step->meta_loss[i]);
    step->meta_mean = sum / (double)step->meta->n;
    return check_finite(step, step->meta, step->meta_loss, "loss of meta", err);
}

/* d_i = (l_i(w + eps u) - l_i(w - eps u)) / 2 eps. */
static mwn_status central_difference(struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_learner *learner = step->learner;
    enum mwn_dtype dtype = learner->dtype;
    size_t n = step->train->n, size = learner->n_params;
    double norm = sqrt(mwn_vec_dot(dtype, size, step->direction, step->direction));
    double eps = norm > 0 ? 0.01 / norm : 1;
    const struct mwn_meta_pass up = {.loss = step->d}, down = {.loss = step->work};
    mwn_vec_add(dtype, size, learner->params, eps, step->direction, step->shifted);
    MWN_TRY(learner->meta(learner->self, step->shifted, step->train, &up, err));
    mwn_vec_add(dtype, size, learner->params, -eps, step->direction, step->shifted);
    MWN_TRY(learner->meta(learner->self, step->shifted, step->train, &down, err));
    for (size_t i = 0; i < n; i++)
        step->d[i] = (step->d[i] - step->work[i]) / (2 * eps);
out:
    return status;
}

/* This iteration's cut: a function of (seed, iteration), so that a resumed run draws the same. */
static size_t draw_cut(const struct mwn_step *step)
{
    struct mwn_rng rng = mwn_rng_at(step->seed, MWN_STREAM_LAYERS, step->iteration, 0);
    const struct mwn_layer_cut cut = mwn_layer_profile_cut(step);
    return mwn_layer_cut_draw(&cut, mwn_rng_unit(&rng));
}

/* Multiplies u by 1/chance in the layers that take part; d_i is linear in u. */
static void weigh_layers(struct mwn_step *step, size_t first)
{
    const struct mwn_learner *learner = step->learner;
    size_t size = mwn_dtype_size(learner->dtype);
    const struct mwn_layer_cut cut = mwn_layer_profile_cut(step);
    for (size_t k = first; k < cut.layers; k++) {
        size_t begin = mwn_layer_first(learner, k), end = mwn_layer_first(learner, k + 1);
        double more = 1 / mwn_layer_cut_chance(&cut, k) - 1;
        char *u = (char *)step->direction + begin * size;
        mwn_vec_add(learner->dtype, end - begin, u, more, u, u);
    }
}

/* u into step->direction; its entries before *from count as zero. */
static mwn_status meta_direction(struct mwn_step *step, const void *params, size_t *from,
                                 struct mwn_error *err)
{
    bool sampled = step->options.gradient == MWN_GRADIENT_SAMPLED;
    bool measures = sampled && mwn_layer_profile_is_due(step);
    size_t cut = sampled && !measures ? draw_cut(step) : 0;
    *from = 0;
    if (sampled)
        *from = mwn_layer_first(step->learner, cut);
    else if (step->options.gradient == MWN_GRADIENT_LAST_LAYER)
        *from = step->learner->head;
    mwn_status status = meta_pass(step, params, *from, err);
    if (status == MWN_OK && measures)
        return mwn_layer_profile_measure(step, err);
    if (status == MWN_OK && sampled)
        weigh_layers(step, cut);
    return status;
}

mwn_status mwn_step_hypergradient(struct mwn_step *step, const double *coef, double *scale,
                                  struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_learner *learner = step->learner;
    double along = -step->lr;
    size_t from = 0;
    if (coef) {
        MWN_TRY(learner->backward(learner->self, apply_given(step, coef), step->grad, err));
        along = virtual_step(step);
    }
    MWN_TRY(meta_direction(step, coef ? step->shifted : learner->params, &from, err));
    if (step->options.gradient == MWN_GRADIENT_FD)
        MWN_TRY(central_difference(step, err));
    else
        MWN_TRY(learner->jvp(learner->self, step->direction, from, step->d, err));
    for (size_t i = 0; step->given && i < step->train->n; i++)
        step->d[i] *= step->given[i];
    MWN_TRY(check_finite(step, step->train, step->d, "meta-gradient along training", err));
    *scale = along;
out:
    return status;
}

mwn_status mwn_step_hypergradient_output(struct mwn_step *step, double *slope,
                                         double *tangent, double *scale,
                                         struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_learner *learner = step->learner;
    size_t classes = learner->classes, from = 0;
    double along = 0;
    if (step->options.gradient == MWN_GRADIENT_FD) {
        mwn_fail(err, MWN_ERR_CONFIG,
                 "the method needs derivatives of the network's output, which the central "
                 "differences of losses are not");
        return mwn_hint(err, "set meta.gradient to jvp, last_layer or sampled");
    }
    MWN_TRY(mwn_step_pull(step, slope, err));
    along = virtual_step(step);
    MWN_TRY(meta_direction(step, step->shifted, &from, err));
    MWN_TRY(learner->tangent(learner->self, step->direction, from, tangent, err));
    for (size_t i = 0; i < step->train->n; i++) {
        step->d[i] = 0;
        for (size_t k = 0; k < classes; k++) {
            tangent[i * classes + k] *= mwn_step_given(step, i);
            step->d[i] += tangent[i * classes + k];
        }
    }
    MWN_TRY(check_finite(step, step->train, step->d, "meta-gradient along training", err));
    *scale = along;
out:
    return status;
}

mwn_status mwn_step_update(struct mwn_step *step, const double *coef, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    mwn_status status =
        learner->backward(learner->self, apply_given(step, coef), step->grad, err);
    if (status == MWN_OK)
        mwn_sgd_update(&step->sgd, step->lr, learner->params, step->grad);
    return status;
}

mwn_status mwn_step_output(const struct mwn_step *step, const struct mwn_batch *batch,
                           double *logits, double *prob, struct mwn_error *err)
{
    const struct mwn_learner *learner = step->learner;
    size_t classes = learner->classes;
    mwn_status status = learner->output(learner->self, logits, err);
    for (size_t i = 0; i < batch->n && status == MWN_OK; i++) {
        const double *z = logits + i * classes;
        double top = -HUGE_VAL, sum = 0;
        for (size_t k = 0; k < classes; k++)
            top = !(z[k] <= top) ? z[k] : top;
        for (size_t k = 0; k < classes; k++)
            sum += exp(z[k] - top);
        for (size_t k = 0; prob && k < classes; k++)
            prob[i * classes + k] = exp(z[k] - top) / sum;
        if (!isfinite(sum))
            status =
                mwn_fail(err, MWN_ERR_DIVERGED,
                         "iteration %" PRIu64 ": an output for sample %zu of the batch "
                         "is not finite",
                         step->iteration, i);
    }
    return status;
}

/* Multiplies row i of value[n][width] by given_i. */
static void give_rows(const struct mwn_step *step, size_t width, double *value)
{
    for (size_t i = 0; step->given && i < step->train->n; i++)
        for (size_t k = 0; k < width; k++)
            value[i * width + k] *= step->given[i];
}

mwn_status mwn_step_pull(struct mwn_step *step, double *slope, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    give_rows(step, learner->classes, slope);
    return learner->pull(learner->self, slope, step->grad, err);
}

mwn_status mwn_step_update_output(struct mwn_step *step, double *slope,
                                  struct mwn_error *err)
{
    mwn_status status = mwn_step_pull(step, slope, err);
    if (status == MWN_OK)
        mwn_sgd_update(&step->sgd, step->lr, step->learner->params, step->grad);
    return status;
}

mwn_status mwn_step_update_both(struct mwn_step *step, double *slope, double *by_feature,
                                struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    give_rows(step, learner->classes, slope);
    give_rows(step, learner->features, by_feature);
    mwn_status status =
        learner->pull_both(learner->self, slope, by_feature, step->grad, err);
    if (status == MWN_OK)
        mwn_sgd_update(&step->sgd, step->lr, learner->params, step->grad);
    return status;
}

mwn_status mwn_step_forward_meta(struct mwn_step *step, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    double sum = 0;
    mwn_status status = learner->forward(learner->self, step->meta, step->meta_loss, err);
    if (status != MWN_OK)
        return status;
    for (size_t j = 0; j < step->meta->n; j++)
        sum += step->meta_loss[j];
    step->meta_mean = sum / (double)step->meta->n;
    return check_finite(step, step->meta, step->meta_loss, "loss of meta", err);
}

mwn_status mwn_step_learn_meta(struct mwn_step *step, struct mwn_error *err)
{
    struct mwn_learner *learner = step->learner;
    mwn_status status = mwn_step_forward_meta(step, err);
    if (status != MWN_OK)
        return status;
    step->passed_over = true;
    for (size_t i = 0; i < step->train->n; i++)
        step->loss[i] = step->weight[i] = 0;
    for (size_t j = 0; j < step->meta->n; j++)
        step->coef[j] = 1 / (double)step->meta->n;
    status = learner->backward(learner->self, step->coef, step->grad, err);
    if (status == MWN_OK)
        mwn_sgd_update(&step->sgd, step->lr, learner->params, step->grad);
    return status;
}

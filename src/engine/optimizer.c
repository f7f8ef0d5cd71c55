/* optimizer.c - SGD on the flat vector w and SGD or Adam on Theta, as PyTorch defines them.
 *
 * SGD, with g the gradient, mu the momentum and tau the dampening:
 *   g' = g + weight_decay w
 *   b  = mu b + (1 - tau) g'   (b = g' as long as there is no b; no b at all if mu = 0)
 *   w <- w - lr (g' + mu b if nesterov, b otherwise, g' if mu = 0)
 *
 * Adam, at its t-th step:
 *   m = beta1 m + (1 - beta1) g',   v = beta2 v + (1 - beta2) g'^2
 *   w <- w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps) */
#include "engine/optimizer.h"

#include "base/mem.h"
#include "base/status.h"
#include "tensor/vec.h"

#include <math.h>
#include <string.h>

/* Shorter vectors are not worth waking threads for. */
enum { PARALLEL_FROM = 1 << 15 };

/* One step as numbers: g' = g + decay w; b = keep b + take g'; step = direct g' + through b. */
struct sgd_terms {
    double lr, decay, keep, take, direct, through;
};

static struct sgd_terms terms_of(const struct mwn_sgd *sgd, double lr)
{
    struct sgd_terms t = {lr, sgd->weight_decay, 0, 1, 0, 1};
    if (sgd->has_buffer) {
        t.keep = sgd->momentum;
        t.take = 1 - sgd->dampening;
    }
    if (sgd->nesterov) {
        t.direct = 1;
        t.through = sgd->momentum;
    }
    return t;
}

#define real    float
#define NAME(x) x##_f32
#include "engine/sgd_kernels.inc"
#undef real
#undef NAME
#define real    double
#define NAME(x) x##_f64
#include "engine/sgd_kernels.inc"
#undef real
#undef NAME

mwn_status mwn_sgd_init(struct mwn_sgd *sgd, enum mwn_dtype dtype, size_t n,
                        struct mwn_error *err)
{
    size_t size = mwn_dtype_size(dtype);
    sgd->dtype = dtype;
    sgd->n = n;
    sgd->buffer = NULL;
    sgd->has_buffer = false;
    if (sgd->momentum <= 0)
        return MWN_OK;
    sgd->buffer = n <= SIZE_MAX / size ? mwn_arena_alloc(n * size) : NULL;
    return sgd->buffer ? MWN_OK : mwn_fail_memory(err, n * size, "the momentum");
}

void mwn_sgd_release(struct mwn_sgd *sgd)
{
    if (sgd->buffer)
        mwn_arena_free(sgd->buffer, sgd->n * mwn_dtype_size(sgd->dtype));
    sgd->buffer = NULL;
    sgd->has_buffer = false;
}

void mwn_sgd_update(struct mwn_sgd *sgd, double lr, void *w, const void *grad)
{
    struct sgd_terms t = terms_of(sgd, lr);
    if (sgd->dtype == MWN_F64 && sgd->buffer)
        moving_f64(&t, sgd->n, sgd->buffer, w, grad);
    else if (sgd->dtype == MWN_F64)
        plain_f64(&t, sgd->n, w, grad, w);
    else if (sgd->buffer)
        moving_f32(&t, sgd->n, sgd->buffer, w, grad);
    else
        plain_f32(&t, sgd->n, w, grad, w);
    sgd->has_buffer = sgd->buffer != NULL;
}

void mwn_sgd_virtual(const struct mwn_sgd *sgd, double lr, const void *w, const void *grad,
                     void *out)
{
    struct sgd_terms t = terms_of(sgd, lr);
    if (sgd->dtype == MWN_F64 && sgd->buffer)
        trial_f64(&t, sgd->n, sgd->buffer, w, grad, out);
    else if (sgd->dtype == MWN_F64)
        plain_f64(&t, sgd->n, w, grad, out);
    else if (sgd->buffer)
        trial_f32(&t, sgd->n, sgd->buffer, w, grad, out);
    else
        plain_f32(&t, sgd->n, w, grad, out);
}

double mwn_sgd_scale(const struct mwn_sgd *sgd)
{
    if (!sgd->buffer)
        return 1;
    struct sgd_terms t = terms_of(sgd, 1);
    return t.direct + t.through * t.take;
}

mwn_status mwn_theta_optimizer_init(struct mwn_theta_optimizer *opt, size_t n,
                                    struct mwn_error *err)
{
    opt->n = n;
    opt->steps = 0;
    opt->first = mwn_alloc(n, sizeof *opt->first);
    opt->second = mwn_alloc(n, sizeof *opt->second);
    if (opt->first && opt->second)
        return MWN_OK;
    mwn_theta_optimizer_release(opt);
    return mwn_fail_memory(err, 2 * n * sizeof(double), "the weight net's optimiser");
}

void mwn_theta_optimizer_release(struct mwn_theta_optimizer *opt)
{
    mwn_free(opt->first);
    mwn_free(opt->second);
    opt->first = opt->second = NULL;
}

static void theta_sgd(struct mwn_theta_optimizer *opt, double *theta, const double *grad)
{
    for (size_t i = 0; i < opt->n; i++) {
        double g = grad[i] + opt->weight_decay * theta[i];
        double b = opt->momentum * opt->first[i] + g;
        opt->first[i] = b;
        theta[i] -= opt->lr * (opt->nesterov ? g + opt->momentum * b : b);
    }
}

static void theta_adam(struct mwn_theta_optimizer *opt, double *theta, const double *grad)
{
    const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    double t = (double)opt->steps;
    double rate = opt->lr / (1 - pow(beta1, t)), root = sqrt(1 - pow(beta2, t));
    for (size_t i = 0; i < opt->n; i++) {
        double g = grad[i] + opt->weight_decay * theta[i];
        double *m = &opt->first[i], *v = &opt->second[i];
        *m = beta1 * *m + (1 - beta1) * g;
        *v = beta2 * *v + (1 - beta2) * g * g;
        theta[i] -= rate * *m / (sqrt(*v) / root + eps);
    }
}

void mwn_theta_optimizer_update(struct mwn_theta_optimizer *opt, double *theta,
                                const double *grad)
{
    opt->steps++;
    if (opt->rule == MWN_THETA_ADAM)
        theta_adam(opt, theta, grad);
    else
        theta_sgd(opt, theta, grad);
}

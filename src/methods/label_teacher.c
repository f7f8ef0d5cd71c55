/* label_teacher.c - the teacher of mlc: forward and backward, in double. */
#include "methods/label_teacher.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "methods/formulas.h"
#include "tensor/dense.h"

#include <math.h>
#include <string.h>

enum { EMBED, W1, B1, LAYERS = 3 };

static void place(struct mwn_label_teacher *t)
{
    const size_t width[] = {t->features + t->embedding, t->hidden, t->hidden, t->classes};
    memcpy(t->width, width, sizeof width);
    t->at[EMBED] = 0;
    t->n_params = t->classes * t->embedding;
    for (int k = 0; k < LAYERS; k++) {
        t->at[W1 + 2 * k] = t->n_params;
        t->at[B1 + 2 * k] = t->n_params + width[k] * width[k + 1];
        t->n_params += (width[k] + 1) * width[k + 1];
    }
}

/* Xavier: normal for the layers' weights, uniform for the embedding; biases are zero. */
static void begin_values(struct mwn_label_teacher *t, uint64_t seed)
{
    struct mwn_rng rng = mwn_rng_at(seed, MWN_STREAM_TEACHER, 0, 0);
    double bound = sqrt(6 / (double)(t->classes + t->embedding));
    for (size_t i = 0; i < t->classes * t->embedding; i++)
        t->theta[i] = bound * (2 * mwn_rng_unit(&rng) - 1);
    for (int k = 0; k < LAYERS; k++) {
        double spread = sqrt(2 / (double)(t->width[k] + t->width[k + 1]));
        for (size_t i = t->at[W1 + 2 * k]; i < t->at[B1 + 2 * k]; i++)
            t->theta[i] = spread * mwn_rng_normal(&rng);
    }
}

mwn_status mwn_label_teacher_init(struct mwn_label_teacher *t, size_t max_n, uint64_t seed,
                                  struct mwn_error *err)
{
    size_t widest = 0, total = 0;
    place(t);
    t->theta = mwn_alloc(t->n_params, sizeof(double));
    t->grad = mwn_alloc(t->n_params, sizeof(double));
    t->target = mwn_alloc(max_n, t->classes * sizeof(double));
    bool fine = t->theta && t->grad && t->target;
    for (int k = 0; k < LAYERS; k++) {
        t->value[k] = mwn_alloc(max_n, t->width[k] * sizeof(double));
        fine = fine && t->value[k];
    }
    for (int k = 0; k <= LAYERS; k++) {
        widest = t->width[k] > widest ? t->width[k] : widest;
        total += t->width[k];
    }
    for (int k = 0; k < 2; k++) {
        t->delta[k] = mwn_alloc(max_n, widest * sizeof(double));
        fine = fine && t->delta[k];
    }
    if (!fine)
        return mwn_fail_memory(
            err, (2 * t->n_params + max_n * (total + 2 * widest)) * sizeof(double),
            "the teacher");
    begin_values(t, seed);
    return MWN_OK;
}

void mwn_label_teacher_release(struct mwn_label_teacher *t)
{
    double *const all[] = {t->theta,    t->grad,     t->target,   t->value[0],
                           t->value[1], t->value[2], t->delta[0], t->delta[1]};
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        mwn_free(all[i]);
    *t = (struct mwn_label_teacher){0};
}

static struct mwn_dense layer_of(const struct mwn_label_teacher *t, int k)
{
    return (struct mwn_dense){t->width[k], t->width[k + 1], t->theta + t->at[W1 + 2 * k],
                              t->theta + t->at[B1 + 2 * k]};
}

/* The first layer's input: features and the label's embedding. */
static void set_input(struct mwn_label_teacher *t, size_t n, const double *feature,
                      const int32_t *label)
{
    for (size_t i = 0; i < n; i++) {
        double *x = t->value[0] + i * t->width[0];
        memcpy(x, feature + i * t->features, t->features * sizeof *x);
        memcpy(x + t->features, t->theta + (size_t)label[i] * t->embedding,
               t->embedding * sizeof *x);
    }
}

void mwn_label_teacher_forward(struct mwn_label_teacher *t, size_t n, const double *feature,
                               const int32_t *label)
{
    set_input(t, n, feature, label);
    for (int k = 0; k < LAYERS; k++) {
        const struct mwn_dense layer = layer_of(t, k);
        double *y = k + 1 < LAYERS ? t->value[k + 1] : t->target;
        mwn_dense_forward(&layer, n, t->value[k], y);
        for (size_t i = 0; k + 1 < LAYERS && i < n * layer.out; i++)
            y[i] = tanh(y[i]);
    }
    for (size_t i = 0; i < n; i++)
        mwn_softmax(t->classes, t->target + i * t->classes, t->target + i * t->classes);
}

/* From the derivatives by a layer's output, dy, to those by its parameters, and by what its
 * input was before the tanh, in dx. */
static void back(struct mwn_label_teacher *t, int k, size_t n, const double *dy, double *dx)
{
    const struct mwn_dense layer = layer_of(t, k);
    const double *x = t->value[k];
    mwn_dense_backward(&layer, n, x, dy, t->grad + t->at[W1 + 2 * k], dx);
    for (size_t i = 0; i < n * layer.out; i++)
        t->grad[t->at[B1 + 2 * k] + i % layer.out] += dy[i];
    for (size_t i = 0; k > 0 && i < n * layer.in; i++)
        dx[i] *= 1 - x[i] * x[i];
}

/* The derivatives by what the softmax is taken of. */
static void back_softmax(const struct mwn_label_teacher *t, size_t n, const double *by,
                         double *dz)
{
    for (size_t i = 0; i < n; i++) {
        const double *q = t->target + i * t->classes, *row = by + i * t->classes;
        double mean = mwn_dense_dot(t->classes, q, row);
        for (size_t k = 0; k < t->classes; k++)
            dz[i * t->classes + k] = q[k] * (row[k] - mean);
    }
}

void mwn_label_teacher_backward(struct mwn_label_teacher *t, size_t n, const int32_t *label,
                                const double *by)
{
    double *d = t->delta[0], *below = t->delta[1];
    memset(t->grad, 0, t->n_params * sizeof *t->grad);
    back_softmax(t, n, by, d);
    for (int k = LAYERS - 1; k >= 0; k--) {
        back(t, k, n, d, below);
        double *swap = d;
        d = below;
        below = swap;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < t->embedding; k++)
            t->grad[(size_t)label[i] * t->embedding + k] +=
                d[i * t->width[0] + t->features + k];
}

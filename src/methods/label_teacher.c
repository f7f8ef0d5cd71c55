/* label_teacher.c - the teacher of mlc: forward and backward, in double. */
#include "methods/label_teacher.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "methods/formulas.h"

#include <math.h>
#include <string.h>

enum { EMBED, W1, B1, W2, B2, W3, B3 };

static void place(struct mwn_label_teacher *t)
{
    size_t in = t->features + t->embedding;
    const size_t size[7] = {t->classes * t->embedding,
                            t->hidden * in,
                            t->hidden,
                            t->hidden * t->hidden,
                            t->hidden,
                            t->classes * t->hidden,
                            t->classes};
    t->n_params = 0;
    for (int k = 0; k < 7; k++) {
        t->at[k] = t->n_params;
        t->n_params += size[k];
    }
}

/* Xavier: normal for the layers' weights, uniform for the embedding; biases are zero. */
static void begin_values(struct mwn_label_teacher *t, uint64_t seed)
{
    struct mwn_rng rng = mwn_rng_at(seed, MWN_STREAM_TEACHER, 0, 0);
    const size_t out[3] = {t->hidden, t->hidden, t->classes};
    size_t in = t->features + t->embedding;
    double bound = sqrt(6 / (double)(t->classes + t->embedding));
    for (size_t i = 0; i < t->classes * t->embedding; i++)
        t->theta[i] = bound * (2 * mwn_rng_unit(&rng) - 1);
    for (int layer = 0; layer < 3; in = out[layer++]) {
        double spread = sqrt(2 / (double)(in + out[layer]));
        double *w = t->theta + t->at[W1 + 2 * layer];
        for (size_t i = 0; i < in * out[layer]; i++)
            w[i] = spread * mwn_rng_normal(&rng);
    }
}

mwn_status mwn_label_teacher_init(struct mwn_label_teacher *t, size_t max_n, uint64_t seed,
                                  struct mwn_error *err)
{
    size_t in = t->features + t->embedding;
    size_t widest = in > t->hidden ? in : t->hidden;
    place(t);
    widest = t->classes > widest ? t->classes : widest;
    t->theta = mwn_alloc(t->n_params, sizeof(double));
    t->grad = mwn_alloc(t->n_params, sizeof(double));
    t->input = mwn_alloc(max_n, in * sizeof(double));
    t->first = mwn_alloc(max_n, t->hidden * sizeof(double));
    t->second = mwn_alloc(max_n, t->hidden * sizeof(double));
    t->target = mwn_alloc(max_n, t->classes * sizeof(double));
    t->delta = mwn_alloc(3, widest * sizeof(double));
    if (!t->theta || !t->grad || !t->input || !t->first || !t->second || !t->target ||
        !t->delta)
        return mwn_fail_memory(err, (2 * t->n_params + max_n * in) * sizeof(double),
                               "the teacher");
    begin_values(t, seed);
    return MWN_OK;
}

void mwn_label_teacher_release(struct mwn_label_teacher *t)
{
    double *const all[] = {t->theta,  t->grad,   t->input, t->first,
                           t->second, t->target, t->delta};
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        mwn_free(all[i]);
    *t = (struct mwn_label_teacher){0};
}

/* A layer of the teacher: y[out] = W x[in] + b. */
struct affine {
    size_t in, out;
    const double *w, *b;
};

static struct affine layer_of(const struct mwn_label_teacher *t, int k)
{
    const size_t in = k == 0 ? t->features + t->embedding : t->hidden;
    return (struct affine){in, k == 2 ? t->classes : t->hidden,
                           t->theta + t->at[W1 + 2 * k], t->theta + t->at[B1 + 2 * k]};
}

static void run(const struct affine *a, const double *x, double *y)
{
    for (size_t j = 0; j < a->out; j++) {
        double sum = 0;
        for (size_t i = 0; i < a->in; i++)
            sum += a->w[j * a->in + i] * x[i];
        y[j] = a->b[j] + sum;
    }
}

static void run_tanh(const struct affine *a, const double *x, double *y)
{
    run(a, x, y);
    for (size_t j = 0; j < a->out; j++)
        y[j] = tanh(y[j]);
}

void mwn_label_teacher_forward(struct mwn_label_teacher *t, size_t n, const double *feature,
                               const int32_t *label)
{
    const struct affine a[3] = {layer_of(t, 0), layer_of(t, 1), layer_of(t, 2)};
    for (size_t i = 0; i < n; i++) {
        double *x = t->input + i * a[0].in, *h = t->first + i * t->hidden;
        double *g = t->second + i * t->hidden, *q = t->target + i * t->classes;
        memcpy(x, feature + i * t->features, t->features * sizeof *x);
        memcpy(x + t->features, t->theta + (size_t)label[i] * t->embedding,
               t->embedding * sizeof *x);
        run_tanh(&a[0], x, h);
        run_tanh(&a[1], h, g);
        run(&a[2], g, q);
        mwn_softmax(t->classes, q, q);
    }
}

/* From the derivative by a layer's output to those by its parameters, and by its input if dx. */
static void back(struct mwn_label_teacher *t, int k, const double *x, const double *dy,
                 double *dx)
{
    struct affine a = layer_of(t, k);
    double *gw = t->grad + t->at[W1 + 2 * k], *gb = t->grad + t->at[B1 + 2 * k];
    memset(dx, 0, a.in * sizeof *dx);
    for (size_t j = 0; j < a.out; j++) {
        gb[j] += dy[j];
        for (size_t i = 0; i < a.in; i++) {
            gw[j * a.in + i] += dy[j] * x[i];
            dx[i] += dy[j] * a.w[j * a.in + i];
        }
    }
}

/* d[n] *= 1 - y^2, through a tanh. */
static void back_tanh(size_t n, const double *y, double *d)
{
    for (size_t j = 0; j < n; j++)
        d[j] *= 1 - y[j] * y[j];
}

void mwn_label_teacher_backward(struct mwn_label_teacher *t, size_t n, const int32_t *label,
                                const double *by)
{
    size_t in = t->features + t->embedding, classes = t->classes;
    size_t widest = in > t->hidden ? in : t->hidden;
    widest = classes > widest ? classes : widest;
    double *dz = t->delta, *d = dz + widest, *e = d + widest;
    memset(t->grad, 0, t->n_params * sizeof *t->grad);
    for (size_t i = 0; i < n; i++) {
        const double *q = t->target + i * classes, *row = by + i * classes;
        double mean = 0;
        for (size_t k = 0; k < classes; k++)
            mean += q[k] * row[k];
        for (size_t k = 0; k < classes; k++)
            dz[k] = q[k] * (row[k] - mean);
        back(t, 2, t->second + i * t->hidden, dz, d);
        back_tanh(t->hidden, t->second + i * t->hidden, d);
        back(t, 1, t->first + i * t->hidden, d, e);
        back_tanh(t->hidden, t->first + i * t->hidden, e);
        back(t, 0, t->input + i * in, e, d);
        for (size_t k = 0; k < t->embedding; k++)
            t->grad[(size_t)label[i] * t->embedding + k] += d[t->features + k];
    }
}

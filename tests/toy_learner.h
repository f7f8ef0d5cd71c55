/* toy_learner.h - a small classifier in double, written out by hand, for tests of the bilevel
 * core: tanh layer, a normalisation that couples the samples of a batch, linear layer.
 *
 *   h_i = tanh(A x_i + a),  m = mean_i h_i,  r = 1 / (1 + (1/n) sum_ik h_ik^2)
 *   g_i = r (h_i - m),      z_i = B g_i + b, loss_i = -log softmax(z_i)_y
 *
 * Parameters in order: A [HIDDEN][IN], a [HIDDEN], B [CLASSES][HIDDEN], b [CLASSES]. */
#ifndef TOY_LEARNER_H
#define TOY_LEARNER_H

#include "base/base.h"

#include <math.h>
#include <string.h>

enum { TOY_IN = 3, TOY_HIDDEN = 4, TOY_CLASSES = 3, TOY_BATCH = 8 };
enum {
    TOY_AT_BIAS = TOY_HIDDEN * TOY_IN,
    TOY_AT_HEAD = TOY_AT_BIAS + TOY_HIDDEN,
    TOY_AT_OUT = TOY_AT_HEAD + TOY_CLASSES * TOY_HIDDEN,
    TOY_PARAMS = TOY_AT_OUT + TOY_CLASSES
};

/* What a forward pass keeps. */
struct toy_pass {
    size_t n;
    const double *x;
    double h[TOY_BATCH][TOY_HIDDEN], mean[TOY_HIDDEN], r;
    double p[TOY_BATCH][TOY_CLASSES]; /* softmax minus one-hot: dloss/dz */
    double z[TOY_BATCH][TOY_CLASSES]; /* logits                          */
};

struct toy {
    double params[TOY_PARAMS];
    double *other;        /* the parameters in use instead of params, or NULL       */
    double stat;          /* how many samples came by in training: a running number */
    struct toy_pass pass; /* of the last forward */
    int fail_in;          /* the call that fails: counts down from here; 0: none */
};

static double *toy_w(struct toy *toy)
{
    return toy->other ? toy->other : toy->params;
}

static double toy_hidden(struct toy_pass *pass, const double *w)
{
    double square = 0;
    memset(pass->mean, 0, sizeof pass->mean);
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t k = 0; k < TOY_HIDDEN; k++) {
            double z = w[TOY_AT_BIAS + k];
            for (size_t j = 0; j < TOY_IN; j++)
                z += w[k * TOY_IN + j] * pass->x[i * TOY_IN + j];
            pass->h[i][k] = tanh(z);
            pass->mean[k] += pass->h[i][k] / (double)pass->n;
            square += pass->h[i][k] * pass->h[i][k] / (double)pass->n;
        }
    }
    return 1 / (1 + square);
}

static void toy_run(struct toy_pass *pass, const double *w, const struct mwn_batch *batch,
                    double *loss)
{
    pass->n = batch->n;
    pass->x = batch->x;
    pass->r = toy_hidden(pass, w);
    for (size_t i = 0; i < pass->n; i++) {
        double sum = 0, *p = pass->p[i];
        for (size_t c = 0; c < TOY_CLASSES; c++) {
            double z = w[TOY_AT_OUT + c];
            for (size_t k = 0; k < TOY_HIDDEN; k++)
                z += w[TOY_AT_HEAD + c * TOY_HIDDEN + k] * pass->r *
                     (pass->h[i][k] - pass->mean[k]);
            pass->z[i][c] = z;
            p[c] = exp(z);
            sum += p[c];
        }
        for (size_t c = 0; c < TOY_CLASSES; c++)
            p[c] /= sum;
        const double *t =
            batch->target ? (const double *)batch->target + i * TOY_CLASSES : NULL;
        loss[i] = 0;
        for (size_t c = 0; c < TOY_CLASSES; c++) {
            double share = t ? t[c] : batch->label[i] == (int32_t)c;
            loss[i] -= share > 0 ? share * log(p[c]) : 0;
            p[c] -= share;
        }
    }
}

/* Gradient by the last layer's parameters from slope[n][CLASSES], and dg[n][HIDDEN]. */
static void toy_back_head(const struct toy_pass *pass, const double *w, const double *slope,
                          double *grad, double dg[][TOY_HIDDEN])
{
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t c = 0; c < TOY_CLASSES; c++) {
            double dz = slope[i * TOY_CLASSES + c];
            grad[TOY_AT_OUT + c] += dz;
            for (size_t k = 0; k < TOY_HIDDEN; k++) {
                size_t at = TOY_AT_HEAD + c * TOY_HIDDEN + k;
                grad[at] += dz * pass->r * (pass->h[i][k] - pass->mean[k]);
                dg[i][k] += dz * w[at];
            }
        }
    }
}

/* From slopes of the logits and, unless NULL, of g. */
static void toy_back_both(const struct toy_pass *pass, const double *w, const double *slope,
                          const double *by_g, double *grad)
{
    double dg[TOY_BATCH][TOY_HIDDEN] = {{0}}, mean[TOY_HIDDEN] = {0}, dr = 0;
    memset(grad, 0, TOY_PARAMS * sizeof *grad);
    if (by_g)
        memcpy(dg, by_g, pass->n * sizeof dg[0]);
    toy_back_head(pass, w, slope, grad, dg);
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t k = 0; k < TOY_HIDDEN; k++) {
            mean[k] += dg[i][k] / (double)pass->n;
            dr += dg[i][k] * (pass->h[i][k] - pass->mean[k]);
        }
    }
    double dq = -pass->r * pass->r * dr;
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t k = 0; k < TOY_HIDDEN; k++) {
            double h = pass->h[i][k];
            double dh = pass->r * (dg[i][k] - mean[k]) + dq * 2 * h / (double)pass->n;
            double dz = dh * (1 - h * h);
            grad[TOY_AT_BIAS + k] += dz;
            for (size_t j = 0; j < TOY_IN; j++)
                grad[k * TOY_IN + j] += dz * pass->x[i * TOY_IN + j];
        }
    }
}

static void toy_back_from(const struct toy_pass *pass, const double *w, const double *slope,
                          double *grad)
{
    toy_back_both(pass, w, slope, NULL, grad);
}

static void toy_back(const struct toy_pass *pass, const double *w, const double *coef,
                     double *grad)
{
    double slope[TOY_BATCH * TOY_CLASSES];
    for (size_t i = 0; i < pass->n; i++)
        for (size_t c = 0; c < TOY_CLASSES; c++)
            slope[i * TOY_CLASSES + c] = coef[i] * pass->p[i][c];
    toy_back_from(pass, w, slope, grad);
}

/* Tangents of h, of their mean and of r along dir. */
static double toy_hidden_tangent(const struct toy_pass *pass, const double *dir,
                                 double dh[][TOY_HIDDEN], double *dmean)
{
    double dq = 0;
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t k = 0; k < TOY_HIDDEN; k++) {
            double dz = dir[TOY_AT_BIAS + k], h = pass->h[i][k];
            for (size_t j = 0; j < TOY_IN; j++)
                dz += dir[k * TOY_IN + j] * pass->x[i * TOY_IN + j];
            dh[i][k] = (1 - h * h) * dz;
            dmean[k] += dh[i][k] / (double)pass->n;
            dq += 2 * h * dh[i][k] / (double)pass->n;
        }
    }
    return -pass->r * pass->r * dq;
}

/* dz[n][CLASSES], the derivatives of the logits along dir. */
static void toy_tangent(const struct toy_pass *pass, const double *w, const double *dir,
                        double *tangent)
{
    double dh[TOY_BATCH][TOY_HIDDEN], dmean[TOY_HIDDEN] = {0};
    double dr = toy_hidden_tangent(pass, dir, dh, dmean);
    for (size_t i = 0; i < pass->n; i++) {
        for (size_t c = 0; c < TOY_CLASSES; c++) {
            double dz = dir[TOY_AT_OUT + c];
            for (size_t k = 0; k < TOY_HIDDEN; k++) {
                size_t at = TOY_AT_HEAD + c * TOY_HIDDEN + k;
                double centred = pass->h[i][k] - pass->mean[k];
                dz += dir[at] * pass->r * centred;
                dz += w[at] * (pass->r * (dh[i][k] - dmean[k]) + dr * centred);
            }
            tangent[i * TOY_CLASSES + c] = dz;
        }
    }
}

static bool toy_fails(struct toy *toy)
{
    return toy->fail_in > 0 && --toy->fail_in == 0;
}

static mwn_status toy_forward(void *self, const struct mwn_batch *batch, double *loss,
                              struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    toy_run(&toy->pass, toy_w(toy), batch, loss);
    toy->stat += (double)batch->n;
    return MWN_OK;
}

static mwn_status toy_backward(void *self, const double *coef, void *grad,
                               struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    toy_back(&toy->pass, toy_w(toy), coef, grad);
    return MWN_OK;
}

static mwn_status toy_output_tangent(void *self, const void *dir, size_t from, double *dout,
                                     struct mwn_error *err)
{
    struct toy *toy = self;
    double cut[TOY_PARAMS] = {0};
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    memcpy(cut + from, (const double *)dir + from, (TOY_PARAMS - from) * sizeof *cut);
    toy_tangent(&toy->pass, toy_w(toy), cut, dout);
    return MWN_OK;
}

static mwn_status toy_jvp(void *self, const void *dir, size_t from, double *dloss,
                          struct mwn_error *err)
{
    struct toy *toy = self;
    double dz[TOY_BATCH * TOY_CLASSES] = {0};
    mwn_status status = toy_output_tangent(self, dir, from, dz, err);
    for (size_t i = 0; i < toy->pass.n && status == MWN_OK; i++) {
        dloss[i] = 0;
        for (size_t c = 0; c < TOY_CLASSES; c++)
            dloss[i] += dz[i * TOY_CLASSES + c] * toy->pass.p[i][c];
    }
    return status;
}

static mwn_status toy_meta(void *self, const void *params, const struct mwn_batch *batch,
                           const struct mwn_meta_pass *wanted, struct mwn_error *err)
{
    struct toy *toy = self;
    struct toy_pass pass = {0};
    double coef[TOY_BATCH] = {0};
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    toy_run(&pass, params, batch, wanted->loss);
    for (size_t i = 0; i < batch->n; i++)
        coef[i] = 1 / (double)batch->n;
    if (wanted->slope)
        wanted->slope(batch->n, wanted->loss, coef);
    if (wanted->grad)
        toy_back(&pass, params, coef, wanted->grad);
    for (size_t i = 0; wanted->grad && i < wanted->from; i++)
        ((double *)wanted->grad)[i] = (double)NAN; /* nobody may look at these */
    return MWN_OK;
}

static mwn_status toy_output(void *self, double *out, struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    memcpy(out, toy->pass.z, toy->pass.n * sizeof *toy->pass.z);
    return MWN_OK;
}

static mwn_status toy_pull(void *self, const double *slope, void *grad,
                           struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    toy_back_from(&toy->pass, toy_w(toy), slope, grad);
    return MWN_OK;
}

static mwn_status toy_pull_both(void *self, const double *slope, const double *by_feature,
                                void *grad, struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    toy_back_both(&toy->pass, toy_w(toy), slope, by_feature, grad);
    return MWN_OK;
}

static mwn_status toy_feature(void *self, double *out, struct mwn_error *err)
{
    struct toy *toy = self;
    const struct toy_pass *pass = &toy->pass;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    for (size_t i = 0; i < pass->n; i++)
        for (size_t k = 0; k < TOY_HIDDEN; k++)
            out[i * TOY_HIDDEN + k] = pass->r * (pass->h[i][k] - pass->mean[k]);
    return MWN_OK;
}

static void toy_exchange(void *self, void **params, double *stats)
{
    struct toy *toy = self;
    double *w = toy_w(toy), stat = toy->stat;
    toy->other = *params == toy->params ? NULL : *params;
    toy->stat = stats[0];
    *params = w;
    stats[0] = stat;
}

static mwn_status toy_another(void *self, void *params, double *stats,
                              struct mwn_error *err)
{
    struct toy *toy = self;
    (void)err;
    if (toy_fails(toy))
        return MWN_ERR_RUNTIME;
    for (size_t i = 0; i < TOY_PARAMS; i++)
        ((double *)params)[i] = 0.7 * cos(2.3 * (double)i + 0.1);
    stats[0] = 0;
    return MWN_OK;
}

static const size_t toy_layers[] = {0, TOY_AT_BIAS, TOY_AT_HEAD, TOY_AT_OUT};

/* Parameters spread over -0.8 .. 0.8, the same every time. */
static struct mwn_learner toy_learner(struct toy *toy)
{
    memset(toy, 0, sizeof *toy);
    for (size_t i = 0; i < TOY_PARAMS; i++)
        toy->params[i] = 0.8 * sin(1.7 * (double)i + 0.3);
    return (struct mwn_learner){.self = toy,
                                .dtype = MWN_F64,
                                .n_params = TOY_PARAMS,
                                .params = toy->params,
                                .head = TOY_AT_HEAD,
                                .forward = toy_forward,
                                .backward = toy_backward,
                                .jvp = toy_jvp,
                                .meta = toy_meta,
                                .layers = toy_layers,
                                .layer_count = MWN_COUNT(toy_layers),
                                .classes = TOY_CLASSES,
                                .output = toy_output,
                                .pull = toy_pull,
                                .features = TOY_HIDDEN,
                                .feature = toy_feature,
                                .tangent = toy_output_tangent,
                                .n_stats = 1,
                                .exchange = toy_exchange,
                                .another = toy_another,
                                .inputs = TOY_IN,
                                .pull_both = toy_pull_both};
}

/* A batch of n <= TOY_BATCH samples. */
struct toy_data {
    double x[TOY_BATCH * TOY_IN];
    int32_t label[TOY_BATCH];
    struct mwn_batch batch;
};

static void toy_data(struct toy_data *data, size_t n, double phase)
{
    memset(data, 0, sizeof *data);
    for (size_t i = 0; i < n * TOY_IN; i++)
        data->x[i] = 1.3 * cos(2.1 * (double)i + phase);
    for (size_t i = 0; i < n; i++)
        data->label[i] = (int32_t)((i * 5 + 1) % TOY_CLASSES);
    data->batch = (struct mwn_batch){.n = n, .x = data->x, .label = data->label};
}

#endif

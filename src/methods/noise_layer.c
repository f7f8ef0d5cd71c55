/* noise_layer.c - chances of labels by softmax, and the derivatives of the loss behind
 * them. */
#include "methods/noise_layer.h"

#include "base/mem.h"
#include "base/status.h"
#include "methods/formulas.h"
#include "methods/transition.h"

#include <string.h>

#define MOST_BYTES (UINT64_C(1) << 28)

size_t mwn_noise_layer_biases(const struct mwn_noise_layer *layer)
{
    return layer->classes * layer->classes;
}

/* In double, where the product cannot overflow. */
static mwn_status check_size(const struct mwn_noise_layer *layer, struct mwn_error *err)
{
    double classes = (double)layer->classes, rows = (double)layer->features + 1;
    double bytes = classes * classes * rows * sizeof(double);
    if (layer->features == 0 || bytes <= (double)MOST_BYTES)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG,
             "method.form: the complex noise layer of %zu classes and %zu features takes "
             "%.0f bytes (expected at most %.0f)",
             layer->classes, layer->features, bytes, (double)MOST_BYTES);
    return mwn_hint(err, "set method.form to simple, or choose a network whose last layer "
                         "sees fewer numbers");
}

mwn_status mwn_noise_layer_init(struct mwn_noise_layer *layer, size_t max_n,
                                struct mwn_error *err)
{
    mwn_status status = check_size(layer, err);
    if (status != MWN_OK)
        return status;
    size_t square = mwn_noise_layer_biases(layer);
    size_t rows = layer->features > 0 ? max_n : 1;
    layer->n_params = square * (1 + layer->features);
    layer->param = mwn_alloc(layer->n_params, sizeof *layer->param);
    layer->grad = mwn_alloc(layer->n_params, sizeof *layer->grad);
    layer->theta = mwn_alloc(rows, square * sizeof *layer->theta);
    layer->posterior = mwn_alloc(layer->classes, sizeof *layer->posterior);
    if (layer->param && layer->grad && layer->theta && layer->posterior)
        return MWN_OK;
    return mwn_fail_memory(err, (2 * layer->n_params + rows * square) * sizeof(double),
                           "the noise layer");
}

void mwn_noise_layer_release(struct mwn_noise_layer *layer)
{
    mwn_free(layer->param);
    mwn_free(layer->grad);
    mwn_free(layer->theta);
    mwn_free(layer->posterior);
    *layer = (struct mwn_noise_layer){0};
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

/* theta_i[p] = b_p + <u_p, h_i>, p being a pair of classes: u_p is read once for all
 * samples. */
static void add_features(struct mwn_noise_layer *layer, const struct mwn_noise_batch *batch)
{
    size_t square = mwn_noise_layer_biases(layer), width = layer->features;
    for (size_t p = 0; p < square; p++) {
        const double *u = layer->param + square + p * width;
        for (size_t i = 0; i < batch->n; i++)
            layer->theta[i * square + p] =
                layer->param[p] + dot(width, u, batch->feature + i * width);
    }
}

static void set_theta(struct mwn_noise_layer *layer, const struct mwn_noise_batch *batch)
{
    size_t classes = layer->classes, rows = layer->features > 0 ? batch->n : 1;
    const double *z = layer->features > 0 ? layer->theta : layer->param;
    if (layer->features > 0)
        add_features(layer, batch);
    for (size_t k = 0; k < rows * classes; k++)
        mwn_softmax(classes, z + k * classes, layer->theta + k * classes);
}

/* Sample i's slope by the logits, and its share of the gradient of b. With features, its
 * theta becomes the derivatives of the mean loss by what the softmax was taken of. */
static void differentiate_sample(struct mwn_noise_layer *layer,
                                 const struct mwn_noise_batch *batch, size_t i,
                                 double *slope)
{
    size_t classes = layer->classes, label = (size_t)batch->label[i];
    const double *prob = batch->prob + i * classes;
    double *theta = layer->theta + (layer->features > 0 ? i * classes * classes : 0);
    mwn_transition_posterior(classes, theta, prob, label, layer->posterior);
    for (size_t k = 0; k < classes; k++) {
        double r = layer->posterior[k] / (double)batch->n, *row = theta + k * classes;
        slope[k] = prob[k] / (double)batch->n - r;
        layer->grad[k * classes + label] -= r;
        for (size_t j = 0; j < classes; j++)
            layer->grad[k * classes + j] += r * row[j];
        for (size_t j = 0; layer->features > 0 && j < classes; j++)
            row[j] = r * (row[j] - (j == label ? 1 : 0));
    }
}

/* out += a x. */
static void add(size_t n, double a, const double *x, double *out)
{
    for (size_t j = 0; j < n; j++)
        out[j] += a * x[j];
}

/* The gradient of u, and by_feature. */
static void differentiate_features(struct mwn_noise_layer *layer,
                                   const struct mwn_noise_batch *batch, double *by_feature)
{
    size_t square = mwn_noise_layer_biases(layer), width = layer->features;
    memset(by_feature, 0, batch->n * width * sizeof *by_feature);
    for (size_t p = 0; p < square; p++) {
        size_t at = square + p * width;
        for (size_t i = 0; i < batch->n; i++) {
            double slope = layer->theta[i * square + p];
            add(width, slope, batch->feature + i * width, layer->grad + at);
            add(width, slope, layer->param + at, by_feature + i * width);
        }
    }
}

void mwn_noise_layer_differentiate(struct mwn_noise_layer *layer,
                                   const struct mwn_noise_batch *batch, double *slope,
                                   double *by_feature)
{
    set_theta(layer, batch);
    memset(layer->grad, 0, layer->n_params * sizeof *layer->grad);
    for (size_t i = 0; i < batch->n; i++)
        differentiate_sample(layer, batch, i, slope + i * layer->classes);
    if (layer->features > 0)
        differentiate_features(layer, batch, by_feature);
}

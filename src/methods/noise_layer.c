/* noise_layer.c - chances of labels by softmax, and the derivatives of the loss behind
 * them. */
#include "methods/noise_layer.h"

#include "base/mem.h"
#include "base/status.h"
#include "methods/formulas.h"
#include "methods/transition.h"
#include "tensor/dense.h"

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

/* theta_i[p] = b_p + <u_p, h_i>, p being a pair of classes. */
static struct mwn_dense features_layer(const struct mwn_noise_layer *layer)
{
    size_t square = mwn_noise_layer_biases(layer);
    return (struct mwn_dense){layer->features, square, layer->param + square, layer->param};
}

static void set_theta(struct mwn_noise_layer *layer, const struct mwn_noise_batch *batch)
{
    size_t classes = layer->classes, rows = layer->features > 0 ? batch->n : 1;
    const double *z = layer->features > 0 ? layer->theta : layer->param;
    const struct mwn_dense by_sample = features_layer(layer);
    if (layer->features > 0)
        mwn_dense_forward(&by_sample, batch->n, batch->feature, layer->theta);
    for (size_t k = 0; k < rows * classes; k++)
        mwn_softmax(classes, z + k * classes, layer->theta + k * classes);
}

/* Sample i's slope by the logits, and its share of the gradient of b. With features, its
 * theta becomes its share of the derivatives by what the softmax was taken of. */
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
        r *= batch->given ? batch->given[i] : 1;
        layer->grad[k * classes + label] -= r;
        for (size_t j = 0; j < classes; j++)
            layer->grad[k * classes + j] += r * row[j];
        for (size_t j = 0; layer->features > 0 && j < classes; j++)
            row[j] = r * (row[j] - (j == label ? 1 : 0));
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
    const struct mwn_dense by_sample = features_layer(layer);
    if (layer->features == 0)
        return;
    mwn_dense_backward(&by_sample, batch->n, batch->feature, layer->theta,
                       layer->grad + by_sample.out, by_feature);
    for (size_t i = 0; batch->given && i < batch->n; i++)
        for (size_t h = 0; h < layer->features && batch->given[i] > 0; h++)
            by_feature[i * layer->features + h] /= batch->given[i];
}

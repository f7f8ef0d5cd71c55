/* weight_net.c - the weight net V: forward, backward and PyTorch's initialisation.
 *
 *   h_0 = loss,  h_l = max(0, W_l h_(l-1) + b_l) for l < layers,
 *   V   = 1 / (1 + exp(-(w . h_(layers-1) + b)))   with the row (w, b) of the sample's head.
 *
 * Backward per sample, from dV: delta = dV V (1 - V) at the head's row, then down the layers
 * with the usual rule; the derivative of max(0, z) at z = 0 is 0. */
#include "engine/weight_net.h"

#include "base/mem.h"
#include "base/status.h"
#include "tensor/dense.h"

#include <math.h>
#include <string.h>

enum { WIDTH_MAX = 65536 };

/* Sum of the widths of the hidden layers: activations kept of a sample, V itself apart. */
static size_t hidden_size(const struct mwn_weight_net *net)
{
    size_t size = 0;
    for (int l = 1; l < net->layers; l++)
        size += net->width[l];
    return size;
}

static size_t widest(const struct mwn_weight_net *net)
{
    size_t width = 1;
    for (int l = 0; l < net->layers; l++)
        width = net->width[l] > width ? net->width[l] : width;
    return width;
}

/* U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases alike. */
static void initialise(struct mwn_weight_net *net, uint64_t seed)
{
    size_t p = 0;
    for (int l = 0; l < net->layers; l++) {
        double bound = 1 / sqrt((double)net->width[l]);
        size_t end = p + (net->width[l] + 1) * net->width[l + 1];
        for (; p < end; p++) {
            struct mwn_rng rng = mwn_rng_at(seed, MWN_STREAM_WEIGHT_NET, 0, p);
            net->theta[p] = bound * (2 * mwn_rng_unit(&rng) - 1);
        }
    }
}

static mwn_status set_widths(struct mwn_weight_net *net, const struct mwn_int_list *hidden,
                             size_t heads, struct mwn_error *err)
{
    size_t count = hidden->count;
    if (count >= MWN_WEIGHT_NET_LAYERS)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the weight net has %zu hidden layers (expected at most %d)", count,
                        MWN_WEIGHT_NET_LAYERS - 1);
    if (heads < 1 || heads > WIDTH_MAX)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "the weight net has %zu heads (expected 1 .. %d)", heads,
                        WIDTH_MAX);
    net->layers = (int)count + 1;
    net->width[0] = 1;
    for (size_t l = 0; l < count; l++) {
        if (hidden->item[l] < 1 || hidden->item[l] > WIDTH_MAX)
            return mwn_fail(err, MWN_ERR_CONFIG,
                            "hidden layer %zu of the weight net has %lld units "
                            "(expected 1 .. %d)",
                            l + 1, (long long)hidden->item[l], WIDTH_MAX);
        net->width[l + 1] = (size_t)hidden->item[l];
    }
    net->width[count + 1] = heads;
    for (int l = 0; l < net->layers; l++)
        net->n_params += (net->width[l] + 1) * net->width[l + 1];
    return MWN_OK;
}

mwn_status mwn_weight_net_init(struct mwn_weight_net *net,
                               const struct mwn_int_list *hidden, size_t heads,
                               size_t max_n, uint64_t seed, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    memset(net, 0, sizeof *net);
    net->max_n = max_n;
    MWN_TRY(set_widths(net, hidden, heads, err));
    size_t kept = hidden_size(net) + 1;
    net->theta = mwn_alloc(net->n_params, sizeof *net->theta);
    net->grad = mwn_alloc(net->n_params, sizeof *net->grad);
    net->hidden = mwn_alloc(max_n, kept * sizeof *net->hidden);
    net->delta = mwn_alloc(2 * widest(net), sizeof *net->delta);
    if (!net->theta || !net->grad || !net->hidden || !net->delta) {
        status = mwn_fail_memory(err, (2 * net->n_params + kept * max_n) * sizeof(double),
                                 "the weight net");
        goto out;
    }
    initialise(net, seed);
out:
    if (status != MWN_OK)
        mwn_weight_net_release(net);
    return status;
}

void mwn_weight_net_release(struct mwn_weight_net *net)
{
    mwn_free(net->theta);
    mwn_free(net->grad);
    mwn_free(net->hidden);
    mwn_free(net->delta);
    memset(net, 0, sizeof *net);
}

static double sigmoid(double z)
{
    if (z >= 0)
        return 1 / (1 + exp(-z));
    double e = exp(z);
    return e / (1 + e);
}

/* The first hidden layer, whose only input is the loss. */
static void first_layer(const double *theta, size_t out, double loss, double *restrict y)
{
    const double *bias = theta + out;
    for (size_t o = 0; o < out; o++) {
        double z = theta[o] * loss + bias[o];
        y[o] = z > 0 ? z : 0;
    }
}

/* max(0, W x + b) of one hidden layer whose parameters start at theta. */
static void hidden_layer(const double *theta, size_t in, size_t out, const double *x,
                         double *y)
{
    const double *bias = theta + in * out;
    if (in == 1) {
        first_layer(theta, out, *x, y);
        return;
    }
    for (size_t o = 0; o < out; o++) {
        double z = mwn_dense_dot(in, theta + o * in, x) + bias[o];
        y[o] = z > 0 ? z : 0;
    }
}

/* Row `head` of the output layer whose parameters start at theta. */
static double output(const struct mwn_weight_net *net, const double *theta, size_t head,
                     const double *x)
{
    size_t in = net->width[net->layers - 1], heads = net->width[net->layers];
    return sigmoid(mwn_dense_dot(in, theta + head * in, x) + theta[in * heads + head]);
}

static size_t head_of(const int32_t *head, size_t i)
{
    return head ? (size_t)head[i] : 0;
}

void mwn_weight_net_forward(struct mwn_weight_net *net, size_t n, const double *loss,
                            const int32_t *head, double *v)
{
    size_t kept = hidden_size(net) + 1;
    for (size_t i = 0; i < n; i++) {
        const double *theta = net->theta, *x = &loss[i];
        double *y = net->hidden + i * kept;
        for (int l = 0; l + 1 < net->layers; l++) {
            size_t in = net->width[l], out = net->width[l + 1];
            hidden_layer(theta, in, out, x, y);
            theta += (in + 1) * out;
            x = y;
            y += out;
        }
        v[i] = *y = output(net, theta, head_of(head, i), x);
    }
}

/* Adds one sample's gradient of the first hidden layer, whose only input is the loss. */
static void first_backward(const struct mwn_weight_net *net, double loss,
                           const double *restrict delta)
{
    size_t out = net->width[1];
    double *restrict grad = net->grad, *restrict bias = net->grad + out;
    for (size_t o = 0; o < out; o++) {
        grad[o] += delta[o] * loss;
        bias[o] += delta[o];
    }
}

/* The same for layer l > 0 (parameters at theta, gradient at grad), for the output's delta, and
 * turns delta into the one of the layer's input x in `below`. */
static void layer_backward(const struct mwn_weight_net *net, int l, size_t place,
                           const double *restrict x, const double *restrict delta,
                           double *restrict below)
{
    size_t in = net->width[l], out = net->width[l + 1];
    const double *restrict weight = net->theta + place;
    double *restrict grad = net->grad + place, *restrict bias = grad + in * out;
    for (size_t k = 0; k < in; k++)
        below[k] = 0;
    for (size_t o = 0; o < out; o++) {
        if (delta[o] == 0)
            continue;
        for (size_t k = 0; k < in; k++) {
            grad[o * in + k] += delta[o] * x[k];
            below[k] += delta[o] * weight[o * in + k];
        }
        bias[o] += delta[o];
    }
    for (size_t k = 0; k < in; k++)
        below[k] = x[k] <= 0 ? 0 : below[k];
}

/* The same for the output layer, of which one row takes part. */
static void head_backward(const struct mwn_weight_net *net, size_t place, size_t head,
                          const double *restrict x, double delta, double *restrict below)
{
    int l = net->layers - 1;
    size_t in = net->width[l], heads = net->width[l + 1];
    const double *restrict weight = net->theta + place + head * in;
    double *grad = net->grad + place, *restrict row = grad + head * in;
    for (size_t k = 0; k < in; k++) {
        row[k] += delta * x[k];
        below[k] = x[k] > 0 ? delta * weight[k] : 0;
    }
    grad[in * heads + head] += delta;
}

void mwn_weight_net_backward(struct mwn_weight_net *net, size_t n, const double *loss,
                             const int32_t *head, const double *dv)
{
    size_t kept = hidden_size(net) + 1;
    int last = net->layers - 1;
    double *delta = net->delta, *below = net->delta + widest(net);
    memset(net->grad, 0, net->n_params * sizeof *net->grad);
    for (size_t i = 0; i < n; i++) {
        const double *v = net->hidden + i * kept + kept - 1;
        const double *end = v; /* behind the activations of the layer's input */
        size_t place = net->n_params - (net->width[last] + 1) * net->width[last + 1];
        const double *x = last > 0 ? end - net->width[last] : &loss[i];
        head_backward(net, place, head_of(head, i), x, dv[i] * *v * (1 - *v), delta);
        for (int l = last - 1; l > 0; l--) {
            end -= net->width[l + 1];
            place -= (net->width[l] + 1) * net->width[l + 1];
            layer_backward(net, l, place, end - net->width[l], delta, below);
            double *swap = delta;
            delta = below;
            below = swap;
        }
        if (last > 0)
            first_backward(net, loss[i], delta);
    }
}

void mwn_weight_net_apply(const struct mwn_weight_net *net, size_t n, const double *loss,
                          double *v)
{
    for (size_t i = 0; i < n; i++) {
        const double *theta = net->theta, *x = &loss[i];
        double *y = net->delta, *other = net->delta + widest(net);
        for (int l = 0; l + 1 < net->layers; l++) {
            size_t in = net->width[l], out = net->width[l + 1];
            hidden_layer(theta, in, out, x, y);
            theta += (in + 1) * out;
            double *done = y;
            x = done;
            y = other;
            other = done;
        }
        v[i] = output(net, theta, 0, x);
    }
}

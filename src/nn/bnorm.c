/* bnorm.c - the per-channel part of batch-norm: PyTorch's eps, momentum and unbiased running
 * variance. */
#include "nn/bnorm.h"

#include <math.h>

static size_t padded_channels(const struct mwn_layer *layer)
{
    struct mwn_shape one = {layer->in.c, 1, 1};
    return mwn_layout_count(layer->backend, one, layer->in_blocked, 1);
}

size_t mwn_bnorm_save_size(const struct mwn_layer *layer)
{
    return 2 * padded_channels(layer) * sizeof(double);
}

struct mwn_bnorm_saved mwn_bnorm_saved(const struct mwn_layer *layer)
{
    double *at = layer->save;
    return (struct mwn_bnorm_saved){at, at + padded_channels(layer)};
}

/* Running statistics of a float network are floats, as in its checkpoints. */
static double stored(const struct mwn_layer *layer, double value)
{
    return layer->backend->dtype == MWN_F64 ? value : (double)(float)value;
}

void mwn_bnorm_batch(struct mwn_layer *layer, int channel, double mean, double variance,
                     double count)
{
    struct mwn_bnorm_saved saved = mwn_bnorm_saved(layer);
    saved.mean[channel] = mean;
    saved.inverse[channel] = 1.0 / sqrt(variance + layer->bn_eps);
    if (layer->pass != MWN_PASS_TRAIN)
        return;
    double m = layer->bn_momentum;
    double unbiased = count > 1 ? variance * count / (count - 1) : variance;
    layer->mean[channel] = stored(layer, (1 - m) * layer->mean[channel] + m * mean);
    layer->variance[channel] =
        stored(layer, (1 - m) * layer->variance[channel] + m * unbiased);
}

void mwn_bnorm_running(struct mwn_layer *layer)
{
    struct mwn_bnorm_saved saved = mwn_bnorm_saved(layer);
    for (int c = 0; c < layer->in.c; c++) {
        saved.mean[c] = layer->mean[c];
        saved.inverse[c] = 1.0 / sqrt(layer->variance[c] + layer->bn_eps);
    }
}

/* noise_layer.h - the layer behind the softmax of s_model: the chances of the labels of
 * each class, the same for all samples or a function of what the last layer sees (formulas:
 * s_model.c). */
#ifndef MWN_METHODS_NOISE_LAYER_H
#define MWN_METHODS_NOISE_LAYER_H

#include "base/base.h"

struct mwn_noise_layer {
    size_t classes;
    size_t features; /* 0: the same chances for all samples                            */
    size_t n_params;
    double
        *param; /* owned [n_params]: b [classes][classes], u [classes][classes][features] */
    double *grad;  /* owned [n_params]                                                 */
    double *theta; /* owned [max_n, or 1 without features][classes][classes]           */
    double *posterior; /* owned [classes]                                              */
};

/* A batch of n samples as the layer gets it; all borrowed. */
struct mwn_noise_batch {
    size_t n;
    const int32_t *label;
    const double *prob; /* [n][classes] the network's softmax                            */
    const double *feature; /* [n][features]; not looked at where there are none          */
    const double *given;   /* [n] weights that the data gives; NULL: all one             */
};

/* Numbers in b: the u that follow in param are all others. */
size_t mwn_noise_layer_biases(const struct mwn_noise_layer *layer);

/* For a zeroed layer with classes and features set; param is zero. MWN_ERR_CONFIG if it is
 * larger than is sensible, MWN_ERR_MEMORY; release it then too. */
MWN_MUST_CHECK mwn_status mwn_noise_layer_init(struct mwn_noise_layer *layer, size_t max_n,
                                               struct mwn_error *err);
void mwn_noise_layer_release(struct mwn_noise_layer *layer);

/* Of the batch's losses, each times its given weight, divided by n: layer->grad; without that
 * weight slope[n][classes] by the logits and, with features, by_feature[n][features] by these,
 * through the chances alone. n <= max_n. */
void mwn_noise_layer_differentiate(struct mwn_noise_layer *layer,
                                   const struct mwn_noise_batch *batch, double *slope,
                                   double *by_feature);

#endif

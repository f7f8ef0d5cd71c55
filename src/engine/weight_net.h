/* weight_net.h - V(loss; Theta): a small multilayer perceptron from a sample's loss to its
 * weight, 1 -> hidden (ReLU) ... -> heads (sigmoid), in double. */
#ifndef MWN_ENGINE_WEIGHT_NET_H
#define MWN_ENGINE_WEIGHT_NET_H

#include "base/base.h"
#include "base/option.h"
#include "base/rng.h"

enum { MWN_WEIGHT_NET_LAYERS = 8 };

struct mwn_weight_net {
    int layers;                              /* hidden layers + 1                       */
    size_t width[MWN_WEIGHT_NET_LAYERS + 1]; /* width[0] = 1, ..., width[layers] = heads */
    size_t n_params;
    double *theta; /* owned [n_params]: per layer weight [out][in], then bias [out]    */
    double *grad;  /* owned [n_params]                                                 */
    size_t max_n;
    double *hidden; /* owned: activations of the last forward, for max_n samples        */
    double *delta;  /* owned: work space of backward                                    */
};

/* hidden: sizes, e.g. one of 100. PyTorch's nn.Linear initialisation from (seed,
 * MWN_STREAM_WEIGHT_NET). MWN_ERR_CONFIG, MWN_ERR_MEMORY. */
MWN_MUST_CHECK mwn_status mwn_weight_net_init(struct mwn_weight_net *net,
                                              const struct mwn_int_list *hidden,
                                              size_t heads, size_t max_n, uint64_t seed,
                                              struct mwn_error *err);
void mwn_weight_net_release(struct mwn_weight_net *net);
/* v[n], 0..1, of loss[n]; head[n] chooses the output (NULL: the first). Keeps what backward
 * needs. n <= max_n. */
void mwn_weight_net_forward(struct mwn_weight_net *net, size_t n, const double *loss,
                            const int32_t *head, double *v);
/* net->grad = sum_i dv[i] * dV_i/dTheta at the last forward. */
void mwn_weight_net_backward(struct mwn_weight_net *net, size_t n, const double *loss,
                             const int32_t *head, const double *dv);
/* v[n] without touching what backward needs; any n. Allocates nothing. */
void mwn_weight_net_apply(const struct mwn_weight_net *net, size_t n, const double *loss,
                          double *v);
#endif

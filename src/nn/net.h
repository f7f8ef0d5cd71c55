/* net.h - a graph made runnable: parameters and running statistics in the backend's own
 * layout, plans for the batch sizes in use, and the learner that the bilevel core works on. */
#ifndef MWN_NN_NET_H
#define MWN_NN_NET_H

#include "base/base.h"
#include "nn/backend.h"
#include "nn/graph.h"

typedef struct mwn_net mwn_net;

/* Every flat vector that a net is given starts at a multiple of that many bytes. */
enum { MWN_VECTOR_ALIGNMENT = 64 };

struct mwn_net_options {
    const char *backend;          /* "auto", "ref", "simd", "dnnl"; ref: plain loops   */
    enum mwn_dtype dtype;         /* MWN_F64 needs "ref"                               */
    enum mwn_precision precision; /* of activations in training and evaluation */
    enum mwn_precision meta_precision; /* of those of the meta batch               */
    bool low_memory;    /* recompute what is cheap in backward and tangent: the same
                           results in half the activations                   */
    int threads;        /* 0: as many as the process may use                 */
    double bn_eps;      /* 1e-5  */
    double bn_momentum; /* 0.1   */
    bool gamma_uniform; /* bn.gamma_init = uniform                           */
    uint64_t seed;      /* of the initial values and the dropout masks       */
};

/* The graph is taken: the net releases it. Parameters get their initial values. */
MWN_MUST_CHECK mwn_status mwn_net_create(mwn_net **out, struct mwn_graph *graph_taken,
                                         const struct mwn_net_options *options,
                                         struct mwn_error *err);
void mwn_net_free(mwn_net *net);

const struct mwn_graph *mwn_net_graph(const mwn_net *net);
enum mwn_dtype mwn_net_dtype(const mwn_net *net);
const char *mwn_net_backend(const mwn_net *net); /* "ref", "dnnl avx512", ... */
int mwn_net_threads(const mwn_net *net);
/* Whether this machine and backend have a precision. */
bool mwn_net_has(const mwn_net *net, enum mwn_precision precision);
int mwn_net_classes(const mwn_net *net);

/* Parameters of the model as PyTorch counts them. */
size_t mwn_net_count(const mwn_net *net);
/* Length of the flat vectors (padded to the backend's layout) and the current one. */
size_t mwn_net_vector(const mwn_net *net);
void *mwn_net_params(mwn_net *net);

/* Parameter `p` of the flat vector `vector` (params, gradient, momentum, ...) to and from
 * the PyTorch layout, as double: [count]. */
void mwn_net_get(const mwn_net *net, const void *vector, int p, double *out);
void mwn_net_set(const mwn_net *net, void *vector, int p, const double *in);
/* Running mean and variance of norm number s, channel order: [c]. */
void mwn_net_get_stats(const mwn_net *net, int s, double *mean, double *variance);
void mwn_net_set_stats(mwn_net *net, int s, const double *mean, const double *variance);
/* Name ("layer1.0.bn1") and channels of norm number s. */
const char *mwn_net_stats_name(const mwn_net *net, int s, int *channels);

/* Plans for training batches of n and meta batches of m samples (0: none), so that no later
 * call allocates. Batches of other sizes are planned when they first come. */
MWN_MUST_CHECK mwn_status mwn_net_plan(mwn_net *net, size_t n, size_t m,
                                       struct mwn_error *err);
/* Plans evaluation batches of n samples. */
MWN_MUST_CHECK mwn_status mwn_net_plan_eval(mwn_net *net, size_t n, struct mwn_error *err);
/* Bytes that the plans and vectors of the net hold. */
size_t mwn_net_memory(const mwn_net *net);
/* Nominal floating-point operations of the convolutions and linear layers of one forward
 * pass of one sample: 2*OC*OH*OW*IC*K*K each. */
double mwn_net_flops(const mwn_net *net);

/* From now on, adds up the seconds of every node in *trace, which is borrowed (plan.h); NULL
 * ends it. */
struct mwn_trace;
void mwn_net_trace(mwn_net *net, const struct mwn_trace *trace);

/* The net as a learner, borrowed by whoever uses it. forward updates the running statistics;
 * meta does not. */
void mwn_net_learner(mwn_net *net, struct mwn_learner *out);

/* Says that the parameters come from a file: a second network (learner: another) then differs from
 * this one in the last layer only. */
void mwn_net_set_pretrained(mwn_net *net);

/* Logits of evaluation mode (running statistics, no dropout): out[n][classes]. */
MWN_MUST_CHECK mwn_status mwn_net_infer(mwn_net *net, const struct mwn_batch *batch,
                                        double *logits, struct mwn_error *err);
/* Logits of the last training-mode forward: out[n][classes]. */
void mwn_net_logits(const mwn_net *net, double *logits);
/* Of the last training-mode forward: each sample's margin, the logit of its given class minus
 * the largest other, and that other's class (NaN and -1 if there is one class only). Valid
 * until the next one; backward and meta passes leave them alone. */
void mwn_net_margins(const mwn_net *net, double *margin, int32_t *rival);

#endif

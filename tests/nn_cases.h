/* nn_cases.h - what the tests of the network layer share: nets on random data, one pass of
 * losses, gradient and tangent, and comparisons. */
#ifndef MWN_TESTS_NN_CASES_H
#define MWN_TESTS_NN_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"
#include "nn/net.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_BATCH = 5, CASE_CLASSES = 4 };

/* Random input, labels, coefficients and direction, the same for every backend. */
struct case_data {
    size_t n, sample, params; /* params: in the PyTorch layout */
    double *x, *direction;
    double coef[64];
    int32_t label[64];
};

/* What one training pass gives, in the PyTorch layout. */
struct case_result {
    double loss[64], dloss[64];
    double *grad;    /* [params] */
    double identity; /* |sum c_i dloss_i - <grad, u>| / sum |c_i dloss_i| */
};

/* Zeros; aligned as a net's vectors must be. */
static inline void *case_alloc(size_t count, size_t size)
{
    size_t bytes = (count ? count : 1) * size;
    bytes =
        (bytes + MWN_VECTOR_ALIGNMENT - 1) / MWN_VECTOR_ALIGNMENT * MWN_VECTOR_ALIGNMENT;
    void *p = aligned_alloc(MWN_VECTOR_ALIGNMENT, bytes);
    assert_non_null(p);
    memset(p, 0, bytes);
    return p;
}

static inline void case_data_make(struct case_data *data, const struct mwn_graph *graph,
                                  size_t n, int classes, double step)
{
    struct mwn_shape s = graph->nodes[0].shape;
    struct mwn_rng rng = mwn_rng_at(11, MWN_STREAM_BENCH, 0, 0);
    *data = (struct case_data){.n = n, .sample = (size_t)(s.c * s.h * s.w)};
    for (int p = 0; p < graph->param_count; p++)
        data->params += graph->params[p].count;
    data->x = case_alloc(n * data->sample, sizeof(double));
    data->direction = case_alloc(data->params, sizeof(double));
    for (size_t i = 0; i < n * data->sample; i++)
        data->x[i] = (double)(float)mwn_rng_normal(&rng);
    for (size_t i = 0; i < data->params; i++)
        data->direction[i] = (double)(float)(step * (4 * mwn_rng_unit(&rng) - 2));
    for (size_t i = 0; i < n; i++) {
        data->label[i] = (int32_t)(i * 7 % (size_t)classes);
        data->coef[i] = (0.3 + 0.1 * (double)(i % 4)) / (double)n;
    }
}

static inline void case_data_release(struct case_data *data)
{
    free(data->x);
    free(data->direction);
}

/* How a net computes, and how far from the reference in double that may be. */
struct case_kind {
    const char *backend;
    enum mwn_dtype dtype;
    enum mwn_precision precision, meta_precision;
    bool low_memory;
};

static inline mwn_net *case_net(struct mwn_graph *graph, const struct case_kind *kind)
{
    struct mwn_error err = {0};
    mwn_net *net = NULL;
    const struct mwn_net_options options = {.backend = kind->backend,
                                            .dtype = kind->dtype,
                                            .precision = kind->precision,
                                            .meta_precision = kind->meta_precision,
                                            .low_memory = kind->low_memory,
                                            .threads = 2,
                                            .bn_eps = 1e-5,
                                            .bn_momentum = 0.1,
                                            .gamma_uniform = true,
                                            .seed = 5};
    if (mwn_net_create(&net, graph, &options, &err) != MWN_OK)
        fail_msg("%s", err.text);
    return net;
}

static const struct case_kind CASE_REF64 = {.backend = "ref", .dtype = MWN_F64};
static const struct case_kind CASE_FAST = {.backend = "auto", .dtype = MWN_F32};
static const struct case_kind CASE_BF16 = {.backend = "auto",
                                           .dtype = MWN_F32,
                                           .precision = MWN_PRECISION_BF16,
                                           .meta_precision = MWN_PRECISION_BF16};

/* Whether this machine computes with bfloat16. */
static inline bool case_has_bf16(void)
{
#ifdef MWN_HAVE_DNNL
    return __builtin_cpu_supports("avx512bf16") != 0;
#else
    return false;
#endif
}

/* A vector in the net's own layout from one in the PyTorch layout. */
static inline void *case_vector(mwn_net *net, const double *plain)
{
    const struct mwn_graph *graph = mwn_net_graph(net);
    void *vector = case_alloc(mwn_net_vector(net), sizeof(double));
    for (int p = 0; p < graph->param_count; plain += graph->params[p].count, p++)
        mwn_net_set(net, vector, p, plain);
    return vector;
}

static inline void *case_input(mwn_net *net, const struct case_data *data)
{
    void *x = case_alloc(data->n * data->sample, sizeof(double));
    mwn_vec_from_double(mwn_net_dtype(net), data->n * data->sample, data->x, x);
    return x;
}

static inline void case_run(mwn_net *net, const struct case_data *data,
                            struct case_result *out)
{
    struct mwn_error err = {0};
    struct mwn_learner learner;
    mwn_net_learner(net, &learner);
    const struct mwn_graph *graph = mwn_net_graph(net);
    void *x = case_input(net, data), *u = case_vector(net, data->direction);
    void *grad = case_alloc(learner.n_params, sizeof(double));
    const struct mwn_batch batch = {.n = data->n, .x = x, .label = data->label, .key = 3};
    if (learner.forward(learner.self, &batch, out->loss, &err) != MWN_OK ||
        learner.backward(learner.self, data->coef, grad, &err) != MWN_OK ||
        learner.jvp(learner.self, u, 0, out->dloss, &err) != MWN_OK)
        fail_msg("%s", err.text);
    out->grad = case_alloc(data->params, sizeof(double));
    double *at = out->grad, sum = 0, size = 0;
    for (int p = 0; p < graph->param_count; at += graph->params[p].count, p++)
        mwn_net_get(net, grad, p, at);
    for (size_t i = 0; i < data->n; i++) {
        sum += data->coef[i] * out->dloss[i];
        size += fabs(data->coef[i] * out->dloss[i]);
    }
    double dot = mwn_vec_dot(learner.dtype, learner.n_params, grad, u);
    out->identity = fabs(sum - dot) / (size > 0 ? size : 1);
    free(x);
    free(u);
    free(grad);
}

/* Relative distance |a - b| / |b| in the Euclidean norm. */
static inline double case_distance(const double *a, const double *b, size_t n)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        s += b[i] * b[i];
    }
    return s > 0 ? sqrt(d / s) : sqrt(d);
}

#define ASSERT_BELOW(value, bound)                                                         \
    do {                                                                                   \
        double value_ = (value);                                                           \
        if (!(value_ <= (bound)))                                                          \
            fail_msg("%s is %.3g, above %.3g", #value, value_, (double)(bound));           \
    } while (0)

#endif

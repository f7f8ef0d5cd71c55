/* graph.h - a static network: nodes in order, each the output of one operator. Built once by
 * a model, then planned for a batch size and a backend by net.h. */
#ifndef MWN_NN_GRAPH_H
#define MWN_NN_GRAPH_H

#include "base/base.h"
#include "tensor/shape.h"

/* The operators. X(name) */
#define MWN_OP_LIST(X)                                                                     \
    X(input)                                                                               \
    X(conv)                                                                                \
    X(bnorm)                                                                               \
    X(relu)                                                                                \
    X(add)                                                                                 \
    X(shortcut)                                                                            \
    X(avgpool)                                                                             \
    X(maxpool)                                                                             \
    X(gpool)                                                                               \
    X(flatten)                                                                             \
    X(linear)                                                                              \
    X(dropout)

enum mwn_op {
#define X(name) MWN_OP_##name,
    MWN_OP_LIST(X)
#undef X
        MWN_OP_COUNT
};

/* Where a parameter's initial values come from. */
enum mwn_init {
    MWN_INIT_ZERO,
    MWN_INIT_ONE,
    MWN_INIT_GAMMA,   /* 1, or uniform(0,1): the option bn.gamma_init      */
    MWN_INIT_UNIFORM, /* U(-scale, scale)                                  */
    MWN_INIT_NORMAL   /* N(0, scale^2)                                     */
};

struct mwn_param {
    char name[64]; /* as in the PyTorch model                        */
    int dims;
    int shape[4]; /* conv [out][in][kh][kw], linear [out][in], [c]  */
    size_t count;
    enum mwn_init init;
    double scale;
    int node;
};

enum { MWN_NO_NODE = -1 };

struct mwn_node {
    enum mwn_op op;
    int input[2];           /* nodes; MWN_NO_NODE if unused                        */
    struct mwn_shape shape; /* of the output                                       */
    int kernel_h, kernel_w, stride, pad; /* conv, avgpool, maxpool (square there)    */
    bool relu;     /* bnorm: y = max(0, bn(x) + residual)                 */
    double rate;   /* dropout                                             */
    int param[2];  /* weight and bias, gamma and beta; -1 if none         */
    int stats;     /* bnorm: its number among the norms; else -1          */
    char name[64]; /* module name as in PyTorch: "layer1.0.bn1"           */
};

struct mwn_graph {
    struct mwn_node *nodes; /* owned [node_count] */
    int node_count, node_room;
    struct mwn_param *params; /* owned [param_count], in the order of the PyTorch model */
    int param_count, param_room;
    int stats_count; /* number of batch-norm nodes                             */
    int output;      /* node of the logits; shape.c = classes                  */
    bool failed;     /* memory ran out or a shape was impossible               */
    char reason[160];
};

mwn_status mwn_graph_check(const struct mwn_graph *graph, struct mwn_error *err);
void mwn_graph_release(struct mwn_graph *graph);

/* Builders: each adds a node and returns its number. After a failure they do nothing;
 * mwn_graph_check() reports it. name is the PyTorch module name; parameters are called
 * name.weight and name.bias. */
int mwn_graph_input(struct mwn_graph *g, struct mwn_shape shape);
struct mwn_conv_spec {
    int out, kernel_h, kernel_w, stride, pad;
    bool bias;
    enum mwn_init init;
    double scale; /* 0: the PyTorch default, U(+-1/sqrt(fan_in)) */
};
int mwn_graph_conv(struct mwn_graph *g, int x, const char *name,
                   const struct mwn_conv_spec *spec);
/* y = relu?(bn(x) + residual?); residual MWN_NO_NODE for none. */
int mwn_graph_bnorm(struct mwn_graph *g, int x, int residual, bool relu, const char *name);
int mwn_graph_relu(struct mwn_graph *g, int x);
int mwn_graph_add(struct mwn_graph *g, int a, int b);
/* Option A: x[:, :, ::stride, ::stride], zero channels added on both sides up to `channels`. */
int mwn_graph_shortcut(struct mwn_graph *g, int x, int channels, int stride);
int mwn_graph_avgpool(struct mwn_graph *g, int x, int kernel, int stride, int pad);
int mwn_graph_maxpool(struct mwn_graph *g, int x, int kernel, int stride, int pad);
int mwn_graph_gpool(struct mwn_graph *g, int x); /* global average */
int mwn_graph_flatten(struct mwn_graph *g, int x);
struct mwn_linear_spec {
    int out;
    enum mwn_init init;
    double scale;   /* 0: the PyTorch default, U(+-1/sqrt(in)) */
    bool zero_bias; /* else the bias starts as U(+-1/sqrt(in)) */
};
int mwn_graph_linear(struct mwn_graph *g, int x, const char *name,
                     const struct mwn_linear_spec *spec);
int mwn_graph_dropout(struct mwn_graph *g, int x, double rate);
/* Moves `count` parameters, from number `first` on, behind all others so far: for a module
 * that the PyTorch model registers after modules that read its output. */
void mwn_graph_params_last(struct mwn_graph *g, int first, int count);
/* Declares the logits. */
void mwn_graph_output(struct mwn_graph *g, int x);

#endif

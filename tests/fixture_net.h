/* fixture_net.h - the network of a case of an oracle folder, built from its name and from the
 * names and shapes of its parameters. */
#ifndef FIXTURE_NET_H
#define FIXTURE_NET_H

#include "fixture_case.h"
#include "nn/graph.h"

#include <stdlib.h>

/* Entry j of the list of parameters. */
struct fixture_param {
    const char *name;
    int dims, shape[4];
    size_t count;
};

static inline size_t fixture_params(const struct fixture_case *c)
{
    return json_array_size(json_object_get(c->entry, "params"));
}

static inline struct fixture_param fixture_param(const struct fixture_case *c, size_t j)
{
    struct fixture_param p = {.name = "", .count = 1};
    const json_t *pair = json_array_get(json_object_get(c->entry, "params"), j);
    const json_t *shape = json_array_get(pair, 1);
    const char *name = json_string_value(json_array_get(pair, 0));
    p.name = name ? name : "";
    for (size_t i = 0; i < json_array_size(shape) && i < 4; i++) {
        p.shape[p.dims] = (int)json_integer_value(json_array_get(shape, i));
        p.count *= p.shape[p.dims] > 0 ? (size_t)p.shape[p.dims] : 0;
        p.dims++;
    }
    return p;
}

/* "layer1.0.conv1.weight" -> "layer1.0.conv1". */
static inline void fixture_module(const char *param, char out[64])
{
    const char *dot = strrchr(param, '.');
    size_t length = dot ? (size_t)(dot - param) : strlen(param);
    length = length < 63 ? length : 63;
    memcpy(out, param, length);
    out[length] = '\0';
}

static inline int fixture_conv(struct mwn_graph *g, int x, const struct fixture_param *p,
                               int stride)
{
    char name[64];
    fixture_module(p->name, name);
    return mwn_graph_conv(g, x, name,
                          &(struct mwn_conv_spec){.out = p->shape[0],
                                                  .kernel_h = p->shape[2],
                                                  .kernel_w = p->shape[3],
                                                  .stride = stride,
                                                  .pad = p->shape[2] / 2});
}

static inline int fixture_linear(struct mwn_graph *g, int x, const struct fixture_param *p)
{
    char name[64];
    fixture_module(p->name, name);
    return mwn_graph_linear(g, x, name, &(struct mwn_linear_spec){.out = p->shape[0]});
}

/* Linear layers with ReLU between them. */
static inline int fixture_mlp(const struct fixture_case *c, struct mwn_graph *g, int x)
{
    size_t count = fixture_params(c);
    bool first = true;
    for (size_t j = 0; j < count; j++) {
        struct fixture_param p = fixture_param(c, j);
        if (p.dims != 2)
            continue;
        x = fixture_linear(g, first ? x : mwn_graph_relu(g, x), &p);
        first = false;
    }
    return x;
}

/* Convolution, batch norm and ReLU, the first with stride 1, the others with 2; then the mean
 * and a linear layer. */
static inline int fixture_convnet(const struct fixture_case *c, struct mwn_graph *g, int x)
{
    size_t count = fixture_params(c);
    int stride = 1;
    for (size_t j = 0; j < count; j++) {
        char name[64];
        struct fixture_param p = fixture_param(c, j), next = fixture_param(c, j + 1);
        if (p.dims == 4) {
            x = fixture_conv(g, x, &p, stride);
            fixture_module(next.name, name);
            x = mwn_graph_bnorm(g, x, MWN_NO_NODE, true, name);
            stride = 2;
        } else if (p.dims == 2) {
            x = fixture_linear(g, mwn_graph_gpool(g, x), &p);
        }
    }
    return x;
}

/* A basic block from parameter *j on: conv-bn-relu-conv-bn + shortcut, relu. A 1x1 convolution
 * that follows is the shortcut; else it has no parameters. */
static inline int fixture_block(const struct fixture_case *c, struct mwn_graph *g, int x,
                                int stride, size_t *j)
{
    char name[64];
    struct fixture_param first = fixture_param(c, *j), second = fixture_param(c, *j + 3);
    struct fixture_param extra = fixture_param(c, *j + 6);
    int h = fixture_conv(g, x, &first, stride), side = x;
    fixture_module(fixture_param(c, *j + 1).name, name);
    h = fixture_conv(g, mwn_graph_bnorm(g, h, MWN_NO_NODE, true, name), &second, 1);
    if (extra.dims == 4 && extra.shape[2] == 1) {
        side = fixture_conv(g, x, &extra, stride);
        fixture_module(fixture_param(c, *j + 7).name, name);
        side = mwn_graph_bnorm(g, side, MWN_NO_NODE, false, name);
    } else if (stride != 1 || first.shape[0] != first.shape[1]) {
        side = mwn_graph_shortcut(g, x, first.shape[0], stride);
    }
    fixture_module(fixture_param(c, *j + 4).name, name);
    h = mwn_graph_bnorm(g, h, side, true, name);
    *j += side != x && extra.dims == 4 && extra.shape[2] == 1 ? 9 : 6;
    return h;
}

/* Of "layerS.B.": 2 for the first block of every stage but the first, else 1. */
static inline bool fixture_block_stride(const char *name, int *stride)
{
    char *end = NULL;
    if (strncmp(name, "layer", 5) != 0)
        return false;
    long stage = strtol(name + 5, &end, 10);
    if (end == name + 5 || *end != '.')
        return false;
    long block = strtol(end + 1, &end, 10);
    *stride = stage > 1 && block == 0 ? 2 : 1;
    return *end == '.';
}

/* CIFAR ResNet: convolution, batch norm, ReLU; blocks named layerS.B; mean; linear. */
static inline int fixture_resnet(const struct fixture_case *c, struct mwn_graph *g, int x)
{
    struct fixture_param stem = fixture_param(c, 0);
    char name[64];
    size_t j = 3;
    fixture_module(fixture_param(c, 1).name, name);
    x = mwn_graph_bnorm(g, fixture_conv(g, x, &stem, 1), MWN_NO_NODE, true, name);
    while (fixture_param(c, j).dims == 4) {
        int stride = 1;
        if (!fixture_block_stride(fixture_param(c, j).name, &stride))
            break;
        x = fixture_block(c, g, x, stride, &j);
    }
    struct fixture_param last = fixture_param(c, j);
    return fixture_linear(g, mwn_graph_gpool(g, x), &last);
}

/* The graph that the case's "net" (mlp, conv, r8a, r32a, ...) and parameters describe. */
static inline mwn_status fixture_graph(const struct fixture_case *c, struct mwn_graph *g,
                                       struct mwn_error *err)
{
    const char *net = json_string_value(json_object_get(c->entry, "net"));
    struct mwn_shape sample = fixture_sample(c, "x");
    memset(g, 0, sizeof *g);
    if (!net || fixture_params(c) == 0)
        return mwn_fail(err, MWN_ERR_DATA, "case %s names no network", c->name);
    if (sample.c == 0)
        sample =
            net[0] == 'r' ? (struct mwn_shape){3, 32, 32} : (struct mwn_shape){3, 8, 8};
    if (strcmp(net, "mlp") == 0)
        sample = (struct mwn_shape){fixture_param(c, 0).shape[1], 1, 1};
    int x = mwn_graph_input(g, sample);
    if (strcmp(net, "mlp") == 0)
        x = fixture_mlp(c, g, x);
    else if (strcmp(net, "conv") == 0)
        x = fixture_convnet(c, g, x);
    else if (net[0] == 'r')
        x = fixture_resnet(c, g, x);
    else
        return mwn_fail(err, MWN_ERR_DATA, "case %s: unknown network '%s'", c->name, net);
    mwn_graph_output(g, x);
    mwn_status status = mwn_graph_check(g, err);
    if (status != MWN_OK)
        mwn_graph_release(g);
    return status;
}

/* The graph's number of the parameter with this name; -1 if there is none of `count`. */
static inline int fixture_find(const struct mwn_graph *g, const char *name, size_t count)
{
    for (int p = 0; p < g->param_count; p++)
        if (strcmp(g->params[p].name, name) == 0)
            return g->params[p].count == count ? p : -1;
    return -1;
}

/* Stream j of a parameter: the scales of the manifest. */
static inline struct fixture_stream fixture_param_stream(const struct mwn_graph *g, int p,
                                                         size_t j)
{
    const struct mwn_param *param = &g->params[p];
    bool norm = g->nodes[param->node].op == MWN_OP_bnorm;
    bool weight = g->nodes[param->node].param[0] == p;
    struct fixture_stream s = {.number = j, .scale = 0.1};
    if (norm)
        s = (struct fixture_stream){j, weight ? 0.3 : 0.2, weight ? 1 : 0};
    else if (weight)
        s.scale = sqrt(6.0 / ((double)param->count / param->shape[0]));
    return s;
}

#endif

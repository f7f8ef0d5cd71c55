/* backend_dnnl.c - the fast backend: convolutions by our own kernels and oneDNN's, matrix
 * products by oneDNN, everything else by the vector kernels. Here is what holds it together:
 * linear layers, the parameters' layouts, and the tables of operators. */
#include "nn/dnnl_engine.h"

#include "base/mem.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* ---- linear: y = x W' + b ---- */

/* out[n][o] = beta*out + x[n][in] w[o][in]' */
static mwn_status product(const struct mwn_layer *l, const float *x, const float *w,
                          float beta, float *out)
{
    dnnl_dim_t n = (dnnl_dim_t)l->n, in = l->in.c, o = l->node->shape.c;
    return dnnl_sgemm('N', 'T', n, o, in, 1.0f, x, in, w, in, beta, out, o) == dnnl_success
               ? MWN_OK
               : MWN_ERR_RUNTIME;
}

static void add_bias(const struct mwn_layer *l, const float *bias, float *out)
{
    size_t o = (size_t)l->node->shape.c;
    for (size_t i = 0; bias && i < l->n; i++)
        for (size_t j = 0; j < o; j++)
            out[i * o + j] += bias[j];
}

static mwn_status linear_forward(struct mwn_layer *l)
{
    mwn_status status = product(l, l->x[0], l->w[0], 0, l->y);
    add_bias(l, l->w[1], l->y);
    return status;
}

static mwn_status linear_backward(struct mwn_layer *l)
{
    dnnl_dim_t n = (dnnl_dim_t)l->n, in = l->in.c, o = l->node->shape.c;
    const float *gy = l->gy[0];
    float *gb = l->gw[1];
    memset(gb, 0, (size_t)o * sizeof *gb);
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j < (size_t)o; j++)
            gb[j] += gy[i * (size_t)o + j];
    dnnl_status_t status =
        dnnl_sgemm('T', 'N', o, in, n, 1.0f, gy, o, l->x[0], in, 0.0f, l->gw[0], in);
    if (status == dnnl_success && l->gx)
        status = dnnl_sgemm('N', 'N', n, in, o, 1.0f, gy, o, l->w[0], in,
                            l->gx_add ? 1.0f : 0.0f, l->gx, in);
    return status == dnnl_success ? MWN_OK : MWN_ERR_RUNTIME;
}

static mwn_status linear_jvp(struct mwn_layer *l)
{
    mwn_status status = MWN_OK;
    if (l->tx[0])
        status = product(l, l->tx[0], l->w[0], 0, l->ty);
    if (status == MWN_OK && l->tw[0])
        status = product(l, l->x[0], l->tw[0], l->tx[0] ? 1.0f : 0.0f, l->ty);
    add_bias(l, l->tw[1], l->ty);
    return status;
}

static const struct mwn_op_impl linear_ops = {
    .forward = linear_forward,
    .backward = linear_backward,
    .jvp = linear_jvp,
    .adds = true,
};

/* ---- parameters ---- */

/* Room for a weight as OIHW, so that getting and setting one later cannot fail. */
static bool plain_grow(struct mwn_dnnl *e, size_t bytes)
{
    if (bytes <= e->plain_bytes)
        return true;
    mwn_free(e->plain);
    e->plain = mwn_alloc(bytes, 1);
    e->plain_bytes = e->plain ? bytes : 0;
    return e->plain != NULL;
}

static dnnl_status_t weight_make(const struct mwn_backend *self,
                                 const struct mwn_graph *graph, int p)
{
    struct mwn_dnnl *e = self->engine;
    struct mwn_dnnl_weight *w = &e->weight[p];
    const struct mwn_param *param = &graph->params[p];
    const struct mwn_node *node = &graph->nodes[param->node];
    dnnl_status_t status = mwn_dnnl_conv_layout(self, graph, node, &w->native);
    if (status != dnnl_success || !w->native)
        return status;
    bool blocked = graph->nodes[node->input[0]].op != MWN_OP_input;
    w->dims[0] = mwn_dnnl_whole_blocks(e, param->shape[0]);
    w->dims[1] = blocked ? mwn_dnnl_whole_blocks(e, param->shape[1]) : param->shape[1];
    w->dims[2] = param->shape[2];
    w->dims[3] = param->shape[3];
    shim_md plain = shim_md_create(4, w->dims, dnnl_f32, dnnl_oihw);
    if (!plain || !plain_grow(e, mwn_dnnl_bytes(plain)))
        status = dnnl_out_of_memory;
    if (status == dnnl_success)
        status = mwn_dnnl_reorder_make(&w->to_native, e, plain, w->native);
    if (status == dnnl_success)
        status = mwn_dnnl_reorder_make(&w->to_plain, e, w->native, plain);
    shim_md_free(plain);
    return status;
}

static void weight_release(struct mwn_dnnl_weight *w)
{
    shim_md_free(w->native);
    mwn_dnnl_call_release(&w->to_native.call);
    mwn_dnnl_call_release(&w->to_plain.call);
}

static bool is_conv(const struct mwn_graph *graph, int p)
{
    return graph->nodes[graph->params[p].node].op == MWN_OP_conv;
}

static mwn_status dnnl_param_size(struct mwn_backend *self, const struct mwn_graph *graph,
                                  int p, size_t *size, struct mwn_error *err)
{
    struct mwn_dnnl *e = self->engine;
    const struct mwn_param *param = &graph->params[p];
    *size = param->count;
    if (!e->weight) {
        e->weight = mwn_alloc((size_t)graph->param_count, sizeof *e->weight);
        if (!e->weight)
            return mwn_fail_memory(err, sizeof *e->weight, "the parameters' layouts");
        e->count = graph->param_count;
    }
    if (!is_conv(graph, p))
        return MWN_OK;
    if (param->dims == 1) {
        *size = (size_t)mwn_dnnl_whole_blocks(e, param->shape[0]);
        return MWN_OK;
    }
    dnnl_status_t status = weight_make(self, graph, p);
    if (status == dnnl_out_of_memory)
        return mwn_fail_memory(err, param->count * sizeof(float), param->name);
    if (status != dnnl_success)
        return mwn_fail(err, MWN_ERR_RUNTIME, "oneDNN refuses the convolution of %s",
                        param->name);
    if (e->weight[p].native)
        *size = mwn_dnnl_bytes(e->weight[p].native) / sizeof(float);
    return MWN_OK;
}

/* Place of number i of the PyTorch layout among the rounded-up channels. */
static size_t plain_at(const struct mwn_dnnl_weight *w, const struct mwn_param *param,
                       size_t i)
{
    size_t window = (size_t)param->shape[2] * (size_t)param->shape[3];
    size_t row = window * (size_t)param->shape[1];
    return i / row * window * (size_t)w->dims[1] + i % row;
}

static size_t plain_bytes(const struct mwn_dnnl_weight *w)
{
    return (size_t)(w->dims[0] * w->dims[1] * w->dims[2] * w->dims[3]) * sizeof(float);
}

/* One layout into the other; without a primitive they are the same. */
static void convert(const struct mwn_dnnl *e, const struct mwn_dnnl_weight *w,
                    const struct mwn_dnnl_reorder *r, const void *from, void *to)
{
    if (r->call.primitive)
        (void)MWN_DNNL_RUN(&r->call, e, from, to);
    else
        memcpy(to, from, plain_bytes(w));
}

static void dnnl_param_get(const struct mwn_backend *self, const struct mwn_graph *graph,
                           int p, const void *native, double *out)
{
    const struct mwn_dnnl *e = self->engine;
    const struct mwn_dnnl_weight *w = &e->weight[p];
    const struct mwn_param *param = &graph->params[p];
    const float *from = native;
    if (w->native) {
        convert(e, w, &w->to_plain, native, e->plain);
        from = e->plain;
    }
    for (size_t i = 0; i < param->count; i++)
        out[i] = (double)from[w->native ? plain_at(w, param, i) : i];
}

static void dnnl_param_set(const struct mwn_backend *self, const struct mwn_graph *graph,
                           int p, void *native, const double *in)
{
    const struct mwn_dnnl *e = self->engine;
    const struct mwn_dnnl_weight *w = &e->weight[p];
    const struct mwn_param *param = &graph->params[p];
    float *to = native;
    if (w->native) {
        memset(e->plain, 0, plain_bytes(w));
        to = e->plain;
    }
    for (size_t i = 0; i < param->count; i++)
        to[w->native ? plain_at(w, param, i) : i] = (float)in[i];
    if (w->native)
        convert(e, w, &w->to_native, e->plain, native);
}

/* ---- the backend ---- */

static void dnnl_close(struct mwn_backend *self)
{
    struct mwn_dnnl *e = self->engine;
    if (!e)
        return;
    for (int p = 0; p < e->count; p++)
        weight_release(&e->weight[p]);
    mwn_free(e->weight);
    mwn_free(e->plain);
    if (e->stream)
        dnnl_stream_destroy(e->stream);
    if (e->engine)
        dnnl_engine_destroy(e->engine);
    mwn_free(e);
    self->engine = NULL;
}

static void fill_variant(struct mwn_dnnl_variant *variant, const struct mwn_simd *simd,
                         const struct mwn_simd *plain)
{
    variant->simd = simd;
    for (int op = 0; op < MWN_OP_COUNT; op++) {
        variant->ops[op] = simd->ops[op];
        variant->plain_ops[op] = mwn_ref_ops_f32[op];
    }
    variant->ops[MWN_OP_conv] = &mwn_dnnl_conv_ops;
    variant->plain_ops[MWN_OP_linear] = &linear_ops;
    variant->plain_ops[MWN_OP_relu] = plain->ops[MWN_OP_relu];
    variant->plain_ops[MWN_OP_add] = plain->ops[MWN_OP_add];
}

void mwn_backend_dnnl_variant(struct mwn_backend *backend, enum mwn_precision precision)
{
    const struct mwn_dnnl *e = backend->engine;
    const struct mwn_dnnl_variant *variant = &e->variant[precision];
    const char *isa = backend->block == 16 ? "avx512" : "avx2";
    snprintf(backend->name, sizeof backend->name, "dnnl %s%s", isa,
             precision == MWN_PRECISION_BF16 ? " bf16" : "");
    backend->precision = precision;
    backend->ops = variant->ops;
    backend->plain_ops = variant->plain_ops;
    backend->add = variant->simd->add;
}

/* Whether oneDNN may use AVX-512: it can be told not to from outside. */
static bool allows_avx512(void)
{
    const unsigned needed = dnnl_cpu_isa_avx512_core;
    return ((unsigned)dnnl_get_effective_cpu_isa() & needed) == needed;
}

/* oneDNN must use the instructions whose block size we chose. */
static bool limit_isa(bool wide)
{
    if (wide)
        return allows_avx512();
    (void)dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    return dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx2;
}

mwn_status mwn_backend_dnnl_open(struct mwn_backend *backend, const char *isa, bool exact,
                                 struct mwn_error *err)
{
    if (!exact && strcmp(isa, "avx512") == 0 && !allows_avx512())
        isa = "avx2";
    bool wide = strcmp(isa, "avx512") == 0;
    if (!wide && strcmp(isa, "avx2") != 0)
        return mwn_fail(err, MWN_ERR_CONFIG, "there is no backend dnnl-%s", isa);
    struct mwn_dnnl *e = mwn_alloc(1, sizeof *e);
    if (!e)
        return mwn_fail_memory(err, sizeof *e, "the backend");
    backend->engine = e;
    backend->close = dnnl_close;
    if (!limit_isa(wide))
        return mwn_fail(err, MWN_ERR_RUNTIME, "oneDNN does not use %s in this process",
                        isa);
    if (dnnl_engine_create(&e->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&e->stream, e->engine, dnnl_stream_default_flags) !=
            dnnl_success)
        return mwn_fail(err, MWN_ERR_RUNTIME, "oneDNN does not start");
    e->tag = wide ? dnnl_nChw16c : dnnl_nChw8c;
    const struct mwn_simd *simd = wide ? &mwn_simd_avx512 : &mwn_simd_avx2;
    fill_variant(&e->variant[MWN_PRECISION_F32], simd, simd);
    fill_variant(&e->variant[MWN_PRECISION_BF16], &mwn_simd_avx512_bf16, simd);
    backend->block = wide ? 16 : 8;
    mwn_backend_dnnl_variant(backend, MWN_PRECISION_F32);
    backend->param_size = dnnl_param_size;
    backend->param_get = dnnl_param_get;
    backend->param_set = dnnl_param_set;
    return MWN_OK;
}

/* backend_dnnl.c - the fast backend: convolutions by our own kernels and oneDNN's, everything
 * else by the vector kernels. Here is what holds it together: the parameters' layouts and the
 * tables of operators. */
#include "nn/dnnl_engine.h"
#include "nn/simd_layout.h"

#include "base/mem.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

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

static bool is_conv_weight(const struct mwn_graph *graph, int p)
{
    return graph->nodes[graph->params[p].node].op == MWN_OP_conv &&
           graph->params[p].dims == 4;
}

static mwn_status dnnl_param_size(struct mwn_backend *self, const struct mwn_graph *graph,
                                  int p, size_t *size, struct mwn_error *err)
{
    struct mwn_dnnl *e = self->engine;
    const struct mwn_param *param = &graph->params[p];
    *size = mwn_simd_param_size(self->block, graph, p);
    if (!e->weight) {
        e->weight = mwn_alloc((size_t)graph->param_count, sizeof *e->weight);
        if (!e->weight)
            return mwn_fail_memory(err, sizeof *e->weight, "the parameters' layouts");
        e->count = graph->param_count;
    }
    if (!is_conv_weight(graph, p))
        return MWN_OK;
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

/* Place of number i of the PyTorch layout in what lies in the flat vector or, for a
 * convolution, among the rounded-up channels of its OIHW. */
static size_t place_of(const struct mwn_backend *self, const struct mwn_graph *graph, int p,
                       size_t i)
{
    const struct mwn_dnnl *e = self->engine;
    const struct mwn_dnnl_weight *w = &e->weight[p];
    const struct mwn_param *param = &graph->params[p];
    if (!w->native)
        return mwn_simd_param_place(self->block, graph, p, i);
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
        out[i] = (double)from[place_of(self, graph, p, i)];
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
    if (!w->native)
        memset(to, 0, mwn_simd_param_size(self->block, graph, p) * sizeof *to);
    for (size_t i = 0; i < param->count; i++)
        to[place_of(self, graph, p, i)] = (float)in[i];
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
    mwn_simd_operators(simd, plain, &mwn_dnnl_conv_ops, variant->ops, variant->plain_ops);
}

void mwn_backend_dnnl_variant(struct mwn_backend *backend, enum mwn_precision precision)
{
    const struct mwn_dnnl *e = backend->engine;
    const struct mwn_dnnl_variant *variant = &e->variant[precision];
    snprintf(backend->name, sizeof backend->name, "dnnl %s%s", variant->simd->isa,
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

/* backend_dnnl.c - the fast backend: convolutions and matrix products by oneDNN, everything
 * else by the vector kernels. The only file that sees a oneDNN header.
 *
 * Activations are in blocks of 16 or 8 channels. A weight lives in the flat vectors in the
 * layout that oneDNN prefers forward; where another pass wants another one it is reordered
 * into the work space. All primitives of a layer are made with its plan; a step creates and
 * allocates nothing. A convolution for which oneDNN has only its slow reference kernel is an
 * error. */
#include "nn/dnnl_shim.h"

#include "base/mem.h"
#include "base/status.h"
#include "nn/backend.h"
#include "nn/simd.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 5, WORK_ALIGNMENT = 64 };

/* A primitive with its arguments; their addresses are set at each run. */
struct call {
    dnnl_primitive_t primitive;
    int count;
    dnnl_exec_arg_t args[ARGS_MAX + 1];
};

/* A reorder, if one is needed at all, and the bytes of its larger side. */
struct reorder {
    struct call call;
    size_t bytes;
};

/* How a convolution's weight lives in the flat vectors. */
struct weight {
    shim_md native;     /* owned; NULL: OIHW, computed by conv_input                  */
    dnnl_dim_t dims[4]; /* OIHW with the channels rounded up as in the native layout  */
    struct reorder to_native, to_plain; /* from and to that OIHW                      */
};

/* What the backend keeps for a network. */
struct engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_format_tag_t tag; /* of activations                                        */
    struct weight *weight; /* owned [count]: zero where no convolution's weight is  */
    int count;
    float *plain; /* owned [plain_bytes]: room for any one weight as OIHW          */
    size_t plain_bytes;
    const struct mwn_op_impl *ops[MWN_OP_COUNT];
    const struct mwn_op_impl *plain_ops[MWN_OP_COUNT];
    const struct mwn_op_impl
        *conv_input; /* first layers that oneDNN has no fast kernel for */
};

struct conv {
    struct call forward, forward_sum, data, weights;
    struct reorder to_forward, to_sum, to_data, from_gradient;
    size_t scratchpad; /* bytes, the largest of all calls */
};

/* ---- calls ---- */

static void call_release(struct call *call)
{
    for (int i = 0; i < call->count; i++)
        if (call->args[i].memory)
            dnnl_memory_destroy(call->args[i].memory);
    if (call->primitive)
        dnnl_primitive_destroy(call->primitive);
    memset(call, 0, sizeof *call);
}

static dnnl_status_t call_arg(struct call *call, const struct engine *e, int arg,
                              shim_md md)
{
    dnnl_memory_t memory = NULL;
    dnnl_status_t status = dnnl_memory_create(&memory, md, e->engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        call->args[call->count++] = (dnnl_exec_arg_t){arg, memory};
    return status;
}

/* pointers: one for each argument, in the order they were added. */
static mwn_status call_run(const struct call *call, const struct engine *e,
                           const void *const *pointers, int count)
{
    assert(call->primitive && count == call->count);
    for (int i = 0; i < count; i++)
        if (dnnl_memory_set_data_handle(call->args[i].memory,
                                        (void *)(uintptr_t)pointers[i]) != dnnl_success)
            return MWN_ERR_RUNTIME;
    return dnnl_primitive_execute(call->primitive, e->stream, count, call->args) ==
                   dnnl_success
               ? MWN_OK
               : MWN_ERR_RUNTIME;
}

#define RUN(call, e, ...)                                                                  \
    call_run(call, e, (const void *[]){__VA_ARGS__},                                       \
             (int)MWN_COUNT(((const void *[]){__VA_ARGS__})))

static shim_md query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

static size_t md_bytes(shim_md md)
{
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

static dnnl_status_t reorder_make(struct reorder *r, const struct engine *e, shim_md from,
                                  shim_md to)
{
    if (dnnl_memory_desc_equal(from, to))
        return dnnl_success;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&pd, from, e->engine, to, e->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&r->call.primitive, pd);
    if (status == dnnl_success)
        status = call_arg(&r->call, e, DNNL_ARG_FROM, from);
    if (status == dnnl_success)
        status = call_arg(&r->call, e, DNNL_ARG_TO, to);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    r->bytes = md_bytes(from) > md_bytes(to) ? md_bytes(from) : md_bytes(to);
    return status;
}

/* ---- convolution: making it ---- */

/* Descriptors of a layer's convolution; weights in any layout. */
struct conv_mds {
    shim_md src, weights, bias, dst;
};

static void conv_mds_release(struct conv_mds *m)
{
    shim_md_free(m->src);
    shim_md_free(m->weights);
    shim_md_free(m->bias);
    shim_md_free(m->dst);
}

/* Channels rounded up to whole blocks, as the activations have them; the rest is zero. */
static dnnl_dim_t whole_blocks(const struct engine *e, int channels)
{
    dnnl_dim_t block = e->tag == dnnl_nChw16c ? 16 : 8;
    return (channels + block - 1) / block * block;
}

static bool conv_mds_make(struct conv_mds *m, const struct engine *e,
                          const struct mwn_layer *l)
{
    struct mwn_shape in = l->in, out = l->node->shape;
    dnnl_dim_t n = (dnnl_dim_t)l->n, oc = whole_blocks(e, out.c);
    dnnl_dim_t ic = l->in_blocked ? whole_blocks(e, in.c) : in.c;
    const dnnl_dim_t src[4] = {n, ic, in.h, in.w}, dst[4] = {n, oc, out.h, out.w};
    const dnnl_dim_t w[4] = {oc, ic, l->node->kernel_h, l->node->kernel_w};
    m->src = shim_md_create(4, src, l->in_blocked ? e->tag : dnnl_nchw);
    m->weights = shim_md_create(4, w, dnnl_format_tag_any);
    m->dst = shim_md_create(4, dst, e->tag);
    m->bias = l->node->param[1] >= 0 ? shim_md_create(1, dst + 1, dnnl_a) : NULL;
    return m->src && m->weights && m->dst && (m->bias || l->node->param[1] < 0);
}

static struct shim_conv conv_geometry(const struct engine *e, const struct mwn_layer *l,
                                      const struct conv_mds *m)
{
    const struct mwn_node *node = l->node;
    struct shim_conv c = {.engine = e->engine,
                          .src = m->src,
                          .weights = m->weights,
                          .bias = m->bias,
                          .dst = m->dst};
    const int in[2] = {l->in.h, l->in.w}, out[2] = {node->shape.h, node->shape.w};
    const int kernel[2] = {node->kernel_h, node->kernel_w};
    for (int i = 0; i < 2; i++) {
        int after = (out[i] - 1) * node->stride + kernel[i] - in[i] - node->pad;
        c.stride[i] = node->stride;
        c.pad_before[i] = node->pad;
        c.pad_after[i] = after > 0 ? after : 0;
    }
    return c;
}

static bool is_slow(const_dnnl_primitive_desc_t pd)
{
    const char *info = NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info);
    return !info || strstr(info, "ref") != NULL;
}

/* Attributes: scratchpad handed in by us; `sum`: the result is added to the destination. */
static dnnl_primitive_attr_t make_attr(bool sum)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    bool good = dnnl_primitive_attr_create(&attr) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) ==
                    dnnl_success;
    if (good && sum)
        good = dnnl_post_ops_create(&ops) == dnnl_success &&
               shim_post_sum(ops) == dnnl_success &&
               dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (!good && attr) {
        dnnl_primitive_attr_destroy(attr);
        attr = NULL;
    }
    return attr;
}

/* Completes a call from its descriptor: argument numbers and the queries of their layouts. */
static dnnl_status_t call_make(struct conv *conv, struct call *call, const struct engine *e,
                               const_dnnl_primitive_desc_t pd, const int (*args)[2])
{
    dnnl_status_t status = dnnl_primitive_create(&call->primitive, pd);
    for (int i = 0; args[i][0] && status == dnnl_success; i++) {
        shim_md md = query(pd, (dnnl_query_t)args[i][1]);
        if (args[i][0] == DNNL_ARG_BIAS || args[i][0] == DNNL_ARG_DIFF_BIAS)
            md = dnnl_primitive_desc_query_md(pd, (dnnl_query_t)args[i][1], 1);
        status = call_arg(call, e, args[i][0], md);
    }
    shim_md pad = query(pd, dnnl_query_scratchpad_md);
    if (status == dnnl_success)
        status = call_arg(call, e, DNNL_ARG_SCRATCHPAD, pad);
    if (md_bytes(pad) > conv->scratchpad)
        conv->scratchpad = md_bytes(pad);
    return status;
}

static const int forward_args[][2] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                                      {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                                      {DNNL_ARG_DST, dnnl_query_dst_md},
                                      {0, 0}};
static const int forward_bias_args[][2] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                                           {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                                           {DNNL_ARG_DST, dnnl_query_dst_md},
                                           {DNNL_ARG_BIAS, dnnl_query_weights_md},
                                           {0, 0}};
static const int data_args[][2] = {{DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
                                   {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                                   {DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md},
                                   {0, 0}};
static const int weights_args[][2] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                                      {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
                                      {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
                                      {0, 0}};
static const int weights_bias_args[][2] = {
    {DNNL_ARG_SRC, dnnl_query_src_md},
    {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
    {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
    {DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md},
    {0, 0}};

/* One direction of a convolution. */
typedef dnnl_status_t make_pd_fn(dnnl_primitive_desc_t *pd, const struct shim_conv *c);

struct direction {
    make_pd_fn *make;
    const int (*args)[2];
    dnnl_query_t weights; /* which query gives the weights' layout                    */
    bool from_native;     /* reorder native -> this, or this -> native                */
    struct call *call;
    struct reorder *reorder; /* between the call's weights and the native layout      */
};

/* Makes a call and its reorder. */
static dnnl_status_t direction_make(struct conv *conv, const struct engine *e,
                                    const struct shim_conv *c, shim_md native,
                                    const struct direction *d)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = d->make(&pd, c);
    if (status == dnnl_success && is_slow(pd))
        status = dnnl_unimplemented;
    if (status == dnnl_success)
        status = call_make(conv, d->call, e, pd, d->args);
    if (status == dnnl_success) {
        shim_md mine = query(pd, d->weights);
        status = reorder_make(d->reorder, e, d->from_native ? native : mine,
                              d->from_native ? mine : native);
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

/* The tangent's second convolution, which adds to the first one's result. */
static dnnl_status_t conv_make_sum(struct conv *conv, const struct engine *e,
                                   struct shim_conv c, shim_md native)
{
    const struct direction sum = {shim_conv_forward,     forward_args,
                                  dnnl_query_weights_md, true,
                                  &conv->forward_sum,    &conv->to_sum};
    dnnl_primitive_attr_t attr = make_attr(true);
    dnnl_status_t status = dnnl_out_of_memory;
    c.attr = attr;
    c.bias = NULL;
    if (attr) {
        status = direction_make(conv, e, &c, native, &sum);
        dnnl_primitive_attr_destroy(attr);
    }
    return status;
}

static dnnl_status_t conv_make_backward(struct conv *conv, const struct mwn_layer *l,
                                        struct shim_conv c, shim_md native)
{
    const struct engine *e = l->backend->engine;
    const struct direction weights = {shim_conv_backward_weights,
                                      c.bias ? weights_bias_args : weights_args,
                                      dnnl_query_diff_weights_md,
                                      false,
                                      &conv->weights,
                                      &conv->from_gradient};
    const struct direction data = {
        shim_conv_backward_data, data_args, dnnl_query_weights_md, true, &conv->data,
        &conv->to_data};
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = conv_make_sum(conv, e, c, native);
    if (status == dnnl_success)
        status = shim_conv_forward(&hint, &c);
    c.hint = hint;
    if (status == dnnl_success)
        status = direction_make(conv, e, &c, native, &weights);
    if (status == dnnl_success && l->needs_gx)
        status = direction_make(conv, e, &c, native, &data);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return status;
}

static mwn_status conv_refused(const struct mwn_layer *l, dnnl_status_t status,
                               struct mwn_error *err)
{
    if (status == dnnl_out_of_memory)
        return mwn_fail_memory(err, 0, "a convolution");
    mwn_fail(err, MWN_ERR_RUNTIME,
             "oneDNN has no fast kernel for %s: %d -> %d channels, %dx%d, kernel %dx%d, "
             "stride %d (status %d)",
             l->node->name, l->in.c, l->node->shape.c, l->in.h, l->in.w, l->node->kernel_h,
             l->node->kernel_w, l->node->stride, (int)status);
    return mwn_hint(err, "train.backend=ref computes it, slowly");
}

static void conv_release(struct mwn_layer *l)
{
    struct conv *conv = l->state;
    if (!conv)
        return;
    call_release(&conv->forward);
    call_release(&conv->forward_sum);
    call_release(&conv->data);
    call_release(&conv->weights);
    call_release(&conv->to_forward.call);
    call_release(&conv->to_sum.call);
    call_release(&conv->to_data.call);
    call_release(&conv->from_gradient.call);
    mwn_free(conv);
    l->state = NULL;
}

/* Whether the layer is computed by conv_input. */
static const struct mwn_op_impl *direct(const struct mwn_layer *l)
{
    const struct engine *e = l->backend->engine;
    return e->weight[l->node->param[0]].native ? NULL : e->conv_input;
}

static mwn_status conv_prepare(struct mwn_layer *l, struct mwn_error *err)
{
    struct engine *e = l->backend->engine;
    if (direct(l))
        return MWN_OK;
    struct conv_mds mds = {0};
    dnnl_primitive_attr_t attr = make_attr(false);
    dnnl_status_t status = dnnl_out_of_memory;
    struct conv *conv = mwn_alloc(1, sizeof *conv);
    l->state = conv;
    if (conv && attr && conv_mds_make(&mds, e, l)) {
        struct shim_conv c = conv_geometry(e, l, &mds);
        shim_md native = e->weight[l->node->param[0]].native;
        c.attr = attr;
        const struct direction forward = {
            shim_conv_forward,     mds.bias ? forward_bias_args : forward_args,
            dnnl_query_weights_md, true,
            &conv->forward,        &conv->to_forward};
        status = direction_make(conv, e, &c, native, &forward);
        if (status == dnnl_success && l->trains)
            status = conv_make_backward(conv, l, c, native);
    }
    conv_mds_release(&mds);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (status == dnnl_success)
        return MWN_OK;
    conv_release(l);
    return conv_refused(l, status, err);
}

/* ---- convolution: running it ---- */

static size_t rounded(size_t bytes)
{
    return (bytes + WORK_ALIGNMENT - 1) / WORK_ALIGNMENT * WORK_ALIGNMENT;
}

/* Work space: scratchpad, one reordered weight, a bias of zeros. */
static size_t conv_weight_bytes(const struct conv *conv)
{
    const struct reorder *all[] = {&conv->to_forward, &conv->to_sum, &conv->to_data,
                                   &conv->from_gradient};
    size_t bytes = 0;
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        if (all[i]->bytes > bytes)
            bytes = all[i]->bytes;
    return bytes;
}

static size_t bias_bytes(const struct mwn_layer *l)
{
    return rounded((size_t)whole_blocks(l->backend->engine, l->node->shape.c) *
                   sizeof(float));
}

static size_t conv_work(const struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->work_size(l);
    const struct conv *conv = l->state;
    return rounded(conv->scratchpad) + rounded(conv_weight_bytes(conv)) + bias_bytes(l) +
           WORK_ALIGNMENT;
}

static void *work_weight(const struct mwn_layer *l)
{
    const struct conv *conv = l->state;
    return (char *)l->work + rounded(conv->scratchpad);
}

static const void *zero_bias(const struct mwn_layer *l)
{
    char *at = (char *)work_weight(l) + rounded(conv_weight_bytes(l->state));
    memset(at, 0, bias_bytes(l));
    return at;
}

/* The weight in the layout that a pass wants: itself, or reordered into the work space. */
static const void *weight_for(const struct mwn_layer *l, const struct reorder *r,
                              const void *w, mwn_status *status)
{
    if (!r->call.primitive)
        return w;
    void *to = work_weight(l);
    *status = RUN(&r->call, l->backend->engine, w, to);
    return to;
}

/* dst = conv(src, w) + bias */
static mwn_status run_forward(const struct mwn_layer *l, const void *src, const void *w,
                              const void *bias, void *dst)
{
    const struct conv *conv = l->state;
    mwn_status status = MWN_OK;
    w = weight_for(l, &conv->to_forward, w, &status);
    if (status != MWN_OK)
        return status;
    if (l->node->param[1] >= 0)
        return RUN(&conv->forward, l->backend->engine, src, w, dst,
                   bias ? bias : zero_bias(l), l->work);
    return RUN(&conv->forward, l->backend->engine, src, w, dst, l->work);
}

static mwn_status conv_forward(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->forward(l);
    return run_forward(l, l->x[0], l->w[0], l->w[1], l->y);
}

static mwn_status conv_backward(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->backward(l);
    const struct conv *conv = l->state;
    const struct engine *e = l->backend->engine;
    const struct reorder *back = &conv->from_gradient;
    void *gw = back->call.primitive ? work_weight(l) : l->gw[0];
    mwn_status status;
    if (l->gw[1])
        status = RUN(&conv->weights, e, l->x[0], l->gy[0], gw, l->gw[1], l->work);
    else
        status = RUN(&conv->weights, e, l->x[0], l->gy[0], gw, l->work);
    if (status == MWN_OK && back->call.primitive)
        status = RUN(&back->call, e, gw, l->gw[0]);
    if (status != MWN_OK || !l->gx)
        return status;
    const void *w = weight_for(l, &conv->to_data, l->w[0], &status);
    if (status == MWN_OK)
        status = RUN(&conv->data, e, l->gy[0], w, l->gx, l->work);
    return status;
}

/* ty = conv(tx, w) + conv(x, tw) + tb */
static mwn_status conv_jvp(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->jvp(l);
    const struct conv *conv = l->state;
    if (!l->tx[0])
        return run_forward(l, l->x[0], l->tw[0], l->tw[1], l->ty);
    mwn_status status = run_forward(l, l->tx[0], l->w[0], l->tw[1], l->ty);
    if (status != MWN_OK || !l->tw[0])
        return status;
    const void *tw = weight_for(l, &conv->to_sum, l->tw[0], &status);
    if (status == MWN_OK)
        status = RUN(&conv->forward_sum, l->backend->engine, l->x[0], tw, l->ty, l->work);
    return status;
}

static const struct mwn_op_impl conv_ops = {
    .prepare = conv_prepare,
    .release = conv_release,
    .work_size = conv_work,
    .forward = conv_forward,
    .backward = conv_backward,
    .jvp = conv_jvp,
};

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

/* Whether oneDNN has a fast kernel for the weights' gradient, given forward's descriptor. */
static bool has_fast_gradient(struct shim_conv c, const_dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t pd = NULL;
    c.hint = hint;
    bool fast = shim_conv_backward_weights(&pd, &c) == dnnl_success && !is_slow(pd);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return fast;
}

/* Asks oneDNN how it likes a convolution's weights, for a batch of usual size. *out stays NULL
 * for a first layer that it has no fast kernel for. */
static dnnl_status_t preferred_layout(const struct engine *e, const struct mwn_graph *graph,
                                      const struct mwn_node *node, shim_md *out)
{
    struct mwn_layer l = {.node = node,
                          .in = graph->nodes[node->input[0]].shape,
                          .n = 32,
                          .in_blocked = graph->nodes[node->input[0]].op != MWN_OP_input};
    struct conv_mds mds = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_out_of_memory;
    if (conv_mds_make(&mds, e, &l)) {
        struct shim_conv c = conv_geometry(e, &l, &mds);
        status = shim_conv_forward(&pd, &c);
        bool made = status == dnnl_success;
        bool fast = made && !is_slow(pd) && has_fast_gradient(c, pd);
        if (made && (fast || l.in_blocked)) {
            *out = shim_md_copy(query(pd, dnnl_query_weights_md));
            status = *out ? dnnl_success : dnnl_out_of_memory;
        } else if (!l.in_blocked) {
            status = dnnl_success;
        }
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    conv_mds_release(&mds);
    return status;
}

/* Room for a weight as OIHW, so that getting and setting one later cannot fail. */
static bool plain_grow(struct engine *e, size_t bytes)
{
    if (bytes <= e->plain_bytes)
        return true;
    mwn_free(e->plain);
    e->plain = mwn_alloc(bytes, 1);
    e->plain_bytes = e->plain ? bytes : 0;
    return e->plain != NULL;
}

static dnnl_status_t weight_make(struct engine *e, const struct mwn_graph *graph, int p)
{
    struct weight *w = &e->weight[p];
    const struct mwn_param *param = &graph->params[p];
    const struct mwn_node *node = &graph->nodes[param->node];
    dnnl_status_t status = preferred_layout(e, graph, node, &w->native);
    if (status != dnnl_success || !w->native)
        return status;
    bool blocked = graph->nodes[node->input[0]].op != MWN_OP_input;
    w->dims[0] = whole_blocks(e, param->shape[0]);
    w->dims[1] = blocked ? whole_blocks(e, param->shape[1]) : param->shape[1];
    w->dims[2] = param->shape[2];
    w->dims[3] = param->shape[3];
    shim_md plain = shim_md_create(4, w->dims, dnnl_oihw);
    if (!plain || !plain_grow(e, md_bytes(plain)))
        status = dnnl_out_of_memory;
    if (status == dnnl_success)
        status = reorder_make(&w->to_native, e, plain, w->native);
    if (status == dnnl_success)
        status = reorder_make(&w->to_plain, e, w->native, plain);
    shim_md_free(plain);
    return status;
}

static void weight_release(struct weight *w)
{
    shim_md_free(w->native);
    call_release(&w->to_native.call);
    call_release(&w->to_plain.call);
}

static bool is_conv(const struct mwn_graph *graph, int p)
{
    return graph->nodes[graph->params[p].node].op == MWN_OP_conv;
}

static mwn_status dnnl_param_size(struct mwn_backend *self, const struct mwn_graph *graph,
                                  int p, size_t *size, struct mwn_error *err)
{
    struct engine *e = self->engine;
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
        *size = (size_t)whole_blocks(e, param->shape[0]);
        return MWN_OK;
    }
    dnnl_status_t status = weight_make(e, graph, p);
    if (status == dnnl_out_of_memory)
        return mwn_fail_memory(err, param->count * sizeof(float), param->name);
    if (status != dnnl_success)
        return mwn_fail(err, MWN_ERR_RUNTIME, "oneDNN refuses the convolution of %s",
                        param->name);
    if (e->weight[p].native)
        *size = md_bytes(e->weight[p].native) / sizeof(float);
    return MWN_OK;
}

/* Place of number i of the PyTorch layout among the rounded-up channels. */
static size_t plain_at(const struct weight *w, const struct mwn_param *param, size_t i)
{
    size_t window = (size_t)param->shape[2] * (size_t)param->shape[3];
    size_t row = window * (size_t)param->shape[1];
    return i / row * window * (size_t)w->dims[1] + i % row;
}

static size_t plain_bytes(const struct weight *w)
{
    return (size_t)(w->dims[0] * w->dims[1] * w->dims[2] * w->dims[3]) * sizeof(float);
}

/* One layout into the other; without a primitive they are the same. */
static void convert(const struct engine *e, const struct weight *w, const struct reorder *r,
                    const void *from, void *to)
{
    if (r->call.primitive)
        (void)RUN(&r->call, e, from, to);
    else
        memcpy(to, from, plain_bytes(w));
}

static void dnnl_param_get(const struct mwn_backend *self, const struct mwn_graph *graph,
                           int p, const void *native, double *out)
{
    const struct engine *e = self->engine;
    const struct weight *w = &e->weight[p];
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
    const struct engine *e = self->engine;
    const struct weight *w = &e->weight[p];
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
    struct engine *e = self->engine;
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

static void fill_ops(struct engine *e, bool wide)
{
    const struct mwn_op_impl *const *simd = wide ? mwn_simd_ops_avx512 : mwn_simd_ops_avx2;
    for (int op = 0; op < MWN_OP_COUNT; op++) {
        e->ops[op] = simd[op];
        e->plain_ops[op] = mwn_ref_ops_f32[op];
    }
    e->ops[MWN_OP_conv] = &conv_ops;
    e->conv_input = wide ? &mwn_simd_conv_input_avx512 : &mwn_simd_conv_input_avx2;
    e->plain_ops[MWN_OP_linear] = &linear_ops;
    e->plain_ops[MWN_OP_relu] = simd[MWN_OP_relu];
    e->plain_ops[MWN_OP_add] = simd[MWN_OP_add];
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
    struct engine *e = mwn_alloc(1, sizeof *e);
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
    fill_ops(e, wide);
    snprintf(backend->name, sizeof backend->name, "dnnl %s", isa);
    backend->block = wide ? 16 : 8;
    backend->ops = e->ops;
    backend->plain_ops = e->plain_ops;
    backend->param_size = dnnl_param_size;
    backend->param_get = dnnl_param_get;
    backend->param_set = dnnl_param_set;
    return MWN_OK;
}

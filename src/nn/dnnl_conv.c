/* dnnl_conv.c - convolution: our own kernels where they are faster, oneDNN's for the rest.
 *
 * Activations are in blocks of 16 or 8 channels. A weight lives in the flat vectors in the
 * layout that oneDNN prefers forward; where another pass wants another one, or bfloat16, it is
 * reordered into the work space. All primitives of a layer are made with its plan; a step
 * creates and allocates nothing. Where oneDNN has only its slow reference kernel and there is none
 * of our own either, that is an error. */
#include "nn/dnnl_engine.h"

#include "base/mem.h"
#include "base/status.h"

#include <string.h>

enum { WORK_ALIGNMENT = 64 };

/* ---- convolution: making it ---- */

struct conv {
    struct mwn_dnnl_call forward, forward_sum, data, weights;
    struct mwn_dnnl_reorder to_forward, to_sum, to_data, from_gradient;
    size_t scratchpad; /* bytes, the largest of all calls */
};

/* Descriptors of a layer's convolution; weights and their gradient in any layout. */
struct conv_mds {
    shim_md src, weights, gradient, bias, dst;
};

static void conv_mds_release(struct conv_mds *m)
{
    shim_md_free(m->src);
    shim_md_free(m->weights);
    shim_md_free(m->gradient);
    shim_md_free(m->bias);
    shim_md_free(m->dst);
}

static bool conv_mds_make(struct conv_mds *m, const struct mwn_dnnl *e,
                          const struct mwn_layer *l)
{
    struct mwn_shape in = l->in, out = l->node->shape;
    dnnl_dim_t n = (dnnl_dim_t)l->n, oc = mwn_dnnl_whole_blocks(e, out.c);
    dnnl_dim_t ic = l->in_blocked ? mwn_dnnl_whole_blocks(e, in.c) : in.c;
    const dnnl_dim_t src[4] = {n, ic, in.h, in.w}, dst[4] = {n, oc, out.h, out.w};
    const dnnl_dim_t w[4] = {oc, ic, l->node->kernel_h, l->node->kernel_w};
    const dnnl_data_type_t type =
        l->backend->precision == MWN_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
    m->src = shim_md_create(4, src, type, l->in_blocked ? e->tag : dnnl_nchw);
    m->weights = shim_md_create(4, w, type, dnnl_format_tag_any);
    m->gradient = shim_md_create(4, w, dnnl_f32, dnnl_format_tag_any);
    m->dst = shim_md_create(4, dst, type, e->tag);
    m->bias = l->node->param[1] >= 0 ? shim_md_create(1, dst + 1, dnnl_f32, dnnl_a) : NULL;
    return m->src && m->weights && m->gradient && m->dst &&
           (m->bias || l->node->param[1] < 0);
}

static struct shim_conv conv_geometry(const struct mwn_dnnl *e, const struct mwn_layer *l,
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
static dnnl_status_t call_make(struct conv *conv, struct mwn_dnnl_call *call,
                               const struct mwn_dnnl *e, const_dnnl_primitive_desc_t pd,
                               const int (*args)[2])
{
    dnnl_status_t status = dnnl_primitive_create(&call->primitive, pd);
    for (int i = 0; args[i][0] && status == dnnl_success; i++) {
        shim_md md = mwn_dnnl_query(pd, (dnnl_query_t)args[i][1]);
        if (args[i][0] == DNNL_ARG_BIAS || args[i][0] == DNNL_ARG_DIFF_BIAS)
            md = dnnl_primitive_desc_query_md(pd, (dnnl_query_t)args[i][1], 1);
        status = mwn_dnnl_call_arg(call, e, args[i][0], md);
    }
    shim_md pad = mwn_dnnl_query(pd, dnnl_query_scratchpad_md);
    if (status == dnnl_success)
        status = mwn_dnnl_call_arg(call, e, DNNL_ARG_SCRATCHPAD, pad);
    if (mwn_dnnl_bytes(pad) > conv->scratchpad)
        conv->scratchpad = mwn_dnnl_bytes(pad);
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
    struct mwn_dnnl_call *call;
    struct mwn_dnnl_reorder
        *reorder; /* between the call's weights and the native layout      */
};

/* Makes a call and its reorder. */
static dnnl_status_t direction_make(struct conv *conv, const struct mwn_dnnl *e,
                                    const struct shim_conv *c, shim_md native,
                                    const struct direction *d)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = d->make(&pd, c);
    if (status == dnnl_success && mwn_dnnl_is_slow(pd))
        status = dnnl_unimplemented;
    if (status == dnnl_success)
        status = call_make(conv, d->call, e, pd, d->args);
    if (status == dnnl_success) {
        shim_md mine = mwn_dnnl_query(pd, d->weights);
        status = mwn_dnnl_reorder_make(d->reorder, e, d->from_native ? native : mine,
                                       d->from_native ? mine : native);
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

static const struct mwn_dnnl_variant *variant_of(const struct mwn_layer *l)
{
    const struct mwn_dnnl *e = l->backend->engine;
    return &e->variant[l->backend->precision];
}

static shim_md native_of(const struct mwn_layer *l)
{
    const struct mwn_dnnl *e = l->backend->engine;
    return e->weight[l->node->param[0]].native;
}

/* Our own kernels for blocked inputs, if they compute the layer; else NULL. */
static const struct mwn_simd_conv *own(const struct mwn_layer *l)
{
    const struct mwn_simd_conv *conv = variant_of(l)->simd->conv;
    const struct mwn_dnnl *e = l->backend->engine;
    return conv->fits(l, e->weight[l->node->param[0]].refused) ? conv : NULL;
}

/* Our own kernels for plain inputs, if they compute the layer. */
static const struct mwn_op_impl *direct(const struct mwn_layer *l)
{
    return native_of(l) ? NULL : variant_of(l)->simd->conv_input;
}

/* The tangent's second convolution, which adds to the first one's result. */
static dnnl_status_t conv_make_sum(struct conv *conv, const struct mwn_dnnl *e,
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

/* The gradients; in bfloat16 the one of the weights is float all the same. */
static dnnl_status_t conv_make_backward(struct conv *conv, const struct mwn_layer *l,
                                        struct shim_conv c, const struct conv_mds *mds)
{
    const struct mwn_dnnl *e = l->backend->engine;
    const struct direction weights = {shim_conv_backward_weights,
                                      c.bias ? weights_bias_args : weights_args,
                                      dnnl_query_diff_weights_md,
                                      false,
                                      &conv->weights,
                                      &conv->from_gradient};
    const struct direction data = {
        shim_conv_backward_data, data_args, dnnl_query_weights_md, true, &conv->data,
        &conv->to_data};
    shim_md native = native_of(l);
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = shim_conv_forward(&hint, &c);
    c.hint = hint;
    if (status == dnnl_success && l->needs_gx)
        status = direction_make(conv, e, &c, native, &data);
    c.weights = mds->gradient;
    if (status == dnnl_success)
        status = direction_make(conv, e, &c, native, &weights);
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
    mwn_dnnl_call_release(&conv->forward);
    mwn_dnnl_call_release(&conv->forward_sum);
    mwn_dnnl_call_release(&conv->data);
    mwn_dnnl_call_release(&conv->weights);
    mwn_dnnl_call_release(&conv->to_forward.call);
    mwn_dnnl_call_release(&conv->to_sum.call);
    mwn_dnnl_call_release(&conv->to_data.call);
    mwn_dnnl_call_release(&conv->from_gradient.call);
    mwn_free(conv);
    l->state = NULL;
}

static dnnl_status_t conv_make(struct conv *conv, const struct mwn_layer *l,
                               const struct conv_mds *mds, struct shim_conv c)
{
    const struct mwn_dnnl *e = l->backend->engine;
    const struct direction forward = {
        shim_conv_forward,     mds->bias ? forward_bias_args : forward_args,
        dnnl_query_weights_md, true,
        &conv->forward,        &conv->to_forward};
    dnnl_status_t status = direction_make(conv, e, &c, native_of(l), &forward);
    if (status == dnnl_success && l->trains)
        status = conv_make_sum(conv, e, c, native_of(l));
    if (status == dnnl_success && l->trains)
        status = conv_make_backward(conv, l, c, mds);
    return status;
}

static mwn_status conv_prepare(struct mwn_layer *l, struct mwn_error *err)
{
    struct mwn_dnnl *e = l->backend->engine;
    if (direct(l) || own(l))
        return MWN_OK;
    struct conv_mds mds = {0};
    dnnl_primitive_attr_t attr = make_attr(false);
    dnnl_status_t status = dnnl_out_of_memory;
    struct conv *conv = mwn_alloc(1, sizeof *conv);
    l->state = conv;
    if (conv && attr && conv_mds_make(&mds, e, l)) {
        struct shim_conv c = conv_geometry(e, l, &mds);
        c.attr = attr;
        status = conv_make(conv, l, &mds, c);
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
    const struct mwn_dnnl_reorder *all[] = {&conv->to_forward, &conv->to_sum,
                                            &conv->to_data, &conv->from_gradient};
    size_t bytes = 0;
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        if (all[i]->bytes > bytes)
            bytes = all[i]->bytes;
    return bytes;
}

static size_t bias_bytes(const struct mwn_layer *l)
{
    return rounded((size_t)mwn_dnnl_whole_blocks(l->backend->engine, l->node->shape.c) *
                   sizeof(float));
}

static size_t conv_work(const struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->work_size(l);
    if (own(l))
        return own(l)->work_size(l);
    const struct conv *conv = l->state;
    return rounded(conv->scratchpad) + rounded(conv_weight_bytes(conv)) + bias_bytes(l) +
           WORK_ALIGNMENT;
}

/* Whether the input must be narrowed: it is plain floats, the convolution's is bfloat16. */
static bool narrows(const struct mwn_layer *l)
{
    return !l->in_blocked && !direct(l) && l->backend->precision == MWN_PRECISION_BF16;
}

static size_t plane_bytes(const struct mwn_layer *l)
{
    return (size_t)l->in.h * (size_t)l->in.w * sizeof(uint16_t);
}

/* Room for the narrowed input, and for a plane of zeros: oneDNN takes channels in pairs, and
 * multiplies the one behind an odd last one by a weight of zero. */
static size_t conv_save(const struct mwn_layer *l)
{
    return narrows(l) ? (l->n * (size_t)l->in.c + 1) * plane_bytes(l) : 0;
}

static void narrow_input(const struct mwn_layer *l)
{
    size_t bytes = conv_save(l) - plane_bytes(l);
    variant_of(l)->simd->narrow(bytes / sizeof(uint16_t), l->x[0], l->save);
    memset((char *)l->save + bytes, 0, plane_bytes(l));
}

static const void *input_of(const struct mwn_layer *l)
{
    return narrows(l) ? l->save : l->x[0];
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
static const void *weight_for(const struct mwn_layer *l, const struct mwn_dnnl_reorder *r,
                              const void *w, mwn_status *status)
{
    if (!r->call.primitive)
        return w;
    void *to = work_weight(l);
    *status = MWN_DNNL_RUN(&r->call, l->backend->engine, w, to);
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
        return MWN_DNNL_RUN(&conv->forward, l->backend->engine, src, w, dst,
                            bias ? bias : zero_bias(l), l->work);
    return MWN_DNNL_RUN(&conv->forward, l->backend->engine, src, w, dst, l->work);
}

static mwn_status conv_forward(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->forward(l);
    if (own(l))
        return own(l)->forward(l);
    if (narrows(l))
        narrow_input(l);
    return run_forward(l, input_of(l), l->w[0], l->w[1], l->y);
}

static mwn_status weight_gradient(const struct mwn_layer *l)
{
    const struct conv *conv = l->state;
    const struct mwn_dnnl *e = l->backend->engine;
    const struct mwn_dnnl_reorder *back = &conv->from_gradient;
    void *gw = back->call.primitive ? work_weight(l) : l->gw[0];
    mwn_status status;
    if (l->gw[1])
        status =
            MWN_DNNL_RUN(&conv->weights, e, input_of(l), l->gy[0], gw, l->gw[1], l->work);
    else
        status = MWN_DNNL_RUN(&conv->weights, e, input_of(l), l->gy[0], gw, l->work);
    if (status == MWN_OK && back->call.primitive)
        status = MWN_DNNL_RUN(&back->call, e, gw, l->gw[0]);
    return status;
}

static mwn_status input_gradient(const struct mwn_layer *l)
{
    const struct conv *conv = l->state;
    mwn_status status = MWN_OK;
    const void *w = weight_for(l, &conv->to_data, l->w[0], &status);
    if (status == MWN_OK)
        status = MWN_DNNL_RUN(&conv->data, l->backend->engine, l->gy[0], w, l->gx, l->work);
    return status;
}

static mwn_status conv_backward(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->backward(l);
    const struct mwn_simd_conv *kernels = own(l);
    mwn_status status = kernels ? kernels->weight_gradient(l) : weight_gradient(l);
    if (status != MWN_OK || !l->gx)
        return status;
    return kernels ? kernels->input_gradient(l) : input_gradient(l);
}

/* ty = conv(tx, w) + conv(x, tw) + tb */
static mwn_status conv_jvp(struct mwn_layer *l)
{
    if (direct(l))
        return direct(l)->jvp(l);
    if (own(l))
        return own(l)->jvp(l);
    const struct conv *conv = l->state;
    if (!l->tx[0])
        return run_forward(l, input_of(l), l->tw[0], l->tw[1], l->ty);
    mwn_status status = run_forward(l, l->tx[0], l->w[0], l->tw[1], l->ty);
    if (status != MWN_OK || !l->tw[0])
        return status;
    const void *tw = weight_for(l, &conv->to_sum, l->tw[0], &status);
    if (status == MWN_OK)
        status = MWN_DNNL_RUN(&conv->forward_sum, l->backend->engine, input_of(l), tw,
                              l->ty, l->work);
    return status;
}

static bool conv_applies_norm(const struct mwn_layer *l)
{
    return !direct(l) && own(l);
}

static size_t conv_sum_parts(const struct mwn_layer *l)
{
    return !direct(l) && own(l) ? own(l)->sum_parts(l) : 0;
}

const struct mwn_op_impl mwn_dnnl_conv_ops = {
    .sum_parts = conv_sum_parts,
    .applies_norm = conv_applies_norm,
    .prepare = conv_prepare,
    .release = conv_release,
    .save_size = conv_save,
    .work_size = conv_work,
    .forward = conv_forward,
    .backward = conv_backward,
    .jvp = conv_jvp,
};

/* ---- the layout of weights ---- */

/* Whether oneDNN has a fast kernel for a gradient, given forward's descriptor. */
static bool is_fast(make_pd_fn *make, struct shim_conv c, const_dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t pd = NULL;
    c.hint = hint;
    bool fast = make(&pd, &c) == dnnl_success && !mwn_dnnl_is_slow(pd);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return fast;
}

/* How oneDNN likes the layer's weights, and whether it is fast with them. */
static dnnl_status_t ask(const struct mwn_layer *l, shim_md *layout, bool *fast)
{
    const struct mwn_dnnl *e = l->backend->engine;
    struct conv_mds mds = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_out_of_memory;
    *layout = NULL;
    *fast = false;
    if (conv_mds_make(&mds, e, l)) {
        struct shim_conv c = conv_geometry(e, l, &mds);
        status = shim_conv_forward(&pd, &c);
        if (status == dnnl_success) {
            *fast = !mwn_dnnl_is_slow(pd) && is_fast(shim_conv_backward_weights, c, pd) &&
                    (!l->in_blocked || is_fast(shim_conv_backward_data, c, pd));
            *layout = shim_md_copy(mwn_dnnl_query(pd, dnnl_query_weights_md));
            status = *layout ? dnnl_success : dnnl_out_of_memory;
        }
    }
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    conv_mds_release(&mds);
    return status;
}

/* Whether oneDNN is fast with the layer in bfloat16 too, or there is no bfloat16. */
static bool is_fast_in_bf16(const struct mwn_layer *l)
{
    struct mwn_backend narrow;
    struct mwn_layer same = *l;
    shim_md layout = NULL;
    bool fast = false;
    if (mwn_backend_variant(l->backend, MWN_PRECISION_BF16, &narrow, NULL) != MWN_OK)
        return true;
#if DNNL_VERSION_MAJOR >= 3
    if (l->in.c % 2 != 0) /* fast, but wrong (seen with 3.7.2) */
        return false;
#endif
    same.backend = &narrow;
    (void)ask(&same, &layout, &fast);
    shim_md_free(layout);
    return fast;
}

/* The weights' layout for our own kernels. */
static dnnl_status_t own_layout(const struct mwn_layer *l, shim_md *out)
{
    const struct mwn_dnnl *e = l->backend->engine;
    const dnnl_dim_t w[4] = {mwn_dnnl_whole_blocks(e, l->node->shape.c),
                             mwn_dnnl_whole_blocks(e, l->in.c), l->node->kernel_h,
                             l->node->kernel_w};
    *out = shim_md_create(4, w, dnnl_f32,
                          l->backend->block == 16 ? dnnl_OIhw16i16o : dnnl_OIhw8i8o);
    return *out ? dnnl_success : dnnl_out_of_memory;
}

dnnl_status_t mwn_dnnl_conv_layout(const struct mwn_backend *self,
                                   const struct mwn_graph *graph,
                                   const struct mwn_node *node, shim_md *out)
{
    const struct mwn_dnnl *e = self->engine;
    const struct mwn_layer l = {.node = node,
                                .backend = self,
                                .in = graph->nodes[node->input[0]].shape,
                                .n = 32,
                                .in_blocked =
                                    graph->nodes[node->input[0]].op != MWN_OP_input};
    bool fast = false;
    if (own(&l))
        return own_layout(&l, out);
    dnnl_status_t status = ask(&l, out, &fast);
    if (status == dnnl_out_of_memory)
        return status;
    if (l.in_blocked) {
        e->weight[node->param[0]].refused = status != dnnl_success || !fast;
        if (!own(&l))
            return status;
        shim_md_free(*out);
        return own_layout(&l, out);
    }
    if (status != dnnl_success || !fast || !is_fast_in_bf16(&l)) {
        shim_md_free(*out);
        *out = NULL;
    }
    return dnnl_success;
}

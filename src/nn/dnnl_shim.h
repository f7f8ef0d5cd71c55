/* dnnl_shim.h - one spelling for oneDNN 2.x and 3.x; only backend_dnnl.c includes it. */
#ifndef MWN_NN_DNNL_SHIM_H
#define MWN_NN_DNNL_SHIM_H

#include "base/mem.h"

#include <dnnl.h>

/* A memory descriptor: a struct in 2.x, an opaque object in 3.x; here always a pointer, owned
 * by whoever made it with shim_md_create() or shim_md_copy(). */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t shim_md;
#else
typedef const dnnl_memory_desc_t *shim_md;
#endif

static inline shim_md shim_md_create(int dims, const dnnl_dim_t *size,
                                     dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_dims_t full = {0};
    for (int i = 0; i < dims; i++)
        full[i] = size[i];
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t md = NULL;
    if (dnnl_memory_desc_create_with_tag(&md, dims, full, type, tag) != dnnl_success)
        return NULL;
    return md;
#else
    dnnl_memory_desc_t *md = mwn_alloc(1, sizeof *md);
    if (md && dnnl_memory_desc_init_by_tag(md, dims, full, type, tag) != dnnl_success) {
        mwn_free(md);
        return NULL;
    }
    return md;
#endif
}

static inline shim_md shim_md_copy(shim_md from)
{
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t md = NULL;
    return dnnl_memory_desc_clone(&md, from) == dnnl_success ? md : NULL;
#else
    dnnl_memory_desc_t *md = mwn_alloc(1, sizeof *md);
    if (md)
        *md = *from;
    return md;
#endif
}

static inline void shim_md_free(shim_md md)
{
#if DNNL_VERSION_MAJOR >= 3
    if (md)
        dnnl_memory_desc_destroy((dnnl_memory_desc_t)(uintptr_t)md);
#else
    mwn_free((void *)(uintptr_t)md);
#endif
}

/* A convolution, whichever direction: for backward-data src is the gradient of the input, for
 * backward-weights weights and bias are the gradients. */
struct shim_conv {
    dnnl_engine_t engine;
    shim_md src, weights, bias, dst; /* bias NULL: none */
    dnnl_dims_t stride, pad_before, pad_after;
    const_dnnl_primitive_desc_t hint; /* forward's, for the backward ones */
    const_dnnl_primitive_attr_t attr;
};

#if DNNL_VERSION_MAJOR >= 3

static inline dnnl_status_t shim_conv_forward(dnnl_primitive_desc_t *pd,
                                              const struct shim_conv *c)
{
    const dnnl_dims_t dilate = {0};
    return dnnl_convolution_forward_primitive_desc_create(
        pd, c->engine, dnnl_forward_training, dnnl_convolution_direct, c->src, c->weights,
        c->bias, c->dst, c->stride, dilate, c->pad_before, c->pad_after, c->attr);
}

static inline dnnl_status_t shim_conv_backward_data(dnnl_primitive_desc_t *pd,
                                                    const struct shim_conv *c)
{
    const dnnl_dims_t dilate = {0};
    return dnnl_convolution_backward_data_primitive_desc_create(
        pd, c->engine, dnnl_convolution_direct, c->src, c->weights, c->dst, c->stride,
        dilate, c->pad_before, c->pad_after, c->hint, c->attr);
}

static inline dnnl_status_t shim_conv_backward_weights(dnnl_primitive_desc_t *pd,
                                                       const struct shim_conv *c)
{
    const dnnl_dims_t dilate = {0};
    return dnnl_convolution_backward_weights_primitive_desc_create(
        pd, c->engine, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst,
        c->stride, dilate, c->pad_before, c->pad_after, c->hint, c->attr);
}

static inline dnnl_status_t shim_post_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}

#else

static inline dnnl_status_t shim_conv_forward(dnnl_primitive_desc_t *pd,
                                              const struct shim_conv *c)
{
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_convolution_forward_desc_init(
        &desc, dnnl_forward_training, dnnl_convolution_direct, c->src, c->weights, c->bias,
        c->dst, c->stride, c->pad_before, c->pad_after);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(pd, &desc, c->attr, c->engine, NULL)
               : status;
}

static inline dnnl_status_t shim_conv_backward_data(dnnl_primitive_desc_t *pd,
                                                    const struct shim_conv *c)
{
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_convolution_backward_data_desc_init(
        &desc, dnnl_convolution_direct, c->src, c->weights, c->dst, c->stride,
        c->pad_before, c->pad_after);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(pd, &desc, c->attr, c->engine, c->hint)
               : status;
}

static inline dnnl_status_t shim_conv_backward_weights(dnnl_primitive_desc_t *pd,
                                                       const struct shim_conv *c)
{
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_convolution_backward_weights_desc_init(
        &desc, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst, c->stride,
        c->pad_before, c->pad_after);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(pd, &desc, c->attr, c->engine, c->hint)
               : status;
}

static inline dnnl_status_t shim_post_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f);
}

#endif

#endif

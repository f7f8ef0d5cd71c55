/* backend_ref.c - the reference backend: plain loops, float or double, sums in double. It is
 * the oracle that every other backend is checked against. */
#include "nn/backend.h"

#include "base/rng.h"
#include "base/status.h"
#include "nn/bnorm.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

/* One byte an output: dropout masks, positions of maxima. */
static size_t mask_size(const struct mwn_layer *layer)
{
    return mwn_layout_count(layer->backend, layer->node->shape, false, layer->n);
}

/* ReLU and batch-norm with ReLU mask by the sign of what they gave. */
static bool masks_by_y(const struct mwn_layer *layer)
{
    return layer->node->op == MWN_OP_relu || layer->node->relu;
}

enum { REF_BLOCK = 8 }; /* output channels whose weights' gradients share a patch */

#define real    float
#define NAME(x) x##_f32
#include "nn/ref_ops.inc"
#undef real
#undef NAME

#define real    double
#define NAME(x) x##_f64
#include "nn/ref_ops.inc"
#undef real
#undef NAME

static mwn_status ref_param_size(struct mwn_backend *self, const struct mwn_graph *graph,
                                 int p, size_t *size, struct mwn_error *err)
{
    (void)self;
    (void)err;
    *size = graph->params[p].count;
    return MWN_OK;
}

static void ref_param_get(const struct mwn_backend *self, const struct mwn_graph *graph,
                          int p, const void *native, double *out)
{
    for (size_t i = 0; i < graph->params[p].count; i++)
        out[i] = self->dtype == MWN_F64 ? ((const double *)native)[i]
                                        : (double)((const float *)native)[i];
}

static void ref_param_set(const struct mwn_backend *self, const struct mwn_graph *graph,
                          int p, void *native, const double *in)
{
    for (size_t i = 0; i < graph->params[p].count; i++) {
        if (self->dtype == MWN_F64)
            ((double *)native)[i] = in[i];
        else
            ((float *)native)[i] = (float)in[i];
    }
}

static void ref_close(struct mwn_backend *self)
{
    (void)self;
}

mwn_status mwn_backend_ref_open(struct mwn_backend *backend, enum mwn_dtype dtype)
{
    snprintf(backend->name, sizeof backend->name, "ref");
    backend->dtype = dtype;
    backend->block = 1;
    backend->ops = dtype == MWN_F64 ? mwn_ref_ops_f64 : mwn_ref_ops_f32;
    backend->plain_ops = backend->ops;
    backend->param_size = ref_param_size;
    backend->param_get = ref_param_get;
    backend->param_set = ref_param_set;
    backend->close = ref_close;
    return MWN_OK;
}

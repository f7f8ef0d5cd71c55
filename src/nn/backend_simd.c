/* backend_simd.c - the backend of the vector kernels alone: nothing but a compiler is needed. It
 * serves where there is no oneDNN: on Arm, or when built without. */
#include "nn/simd.h"
#include "nn/simd_layout.h"

#include "base/mem.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* What the backend keeps for a network. */
struct engine {
    const struct mwn_simd *simd;
    const struct mwn_op_impl *ops[MWN_OP_COUNT], *plain_ops[MWN_OP_COUNT];
};

/* ---- convolution: of a plain input, or between blocked activations ---- */

static const struct mwn_simd *set_of(const struct mwn_layer *l)
{
    return ((const struct engine *)l->backend->engine)->simd;
}

static size_t conv_work(const struct mwn_layer *l)
{
    return l->in_blocked ? set_of(l)->conv->work_size(l)
                         : set_of(l)->conv_input->work_size(l);
}

static mwn_status conv_forward(struct mwn_layer *l)
{
    return l->in_blocked ? set_of(l)->conv->forward(l) : set_of(l)->conv_input->forward(l);
}

static mwn_status conv_jvp(struct mwn_layer *l)
{
    return l->in_blocked ? set_of(l)->conv->jvp(l) : set_of(l)->conv_input->jvp(l);
}

static mwn_status conv_backward(struct mwn_layer *l)
{
    const struct mwn_simd_conv *conv = set_of(l)->conv;
    if (!l->in_blocked)
        return set_of(l)->conv_input->backward(l);
    mwn_status status = conv->weight_gradient(l);
    return status == MWN_OK && l->gx ? conv->input_gradient(l) : status;
}

static bool conv_applies_norm(const struct mwn_layer *l)
{
    return l->in_blocked;
}

static size_t conv_sum_parts(const struct mwn_layer *l)
{
    return l->in_blocked ? set_of(l)->conv->sum_parts(l) : 0;
}

static const struct mwn_op_impl conv = {
    .applies_norm = conv_applies_norm,
    .sum_parts = conv_sum_parts,
    .work_size = conv_work,
    .forward = conv_forward,
    .backward = conv_backward,
    .jvp = conv_jvp,
};

/* ---- parameters ---- */

static mwn_status simd_param_size(struct mwn_backend *self, const struct mwn_graph *graph,
                                  int p, size_t *size, struct mwn_error *err)
{
    (void)err;
    *size = mwn_simd_param_size(self->block, graph, p);
    return MWN_OK;
}

static void simd_param_get(const struct mwn_backend *self, const struct mwn_graph *graph,
                           int p, const void *native, double *out)
{
    const float *from = native;
    for (size_t i = 0; i < graph->params[p].count; i++)
        out[i] = (double)from[mwn_simd_param_place(self->block, graph, p, i)];
}

static void simd_param_set(const struct mwn_backend *self, const struct mwn_graph *graph,
                           int p, void *native, const double *in)
{
    float *to = native;
    memset(to, 0, mwn_simd_param_size(self->block, graph, p) * sizeof *to);
    for (size_t i = 0; i < graph->params[p].count; i++)
        to[mwn_simd_param_place(self->block, graph, p, i)] = (float)in[i];
}

/* ---- the backend ---- */

static void simd_close(struct mwn_backend *self)
{
    mwn_free(self->engine);
    self->engine = NULL;
}

mwn_status mwn_backend_simd_open(struct mwn_backend *backend, struct mwn_error *err)
{
    const struct mwn_simd *simd = mwn_simd_complete();
    if (!simd) {
        mwn_fail(err, MWN_ERR_CONFIG, "the backend simd needs a CPU with AVX2 or NEON");
        return mwn_hint(err, "train.backend=auto takes what this CPU has");
    }
    struct engine *engine = mwn_alloc(1, sizeof *engine);
    if (!engine)
        return mwn_fail_memory(err, sizeof *engine, "the backend");
    engine->simd = simd;
    mwn_simd_operators(simd, simd, &conv, engine->ops, engine->plain_ops);
    snprintf(backend->name, sizeof backend->name, "simd %s", simd->isa);
    backend->engine = engine;
    backend->close = simd_close;
    backend->block = simd->block;
    backend->ops = engine->ops;
    backend->plain_ops = engine->plain_ops;
    backend->add = simd->add;
    backend->param_size = simd_param_size;
    backend->param_get = simd_param_get;
    backend->param_set = simd_param_set;
    return MWN_OK;
}

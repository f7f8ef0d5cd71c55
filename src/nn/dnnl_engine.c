/* dnnl_engine.c - calls of oneDNN's primitives, and reorders between layouts. */
#include "nn/dnnl_engine.h"
#include "nn/simd_layout.h"

#include <assert.h>
#include <string.h>

void mwn_dnnl_call_release(struct mwn_dnnl_call *call)
{
    for (int i = 0; i < call->count; i++)
        if (call->args[i].memory)
            dnnl_memory_destroy(call->args[i].memory);
    if (call->primitive)
        dnnl_primitive_destroy(call->primitive);
    memset(call, 0, sizeof *call);
}

dnnl_status_t mwn_dnnl_call_arg(struct mwn_dnnl_call *call, const struct mwn_dnnl *e,
                                int arg, shim_md md)
{
    dnnl_memory_t memory = NULL;
    dnnl_status_t status = dnnl_memory_create(&memory, md, e->engine, DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        call->args[call->count++] = (dnnl_exec_arg_t){arg, memory};
    return status;
}

mwn_status mwn_dnnl_call_run(const struct mwn_dnnl_call *call, const struct mwn_dnnl *e,
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

shim_md mwn_dnnl_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

size_t mwn_dnnl_bytes(shim_md md)
{
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

dnnl_status_t mwn_dnnl_reorder_make(struct mwn_dnnl_reorder *r, const struct mwn_dnnl *e,
                                    shim_md from, shim_md to)
{
    if (dnnl_memory_desc_equal(from, to))
        return dnnl_success;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&pd, from, e->engine, to, e->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&r->call.primitive, pd);
    if (status == dnnl_success)
        status = mwn_dnnl_call_arg(&r->call, e, DNNL_ARG_FROM, from);
    if (status == dnnl_success)
        status = mwn_dnnl_call_arg(&r->call, e, DNNL_ARG_TO, to);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    r->bytes = mwn_dnnl_bytes(from) > mwn_dnnl_bytes(to) ? mwn_dnnl_bytes(from)
                                                         : mwn_dnnl_bytes(to);
    return status;
}

bool mwn_dnnl_is_slow(const_dnnl_primitive_desc_t pd)
{
    const char *info = NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info);
    return !info || strstr(info, "ref") != NULL;
}

dnnl_dim_t mwn_dnnl_whole_blocks(const struct mwn_dnnl *e, int channels)
{
    return (dnnl_dim_t)mwn_simd_channels(e->tag == dnnl_nChw16c ? 16 : 8, channels);
}

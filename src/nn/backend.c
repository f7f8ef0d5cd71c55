/* backend.c - chooses a backend by name and by what the machine can do. */
#include "nn/backend.h"

#include "base/status.h"
#include "nn/simd.h"

#include <omp.h>
#include <string.h>

#ifdef MWN_HAVE_DNNL

static bool has_bf16(void)
{
    return mwn_simd_runs(&mwn_simd_avx512_bf16);
}

/* The best instruction set that our kernels and oneDNN's share on this CPU, or NULL. */
static const char *best_isa(void)
{
    if (mwn_simd_runs(&mwn_simd_avx512))
        return "avx512";
    return mwn_simd_runs(&mwn_simd_avx2) ? "avx2" : NULL;
}

static mwn_status open_dnnl(struct mwn_backend *backend, const char *name,
                            struct mwn_error *err)
{
    const char *best = best_isa(), *wanted = strchr(name, '-');
    const char *isa = wanted ? wanted + 1 : best;
    if (!best || (strcmp(isa, "avx512") == 0 && strcmp(best, "avx512") != 0)) {
        mwn_fail(err, MWN_ERR_CONFIG, "the backend %s needs a CPU with %s", name,
                 wanted ? isa : "AVX2");
        return mwn_hint(err, "train.backend=auto takes what this CPU has");
    }
    return mwn_backend_dnnl_open(backend, isa, wanted != NULL, err);
}

#else

void mwn_backend_dnnl_variant(struct mwn_backend *backend, enum mwn_precision precision)
{
    (void)backend;
    (void)precision;
}

static bool has_bf16(void)
{
    return false;
}

static const char *best_isa(void)
{
    return NULL;
}

static mwn_status open_dnnl(struct mwn_backend *backend, const char *name,
                            struct mwn_error *err)
{
    (void)backend;
    mwn_fail(err, MWN_ERR_CONFIG, "the backend %s is not built in", name);
    return mwn_hint(err, "build with oneDNN, or use train.backend=auto");
}

#endif

/* The fastest that there is for a type. */
static const char *best_backend(enum mwn_dtype dtype)
{
    if (dtype != MWN_F32)
        return "ref";
    return best_isa() ? "dnnl" : mwn_simd_complete() ? "simd" : "ref";
}

mwn_status mwn_backend_open(struct mwn_backend *backend, const char *name,
                            enum mwn_dtype dtype, int threads, struct mwn_error *err)
{
    memset(backend, 0, sizeof *backend);
    backend->threads = threads > 0 ? threads : omp_get_num_procs();
    if (strcmp(name, "auto") == 0)
        name = best_backend(dtype);
    if (strcmp(name, "ref") == 0)
        return mwn_backend_ref_open(backend, dtype);
    if (dtype != MWN_F32)
        return mwn_fail(err, MWN_ERR_CONFIG, "the backend %s computes in float only", name);
    backend->dtype = dtype;
    return strcmp(name, "simd") == 0 ? mwn_backend_simd_open(backend, err)
                                     : open_dnnl(backend, name, err);
}

mwn_status mwn_backend_variant(const struct mwn_backend *of, enum mwn_precision precision,
                               struct mwn_backend *out, struct mwn_error *err)
{
    *out = *of;
    if (precision == of->precision)
        return MWN_OK;
    if (of->block != 16 || !has_bf16()) {
        mwn_fail(err, MWN_ERR_CONFIG,
                 "bf16 needs a CPU with AVX512-BF16 and oneDNN; here is %s", of->name);
        return mwn_hint(err, "f32 works everywhere");
    }
    mwn_backend_dnnl_variant(out, precision);
    return MWN_OK;
}

void mwn_backend_close(struct mwn_backend *backend)
{
    if (backend->close)
        backend->close(backend);
    memset(backend, 0, sizeof *backend);
}

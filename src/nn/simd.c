/* simd.c - the sets of vector kernels that are built in, and which of them this CPU can run. */
#include "nn/simd.h"

#include <string.h>

#if defined(__x86_64__) && !defined(MWN_NO_SIMD)

bool mwn_simd_runs(const struct mwn_simd *set)
{
    if (set == &mwn_simd_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (set == &mwn_simd_avx512_bf16 && !__builtin_cpu_supports("avx512bf16"))
        return false;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static const struct mwn_simd *const sets[] = {&mwn_simd_avx2, &mwn_simd_avx512,
                                              &mwn_simd_avx512_bf16, NULL};

#elif defined(__aarch64__) && !defined(MWN_NO_SIMD)

/* Every CPU of this architecture has NEON. */
bool mwn_simd_runs(const struct mwn_simd *set)
{
    return set == &mwn_simd_neon;
}

static const struct mwn_simd *const sets[] = {&mwn_simd_neon, NULL};

#else

bool mwn_simd_runs(const struct mwn_simd *set)
{
    (void)set;
    return false;
}

static const struct mwn_simd *const sets[] = {NULL};

#endif

const struct mwn_simd *mwn_simd_complete(void)
{
    return sets[0] && mwn_simd_runs(sets[0]) ? sets[0] : NULL;
}

const struct mwn_simd *mwn_simd_named(const char *backend, enum mwn_precision precision)
{
    for (size_t i = 0; sets[i]; i++)
        if (sets[i]->precision == precision && strstr(backend, sets[i]->isa))
            return sets[i];
    return NULL;
}

void mwn_simd_operators(const struct mwn_simd *set, const struct mwn_simd *plain,
                        const struct mwn_op_impl *conv, const struct mwn_op_impl **ops,
                        const struct mwn_op_impl **plain_ops)
{
    for (int op = 0; op < MWN_OP_COUNT; op++) {
        ops[op] = set->ops[op];
        plain_ops[op] = mwn_ref_ops_f32[op];
    }
    ops[MWN_OP_conv] = conv;
    plain_ops[MWN_OP_linear] = plain->ops[MWN_OP_linear];
    plain_ops[MWN_OP_relu] = plain->ops[MWN_OP_relu];
    plain_ops[MWN_OP_add] = plain->ops[MWN_OP_add];
}

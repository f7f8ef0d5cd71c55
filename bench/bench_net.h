/* bench_net.h - what the bench programs share: a network by its name, its precision, and counts
 * among their arguments. */
#ifndef MWN_BENCH_NET_H
#define MWN_BENCH_NET_H

#include "bench_count.h"

#include "base/base.h"
#include "base/status.h"
#include "train/bench_setup.h"

#include <string.h>

/* "f32" or "bf16". */
static inline mwn_status bench_precision(enum mwn_precision *out, const char *name,
                                         struct mwn_error *err)
{
    *out = strcmp(name, "bf16") == 0 ? MWN_PRECISION_BF16 : MWN_PRECISION_F32;
    if (*out == MWN_PRECISION_BF16 || strcmp(name, "f32") == 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "there is no precision '%s'", name);
    return mwn_hint(err, "it is f32 or bf16");
}

/* `name` is a model.name; threads 0: as many as the process may use. */
static inline mwn_status bench_net_create(mwn_net **net, const char *name,
                                          enum mwn_precision precision, int threads,
                                          struct mwn_error *err)
{
    const struct mwn_net_options options = {
        .precision = precision, .meta_precision = precision, .threads = threads};
    return mwn_bench_net(net, name, options, err);
}

#endif

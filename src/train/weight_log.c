/* weight_log.c - the weights that each training sample had in the last epochs. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/weight_log.h"

#include <math.h>

mwn_status mwn_weight_log_init(struct mwn_weight_log *log, size_t n, size_t slots,
                               struct mwn_error *err)
{
    log->n = n;
    log->slots = slots;
    log->value = n <= SIZE_MAX / slots ? mwn_alloc(n * slots, sizeof(*log->value)) : NULL;
    if (!log->value)
        return mwn_fail_memory(err, n * slots * sizeof(*log->value), "sample weights");
    for (size_t i = 0; i < n * slots; i++)
        log->value[i] = -1.0f;
    return MWN_OK;
}

void mwn_weight_log_release(struct mwn_weight_log *log)
{
    mwn_free(log->value);
    log->value = NULL;
}

static float *log_slot(struct mwn_weight_log *log, uint64_t epoch)
{
    return log->value + (size_t)(epoch % log->slots) * log->n;
}

void mwn_weight_log_begin(struct mwn_weight_log *log, uint64_t epoch)
{
    float *slot = log_slot(log, epoch);
    for (size_t i = 0; i < log->n; i++)
        slot[i] = -1.0f;
}

void mwn_weight_log_add(struct mwn_weight_log *log, uint64_t epoch, size_t n,
                        const uint32_t *index, const double *weight)
{
    float *slot = log_slot(log, epoch);
    for (size_t i = 0; i < n; i++)
        slot[index[i]] = (float)weight[i];
}

void mwn_weight_log_mean(const struct mwn_weight_log *log, float *out)
{
    for (size_t i = 0; i < log->n; i++) {
        double sum = 0;
        size_t count = 0;
        for (size_t s = 0; s < log->slots; s++) {
            float value = log->value[s * log->n + i];
            if (value < 0)
                continue;
            sum += (double)value;
            count++;
        }
        out[i] = count ? (float)(sum / (double)count) : NAN;
    }
}

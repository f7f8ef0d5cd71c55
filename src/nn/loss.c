/* loss.c - softmax cross-entropy in double, whatever the type of the logits. */
#include "nn/loss.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <string.h>

mwn_status mwn_loss_init(struct mwn_loss *loss, enum mwn_dtype dtype, size_t max_n,
                         size_t classes, struct mwn_error *err)
{
    memset(loss, 0, sizeof *loss);
    loss->dtype = dtype;
    loss->classes = classes;
    loss->prob = mwn_alloc(max_n * classes, sizeof *loss->prob);
    loss->target = mwn_alloc(max_n * classes, sizeof *loss->target);
    loss->margin = mwn_alloc(max_n, sizeof *loss->margin);
    loss->rival = mwn_alloc(max_n, sizeof *loss->rival);
    if (!loss->prob || !loss->target || !loss->margin || !loss->rival) {
        mwn_loss_release(loss);
        return mwn_fail_memory(err, 2 * max_n * classes * sizeof(double), "the loss");
    }
    return MWN_OK;
}

void mwn_loss_release(struct mwn_loss *loss)
{
    mwn_free(loss->prob);
    mwn_free(loss->target);
    mwn_free(loss->margin);
    mwn_free(loss->rival);
    memset(loss, 0, sizeof *loss);
}

static double item(enum mwn_dtype dtype, const void *x, size_t i)
{
    return dtype == MWN_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static void put(enum mwn_dtype dtype, void *x, size_t i, double value)
{
    if (dtype == MWN_F64)
        ((double *)x)[i] = value;
    else
        ((float *)x)[i] = (float)value;
}

/* Row i of the targets; false if the label is out of range. */
static bool target_row(struct mwn_loss *loss, const struct mwn_batch *batch, size_t i)
{
    size_t k = loss->classes;
    double *t = loss->target + i * k;
    if (batch->target) {
        for (size_t j = 0; j < k; j++)
            t[j] = item(loss->dtype, batch->target, i * k + j);
        return true;
    }
    if (batch->label[i] < 0 || (size_t)batch->label[i] >= k)
        return false;
    memset(t, 0, k * sizeof *t);
    t[batch->label[i]] = 1;
    return true;
}

/* Margin and rival of sample i, whose logits z[classes] are. */
static void note_margin(struct mwn_loss *loss, size_t i, const double *z)
{
    const double *t = loss->target + i * loss->classes;
    size_t given = 0, rival = loss->classes;
    for (size_t j = 1; j < loss->classes; j++)
        given = t[j] > t[given] ? j : given;
    for (size_t j = 0; j < loss->classes; j++)
        if (j != given && (rival == loss->classes || z[j] > z[rival]))
            rival = j;
    bool alone = rival == loss->classes;
    loss->margin[i] = alone ? (double)NAN : z[given] - z[rival];
    loss->rival[i] = alone ? -1 : (int32_t)rival;
}

mwn_status mwn_loss_forward(struct mwn_loss *loss, const void *logits,
                            const struct mwn_batch *batch, double *out,
                            struct mwn_error *err)
{
    size_t k = loss->classes;
    loss->n = batch->n;
    for (size_t i = 0; i < batch->n; i++) {
        if (!target_row(loss, batch, i))
            return mwn_fail(err, MWN_ERR_DATA,
                            "sample %zu of a batch has the label %d "
                            "(expected 0 .. %zu)",
                            i, (int)batch->label[i], k - 1);
        double *p = loss->prob + i * k, *t = loss->target + i * k;
        double top = -HUGE_VAL, sum = 0, dot = 0, mass = 0;
        for (size_t j = 0; j < k; j++) {
            p[j] = item(loss->dtype, logits, i * k + j);
            if (!(p[j] <= top))
                top = p[j];
        }
        note_margin(loss, i, p);
        for (size_t j = 0; j < k; j++) {
            dot += t[j] * (p[j] - top);
            mass += t[j];
            p[j] = exp(p[j] - top);
            sum += p[j];
        }
        for (size_t j = 0; j < k; j++)
            p[j] /= sum;
        out[i] = mass * log(sum) - dot;
    }
    return MWN_OK;
}

/* Derivative of loss i by logit j. */
static double slope_of(const struct mwn_loss *loss, size_t i, size_t j, double mass)
{
    return loss->prob[i * loss->classes + j] * mass - loss->target[i * loss->classes + j];
}

static double target_mass(const struct mwn_loss *loss, size_t i)
{
    double mass = 0;
    for (size_t j = 0; j < loss->classes; j++)
        mass += loss->target[i * loss->classes + j];
    return mass;
}

void mwn_loss_backward(const struct mwn_loss *loss, const double *coef, void *glogits)
{
    for (size_t i = 0; i < loss->n; i++) {
        double mass = target_mass(loss, i);
        for (size_t j = 0; j < loss->classes; j++)
            put(loss->dtype, glogits, i * loss->classes + j,
                coef[i] * slope_of(loss, i, j, mass));
    }
}

void mwn_loss_pull(const struct mwn_loss *loss, const double *slope, void *glogits)
{
    for (size_t i = 0; i < loss->n * loss->classes; i++)
        put(loss->dtype, glogits, i, slope[i]);
}

void mwn_loss_jvp(const struct mwn_loss *loss, const void *tlogits, double *dloss)
{
    for (size_t i = 0; i < loss->n; i++) {
        double mass = target_mass(loss, i), sum = 0;
        for (size_t j = 0; j < loss->classes; j++)
            sum += item(loss->dtype, tlogits, i * loss->classes + j) *
                   slope_of(loss, i, j, mass);
        dloss[i] = sum;
    }
}

/* noise_pmd.c - label noise that depends on the features: polynomial-margin diminishing noise
 * (Zhang et al., Learning with Feature-Dependent Label Noise: A Progressive Approach, ICLR 2021,
 * section 4). eta(x) are a model's class probabilities, u their largest, s the second, m =
 * eta_u - eta_s. The label becomes s with probability min(1, c tau(m)), else u:
 *   type I    tau = 1/2 - m^2 / 2
 *   type II   tau = 1 - m^3
 *   type III  tau = 1 - (m + m^2 + m^3) / 3
 * The factor c is such that the expected share of labels that are not the data's own is the rate
 * asked for. This counts labels u, too, where the model is wrong. (The authors' code keeps u with
 * probability (1 - tau) / f, in type I max(1 - tau, 1/2) / f, with f found by trial: samples that
 * the model is sure of change there with probability 1 - 1/f, here the last of all.) */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/noise.h"
#include "data/prob_file.h"

#include <math.h>
#include <string.h>

/* What becomes of a sample's label. */
struct change {
    int32_t u, s;
    double tau; /* probability of s, first before, then after scaling */
};

typedef double tau_fn(double margin);

static double tau_type1(double m)
{
    return 0.5 - m * m / 2;
}

static double tau_type2(double m)
{
    return 1 - m * m * m;
}

static double tau_type3(double m)
{
    return 1 - (m + m * m + m * m * m) / 3;
}

/* The two largest of a row; of equal ones the first. */
static struct change look_at_row(const double *row, int classes, tau_fn *tau)
{
    struct change change = {0, -1, 0};
    for (int32_t j = 1; j < classes; j++)
        if (row[j] > row[change.u]) {
            change.s = change.u;
            change.u = j;
        } else if (change.s < 0 || row[j] > row[change.s]) {
            change.s = j;
        }
    double value = tau(row[change.u] - row[change.s]);
    change.tau = value > 0 ? value : 0; /* 1 - 1 may round below 0 */
    return change;
}

static double scaled(double tau, double factor)
{
    return tau > 0 ? fmin(1, factor * tau) : 0;
}

/* Expected share of labels that are not the data's own. */
static double expected_share(const struct change *change, const struct mwn_labels *labels,
                             double factor)
{
    double sum = 0;
    for (size_t i = 0; i < labels->n; i++) {
        double flip = scaled(change[i].tau, factor);
        int32_t own = labels->label[i];
        sum += own == change[i].u ? flip : own == change[i].s ? 1 - flip : 1;
    }
    return labels->n > 0 ? sum / (double)labels->n : 0;
}

static mwn_status check_rate(double rate, double least, double most, struct mwn_error *err)
{
    if (rate >= least - 1e-9 && rate <= most + 1e-9)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG,
             "data.noise_rate: %g, but the probabilities of data.noise_probs allow %.4f .. "
             "%.4f",
             rate, least, most);
    if (least >= most)
        return mwn_hint(err, "the second class is right as often as the most likely one: "
                             "these are no probabilities of a model that has learned");
    return mwn_hint(err, "the least is the share of samples whose most likely class is not "
                         "their label, the most that of those whose second is not");
}

/* Halves the range of the factor until there is no number between its ends. */
static mwn_status scale(struct change *change, const struct mwn_labels *labels, double rate,
                        struct mwn_error *err)
{
    double low = 0, high = 1;
    for (size_t i = 0; i < labels->n; i++)
        if (change[i].tau > 0)
            high = fmax(high, 1 / change[i].tau);
    mwn_status status = check_rate(rate, expected_share(change, labels, low),
                                   expected_share(change, labels, high), err);
    if (status != MWN_OK)
        return status;
    for (double middle = high / 2; middle > low && middle < high;
         middle = low + (high - low) / 2)
        if (expected_share(change, labels, middle) < rate)
            low = middle;
        else
            high = middle;
    for (size_t i = 0; i < labels->n; i++)
        change[i].tau = scaled(change[i].tau, high);
    return MWN_OK;
}

static mwn_status read_changes(struct change *change, tau_fn *tau,
                               const struct mwn_prob_file *file,
                               const struct mwn_labels *labels, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t k = (size_t)labels->classes;
    double *row = mwn_alloc(k, sizeof(*row));
    size_t *row_of = mwn_alloc(labels->samples, sizeof(*row_of));

    if (!row || !row_of) {
        status = mwn_fail_memory(err, labels->samples * sizeof(*row_of), "probabilities");
        goto out;
    }
    MWN_TRY(mwn_prob_file_match(file, labels->samples, row_of, err));
    for (size_t i = 0; i < labels->n; i++) {
        size_t place = row_of[labels->id[i]];
        if (place == MWN_PROB_FILE_NONE) {
            mwn_fail(
                err, MWN_ERR_DATA,
                "%s: has no row for training sample %lu (ids.csv beside it lists those "
                "that it has)",
                file->path, (unsigned long)labels->id[i]);
            status = mwn_hint(err, "run mwnet cv with data.limit, the meta and validation "
                                   "sets and the seed of this run, or without such sets");
            goto out;
        }
        MWN_TRY(mwn_prob_file_row(file, place, row, err));
        change[i] = look_at_row(row, labels->classes, tau);
    }
out:
    mwn_free(row_of);
    mwn_free(row);
    return status;
}

static mwn_status prepare(void **self, tau_fn *tau, const struct mwn_noise_options *options,
                          const struct mwn_labels *labels, struct mwn_error *err)
{
    struct mwn_prob_file file = {0};
    struct change *change = NULL;
    mwn_status status = mwn_noise_need_classes(options->name, labels->classes, 2, err);
    if (status != MWN_OK)
        return status;
    change = mwn_alloc(labels->n, sizeof(*change));
    if (!change)
        return mwn_fail_memory(err, labels->n * sizeof(*change), "the label noise");
    MWN_TRY(mwn_prob_file_read(&file, options->probs, labels->classes, err));
    MWN_TRY(read_changes(change, tau, &file, labels, err));
    MWN_TRY(scale(change, labels, options->rate, err));
    *self = change;
    change = NULL;
out:
    mwn_prob_file_release(&file);
    mwn_free(change);
    return status;
}

static void fill_row(const void *self, size_t i, double *row)
{
    const struct change *change = (const struct change *)self + i;
    row[change->u] = 1 - change->tau;
    row[change->s] = change->tau;
}

/* A type: the noise of that name. */
#define TYPE(number, text)                                                                 \
    static mwn_status prepare_type##number(                                                \
        void **self, const struct mwn_noise_options *options,                              \
        const struct mwn_labels *labels, struct mwn_error *err)                            \
    {                                                                                      \
        return prepare(self, tau_type##number, options, labels, err);                      \
    }                                                                                      \
    const struct mwn_noise mwn_noise_pmd##number = {                                       \
        .name = "pmd" #number,                                                             \
        .summary = (text),                                                                 \
        .reads = MWN_NOISE_RATE | MWN_NOISE_PROBS,                                         \
        .prepare = prepare_type##number,                                                   \
        .row = fill_row,                                                                   \
        .release = mwn_free,                                                               \
    };

TYPE(1, "a model's second class, the likelier the smaller its margin m: 1/2 - m^2/2")
TYPE(2, "a model's second class, the likelier the smaller its margin m: 1 - m^3")
TYPE(3, "a model's second class, the likelier the smaller its margin m: 1 - (m+m^2+m^3)/3")

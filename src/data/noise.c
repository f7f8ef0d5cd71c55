/* noise.c - the list of label noises and drawing labels from their matrices. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/noise.h"

#include <string.h>

const struct mwn_noise *const mwn_noises[] = {
#define MWN_NOISE(name) &mwn_noise_##name,
#include "data/noise_list.h"
#undef MWN_NOISE
    NULL,
};

const int mwn_cifar100_superclass[100] = {
    4,  1,  14, 8,  0,  6,  7,  7,  18, 3,  3,  14, 9,  18, 7,  11, 3,  9,  7,  11,
    6,  11, 5,  10, 7,  6,  13, 15, 3,  15, 0,  11, 1,  10, 12, 14, 16, 9,  11, 5,
    5,  19, 8,  8,  15, 13, 14, 17, 18, 10, 16, 4,  17, 4,  2,  0,  17, 4,  18, 17,
    10, 3,  2,  12, 12, 16, 12, 1,  9,  19, 2,  10, 0,  1,  16, 12, 9,  13, 15, 13,
    16, 19, 2,  4,  6,  19, 5,  5,  8,  19, 18, 1,  2,  15, 6,  0,  17, 8,  14, 13,
};

void mwn_noise_diagonal(int classes, double rate, double *T)
{
    size_t k = (size_t)classes;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            T[i * k + j] = i == j ? 1 - rate : 0;
}

mwn_status mwn_noise_need_classes(const char *name, int classes, int least,
                                  struct mwn_error *err)
{
    if (classes >= least)
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_CONFIG,
                    "data.noise: '%s' needs at least %d classes, the data has %d", name,
                    least, classes);
}

static const struct mwn_noise *find_noise(const char *name)
{
    for (const struct mwn_noise *const *noise = mwn_noises; *noise; noise++)
        if (strcmp((*noise)->name, name) == 0)
            return *noise;
    return NULL;
}

static mwn_status fail_name(const char *name, struct mwn_error *err)
{
    const char *names[MWN_COUNT(mwn_noises)];
    size_t count = 0;
    names[count++] = "none";
    for (const struct mwn_noise *const *noise = mwn_noises; *noise; noise++)
        names[count++] = (*noise)->name;
    const char *near = mwn_nearest(name, names, count);
    mwn_fail(err, MWN_ERR_CONFIG, "data.noise: there is no noise '%.80s'", name);
    if (near)
        return mwn_hint(err, "did you mean '%s'?", near);
    return mwn_hint(err, "`mwnet list noises` names them all");
}

/* A file that one kind of noise reads. */
struct file {
    unsigned flag;
    const char *option, *path, *noise;
};

static mwn_status check_file(const struct file *file, const char *name, unsigned reads,
                             struct mwn_error *err)
{
    bool given = file->path && *file->path, wanted = reads & file->flag;
    if (given == wanted)
        return MWN_OK;
    if (wanted) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: data.noise=%s needs a file", file->option, name);
        return mwn_hint(err, "add %s=FILE", file->option);
    }
    mwn_fail(err, MWN_ERR_CONFIG, "%s: a file is given, but data.noise=%s does not read it",
             file->option, name);
    return mwn_hint(err, "set data.noise=%s, or take the file away by '%s='", file->noise,
                    file->option);
}

static mwn_status check_rate(const char *name, unsigned reads, double rate,
                             struct mwn_error *err)
{
    if (!(reads & MWN_NOISE_RATE) && rate > 0) {
        mwn_fail(err, MWN_ERR_CONFIG,
                 "data.noise_rate: %g, but data.noise=%s has its rates from its file", rate,
                 name);
        return mwn_hint(err, "set data.noise_rate=0");
    }
    if ((reads & MWN_NOISE_PROBS) && rate <= 0) {
        mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.noise_rate: 0, but data.noise=%s needs the share of labels to change",
            name);
        return mwn_hint(err, "for example data.noise_rate=0.35; data.noise=none for none");
    }
    return MWN_OK;
}

mwn_status mwn_noise_check(const struct mwn_noise_options *options, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *name = options->name;
    const struct mwn_noise *noise = find_noise(name);
    const struct file files[] = {
        {MWN_NOISE_MATRIX, "data.noise_matrix", options->matrix, "matrix"},
        {MWN_NOISE_PROBS, "data.noise_probs", options->probs, "pmd1"},
    };

    if (!noise && strcmp(name, "none") != 0)
        return fail_name(name, err);
    if (!(options->rate >= 0 && options->rate <= 1))
        return mwn_fail(err, MWN_ERR_CONFIG, "data.noise_rate: %g is not in 0 .. 1",
                        options->rate);
    for (size_t i = 0; i < MWN_COUNT(files); i++)
        MWN_TRY(check_file(&files[i], name, noise ? noise->reads : 0, err));
    if (noise)
        MWN_TRY(check_rate(name, noise->reads, options->rate, err));
out:
    return status;
}

/* The class at which the row's cumulative sum exceeds u in [0, 1). Rounding may leave the
 * sum short of 1: then the last class of positive probability. */
static int32_t draw(const double *row, int classes, double u)
{
    double sum = 0;
    int32_t last = 0;
    for (int j = 0; j < classes; j++) {
        if (row[j] <= 0)
            continue;
        last = j;
        sum += row[j];
        if (u < sum)
            break;
    }
    return last;
}

/* Draws the label of each sample from its row: that of its class in the matrix or, without
 * one, its own, which row() makes in the first. */
static void draw_labels(const struct mwn_noise *noise, const void *self, uint64_t seed,
                        const struct mwn_labels *labels, double *rows)
{
    size_t k = (size_t)labels->classes;
    for (size_t i = 0; i < labels->n; i++) {
        struct mwn_rng rng = mwn_rng_at(seed, MWN_STREAM_NOISE, 0, labels->id[i]);
        double *row = rows + (self ? 0 : (size_t)labels->label[i] * k);
        if (self) {
            memset(row, 0, k * sizeof(*row));
            noise->row(self, i, row);
        }
        labels->label[i] = draw(row, labels->classes, mwn_rng_unit(&rng));
    }
}

mwn_status mwn_noise_apply(const struct mwn_noise_options *options, uint64_t seed,
                           const struct mwn_labels *labels, double *T,
                           struct mwn_error *err)
{
    const struct mwn_noise *noise = find_noise(options->name);
    struct mwn_rng map = mwn_rng_at(seed, MWN_STREAM_NOISE, 1, 0);
    size_t k = (size_t)labels->classes;
    void *self = NULL;
    mwn_status status = mwn_noise_check(options, err);
    if (status != MWN_OK)
        return status;
    double *rows = mwn_alloc(k * k, sizeof(*rows));
    if (!rows)
        return mwn_fail_memory(err, k * k * sizeof(*rows), "the noise matrix");
    mwn_noise_diagonal(labels->classes, 0, rows);
    if (noise && noise->matrix)
        MWN_TRY(noise->matrix(options, labels->classes, &map, rows, err));
    else if (noise)
        MWN_TRY(noise->prepare(&self, options, labels, err));
    if (T && !self)
        memcpy(T, rows, k * k * sizeof(*rows));
    if (noise)
        draw_labels(noise, self, seed, labels, rows);
out:
    if (self)
        noise->release(self);
    mwn_free(rows);
    return status;
}

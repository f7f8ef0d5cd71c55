/* normalize.c - the constants by which samples are normalised: known ones, given ones, or
 * measured on the training set. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/loader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A deviation that is this share of the mean comes of rounding. */
#define ROUNDING 1e-8

struct known {
    const char *name;
    int channels;
    double mean[3], std[3];
};

static const struct known known[] = {
    {"none", 1, {0}, {1}},
    {"cifar",
     3,
     {125.3 / 255, 123.0 / 255, 113.9 / 255},
     {63.0 / 255, 62.1 / 255, 66.7 / 255}},
    {"imagenet", 3, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
};

static mwn_status make_room(struct mwn_normalize *out, int channels, struct mwn_error *err)
{
    out->channels = channels;
    out->mean = mwn_alloc((size_t)channels, sizeof(*out->mean));
    out->std = mwn_alloc((size_t)channels, sizeof(*out->std));
    if (!out->mean || !out->std)
        return mwn_fail_memory(err, (size_t)channels * 8, "the normalisation");
    return MWN_OK;
}

void mwn_normalize_release(struct mwn_normalize *normalize)
{
    mwn_free(normalize->mean);
    mwn_free(normalize->std);
    memset(normalize, 0, sizeof(*normalize));
}

static mwn_status use_known(struct mwn_normalize *out, const struct known *constants,
                            struct mwn_error *err)
{
    mwn_status status = make_room(out, constants->channels, err);
    for (int c = 0; c < constants->channels && status == MWN_OK; c++) {
        out->mean[c] = (float)constants->mean[c];
        out->std[c] = (float)constants->std[c];
    }
    return status;
}

/* ---- Measuring ---------------------------------------------------------------------- */

/* Sums of a channel over the samples seen: exact for bytes. */
struct sums {
    uint64_t bytes, byte_squares;
    double sum, squares; /* squares: of the distances from mean */
    double mean;
};

static void add_bytes(struct sums *sums, const unsigned char *x, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        sums->bytes += x[j];
        sums->byte_squares += (uint64_t)x[j] * x[j];
    }
}

/* The first pass sums, the second the squares of the distances from the mean. */
static void add_real(struct sums *sums, double x, bool second)
{
    double d = x - sums->mean;
    if (second)
        sums->squares += d * d;
    else
        sums->sum += x;
}

static void add_sample(struct sums *sums, const struct mwn_source *source, const void *x,
                       bool second)
{
    size_t plane = (size_t)source->shape.h * (size_t)source->shape.w;
    for (size_t c = 0; c < (size_t)source->shape.c; c++) {
        if (source->type == MWN_SAMPLE_U8) {
            add_bytes(&sums[c], (const unsigned char *)x + c * plane, plane);
            continue;
        }
        for (size_t j = c * plane; j < (c + 1) * plane; j++)
            add_real(&sums[c],
                     source->type == MWN_SAMPLE_F64 ? ((const double *)x)[j]
                                                    : (double)((const float *)x)[j],
                     second);
    }
}

static mwn_status add_samples(struct sums *sums, const struct mwn_set *train, void *work,
                              bool second, struct mwn_error *err)
{
    for (size_t i = 0; i < train->n; i++) {
        const void *x = NULL;
        mwn_status status =
            mwn_source_sample(train->source, train->id[i], NULL, work, &x, err);
        if (status != MWN_OK)
            return status;
        add_sample(sums, train->source, x, second);
    }
    return MWN_OK;
}

/* Mean and population variance of a channel; one that is constant is not scaled. The sum of equal
 * numbers is not exact, so their deviation may come out as 1e-16 of them; samples are floats when
 * they are normalised, so what is far below a float's last digit is no deviation. */
static void use_sums(struct mwn_normalize *out, const struct sums *sums,
                     const struct mwn_set *train)
{
    const struct mwn_shape *shape = &train->source->shape;
    double count = (double)train->n * (double)shape->h * (double)shape->w;
    for (int c = 0; c < shape->c; c++) {
        double mean = sums[c].mean, variance = sums[c].squares / count;
        if (train->source->type == MWN_SAMPLE_U8) {
            mean = (double)sums[c].bytes / count;
            variance = (double)sums[c].byte_squares / count - mean * mean;
            mean /= 255;
            variance /= 255.0 * 255.0;
        }
        out->mean[c] = (float)mean;
        out->std[c] = (float)sqrt(variance);
        if (!((double)out->std[c] > ROUNDING * fabs(mean)))
            out->std[c] = 1;
    }
}

static mwn_status measure_samples(struct mwn_normalize *out, const struct mwn_set *train,
                                  struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_shape *shape = &train->source->shape;
    size_t channels = (size_t)shape->c;
    double count = (double)train->n * (double)shape->h * (double)shape->w;
    struct sums *sums = mwn_alloc(channels, sizeof(*sums));
    void *work = mwn_alloc(1, mwn_source_stride(train->source));

    if (!sums || !work) {
        status = mwn_fail_memory(err, channels * sizeof(*sums), "the normalisation");
        goto out;
    }
    MWN_TRY(add_samples(sums, train, work, false, err));
    for (size_t c = 0; c < channels; c++)
        sums[c].mean = sums[c].sum / count;
    if (train->source->type != MWN_SAMPLE_U8)
        MWN_TRY(add_samples(sums, train, work, true, err));
    MWN_TRY(make_room(out, shape->c, err));
    use_sums(out, sums, train);
out:
    mwn_free(sums);
    mwn_free(work);
    return status;
}

static mwn_status measure(struct mwn_normalize *out, const struct mwn_set *train,
                          struct mwn_error *err)
{
    if (train && train->n > 0)
        return measure_samples(out, train, err);
    mwn_fail(err, MWN_ERR_CONFIG,
             "data.normalize: 'mean' is measured on the training set, which is not read "
             "here");
    return mwn_hint(err, "give the constants: data.normalize='m1,..;s1,..'");
}

/* ---- Given constants ---------------------------------------------------------------- */

/* Reads "a,b,c" up to `stop` into out[room]; the number of items, 0 if it is not such a
 * list. */
static int parse_list(const char **text, char stop, float *out, int room)
{
    for (int count = 0; count < room;) {
        char *end = NULL;
        double value = strtod(*text, &end);
        if (end == *text || !(fabs(value) <= 1e30))
            return 0;
        out[count++] = (float)value;
        *text = end + 1;
        if (*end == stop)
            return count;
        if (*end != ',')
            return 0;
    }
    return 0;
}

static mwn_status parse(struct mwn_normalize *out, const char *text, struct mwn_error *err)
{
    const char *rest = text;
    int room = 2;
    for (const char *c = text; *c; c++)
        room += *c == ',' || *c == ';';
    mwn_status status = make_room(out, room, err);
    if (status != MWN_OK)
        return status;
    int means = parse_list(&rest, ';', out->mean, room);
    int stds = means > 0 ? parse_list(&rest, '\0', out->std, room) : 0;
    bool good = means > 0 && means == stds;
    for (int c = 0; c < stds; c++)
        good = good && out->std[c] > 0;
    out->channels = means;
    if (good)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG,
             "data.normalize: '%.100s' is neither auto, none, cifar, imagenet or mean, nor "
             "constants",
             text);
    return mwn_hint(err,
                    "constants look like '0.49,0.48,0.45;0.25,0.24,0.26': as many means "
                    "as standard deviations, these above 0");
}

/* ---- The option --------------------------------------------------------------------- */

/* What "auto" means to the reader of the data. */
static const char *automatic(const struct mwn_data_options *options)
{
    for (const struct mwn_reader *const *r = mwn_readers; *r; r++)
        if (options->reader && strcmp((*r)->name, options->reader) == 0)
            return (*r)->normalize;
    return "mean";
}

static mwn_status resolve(struct mwn_normalize *out, const char *name,
                          const struct mwn_set *train, struct mwn_error *err)
{
    if (strcmp(name, "mean") == 0)
        return measure(out, train, err);
    for (size_t i = 0; i < MWN_COUNT(known); i++)
        if (strcmp(known[i].name, name) == 0)
            return use_known(out, &known[i], err);
    return parse(out, name, err);
}

mwn_status mwn_normalize_resolve(struct mwn_normalize *out,
                                 const struct mwn_data_options *options,
                                 const struct mwn_set *train, struct mwn_error *err)
{
    const char *name = options->normalize ? options->normalize : "auto";
    struct mwn_normalize result = {0};
    if (strcmp(name, "auto") == 0)
        name = automatic(options);
    mwn_status status = resolve(&result, name, train, err);
    int channels = train && train->n > 0 ? train->source->shape.c : result.channels;
    if (status == MWN_OK && result.channels != 1 && result.channels != channels)
        status =
            mwn_fail(err, MWN_ERR_CONFIG,
                     "data.normalize: '%.100s' has constants for %d channels, the data "
                     "has %d",
                     name, result.channels, channels);
    if (status == MWN_OK)
        *out = result;
    else
        mwn_normalize_release(&result);
    return status;
}

void mwn_normalize_text(const struct mwn_normalize *normalize, struct mwn_buf *out)
{
    for (int c = 0; c < normalize->channels; c++)
        mwn_buf_printf(out, "%s%.9g", c > 0 ? "," : "", (double)normalize->mean[c]);
    for (int c = 0; c < normalize->channels; c++)
        mwn_buf_printf(out, "%s%.9g", c > 0 ? "," : ";", (double)normalize->std[c]);
}

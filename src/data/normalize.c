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

static void use_known(struct mwn_normalize *out, const struct known *constants)
{
    out->channels = constants->channels;
    for (int c = 0; c < constants->channels; c++) {
        out->mean[c] = (float)constants->mean[c];
        out->std[c] = (float)constants->std[c];
    }
}

/* ---- Measuring ---------------------------------------------------------------------- */

/* Mean and population variance of one channel. Integer sums are exact. */
static void measure_bytes(const struct mwn_set *set, size_t channel, size_t plane,
                          size_t stride, double *mean, double *variance)
{
    const unsigned char *samples = set->source->samples;
    uint64_t sum = 0, squares = 0;
    double count = (double)set->n * (double)plane;
    for (size_t i = 0; i < set->n; i++) {
        const unsigned char *x = samples + set->id[i] * stride + channel * plane;
        uint32_t part = 0;
        uint64_t part2 = 0;
        for (size_t j = 0; j < plane; j++) {
            part += x[j];
            part2 += (uint64_t)x[j] * x[j];
        }
        sum += part;
        squares += part2;
    }
    *mean = (double)sum / count;
    *variance = (double)squares / count - *mean * *mean;
    *mean /= 255;
    *variance /= 255.0 * 255.0;
}

/* The same of real samples, in two passes. */
static void measure_real(const struct mwn_set *set, size_t channel, size_t plane,
                         size_t stride, double *mean, double *variance)
{
    const float *samples = set->source->samples;
    double count = (double)set->n * (double)plane;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < set->n; i++)
        for (size_t j = 0; j < plane; j++)
            sum += (double)samples[set->id[i] * stride + channel * plane + j];
    *mean = sum / count;
    for (size_t i = 0; i < set->n; i++)
        for (size_t j = 0; j < plane; j++) {
            double d = (double)samples[set->id[i] * stride + channel * plane + j] - *mean;
            squares += d * d;
        }
    *variance = squares / count;
}

static mwn_status measure(struct mwn_normalize *out, const struct mwn_set *train,
                          struct mwn_error *err)
{
    if (!train || train->n == 0) {
        mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.normalize: 'mean' is measured on the training set, which is not read "
            "here");
        return mwn_hint(err, "give the constants: data.normalize='m1,..;s1,..'");
    }
    const struct mwn_shape *shape = &train->source->shape;
    size_t plane = (size_t)shape->h * (size_t)shape->w;
    size_t stride = (size_t)shape->c * plane;
    if (shape->c > MWN_CHANNELS_MAX)
        return mwn_fail(
            err, MWN_ERR_CONFIG,
            "data.normalize: 'mean' is for at most %d channels, the data has %d",
            MWN_CHANNELS_MAX, shape->c);
    out->channels = shape->c;
    for (int c = 0; c < shape->c; c++) {
        double mean, variance;
        if (train->source->is_real)
            measure_real(train, (size_t)c, plane, stride, &mean, &variance);
        else
            measure_bytes(train, (size_t)c, plane, stride, &mean, &variance);
        out->mean[c] = (float)mean;
        out->std[c] = (float)sqrt(variance);
        if (!(out->std[c] > 0)) /* a channel that is constant */
            out->std[c] = 1;
    }
    return MWN_OK;
}

/* ---- Given constants ---------------------------------------------------------------- */

/* Reads "a,b,c" up to `stop`; the number of items, 0 if it is not such a list. */
static int parse_list(const char **text, char stop, float out[MWN_CHANNELS_MAX])
{
    for (int count = 0; count < MWN_CHANNELS_MAX;) {
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
    int means = parse_list(&rest, ';', out->mean);
    int stds = means > 0 ? parse_list(&rest, '\0', out->std) : 0;
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
        if (strcmp(known[i].name, name) == 0) {
            use_known(out, &known[i]);
            return MWN_OK;
        }
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
    if (status != MWN_OK)
        return status;
    int channels = train && train->n > 0 ? train->source->shape.c : result.channels;
    if (result.channels != 1 && result.channels != channels)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.normalize: '%.100s' has constants for %d channels, the data "
                        "has %d",
                        name, result.channels, channels);
    *out = result;
    return MWN_OK;
}

void mwn_normalize_text(const struct mwn_normalize *normalize, struct mwn_buf *out)
{
    for (int c = 0; c < normalize->channels; c++)
        mwn_buf_printf(out, "%s%.9g", c > 0 ? "," : "", (double)normalize->mean[c]);
    for (int c = 0; c < normalize->channels; c++)
        mwn_buf_printf(out, "%s%.9g", c > 0 ? "," : ";", (double)normalize->std[c]);
}

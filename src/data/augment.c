/* augment.c - one sample from the source's bytes to normalised floats, cropped out of its
 * reflected surroundings and mirrored if asked to. */
#include "base/base.h"
#include "data/loader.h"

/* Where samples are taken from: one of them, as it is stored. */
struct stored {
    const void *sample;
    enum mwn_sample_type type;
    struct mwn_shape shape;
};

/* Where the output is taken from: output row y is source row reflect(y + top), likewise for
 * columns with left. */
struct crop {
    ptrdiff_t top, left;
    bool flip;
};

/* out = in * scale + bias */
struct scaling {
    float scale, bias;
};

/* The index in 0..n-1 that -1, -2, .. and n, n+1, .. mirror to, the border not repeated. */
static size_t reflect(ptrdiff_t i, size_t n)
{
    if (i < 0)
        i = -i;
    if ((size_t)i >= n)
        i = 2 * ((ptrdiff_t)n - 1) - i;
    return (size_t)i;
}

static void convert_bytes(const unsigned char *restrict in, size_t n,
                          const struct scaling *scaling, float *restrict out)
{
    const float scale = scaling->scale, bias = scaling->bias;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] * scale + bias;
}

static void convert_real(const float *restrict in, size_t n, const struct scaling *scaling,
                         float *restrict out)
{
    const float scale = scaling->scale, bias = scaling->bias;
    for (size_t i = 0; i < n; i++)
        out[i] = in[i] * scale + bias;
}

static void reverse(float *row, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        float kept = row[i];
        row[i] = row[n - 1 - i];
        row[n - 1 - i] = kept;
    }
}

static void convert_wide(const double *restrict in, size_t n, const struct scaling *scaling,
                         float *restrict out)
{
    const float scale = scaling->scale, bias = scaling->bias;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] * scale + bias;
}

/* Converts n numbers from number `start` on. */
static void convert(const struct stored *from, size_t start, size_t n,
                    const struct scaling *scaling, float *out)
{
    if (from->type == MWN_SAMPLE_F32)
        convert_real((const float *)from->sample + start, n, scaling, out);
    else if (from->type == MWN_SAMPLE_F64)
        convert_wide((const double *)from->sample + start, n, scaling, out);
    else
        convert_bytes((const unsigned char *)from->sample + start, n, scaling, out);
}

/* One row of the output from the source's row that begins at sample `start`: a stretch in one
 * go, then what reflection adds at its left or right, most of it in the stretch already. */
static void prepare_row(const struct stored *stored, size_t start, ptrdiff_t left,
                        const struct scaling *scaling, float *out)
{
    size_t w = (size_t)stored->shape.w;
    size_t from = left > 0 ? (size_t)left : 0, to = left < 0 ? (size_t)-left : 0;
    convert(stored, start + from, w - from - to, scaling, out + to);
    for (size_t k = 0; k < from + to; k++) {
        size_t x = k < to ? k : w - from + (k - to);
        size_t column = reflect((ptrdiff_t)x + left, w);
        if (column >= from && column < w - to)
            out[x] = out[column - from + to];
        else
            convert(stored, start + column, 1, scaling, out + x);
    }
}

static void prepare_plane(const struct stored *stored, size_t offset,
                          const struct crop *crop, const struct scaling *scaling,
                          float *out)
{
    size_t h = (size_t)stored->shape.h, w = (size_t)stored->shape.w;
    for (size_t y = 0; y < h; y++) {
        size_t row = reflect((ptrdiff_t)y + crop->top, h);
        prepare_row(stored, offset + row * w, crop->left, scaling, out + y * w);
        if (crop->flip)
            reverse(out + y * w, w);
    }
}

static void normalize_alike(const float *in, size_t n, float mean, float std, float *out)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = (in[i] - mean) / std;
}

/* out may be in. */
static void normalize_features(const float *in, size_t n,
                               const struct mwn_normalize *normalize, float *out)
{
    const float *mean = normalize->mean, *std = normalize->std;
    if (normalize->channels == 1) {
        normalize_alike(in, n, mean[0], std[0], out);
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = (in[i] - mean[i]) / std[i];
}

/* Features: every number is a channel of its own. Floats are read where they lie. */
static void prepare_features(const struct stored *stored,
                             const struct mwn_normalize *normalize, float *out)
{
    static const struct scaling as_it_is = {1, 0}, from_byte = {1.0f / 255, 0};
    size_t n = (size_t)stored->shape.c;
    const float *in = stored->sample;
    if (stored->type != MWN_SAMPLE_F32) {
        bool bytes = stored->type == MWN_SAMPLE_U8;
        convert(stored, 0, n, bytes ? &from_byte : &as_it_is, out);
        in = out;
    }
    normalize_features(in, n, normalize, out);
}

static struct crop choose_crop(const struct mwn_preparation *how, struct mwn_rng *rng)
{
    struct crop crop = {0, 0, false};
    if (rng && how->pad > 0) {
        uint64_t places = 2 * (uint64_t)how->pad + 1;
        crop.top = (ptrdiff_t)mwn_rng_below(rng, places) - how->pad;
        crop.left = (ptrdiff_t)mwn_rng_below(rng, places) - how->pad;
    }
    if (rng && how->flip)
        crop.flip = mwn_rng_unit(rng) < 0.5;
    return crop;
}

static void prepare_planes(const struct stored *stored,
                           const struct mwn_normalize *normalize, const struct crop *crop,
                           float *out)
{
    size_t plane = (size_t)stored->shape.h * (size_t)stored->shape.w;
    double unit = stored->type == MWN_SAMPLE_U8 ? 255.0 : 1.0;
    for (size_t c = 0; c < (size_t)stored->shape.c; c++) {
        size_t k = normalize->channels > 1 ? c : 0;
        double mean = (double)normalize->mean[k], std = (double)normalize->std[k];
        struct scaling scaling = {(float)(1 / (unit * std)), (float)(-mean / std)};
        prepare_plane(stored, c * plane, crop, &scaling, out + c * plane);
    }
}

mwn_status mwn_sample_prepare(const struct mwn_preparation *how, size_t position,
                              struct mwn_rng *rng, float *out, struct mwn_error *err)
{
    const struct mwn_source *source = how->set->source;
    struct stored stored = {NULL, source->type, source->shape};
    mwn_status status = mwn_source_sample(source, how->set->id[position], rng, how->work,
                                          &stored.sample, err);
    if (status != MWN_OK)
        return status;
    if (source->shape.h == 1 && source->shape.w == 1) {
        prepare_features(&stored, how->normalize, out);
        return MWN_OK;
    }
    const struct crop crop =
        choose_crop(how, source->samples || source->reader->plain ? rng : NULL);
    prepare_planes(&stored, how->normalize, &crop, out);
    return MWN_OK;
}

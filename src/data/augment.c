/* augment.c - one sample from the source's bytes to normalised floats, cropped out of its
 * reflected surroundings and mirrored if asked to. */
#include "base/base.h"
#include "data/loader.h"

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

/* Converts n samples from number `start` on. */
static void convert(const struct mwn_source *source, size_t start, size_t n,
                    const struct scaling *scaling, float *out)
{
    if (source->is_real)
        convert_real((const float *)source->samples + start, n, scaling, out);
    else
        convert_bytes((const unsigned char *)source->samples + start, n, scaling, out);
}

/* One row of the output from the source's row that begins at sample `start`: a stretch in one
 * go, then what reflection adds at its left or right, most of it in the stretch already. */
static void prepare_row(const struct mwn_source *source, size_t start, ptrdiff_t left,
                        const struct scaling *scaling, float *out)
{
    size_t w = (size_t)source->shape.w;
    size_t from = left > 0 ? (size_t)left : 0, to = left < 0 ? (size_t)-left : 0;
    convert(source, start + from, w - from - to, scaling, out + to);
    for (size_t k = 0; k < from + to; k++) {
        size_t x = k < to ? k : w - from + (k - to);
        size_t column = reflect((ptrdiff_t)x + left, w);
        if (column >= from && column < w - to)
            out[x] = out[column - from + to];
        else
            convert(source, start + column, 1, scaling, out + x);
    }
}

static void prepare_plane(const struct mwn_source *source, size_t offset,
                          const struct crop *crop, const struct scaling *scaling,
                          float *out)
{
    size_t h = (size_t)source->shape.h, w = (size_t)source->shape.w;
    for (size_t y = 0; y < h; y++) {
        size_t row = reflect((ptrdiff_t)y + crop->top, h);
        prepare_row(source, offset + row * w, crop->left, scaling, out + y * w);
        if (crop->flip)
            reverse(out + y * w, w);
    }
}

void mwn_sample_prepare(const struct mwn_set *set, size_t position,
                        const struct mwn_normalize *normalize,
                        const struct mwn_augment *augment, struct mwn_rng *rng, float *out)
{
    const struct mwn_source *source = set->source;
    size_t plane = (size_t)source->shape.h * (size_t)source->shape.w;
    size_t channels = (size_t)source->shape.c;
    double unit = source->is_real ? 1.0 : 255.0;
    struct crop crop = {0, 0, false};

    if (rng && augment->pad > 0) {
        uint64_t places = 2 * (uint64_t)augment->pad + 1;
        crop.top = (ptrdiff_t)mwn_rng_below(rng, places) - augment->pad;
        crop.left = (ptrdiff_t)mwn_rng_below(rng, places) - augment->pad;
    }
    if (rng && augment->flip)
        crop.flip = mwn_rng_unit(rng) < 0.5;
    for (size_t c = 0; c < channels; c++) {
        size_t k = normalize->channels > 1 ? c : 0;
        double mean = (double)normalize->mean[k], std = (double)normalize->std[k];
        struct scaling scaling = {(float)(1 / (unit * std)), (float)(-mean / std)};
        prepare_plane(source, (set->id[position] * channels + c) * plane, &crop, &scaling,
                      out + c * plane);
    }
}

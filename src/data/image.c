/* image.c - from the bytes of a file to planes of RGB: which kind it is, how far JPEG may be
 * shrunk while it is decoded, which way is up. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_codec.h"

#include <string.h>
#include <turbojpeg.h>

/* Scratch beyond this is given back after the image that needed it. */
#define KEEP_MAX ((size_t)64 << 20)

/* JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as the box keeps this many times the
 * pixels along a side that are wanted of it; docs/images.md says what that changes. */
enum { SPARE = 3 };

struct mwn_image_decoder {
    tjhandle jpeg;
    struct mwn_scratch pixels;
    struct mwn_resizer resizer;
};

mwn_status mwn_image_decoder_create(mwn_image_decoder **out, struct mwn_error *err)
{
    mwn_image_decoder *decoder = mwn_alloc(1, sizeof(*decoder));
    if (!decoder)
        return mwn_fail_memory(err, sizeof(*decoder), "an image decoder");
    decoder->jpeg = tjInitDecompress();
    if (!decoder->jpeg) {
        mwn_free(decoder);
        return mwn_fail_memory(err, 0, "a JPEG decoder");
    }
    *out = decoder;
    return MWN_OK;
}

void mwn_image_decoder_free(mwn_image_decoder *decoder)
{
    if (!decoder)
        return;
    tjDestroy(decoder->jpeg);
    mwn_scratch_release(&decoder->pixels);
    mwn_resizer_release(&decoder->resizer);
    mwn_free(decoder);
}

/* ---- Headers ------------------------------------------------------------------------ */

struct magic {
    const char *name, *bytes;
    size_t at, size;
};

/* What people's folders hold besides, to be named when it is refused. */
static const struct magic others[] = {
    {"GIF", "GIF8", 0, 4},
    {"WebP", "WEBP", 8, 4},
    {"BMP", "BM", 0, 2},
    {"TIFF", "II*\0", 0, 4},
    {"TIFF", "MM\0*", 0, 4},
    {"HEIF or AVIF", "ftyp", 4, 4},
    {"JPEG 2000", "\0\0\0\fjP", 0, 6},
};

static bool has_magic(const struct mwn_image_file *file, size_t at, const char *bytes,
                      size_t size)
{
    return file->size >= at + size && memcmp(file->bytes + at, bytes, size) == 0;
}

static mwn_status hint_skip(const char *before, struct mwn_error *err)
{
    return mwn_hint(err, "%sleave such files out by data.damaged=skip", before);
}

mwn_status mwn_image_fail_damaged(const struct mwn_image_file *file, const char *kind,
                                  const char *why, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: damaged %s image: %s", file->name, kind, why);
    return hint_skip("", err);
}

static mwn_status fail_kind(const struct mwn_image_file *file, struct mwn_error *err)
{
    const char *convert = "";
    if (file->size == 0)
        mwn_fail(err, MWN_ERR_DATA, "%s: is empty, expected a JPEG or PNG image",
                 file->name);
    else
        mwn_fail(err, MWN_ERR_DATA, "%s: is no image: neither JPEG nor PNG", file->name);
    for (size_t i = 0; i < MWN_COUNT(others); i++) {
        if (!has_magic(file, others[i].at, others[i].bytes, others[i].size))
            continue;
        mwn_fail(err, MWN_ERR_DATA, "%s: is a %s file, expected a JPEG or PNG image",
                 file->name, others[i].name);
        convert = "convert it to PNG, or ";
    }
    return hint_skip(convert, err);
}

mwn_status mwn_image_check_size(const struct mwn_image_file *file, uint64_t w, uint64_t h,
                                struct mwn_error *err)
{
    if (w == 0 || h == 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s: an image without pixels", file->name);
    if (w <= MWN_IMAGE_SIDE_MAX && h <= MWN_IMAGE_SIDE_MAX && w * h <= MWN_IMAGE_PIXELS_MAX)
        return MWN_OK;
    if (w > MWN_IMAGE_PIXELS_MAX)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: more than %d million pixels are too many for an image",
                        file->name, MWN_IMAGE_PIXELS_MAX / 1000000);
    return mwn_fail(err, MWN_ERR_DATA,
                    "%s: %llu x %llu pixels are too many for an image (at most %d million, "
                    "and %d along a side)",
                    file->name, (unsigned long long)w, (unsigned long long)h,
                    MWN_IMAGE_PIXELS_MAX / 1000000, MWN_IMAGE_SIDE_MAX);
}

mwn_status mwn_image_probe(mwn_image_decoder *decoder, const struct mwn_image_file *file,
                           struct mwn_image_info *info, struct mwn_error *err)
{
    int w = 0, h = 0, orientation = 1;
    mwn_status status;
    enum mwn_image_kind kind = MWN_IMAGE_JPEG;
    if (has_magic(file, 0, "\xFF\xD8\xFF", 3)) {
        status = mwn_jpeg_probe(decoder->jpeg, file, &w, &h, &orientation, err);
    } else if (has_magic(file, 0, "\x89PNG\r\n\x1A\n", 8)) {
        kind = MWN_IMAGE_PNG;
        status = mwn_png_probe(file, &w, &h, err);
    } else {
        status = fail_kind(file, err);
    }
    if (status != MWN_OK)
        return status;
    bool lying = orientation >= 5;
    *info = (struct mwn_image_info){kind, lying ? h : w, lying ? w : h, orientation};
    return MWN_OK;
}

/* ---- Upright ------------------------------------------------------------------------ */

/* Pixel (x, y) of the upright image is pixel (x, y) of the stored one, swapped if `turn`, then
 * counted from the other end along either side. */
struct turn {
    bool swap, from_right, from_below;
};

static struct turn find_turn(int orientation)
{
    static const struct turn turns[9] = {
        [2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true},
        [5] = {true, false, false}, [6] = {true, false, true}, [7] = {true, true, true},
        [8] = {true, true, false},
    };
    return turns[orientation];
}

/* The view of the stored image of w x h pixels whose turn is the view of the upright one. */
static struct mwn_image_view stored_view(const struct mwn_image_view *view,
                                         struct turn turn, double w, double h)
{
    struct mwn_image_view out = *view;
    if (turn.swap) {
        out.left = view->top;
        out.top = view->left;
        out.width = view->height;
        out.height = view->width;
        out.w = view->h;
        out.h = view->w;
    }
    if (turn.from_right)
        out.left = w - out.left - out.width;
    if (turn.from_below)
        out.top = h - out.top - out.height;
    return out;
}

/* Writes the planes as [3][view->h][view->w], turned and mirrored. */
static void write_upright(const struct mwn_planes *planes, struct turn turn,
                          const struct mwn_image_view *view, unsigned char *out)
{
    size_t w = (size_t)view->w, h = (size_t)view->h;
    bool plain = !turn.swap && !turn.from_right && !turn.from_below && !view->flip;
    for (size_t c = 0; c < 3; c++) {
        const unsigned char *plane = planes->data + c * planes->stride * (size_t)planes->h;
        for (size_t y = 0; y < h; y++, out += w) {
            if (plain) {
                memcpy(out, plane + y * planes->stride, w);
                continue;
            }
            for (size_t i = 0; i < w; i++) {
                size_t x = view->flip ? w - 1 - i : i;
                size_t column = turn.swap ? y : x, row = turn.swap ? x : y;
                if (turn.from_right)
                    column = (size_t)planes->w - 1 - column;
                if (turn.from_below)
                    row = (size_t)planes->h - 1 - row;
                out[i] = plane[row * planes->stride + column];
            }
        }
    }
}

/* ---- Loading ------------------------------------------------------------------------ */

/* The largest of 1, 2, 4, 8 by which a JPEG image may shrink before it is resized. */
static int choose_shrink(const struct mwn_image_view *view)
{
    int shrink = 1;
    while (shrink < 8 && view->width >= 2.0 * shrink * SPARE * view->w &&
           view->height >= 2.0 * shrink * SPARE * view->h)
        shrink *= 2;
    return shrink;
}

static void trim(mwn_image_decoder *decoder)
{
    if (decoder->pixels.room > KEEP_MAX)
        mwn_scratch_release(&decoder->pixels);
    if (decoder->resizer.in.room > KEEP_MAX)
        mwn_scratch_release(&decoder->resizer.in);
}

mwn_status mwn_image_load(mwn_image_decoder *decoder, const struct mwn_image_file *file,
                          const struct mwn_image_info *info,
                          const struct mwn_image_view *view, unsigned char *out,
                          struct mwn_error *err)
{
    mwn_status status;
    struct mwn_pixels pixels = {0};
    struct mwn_planes planes = {0};
    struct turn turn = find_turn(info->orientation);
    int shrink = info->kind == MWN_IMAGE_JPEG ? choose_shrink(view) : 1;
    struct mwn_image_view stored = stored_view(view, turn, turn.swap ? info->h : info->w,
                                               turn.swap ? info->w : info->h);
    if (info->kind == MWN_IMAGE_JPEG)
        MWN_TRY(
            mwn_jpeg_decode(decoder->jpeg, file, shrink, &decoder->pixels, &pixels, err));
    else
        MWN_TRY(mwn_png_decode(file, &decoder->pixels, &pixels, err));
    stored.left /= shrink;
    stored.top /= shrink;
    stored.width /= shrink;
    stored.height /= shrink;
    MWN_TRY(mwn_image_resize(&decoder->resizer, &pixels, &stored, &planes, err));
    write_upright(&planes, turn, view, out);
out:
    trim(decoder);
    return status;
}

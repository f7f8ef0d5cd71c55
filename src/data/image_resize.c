/* image_resize.c - resizing by zimg with a triangle filter, which is widened where the image
 * shrinks, as Pillow's and torchvision's "bilinear" is.
 *
 * zimg wants planes whose rows are aligned, so the box is copied out of the pixels first, with
 * as much around it as the filter reaches. Beyond the image's edge its outermost pixels go on,
 * which keeps zimg from mirroring and lets images of any size through. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_codec.h"

#include <math.h>
#include <string.h>
#include <zimg.h>

enum { ALIGN = 64 };

/* ---- Memory ------------------------------------------------------------------------- */

unsigned char *mwn_scratch_need(struct mwn_scratch *scratch, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    if (scratch->room < size + ALIGN) {
        mwn_scratch_release(scratch);
        scratch->block = mwn_alloc(size + ALIGN, 1);
        if (!scratch->block)
            return NULL;
        scratch->room = size + ALIGN;
    }
    return scratch->block + (ALIGN - (uintptr_t)scratch->block % ALIGN) % ALIGN;
}

void mwn_scratch_release(struct mwn_scratch *scratch)
{
    mwn_free(scratch->block);
    *scratch = (struct mwn_scratch){0};
}

void mwn_resizer_release(struct mwn_resizer *resizer)
{
    mwn_scratch_release(&resizer->in);
    mwn_scratch_release(&resizer->out);
    mwn_scratch_release(&resizer->temporary);
}

/* ---- The box as planes -------------------------------------------------------------- */

/* The stretch of pixels along one side that the filter may look at. It may begin before the
 * image does and end behind it. */
struct stretch {
    ptrdiff_t from;
    size_t count;
};

static struct stretch find_stretch(double from, double size, int wanted)
{
    double reach = ceil(fmax(1, size / wanted)) + 1;
    double first = floor(from - reach), last = ceil(from + size + reach);
    return (struct stretch){(ptrdiff_t)first, (size_t)(last - first)};
}

static size_t clamp(ptrdiff_t i, int n)
{
    return i < 0 ? 0 : i >= n ? (size_t)n - 1 : (size_t)i;
}

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Copies one row of the pixels into the three planes' row, its ends prolonged. */
static void split_row(const struct mwn_pixels *pixels, const unsigned char *row,
                      struct stretch across, unsigned char *out, size_t plane)
{
    size_t before = across.from < 0 ? (size_t)-across.from : 0;
    if (before > across.count)
        before = across.count;
    size_t first = across.from < 0 ? 0 : (size_t)across.from;
    size_t inside = across.count - before, w = (size_t)pixels->w;
    if (inside > w - first)
        inside = w - first;
    const unsigned char *restrict in = row + 3 * first;
    unsigned char *restrict r = out + before, *restrict g = r + plane,
                            *restrict b = g + plane;
    for (size_t x = 0; x < inside; x++) {
        r[x] = in[3 * x];
        g[x] = in[3 * x + 1];
        b[x] = in[3 * x + 2];
    }
    for (size_t c = 0; c < 3; c++) {
        unsigned char *line = out + c * plane;
        memset(line, row[c], before);
        memset(line + before + inside, row[3 * (w - 1) + c],
               across.count - before - inside);
    }
}

static unsigned char *make_planes(struct mwn_scratch *scratch,
                                  const struct mwn_pixels *pixels, struct stretch across,
                                  struct stretch down)
{
    size_t stride = round_up(across.count), plane = stride * down.count;
    unsigned char *planes = mwn_scratch_need(scratch, 3 * plane);
    for (size_t y = 0; planes && y < down.count; y++) {
        size_t row = clamp(down.from + (ptrdiff_t)y, pixels->h);
        split_row(pixels, pixels->rgb + row * (size_t)pixels->w * 3, across,
                  planes + y * stride, plane);
    }
    return planes;
}

/* ---- zimg --------------------------------------------------------------------------- */

static mwn_status fail_zimg(struct mwn_error *err)
{
    char text[128] = "";
    zimg_error_code_e code = zimg_get_last_error(text, sizeof(text));
    if (code == ZIMG_ERROR_OUT_OF_MEMORY)
        return mwn_fail_memory(err, 0, "resizing an image");
    return mwn_fail(err, MWN_ERR_RUNTIME, "zimg cannot resize an image: %s", text);
}

static zimg_image_format plane_format(size_t w, size_t h)
{
    zimg_image_format format;
    zimg_image_format_default(&format, ZIMG_API_VERSION);
    format.width = (unsigned)w;
    format.height = (unsigned)h;
    format.pixel_type = ZIMG_PIXEL_BYTE;
    format.color_family = ZIMG_COLOR_RGB;
    format.matrix_coefficients = ZIMG_MATRIX_RGB;
    format.pixel_range = ZIMG_RANGE_FULL;
    return format;
}

static zimg_filter_graph *make_graph(struct stretch across, struct stretch down,
                                     const struct mwn_image_view *view)
{
    zimg_image_format from = plane_format(across.count, down.count);
    zimg_image_format to = plane_format((size_t)view->w, (size_t)view->h);
    zimg_graph_builder_params params;
    zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
    params.resample_filter = ZIMG_RESIZE_BILINEAR;
    from.active_region.left = view->left - (double)across.from;
    from.active_region.top = view->top - (double)down.from;
    from.active_region.width = view->width;
    from.active_region.height = view->height;
    return zimg_filter_graph_build(&from, &to, &params);
}

mwn_status mwn_image_resize(struct mwn_resizer *resizer, const struct mwn_pixels *pixels,
                            const struct mwn_image_view *view, struct mwn_planes *out,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct stretch across = find_stretch(view->left, view->width, view->w);
    struct stretch down = find_stretch(view->top, view->height, view->h);
    size_t stride = round_up((size_t)view->w), room = 0;
    zimg_image_buffer_const from = {.version = ZIMG_API_VERSION};
    zimg_image_buffer to = {.version = ZIMG_API_VERSION};
    zimg_filter_graph *graph = make_graph(across, down, view);
    if (!graph || zimg_filter_graph_get_tmp_size(graph, &room) != ZIMG_ERROR_SUCCESS) {
        status = fail_zimg(err);
        goto out;
    }
    unsigned char *in = make_planes(&resizer->in, pixels, across, down);
    unsigned char *made = mwn_scratch_need(&resizer->out, 3 * stride * (size_t)view->h);
    unsigned char *temporary = mwn_scratch_need(&resizer->temporary, room);
    if (!in || !made || !temporary) {
        status =
            mwn_fail_memory(err, 3 * across.count * down.count + room, "resizing an image");
        goto out;
    }
    for (size_t c = 0; c < 3; c++) {
        size_t wide = round_up(across.count);
        from.plane[c].data = in + c * wide * down.count;
        from.plane[c].stride = (ptrdiff_t)wide;
        from.plane[c].mask = ZIMG_BUFFER_MAX;
        to.plane[c].data = made + c * stride * (size_t)view->h;
        to.plane[c].stride = (ptrdiff_t)stride;
        to.plane[c].mask = ZIMG_BUFFER_MAX;
    }
    if (zimg_filter_graph_process(graph, &from, &to, temporary, NULL, NULL, NULL, NULL) !=
        ZIMG_ERROR_SUCCESS)
        status = fail_zimg(err);
    *out = (struct mwn_planes){made, stride, view->w, view->h};
out:
    zimg_filter_graph_free(graph);
    return status;
}

/* image_png.c - PNG files by libspng. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_codec.h"

#include <spng.h>

/* Bounds on chunks that are not the picture: one, and all that are kept. */
enum { CHUNK_MAX = 16 << 20, CHUNKS_MAX = 64 << 20 };

/* Whether memory ran out in this thread's call of libspng, which takes zlib's failure to get
 * some for damage. Its hooks know no more than the thread. */
static _Thread_local bool no_memory;

static void *note(void *block)
{
    no_memory = no_memory || !block;
    return block;
}

static void *png_malloc(size_t size)
{
    return note(mwn_alloc(size, 1));
}

static void *png_calloc(size_t count, size_t size)
{
    return note(mwn_alloc(count, size));
}

static void *png_realloc(void *block, size_t size)
{
    return note(mwn_resize(block, size, 1));
}

static mwn_status fail_png(int code, const struct mwn_image_file *file,
                           struct mwn_error *err)
{
    if (no_memory || code == SPNG_EMEM)
        return mwn_fail_memory(err, file->size, "a PNG image");
    bool short_file = code == SPNG_IO_EOF || code == SPNG_EOF;
    return mwn_image_fail_damaged(
        file, "PNG", short_file ? "the file ends too early" : spng_strerror(code), err);
}

/* Opens the file and reads its header. *png is to be freed by spng_ctx_free() in any case. */
static mwn_status open_png(const struct mwn_image_file *file, spng_ctx **png,
                           struct spng_ihdr *header, struct mwn_error *err)
{
    struct spng_alloc memory = {png_malloc, png_realloc, png_calloc, mwn_free};
    no_memory = false;
    *png = spng_ctx_new2(&memory, 0);
    if (!*png)
        return mwn_fail_memory(err, file->size, "a PNG image");
    int code = spng_set_image_limits(*png, MWN_IMAGE_PIXELS_MAX, MWN_IMAGE_PIXELS_MAX);
    if (code == 0)
        code = spng_set_chunk_limits(*png, CHUNK_MAX, CHUNKS_MAX);
    if (code == 0)
        code = spng_set_png_buffer(*png, file->bytes, file->size);
    if (code == 0)
        code = spng_get_ihdr(*png, header);
    if (code == SPNG_EUSER_WIDTH || code == SPNG_EUSER_HEIGHT)
        return mwn_image_check_size(file, UINT32_MAX, UINT32_MAX, err);
    if (code != 0)
        return fail_png(code, file, err);
    return mwn_image_check_size(file, header->width, header->height, err);
}

mwn_status mwn_png_probe(const struct mwn_image_file *file, int *w, int *h,
                         struct mwn_error *err)
{
    spng_ctx *png = NULL;
    struct spng_ihdr header = {0};
    mwn_status status = open_png(file, &png, &header, err);
    *w = (int)header.width;
    *h = (int)header.height;
    spng_ctx_free(png);
    return status;
}

mwn_status mwn_png_decode(const struct mwn_image_file *file, struct mwn_scratch *scratch,
                          struct mwn_pixels *out, struct mwn_error *err)
{
    mwn_status status;
    spng_ctx *png = NULL;
    struct spng_ihdr header = {0};
    MWN_TRY(open_png(file, &png, &header, err));
    size_t size = (size_t)header.width * header.height * 3;
    unsigned char *pixels = mwn_scratch_need(scratch, size);
    if (!pixels) {
        status = mwn_fail_memory(err, size, "an image");
        goto out;
    }
    int code = spng_decode_image(png, pixels, size, SPNG_FMT_RGB8, 0);
    if (code != 0) {
        status = fail_png(code, file, err);
        goto out;
    }
    *out = (struct mwn_pixels){pixels, (int)header.width, (int)header.height};
out:
    spng_ctx_free(png);
    return status;
}

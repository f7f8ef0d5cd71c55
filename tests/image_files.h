/* image_files.h - small JPEG and PNG files that the tests make. */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include "data_files.h"

#include <spng.h>
#include <turbojpeg.h>

/* A file in memory; freed by image_free(). */
struct image_bytes {
    unsigned char *bytes;
    size_t size;
};

static inline void image_free(struct image_bytes *file)
{
    free(file->bytes);
    *file = (struct image_bytes){0};
}

static inline struct image_bytes image_copy(const void *bytes, size_t size)
{
    struct image_bytes file = {malloc(size > 0 ? size : 1), size};
    assert_non_null(file.bytes);
    if (size > 0)
        memcpy(file.bytes, bytes, size);
    return file;
}

/* Pixel (x, y) of colour c: smooth, so that JPEG keeps it, and different in every corner. */
static inline unsigned char image_value(int x, int y, int c, int w, int h)
{
    int across = 200 * x / (w > 1 ? w - 1 : 1), down = 200 * y / (h > 1 ? h - 1 : 1);
    return (unsigned char)(c == 0   ? 20 + across
                           : c == 1 ? 20 + down
                                    : 20 + (across + down) / 2);
}

/* R, G, B of that picture, row by row; freed by free(). */
static inline unsigned char *image_pixels(int w, int h)
{
    unsigned char *pixels = malloc((size_t)w * (size_t)h * 3);
    assert_non_null(pixels);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < 3; c++)
                pixels[3 * (y * w + x) + c] = image_value(x, y, c, w, h);
    return pixels;
}

/* Compresses pixels of a TJPF format. subsampling TJSAMP_GRAY: a grey image. */
static inline struct image_bytes image_jpeg_of(const unsigned char *pixels, int w, int h,
                                               int format, int subsampling)
{
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    tjhandle jpeg = tjInitCompress();
    assert_non_null(jpeg);
    assert_int_equal(tjCompress2(jpeg, pixels, w, 0, h, format, &bytes, &size, subsampling,
                                 98, TJFLAG_ACCURATEDCT),
                     0);
    struct image_bytes file = image_copy(bytes, size);
    tjFree(bytes);
    tjDestroy(jpeg);
    return file;
}

static inline struct image_bytes image_jpeg(int w, int h)
{
    unsigned char *pixels = image_pixels(w, h);
    struct image_bytes file = image_jpeg_of(pixels, w, h, TJPF_RGB, TJSAMP_444);
    free(pixels);
    return file;
}

/* A PNG file of any colour type; pixels are as PNG has them, 16 bits in the host's order. */
static inline struct image_bytes image_png_of(const void *pixels, size_t bytes,
                                              struct spng_ihdr header,
                                              const struct spng_plte *palette)
{
    int code = 0;
    size_t size = 0;
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    assert_non_null(png);
    assert_int_equal(spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1), 0);
    assert_int_equal(spng_set_ihdr(png, &header), 0);
    if (palette) {
        struct spng_plte copy = *palette;
        assert_int_equal(spng_set_plte(png, &copy), 0);
    }
    assert_int_equal(
        spng_encode_image(png, pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    unsigned char *made = spng_get_png_buffer(png, &size, &code);
    assert_non_null(made);
    spng_ctx_free(png);
    return (struct image_bytes){made, size};
}

static inline struct image_bytes image_png(int w, int h)
{
    const struct spng_ihdr header = {.width = (uint32_t)w,
                                     .height = (uint32_t)h,
                                     .bit_depth = 8,
                                     .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    unsigned char *pixels = image_pixels(w, h);
    struct image_bytes file = image_png_of(pixels, (size_t)w * (size_t)h * 3, header, NULL);
    free(pixels);
    return file;
}

/* The file with `more` put in behind its first `at` bytes; takes the file. */
static inline struct image_bytes image_insert(struct image_bytes file, size_t at,
                                              const void *more, size_t size)
{
    struct image_bytes out = {malloc(file.size + size), file.size + size};
    assert_non_null(out.bytes);
    memcpy(out.bytes, file.bytes, at);
    memcpy(out.bytes + at, more, size);
    memcpy(out.bytes + at + size, file.bytes + at, file.size - at);
    image_free(&file);
    return out;
}

/* Writes the file below the tests' folder and frees it. */
static inline void image_put(const char *name, struct image_bytes file)
{
    data_write(name, file.bytes, file.size);
    image_free(&file);
}

/* A folder below the tests' folder. */
static inline void image_folder(const char *name)
{
    assert_int_equal(mkdir(data_path(name), 0755), 0);
}

#endif

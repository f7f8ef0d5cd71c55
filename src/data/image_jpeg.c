/* image_jpeg.c - JPEG files by libjpeg-turbo's TurboJPEG interface, and the one entry of their
 * EXIF data that matters here. */
#include "base/base.h"
#include "base/status.h"
#include "data/image_codec.h"

#include <string.h>
#include <turbojpeg.h>

/* ---- EXIF's orientation ------------------------------------------------------------- */

/* A stretch of bytes that knows its end and its byte order. */
struct span {
    const unsigned char *at;
    size_t size;
    bool little;
};

static unsigned read16(const struct span *s, size_t at)
{
    if (s->size < 2 || at > s->size - 2)
        return 0;
    unsigned a = s->at[at], b = s->at[at + 1];
    return s->little ? a | b << 8 : a << 8 | b;
}

static uint32_t read32(const struct span *s, size_t at)
{
    uint32_t a = read16(s, at), b = read16(s, at + 2);
    return s->little ? a | b << 16 : a << 16 | b;
}

/* The orientation that a TIFF header with its first directory states; 1 if it states none. */
static int tiff_orientation(struct span s)
{
    enum { ENTRY = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };
    if (s.size < 8 || (memcmp(s.at, "II*", 4) != 0 && memcmp(s.at, "MM\0*", 4) != 0))
        return 1;
    s.little = s.at[0] == 'I';
    size_t directory = read32(&s, 4);
    if (directory > s.size)
        return 1;
    size_t entries = read16(&s, directory);
    for (size_t i = 0; i < entries; i++) {
        size_t at = directory + 2 + i * ENTRY;
        if (at + ENTRY > s.size)
            return 1;
        if (read16(&s, at) != TAG_ORIENTATION || read16(&s, at + 2) != TYPE_SHORT)
            continue;
        unsigned value = read16(&s, at + 8);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Walks the segments up to the image data. */
static int find_orientation(const struct mwn_image_file *file)
{
    static const unsigned char mark[] = {'E', 'x', 'i', 'f', 0, 0};
    enum { APP1 = 0xE1, SCAN = 0xDA, FILL = 0xFF };
    const struct span s = {file->bytes, file->size, false};
    size_t at = 2;
    while (at + 4 <= s.size && s.at[at] == 0xFF) {
        unsigned marker = s.at[at + 1];
        if (marker == FILL) {
            at++;
            continue;
        }
        size_t size = read16(&s, at + 2);
        if (marker == SCAN || size < 2 || size > s.size - at - 2)
            return 1;
        const unsigned char *body = s.at + at + 4;
        if (marker == APP1 && size - 2 > sizeof(mark) &&
            memcmp(body, mark, sizeof(mark)) == 0)
            return tiff_orientation(
                (struct span){body + sizeof(mark), size - 2 - sizeof(mark), false});
        at += 2 + size;
    }
    return 1;
}

/* ---- Decoding ----------------------------------------------------------------------- */

static mwn_status fail_jpeg(tjhandle jpeg, const struct mwn_image_file *file,
                            struct mwn_error *err)
{
    return mwn_image_fail_damaged(file, "JPEG", tjGetErrorStr2(jpeg), err);
}

mwn_status mwn_jpeg_probe(void *jpeg, const struct mwn_image_file *file, int *w, int *h,
                          int *orientation, struct mwn_error *err)
{
    int subsampling = 0, colours = 0;
    int failure =
        tjDecompressHeader3(jpeg, file->bytes, file->size, w, h, &subsampling, &colours);
    if (failure && tjGetErrorCode(jpeg) != TJERR_WARNING)
        return fail_jpeg(jpeg, file, err);
    if (*w < 1 || *h < 1)
        return mwn_image_fail_damaged(
            file, "JPEG", failure ? tjGetErrorStr2(jpeg) : "the file ends too early", err);
    *orientation = find_orientation(file);
    return mwn_image_check_size(file, (uint64_t)*w, (uint64_t)*h, err);
}

/* Inks to light, in place, four bytes to three. Files hold inks inverted: 255 is none. */
static void convert_cmyk(unsigned char *pixels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned k = pixels[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            unsigned product = pixels[4 * i + c] * k + 128;
            pixels[3 * i + c] = (unsigned char)((product + (product >> 8)) >> 8);
        }
    }
}

/* libjpeg fills in for what is missing and warns. A file that ends too early counts as
 * damaged; slips that leave the picture whole, like bytes between segments, do not. */
static bool is_fatal(tjhandle jpeg)
{
    return tjGetErrorCode(jpeg) != TJERR_WARNING ||
           strcasestr(tjGetErrorStr2(jpeg), "premature end") != NULL;
}

mwn_status mwn_jpeg_decode(void *jpeg, const struct mwn_image_file *file, int shrink,
                           struct mwn_scratch *scratch, struct mwn_pixels *out,
                           struct mwn_error *err)
{
    const tjscalingfactor factor = {1, shrink};
    int w = 0, h = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(jpeg, file->bytes, file->size, &w, &h, &subsampling,
                            &colours) != 0 &&
        is_fatal(jpeg))
        return fail_jpeg(jpeg, file, err);
    bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
    w = TJSCALED(w, factor);
    h = TJSCALED(h, factor);
    size_t n = (size_t)w * (size_t)h;
    unsigned char *pixels = mwn_scratch_need(scratch, n * (inks ? 4 : 3));
    if (!pixels)
        return mwn_fail_memory(err, n * (inks ? 4 : 3), "an image");
    if (tjDecompress2(jpeg, file->bytes, file->size, pixels, w, 0, h,
                      inks ? TJPF_CMYK : TJPF_RGB,
                      TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0 &&
        is_fatal(jpeg))
        return fail_jpeg(jpeg, file, err);
    if (inks)
        convert_cmyk(pixels, n);
    *out = (struct mwn_pixels){pixels, w, h};
    return MWN_OK;
}

/* image_codec.h - the parts of image.c: JPEG, PNG, resizing. */
#ifndef MWN_DATA_IMAGE_CODEC_H
#define MWN_DATA_IMAGE_CODEC_H

#include "data/image.h"

/* A block that grows and is kept from image to image. */
struct mwn_scratch {
    unsigned char *block; /* owned [room] */
    size_t room;
};

/* At least `size` bytes whose address is a multiple of 64, of any content; NULL if memory is
 * out. What was there is lost. */
unsigned char *mwn_scratch_need(struct mwn_scratch *scratch, size_t size);
void mwn_scratch_release(struct mwn_scratch *scratch);

/* A decoded image as it is stored, not yet upright: R, G, B, R, G, B, .. row by row. */
struct mwn_pixels {
    const unsigned char *rgb; /* borrowed from a scratch [h][w][3] */
    int w, h;
};

/* MWN_ERR_DATA: the file is of that kind ("PNG"), but damaged. */
mwn_status mwn_image_fail_damaged(const struct mwn_image_file *file, const char *kind,
                                  const char *why, struct mwn_error *err);
/* MWN_ERR_DATA for sides below 1 or more pixels than are allowed. */
MWN_MUST_CHECK mwn_status mwn_image_check_size(const struct mwn_image_file *file,
                                               uint64_t w, uint64_t h,
                                               struct mwn_error *err);

/* `jpeg` is a tjhandle. The stored size and EXIF's orientation. */
MWN_MUST_CHECK mwn_status mwn_jpeg_probe(void *jpeg, const struct mwn_image_file *file,
                                         int *w, int *h, int *orientation,
                                         struct mwn_error *err);
/* Decodes at 1/shrink of the size, sides rounded up; shrink is 1, 2, 4 or 8. */
MWN_MUST_CHECK mwn_status mwn_jpeg_decode(void *jpeg, const struct mwn_image_file *file,
                                          int shrink, struct mwn_scratch *scratch,
                                          struct mwn_pixels *out, struct mwn_error *err);

MWN_MUST_CHECK mwn_status mwn_png_probe(const struct mwn_image_file *file, int *w, int *h,
                                        struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_png_decode(const struct mwn_image_file *file,
                                         struct mwn_scratch *scratch,
                                         struct mwn_pixels *out, struct mwn_error *err);

struct mwn_resizer {
    struct mwn_scratch in, out, temporary;
};

/* Planes of bytes that a resizer made: plane c begins at data + c * h * stride. */
struct mwn_planes {
    const unsigned char *data; /* borrowed from the resizer */
    size_t stride;
    int w, h;
};

/* Resizes a box of the pixels as they are stored; view->flip is left to the caller. */
MWN_MUST_CHECK mwn_status mwn_image_resize(struct mwn_resizer *resizer,
                                           const struct mwn_pixels *pixels,
                                           const struct mwn_image_view *view,
                                           struct mwn_planes *out, struct mwn_error *err);
void mwn_resizer_release(struct mwn_resizer *resizer);

#endif

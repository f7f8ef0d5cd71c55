/* image.h - JPEG and PNG files to planes of RGB bytes: decoded, upright, a box of them resized.
 *
 * Grey and palette images become RGB, an alpha channel is left out, 16 bits become the upper 8,
 * CMYK is converted as Adobe stores it, EXIF's orientation of a JPEG file is applied. */
#ifndef MWN_DATA_IMAGE_H
#define MWN_DATA_IMAGE_H

#include "base/base.h"

/* Larger images are refused before memory is taken for them. */
#define MWN_IMAGE_SIDE_MAX   65500
#define MWN_IMAGE_PIXELS_MAX 100000000
/* The same for a file, in bytes. */
#define MWN_IMAGE_FILE_MAX ((size_t)256 << 20)

/* A file in memory. */
struct mwn_image_file {
    const char *name;           /* borrowed; for messages */
    const unsigned char *bytes; /* borrowed [size]        */
    size_t size;
};

enum mwn_image_kind { MWN_IMAGE_JPEG, MWN_IMAGE_PNG };

/* What the header of a file says. */
struct mwn_image_info {
    enum mwn_image_kind kind;
    int w, h;        /* of the upright image                                        */
    int orientation; /* EXIF's, 1..8: how the stored image has to be turned; 1: not */
};

/* What is wanted: a box of the upright image, in its pixels, as w x h pixels. */
struct mwn_image_view {
    double left, top, width, height; /* the box need not be whole pixels */
    int w, h;
    bool flip; /* mirrored left-right */
};

/* Memory and library handles for decoding one image after another. For one thread at a time. */
typedef struct mwn_image_decoder mwn_image_decoder;

MWN_MUST_CHECK mwn_status mwn_image_decoder_create(mwn_image_decoder **out,
                                                   struct mwn_error *err);
/* NULL is fine. */
void mwn_image_decoder_free(mwn_image_decoder *decoder);

/* Reads the header alone. What is no JPEG or PNG image, or is too large: MWN_ERR_DATA. */
MWN_MUST_CHECK mwn_status mwn_image_probe(mwn_image_decoder *decoder,
                                          const struct mwn_image_file *file,
                                          struct mwn_image_info *info,
                                          struct mwn_error *err);

/* Decodes a file whose header was read, resizes the box with a triangle filter that is as wide
 * as it must be against aliasing, and writes [3][view->h][view->w] bytes. A file that ends too
 * early or is damaged otherwise: MWN_ERR_DATA. */
MWN_MUST_CHECK mwn_status mwn_image_load(mwn_image_decoder *decoder,
                                         const struct mwn_image_file *file,
                                         const struct mwn_image_info *info,
                                         const struct mwn_image_view *view,
                                         unsigned char *out, struct mwn_error *err);

#endif

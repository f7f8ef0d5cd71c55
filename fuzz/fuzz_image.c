/* fuzz_image.c - feeds arbitrary bytes to the image decoders (libFuzzer entry point). Byte 0 says
 * what is wanted of the image, then comes the file. */
#include "data/crop.h"
#include "data/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Large pictures take long and find nothing more. */
enum { PIXELS = 1 << 20 };

static void check(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK && (err->status != status || err->text[0] == '\0'))
        abort();
}

static void load(mwn_image_decoder *decoder, const struct mwn_image_file *file,
                 const struct mwn_image_info *info, unsigned what)
{
    const struct mwn_crop crop = {1 + (int)(what % 32), 32, (enum mwn_crop_kind)(what % 3),
                                  true};
    struct mwn_rng rng = mwn_rng_at(what, MWN_STREAM_AUGMENT, 0, 0);
    struct mwn_image_view view;
    struct mwn_error err = {0};
    mwn_crop_choose(&crop, info->w, info->h, what >= 128 ? &rng : NULL, &view);
    unsigned char *out = malloc((size_t)view.w * (size_t)view.h * 3);
    if (!out)
        abort();
    check(mwn_image_load(decoder, file, info, &view, out, &err), &err);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mwn_image_decoder *decoder;
    struct mwn_error err = {0};
    struct mwn_image_info info = {0};
    if (!decoder && mwn_image_decoder_create(&decoder, &err) != MWN_OK)
        abort();
    if (size == 0)
        return 0;
    const struct mwn_image_file file = {"fuzz", data + 1, size - 1};
    mwn_status status = mwn_image_probe(decoder, &file, &info, &err);
    check(status, &err);
    if (status == MWN_OK && (int64_t)info.w * info.h <= PIXELS)
        load(decoder, &file, &info, data[0]);
    return 0;
}

/* crop.c - crops as torchvision makes them, as boxes in the image before it is resized. */
#include "data/crop.h"

#include <math.h>

/* RandomResizedCrop: share of the area, ratio of width to height, attempts. */
#define AREA_MIN  0.08
#define AREA_MAX  1.0
#define RATIO_MIN (3.0 / 4)
#define RATIO_MAX (4.0 / 3)
enum { ATTEMPTS = 10 };

static double between(struct mwn_rng *rng, double low, double high)
{
    return low + (high - low) * mwn_rng_unit(rng);
}

static void set_box(struct mwn_image_view *view, double left, double top, double width,
                    double height)
{
    view->left = left;
    view->top = top;
    view->width = width;
    view->height = height;
}

/* The largest box in the middle whose ratio is allowed. */
static void choose_middle(double w, double h, struct mwn_image_view *view)
{
    double width = w, height = h;
    if (w / h < RATIO_MIN)
        height = fmax(1, rint(w / RATIO_MIN));
    else if (w / h > RATIO_MAX)
        width = fmax(1, rint(h * RATIO_MAX));
    set_box(view, floor((w - width) / 2), floor((h - height) / 2), width, height);
}

static void choose_random(int w, int h, struct mwn_rng *rng, struct mwn_image_view *view)
{
    double area = (double)w * h;
    for (int i = 0; i < ATTEMPTS; i++) {
        double target = area * between(rng, AREA_MIN, AREA_MAX);
        double ratio = exp(between(rng, log(RATIO_MIN), log(RATIO_MAX)));
        double width = rint(sqrt(target * ratio)), height = rint(sqrt(target / ratio));
        if (width < 1 || height < 1 || width > w || height > h)
            continue;
        double left = (double)mwn_rng_below(rng, (uint64_t)(w - width) + 1);
        double top = (double)mwn_rng_below(rng, (uint64_t)(h - height) + 1);
        set_box(view, left, top, width, height);
        return;
    }
    choose_middle(w, h, view);
}

/* A square in the image once its short side is crop->resize; rng NULL: in its middle. */
static void choose_square(const struct mwn_crop *crop, int w, int h, struct mwn_rng *rng,
                          struct mwn_image_view *view)
{
    double shorter = w < h ? w : h, size = crop->size;
    double wide = w == shorter ? crop->resize : floor((double)crop->resize * w / h);
    double high = h == shorter ? crop->resize : floor((double)crop->resize * h / w);
    double left = rint((wide - size) / 2), top = rint((high - size) / 2);
    if (rng) {
        left = (double)mwn_rng_below(rng, (uint64_t)(wide - size) + 1);
        top = (double)mwn_rng_below(rng, (uint64_t)(high - size) + 1);
    }
    set_box(view, left * w / wide, top * h / high, size * w / wide, size * h / high);
}

void mwn_crop_choose(const struct mwn_crop *crop, int w, int h, struct mwn_rng *rng,
                     struct mwn_image_view *view)
{
    *view = (struct mwn_image_view){.w = crop->size, .h = crop->size};
    if (rng && crop->kind == MWN_CROP_RANDOM)
        choose_random(w, h, rng, view);
    else
        choose_square(crop, w, h, crop->kind == MWN_CROP_SHIFT ? rng : NULL, view);
    if (rng && crop->flip)
        view->flip = mwn_rng_unit(rng) < 0.5;
}

/* crop.h - which part of an image a network sees. */
#ifndef MWN_DATA_CROP_H
#define MWN_DATA_CROP_H

#include "base/rng.h"
#include "data/image.h"

enum mwn_crop_kind { MWN_CROP_RANDOM, MWN_CROP_CENTER, MWN_CROP_SHIFT };

struct mwn_crop {
    int size;   /* side of the square that is seen                             */
    int resize; /* short side of the image when the square is cut, >= size     */
    enum mwn_crop_kind
        kind;  /* when training; evaluation always takes the centre           */
    bool flip; /* mirror half of the images when training                     */
};

/* The view of an image of w x h pixels. rng NULL: for evaluation.
 *
 * CENTER cuts the square from the middle of the resized image, SHIFT from anywhere in it, as
 * torchvision's Resize with CenterCrop or RandomCrop do. RANDOM is its RandomResizedCrop: a box
 * of 8 % to 100 % of the area, its width 3/4 to 4/3 of its height. */
void mwn_crop_choose(const struct mwn_crop *crop, int w, int h, struct mwn_rng *rng,
                     struct mwn_image_view *view);

#endif

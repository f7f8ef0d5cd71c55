/* shape.h - the shape of one sample. */
#ifndef MWN_TENSOR_SHAPE_H
#define MWN_TENSOR_SHAPE_H

struct mwn_shape {
    int c, h, w; /* h = w = 1 for plain vectors */
};

#endif

/* simd_layout.h - how the flat vectors hold the parameters for the vector kernels. */
#ifndef MWN_NN_SIMD_LAYOUT_H
#define MWN_NN_SIMD_LAYOUT_H

#include "nn/graph.h"

/* Channels rounded up to whole blocks, as the activations have them; the rest is zero. */
size_t mwn_simd_channels(int block, int channels);

/* Numbers that parameter p takes, zeros of rounded-up channels included. */
size_t mwn_simd_param_size(int block, const struct mwn_graph *graph, int p);

/* Where number i of the PyTorch layout lies in them. A linear layer's weight is [out blocks][in]
 * [block], a convolution's [out blocks][in blocks][kh][kw][block in][block out] or, for a plain
 * input, OIHW; the rest is as it is. */
size_t mwn_simd_param_place(int block, const struct mwn_graph *graph, int p, size_t i);

#endif

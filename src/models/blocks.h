/* blocks.h - what the residual networks are built from. */
#ifndef MWN_MODELS_BLOCKS_H
#define MWN_MODELS_BLOCKS_H

#include "nn/graph.h"

/* How convolution weights start: from fan-in, N(0, 2/(k*k*in)); from fan-out, N(0,
 * 2/(k*k*out)); or as PyTorch's default, U(+-1/sqrt(k*k*in)). */
enum mwn_conv_init { MWN_CONV_FAN_IN, MWN_CONV_FAN_OUT, MWN_CONV_DEFAULT };

/* One kind of residual block in one network. */
struct mwn_block {
    struct mwn_graph *graph;
    enum mwn_conv_init init;
    char prefix[40]; /* "layer1.0" */
};

/* A square convolution without bias that keeps the size at stride 1; module
 * "prefix.name", or "name" if the prefix is empty. */
int mwn_block_conv(struct mwn_block *block, int x, const char *name, int out, int kernel,
                   int stride);
/* Batch-norm, ReLU if asked for; residual MWN_NO_NODE for none. */
int mwn_block_norm(struct mwn_block *block, int x, int residual, bool relu,
                   const char *name);
/* Shortcut where the shape changes: a 1x1 convolution and batch-norm; modules
 * "prefix.name.0" and "prefix.name.1". */
int mwn_block_project(struct mwn_block *block, int x, const char *name, int out,
                      int stride);

#endif

/* plan_recompute.h - low memory: which outputs of a training plan are not kept, and where in
 * the backward pass they are computed once more. */
#ifndef MWN_NN_PLAN_RECOMPUTE_H
#define MWN_NN_PLAN_RECOMPUTE_H

#include "nn/plan.h"
#include "nn/pool.h"

struct mwn_recompute {
    struct mwn_plan *plan; /* borrowed, as is pool */
    struct mwn_pool *pool;
    int *depth;  /* owned [node_count]: recomputations from kept outputs to this one    */
    int *id;     /* owned [node_count]: buffer of an output that is there at the moment */
    int *left;   /* owned [node_count]: readers to come while a chain is computed       */
    bool *dies;  /* owned [node_count]: the output goes after the last of them          */
    int deepest; /* the largest depth; 0: everything is kept                            */
    int spacing; /* see plan_recompute.c                                                */
};

/* Sets places[].passing, if the plan is to save memory. False if memory runs out. */
bool mwn_recompute_init(struct mwn_recompute *r, struct mwn_plan *plan,
                        struct mwn_pool *pool);
void mwn_recompute_release(struct mwn_recompute *r);

/* The backward pass is about to be walked through, from the last node to the first. */
void mwn_recompute_begin(struct mwn_recompute *r, int spacing);
/* Before node i runs: the outputs that it reads are there. */
void mwn_recompute_before(struct mwn_recompute *r, int i);
/* Node i has run or has nothing to do: nobody is left who would read its output. */
void mwn_recompute_after(struct mwn_recompute *r, int i);

/* Marks (places[].wanted) what the tangent along the direction that the layers are bound to
 * reads of the outputs that are not kept: those whose ty is not NULL run. */
void mwn_recompute_mark_wanted(struct mwn_plan *plan);

#endif

/* bench_setup.h - what measurements of a step are made on: a network by its name, data of the
 * shape that it usually gets, and a method at work on it. The data is noise, which costs what
 * real data costs. */
#ifndef MWN_TRAIN_BENCH_SETUP_H
#define MWN_TRAIN_BENCH_SETUP_H

#include "base/base.h"
#include "engine/step.h"
#include "methods/method.h"
#include "nn/net.h"

enum { MWN_BENCH_CLASSES = 10 };

/* The samples that a network usually gets. It is named as in model.name; "linear" is an mlp
 * without hidden layers. */
struct mwn_shape mwn_bench_shape(const char *model);
size_t mwn_bench_sample(const mwn_net *net); /* numbers of one */

/* A network with the model's options at their defaults. Of `options` the precisions, the threads
 * and what else is not the same for all measurements must be set. */
MWN_MUST_CHECK mwn_status mwn_bench_net(mwn_net **out, const char *model,
                                        struct mwn_net_options options,
                                        struct mwn_error *err);

struct mwn_bench_data {
    float *x;                  /* owned [2][n][sample]                        */
    int32_t *label;            /* owned [n]: every class in turn, in both     */
    uint32_t *index;           /* owned [n]: 0, 1, ..., in both               */
    struct mwn_batch batch[2]; /* the train batch and the meta batch          */
};
/* Fills a zeroed struct; release it after a failure too. */
MWN_MUST_CHECK mwn_status mwn_bench_data_create(struct mwn_bench_data *data,
                                                const mwn_net *net, size_t n,
                                                struct mwn_error *err);
void mwn_bench_data_release(struct mwn_bench_data *data);

/* A method with its options at their defaults, momentum 0.9 and weight decay 5e-4. */
struct mwn_bench_worker {
    const struct mwn_method *method;
    void *options, *self; /* owned */
    struct mwn_step step;
};
/* Fills a zeroed struct; release it after a failure too. The learner is borrowed; n bounds the
 * batches. MWN_ERR_CONFIG for an unknown method. */
MWN_MUST_CHECK mwn_status mwn_bench_worker_begin(struct mwn_bench_worker *worker,
                                                 const char *method,
                                                 struct mwn_learner *learner, size_t n,
                                                 struct mwn_error *err);
/* One step; the seconds that it took. */
MWN_MUST_CHECK mwn_status mwn_bench_worker_step(struct mwn_bench_worker *worker,
                                                const struct mwn_bench_data *data,
                                                double *seconds, struct mwn_error *err);
void mwn_bench_worker_release(struct mwn_bench_worker *worker);

#endif

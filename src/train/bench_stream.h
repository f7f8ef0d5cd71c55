/* bench_stream.h - steps on batches as a run takes them: out of a set in memory, in shuffled
 * order, through loaders that prepare them ahead. */
#ifndef MWN_TRAIN_BENCH_STREAM_H
#define MWN_TRAIN_BENCH_STREAM_H

#include "data/loader.h"
#include "train/bench_setup.h"

enum { MWN_BENCH_STREAM_SAMPLES = 50000, MWN_BENCH_STREAM_META = 1000 };

/* Sources, sets and loaders of the training samples and of the meta samples. The sets point
 * into it: it must not move. */
struct mwn_bench_stream {
    struct mwn_source source[2]; /* their samples and labels are owned */
    struct mwn_set set[2];
    struct mwn_normalize normalize;
    mwn_loader *loader[2]; /* owned */
};
/* float32 noise of the shape that the net takes, in batches of n. Fills a zeroed struct; release
 * it after a failure too. */
MWN_MUST_CHECK mwn_status mwn_bench_stream_create(struct mwn_bench_stream *stream,
                                                  const mwn_net *net, size_t n,
                                                  struct mwn_error *err);
void mwn_bench_stream_release(struct mwn_bench_stream *stream);

/* So many steps, one after another, with everything between them; the seconds of one. */
MWN_MUST_CHECK mwn_status mwn_bench_stream_steps(struct mwn_bench_stream *stream,
                                                 struct mwn_bench_worker *worker,
                                                 size_t steps, double *seconds,
                                                 struct mwn_error *err);
#endif

/* meta_source.h - where a run's meta set comes from when no sample is known to be right. */
#ifndef MWN_TRAIN_META_SOURCE_H
#define MWN_TRAIN_META_SOURCE_H

#include "base/base.h"
#include "train/run.h"

/* For meta.source=lowest_loss: makes the meta set, still without samples;
 * run->class_count must be there. MWN_ERR_CONFIG if the
 * data has a meta set or the run keeps no journal. Nothing for other sources. */
MWN_MUST_CHECK mwn_status mwn_meta_source_init(struct mwn_run *run, struct mwn_error *err);
/* At the end of an epoch: chooses the samples for the next one by the losses that the journal
 * holds, as positions in run->meta_chosen, and puts them in. Without losses the ones before stay. */
void mwn_meta_source_choose(struct mwn_run *run);
/* Puts the samples of run->meta_chosen in. */
void mwn_meta_source_restore(struct mwn_run *run);
/* Whether this run can learn from a meta batch now. */
bool mwn_meta_source_ready(const struct mwn_run *run);
/* Meta batches that a run uses in so many iterations. */
uint64_t mwn_meta_source_steps(const struct mwn_run *run, uint64_t iteration);

#endif

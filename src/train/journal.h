/* journal.h - journal.npy: what each training sample was like in each epoch of a run, float32
 * [epochs][n][4]. It grows by an epoch at each epoch's end; docs/formats.md describes it. */
#ifndef MWN_TRAIN_JOURNAL_H
#define MWN_TRAIN_JOURNAL_H

#include "base/base.h"
#include "tensor/npy.h"
#include "train/metrics.h"

/* The columns; NaN in all of them: the sample was not drawn in that epoch. */
enum {
    MWN_JOURNAL_WEIGHT, /* V as used in the actual step                        */
    MWN_JOURNAL_LOSS,   /* at the given label, before the step                 */
    MWN_JOURNAL_MARGIN, /* logit of the given label minus the largest other    */
    MWN_JOURNAL_RIVAL,  /* the class of that other                             */
    MWN_JOURNAL_COLUMNS
};

/* The epoch being written. Zeroed: there is no journal, and all calls do nothing. */
struct mwn_journal {
    size_t n;
    float *value;   /* owned [n][columns]                        */
    double *margin; /* owned [max batch] scratch of a step       */
    int32_t *rival; /* owned [max batch]                         */
};

MWN_MUST_CHECK mwn_status mwn_journal_init(struct mwn_journal *journal, size_t n,
                                           size_t max_batch, struct mwn_error *err);
void mwn_journal_release(struct mwn_journal *journal);
/* Forgets the epoch. */
void mwn_journal_begin(struct mwn_journal *journal);
/* Notes a batch whose margins and rivals are in the scratch. */
void mwn_journal_add(struct mwn_journal *journal, size_t n, const uint32_t *index,
                     const double *weight, const double *loss);
/* Writes the epoch as number `epoch` (from 0) of the file and cuts off what follows. Epochs
 * that the file lacks before it become NaN. */
MWN_MUST_CHECK mwn_status mwn_journal_write(const struct mwn_journal *journal,
                                            const char *path, uint64_t epoch,
                                            struct mwn_error *err);
/* Drops the epochs from number `epochs` on, if there is a file. */
MWN_MUST_CHECK mwn_status mwn_journal_truncate(const struct mwn_journal *journal,
                                               const char *path, uint64_t epochs,
                                               struct mwn_error *err);

/* What the epoch's predictions make of the wrong labels among given[n]; truth NULL: unknown. */
void mwn_journal_memory(const struct mwn_journal *journal, const int32_t *given,
                        const int32_t *truth, struct mwn_memory *out);

/* A journal for reading. */
struct mwn_journal_map {
    size_t epochs, n;
    const float *value; /* [epochs][n][columns], borrowed from the map */
    struct mwn_npy_map map;
};
/* MWN_ERR_DATA if the file is not a journal. */
MWN_MUST_CHECK mwn_status mwn_journal_open(const char *path, struct mwn_journal_map *out,
                                           struct mwn_error *err);
/* Safe on a zeroed map. */
void mwn_journal_close(struct mwn_journal_map *journal);
/* The columns of a sample in an epoch. */
const float *mwn_journal_at(const struct mwn_journal_map *journal, size_t epoch, size_t i);

#endif

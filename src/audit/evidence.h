/* evidence.h - what a run's folder knows of its training samples: labels, names, the journal,
 * out-of-sample probabilities. Nothing of the data itself is needed. */
#ifndef MWN_AUDIT_EVIDENCE_H
#define MWN_AUDIT_EVIDENCE_H

#include "base/base.h"
#include "base/buf.h"
#include "tensor/npy.h"
#include "train/journal.h"

struct mwn_evidence {
    const char *dir; /* borrowed */
    size_t n, classes;
    uint32_t *index;    /* owned [n]: the sample's number in the data's own order         */
    int32_t *given;     /* owned [n]: the label trained with                              */
    int32_t *truth;     /* owned [n]: the right one, or NULL                              */
    float *weight;      /* owned [n]: weights.npy                                         */
    char **id;          /* owned [n] texts; NULL: the numbers are the ids                 */
    char **class_name;  /* owned [classes]; NULL: numbers                                */
    mwn_config *recipe; /* owned: the run's options; NULL: it has none                  */
    bool believes;      /* weights say how far a label is believed                      */
    struct mwn_journal_map journal; /* epochs = 0: there is none                        */
    struct mwn_npy probs;           /* [n][classes] if count > 0                        */
    char *probs_path;               /* owned: its file, or NULL                         */
};

/* Reads the folder; probs (NULL: dir/pred_probs.npy if it is there) are the probabilities.
 * Fills a zeroed struct; release it after a failure too. MWN_ERR_IO if the folder holds no run,
 * MWN_ERR_DATA where a file is not what it should be, MWN_ERR_MISMATCH if the files are not of
 * the same samples. */
MWN_MUST_CHECK mwn_status mwn_evidence_open(struct mwn_evidence *evidence, const char *dir,
                                            const char *probs, struct mwn_error *err);
void mwn_evidence_close(struct mwn_evidence *evidence);

/* Class probabilities of sample i (a mwn_row_fn; user is the evidence): those of the file, or
 * else the journal's mean over the epochs, in which each epoch knows the given class and its
 * rival. */
bool mwn_evidence_row(const void *evidence, size_t i, double *row);

/* The id of sample i; number is room for one. */
const char *mwn_evidence_id(const struct mwn_evidence *evidence, size_t i, char number[24]);
/* The name of class c; "-" for a negative one. */
const char *mwn_evidence_class(const struct mwn_evidence *evidence, int32_t c,
                               char number[24]);
/* The class of a name, or of a number where classes have no names; -1 if there is none. */
int32_t mwn_evidence_find_class(const struct mwn_evidence *evidence, const char *name);

/* From ids to samples. */
struct mwn_id_order {
    const struct mwn_evidence *evidence; /* borrowed */
    uint32_t *order;                     /* owned [n]: sorted by id */
};
MWN_MUST_CHECK mwn_status mwn_id_order_init(struct mwn_id_order *order,
                                            const struct mwn_evidence *evidence,
                                            struct mwn_error *err);
/* Which samples have that id: how many, at most 2, and these. */
size_t mwn_id_order_find(const struct mwn_id_order *order, const char *id, size_t out[2]);
/* The error of an id that two samples have. */
mwn_status mwn_id_order_fail(const struct mwn_id_order *order, const size_t both[2],
                             struct mwn_error *err);
void mwn_id_order_release(struct mwn_id_order *order);

#endif

/* output_room.h - room for the network's output in methods with a loss of their own on it. */
#ifndef MWN_METHODS_OUTPUT_ROOM_H
#define MWN_METHODS_OUTPUT_ROOM_H

#include "base/base.h"
#include "methods/method.h"

struct mwn_output_room {
    size_t classes;
    double *slope; /* owned [max_n][classes]: logits, then derivatives by them */
    double *prob;  /* owned [max_n][classes]                                   */
};

/* Fills a zeroed room. MWN_ERR_MEMORY; release it then too. */
MWN_MUST_CHECK mwn_status mwn_output_room_init(struct mwn_output_room *room,
                                               const struct mwn_method_context *context,
                                               struct mwn_error *err);
void mwn_output_room_release(struct mwn_output_room *room);

/* Forward of the train batch, its logits into slope and probabilities into prob; all weights 1. */
MWN_MUST_CHECK mwn_status mwn_output_room_forward(struct mwn_output_room *room,
                                                  struct mwn_step *step,
                                                  struct mwn_error *err);
/* slope = derivatives of the mean cross-entropy by the logits: (p - onehot(label)) / n. */
void mwn_output_room_plain(struct mwn_output_room *room, const struct mwn_batch *batch);

#endif

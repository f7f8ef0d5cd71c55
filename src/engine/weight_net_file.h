/* weight_net_file.h - a learned weight net V in a file of its own: JSON to be read back, or C to
 * be compiled into another program. */
#ifndef MWN_ENGINE_WEIGHT_NET_FILE_H
#define MWN_ENGINE_WEIGHT_NET_FILE_H

#include "base/base.h"
#include "base/buf.h"
#include "engine/weight_net.h"

/* Reads what mwn_weight_net_json() has written into a zeroed net. MWN_ERR_DATA if the file is
 * anything else. */
MWN_MUST_CHECK mwn_status mwn_weight_net_read(struct mwn_weight_net *net, const char *path,
                                              size_t max_n, struct mwn_error *err);
/* All numbers exactly. */
void mwn_weight_net_json(const struct mwn_weight_net *net, struct mwn_buf *out);
/* A header with static inline double mwn_weight(double loss); of the first head. */
void mwn_weight_net_header(const struct mwn_weight_net *net, struct mwn_buf *out);

#endif

/* mentor.h - what mentornet and mentornet_dd have in common: options, state and iteration. */
#ifndef MWN_METHODS_MENTOR_H
#define MWN_METHODS_MENTOR_H

#include "base/base.h"
#include "methods/mentor_net.h"
#include "methods/method.h"

struct mwn_mentor_options {
    double percentile, decay, burn_in, lr;
    int64_t steps;
    double first_drop, drop, last_drop;
};

struct mwn_mentor {
    struct mwn_mentor_options options;
    struct mwn_data_facts facts;
    uint64_t seed;
    bool frozen; /* after the burn-in the network is told its end, whatever the progress */
    struct mwn_mentor_net net;
    struct mwn_theta_optimizer optimizer;
    double
        number[3];   /* running percentile; 1 once the network has learned; last progress */
    uint32_t *order; /* owned [max_n]                                                     */
};

/* Rows of an options struct whose member `base` is a struct mwn_mentor_options. */
#define MWN_MENTOR_FIELD(type, base, name)                                                 \
    (offsetof(type, base) + offsetof(struct mwn_mentor_options, name))
#define MWN_MENTOR_ROWS(type, base, last)                                                  \
    {"percentile",                                                                         \
     MWN_OPT_REAL,                                                                         \
     MWN_MENTOR_FIELD(type, base, percentile),                                             \
     "0.7",                                                                                \
     0,                                                                                    \
     1,                                                                                    \
     NULL,                                                                                 \
     "Share of a batch's losses below the running percentile."},                           \
        {"decay",                                                                          \
         MWN_OPT_REAL,                                                                     \
         MWN_MENTOR_FIELD(type, base, decay),                                              \
         "0.5",                                                                            \
         0,                                                                                \
         1,                                                                                \
         NULL,                                                                             \
         "Share of the old value in the running percentile."},                             \
        {"burn_in",                                                                        \
         MWN_OPT_REAL,                                                                     \
         MWN_MENTOR_FIELD(type, base, burn_in),                                            \
         "0.18",                                                                           \
         0,                                                                                \
         1,                                                                                \
         NULL,                                                                             \
         "Share of the training, at its begin, in which all samples have the weight 1."},  \
        {"first_drop",                                                                     \
         MWN_OPT_REAL,                                                                     \
         MWN_MENTOR_FIELD(type, base, first_drop),                                         \
         "0.5",                                                                            \
         0,                                                                                \
         1,                                                                                \
         NULL,                                                                             \
         "Share of a batch dropped at random in the first 17 % of the training."},         \
        {"drop",                                                                           \
         MWN_OPT_REAL,                                                                     \
         MWN_MENTOR_FIELD(type, base, drop),                                               \
         "0.05",                                                                           \
         0,                                                                                \
         1,                                                                                \
         NULL,                                                                             \
         "The same from then on."},                                                        \
        {"last_drop", MWN_OPT_REAL, MWN_MENTOR_FIELD(type, base, last_drop),    last, 0,   \
         1,           NULL,         "The same in the last 5 % of the training."},          \
        {"steps",                                                                          \
         MWN_OPT_INT,                                                                      \
         MWN_MENTOR_FIELD(type, base, steps),                                              \
         "30000",                                                                          \
         1,                                                                                \
         1e9,                                                                              \
         NULL,                                                                             \
         "Steps in which the mentor learns, once, at the end of the burn-in."},            \
    {                                                                                      \
        "lr", MWN_OPT_REAL, MWN_MENTOR_FIELD(type, base, lr), "0.1", 0, 100, NULL,         \
            "Learning rate of the mentor at its begin."                                    \
    }

/* Fills a zeroed *m. MWN_ERR_MEMORY; nothing is kept then. */
MWN_MUST_CHECK mwn_status mwn_mentor_begin(struct mwn_mentor *m,
                                           const struct mwn_mentor_options *options,
                                           const struct mwn_method_context *context,
                                           struct mwn_error *err);
void mwn_mentor_end(struct mwn_mentor *m);

/* How far the training is in this iteration: 0..99 per cent. */
int mwn_mentor_percent(const struct mwn_mentor *m, const struct mwn_step *step);
bool mwn_mentor_burns_in(const struct mwn_mentor *m, int percent);
/* Forward of the train batch, and the running percentile moves on. */
MWN_MUST_CHECK mwn_status mwn_mentor_forward(struct mwn_mentor *m, struct mwn_step *step,
                                             struct mwn_error *err);
/* The network learns, if it has not yet. Steps, seed and rate of the lesson are the options'. */
void mwn_mentor_teach(struct mwn_mentor *m, struct mwn_mentor_lesson lesson);
/* Weights of the forwarded batch, and the step with them. */
MWN_MUST_CHECK mwn_status mwn_mentor_update(struct mwn_mentor *m, struct mwn_step *step,
                                            struct mwn_error *err);
/* The first items of a method's state; returns how many. */
int mwn_mentor_state(struct mwn_mentor *m, struct mwn_state_item items[MWN_STATE_MAX]);
void mwn_mentor_weigh(const struct mwn_mentor *m, size_t n, const double *loss,
                      double *weight);

#endif

/* learned_weights.h - a weight net that learns by the hypergradient: options, state and iteration
 * of mwnet and cmwnet. */
#ifndef MWN_METHODS_LEARNED_WEIGHTS_H
#define MWN_METHODS_LEARNED_WEIGHTS_H

#include "base/base.h"
#include "engine/weighting.h"
#include "methods/method.h"

struct mwn_learned_options {
    struct mwn_int_list hidden;
    int weights;   /* enum mwn_weighting  */
    int optimizer; /* enum mwn_theta_rule */
    double lr, momentum, weight_decay;
    bool nesterov;
    char *weight_net; /* file that V starts from; NULL or "": at random */
    bool freeze;      /* V stays as it starts                           */
};

struct mwn_learned {
    enum mwn_weighting form;
    bool frozen;
    struct mwn_weight_net net;
    struct mwn_theta_optimizer optimizer;
    double steps;    /* of the optimiser: the number that a checkpoint keeps        */
    double *dv;      /* owned [max_n]: dL_meta/dV_i                                 */
    int32_t *family; /* owned [classes]: head of V for a class; NULL: one for all   */
    int32_t *head;   /* owned [max_n]: of the batch's samples; NULL: one for all    */
};

/* Classes that share a head of V: family[class] below count. */
struct mwn_families {
    size_t count, classes;
    const int32_t *family; /* borrowed */
};

extern const char *const mwn_learned_forms[]; /* as enum mwn_weighting  */
extern const char *const mwn_learned_rules[]; /* as enum mwn_theta_rule */

/* Rows of an options struct whose member `base` is a struct mwn_learned_options. */
#define MWN_LEARNED_FIELD(type, base, name)                                                \
    (offsetof(type, base) + offsetof(struct mwn_learned_options, name))
#define MWN_LEARNED_HIDDEN_ROW(type, base)                                                 \
    {                                                                                      \
        "hidden", MWN_OPT_LIST, MWN_LEARNED_FIELD(type, base, hidden), "100", 1, 4096,     \
            NULL, "Sizes of the hidden layers of the weight net V, at most seven."         \
    }
#define MWN_LEARNED_OPTIMIZER_ROWS(type, base, lr_value, decay_value)                      \
    {"optimizer",                                                                          \
     MWN_OPT_CHOICE,                                                                       \
     MWN_LEARNED_FIELD(type, base, optimizer),                                             \
     "adam",                                                                               \
     0,                                                                                    \
     0,                                                                                    \
     mwn_learned_rules,                                                                    \
     "Optimiser of the weight net."},                                                      \
        {"lr",                                                                             \
         MWN_OPT_REAL,                                                                     \
         MWN_LEARNED_FIELD(type, base, lr),                                                \
         lr_value,                                                                         \
         0,                                                                                \
         100,                                                                              \
         NULL,                                                                             \
         "Learning rate of the weight net; it does not follow train.schedule."},           \
        {"momentum",                                                                       \
         MWN_OPT_REAL,                                                                     \
         MWN_LEARNED_FIELD(type, base, momentum),                                          \
         "0.9",                                                                            \
         0,                                                                                \
         1,                                                                                \
         NULL,                                                                             \
         "Momentum of the weight net's optimiser, for sgd."},                              \
        {"nesterov",                                                                       \
         MWN_OPT_BOOL,                                                                     \
         MWN_LEARNED_FIELD(type, base, nesterov),                                          \
         "false",                                                                          \
         0,                                                                                \
         0,                                                                                \
         NULL,                                                                             \
         "Nesterov momentum for the weight net, for sgd."},                                \
    {                                                                                      \
        "weight_decay", MWN_OPT_REAL, MWN_LEARNED_FIELD(type, base, weight_decay),         \
            decay_value, 0, 1, NULL, "Weight decay (L2) of the weight net."                \
    }
#define MWN_LEARNED_ROWS(type, base, form_value, lr_value, decay_value)                    \
    MWN_LEARNED_HIDDEN_ROW(type, base),                                                    \
        {"weights",                                                                        \
         MWN_OPT_CHOICE,                                                                   \
         MWN_LEARNED_FIELD(type, base, weights),                                           \
         form_value,                                                                       \
         0,                                                                                \
         0,                                                                                \
         mwn_learned_forms,                                                                \
         "Coefficient of a loss: V/n, V/sum(V), or V/sum(V) with the sum a constant for "  \
         "the "                                                                            \
         "meta-gradient."},                                                                \
        MWN_LEARNED_OPTIMIZER_ROWS(type, base, lr_value, decay_value)

/* Fills a zeroed *self; families may be NULL. Nothing is kept on failure. */
MWN_MUST_CHECK mwn_status mwn_learned_begin(struct mwn_learned *self,
                                            const struct mwn_learned_options *options,
                                            const struct mwn_method_context *context,
                                            const struct mwn_families *families,
                                            struct mwn_error *err);
/* The same with the families of classes of like size, `count` at most. */
MWN_MUST_CHECK mwn_status mwn_learned_begin_by_size(
    struct mwn_learned *self, const struct mwn_learned_options *options,
    const struct mwn_method_context *context, size_t count, struct mwn_error *err);
/* For methods with an iteration of their own: v[n] of losses of samples with these labels; then
 * Theta along dL_meta/dV_i in m->dv, of the last values. */
void mwn_learned_values(struct mwn_learned *m, size_t n, const double *loss,
                        const int32_t *label, double *v);
void mwn_learned_move(struct mwn_learned *m, size_t n, const double *loss);
/* A method's own functions, self being a struct mwn_learned. weigh is of the first head. */
MWN_MUST_CHECK mwn_status mwn_learned_step(void *self, struct mwn_step *step,
                                           struct mwn_error *err);
int mwn_learned_state(void *self, struct mwn_state_item items[MWN_STATE_MAX]);
void mwn_learned_weigh(const void *self, size_t n, const double *loss, double *weight);
void mwn_learned_end(void *self);

#endif

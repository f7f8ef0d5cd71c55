/* method.h - the list of methods. A method is one file and one line in method_list.h. */
#ifndef MWN_METHODS_METHOD_H
#define MWN_METHODS_METHOD_H

#include "base/base.h"
#include "base/option.h"
#include "engine/step.h"
#include "engine/weight_net.h"

/* What a method cannot do without. */
enum {
    MWN_NEEDS_META = 1, /* a meta batch                                           */
    MWN_NEEDS_HYPERGRADIENT =
        2,                    /* mwn_step_hypergradient() and its vectors               */
    MWN_NEEDS_CLASSES = 4,    /* facts: classes, class_count                            */
    MWN_NEEDS_INDEX = 8,      /* facts: n; batches with an index                        */
    MWN_NEEDS_EPOCHS = 16,    /* facts: epochs, steps; the epochs must not grow later   */
    MWN_NEEDS_OUTPUT = 32,    /* a learner with output and pull                         */
    MWN_NEEDS_LOADER = 64,    /* a say in which samples a batch has                     */
    MWN_NEEDS_STEPS = 128,    /* facts: steps                                           */
    MWN_NEEDS_FEATURES = 256, /* a learner with features and feature                */
    MWN_NEEDS_TANGENT = 512,  /* a learner with tangent                             */
    MWN_NEEDS_SECOND = 1024,  /* a learner with exchange and another                */
    MWN_NEEDS_BOTH = 2048     /* a learner with pull_both                           */
};

/* What a method begins with. */
struct mwn_method_context {
    size_t max_n; /* bounds both batches */
    uint64_t seed;
    size_t outputs;              /* the learner's classes                  */
    size_t features;             /* the learner's features                 */
    struct mwn_data_facts facts; /* class_count is valid during begin only */
    const struct mwn_step
        *step; /* of the sizes and the optimiser; valid during begin only */
};

/* A vector of a method's state, for checkpoints. */
struct mwn_state_item {
    const char *name; /* "theta", "theta.first", ... */
    double *data;     /* borrowed                    */
    size_t n;
};
enum { MWN_STATE_MAX = 12 };

/* A vector of the learner's, [n_params] of its type, that is part of a method's state. */
struct mwn_vector_item {
    const char *name;
    void *data; /* borrowed */
};
enum { MWN_VECTORS_MAX = 2 };

struct mwn_method {
    const char *name, *summary, *reference;
    unsigned needs; /* MWN_NEEDS_..., whatever the options             */
    bool believes;  /* its weight says how far a sample's label is believed */
    size_t options_size, self_size;   /* both structs start zeroed                       */
    const struct mwn_option *options; /* rows of section "method", NULL for none         */
    /* All below are optional but step. */
    /* What of `needs` it can do without, its options being these. */
    unsigned (*spares)(const void *options);
    mwn_status (*begin)(void *self, const void *options,
                        const struct mwn_method_context *context, struct mwn_error *err);
    /* How often, relative to each other, samples of the classes are to be drawn, with
     * replacement: chance[facts->classes]. Without it every sample comes once an epoch. */
    void (*draw)(const void *options, const struct mwn_data_facts *facts, double *chance);
    /* One whole iteration; fills step->weight. Allocates nothing. */
    mwn_status (*step)(void *self, struct mwn_step *step, struct mwn_error *err);
    /* The state to checkpoint, in place; returns the number of items. */
    int (*state)(void *self, struct mwn_state_item items[MWN_STATE_MAX]);
    /* The same of vectors, which a checkpoint keeps in a layout that any machine reads. */
    int (*vectors)(void *self, struct mwn_vector_item items[MWN_VECTORS_MAX]);
    /* The weight at the given losses, for curves. */
    void (*weigh)(const void *self, size_t n, const double *loss, double *weight);
    void (*end)(void *self); /* safe on a zeroed self */
};

#define MWN_METHOD(name) extern const struct mwn_method mwn_method_##name;
#include "methods/method_list.h"
#undef MWN_METHOD

/* All of them, NULL-terminated. */
extern const struct mwn_method *const mwn_methods[];
const struct mwn_method *mwn_method_find(const char *name); /* NULL if unknown */

/* What the method needs with these options. */
unsigned mwn_method_needs(const struct mwn_method *method, const void *options);

/* MWN_ERR_CONFIG, naming what is missing, unless facts and learner have what the method needs
 * of them with these options. */
MWN_MUST_CHECK mwn_status mwn_method_check(const struct mwn_method *method,
                                           const void *options,
                                           const struct mwn_data_facts *facts,
                                           const struct mwn_learner *learner,
                                           struct mwn_error *err);

/* For methods: the actual step with c_i = weight_i / n, from step->weight. */
MWN_MUST_CHECK mwn_status mwn_method_update(struct mwn_step *step, struct mwn_error *err);
/* The plain iteration: forward, all weights 1, update. */
MWN_MUST_CHECK mwn_status mwn_method_plain(struct mwn_step *step, struct mwn_error *err);
/* The losses of the samples that count, those to which the data does not give the weight 0:
 * loss[train->n], behind them nothing. Returns how many there are. */
size_t mwn_method_counting(const struct mwn_step *step, double *loss);
/* MWN_ERR_CONFIG: no meta batch came when the method of that name needed some. Fine where the step
 * is only timed. */
mwn_status mwn_method_fail_unseen(const struct mwn_step *step, const char *name,
                                  const char *when, struct mwn_error *err);
/* The complete epochs before this iteration. */
uint64_t mwn_method_epoch(const struct mwn_data_facts *facts, const struct mwn_step *step);

#endif

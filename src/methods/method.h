/* method.h - the list of methods. A method is one file and one line in method_list.h. */
#ifndef MWN_METHODS_METHOD_H
#define MWN_METHODS_METHOD_H

#include "base/base.h"
#include "base/option.h"
#include "engine/step.h"
#include "engine/weight_net.h"

enum { MWN_NEEDS_META = 1 };

/* A vector of a method's state, for checkpoints. */
struct mwn_state_item {
    const char *name; /* "theta", "theta.first", ... */
    double *data;     /* borrowed                    */
    size_t n;
};
enum { MWN_STATE_MAX = 8 };

struct mwn_method {
    const char *name, *summary, *reference;
    unsigned needs;
    size_t options_size, self_size;   /* both structs start zeroed                       */
    const struct mwn_option *options; /* rows of section "method", NULL for none         */
    /* All below are optional but step. */
    mwn_status (*begin)(void *self, const void *options, size_t max_n, uint64_t seed,
                        struct mwn_error *err);
    /* One whole iteration; fills step->weight. Allocates nothing. */
    mwn_status (*step)(void *self, struct mwn_step *step, struct mwn_error *err);
    /* The state to checkpoint, in place; returns the number of items. */
    int (*state)(void *self, struct mwn_state_item items[MWN_STATE_MAX]);
    /* V at the given losses, for curves. */
    void (*weigh)(const void *self, size_t n, const double *loss, double *weight);
    void (*end)(void *self); /* safe on a zeroed self */
};

#define MWN_METHOD(name) extern const struct mwn_method mwn_method_##name;
#include "methods/method_list.h"
#undef MWN_METHOD

/* All of them, NULL-terminated. */
extern const struct mwn_method *const mwn_methods[];
const struct mwn_method *mwn_method_find(const char *name); /* NULL if unknown */

#endif

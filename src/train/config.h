/* config.h - a run's options: raw pairs as they were given, resolved once into the structs of
 * the modules that own the rows. */
#ifndef MWN_TRAIN_CONFIG_H
#define MWN_TRAIN_CONFIG_H

#include "base/base.h"
#include "base/buf.h"
#include "base/option.h"
#include "data/reader.h"
#include "engine/schedule.h"
#include "engine/step.h"
#include "methods/method.h"
#include "models/model.h"

/* Section "train". */
struct mwn_train_options {
    int64_t epochs, batch, seed, threads, checkpoint_every, eval_batch, weight_epochs;
    int64_t stop_after; /* steps; 0: no limit (to try a recipe out)                   */
    char *backend;      /* auto, dnnl, simd, ref                                      */
    double momentum, dampening, weight_decay;
    bool nesterov, journal;
    int precision;                /* enum mwn_precision */
    int memory;                   /* 0: full, 1: low    */
    struct mwn_schedule schedule; /* train.schedule, lr, lr_drops, lr_factor, warmup      */
};

/* Section "bn". */
struct mwn_bn_options {
    double eps, momentum;
    int gamma_init; /* 0: one, 1: uniform */
};

/* Everything resolved. */
struct mwn_settings {
    struct mwn_data_options data;
    struct mwn_model_options model;
    struct mwn_train_options train;
    struct mwn_meta_options meta;
    struct mwn_bn_options bn;
    const struct mwn_method *method;
    void *method_options; /* owned                                      */
    unsigned needs;       /* MWN_NEEDS_... of the method so configured  */
};

/* One setting as it was given. */
struct mwn_pair {
    char *key, *value; /* owned                                                          */
    char *origin;      /* owned: "FILE:LINE" of a recipe; NULL if set by mwn_config_set() */
};

struct mwn_config {
    struct mwn_pair *pairs; /* owned [count], in the order given */
    size_t count, room;
};

/* mwn_config_set() with an origin (may be NULL) for later error messages. */
MWN_MUST_CHECK mwn_status mwn_config_add(mwn_config *config, const char *key,
                                         const char *value, const char *origin,
                                         struct mwn_error *err);
/* Adds the pairs of `from` (NULL: none) behind those of config. */
MWN_MUST_CHECK mwn_status mwn_config_append(mwn_config *config, const mwn_config *from,
                                            struct mwn_error *err);
/* The last value given for a key, or NULL. */
const char *mwn_config_get(const mwn_config *config, const char *key);
/* MWN_ERR_CONFIG with the nearest known key unless the key ("section.name") is known. */
MWN_MUST_CHECK mwn_status mwn_config_check_key(const char *key, struct mwn_error *err);

/* Defaults, then the pairs of config in order; checks each value, and options against each
 * other. */
MWN_MUST_CHECK mwn_status mwn_settings_resolve(struct mwn_settings *settings,
                                               const mwn_config *config,
                                               struct mwn_error *err);
void mwn_settings_release(struct mwn_settings *settings);
/* Puts the reader that data.reader=auto finds for data.path in its place, so that a run's recipe
 * and a model's file name it. To be called before the data is opened. */
MWN_MUST_CHECK mwn_status mwn_settings_find_reader(struct mwn_settings *settings,
                                                   struct mwn_error *err);

/* The path of the method's weight net, if it has such an option; else NULL. */
char **mwn_settings_weight_net(const struct mwn_settings *settings);
/* All options that are paths, that one too; how many there are. */
enum { MWN_PATHS_MAX = 12 };
size_t mwn_settings_paths(struct mwn_settings *settings, char **paths[MWN_PATHS_MAX]);
/* Zeroes what may differ between two parts of a run, apart from its epochs: threads, memory. */
void mwn_settings_drop_free(struct mwn_settings *settings);

/* Every option with its resolved value as YAML (a recipe that gives the same settings). */
void mwn_settings_yaml(const struct mwn_settings *settings, struct mwn_buf *out);

/* Calls fn for every option there is (section, row, owner: NULL or the method's name). */
typedef void mwn_option_visit_fn(const char *section, const struct mwn_option *row,
                                 const char *owner, void *user);
void mwn_options_visit(mwn_option_visit_fn *fn, void *user);

/* A section whose options are fields of struct mwn_settings. */
struct mwn_section {
    const char *name;
    const struct mwn_option *rows;
    size_t offset; /* of the section's struct in struct mwn_settings */
};
extern const struct mwn_section mwn_sections[]; /* ends with a NULL name */

/* Section "method" has the row `name` and the rows of the chosen method. */
struct mwn_method_choice {
    int name; /* index into mwn_methods */
};
extern const struct mwn_option mwn_method_choice_rows[];

#endif

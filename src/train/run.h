/* run.h - the insides of a training run, shared by the files that make it. */
#ifndef MWN_TRAIN_RUN_H
#define MWN_TRAIN_RUN_H

#include "base/base.h"
#include "base/hash.h"
#include "data/loader.h"
#include "nn/net.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/journal.h"
#include "train/json_writer.h"
#include "train/weight_log.h"

/* Sums over the samples of one epoch; all double, so that a checkpoint can hold them as one
 * tensor. */
struct mwn_epoch_sums {
    double samples, loss;       /* samples seen, their unweighted losses         */
    double weight, square;      /* weights, squared weights                      */
    double clean, clean_weight; /* samples whose label is right, their weights   */
    double wrong, wrong_weight; /* samples whose label is wrong, their weights   */
    double meta_steps, meta_loss;
};
enum { MWN_EPOCH_SUMS = sizeof(struct mwn_epoch_sums) / sizeof(double) };

struct mwn_run {
    struct mwn_settings settings; /* owned                            */
    char *dir;                    /* owned; NULL: nothing is written  */
    int lock;                     /* of the folder, + 1; 0: none      */
    struct mwn_sets sets;         /* owned                            */
    struct mwn_normalize normalize;
    mwn_loader *train, *meta, *valid, *test; /* owned; meta, valid, test may be NULL */
    mwn_net *net;                            /* owned                                */
    struct mwn_learner learner;
    struct mwn_step step;
    void *method_self;     /* owned */
    void *meta_items;      /* owned: work space of meta_source.c                     */
    uint32_t *meta_chosen; /* owned [sets.meta.n] positions in train; NULL: the set stays */
    double *given;         /* owned [batch]: weights that the data gives; NULL: none */
    double *class_count;   /* owned [classes]: training samples with each given label */
    struct mwn_hash data_hash, option_hash;

    /* The state, all of it in a checkpoint. */
    uint64_t epoch;      /* complete epochs            */
    uint64_t epoch_step; /* steps done in the next one */
    uint64_t iteration;  /* steps done in all          */
    struct mwn_epoch_sums sums;
    struct mwn_weight_log weights;
    struct mwn_journal journal; /* of the epoch being trained */
    uint64_t best_epoch;        /* counted from 1; 0: none yet */
    struct mwn_result best_valid, best_test, last_valid, last_test;
    double last_loss, last_weight; /* means of the last complete epoch */
    struct mwn_memory last_memory; /* of the last complete epoch       */
    bool
        head_replaced; /* the last layer did not come from model.init but began at random */

    /* Of this process only. */
    mwn_progress_fn *progress;
    void *user;
    bool stop;
    double start;         /* clock when training began; 0: not yet          */
    double train_seconds; /* of training: batches, steps, sums              */
    double wait_seconds;  /* of them waiting for batches                    */
    double eval_seconds;  /* spent in evaluations                           */
    /* The same of this epoch; epoch_seconds is all of it but evaluation and files, the step
     * being the method's own part. */
    double epoch_seconds, epoch_wait_seconds, epoch_step_seconds;
    uint64_t steps_here, epoch_steps_here, evaluations_here;
};

/* run_setup.c: everything but the state. Fills a zeroed run whose settings are resolved. */
MWN_MUST_CHECK mwn_status mwn_run_setup(struct mwn_run *run, struct mwn_error *err);
/* Releases what setup and resolve made. */
void mwn_run_release(struct mwn_run *run);
/* A net for the settings; shape and classes of the data. */
MWN_MUST_CHECK mwn_status mwn_run_make_net(mwn_net **out,
                                           const struct mwn_settings *settings,
                                           struct mwn_shape shape, int classes,
                                           struct mwn_error *err);
/* A loader that goes through a set in order, without augmentation. */
MWN_MUST_CHECK mwn_status mwn_run_make_eval_loader(mwn_loader **out,
                                                   const struct mwn_settings *settings,
                                                   const struct mwn_set *set,
                                                   const struct mwn_normalize *normalize,
                                                   struct mwn_error *err);
/* Initial state: the network's own initial values, or those of model.init. */
MWN_MUST_CHECK mwn_status mwn_run_begin(struct mwn_run *run, struct mwn_error *err);
/* Brings the loaders to where the counters stand. */
MWN_MUST_CHECK mwn_status mwn_run_seek(struct mwn_run *run, struct mwn_error *err);

/* same_run.c: MWN_ERR_MISMATCH if the run in dir has other options than config. */
MWN_MUST_CHECK mwn_status mwn_run_check_same(const char *dir, const mwn_config *config,
                                             struct mwn_error *err);

/* run_step.c: one iteration. */
MWN_MUST_CHECK mwn_status mwn_run_step(struct mwn_run *run, struct mwn_error *err);
/* Steps of an epoch. */
uint64_t mwn_run_steps(const struct mwn_run *run);
/* A meta batch comes in every such iteration: meta.every for methods that learn from it by a
 * hypergradient, else 1. */
uint64_t mwn_run_meta_every(const struct mwn_run *run);
bool mwn_run_at_limit(const struct mwn_run *run);
/* Calls the progress callback and notes a wish to stop. */
void mwn_run_report(struct mwn_run *run, const char *phase);

/* run_folder.c: MWN_ERR_CONFIG if dir holds something that a run would write over. */
MWN_MUST_CHECK mwn_status mwn_folder_check_free(const char *dir, struct mwn_error *err);
/* MWN_ERR_CONFIG if `out` is a file of the run in dir or one that the options have read (NULL:
 * none). */
MWN_MUST_CHECK mwn_status mwn_folder_check_output(const char *dir, const mwn_config *config,
                                                  const char *out, struct mwn_error *err);
/* Makes the folder, locks it, and writes recipe.yaml and the labels; removes all again on
 * failure. */
MWN_MUST_CHECK mwn_status mwn_folder_create(struct mwn_run *run, struct mwn_error *err);
/* Keeps other processes from training in the run's folder until release: MWN_ERR_IO if one
 * does. */
MWN_MUST_CHECK mwn_status mwn_folder_lock(struct mwn_run *run, struct mwn_error *err);
/* Replaces the options' paths by their absolute forms, as far as they lead somewhere. */
MWN_MUST_CHECK mwn_status mwn_folder_make_absolute(struct mwn_settings *settings,
                                                   struct mwn_error *err);
/* The labels and names of the training samples, as far as they are not there yet. */
MWN_MUST_CHECK mwn_status mwn_folder_write_labels(const struct mwn_run *run,
                                                  struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_folder_write_recipe(struct mwn_run *run,
                                                  struct mwn_error *err);
/* "index,id" of every sample of a set, as CSV. */
void mwn_folder_print_ids(const struct mwn_set *set, struct mwn_buf *out);
/* Removes temporary files that a killed process has left. */
void mwn_folder_clean(const struct mwn_run *run);
/* "dir/name" with an error if memory is out. */
MWN_MUST_CHECK mwn_status mwn_folder_path(const char *dir, const char *name, char **out,
                                          struct mwn_error *err);
/* Writes a model below the folder ("best/model.safetensors"), weights.npy and
 * weight_net.json. */
MWN_MUST_CHECK mwn_status mwn_folder_write_model(struct mwn_run *run, const char *name,
                                                 struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_folder_write_weights(struct mwn_run *run,
                                                   struct mwn_error *err);

/* Writes the epoch just trained (run->epoch counts it already) into journal.npy; drops
 * the epochs that run->epoch does not count. */
MWN_MUST_CHECK mwn_status mwn_folder_write_journal(struct mwn_run *run,
                                                   struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_folder_truncate_journal(struct mwn_run *run,
                                                      struct mwn_error *err);

/* checkpoint.c: last/state.safetensors and what follows from it. */
MWN_MUST_CHECK mwn_status mwn_checkpoint_save(struct mwn_run *run, struct mwn_error *err);
/* Bytes that it takes while it writes. */
size_t mwn_checkpoint_bytes(const struct mwn_run *run);
/* *found is false if the run has no checkpoint yet. */
MWN_MUST_CHECK mwn_status mwn_checkpoint_load(struct mwn_run *run, bool *found,
                                              struct mwn_error *err);

/* record.c: record.jsonl. */
MWN_MUST_CHECK mwn_status mwn_record_append(struct mwn_run *run, struct mwn_error *err);
/* Drops the lines of epochs after run->epoch, and an incomplete last line. */
MWN_MUST_CHECK mwn_status mwn_record_truncate(struct mwn_run *run, struct mwn_error *err);
/* Most memory that this process has had, in bytes. */
size_t mwn_record_peak_memory(void);

/* summary.c */
MWN_MUST_CHECK mwn_status mwn_summary_write(struct mwn_run *run, struct mwn_error *err);
/* The pieces that the plan has as well. */
void mwn_summary_options(struct mwn_json *json, const struct mwn_settings *settings);
void mwn_summary_sets(struct mwn_json *json, const struct mwn_sets *sets);
/* Samples that are in no set although the data has them, if there are such: "dropped", "damaged". */
void mwn_summary_left_out(struct mwn_json *json, const struct mwn_sets *sets);
void mwn_summary_model(struct mwn_json *json, const struct mwn_run *run);
/* How weights of the last epoch are spread, as an object "weights". */
MWN_MUST_CHECK mwn_status mwn_summary_weights(struct mwn_json *json,
                                              const struct mwn_run *run,
                                              struct mwn_error *err);
/* What became of the wrong labels, as an object "memorisation", where that is known. */
void mwn_summary_memory(struct mwn_json *json, const struct mwn_run *run);
/* Whether the method learns weights; their curve V(loss): "loss": [...], "weight": [...]. */
bool mwn_summary_has_curve(const struct mwn_run *run);
void mwn_summary_curve(struct mwn_json *json, const char *key, const struct mwn_run *run);

#endif

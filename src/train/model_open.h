/* model_open.h - a trained model opened for use: evaluation, prediction, export. */
#ifndef MWN_TRAIN_MODEL_OPEN_H
#define MWN_TRAIN_MODEL_OPEN_H

#include "base/base.h"
#include "data/loader.h"
#include "nn/net.h"
#include "tensor/safetensors.h"
#include "train/config.h"
#include "train/model_file.h"

/* Zero-initialise it. Everything is owned. */
struct mwn_opened {
    char *path;   /* the model's file              */
    char *recipe; /* that of its run, or NULL      */
    mwn_config *config;
    mwn_st_file *file;
    bool resolved; /* whether there are settings    */
    struct mwn_settings settings;
    struct mwn_model_facts facts;
    mwn_net *net; /* NULL until mwn_opened_load()  */
};

/* Opens the best model of a run's folder, or a file. Its options are those of the run's recipe,
 * then what the file says of itself, then config (may be NULL). */
MWN_MUST_CHECK mwn_status mwn_opened_open(struct mwn_opened *model, const char *path,
                                          const mwn_config *config, struct mwn_error *err);
/* The last model of a run's folder, with the run's options. */
MWN_MUST_CHECK mwn_status mwn_opened_open_last(struct mwn_opened *model, const char *dir,
                                               struct mwn_error *err);
/* Makes the network for such samples and classes, and loads it. */
MWN_MUST_CHECK mwn_status mwn_opened_load(struct mwn_opened *model, struct mwn_shape sample,
                                          int classes, struct mwn_error *err);
/* Safe on a zeroed one, and after a failure. */
void mwn_opened_release(struct mwn_opened *model);

#endif

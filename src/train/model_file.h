/* model_file.h - models as safetensors files with the tensor names of the PyTorch model. */
#ifndef MWN_TRAIN_MODEL_FILE_H
#define MWN_TRAIN_MODEL_FILE_H

#include "base/base.h"
#include "data/loader.h"
#include "nn/net.h"
#include "tensor/safetensors.h"
#include "train/config.h"

/* What a model's file says beside the tensors, so that it can be used without its recipe. */
struct mwn_model_note {
    const struct mwn_settings *settings;   /* borrowed */
    const struct mwn_normalize *normalize; /* borrowed */
    struct mwn_shape sample;
    const char *schema;       /* borrowed: of the training data; or NULL     */
    uint64_t batches;         /* that the running statistics have seen       */
    char *const *class_names; /* borrowed [classes of the net]; NULL: numbers */
};

/* Writes the model that `net` holds. The same model gives the same bytes. */
MWN_MUST_CHECK mwn_status mwn_model_save(const char *path, mwn_net *net,
                                         const struct mwn_model_note *note,
                                         struct mwn_error *err);

/* Bytes that mwn_model_save() takes while it writes. */
size_t mwn_model_save_bytes(mwn_net *net);

/* Loads all parameters and running statistics. What wrappers put in front of the names
 * ("module.", "model.", "backbone.") is ignored, the last layer may be called fc, linear or
 * head.fc. A last layer that has another number of classes, or is not there, stays as the net
 * has it if head_replaced is given, which then tells so. MWN_ERR_MISMATCH names the first tensor
 * that is missing, not expected, or of another shape; MWN_ERR_DATA if a number is not finite. */
MWN_MUST_CHECK mwn_status mwn_model_load(mwn_net *net, const mwn_st_file *file,
                                         const char *path, bool *head_replaced,
                                         struct mwn_error *err);

/* What a file says of the samples and classes; zeros and NULL where it does not. */
struct mwn_model_facts {
    struct mwn_shape sample;
    int classes;
    char **class_names; /* owned [classes], or NULL */
};
MWN_MUST_CHECK mwn_status mwn_model_facts_read(struct mwn_model_facts *facts,
                                               const mwn_st_file *file, const char *path,
                                               struct mwn_error *err);
void mwn_model_facts_release(struct mwn_model_facts *facts);

/* Adds to config the settings that a model's file carries. */
MWN_MUST_CHECK mwn_status mwn_model_settings(const mwn_st_file *file, const char *path,
                                             mwn_config *config, struct mwn_error *err);

#endif

/* options.c - the options that belong to the run itself (sections "train", "bn" and the name of
 * the method), and the table of all sections. */
#include "base/base.h"
#include "train/config.h"

#include <string.h>

static const char *const schedule_choices[] = {"step", "cosine", "constant", NULL};
static const char *const precision_choices[] = {"f32", "bf16", NULL};
static const char *const memory_choices[] = {"full", "low", NULL};
static const char *const gamma_choices[] = {"one", "uniform", NULL};

#define FIELD(name) offsetof(struct mwn_train_options, name)

static const struct mwn_option train_rows[] = {
    {"epochs", MWN_OPT_INT, FIELD(epochs), "100", 1, 1e6, NULL, "Epochs to train."},
    {"batch", MWN_OPT_INT, FIELD(batch), "100", 1, 65536, NULL,
     "Training samples in a step."},
    {"lr", MWN_OPT_REAL, FIELD(schedule.lr), "0.1", 0, 1e6, NULL,
     "Learning rate of the classifier at the start."},
    {"schedule", MWN_OPT_CHOICE, FIELD(schedule.kind), "step", 0, 0, schedule_choices,
     "How the learning rate changes: at the epochs lr_drops, as a cosine down to lr_min, "
     "or "
     "not."},
    {"lr_drops", MWN_OPT_LIST, FIELD(schedule.drops), "", 0, 1e6, NULL,
     "Epochs after which the learning rate is multiplied by lr_factor (schedule step)."},
    {"lr_factor", MWN_OPT_REAL, FIELD(schedule.factor), "0.1", 0, 1, NULL,
     "Factor of each drop of the learning rate."},
    {"lr_min", MWN_OPT_REAL, FIELD(schedule.lr_min), "0", 0, 1e6, NULL,
     "Learning rate at the end of a cosine."},
    {"warmup", MWN_OPT_INT, FIELD(schedule.warmup), "0", 0, 1e6, NULL,
     "Epochs in which the learning rate rises linearly from 0."},
    {"hold", MWN_OPT_INT, FIELD(schedule.hold), "0", 0, 1e6, NULL,
     "Epochs at the full learning rate before a cosine begins."},
    {"cycle", MWN_OPT_INT, FIELD(schedule.cycle), "0", 0, 1e6, NULL,
     "Epochs of the first cosine of many, each of which starts at lr again (warm "
     "restarts); "
     "0: one cosine to the end of the run."},
    {"cycle_factor", MWN_OPT_INT, FIELD(schedule.cycle_factor), "2", 1, 100, NULL,
     "How many times as long each further cosine is."},
    {"momentum", MWN_OPT_REAL, FIELD(momentum), "0.9", 0, 1, NULL, "Momentum of SGD."},
    {"dampening", MWN_OPT_REAL, FIELD(dampening), "0", 0, 1, NULL,
     "Share of a gradient that does not enter the momentum."},
    {"nesterov", MWN_OPT_BOOL, FIELD(nesterov), "false", 0, 0, NULL,
     "Nesterov's form of momentum."},
    {"weight_decay", MWN_OPT_REAL, FIELD(weight_decay), "5e-4", 0, 1e3, NULL,
     "L2 penalty, added to the gradient of every parameter."},
    {"seed", MWN_OPT_INT, FIELD(seed), "1", 0, 9007199254740992.0, NULL,
     "Seed of every random choice of the run."},
    {"threads", MWN_OPT_INT, FIELD(threads), "0", 0, 4096, NULL,
     "Threads that compute; 0: as many as the process may use."},
    {"backend", MWN_OPT_TEXT, FIELD(backend), "auto", 0, 0, NULL,
     "What computes the network: dnnl (fast), simd (without oneDNN: Arm), ref (plain "
     "loops) or auto, the "
     "first of them that there is."},
    {"precision", MWN_OPT_CHOICE, FIELD(precision), "f32", 0, 0, precision_choices,
     "How activations are stored and convolved: f32, or bf16 on a CPU with AVX512-BF16, in "
     "half the memory and time. Parameters, statistics, losses and V stay f32 or better."},
    {"memory", MWN_OPT_CHOICE, FIELD(memory), "full", 0, 0, memory_choices,
     "full keeps every activation of a step; low recomputes the normalised ones: the same "
     "bytes from about half the memory, in a few per cent more time."},
    {"eval_batch", MWN_OPT_INT, FIELD(eval_batch), "100", 1, 65536, NULL,
     "Samples in a batch of an evaluation."},
    {"checkpoint_every", MWN_OPT_INT, FIELD(checkpoint_every), "1", 1, 1e6, NULL,
     "Epochs between two checkpoints; the last epoch always has one."},
    {"weight_epochs", MWN_OPT_INT, FIELD(weight_epochs), "5", 1, 1000, NULL,
     "Epochs over which weights.npy averages each sample's weight."},
    {"journal", MWN_OPT_BOOL, FIELD(journal), "true", 0, 0, NULL,
     "Keep weight, loss and margin of every sample at every epoch in journal.npy, 16 bytes "
     "each: what mwnet audit and mwnet why look at."},
    {"stop_after", MWN_OPT_INT, FIELD(stop_after), "0", 0, 1e15, NULL,
     "End the run after so many steps, to try a recipe out; 0: no limit."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

static const struct mwn_option bn_rows[] = {
    {"eps", MWN_OPT_REAL, offsetof(struct mwn_bn_options, eps), "1e-5", 1e-12, 1, NULL,
     "Number added to the variance in batch normalisation."},
    {"momentum", MWN_OPT_REAL, offsetof(struct mwn_bn_options, momentum), "0.1", 0, 1, NULL,
     "Share of a batch in the running statistics."},
    {"gamma_init", MWN_OPT_CHOICE, offsetof(struct mwn_bn_options, gamma_init), "one", 0, 0,
     gamma_choices, "Start of the scales: one, or uniform in 0..1 as in PyTorch 0.4."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

static const char *const method_names[] = {
#define MWN_METHOD(name) #name,
#include "methods/method_list.h"
#undef MWN_METHOD
    NULL,
};

const struct mwn_option mwn_method_choice_rows[] = {
    {"name", MWN_OPT_CHOICE, offsetof(struct mwn_method_choice, name), "mwnet", 0, 0,
     method_names, "How the classifier is trained."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL},
};

const struct mwn_section mwn_sections[] = {
    {"data", mwn_data_option_rows, offsetof(struct mwn_settings, data)},
    {"model", mwn_model_option_rows, offsetof(struct mwn_settings, model)},
    {"train", train_rows, offsetof(struct mwn_settings, train)},
    {"meta", mwn_meta_option_rows, offsetof(struct mwn_settings, meta)},
    {"bn", bn_rows, offsetof(struct mwn_settings, bn)},
    {NULL, NULL, 0},
};

static void visit_rows(const char *section, const struct mwn_option *rows,
                       const char *owner, mwn_option_visit_fn *fn, void *user)
{
    for (const struct mwn_option *row = rows; row && row->name; row++)
        fn(section, row, owner, user);
}

void mwn_options_visit(mwn_option_visit_fn *fn, void *user)
{
    for (const struct mwn_section *s = mwn_sections; s->name; s++)
        visit_rows(s->name, s->rows, NULL, fn, user);
    visit_rows("method", mwn_method_choice_rows, NULL, fn, user);
    for (const struct mwn_method *const *m = mwn_methods; *m; m++)
        visit_rows("method", (*m)->options, (*m)->name, fn, user);
}

/* mwnet.h - train classifiers on biased data by Meta-Weight-Net.
 *
 * This header is the manual of libmwnet. It goes from easy to full:
 *
 *   1. Status and errors          what every call returns
 *   2. A training run             five calls from a recipe to a trained model
 *   3. Models and reports         evaluate, describe, list, measure, fetch; wrong labels; tables
 *   4. Your own model             the learner interface and the bilevel step
 *
 * What is not in this header is not part of the interface.
 *
 * Rules that hold everywhere
 *   Ownership   Whoever calls a create function calls its free function; free accepts NULL.
 *               Pointers passed in are borrowed until the call returns, unless stated.
 *   Errors      A function that can fail returns mwn_status and fills *err, which may be
 *               NULL. Output arguments are only written on success.
 *   Threads     An object belongs to one thread at a time. The library computes with
 *               OpenMP threads of its own, as many as train.threads says, and leaves
 *               omp_set_num_threads() of the calling thread at that. It never prints, never exits, never reads the
 *               environment (but for a proxy: mwn_fetch()).
 *   Signals     Some kernels below use the stack pointer for data: a signal handler that runs
 *               on the stack of a computing thread may destroy it. Block signals in the
 *               threads that call the library and take them by sigwait(), as the program does,
 *               or on an alternate stack (sigaltstack).
 *   Texts       Strings are UTF-8 and end in a zero byte. Texts that the library hands
 *               over are freed by mwn_text_free().
 */
#ifndef MWNET_H
#define MWNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MWN_VERSION_MAJOR 0
#define MWN_VERSION_MINOR 1
#define MWN_VERSION_PATCH 0

#if defined(__GNUC__)
#    define MWN_API        __attribute__((visibility("default")))
#    define MWN_MUST_CHECK __attribute__((warn_unused_result))
#else
#    define MWN_API
#    define MWN_MUST_CHECK
#endif

/* ---- 1. Status and errors ----------------------------------------------------------- */

/* What a call returned. The values are the exit codes of the program as well. */
typedef enum mwn_status {
    MWN_OK = 0,
    MWN_ERR_RUNTIME = 1,  /* anything not named below                                  */
    MWN_ERR_CONFIG = 2,   /* unknown option, value out of range, contradicting options */
    MWN_ERR_DATA = 3,     /* a data file's content is not what its format promises     */
    MWN_ERR_IO = 4,       /* a file cannot be opened, read or written; disk full       */
    MWN_ERR_MEMORY = 5,   /* out of memory                                             */
    MWN_ERR_DIVERGED = 6, /* a loss or weight is not finite, or all weights are zero   */
    MWN_ERR_MISMATCH = 7, /* a checkpoint does not fit the model or the run            */
    MWN_NOISY = 10,       /* program only: more labels are wrong than --fail-over says */
    MWN_INCOMPLETE = 11,  /* program only: cells of a table failed, the others are done */
    MWN_INTERRUPTED = 130 /* stopped on request, after the state was saved             */
} mwn_status;

/* What went wrong, in words: one sentence that names the file, field and value, and a hint
 * on what to do (empty if there is none). Zero-initialise it. */
struct mwn_error {
    mwn_status status;
    char text[512];
    char hint[256];
};

/* Returns the version as "major.minor.patch"; static storage. */
MWN_API const char *mwn_version(void);

/* Frees a text that the library handed over. NULL is fine. */
MWN_API void mwn_text_free(char *text);

/* ---- 2. A training run -------------------------------------------------------------- */

/* The options of a run: pairs of key and value, the key being "section.name". Sections and
 * keys are listed by mwn_list("options"). */
typedef struct mwn_config mwn_config;

/* Makes an empty set of options: everything has its default.
 * Fails with MWN_ERR_MEMORY. */
MWN_API MWN_MUST_CHECK mwn_status mwn_config_create(mwn_config **out,
                                                    struct mwn_error *err);

/* Reads a recipe: YAML, a mapping of sections to mappings of options. Later settings win
 * over earlier ones. Fails with MWN_ERR_IO, MWN_ERR_CONFIG (unknown key, not YAML),
 * MWN_ERR_MEMORY. */
MWN_API MWN_MUST_CHECK mwn_status mwn_config_read(mwn_config *config, const char *path,
                                                  struct mwn_error *err);

/* Sets one option, for example ("train.epochs", "6"). The key is checked now (with the
 * nearest known one in the error), the value when the run is created.
 * Fails with MWN_ERR_CONFIG, MWN_ERR_MEMORY. */
MWN_API MWN_MUST_CHECK mwn_status mwn_config_set(mwn_config *config, const char *key,
                                                 const char *value, struct mwn_error *err);

/* Frees the options. */
MWN_API void mwn_config_free(mwn_config *config);

/* A training run: data, network, method and their state. */
typedef struct mwn_run mwn_run;

/* Where a run stands; handed to the progress callback. */
struct mwn_progress {
    size_t epoch, epochs; /* epochs done, epochs in all                             */
    size_t step, steps;   /* steps done in this epoch, steps of an epoch            */
    double seconds;       /* since this process began to train                      */
    double eta_seconds;   /* expected until the end of the run; negative if unknown */
    double loss;          /* mean training loss (unweighted) of this epoch so far   */
    double weight;        /* mean weight V of this epoch so far, 1 for plain CE     */
    double accuracy;      /* last evaluation, 0..1; negative if none yet            */
    double best_accuracy; /* best evaluation so far, 0..1; negative if none yet     */
    const char *phase;    /* "train", "evaluate", "save", "predict"; static storage */
};

/* Called after every step of training (phase "train") and, with the step staying at the last one,
 * during evaluations ("evaluate") and saving ("save"). A return value other than 0 stops the run
 * at the next step boundary: its state is saved and mwn_run_epoch() returns MWN_INTERRUPTED. */
typedef int mwn_progress_fn(const struct mwn_progress *progress, void *user);

/* Creates a run: checks every option, reads the data, plans memory, initialises the
 * network. dir is the run's folder; it is made, and must not hold a run already (NULL:
 * nothing is written). Fails with any status but MWN_INTERRUPTED; nothing is left on disk
 * then. */
MWN_API MWN_MUST_CHECK mwn_status mwn_run_create(mwn_run **out, const mwn_config *config,
                                                 const char *dir, struct mwn_error *err);

/* Takes up the run in dir where its last checkpoint was written. What follows is the same,
 * to the byte, as in a run that was never stopped, with the same number of threads (with any, if
 * train.backend is simd or ref). Options in `changes` (may be NULL) may
 * only raise train.epochs or set train.threads, train.memory or data.threads; anything else is
 * MWN_ERR_CONFIG. Fails with MWN_ERR_MISMATCH if the checkpoint does not fit. */
MWN_API MWN_MUST_CHECK mwn_status mwn_run_resume(mwn_run **out, const char *dir,
                                                 const mwn_config *changes,
                                                 struct mwn_error *err);

/* Creates the run in dir or, if dir holds one already, takes it up: one call for work that may have
 * been stopped. The run there must be of the same options (train.threads, train.memory and
 * data.threads apart) and the same data, else MWN_ERR_MISMATCH says which option differs; a run
 * that is complete has no epochs left. Fails as the two above do. */
MWN_API MWN_MUST_CHECK mwn_status mwn_run_open(mwn_run **out, const mwn_config *config,
                                               const char *dir, struct mwn_error *err);

/* Sets the progress callback (NULL: none). */
MWN_API void mwn_run_set_progress(mwn_run *run, mwn_progress_fn *fn, void *user);

/* Whether epochs are left to train. */
MWN_API bool mwn_run_more(const mwn_run *run);

/* Trains one epoch, evaluates, writes the record and the checkpoint.
 * Fails with MWN_ERR_DIVERGED, MWN_ERR_IO, MWN_ERR_MEMORY, MWN_INTERRUPTED. */
MWN_API MWN_MUST_CHECK mwn_status mwn_run_epoch(mwn_run *run, struct mwn_error *err);

/* What the run has come to so far, as a JSON object: options, sets, best and last
 * accuracy, cost, the curve V(loss), and how well the weights find the wrong labels where
 * the truth is known. docs/formats.md describes the keys. */
MWN_API MWN_MUST_CHECK mwn_status mwn_run_summary(const mwn_run *run, char **json,
                                                  struct mwn_error *err);

/* Frees the run. Writes nothing. */
MWN_API void mwn_run_free(mwn_run *run);

/* ---- 3. Models and reports ---------------------------------------------------------- */

/* What a run with these options would be, without training: every option resolved, the
 * sets, the memory in bytes, the estimated seconds of an epoch (a few steps are timed, of the
 * first epoch and of the last; the dearer ones count). Memory: "network" (parameters,
 * activations, gradients), "vectors" (the optimiser's), "data", "batches", "weights" and
 * "checkpoint" (while one is written) are planned; "program" is the rest of the most that this
 * process has taken; "total", their sum, is what a run's process will. A JSON object. */
MWN_API MWN_MUST_CHECK mwn_status mwn_plan(const mwn_config *config, char **json,
                                           struct mwn_error *err);

/* What to train on data that `config` names (section data), for somebody who does not know: a JSON
 * object with "sets" and "choices", an array of objects {key, value, why} for options that
 * config does not set: the network, the schedule, where the meta set comes from. Setting
 * them gives a run. Fails as reading the data does. */
MWN_API MWN_MUST_CHECK mwn_status mwn_suggest(const mwn_config *config, char **json,
                                              struct mwn_error *err);

/* Evaluates a model on the test set that the options name. path is a run's folder (its
 * recipe then gives the options that `config` does not set; its best model is taken) or a
 * safetensors file. JSON: accuracy, balanced_accuracy, macro_f1 and more in percent, loss
 * (docs/formats.md has all), samples, seconds. */
MWN_API MWN_MUST_CHECK mwn_status mwn_evaluate(const char *path, const mwn_config *config,
                                               char **json, struct mwn_error *err);

/* Compares the last models of two runs with the same test set, sample by sample. JSON: samples,
 * accuracy of each in percent, "gain" of the second over the first in percent and its 95 %
 * interval "low" .. "high" (of the paired difference), "better": "first", "second", or
 * "neither" if the interval holds 0. Fails as mwn_evaluate() does; MWN_ERR_MISMATCH if the test
 * sets have different sizes. */
MWN_API MWN_MUST_CHECK mwn_status mwn_compare(const char *first_dir, const char *second_dir,
                                              char **json, struct mwn_error *err);

/* What mwn_predict() is to do. Zero-initialise it. */
struct mwn_prediction {
    const char
        *data; /* file or folder with the samples, as the model's reader reads it; labels
                         may be missing                                                    */
    const char *out; /* file to write                                            */
    bool npy;        /* float32 [samples][classes], else CSV                     */
    mwn_progress_fn
        *progress; /* called after each batch with phase "predict", samples done as
                         step and all as steps; a value other than 0 stops; may be NULL      */
    void *user;
};

/* Classifies samples by a model and writes a table: CSV with the columns id, predicted, p (the
 * probability of the predicted class) and one with the probability of each class, named by the
 * class where names are known; or the probabilities alone as npy. The file is whole or absent.
 * path and config are those of mwn_evaluate(). JSON: samples, classes, skipped (damaged ones),
 * labelled and, where labels are there, what mwn_evaluate() finds; seconds. */
MWN_API MWN_MUST_CHECK mwn_status mwn_predict(const char *path, const mwn_config *config,
                                              const struct mwn_prediction *what,
                                              char **json, struct mwn_error *err);

/* Writes a model as ONNX (opset 13): input "input" [batch, ...], any number of samples, as the
 * files have them but for bytes, which are divided by 255 (RGB of 0..1): the normalisation is in
 * the graph; output "logits" [batch, classes]. The names of the classes, the normalisation and
 * how the data was read are in the metadata. path and config are those of mwn_evaluate(); a file
 * from elsewhere that does not say how large samples are needs data.path, too. JSON: model, file,
 * out, input (shape of a sample), classes, bytes. */
MWN_API MWN_MUST_CHECK mwn_status mwn_export_onnx(const char *path,
                                                  const mwn_config *config, const char *out,
                                                  char **json, struct mwn_error *err);

/* Describes a file: safetensors, csv, npy, npz, IDX, CIFAR binary, or a run's folder. JSON. */
MWN_API MWN_MUST_CHECK mwn_status mwn_info(const char *path, char **json,
                                           struct mwn_error *err);

/* Looks into the data that `config` names (section data), before anything is trained on it. A
 * JSON object: reader, "sample" [c, h, w], classes; for each of the "parts" the samples of every
 * class, the imbalance, the range, copies; for each "class" its name and first samples;
 * "overlap" between parts; "conflicts": equal samples with different labels; "sets" as a run
 * would make them; "memory" in bytes; and "problems", in words. Samples are named by their id,
 * or their number in the part. Fails as reading the training part does; whatever else is wrong
 * is a problem. */
MWN_API MWN_MUST_CHECK mwn_status mwn_inspect(const mwn_config *config, char **json,
                                              struct mwn_error *err);

/* Lists what is there: what is "methods", "models", "readers", "noises", "options" or
 * "datasets" (those that mwn_fetch() knows). JSON: an array of objects with name and summary (options: key, type, default, range,
 * help). */
MWN_API MWN_MUST_CHECK mwn_status mwn_list(const char *what, char **json,
                                           struct mwn_error *err);

/* Measures the step on this machine: for the networks that `only` names (comma separated;
 * NULL: the usual ones) the seconds of a plain and of a Meta-Weight-Net step, their ratio,
 * the share of the machine's FMA peak measured beside each step, the peak memory; the same in
 * bfloat16, with the speed-up, where the CPU has it; for resnet32 the step in low memory, and
 * how many times as long it takes ("low_memory_cost"). JSON. */
MWN_API MWN_MUST_CHECK mwn_status mwn_bench(const char *only, int threads, char **json,
                                            struct mwn_error *err);

/* Where a fetch stands; handed to its progress callback a few times a second. */
struct mwn_fetch_progress {
    const char
        *phase; /* "download", "wait" (before the next attempt), "check" or "unpack"  */
    const char
        *file; /* name of the file                                                   */
    size_t number, files;    /* of this file, counted from 1; of all                      */
    size_t bytes, total;     /* of this file so far; in all, 0 if unknown                 */
    double seconds;          /* since the call                                            */
    double bytes_per_second; /* of this phase; 0 if unknown                               */
    double eta_seconds;      /* expected until the end of this file; negative if unknown  */
};

/* A return value other than 0 stops the fetch: what has come is kept, and mwn_fetch() returns
 * MWN_INTERRUPTED. */
typedef int mwn_fetch_progress_fn(const struct mwn_fetch_progress *progress, void *user);

/* All zero: as usual. */
struct mwn_fetch_options {
    const char
        *from; /* folder with the files on another server (https, http), or file:///...   */
    const char
        *sums;   /* file of checksums as sha256sum or md5sum writes it, for files in another
                         edition than the published one, e.g. packed anew by a distribution */
    int retries; /* attempts in a row that bring nothing new before it gives up; 0: 4;
                         negative: none                                                     */
    mwn_fetch_progress_fn *progress;
    void *user;
};

/* What a fetch has done. */
struct mwn_fetch_result {
    size_t files;   /* of the data set                                */
    size_t fetched; /* of them now; the others were there, and right  */
    size_t bytes;   /* that came over the network                     */
    double seconds;
    const char *reader; /* what data.reader is to be; static storage      */
};

/* Brings a data set that mwn_list("datasets") names into the folder dir, which is made if need be
 * and is then what data.path is to be. A file or folder appears complete and with the right
 * checksum, or not at all; one that is there already is checked and left alone. What has
 * come before a failure stays in dir in files *.part, and the next call goes on from there. A
 * proxy is found as libcurl finds it, by the variables http_proxy, https_proxy and
 * no_proxy: the one place where the library looks at the environment. `options` and
 * `result` may be NULL. Fails with MWN_ERR_CONFIG (no such data set, not a URL), MWN_ERR_IO
 * (network, server, disk), MWN_ERR_DATA (wrong checksum, damaged archive, or another file is
 * there already: it is left alone), MWN_ERR_MEMORY, MWN_INTERRUPTED. */
MWN_API MWN_MUST_CHECK mwn_status mwn_fetch(const char *name, const char *dir,
                                            const struct mwn_fetch_options *options,
                                            struct mwn_fetch_result *result,
                                            struct mwn_error *err);

/* ---- Wrong labels ------------------------------------------------------------------- */

/* What an audit is to use and write; zero-initialise it. */
struct mwn_audit_options {
    const char
        *output; /* file of the table, worst label first (NULL: audit.csv in the run) */
    const char
        *pred_probs; /* out-of-sample probabilities, float [n][classes] as .npy (NULL:
                               pred_probs.npy in the run if there is one, else what the run
                               itself has seen) */
    const char
        *weights; /* file for the weights, one a line as LightGBM reads them; or NULL */
    size_t top;   /* samples in the report's list "worst" */
};

/* Finds the training labels of the run in dir that are probably wrong: writes the table and
 * makes a report, a JSON object: the estimated noise ("noise.rate", "noise.by_class",
 * "noise.pairs", "noise.transition"), the worst samples and, where the truth is known, how well
 * each score finds wrong labels ("auroc.quality", ...). docs/audit.md explains the scores. Needs
 * nothing but the folder. options may be NULL. */
MWN_API MWN_MUST_CHECK mwn_status mwn_audit(const char *dir,
                                            const struct mwn_audit_options *options,
                                            char **json, struct mwn_error *err);

/* Turns decisions on samples of the run in dir into corrected labels. decisions is CSV with the
 * columns id, action (keep, relabel, drop) and label. output (NULL: labels.csv in the run) is a
 * file for data.labels; changes that are in it already stay. Each decision is appended to
 * decisions.jsonl in the run. All or nothing: MWN_ERR_DATA names file and line of an unknown id,
 * action or label, and nothing is written. JSON: labels, trail, keep, relabel, drop, changed. */
MWN_API MWN_MUST_CHECK mwn_status mwn_apply(const char *dir, const char *decisions,
                                            const char *output, char **json,
                                            struct mwn_error *err);

/* Writes the weight function that the run in dir has learned: path ends in .json (for
 * method.weight_net and mwn_score()) or in .h (C: static inline double mwn_weight(double loss)).
 * MWN_ERR_CONFIG if the method learns none. */
MWN_API MWN_MUST_CHECK mwn_status mwn_export_weight_net(const char *dir, const char *path,
                                                        struct mwn_error *err);

/* Applies a weight function (.json) to losses (.npy, or .csv: the column "loss" or the first) and
 * writes the weights (.npy, .csv or .weight, one a line). JSON: weights, samples, mean. */
MWN_API MWN_MUST_CHECK mwn_status mwn_score(const char *weight_net, const char *losses,
                                            const char *output, char **json,
                                            struct mwn_error *err);

/* How to cross-validate. */
struct mwn_cv_options {
    long folds; /* at least 2                                               */
    long fold;  /* only this one, from 0; negative: all, one after another  */
    mwn_progress_fn
        *progress; /* of the folds' runs; or NULL                              */
    void *user;
};

/* Predicts every training sample by a model that has not seen it: stratified folds, each a run in
 * a folder below "PATH.folds", with the options of `config`. When all folds are there (several
 * processes may share the work, each with another fold) writes path, float32 [n][classes] in
 * the order of the training samples, and labels.npy and ids.csv beside it, as cleanlab reads
 * them. Killed at any point and started again it gives the same bytes. JSON: complete, folds,
 * samples, classes, accuracy in percent against the given labels and, where they are known,
 * the true ones. Fails as mwn_run_create() and mwn_run_epoch() do. */
MWN_API MWN_MUST_CHECK mwn_status mwn_cv(const mwn_config *config, const char *path,
                                         const struct mwn_cv_options *options, char **json,
                                         struct mwn_error *err);

/* The history of one training sample of the run in dir: weight, loss, margin and strongest other
 * class by epoch, its labels, scores and rank. JSON. MWN_ERR_CONFIG for an unknown id. */
MWN_API MWN_MUST_CHECK mwn_status mwn_why(const char *dir, const char *id, char **json,
                                          struct mwn_error *err);

/* ---- Tables ------------------------------------------------------------------------- */

/* A grid of runs, rows (methods) x columns (settings) x seeds, as a file describes it; see
 * docs/experiments.md. Each cell is a run in the folder DIR/ROW/COLUMN/seedN, so that several
 * processes may share the work and any of them may be killed. */
typedef struct mwn_table mwn_table;

/* Zero-initialise it. */
struct mwn_table_options {
    const char *dir;   /* folder of the cells and of the results                        */
    const char *seeds; /* "1-5" or "1,3,7"; NULL: those of the file                     */
    const char *only;  /* cells to train, separated by commas: ROW, COLUMN, ROW/COLUMN or
                                 ROW/COLUMN/seedN, with wildcards (* and ?); NULL: all         */
    const mwn_config
        *config; /* options that win over the file's in all cells; or NULL        */
};

enum mwn_cell_state { MWN_CELL_NEW, MWN_CELL_BEGUN, MWN_CELL_FAILED, MWN_CELL_DONE };

/* A cell as it stands; the texts are the table's. */
struct mwn_cell_info {
    const char *row, *column, *dir;
    int64_t seed;
    bool chosen; /* by `only` */
    enum mwn_cell_state state;
    double seconds; /* that it is expected to take in all; negative if unknown */
};

/* Opens a table: reads its file, and how far its cells have come. A cell that was begun with
 * other options than the table now has is MWN_ERR_MISMATCH. */
MWN_API MWN_MUST_CHECK mwn_status mwn_table_open(mwn_table **out, const char *path,
                                                 const struct mwn_table_options *options,
                                                 struct mwn_error *err);

/* The same for a search of hyper-parameters: rows are all combinations of the values that
 * settings such as "train.lr=[0.1,0.01]" name, on the recipe at path. settings[count] may hold plain ones
 * ("train.epochs=5"), too. The column is called "valid"; what is chosen is chosen by the
 * validation set, without which it is MWN_ERR_CONFIG. */
MWN_API MWN_MUST_CHECK mwn_status mwn_sweep_open(mwn_table **out, const char *path,
                                                 const char *const *settings, size_t count,
                                                 const struct mwn_table_options *options,
                                                 struct mwn_error *err);

/* Cells of the table, in the order in which to train them. */
MWN_API size_t mwn_table_count(const mwn_table *table);

/* Cell i as it stands on the disk now. */
MWN_API void mwn_table_cell(const mwn_table *table, size_t i, struct mwn_cell_info *out);

/* Trains cell i in this process, or goes on with it, until it is done. Since memory is measured
 * by the process, each cell should have a process of its own, forked before anything was
 * computed. What goes wrong is noted beside the cell's folder. Fails as mwn_run_create() and
 * mwn_run_epoch() do; MWN_ERR_IO if another process is at this cell. */
MWN_API MWN_MUST_CHECK mwn_status mwn_table_train(const mwn_table *table, size_t i,
                                                  mwn_progress_fn *progress, void *user,
                                                  struct mwn_error *err);

/* What a few steps of a cell took. */
struct mwn_cell_time {
    double step, evaluation; /* seconds                       */
    double steps, samples;   /* of an epoch; training samples */
};

/* Times a few steps of cell i as the file has it, not scaled. */
MWN_API MWN_MUST_CHECK mwn_status mwn_table_measure(const mwn_table *table, size_t i,
                                                    struct mwn_cell_time *out,
                                                    struct mwn_error *err);

/* Notes what was measured, for all seeds of that row and column. */
MWN_API void mwn_table_note_time(mwn_table *table, size_t i,
                                 const struct mwn_cell_time *time);

/* Whether the table was scaled to a budget already, by a call before in the same folder. */
MWN_API bool mwn_table_is_scaled(const mwn_table *table);

/* Scales the table so that all its cells, of which every row and column was measured, take no
 * more than `seconds` when `jobs` are trained at once: epochs (and with them the drops of the
 * learning rate and the warm-up) first, then training samples. With `keep` it is written into
 * the folder, where it holds for all later calls; otherwise for this table alone.
 * MWN_ERR_CONFIG if even the smallest scale takes longer. */
MWN_API MWN_MUST_CHECK mwn_status mwn_table_fit(mwn_table *table, double seconds, int jobs,
                                                bool keep, struct mwn_error *err);

/* Bytes that are enough for mwn_table_scale_text(). */
enum { MWN_SCALE_TEXT = 160 };

/* How the table was scaled, such as "scaled to a budget of 2 h: 12 epochs, training samples x
 * 0.5", into `size` bytes of text; an empty one if it was not. */
MWN_API void mwn_table_scale_text(const mwn_table *table, char *text, size_t size);

/* Writes table.md, table.csv and table.json of what is done so far, and hands out
 * the JSON and the Markdown (either may be NULL). */
MWN_API MWN_MUST_CHECK mwn_status mwn_table_write(const mwn_table *table, char **json,
                                                  char **markdown, struct mwn_error *err);

/* Frees the table; writes nothing. */
MWN_API void mwn_table_free(mwn_table *table);

/* ---- 4. Your own model -------------------------------------------------------------- */

/* Type of the numbers in a learner's vectors. */
enum mwn_dtype { MWN_F32 = 0, MWN_F64 = 1 };

/* A batch of n samples. */
struct mwn_batch {
    size_t n;
    const void *x;         /* [n][sample], of the learner's type; borrowed              */
    const int32_t *label;  /* [n], 0..classes-1; NULL if target is given                */
    const void *target;    /* [n][classes] soft targets of the learner's type, or NULL  */
    const uint32_t *index; /* [n] position in the training set, or NULL                 */
    uint64_t key;          /* number of this pass: keys the dropout masks               */
};

/* What meta() is asked for. */
struct mwn_meta_pass {
    double *loss; /* [m] the loss of each sample                                    */
    void *grad;   /* [n_params] gradient of their mean; NULL: not wanted            */
    size_t from;  /* entries of grad before this index are not looked at, so a backward pass
                     may stop where the last of the others is found; it may fill all too */
    /* For meta.loss=mae: once loss[m] is there, fills coef[m], and grad is to be the gradient of
     * sum_j coef_j loss_j. NULL: of their mean. */
    void (*slope)(size_t m, const double *loss, double *coef);
    double *coef; /* [m] room for it; borrowed                                      */
};

/* A differentiable classifier, as the bilevel core sees it. The core never looks inside.
 * Vectors hold n_params numbers of type dtype in whatever order the learner likes; losses,
 * coefficients and derivatives are double. Each function returns MWN_OK or fills err. */
struct mwn_learner {
    void *self;           /* handed to every function                                     */
    enum mwn_dtype dtype; /* of params, grad, dir and of a batch's x and target           */
    size_t n_params;
    void *params; /* [n_params] the current w; the core updates it in place       */
    size_t head;  /* index of the last layer's first parameter, for last_layer    */

    /* loss[n] of the batch at params; keeps what backward and jvp need. */
    mwn_status (*forward)(void *self, const struct mwn_batch *batch, double *loss,
                          struct mwn_error *err);
    /* grad[n_params] = gradient of sum_i coef[i] * loss_i, of the last forward. */
    mwn_status (*backward)(void *self, const double *coef, void *grad,
                           struct mwn_error *err);
    /* dloss[n] = derivative of each loss of the last forward along dir[n_params], where
     * the entries of dir before index `from` count as zero. */
    mwn_status (*jvp)(void *self, const void *dir, size_t from, double *dloss,
                      struct mwn_error *err);
    /* The losses at other parameters and, if wanted, the gradient of their mean. Leaves what
     * the last forward kept intact. */
    mwn_status (*meta)(void *self, const void *params, const struct mwn_batch *batch,
                       const struct mwn_meta_pass *pass, struct mwn_error *err);

    /* For meta.gradient=sampled; optional. Index of each layer's first parameter, the layer
     * nearest to the input first: 0 < layers[1] < layers[2] < .. < n_params. NULL: what lies
     * before head is one layer, the rest another. */
    const size_t *layers; /* [layer_count]; borrowed */
    size_t layer_count;

    /* For methods with a loss of their own on what the network puts out; optional, all or none.
     * classes is what a sample's output has numbers: logits, whose softmax's cross-entropy is
     * loss_i. */
    size_t classes;
    /* out[n][classes] of the last forward. */
    mwn_status (*output)(void *self, double *out, struct mwn_error *err);
    /* grad[n_params] = gradient of sum_ik slope[i][k] out[i][k], of the last forward. */
    mwn_status (*pull)(void *self, const double *slope, void *grad, struct mwn_error *err);

    /* For methods that look at what the last layer sees of a sample; optional, both or none. */
    size_t features; /* how many numbers that is */
    /* out[n][features] of the last forward. */
    mwn_status (*feature)(void *self, double *out, struct mwn_error *err);

    /* For methods that learn targets by the meta-gradient; optional, and only with output.
     * dout[n][classes] = derivative of the output of the last forward along dir[n_params],
     * where the entries of dir before index `from` count as zero. */
    mwn_status (*tangent)(void *self, const void *dir, size_t from, double *dout,
                          struct mwn_error *err);

    /* For methods with a second network of the same kind (co-teaching, a running mean of the
     * network); optional, both or neither. n_stats is how many numbers forward() changes beside
     * what it keeps for backward: running means and variances. */
    size_t n_stats;
    /* From now on the learner works on the vector *params and the numbers in stats[n_stats], and
     * its own so far are handed out in their place: pointers and numbers are swapped. The core sets
     * `params` above itself, and undoes every exchange before its call returns, so that
     * everybody frees what is theirs. */
    void (*exchange)(void *self, void **params, double *stats);
    /* params[n_params] and stats[n_stats] that the training of another such network begins
     * with: drawn anew, the same ones at every call. */
    mwn_status (*another)(void *self, void *params, double *stats, struct mwn_error *err);
    /* Numbers of a sample in a batch's x, for methods that mix samples; 0: unknown. */
    size_t inputs;

    /* For methods whose loss is one of the output and of what the last layer sees;
     * optional, and only with output and feature. grad[n_params] = gradient of
     * sum_ik slope[i][k] out[i][k] + sum_ih by_feature[i][h] feature[i][h], of the last
     * forward. */
    mwn_status (*pull_both)(void *self, const double *slope, const double *by_feature,
                            void *grad, struct mwn_error *err);
};

/* What a method may want to know of the data that it will be given. 0 or NULL: unknown. */
struct mwn_data_facts {
    size_t n;                  /* training samples; a batch's index is below            */
    size_t classes;            /* labels are 0..classes-1                               */
    const double *class_count; /* [classes] training samples with that label; borrowed  */
    uint64_t epochs, steps;    /* of the whole training; of an epoch                    */
};

/* Meta-Weight-Net on a learner of your own; see examples/own_model.c. */
typedef struct mwn_trainer mwn_trainer;

/* Makes a trainer. The learner is borrowed until mwn_trainer_free(). The options read are
 * the sections method (any that needs nothing but a learner), meta (but for batch, source and
 * precision) and, of train, momentum, dampening, nesterov, weight_decay and seed; max_batch bounds n
 * of both batches. Fails with MWN_ERR_CONFIG, MWN_ERR_MEMORY and, where method.weight_net names
 * a file, MWN_ERR_IO and MWN_ERR_DATA. */
MWN_API MWN_MUST_CHECK mwn_status mwn_trainer_create(mwn_trainer **out,
                                                     struct mwn_learner *learner,
                                                     const mwn_config *config,
                                                     size_t max_batch,
                                                     struct mwn_error *err);

/* The same for methods that must know something of the data; what they lack in `facts` (NULL:
 * nothing is known) is named in the error. *facts itself and class_count are borrowed for the
 * call only. */
MWN_API MWN_MUST_CHECK mwn_status mwn_trainer_create_for(
    mwn_trainer **out, struct mwn_learner *learner, const mwn_config *config,
    size_t max_batch, const struct mwn_data_facts *facts, struct mwn_error *err);

/* One iteration: virtual step, meta step, actual step (Shu et al. 2019, eq. 3-5). lr is
 * the learning rate of w in this iteration. meta may be NULL for methods without one.
 * weight[n] (may be NULL) receives the weight of each sample of the train batch: V, 0..1, of
 * methods with a weight net, of others what plain training has as 1.
 * Fails with MWN_ERR_DIVERGED, MWN_ERR_CONFIG (a batch is missing, too large, or lacks what the
 * method needs; lr is negative) and with what the learner fails with. */
MWN_API MWN_MUST_CHECK mwn_status mwn_trainer_step(mwn_trainer *trainer,
                                                   const struct mwn_batch *train,
                                                   const struct mwn_batch *meta, double lr,
                                                   double *weight, struct mwn_error *err);

/* The weight at the given losses: weight[n], V of methods with a weight net. All ones for methods
 * whose weights are not a function of the loss. */
MWN_API void mwn_trainer_weigh(const mwn_trainer *trainer, size_t n, const double *loss,
                               double *weight);

/* Frees the trainer, not the learner. */
MWN_API void mwn_trainer_free(mwn_trainer *trainer);

#ifdef __cplusplus
}
#endif
#endif

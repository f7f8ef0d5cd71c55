/* checkpoint.c - the state of a run in last/state.safetensors. It alone decides where a run goes
 * on; the other files beside it follow from it. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "engine/layer_profile.h"
#include "tensor/safetensors.h"
#include "tensor/vec.h"
#include "train/meta_source.h"
#include "train/model_file.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

#define STATE_FORMAT "mwnet-state-1"

enum { COUNTERS = 5, FACTS = 5 };

/* Everything of a state that is not kept as it is in the run: the builder borrows it until the
 * file is written, and reading fills it before anything is put into the run. */
struct state {
    size_t params, channels; /* numbers in all parameters, channels of all norms         */
    float *param, *momentum; /* owned [params], in the layout of PyTorch                 */
    double *mean, *variance; /* owned [channels]                                         */
    double *work;            /* owned [largest parameter]                                */
    int vectors;             /* of the method                                            */
    struct mwn_vector_item vector[MWN_VECTORS_MAX]; /* borrowed, in the layout of the net */
    float *taken[MWN_VECTORS_MAX]; /* owned [vectors] of [params]: in that of PyTorch     */
    int64_t counter[COUNTERS]; /* epoch, epoch_step, iteration, best_epoch, has_buffer   */
    double fact[FACTS + 4 * MWN_RESULT_NUMBERS];
    double sums[MWN_EPOCH_SUMS];
};

static void state_release(struct state *state)
{
    mwn_free(state->param);
    mwn_free(state->momentum);
    mwn_free(state->mean);
    mwn_free(state->variance);
    mwn_free(state->work);
    for (int i = 0; i < state->vectors; i++)
        mwn_free(state->taken[i]);
}

/* Sets params, channels and vectors; returns the size of the largest parameter, at least 1. */
static size_t state_sizes(struct state *state, const struct mwn_run *run)
{
    const mwn_net *net = run->net;
    const struct mwn_graph *graph = mwn_net_graph(net);
    const struct mwn_method *method = run->settings.method;
    size_t largest = 1;
    if (method->vectors)
        state->vectors = method->vectors(run->method_self, state->vector);
    for (int p = 0; p < graph->param_count; p++) {
        size_t count = graph->params[p].count;
        state->params += count;
        largest = count > largest ? count : largest;
    }
    for (int s = 0; s < graph->stats_count; s++) {
        int channels = 0;
        mwn_net_stats_name(net, s, &channels);
        state->channels += (size_t)channels;
    }
    return largest;
}

static mwn_status state_alloc(struct state *state, const struct mwn_run *run,
                              struct mwn_error *err)
{
    size_t largest = state_sizes(state, run);
    bool whole = true;
    state->param = mwn_alloc(state->params, sizeof(float));
    state->momentum = mwn_alloc(state->params, sizeof(float));
    state->mean = mwn_alloc(state->channels, sizeof(double));
    state->variance = mwn_alloc(state->channels, sizeof(double));
    state->work = mwn_alloc(largest, sizeof(double));
    for (int i = 0; i < state->vectors; i++) {
        state->taken[i] = mwn_alloc(state->params, sizeof(float));
        whole = whole && state->taken[i];
    }
    if (whole && state->param && state->momentum && state->mean && state->variance &&
        state->work)
        return MWN_OK;
    mwn_fail_memory(err, 2 * state->params * sizeof(float), "a checkpoint");
    return MWN_ERR_MEMORY;
}

/* The state is there while the model's file is written. */
size_t mwn_checkpoint_bytes(const struct mwn_run *run)
{
    struct state state = {0};
    size_t largest = state_sizes(&state, run);
    return (2 + (size_t)state.vectors) * state.params * sizeof(float) +
           (2 * state.channels + largest) * sizeof(double) + mwn_model_save_bytes(run->net);
}

/* ---- Between the run and the state -------------------------------------------------- */

/* Single precision is exact: the network computes in it. */
static void take_vector(struct mwn_run *run, const void *vector, double *work, float *out)
{
    const struct mwn_graph *graph = mwn_net_graph(run->net);
    for (int p = 0; p < graph->param_count; p++) {
        mwn_net_get(run->net, vector, p, work);
        for (size_t i = 0; i < graph->params[p].count; i++)
            *out++ = (float)work[i];
    }
}

static void put_vector(struct mwn_run *run, void *vector, double *work, const float *in)
{
    const struct mwn_graph *graph = mwn_net_graph(run->net);
    for (int p = 0; p < graph->param_count; p++) {
        for (size_t i = 0; i < graph->params[p].count; i++)
            work[i] = (double)*in++;
        mwn_net_set(run->net, vector, p, work);
    }
}

static void take_stats(struct mwn_run *run, struct state *state)
{
    size_t at = 0;
    for (int s = 0; s < mwn_net_graph(run->net)->stats_count; s++) {
        int channels = 0;
        mwn_net_stats_name(run->net, s, &channels);
        mwn_net_get_stats(run->net, s, state->mean + at, state->variance + at);
        at += (size_t)channels;
    }
}

static void put_stats(struct mwn_run *run, const struct state *state)
{
    size_t at = 0;
    for (int s = 0; s < mwn_net_graph(run->net)->stats_count; s++) {
        int channels = 0;
        mwn_net_stats_name(run->net, s, &channels);
        mwn_net_set_stats(run->net, s, state->mean + at, state->variance + at);
        at += (size_t)channels;
    }
}

/* The numbers of the run that are neither vectors nor counters, in the order of the file. */
static void list_facts(struct mwn_run *run, double *out[FACTS + 4 * MWN_RESULT_NUMBERS])
{
    struct mwn_result *const results[] = {&run->best_valid, &run->best_test,
                                          &run->last_valid, &run->last_test};
    size_t count = 0;
    out[count++] = &run->last_loss;
    out[count++] = &run->last_weight;
    out[count++] = &run->last_memory.wrong;
    out[count++] = &run->last_memory.given;
    out[count++] = &run->last_memory.truth;
    for (size_t i = 0; i < MWN_COUNT(results); i++) {
#define MWN_METRIC(field, key, scale) out[count++] = &results[i]->field;
#include "train/metric_list.h"
#undef MWN_METRIC
    }
}

static void take_all(struct mwn_run *run, struct state *state)
{
    double *facts[MWN_COUNT(state->fact)];
    const struct mwn_sgd *sgd = &run->step.sgd;

    take_vector(run, mwn_net_params(run->net), state->work, state->param);
    if (sgd->buffer)
        take_vector(run, sgd->buffer, state->work, state->momentum);
    for (int i = 0; i < state->vectors; i++)
        take_vector(run, state->vector[i].data, state->work, state->taken[i]);
    take_stats(run, state);
    state->counter[0] = (int64_t)run->epoch;
    state->counter[1] = (int64_t)run->epoch_step;
    state->counter[2] = (int64_t)run->iteration;
    state->counter[3] = (int64_t)run->best_epoch;
    state->counter[4] = sgd->has_buffer;
    list_facts(run, facts);
    for (size_t i = 0; i < MWN_COUNT(facts); i++)
        state->fact[i] = *facts[i];
    memcpy(state->sums, &run->sums, sizeof(run->sums));
}

static void put_all(struct mwn_run *run, const struct state *state)
{
    double *facts[MWN_COUNT(state->fact)];
    struct mwn_sgd *sgd = &run->step.sgd;

    put_vector(run, mwn_net_params(run->net), state->work, state->param);
    if (sgd->buffer)
        put_vector(run, sgd->buffer, state->work, state->momentum);
    for (int i = 0; i < state->vectors; i++)
        put_vector(run, state->vector[i].data, state->work, state->taken[i]);
    put_stats(run, state);
    run->epoch = (uint64_t)state->counter[0];
    run->epoch_step = (uint64_t)state->counter[1];
    run->iteration = (uint64_t)state->counter[2];
    run->best_epoch = (uint64_t)state->counter[3];
    sgd->has_buffer = state->counter[4] != 0;
    list_facts(run, facts);
    for (size_t i = 0; i < MWN_COUNT(facts); i++)
        *facts[i] = state->fact[i];
    memcpy(&run->sums, state->sums, sizeof(run->sums));
}

/* ---- Writing ------------------------------------------------------------------------ */

static void hash_text(struct mwn_hash hash, char out[40])
{
    snprintf(out, 40, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}

static void add_method(mwn_st_builder *builder, const struct mwn_run *run,
                       const struct state *state)
{
    struct mwn_state_item items[MWN_STATE_MAX] = {{0}};
    char name[80];
    const struct mwn_method *method = run->settings.method;
    int count = method->state ? method->state(run->method_self, items) : 0;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "method.%s", items[i].name);
        mwn_st_builder_add(builder, name, MWN_ST_F64, 1, &items[i].n, items[i].data);
    }
    for (int i = 0; i < state->vectors; i++) {
        snprintf(name, sizeof(name), "method.%s", state->vector[i].name);
        mwn_st_builder_add(builder, name, MWN_ST_F32, 1, &state->params, state->taken[i]);
    }
}

static mwn_status write_state(struct mwn_run *run, struct state *state, const char *path,
                              struct mwn_error *err)
{
    const size_t weights[2] = {run->weights.slots, run->weights.n};
    const size_t journal[2] = {run->journal.n, MWN_JOURNAL_COLUMNS};
    const size_t counters = COUNTERS, facts = MWN_COUNT(state->fact), sums = MWN_EPOCH_SUMS;
    const size_t profile = mwn_layer_profile_size(&run->step);
    char text[40];
    mwn_st_builder *builder = mwn_st_builder_create();

    if (!builder)
        return mwn_fail_memory(err, 0, "a checkpoint");
    mwn_st_builder_metadata(builder, "format", STATE_FORMAT);
    mwn_st_builder_metadata(builder, "model", run->settings.model.name);
    mwn_st_builder_metadata(builder, "method", run->settings.method->name);
    hash_text(run->data_hash, text);
    mwn_st_builder_metadata(builder, "data", text);
    hash_text(run->option_hash, text);
    mwn_st_builder_metadata(builder, "options", text);
    if (run->head_replaced)
        mwn_st_builder_metadata(builder, "head_replaced", "true");
    mwn_st_builder_add(builder, "params", MWN_ST_F32, 1, &state->params, state->param);
    mwn_st_builder_add(builder, "momentum", MWN_ST_F32, 1, &state->params, state->momentum);
    mwn_st_builder_add(builder, "mean", MWN_ST_F64, 1, &state->channels, state->mean);
    mwn_st_builder_add(builder, "variance", MWN_ST_F64, 1, &state->channels,
                       state->variance);
    mwn_st_builder_add(builder, "counters", MWN_ST_I64, 1, &counters, state->counter);
    mwn_st_builder_add(builder, "facts", MWN_ST_F64, 1, &facts, state->fact);
    mwn_st_builder_add(builder, "sums", MWN_ST_F64, 1, &sums, state->sums);
    mwn_st_builder_add(builder, "weights", MWN_ST_F32, 2, weights, run->weights.value);
    if (run->journal.value && run->epoch_step > 0)
        mwn_st_builder_add(builder, "journal", MWN_ST_F32, 2, journal, run->journal.value);
    if (run->meta_chosen)
        mwn_st_builder_add(builder, "meta", MWN_ST_U32, 1, &run->sets.meta.n,
                           run->meta_chosen);
    if (profile > 0)
        mwn_st_builder_add(builder, "layers", MWN_ST_F64, 1, &profile, run->step.profile);
    add_method(builder, run, state);
    mwn_status status = mwn_st_builder_write(builder, path, err);
    mwn_st_builder_free(builder);
    return status;
}

mwn_status mwn_checkpoint_save(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct state state = {0};
    char *path = NULL;

    if (!mwn_vec_is_finite(MWN_F32, mwn_net_vector(run->net), mwn_net_params(run->net)))
        return mwn_fail(err, MWN_ERR_DIVERGED,
                        "epoch %llu: a parameter is not finite; the checkpoint before "
                        "this epoch is kept",
                        (unsigned long long)run->epoch);
    MWN_TRY(state_alloc(&state, run, err));
    MWN_TRY(mwn_folder_path(run->dir, "last/state.safetensors", &path, err));
    take_all(run, &state);
    MWN_TRY(mwn_folder_write_model(run, "last/model.safetensors", err));
    MWN_TRY(mwn_folder_write_weights(run, err));
    MWN_TRY(write_state(run, &state, path, err));
out:
    state_release(&state);
    mwn_free(path);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------ */

/* A state file being read. */
struct reader {
    const mwn_st_file *file;
    const char *path;
    struct mwn_error *err;
};

/* The tensor of n numbers of a type; NULL, with the error made, if there is none. */
static const struct mwn_st_tensor *find_state(const struct reader *r, const char *name,
                                              enum mwn_st_type type, size_t n)
{
    const struct mwn_st_tensor *t = mwn_st_find(r->file, name);
    if (t && t->type == type && t->count == n)
        return t;
    if (t)
        mwn_fail(r->err, MWN_ERR_MISMATCH,
                 "%s: tensor '%s' holds %zu numbers where this run needs %zu", r->path,
                 name, t->count, n);
    else
        mwn_fail(r->err, MWN_ERR_MISMATCH, "%s: no tensor '%s'", r->path, name);
    return NULL;
}

static mwn_status read_bytes(const struct reader *r, const char *name,
                             enum mwn_st_type type, size_t n, void *out)
{
    bool is_small = type == MWN_ST_F32 || type == MWN_ST_U32;
    size_t size = is_small ? sizeof(float) : sizeof(double);
    const struct mwn_st_tensor *t = find_state(r, name, type, n);
    if (!t)
        return MWN_ERR_MISMATCH;
    memcpy(out, t->data, n * size);
    return MWN_OK;
}

static mwn_status check_same(const struct reader *r, const struct mwn_run *run)
{
    char text[40];
    const char *format = mwn_st_metadata(r->file, "format");
    if (!format || strcmp(format, STATE_FORMAT) != 0)
        return mwn_fail(r->err, MWN_ERR_MISMATCH, "%s: is not a state of this version",
                        r->path);
    hash_text(run->data_hash, text);
    const char *data = mwn_st_metadata(r->file, "data");
    if (!data || strcmp(data, text) != 0) {
        mwn_fail(r->err, MWN_ERR_MISMATCH,
                 "%s: the data or its labels are not those that the run began with",
                 r->path);
        return mwn_hint(r->err, "restore the files that data.path names in the recipe");
    }
    hash_text(run->option_hash, text);
    const char *options = mwn_st_metadata(r->file, "options");
    if (!options || strcmp(options, text) != 0) {
        mwn_fail(r->err, MWN_ERR_MISMATCH,
                 "%s: the recipe is not the one that the run began with", r->path);
        return mwn_hint(r->err, "undo the changes in the recipe.yaml of the run");
    }
    return MWN_OK;
}

static mwn_status read_method(const struct reader *r, struct mwn_run *run,
                              struct state *state)
{
    struct mwn_state_item items[MWN_STATE_MAX] = {{0}};
    char name[80];
    const struct mwn_method *method = run->settings.method;
    int count = method->state ? method->state(run->method_self, items) : 0;
    mwn_status status = MWN_OK;
    for (int i = 0; i < count && status == MWN_OK; i++) {
        snprintf(name, sizeof(name), "method.%s", items[i].name);
        status = read_bytes(r, name, MWN_ST_F64, items[i].n, items[i].data);
    }
    for (int i = 0; i < state->vectors && status == MWN_OK; i++) {
        snprintf(name, sizeof(name), "method.%s", state->vector[i].name);
        status = read_bytes(r, name, MWN_ST_F32, state->params, state->taken[i]);
    }
    return status;
}

static mwn_status check_counters(const struct reader *r, const struct mwn_run *run,
                                 const int64_t *counter)
{
    bool fine = counter[4] == 0 || counter[4] == 1;
    for (int i = 0; i < COUNTERS; i++)
        fine = fine && counter[i] >= 0;
    if (fine && (uint64_t)counter[1] <= mwn_run_steps(run) && counter[3] <= counter[0])
        return MWN_OK;
    return mwn_fail(r->err, MWN_ERR_MISMATCH, "%s: its counters do not fit this run",
                    r->path);
}

/* The meta samples that the run had chosen. */
static mwn_status read_meta(const struct reader *r, struct mwn_run *run)
{
    size_t n = run->sets.meta.n;
    if (!run->meta_chosen)
        return MWN_OK;
    mwn_status status = read_bytes(r, "meta", MWN_ST_U32, n, run->meta_chosen);
    for (size_t i = 0; i < n && status == MWN_OK; i++)
        if (run->meta_chosen[i] >= run->sets.train.n)
            status =
                mwn_fail(r->err, MWN_ERR_MISMATCH,
                         "%s: meta sample %zu is number %lu of %zu training samples",
                         r->path, i, (unsigned long)run->meta_chosen[i], run->sets.train.n);
    if (status == MWN_OK)
        mwn_meta_source_restore(run);
    return status;
}

static mwn_status read_state(const struct reader *r, struct mwn_run *run,
                             struct state *state)
{
    mwn_status status = MWN_OK;
    size_t weights = run->weights.slots * run->weights.n;
    size_t profile = mwn_layer_profile_size(&run->step);
    MWN_TRY(check_same(r, run));
    MWN_TRY(read_bytes(r, "params", MWN_ST_F32, state->params, state->param));
    MWN_TRY(read_bytes(r, "momentum", MWN_ST_F32, state->params, state->momentum));
    MWN_TRY(read_bytes(r, "mean", MWN_ST_F64, state->channels, state->mean));
    MWN_TRY(read_bytes(r, "variance", MWN_ST_F64, state->channels, state->variance));
    MWN_TRY(read_bytes(r, "counters", MWN_ST_I64, COUNTERS, state->counter));
    MWN_TRY(check_counters(r, run, state->counter));
    MWN_TRY(read_bytes(r, "facts", MWN_ST_F64, MWN_COUNT(state->fact), state->fact));
    MWN_TRY(read_bytes(r, "sums", MWN_ST_F64, MWN_EPOCH_SUMS, state->sums));
    MWN_TRY(read_bytes(r, "weights", MWN_ST_F32, weights, run->weights.value));
    if (run->journal.value && state->counter[1] > 0)
        MWN_TRY(read_bytes(r, "journal", MWN_ST_F32, run->journal.n * MWN_JOURNAL_COLUMNS,
                           run->journal.value));
    if (profile > 0)
        MWN_TRY(read_bytes(r, "layers", MWN_ST_F64, profile, run->step.profile));
    MWN_TRY(read_meta(r, run));
    MWN_TRY(read_method(r, run, state));
out:
    return status;
}

mwn_status mwn_checkpoint_load(struct mwn_run *run, bool *found, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct state state = {0};
    mwn_st_file *file = NULL;
    char *path = NULL;

    MWN_TRY(mwn_folder_path(run->dir, "last/state.safetensors", &path, err));
    *found = mwn_path_exists(path);
    if (!*found)
        goto out;
    MWN_TRY(state_alloc(&state, run, err));
    MWN_TRY(mwn_st_open(&file, path, err));
    const struct reader r = {file, path, err};
    MWN_TRY(read_state(&r, run, &state));
    put_all(run, &state);
    run->head_replaced = mwn_st_metadata(file, "head_replaced") != NULL;
    MWN_TRY(mwn_folder_write_model(run, "last/model.safetensors", err));
    MWN_TRY(mwn_folder_write_weights(run, err));
out:
    mwn_st_close(file);
    state_release(&state);
    mwn_free(path);
    return status;
}

/* model_file.c - models as safetensors files with the tensor names of the PyTorch model. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/json_writer.h"
#include "train/model_file.h"

#include <limits.h>
#include <stdlib.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_SIZE = 128 };

/* ---- Writing ------------------------------------------------------------------------ */

/* What the builder borrows until the file is written. */
struct model_block {
    float *value; /* owned: all tensors, one after another       */
    size_t used;
    double *work; /* owned [largest tensor] */
    double *work2;
    int64_t batches;
};

static size_t block_sizes(const mwn_net *net, size_t *largest)
{
    const struct mwn_graph *graph = mwn_net_graph(net);
    size_t total = 0;
    *largest = 1;
    for (int p = 0; p < graph->param_count; p++) {
        total += graph->params[p].count;
        *largest = graph->params[p].count > *largest ? graph->params[p].count : *largest;
    }
    for (int s = 0; s < graph->stats_count; s++) {
        int channels = 0;
        mwn_net_stats_name(net, s, &channels);
        total += 2 * (size_t)channels;
        *largest = (size_t)channels > *largest ? (size_t)channels : *largest;
    }
    return total;
}

/* Converts n numbers of `from` into the block and adds them as a tensor. */
static void block_add(struct model_block *block, mwn_st_builder *builder, const char *name,
                      const double *from, int dims, const size_t *shape)
{
    float *to = block->value + block->used;
    size_t n = 1;
    for (int d = 0; d < dims; d++)
        n *= shape[d];
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
    block->used += n;
    mwn_st_builder_add(builder, name, MWN_ST_F32, dims, shape, to);
}

static void add_stats(struct model_block *block, mwn_st_builder *builder, mwn_net *net,
                      int s)
{
    char name[NAME_MAX_SIZE];
    int channels = 0;
    const char *module = mwn_net_stats_name(net, s, &channels);
    size_t shape[1] = {(size_t)channels};

    mwn_net_get_stats(net, s, block->work, block->work2);
    snprintf(name, sizeof(name), "%s.running_mean", module);
    block_add(block, builder, name, block->work, 1, shape);
    snprintf(name, sizeof(name), "%s.running_var", module);
    block_add(block, builder, name, block->work2, 1, shape);
    snprintf(name, sizeof(name), "%s.num_batches_tracked", module);
    mwn_st_builder_add(builder, name, MWN_ST_I64, 0, shape, &block->batches);
}

/* Tensors in PyTorch's order: a norm's statistics follow its last parameter. */
static void add_tensors(struct model_block *block, mwn_st_builder *builder, mwn_net *net)
{
    const struct mwn_graph *graph = mwn_net_graph(net);
    for (int p = 0; p < graph->param_count; p++) {
        const struct mwn_param *param = &graph->params[p];
        const struct mwn_node *node = &graph->nodes[param->node];
        size_t shape[4] = {0};
        for (int d = 0; d < param->dims; d++)
            shape[d] = (size_t)param->shape[d];
        mwn_net_get(net, mwn_net_params(net), p, block->work);
        block_add(block, builder, param->name, block->work, param->dims, shape);
        if (node->stats >= 0 && node->param[1] == p)
            add_stats(block, builder, net, node->stats);
    }
}

static void add_options(mwn_st_builder *builder, const char *section,
                        const struct mwn_option *rows, const void *fields,
                        struct mwn_buf *text)
{
    char key[NAME_MAX_SIZE];
    for (const struct mwn_option *row = rows; row->name; row++) {
        if (strcmp(row->name, "init") == 0)
            continue;
        struct mwn_buf value = {0};
        snprintf(key, sizeof(key), "%s.%s", section, row->name);
        mwn_option_print(row, fields, &value);
        mwn_st_builder_metadata(builder, key, value.text ? value.text : "");
        text->failed = text->failed || value.failed;
        mwn_buf_release(&value);
    }
}

/* The classes' names as a JSON array. */
static void add_names(mwn_st_builder *builder, char *const *names, int classes,
                      struct mwn_buf *text)
{
    struct mwn_json json = {0};
    mwn_json_array(&json, NULL);
    for (int c = 0; c < classes; c++)
        mwn_json_text(&json, NULL, names[c]);
    mwn_json_end_array(&json);
    if (!json.buf.failed)
        mwn_st_builder_metadata(builder, "class_names", json.buf.text);
    text->failed = text->failed || json.buf.failed;
    mwn_json_release(&json);
}

/* MWN_ERR_MEMORY if a text could not be made. */
static mwn_status add_note(mwn_st_builder *builder, const struct mwn_model_note *note,
                           int classes, struct mwn_error *err)
{
    struct mwn_buf text = {0};
    char number[64];

    mwn_st_builder_metadata(builder, "format", "pt");
    snprintf(number, sizeof(number), "%d", classes);
    mwn_st_builder_metadata(builder, "classes", number);
    snprintf(number, sizeof(number), "%d,%d,%d", note->sample.c, note->sample.h,
             note->sample.w);
    mwn_st_builder_metadata(builder, "sample", number);
    add_options(builder, "model", mwn_model_option_rows, &note->settings->model, &text);
    snprintf(number, sizeof(number), "%.17g", note->settings->bn.eps);
    mwn_st_builder_metadata(builder, "bn.eps", number);
    mwn_st_builder_metadata(builder, "data.reader", note->settings->data.reader);
    snprintf(number, sizeof(number), "%lld", (long long)note->settings->data.size);
    mwn_st_builder_metadata(builder, "data.size", number);
    snprintf(number, sizeof(number), "%lld", (long long)note->settings->data.resize);
    mwn_st_builder_metadata(builder, "data.resize", number);
    if (note->schema)
        mwn_st_builder_metadata(builder, "data.schema", note->schema);
    if (note->class_names)
        add_names(builder, note->class_names, classes, &text);
    mwn_normalize_text(note->normalize, &text);
    if (!text.failed)
        mwn_st_builder_metadata(builder, "data.normalize", text.text ? text.text : "");
    bool failed = text.failed;
    mwn_buf_release(&text);
    return failed ? mwn_fail_memory(err, 0, "a model's metadata") : MWN_OK;
}

size_t mwn_model_save_bytes(mwn_net *net)
{
    struct model_block block;
    size_t largest = 1, total = block_sizes(net, &largest);
    return total * sizeof *block.value +
           largest * (sizeof *block.work + sizeof *block.work2);
}

mwn_status mwn_model_save(const char *path, mwn_net *net, const struct mwn_model_note *note,
                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t largest = 1, total = block_sizes(net, &largest);
    mwn_st_builder *builder = mwn_st_builder_create();
    struct model_block block = {0};

    block.value = mwn_alloc(total, sizeof(*block.value));
    block.work = mwn_alloc(largest, sizeof(*block.work));
    block.work2 = mwn_alloc(largest, sizeof(*block.work2));
    block.batches = (int64_t)note->batches;
    if (!builder || !block.value || !block.work || !block.work2) {
        status = mwn_fail_memory(err, total * sizeof(*block.value), "saving a model");
        goto out;
    }
    MWN_TRY(add_note(builder, note, mwn_net_classes(net), err));
    add_tensors(&block, builder, net);
    MWN_TRY(mwn_st_builder_write(builder, path, err));
out:
    mwn_st_builder_free(builder);
    mwn_free(block.value);
    mwn_free(block.work);
    mwn_free(block.work2);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------ */

/* A file being loaded into a net. */
struct model_source {
    const mwn_st_file *file;
    const char *path;
    const struct mwn_graph *graph;
    const char *prefix;   /* of every tensor's name; static */
    bool *used;           /* owned [tensors of the file]    */
    double *work, *work2; /* owned [largest tensor]         */
    bool new_head;        /* the last layer stays as it is  */
    struct mwn_error *err;
};

static void shape_print(struct mwn_buf *out, int dims, const size_t *shape)
{
    mwn_buf_printf(out, "[");
    for (int d = 0; d < dims; d++)
        mwn_buf_printf(out, "%s%zu", d ? ", " : "", shape[d]);
    mwn_buf_printf(out, "]");
}

/* What wrappers put in front of the names: DataParallel, Lightning, mmpretrain, compile(). */
static const char *const prefixes[] = {
    "",
    "module.",
    "model.",
    "backbone.",
    "module.model.",
    "module.backbone.",
    "model.backbone.",
    "_orig_mod.",
};

/* The names that the last layer goes by. */
static const char *const heads[] = {"fc.", "linear.", "head.fc."};

/* The prefix under which the file has the first parameter; "" if it has it under none. */
static const char *find_prefix(const mwn_st_file *file, const struct mwn_graph *graph)
{
    char name[NAME_MAX_SIZE];
    for (size_t i = 0; i < MWN_COUNT(prefixes); i++) {
        snprintf(name, sizeof(name), "%s%s", prefixes[i], graph->params[0].name);
        if (mwn_st_find(file, name))
            return prefixes[i];
    }
    return "";
}

/* The last layer's tensor `rest` ("weight") under any of its names; it may stand beside the
 * module "backbone" that holds the others. */
static const struct mwn_st_tensor *find_head(const struct model_source *source,
                                             const char *rest)
{
    static const char backbone[] = "backbone.";
    char name[NAME_MAX_SIZE];
    const char *inner = strstr(source->prefix, backbone);
    int lengths[2] = {(int)strlen(source->prefix), 0};
    lengths[1] = inner ? (int)(inner - source->prefix) : lengths[0];
    for (size_t i = 0; i < MWN_COUNT(heads) * MWN_COUNT(lengths); i++) {
        snprintf(name, sizeof(name), "%.*s%s%s", lengths[i % 2], source->prefix,
                 heads[i / 2], rest);
        const struct mwn_st_tensor *tensor = mwn_st_find(source->file, name);
        if (tensor)
            return tensor;
    }
    return NULL;
}

static const struct mwn_st_tensor *find_tensor(const struct model_source *source,
                                               const char *name)
{
    char full[NAME_MAX_SIZE];
    snprintf(full, sizeof(full), "%s%s", source->prefix, name);
    const struct mwn_st_tensor *tensor = mwn_st_find(source->file, full);
    for (size_t i = 0; i < 2 && !tensor; i++)
        if (strncmp(name, heads[i], strlen(heads[i])) == 0)
            return find_head(source, name + strlen(heads[i]));
    return tensor;
}

static void mark_used(struct model_source *source, const struct mwn_st_tensor *tensor)
{
    for (size_t i = 0; i < mwn_st_count(source->file); i++)
        if (mwn_st_at(source->file, i) == tensor)
            source->used[i] = true;
}

static mwn_status fail_shape(const struct model_source *source, const char *name,
                             const struct mwn_st_tensor *tensor, int dims,
                             const size_t *shape)
{
    struct mwn_buf found = {0}, expected = {0};
    if (tensor)
        shape_print(&found, tensor->dims, tensor->shape);
    shape_print(&expected, dims, shape);
    const char *want = expected.text ? expected.text : "?";
    if (tensor)
        mwn_fail(source->err, MWN_ERR_MISMATCH,
                 "%s: tensor '%s' has shape %s where the model needs %s", source->path,
                 tensor->name, found.text ? found.text : "?", want);
    else
        mwn_fail(source->err, MWN_ERR_MISMATCH,
                 "%s: no tensor '%s' of shape %s, which the model needs", source->path,
                 name, want);
    mwn_hint(source->err,
             "check model.name and the number of classes; 'mwnet info %s' lists "
             "the tensors",
             source->path);
    mwn_buf_release(&found);
    mwn_buf_release(&expected);
    return MWN_ERR_MISMATCH;
}

/* Finds a tensor, checks shape, type and values, and converts it to out. */
static mwn_status read_tensor(struct model_source *source, const char *name, int dims,
                              const size_t *shape, double *out)
{
    const struct mwn_st_tensor *t = find_tensor(source, name);
    if (!t || t->dims != dims ||
        (dims > 0 && memcmp(t->shape, shape, (size_t)dims * sizeof(*shape)) != 0))
        return fail_shape(source, name, t, dims, shape);
    if (!mwn_st_is_real(t))
        return mwn_fail(source->err, MWN_ERR_MISMATCH,
                        "%s: tensor '%s' is not of type F32, F64, F16 or BF16",
                        source->path, t->name);
    mark_used(source, t);
    for (size_t i = 0; i < t->count; i++) {
        out[i] = mwn_st_real(t, i);
        if (!isfinite((float)out[i])) /* The network has floats. */
            return mwn_fail(source->err, MWN_ERR_DATA,
                            "%s: tensor '%s': number %zu is not finite", source->path,
                            t->name, i);
    }
    return MWN_OK;
}

/* Whether the file's last layer differs from the model's in the number of classes and in
 * nothing else, or is left out altogether. Its tensors count as used then. */
static bool head_differs(struct model_source *source)
{
    const struct mwn_graph *graph = source->graph;
    const struct mwn_node *head = &graph->nodes[graph->output];
    const struct mwn_st_tensor *found[2] = {NULL, NULL};

    if (head->op != MWN_OP_linear || head->param[0] == 0)
        return false;
    for (int i = 0; i < 2; i++)
        found[i] = find_tensor(source, graph->params[head->param[i]].name);
    if (!found[0] && !found[1])
        return true;
    const int *wanted = graph->params[head->param[0]].shape;
    if (!found[0] || !found[1] || found[0]->dims != 2 || found[1]->dims != 1 ||
        found[0]->shape[0] != found[1]->shape[0] ||
        found[0]->shape[0] == (size_t)wanted[0] || found[0]->shape[1] != (size_t)wanted[1])
        return false;
    mark_used(source, found[0]);
    mark_used(source, found[1]);
    return true;
}

static mwn_status load_params(struct model_source *source, mwn_net *net)
{
    const struct mwn_graph *graph = source->graph;
    for (int p = 0; p < graph->param_count; p++) {
        const struct mwn_param *param = &graph->params[p];
        size_t shape[4] = {0};
        if (source->new_head && param->node == graph->output)
            continue;
        for (int d = 0; d < param->dims; d++)
            shape[d] = (size_t)param->shape[d];
        mwn_status status =
            read_tensor(source, param->name, param->dims, shape, source->work);
        if (status != MWN_OK)
            return status;
        mwn_net_set(net, mwn_net_params(net), p, source->work);
    }
    return MWN_OK;
}

static mwn_status load_stats(struct model_source *source, mwn_net *net)
{
    char name[NAME_MAX_SIZE];
    for (int s = 0; s < mwn_net_graph(net)->stats_count; s++) {
        int channels = 0;
        const char *module = mwn_net_stats_name(net, s, &channels);
        size_t shape[1] = {(size_t)channels};
        snprintf(name, sizeof(name), "%s.running_mean", module);
        mwn_status status = read_tensor(source, name, 1, shape, source->work);
        if (status != MWN_OK)
            return status;
        snprintf(name, sizeof(name), "%s.running_var", module);
        status = read_tensor(source, name, 1, shape, source->work2);
        if (status != MWN_OK)
            return status;
        for (int c = 0; c < channels; c++)
            if (source->work2[c] < 0)
                return mwn_fail(source->err, MWN_ERR_DATA,
                                "%s: tensor '%s': number %d is %g, a variance is 0 or more",
                                source->path, name, c, source->work2[c]);
        mwn_net_set_stats(net, s, source->work, source->work2);
    }
    return MWN_OK;
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static mwn_status check_unused(const struct model_source *source)
{
    for (size_t i = 0; i < mwn_st_count(source->file); i++) {
        const struct mwn_st_tensor *t = mwn_st_at(source->file, i);
        if (source->used[i] || ends_with(t->name, ".num_batches_tracked"))
            continue;
        struct mwn_buf shape = {0};
        shape_print(&shape, t->dims, t->shape);
        mwn_fail(source->err, MWN_ERR_MISMATCH,
                 "%s: tensor '%s' of shape %s is not in the model", source->path, t->name,
                 shape.text ? shape.text : "?");
        mwn_buf_release(&shape);
        return mwn_hint(source->err, "check model.name");
    }
    return MWN_OK;
}

mwn_status mwn_model_load(mwn_net *net, const mwn_st_file *file, const char *path,
                          bool *head_replaced, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct model_source source = {
        .file = file, .path = path, .graph = mwn_net_graph(net), .err = err};
    size_t largest = 1;

    block_sizes(net, &largest);
    source.prefix = find_prefix(file, source.graph);
    source.used = mwn_alloc(mwn_st_count(file), sizeof(*source.used));
    source.work = mwn_alloc(largest, sizeof(*source.work));
    source.work2 = mwn_alloc(largest, sizeof(*source.work2));
    if (!source.used || !source.work || !source.work2) {
        status = mwn_fail_memory(err, largest * sizeof(*source.work), "loading a model");
        goto out;
    }
    source.new_head = head_replaced && head_differs(&source);
    MWN_TRY(load_params(&source, net));
    MWN_TRY(load_stats(&source, net));
    MWN_TRY(check_unused(&source));
    if (head_replaced)
        *head_replaced = source.new_head;
out:
    mwn_free(source.used);
    mwn_free(source.work);
    mwn_free(source.work2);
    return status;
}

/* The settings being taken out of a file's metadata. */
struct note_reader {
    const mwn_st_file *file;
    const char *path;
    mwn_config *config;
    mwn_status status;
    struct mwn_error *err;
};

static void note_visit(const char *section, const struct mwn_option *row, const char *owner,
                       void *user)
{
    static const char *const others[] = {"bn.eps", "data.reader", "data.normalize",
                                         "data.size", "data.resize"};
    struct note_reader *reader = user;
    char key[NAME_MAX_SIZE];
    (void)owner;
    snprintf(key, sizeof(key), "%s.%s", section, row->name);
    bool wanted = strcmp(section, "model") == 0 && strcmp(row->name, "init") != 0;
    for (size_t i = 0; i < MWN_COUNT(others); i++)
        wanted = wanted || strcmp(key, others[i]) == 0;
    const char *value = wanted ? mwn_st_metadata(reader->file, key) : NULL;
    if (value && reader->status == MWN_OK)
        reader->status =
            mwn_config_add(reader->config, key, value, reader->path, reader->err);
}

mwn_status mwn_model_settings(const mwn_st_file *file, const char *path, mwn_config *config,
                              struct mwn_error *err)
{
    struct note_reader reader = {file, path, config, MWN_OK, err};
    mwn_options_visit(note_visit, &reader);
    return reader.status;
}

/* Takes the names out of a JSON array of `classes` texts. */
static mwn_status read_names(struct mwn_model_facts *facts, const char *text,
                             const char *path, struct mwn_error *err)
{
    json_error_t error;
    json_t *array = json_loads(text, 0, &error);
    mwn_status status = MWN_OK;
    if (json_array_size(array) != (size_t)facts->classes) {
        status =
            mwn_fail(err, MWN_ERR_DATA, "%s: class_names is not a JSON array of %d texts",
                     path, facts->classes);
        goto out;
    }
    facts->class_names = mwn_alloc((size_t)facts->classes, sizeof(*facts->class_names));
    for (int c = 0; c < facts->classes && status == MWN_OK; c++) {
        const char *name = json_string_value(json_array_get(array, (size_t)c));
        if (!name)
            status =
                mwn_fail(err, MWN_ERR_DATA, "%s: class_names holds no text at %d", path, c);
        else if (!facts->class_names || !(facts->class_names[c] = mwn_strdup(name)))
            status = mwn_fail_memory(err, strlen(name), "the names of the classes");
    }
out:
    json_decref(array);
    return status;
}

/* Whether the text is `count` whole numbers with commas between them. */
static bool read_numbers(const char *text, size_t count, int *out)
{
    for (size_t i = 0; i < count; i++) {
        char *end = NULL;
        long value = strtol(text, &end, 10);
        if (end == text || *end != (i + 1 < count ? ',' : '\0') || value > INT_MAX ||
            value < INT_MIN)
            return false;
        out[i] = (int)value;
        text = end + 1;
    }
    return true;
}

mwn_status mwn_model_facts_read(struct mwn_model_facts *facts, const mwn_st_file *file,
                                const char *path, struct mwn_error *err)
{
    const char *sample = mwn_st_metadata(file, "sample");
    const char *classes = mwn_st_metadata(file, "classes");
    const char *names = mwn_st_metadata(file, "class_names");
    int shape[3] = {0};

    memset(facts, 0, sizeof(*facts));
    if (sample &&
        (!read_numbers(sample, 3, shape) || shape[0] < 1 || shape[1] < 1 || shape[2] < 1))
        return mwn_fail(err, MWN_ERR_DATA, "%s: sample is '%.40s', expected C,H,W", path,
                        sample);
    facts->sample = (struct mwn_shape){shape[0], shape[1], shape[2]};
    if (classes && (!read_numbers(classes, 1, &facts->classes) || facts->classes < 2 ||
                    facts->classes > 1 << 24))
        return mwn_fail(err, MWN_ERR_DATA, "%s: classes is '%.40s', expected a number",
                        path, classes);
    mwn_status status = MWN_OK;
    if (names && facts->classes > 0)
        status = read_names(facts, names, path, err);
    if (status != MWN_OK)
        mwn_model_facts_release(facts);
    return status;
}

void mwn_model_facts_release(struct mwn_model_facts *facts)
{
    for (int c = 0; facts->class_names && c < facts->classes; c++)
        mwn_free(facts->class_names[c]);
    mwn_free(facts->class_names);
    memset(facts, 0, sizeof(*facts));
}

/* onnx.c - a network as ONNX: one walk over the graph, whatever the model. Normalisation and
 * batch-norm in evaluation mode are nodes of their own; dropout is left out. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/model_open.h"
#include "train/onnx_file.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_NAME = 96 };

/* The value of a graph's node in the ONNX graph. */
struct value {
    char name[VALUE_NAME];
    bool flat; /* [batch][c], else [batch][c][h][w] */
};

struct walk {
    mwn_onnx *onnx;
    const struct mwn_graph *graph;
    mwn_net *net;
    double eps;
    struct value *value;  /* owned [nodes]          */
    double *work, *work2; /* owned [largest tensor] */
};

/* ---- Names and ranks ---------------------------------------------------------------- */

/* Names what node i has come to: by its module, or its operator and number. `part` is of a
 * node that takes several ("add"); the last one of the output is "logits". */
static const char *name_value(struct walk *w, int i, const char *part, bool last)
{
    static const char *const ops[] = {
#define X(name) #name,
        MWN_OP_LIST(X)
#undef X
    };
    const struct mwn_node *node = &w->graph->nodes[i];
    struct value *v = &w->value[i];
    const char *dot = *part ? "." : "";
    if (last && i == w->graph->output)
        snprintf(v->name, sizeof(v->name), "logits");
    else if (node->name[0])
        snprintf(v->name, sizeof(v->name), "%s%s%s", node->name, dot, part);
    else
        snprintf(v->name, sizeof(v->name), "%s%d%s%s", ops[node->op], i, dot, part);
    return v->name;
}

/* Copies the name of node x's value, as node i reads it: flat, or with height and width. */
static void read_value(struct walk *w, int i, int x, bool flat, char out[VALUE_NAME])
{
    static const int64_t axes[] = {2, 3};
    const struct value *v = &w->value[x];
    char constant[VALUE_NAME];
    if (v->flat == flat) {
        snprintf(out, VALUE_NAME, "%s", v->name);
        return;
    }
    snprintf(out, VALUE_NAME, "%.70s.%s%d", v->name, flat ? "flat" : "spatial", i);
    if (flat) {
        mwn_onnx_node(w->onnx, "Flatten", out, (const char *[]){v->name, NULL});
        return;
    }
    snprintf(constant, sizeof(constant), "spatial%d.axes", i);
    mwn_onnx_ints(w->onnx, constant, 2, axes);
    mwn_onnx_node(w->onnx, "Unsqueeze", out, (const char *[]){v->name, constant, NULL});
}

static const char *put_param(struct walk *w, int p)
{
    const struct mwn_param *param = &w->graph->params[p];
    mwn_net_get(w->net, mwn_net_params(w->net), p, w->work);
    mwn_onnx_floats(w->onnx, param->name, param->dims, param->shape, w->work);
    return param->name;
}

/* ---- Operators ---------------------------------------------------------------------- */

static void set_window(struct walk *w, const struct mwn_node *node)
{
    const int64_t kernel[] = {node->kernel_h, node->kernel_w};
    const int64_t strides[] = {node->stride, node->stride};
    const int64_t pads[] = {node->pad, node->pad, node->pad, node->pad};
    mwn_onnx_set_ints(w->onnx, "kernel_shape", 2, kernel);
    mwn_onnx_set_ints(w->onnx, "strides", 2, strides);
    mwn_onnx_set_ints(w->onnx, "pads", 4, pads);
}

static void put_conv(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME];
    read_value(w, i, node->input[0], false, x);
    const char *weight = put_param(w, node->param[0]);
    const char *bias = node->param[1] >= 0 ? put_param(w, node->param[1]) : NULL;
    mwn_onnx_node(w->onnx, "Conv", name_value(w, i, "", true),
                  (const char *[]){x, weight, bias, NULL});
    set_window(w, node);
}

static void put_pool(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME];
    bool mean = node->op == MWN_OP_avgpool;
    read_value(w, i, node->input[0], false, x);
    mwn_onnx_node(w->onnx, mean ? "AveragePool" : "MaxPool", name_value(w, i, "", true),
                  (const char *[]){x, NULL});
    set_window(w, node);
    if (mean)
        mwn_onnx_set_int(w->onnx, "count_include_pad", 1);
}

static void put_linear(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME];
    read_value(w, i, node->input[0], true, x);
    const char *weight = put_param(w, node->param[0]);
    const char *bias = node->param[1] >= 0 ? put_param(w, node->param[1]) : NULL;
    w->value[i].flat = true;
    mwn_onnx_node(w->onnx, "Gemm", name_value(w, i, "", true),
                  (const char *[]){x, weight, bias, NULL});
    mwn_onnx_set_int(w->onnx, "transB", 1);
}

/* y = relu?(bn(x) + residual?) in up to three nodes. */
static void put_norm(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME], r[VALUE_NAME] = "", mean[VALUE_NAME], variance[VALUE_NAME];
    int channels = 0, residual = node->input[1];
    bool flat = w->value[node->input[0]].flat;
    const char *module = mwn_net_stats_name(w->net, node->stats, &channels);

    w->value[i].flat = flat;
    read_value(w, i, node->input[0], flat, x);
    if (residual != MWN_NO_NODE)
        read_value(w, i, residual, flat, r);
    const char *gamma = put_param(w, node->param[0]), *beta = put_param(w, node->param[1]);
    mwn_net_get_stats(w->net, node->stats, w->work, w->work2);
    snprintf(mean, sizeof(mean), "%s.running_mean", module);
    snprintf(variance, sizeof(variance), "%s.running_var", module);
    mwn_onnx_floats(w->onnx, mean, 1, &channels, w->work);
    mwn_onnx_floats(w->onnx, variance, 1, &channels, w->work2);
    mwn_onnx_node(w->onnx, "BatchNormalization", name_value(w, i, "", !*r && !node->relu),
                  (const char *[]){x, gamma, beta, mean, variance, NULL});
    mwn_onnx_set_real(w->onnx, "epsilon", w->eps);
    if (*r) {
        snprintf(x, sizeof(x), "%s", w->value[i].name);
        mwn_onnx_node(w->onnx, "Add", name_value(w, i, "add", !node->relu),
                      (const char *[]){x, r, NULL});
    }
    if (node->relu) {
        snprintf(x, sizeof(x), "%s", w->value[i].name);
        mwn_onnx_node(w->onnx, "Relu", name_value(w, i, "relu", true),
                      (const char *[]){x, NULL});
    }
}

static void put_add(struct walk *w, int i, const struct mwn_node *node)
{
    char a[VALUE_NAME], b[VALUE_NAME];
    bool flat = w->value[node->input[0]].flat;
    w->value[i].flat = flat;
    read_value(w, i, node->input[0], flat, a);
    read_value(w, i, node->input[1], flat, b);
    mwn_onnx_node(w->onnx, "Add", name_value(w, i, "", true), (const char *[]){a, b, NULL});
}

/* Every stride-th row and column, then zero channels on both sides. */
static void put_shortcut(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME], name[4][VALUE_NAME];
    static const char *const parts[] = {"starts", "ends", "axes", "steps"};
    const struct mwn_shape *in = &w->graph->nodes[node->input[0]].shape;
    const int64_t values[4][2] = {
        {0, 0}, {in->h, in->w}, {2, 3}, {node->stride, node->stride}};
    const int64_t extra = (node->shape.c - in->c) / 2;
    const int64_t pads[8] = {0, extra, 0, 0, 0, extra, 0, 0};

    read_value(w, i, node->input[0], false, x);
    for (int k = 0; k < 4; k++) {
        snprintf(name[k], sizeof(name[k]), "shortcut%d.%s", i, parts[k]);
        mwn_onnx_ints(w->onnx, name[k], 2, values[k]);
    }
    mwn_onnx_node(w->onnx, "Slice", name_value(w, i, "slice", false),
                  (const char *[]){x, name[0], name[1], name[2], name[3], NULL});
    snprintf(x, sizeof(x), "%s", w->value[i].name);
    snprintf(name[0], sizeof(name[0]), "shortcut%d.pads", i);
    mwn_onnx_ints(w->onnx, name[0], 8, pads);
    mwn_onnx_node(w->onnx, "Pad", name_value(w, i, "", true),
                  (const char *[]){x, name[0], NULL});
}

/* What keeps a value's rank: relu; or makes it flat: flatten, global average. */
static void put_simple(struct walk *w, int i, const struct mwn_node *node)
{
    char x[VALUE_NAME];
    bool mean = node->op == MWN_OP_gpool;
    read_value(w, i, node->input[0], mean ? false : w->value[node->input[0]].flat, x);
    const char *op = mean                         ? "GlobalAveragePool"
                     : node->op == MWN_OP_flatten ? "Flatten"
                                                  : "Relu";
    w->value[i].flat =
        node->op == MWN_OP_flatten || (!mean && w->value[node->input[0]].flat);
    mwn_onnx_node(w->onnx, op, name_value(w, i, "", true), (const char *[]){x, NULL});
}

/* Raw samples come in; the normalised ones go on: (x - mean) / std. */
static void put_input(struct walk *w, int i, const struct mwn_node *node,
                      const struct mwn_normalize *normalize)
{
    const struct mwn_shape *s = &node->shape;
    const int shape[] = {s->c, s->h, s->w}, constant[] = {s->c, 1, 1};
    bool flat = s->h == 1 && s->w == 1;
    mwn_onnx_input(w->onnx, "input", flat ? 1 : 3, shape);
    for (int c = 0; c < s->c; c++) {
        w->work[c] = (double)normalize->mean[normalize->channels > 1 ? c : 0];
        w->work2[c] = (double)normalize->std[normalize->channels > 1 ? c : 0];
    }
    mwn_onnx_floats(w->onnx, "normalize.mean", flat ? 1 : 3, constant, w->work);
    mwn_onnx_floats(w->onnx, "normalize.std", flat ? 1 : 3, constant, w->work2);
    mwn_onnx_node(w->onnx, "Sub", "normalize.centred",
                  (const char *[]){"input", "normalize.mean", NULL});
    mwn_onnx_node(w->onnx, "Div", "normalized",
                  (const char *[]){"normalize.centred", "normalize.std", NULL});
    w->value[i].flat = flat;
    snprintf(w->value[i].name, sizeof(w->value[i].name), "normalized");
}

static void put_node(struct walk *w, int i, const struct mwn_normalize *normalize)
{
    const struct mwn_node *node = &w->graph->nodes[i];
    switch (node->op) {
    case MWN_OP_input:
        put_input(w, i, node, normalize);
        break;
    case MWN_OP_conv:
        put_conv(w, i, node);
        break;
    case MWN_OP_bnorm:
        put_norm(w, i, node);
        break;
    case MWN_OP_add:
        put_add(w, i, node);
        break;
    case MWN_OP_shortcut:
        put_shortcut(w, i, node);
        break;
    case MWN_OP_avgpool:
    case MWN_OP_maxpool:
        put_pool(w, i, node);
        break;
    case MWN_OP_linear:
        put_linear(w, i, node);
        break;
    case MWN_OP_relu:
    case MWN_OP_gpool:
    case MWN_OP_flatten:
        put_simple(w, i, node);
        break;
    case MWN_OP_dropout: /* the identity, once trained */
    case MWN_OP_COUNT:
        w->value[i] = w->value[node->input[0]];
        break;
    }
}

static size_t largest_tensor(const struct mwn_graph *graph)
{
    size_t largest = 1;
    for (int p = 0; p < graph->param_count; p++)
        largest = graph->params[p].count > largest ? graph->params[p].count : largest;
    for (int i = 0; i < graph->node_count; i++)
        if ((size_t)graph->nodes[i].shape.c > largest)
            largest = (size_t)graph->nodes[i].shape.c;
    return largest;
}

static mwn_status put_network(mwn_onnx *onnx, const struct mwn_opened *model,
                              const struct mwn_normalize *normalize, struct mwn_error *err)
{
    const struct mwn_graph *graph = mwn_net_graph(model->net);
    size_t largest = largest_tensor(graph);
    struct walk w = {
        .onnx = onnx, .graph = graph, .net = model->net, .eps = model->settings.bn.eps};
    mwn_status status = MWN_OK;
    int classes = mwn_net_classes(model->net);

    w.value = mwn_alloc((size_t)graph->node_count, sizeof(*w.value));
    w.work = mwn_alloc(largest, sizeof(*w.work));
    w.work2 = mwn_alloc(largest, sizeof(*w.work2));
    if (w.value && w.work && w.work2) {
        for (int i = 0; i < graph->node_count; i++)
            put_node(&w, i, normalize);
        mwn_onnx_output(onnx, "logits", 1, &classes);
    } else {
        status = mwn_fail_memory(err, largest * sizeof(*w.work), "an ONNX model");
    }
    mwn_free(w.value);
    mwn_free(w.work);
    mwn_free(w.work2);
    return status;
}

/* ---- The file ----------------------------------------------------------------------- */

static mwn_status put_notes(mwn_onnx *onnx, const struct mwn_opened *model,
                            const struct mwn_normalize *normalize, struct mwn_error *err)
{
    static const char *const keys[] = {"class_names", "data.schema"};
    struct mwn_buf text = {0};
    mwn_onnx_describe(
        onnx, model->settings.model.name,
        "A classifier trained by mwnet. input: samples as their files have them, bytes "
        "divided by 255, colours in the order red, green, blue; the normalisation is part "
        "of the graph. logits: softmax gives the probabilities of the classes.");
    mwn_onnx_note(onnx, "model.name", model->settings.model.name);
    mwn_onnx_note(onnx, "data.reader", model->settings.data.reader);
    for (size_t i = 0; i < MWN_COUNT(keys); i++)
        mwn_onnx_note(onnx, keys[i], mwn_st_metadata(model->file, keys[i]));
    mwn_normalize_text(normalize, &text);
    if (!text.failed)
        mwn_onnx_note(onnx, "data.normalize", text.text);
    bool failed = text.failed;
    mwn_buf_release(&text);
    return failed ? mwn_fail_memory(err, 0, "a model's metadata") : MWN_OK;
}

/* Shape and classes: the file's own, else those of the data that the options name. */
static mwn_status find_facts(struct mwn_opened *model, struct mwn_error *err)
{
    struct mwn_model_facts *facts = &model->facts;
    const struct mwn_data_options *data = &model->settings.data;
    struct mwn_source source = {0};
    if (facts->sample.c > 0 && facts->classes > 0)
        return MWN_OK;
    if (!data->path || !*data->path) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s does not say how large its samples are",
                 model->path);
        return mwn_hint(err, "add data.reader=NAME and data.path=DIR of data like its own");
    }
    const struct mwn_request request = {.options = data, .part = MWN_PART_TEST};
    mwn_status status = mwn_source_open(&source, &request, err);
    if (status == MWN_OK) {
        facts->sample = source.shape;
        facts->classes = source.classes;
    }
    mwn_source_close(&source);
    return status;
}

static mwn_status check_channels(const struct mwn_opened *model,
                                 const struct mwn_normalize *normalize,
                                 struct mwn_error *err)
{
    int channels = model->facts.sample.c;
    if (normalize->channels == 1 || normalize->channels == channels)
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_CONFIG,
                    "data.normalize: constants for %d channels, the samples have %d",
                    normalize->channels, channels);
}

static mwn_status report_export(const struct mwn_opened *model, const char *out,
                                size_t bytes, char **json, struct mwn_error *err)
{
    struct mwn_json report = {0};
    const struct mwn_shape *sample = &model->facts.sample;
    mwn_json_object(&report, NULL);
    mwn_json_text(&report, "model", model->settings.model.name);
    mwn_json_text(&report, "file", model->path);
    mwn_json_text(&report, "out", out);
    mwn_json_array(&report, "input");
    mwn_json_int(&report, NULL, sample->c);
    if (sample->h > 1 || sample->w > 1) {
        mwn_json_int(&report, NULL, sample->h);
        mwn_json_int(&report, NULL, sample->w);
    }
    mwn_json_end_array(&report);
    mwn_json_int(&report, "classes", mwn_net_classes(model->net));
    mwn_json_int(&report, "opset", MWN_ONNX_OPSET);
    mwn_json_size(&report, "bytes", bytes);
    mwn_json_end_object(&report);
    mwn_status status = mwn_json_take(&report, json, err);
    mwn_json_release(&report);
    return status;
}

mwn_status mwn_export_onnx(const char *path, const mwn_config *config, const char *out,
                           char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_opened model = {0};
    struct mwn_normalize normalize = {0};
    mwn_onnx *onnx = NULL;
    size_t bytes = 0;

    MWN_TRY(mwn_opened_open(&model, path, config, err));
    MWN_TRY(mwn_folder_check_output(mwn_path_is_dir(path) ? path : NULL, model.config, out,
                                    err));
    MWN_TRY(find_facts(&model, err));
    MWN_TRY(mwn_normalize_resolve(&normalize, &model.settings.data, NULL, err));
    MWN_TRY(check_channels(&model, &normalize, err));
    MWN_TRY(mwn_opened_load(&model, model.facts.sample, model.facts.classes, err));
    onnx = mwn_onnx_create();
    if (!onnx) {
        status = mwn_fail_memory(err, 0, "an ONNX model");
        goto out;
    }
    MWN_TRY(put_network(onnx, &model, &normalize, err));
    MWN_TRY(put_notes(onnx, &model, &normalize, err));
    MWN_TRY(mwn_onnx_write(onnx, out, &bytes, err));
    MWN_TRY(report_export(&model, out, bytes, json, err));
out:
    mwn_onnx_free(onnx);
    mwn_normalize_release(&normalize);
    mwn_opened_release(&model);
    return status;
}

/* weight_net_file.c - a learned weight net V in a file of its own. */
#include "engine/weight_net_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define FORMAT "mwnet-weight-net-1"

enum { FILE_LIMIT = 1 << 26, PER_LINE = 4 };

/* ---- Writing ------------------------------------------------------------------------ */

static void add_numbers(struct mwn_buf *out, const double *number, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mwn_buf_printf(out, "%s%.17g", i ? ", " : "", number[i]);
}

void mwn_weight_net_json(const struct mwn_weight_net *net, struct mwn_buf *out)
{
    const double *theta = net->theta;
    mwn_buf_printf(out, "{\"format\": \"" FORMAT "\", \"layers\": [");
    for (int l = 0; l < net->layers; l++) {
        size_t in = net->width[l], width = net->width[l + 1];
        mwn_buf_printf(out, "%s\n {\"in\": %zu, \"out\": %zu, \"weight\": [", l ? "," : "",
                       in, width);
        add_numbers(out, theta, in * width);
        mwn_buf_printf(out, "], \"bias\": [");
        add_numbers(out, theta + in * width, width);
        mwn_buf_printf(out, "]}");
        theta += (in + 1) * width;
    }
    mwn_buf_printf(out, "\n]}\n");
}

static void add_table(const struct mwn_weight_net *net, struct mwn_buf *out)
{
    mwn_buf_printf(out, "    static const int width[] = {");
    for (int l = 0; l <= net->layers; l++)
        mwn_buf_printf(out, "%s%zu", l ? ", " : "", net->width[l]);
    mwn_buf_printf(out, "};\n    static const double theta[] = {");
    for (size_t i = 0; i < net->n_params; i++)
        mwn_buf_printf(out, "%s%.17g%s", i % PER_LINE ? " " : "\n        ", net->theta[i],
                       i + 1 < net->n_params ? "," : "");
    mwn_buf_printf(out, "};\n");
}

void mwn_weight_net_header(const struct mwn_weight_net *net, struct mwn_buf *out)
{
    size_t widest = 1;
    for (int l = 1; l < net->layers; l++)
        widest = net->width[l] > widest ? net->width[l] : widest;
    mwn_buf_printf(
        out,
        "/* How much a training sample with this cross-entropy loss is to count, "
        "0..1: the weight\n * net of a Meta-Weight-Net run, written by mwnet %s. "
        "Link with -lm. */\n"
        "#ifndef MWN_WEIGHT_H\n#define MWN_WEIGHT_H\n\n#include <math.h>\n\n"
        "static inline double mwn_weight(double loss)\n{\n",
        mwn_version());
    add_table(net, out);
    mwn_buf_printf(
        out,
        "    const double *t = theta;\n"
        "    double x[%zu] = {0}, y[%zu] = {0}, z = 0;\n"
        "    x[0] = loss;\n"
        "    for (int l = 0; l < %d; l++) { /* hidden layers: weight [out][in], bias */\n"
        "        for (int o = 0; o < width[l + 1]; o++) {\n"
        "            z = t[width[l] * width[l + 1] + o];\n"
        "            for (int i = 0; i < width[l]; i++)\n"
        "                z += t[o * width[l] + i] * x[i];\n"
        "            y[o] = z > 0 ? z : 0;\n"
        "        }\n"
        "        t += (width[l] + 1) * width[l + 1];\n"
        "        for (int o = 0; o < width[l + 1]; o++)\n"
        "            x[o] = y[o];\n"
        "    }\n"
        "    z = t[width[%d] * width[%d]];\n"
        "    for (int i = 0; i < width[%d]; i++)\n"
        "        z += t[i] * x[i];\n"
        "    return 1 / (1 + exp(-z));\n"
        "}\n\n#endif\n",
        widest, widest, net->layers - 1, net->layers - 1, net->layers, net->layers - 1);
}

/* ---- Reading ------------------------------------------------------------------------ */

static mwn_status fail_form(const char *path, const char *what, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: is not a weight net: %s", path, what);
    return mwn_hint(err, "make one by mwnet export RUN --weight-net FILE.json");
}

/* `count` finite numbers. */
static bool read_numbers(json_t *list, double *out, size_t count)
{
    if (!json_is_array(list) || json_array_size(list) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_array_get(list, i);
        out[i] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(out[i]))
            return false;
    }
    return true;
}

/* Widths of the layers, checked against each other. */
static bool read_widths(json_t *layers, struct mwn_int_list *hidden, size_t *heads)
{
    size_t count = json_array_size(layers), before = 1;
    if (count < 1 || count > MWN_WEIGHT_NET_LAYERS)
        return false;
    for (size_t l = 0; l < count; l++) {
        json_t *layer = json_array_get(layers, l);
        json_int_t in = json_integer_value(json_object_get(layer, "in"));
        json_int_t width = json_integer_value(json_object_get(layer, "out"));
        if (in < 1 || (size_t)in != before || width < 1 || width > 4096)
            return false;
        before = *heads = (size_t)width;
        if (l + 1 < count)
            hidden->item[hidden->count++] = (int64_t)width;
    }
    return true;
}

static mwn_status read_layers(struct mwn_weight_net *net, json_t *root, const char *path,
                              size_t max_n, struct mwn_error *err)
{
    struct mwn_int_list hidden = {0};
    size_t heads = 0;
    const char *format = json_string_value(json_object_get(root, "format"));
    json_t *layers = json_object_get(root, "layers");

    if (!format || strcmp(format, FORMAT) != 0)
        return fail_form(path, "there is no \"format\": \"" FORMAT "\"", err);
    if (!read_widths(layers, &hidden, &heads))
        return fail_form(path, "its layers do not fit each other", err);
    mwn_status status = mwn_weight_net_init(net, &hidden, heads, max_n, 0, err);
    double *theta = net->theta;
    for (int l = 0; l < net->layers && status == MWN_OK; l++) {
        size_t in = net->width[l], width = net->width[l + 1];
        json_t *layer = json_array_get(layers, (size_t)l);
        if (!read_numbers(json_object_get(layer, "weight"), theta, in * width) ||
            !read_numbers(json_object_get(layer, "bias"), theta + in * width, width))
            status =
                fail_form(path, "a layer has not the numbers that it should have", err);
        theta += (in + 1) * width;
    }
    return status;
}

mwn_status mwn_weight_net_read(struct mwn_weight_net *net, const char *path, size_t max_n,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    json_error_t problem;
    json_t *root = NULL;

    MWN_TRY(mwn_file_read(path, FILE_LIMIT, &bytes, err));
    root = json_loadb((const char *)bytes.data, bytes.size, 0, &problem);
    if (root)
        status = read_layers(net, root, path, max_n, err);
    else
        status = fail_form(path, problem.text, err);
out:
    if (status != MWN_OK)
        mwn_weight_net_release(net);
    json_decref(root);
    mwn_bytes_release(&bytes);
    return status;
}

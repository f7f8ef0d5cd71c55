/* weight_net_file.c - the weight function of a run for use elsewhere: out of the run into a file,
 * and applied to losses that somebody else has computed. */
#include "base/base.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "engine/weight_net_file.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"
#include "train/config.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 30 };

/* ---- Export ------------------------------------------------------------------------- */

/* A weight net of the sizes that the run's recipe says. */
static mwn_status make_net(struct mwn_weight_net *net, const char *dir,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_config *config = NULL;
    struct mwn_settings settings = {0};
    char *recipe = NULL;

    MWN_TRY(mwn_folder_path(dir, "recipe.yaml", &recipe, err));
    MWN_TRY(mwn_config_create(&config, err));
    MWN_TRY(mwn_config_read(config, recipe, err));
    MWN_TRY(mwn_settings_resolve(&settings, config, err));
    const struct mwn_option *rows = settings.method->options;
    const struct mwn_option *row = rows ? mwn_option_find(rows, "hidden") : NULL;
    if (!row || row->type != MWN_OPT_LIST) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: method '%s' learns no weight net", dir,
                 settings.method->name);
        status = mwn_hint(err, "runs of method.name=mwnet have one");
        goto out;
    }
    char **start = mwn_settings_weight_net(&settings);
    const struct mwn_int_list *hidden =
        (const void *)((const char *)settings.method_options + row->offset);
    if (start && *start && **start) /* Its sizes count. */
        status = mwn_weight_net_read(net, *start, 1, err);
    else
        status = mwn_weight_net_init(net, hidden, 1, 1, 0, err);
out:
    if (settings.method)
        mwn_settings_release(&settings);
    mwn_config_free(config);
    mwn_free(recipe);
    return status;
}

/* Its numbers from the last checkpoint. */
static mwn_status load_theta(struct mwn_weight_net *net, const char *dir,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    mwn_st_file *file = NULL;
    char *path = NULL;

    assert(net->theta);
    MWN_TRY(mwn_folder_path(dir, "last/state.safetensors", &path, err));
    MWN_TRY(mwn_st_open(&file, path, err));
    const struct mwn_st_tensor *theta = mwn_st_find(file, "method.theta");
    if (!theta || theta->type != MWN_ST_F64 || theta->count != net->n_params)
        status = mwn_fail(err, MWN_ERR_MISMATCH,
                          "%s: holds no weight net of one output and %zu numbers", path,
                          net->n_params);
    else
        memcpy(net->theta, theta->data, net->n_params * sizeof(double));
out:
    mwn_st_close(file);
    mwn_free(path);
    return status;
}

mwn_status mwn_export_weight_net(const char *dir, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_weight_net net = {0};
    struct mwn_buf text = {0};

    if (!mwn_path_has_end(path, ".json") && !mwn_path_has_end(path, ".h"))
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "'%s' ends neither in .json nor in .h, so what is to be in it?",
                        path);
    MWN_TRY(make_net(&net, dir, err));
    MWN_TRY(load_theta(&net, dir, err));
    if (mwn_path_has_end(path, ".h"))
        mwn_weight_net_header(&net, &text);
    else
        mwn_weight_net_json(&net, &text);
    if (text.failed)
        status = mwn_fail_memory(err, text.size, "the weight net");
    else
        status = mwn_file_write(path, text.text, text.size, err);
out:
    mwn_buf_release(&text);
    mwn_weight_net_release(&net);
    return status;
}

/* ---- Weights of given losses --------------------------------------------------------- */

struct losses {
    double *value; /* owned [n] */
    size_t n, room;
};

static mwn_status add_loss(struct losses *losses, double value, const char *path,
                           size_t line, struct mwn_error *err)
{
    if (!isfinite(value))
        return mwn_fail(err, MWN_ERR_DATA, "%s: loss %zu is %g, expected a finite number",
                        path, line, value);
    if (losses->n == losses->room) {
        size_t room = losses->room ? 2 * losses->room : 1024;
        double *grown = mwn_resize(losses->value, room, sizeof(*grown));
        if (!grown)
            return mwn_fail_memory(err, room * sizeof(*grown), "losses");
        losses->value = grown;
        losses->room = room;
    }
    losses->value[losses->n++] = value;
    return MWN_OK;
}

static mwn_status read_npy(struct losses *losses, const char *path, struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    mwn_status status = mwn_npy_read(path, &npy, err);
    for (size_t i = 0; i < npy.count && status == MWN_OK; i++)
        status = add_loss(losses, mwn_npy_real(&npy, i), path, i + 1, err);
    mwn_npy_release(&npy);
    return status;
}

/* The column with the name "loss", or the first. */
static mwn_status read_csv(struct losses *losses, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    bool more = true;
    size_t column = 0;

    MWN_TRY(mwn_file_read(path, FILE_LIMIT, &bytes, err));
    struct mwn_csv csv = {.path = path, .text = (char *)bytes.data};
    for (bool first = true; more; first = false) {
        double value = 0;
        MWN_TRY(mwn_csv_next(&csv, &more, err));
        if (!more)
            break;
        bool is_number = column < csv.count && mwn_text_real(csv.field[column], &value);
        for (size_t f = 0; first && f < csv.count; f++)
            column = strcmp(csv.field[f], "loss") == 0 ? f : column;
        if (!is_number && first)
            continue;
        if (!is_number) {
            status = mwn_fail(err, MWN_ERR_DATA, "%s:%zu: '%.40s' is not a number", path,
                              csv.line, column < csv.count ? csv.field[column] : "");
            goto out;
        }
        MWN_TRY(add_loss(losses, value, path, csv.line, err));
    }
out:
    mwn_bytes_release(&bytes);
    return status;
}

static mwn_status write_weights(const char *path, const double *weight, size_t n,
                                struct mwn_error *err)
{
    struct mwn_buf text = {0};
    if (mwn_path_has_end(path, ".npy"))
        return mwn_npy_write(path, MWN_NPY_F64, 1, &n, weight, err);
    if (mwn_path_has_end(path, ".csv"))
        mwn_buf_printf(&text, "weight\n");
    for (size_t i = 0; i < n; i++)
        mwn_buf_printf(&text, "%.9g\n", weight[i]);
    mwn_status status = text.failed ? mwn_fail_memory(err, text.size, "weights")
                                    : mwn_file_write(path, text.text, text.size, err);
    mwn_buf_release(&text);
    return status;
}

static mwn_status check_names(const char *losses, const char *output, struct mwn_error *err)
{
    bool fine = mwn_path_has_end(losses, ".npy") || mwn_path_has_end(losses, ".csv");
    if (!fine)
        return mwn_fail(err, MWN_ERR_CONFIG, "'%s': losses come as .npy or .csv", losses);
    if (mwn_path_is_same(losses, output))
        return mwn_fail(err, MWN_ERR_CONFIG, "%s: is to be read and written", output);
    if (!mwn_path_has_end(output, ".npy") && !mwn_path_has_end(output, ".csv") &&
        !mwn_path_has_end(output, ".weight"))
        return mwn_fail(err, MWN_ERR_CONFIG, "'%s': weights go to .npy, .csv or .weight",
                        output);
    return MWN_OK;
}

mwn_status mwn_score(const char *weight_net, const char *losses, const char *output,
                     char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_weight_net net = {0};
    struct losses in = {0};
    struct mwn_json out = {0};
    double sum = 0, *weight = NULL;

    MWN_TRY(check_names(losses, output, err));
    MWN_TRY(mwn_weight_net_read(&net, weight_net, 1, err));
    MWN_TRY(mwn_path_has_end(losses, ".npy") ? read_npy(&in, losses, err)
                                             : read_csv(&in, losses, err));
    weight = mwn_alloc(in.n, sizeof(*weight));
    if (!weight) {
        status = mwn_fail_memory(err, in.n * sizeof(*weight), "weights");
        goto out;
    }
    mwn_weight_net_apply(&net, in.n, in.value, weight);
    MWN_TRY(write_weights(output, weight, in.n, err));
    for (size_t i = 0; i < in.n; i++)
        sum += weight[i];
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "weights", output);
    mwn_json_size(&out, "samples", in.n);
    mwn_json_real(&out, "mean", in.n ? sum / (double)in.n : (double)NAN, 6);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    mwn_free(weight);
    mwn_free(in.value);
    mwn_weight_net_release(&net);
    return status;
}

/* list.c - lists what is there: methods, models, readers, noises, options, data sets. */
#include "base/base.h"
#include "base/status.h"
#include "data/noise.h"
#include "data/reader.h"
#include "fetch/dataset.h"
#include "methods/method.h"
#include "models/model.h"
#include "train/config.h"
#include "train/json_writer.h"

#include <float.h>
#include <string.h>

static void add_entry(struct mwn_json *json, const char *name, const char *summary)
{
    mwn_json_object(json, NULL);
    mwn_json_text(json, "name", name);
    mwn_json_text(json, "summary", summary);
    mwn_json_end_object(json);
}

static void list_methods(struct mwn_json *json)
{
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        mwn_json_object(json, NULL);
        mwn_json_text(json, "name", (*m)->name);
        mwn_json_text(json, "summary", (*m)->summary);
        mwn_json_text(json, "reference", (*m)->reference);
        mwn_json_bool(json, "meta_set", (*m)->needs & MWN_NEEDS_META);
        mwn_json_end_object(json);
    }
}

static void list_models(struct mwn_json *json)
{
    for (const struct mwn_model *const *m = mwn_models; *m; m++)
        add_entry(json, (*m)->pattern, (*m)->summary);
}

static void list_readers(struct mwn_json *json)
{
    for (const struct mwn_reader *const *r = mwn_readers; *r; r++)
        add_entry(json, (*r)->name, (*r)->summary);
}

static void list_noises(struct mwn_json *json)
{
    for (const struct mwn_noise *const *n = mwn_noises; *n; n++)
        add_entry(json, (*n)->name, (*n)->summary);
}

static void add_range(struct mwn_json *json, const struct mwn_option *row)
{
    bool is_number =
        row->type == MWN_OPT_INT || row->type == MWN_OPT_REAL || row->type == MWN_OPT_LIST;
    if (is_number) {
        mwn_json_array(json, "range");
        mwn_json_real(json, NULL, row->min, 16);
        mwn_json_real(json, NULL, row->max, 16);
        mwn_json_end_array(json);
    } else if (row->type == MWN_OPT_CHOICE) {
        mwn_json_array(json, "choices");
        for (const char *const *choice = row->choices; *choice; choice++)
            mwn_json_text(json, NULL, *choice);
        mwn_json_end_array(json);
    }
}

static void add_option(const char *section, const struct mwn_option *row, const char *owner,
                       void *user)
{
    static const char *const types[] = {"bool", "int", "real", "text", "choice", "list"};
    struct mwn_json *json = user;
    struct mwn_buf key = {0};

    mwn_buf_printf(&key, "%s.%s", section, row->name);
    mwn_json_object(json, NULL);
    mwn_json_text(json, "key", key.text ? key.text : "");
    mwn_json_text(json, "type", types[row->type]);
    mwn_json_text(json, "default", row->value);
    add_range(json, row);
    if (owner)
        mwn_json_text(json, "method", owner);
    mwn_json_text(json, "help", row->help);
    mwn_json_end_object(json);
    json->buf.failed = json->buf.failed || key.failed;
    mwn_buf_release(&key);
}

static void list_options(struct mwn_json *json)
{
    mwn_options_visit(add_option, json);
}

static void list_datasets(struct mwn_json *json)
{
    for (const struct mwn_dataset *d = mwn_datasets; d->name; d++)
        add_entry(json, d->name, d->summary);
}

static const struct {
    const char *name;
    void (*list)(struct mwn_json *json);
} lists[] = {
    {"methods", list_methods}, {"models", list_models},   {"readers", list_readers},
    {"noises", list_noises},   {"options", list_options}, {"datasets", list_datasets},
};

mwn_status mwn_list(const char *what, char **json, struct mwn_error *err)
{
    const char *names[MWN_COUNT(lists)];
    for (size_t i = 0; i < MWN_COUNT(lists); i++) {
        names[i] = lists[i].name;
        if (strcmp(what, lists[i].name) != 0)
            continue;
        struct mwn_json out = {0};
        mwn_json_array(&out, NULL);
        lists[i].list(&out);
        mwn_json_end_array(&out);
        mwn_status status = mwn_json_take(&out, json, err);
        mwn_json_release(&out);
        return status;
    }
    const char *near = mwn_nearest(what, names, MWN_COUNT(names));
    mwn_fail(err, MWN_ERR_CONFIG,
             "'%.40s' is not one of methods, models, readers, noises, options, datasets",
             what);
    return near ? mwn_hint(err, "did you mean '%s'?", near) : MWN_ERR_CONFIG;
}

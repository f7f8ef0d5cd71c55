/* settings.c - resolves a run's options into the structs of the modules that own them, and
 * writes them out again as a recipe. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/guess.h"
#include "train/config.h"

#include <string.h>

static void *section_fields(struct mwn_settings *settings,
                            const struct mwn_section *section)
{
    return (char *)settings + section->offset;
}

static const void *section_values(const struct mwn_settings *settings,
                                  const struct mwn_section *section)
{
    return (const char *)settings + section->offset;
}

void mwn_settings_release(struct mwn_settings *settings)
{
    for (const struct mwn_section *s = mwn_sections; s->name; s++)
        mwn_options_release(s->rows, section_fields(settings, s));
    if (settings->method_options && settings->method->options)
        mwn_options_release(settings->method->options, settings->method_options);
    mwn_free(settings->method_options);
    memset(settings, 0, sizeof(*settings));
}

/* Finds out which method is wanted and gives its options their defaults. */
static mwn_status choose_method(struct mwn_settings *settings, const mwn_config *config,
                                struct mwn_error *err)
{
    struct mwn_method_choice choice = {0};
    const struct mwn_option *row = mwn_method_choice_rows;
    mwn_status status = mwn_options_default(row, &choice, err);

    for (size_t i = 0; config && status == MWN_OK && i < config->count; i++) {
        const struct mwn_pair *pair = &config->pairs[i];
        if (strcmp(pair->key, "method.name") != 0)
            continue;
        status = mwn_option_set(row, "method", &choice, pair->value, err);
        if (status != MWN_OK && pair->origin)
            mwn_context(err, "%s", pair->origin);
    }
    if (status != MWN_OK)
        return status;
    settings->method = mwn_methods[choice.name];
    settings->method_options = mwn_alloc(1, settings->method->options_size);
    if (!settings->method_options)
        return mwn_fail_memory(err, settings->method->options_size, "method options");
    if (!settings->method->options)
        return MWN_OK;
    return mwn_options_default(settings->method->options, settings->method_options, err);
}

/* Checks the value of an option that belongs to a method that was not chosen. A recipe may
 * carry options of several methods, so that one word on the command line switches; an option
 * set by hand for another method is a mistake. */
static mwn_status check_other_method(const struct mwn_settings *settings,
                                     const struct mwn_pair *pair, const char *name,
                                     struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if (!pair->origin)
        return mwn_fail(err, MWN_ERR_CONFIG, "%s: method '%s' has no such option",
                        pair->key, settings->method->name);
    for (const struct mwn_method *const *m = mwn_methods; *m; m++) {
        const struct mwn_option *row =
            (*m)->options ? mwn_option_find((*m)->options, name) : NULL;
        void *fields = row ? mwn_alloc(1, (*m)->options_size) : NULL;
        if (!row)
            continue;
        if (!fields)
            return mwn_fail_memory(err, (*m)->options_size, "method options");
        status = mwn_option_set(row, "method", fields, pair->value, err);
        mwn_options_release((*m)->options, fields);
        mwn_free(fields);
        if (status == MWN_OK)
            break; /* It is one of that method's. */
    }
    if (status == MWN_OK && err)
        *err = (struct mwn_error){0};
    return status;
}

static mwn_status apply_method_pair(struct mwn_settings *settings,
                                    const struct mwn_pair *pair, const char *name,
                                    struct mwn_error *err)
{
    const struct mwn_option *rows = settings->method->options;
    const struct mwn_option *row = rows ? mwn_option_find(rows, name) : NULL;
    if (strcmp(name, "name") == 0)
        return MWN_OK;
    if (!row)
        return check_other_method(settings, pair, name, err);
    return mwn_option_set(row, "method", settings->method_options, pair->value, err);
}

static mwn_status apply_pair(struct mwn_settings *settings, const struct mwn_pair *pair,
                             struct mwn_error *err)
{
    const char *dot = strchr(pair->key, '.');
    size_t length = dot ? (size_t)(dot - pair->key) : 0;
    if (length == strlen("method") && strncmp(pair->key, "method", length) == 0)
        return apply_method_pair(settings, pair, dot + 1, err);
    for (const struct mwn_section *s = mwn_sections; dot && s->name; s++) {
        if (strlen(s->name) != length || strncmp(s->name, pair->key, length) != 0)
            continue;
        const struct mwn_option *row = mwn_option_find(s->rows, dot + 1);
        if (row)
            return mwn_option_set(row, s->name, section_fields(settings, s), pair->value,
                                  err);
    }
    return mwn_fail(err, MWN_ERR_CONFIG, "unknown option '%.80s'", pair->key);
}

/* What only a cosine goes by is not to be given to another schedule in vain. */
static mwn_status check_schedule(const struct mwn_schedule *schedule, struct mwn_error *err)
{
    const struct {
        const char *name;
        bool given;
    } of_cosine[] = {{"hold", schedule->hold > 0},
                     {"cycle", schedule->cycle > 0},
                     {"lr_min", schedule->lr_min > 0}};
    bool room = schedule->warmup + schedule->hold < schedule->epochs;
    for (size_t i = 0; i < MWN_COUNT(of_cosine); i++)
        if (of_cosine[i].given && schedule->kind != MWN_SCHEDULE_COSINE)
            return mwn_fail(err, MWN_ERR_CONFIG, "train.%s: needs train.schedule=cosine",
                            of_cosine[i].name);
    if (schedule->hold > 0 && !room)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "train.hold: %lld epochs, after %lld of warm-up, leave none of the "
                        "run's %lld to a cosine",
                        (long long)schedule->hold, (long long)schedule->warmup,
                        (long long)schedule->epochs);
    if (schedule->lr_min > schedule->lr)
        return mwn_fail(err, MWN_ERR_CONFIG, "train.lr_min: %g is more than train.lr, %g",
                        schedule->lr_min, schedule->lr);
    return MWN_OK;
}

/* Options against each other, as far as they do not need the data. */
static mwn_status check_settings(struct mwn_settings *settings, struct mwn_error *err)
{
    static const char *const backends[] = {"auto", "dnnl", "simd", "ref"};
    struct mwn_train_options *train = &settings->train;
    bool known = false;

    train->schedule.epochs = train->epochs;
    for (size_t i = 0; i < MWN_COUNT(backends); i++)
        known = known || strcmp(train->backend, backends[i]) == 0;
    if (!known) {
        const char *near = mwn_nearest(train->backend, backends, MWN_COUNT(backends));
        mwn_fail(err, MWN_ERR_CONFIG,
                 "train.backend: '%.40s' is not one of auto, dnnl, simd, ref",
                 train->backend);
        return near ? mwn_hint(err, "did you mean '%s'?", near) : MWN_ERR_CONFIG;
    }
    if (train->nesterov && train->momentum <= 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "train.nesterov: true needs train.momentum above 0");
    if (check_schedule(&train->schedule, err) != MWN_OK)
        return MWN_ERR_CONFIG;
    if ((settings->method->needs & MWN_NEEDS_TANGENT) &&
        settings->meta.gradient == MWN_GRADIENT_FD) {
        mwn_fail(err, MWN_ERR_CONFIG,
                 "meta.gradient: fd, a difference of losses, does not suit method '%s'",
                 settings->method->name);
        return mwn_hint(err, "jvp costs the same, and is exact");
    }
    return MWN_OK;
}

/* Whether a later pair has the same key. */
static bool is_overridden(const mwn_config *config, size_t i)
{
    for (size_t k = i + 1; k < config->count; k++)
        if (strcmp(config->pairs[k].key, config->pairs[i].key) == 0)
            return true;
    return false;
}

mwn_status mwn_settings_resolve(struct mwn_settings *settings, const mwn_config *config,
                                struct mwn_error *err)
{
    mwn_status status = MWN_OK;

    memset(settings, 0, sizeof(*settings));
    for (const struct mwn_section *s = mwn_sections; s->name; s++)
        MWN_TRY(mwn_options_default(s->rows, section_fields(settings, s), err));
    MWN_TRY(choose_method(settings, config, err));
    for (size_t i = 0; config && i < config->count; i++) {
        const struct mwn_pair *pair = &config->pairs[i];
        if (is_overridden(config, i))
            continue;
        status = apply_pair(settings, pair, err);
        if (status != MWN_OK && pair->origin)
            mwn_context(err, "%s", pair->origin);
        if (status != MWN_OK)
            goto out;
    }
    settings->needs = mwn_method_needs(settings->method, settings->method_options);
    MWN_TRY(check_settings(settings, err));
out:
    if (status != MWN_OK)
        mwn_settings_release(settings);
    return status;
}

char **mwn_settings_weight_net(const struct mwn_settings *settings)
{
    const struct mwn_option *rows = settings->method->options;
    const struct mwn_option *row = rows ? mwn_option_find(rows, "weight_net") : NULL;
    return row ? (void *)((char *)settings->method_options + row->offset) : NULL;
}

size_t mwn_settings_paths(struct mwn_settings *settings, char **paths[MWN_PATHS_MAX])
{
    struct mwn_data_options *data = &settings->data;
    char **const all[MWN_PATHS_MAX] = {
        &data->path,
        &data->test,
        &data->meta,
        &data->valid,
        &data->y,
        &data->root,
        &data->meta_ids,
        &data->labels,
        &data->noise_matrix,
        &data->noise_probs,
        &settings->model.init,
        mwn_settings_weight_net(settings),
    };
    memcpy((void *)paths, (const void *)all, sizeof(all));
    return all[MWN_PATHS_MAX - 1] ? MWN_PATHS_MAX : MWN_PATHS_MAX - 1;
}

void mwn_settings_drop_free(struct mwn_settings *settings)
{
    settings->train.threads = 0;
    settings->train.memory = 0;
    settings->data.threads = 0;
}

/* A text in double quotes with YAML's escapes. */
static void yaml_quote(const char *text, struct mwn_buf *out)
{
    mwn_buf_add(out, "\"", 1);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            mwn_buf_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 32 || *c == 127)
            mwn_buf_printf(out, "\\x%02X", (unsigned)(unsigned char)*c);
        else
            mwn_buf_add(out, c, 1);
    }
    mwn_buf_add(out, "\"", 1);
}

static void yaml_value(const struct mwn_option *row, const void *fields,
                       struct mwn_buf *out)
{
    const char *field = (const char *)fields + row->offset;
    if (row->type == MWN_OPT_TEXT) {
        const char *text = *(char *const *)(const void *)field;
        yaml_quote(text ? text : "", out);
    } else if (row->type == MWN_OPT_LIST) {
        mwn_buf_printf(out, "[");
        mwn_option_print(row, fields, out);
        mwn_buf_printf(out, "]");
    } else {
        mwn_option_print(row, fields, out);
    }
}

static void yaml_rows(const struct mwn_option *rows, const void *fields,
                      struct mwn_buf *out)
{
    for (const struct mwn_option *row = rows; row && row->name; row++) {
        mwn_buf_printf(out, "  %s: ", row->name);
        yaml_value(row, fields, out);
        mwn_buf_printf(out, "\n");
    }
}

void mwn_settings_yaml(const struct mwn_settings *settings, struct mwn_buf *out)
{
    for (const struct mwn_section *s = mwn_sections; s->name; s++) {
        mwn_buf_printf(out, "%s:\n", s->name);
        yaml_rows(s->rows, section_values(settings, s), out);
    }
    mwn_buf_printf(out, "method:\n  name: %s\n", settings->method->name);
    yaml_rows(settings->method->options, settings->method_options, out);
}

mwn_status mwn_settings_find_reader(struct mwn_settings *settings, struct mwn_error *err)
{
    struct mwn_data_options *data = &settings->data;
    const struct mwn_reader *reader = NULL;
    mwn_status status = mwn_reader_choose(data, &reader, err);
    if (status != MWN_OK)
        return status;
    char *name = mwn_strdup(reader->name);
    if (!name)
        return mwn_fail_memory(err, strlen(reader->name), "the name of a reader");
    mwn_free(data->reader);
    data->reader = name;
    return MWN_OK;
}

/* suggest.c - looks at data and chooses what to train on it: network, schedule, meta set; and
 * says why. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/split.h"
#include "train/config.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The choices being made. */
struct suggestion {
    const mwn_config *config; /* borrowed: what the user has chosen himself */
    const struct mwn_sets *sets;
    struct mwn_json *json;
};

/* Notes one choice, unless the user has made it. */
__attribute__((format(printf, 4, 5))) static void
choose(struct suggestion *s, const char *key, const char *value, const char *why, ...)
{
    char text[256];
    va_list list;
    if (mwn_config_get(s->config, key))
        return;
    va_start(list, why);
    vsnprintf(text, sizeof(text), why, list);
    va_end(list);
    mwn_json_object(s->json, NULL);
    mwn_json_text(s->json, "key", key);
    mwn_json_text(s->json, "value", value);
    mwn_json_text(s->json, "why", text);
    mwn_json_end_object(s->json);
}

static bool is_table(const struct mwn_sets *sets)
{
    return sets->shape.h == 1 && sets->shape.w == 1;
}

static void choose_network(struct suggestion *s)
{
    const struct mwn_shape *shape = &s->sets->shape;
    size_t n = s->sets->train.n;
    if (is_table(s->sets)) {
        choose(s, "model.name", "mlp", "samples are rows of %d features", shape->c);
        choose(s, "model.hidden", n < 2000 ? "64" : "128,128",
               n < 2000 ? "few rows: a small network"
                        : "two layers learn how features act "
                          "together");
    } else if (shape->h > 64 || shape->w > 64) {
        choose(s, "model.name", "resnet18", "images of %d x %d: the smallest usual network",
               shape->h, shape->w);
    } else if (shape->c == 1 && shape->h == 28 && shape->w == 28) {
        choose(s, "model.name", "smallconv", "grey images of 28 x 28, as it was made for");
    } else {
        choose(s, "model.name", "resnet20", "small images of %d x %d", shape->h, shape->w);
    }
}

/* Long enough to see what plain training makes of wrong labels, short enough to wait for. */
static void choose_schedule(struct suggestion *s)
{
    bool table = is_table(s->sets), large = s->sets->shape.h > 64;
    size_t n = s->sets->train.n, batch = n < 2000 ? 32 : 100;
    size_t wanted = table ? 600000 : large ? 60000 : 300000; /* samples in all */
    size_t epochs = wanted / (n > 0 ? n : 1);
    epochs = epochs < 5 ? 5 : epochs > 60 ? 60 : epochs;
    const char *own = mwn_config_get(s->config, "train.epochs");
    if (own)
        epochs = strtoul(own, NULL, 10);
    char number[64];

    snprintf(number, sizeof(number), "%zu", large ? (size_t)32 : batch);
    choose(s, "train.batch", number,
           large      ? "large images: a small batch keeps memory low"
           : n < 2000 ? "few samples: a small batch"
                      : "the usual");
    snprintf(number, sizeof(number), "%zu", epochs);
    choose(s, "train.epochs", number, "%zu training samples, %zu passes over them", n,
           epochs);
    snprintf(number, sizeof(number), "%zu,%zu", epochs * 2 / 3, epochs * 5 / 6);
    if (epochs < 6)
        choose(s, "train.lr_drops", "", "too few epochs for the learning rate to fall");
    else
        choose(s, "train.lr_drops", number,
               "the learning rate falls by 10 after two thirds and after five sixths");
    choose(s, "train.lr", "0.05", "half of the usual, which is safe without a trial");
    if (!table)
        choose(s, "data.augment", "true", "images are shifted and mirrored");
    snprintf(number, sizeof(number), "%zu", large ? (size_t)32 : batch);
    choose(s, "meta.batch", number, "as the training batch");
}

/* Without checked samples the two ways of the literature, together. */
static void choose_meta(struct suggestion *s)
{
    if (s->sets->meta.n > 0)
        return;
    choose(s, "meta.source", "lowest_loss",
           "no sample is known to be right: those with the lowest losses stand in");
    choose(s, "meta.loss", "mae", "some of these will be wrong, which this loss bears");
}

mwn_status mwn_suggest(const mwn_config *config, char **json, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_settings settings = {0};
    struct mwn_sets sets = {0};
    struct mwn_json out = {0};
    struct suggestion suggestion = {config, &sets, &out};

    MWN_TRY(mwn_settings_resolve(&settings, config, err));
    MWN_TRY(mwn_settings_find_reader(&settings, err));
    MWN_TRY(mwn_sets_open(&sets, &settings.data, (uint64_t)settings.train.seed, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "reader", settings.data.reader);
    mwn_summary_sets(&out, &sets);
    mwn_json_array(&out, "choices");
    choose_network(&suggestion);
    choose_schedule(&suggestion);
    choose_meta(&suggestion);
    mwn_json_end_array(&out);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    mwn_sets_close(&sets);
    if (settings.method)
        mwn_settings_release(&settings);
    return status;
}

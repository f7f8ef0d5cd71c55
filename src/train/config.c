/* config.c - the options of a run as they were given: pairs of key and value in order, each key
 * checked against the known ones when it is set. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/utf8.h"
#include "train/config.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 96 };

/* All known keys, for the search and for suggestions. */
struct key_list {
    char (*text)[KEY_MAX]; /* owned [room] */
    const char **pointer;  /* owned [room] */
    size_t count, room;
};

static void keys_count(const char *section, const struct mwn_option *row, const char *owner,
                       void *user)
{
    struct key_list *list = user;
    (void)section;
    (void)row;
    (void)owner;
    list->room++;
}

static void keys_add(const char *section, const struct mwn_option *row, const char *owner,
                     void *user)
{
    struct key_list *list = user;
    (void)owner;
    snprintf(list->text[list->count], KEY_MAX, "%s.%s", section, row->name);
    list->pointer[list->count] = list->text[list->count];
    list->count++;
}

/* What a user may have meant by an unknown key: the same name in another section when no
 * section was given, else the nearest key. */
static const char *keys_suggest(const struct key_list *list, const char *key)
{
    for (size_t i = 0; !strchr(key, '.') && i < list->count; i++)
        if (strcmp(strchr(list->pointer[i], '.') + 1, key) == 0)
            return list->pointer[i];
    return mwn_nearest(key, list->pointer, list->count);
}

static bool keys_have(const struct key_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->pointer[i], key) == 0)
            return true;
    return false;
}

mwn_status mwn_config_check_key(const char *key, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct key_list list = {0};

    mwn_options_visit(keys_count, &list);
    list.text = mwn_alloc(list.room, sizeof(*list.text));
    list.pointer = mwn_alloc(list.room, sizeof(*list.pointer));
    if (!list.text || !list.pointer) {
        status = mwn_fail_memory(err, list.room * sizeof(*list.text), "option names");
        goto out;
    }
    mwn_options_visit(keys_add, &list);
    if (!keys_have(&list, key)) {
        const char *near = keys_suggest(&list, key);
        status = mwn_fail(err, MWN_ERR_CONFIG, "unknown option '%.80s'", key);
        if (near)
            mwn_hint(err, "did you mean '%s'? 'mwnet list options' shows all", near);
        else
            mwn_hint(err, "'mwnet list options' shows all options");
    }
out:
    mwn_free(list.text);
    mwn_free(list.pointer);
    return status;
}

mwn_status mwn_config_create(mwn_config **out, struct mwn_error *err)
{
    mwn_config *config = mwn_alloc(1, sizeof(*config));
    if (!config)
        return mwn_fail_memory(err, sizeof(*config), "options");
    *out = config;
    return MWN_OK;
}

static void pair_release(struct mwn_pair *pair)
{
    mwn_free(pair->key);
    mwn_free(pair->value);
    mwn_free(pair->origin);
}

void mwn_config_free(mwn_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->count; i++)
        pair_release(&config->pairs[i]);
    mwn_free(config->pairs);
    mwn_free(config);
}

static mwn_status config_push(mwn_config *config, const char *key, const char *value,
                              const char *origin, struct mwn_error *err)
{
    if (config->count == config->room) {
        size_t room = config->room ? 2 * config->room : 16;
        struct mwn_pair *pairs = mwn_resize(config->pairs, room, sizeof(*pairs));
        if (!pairs)
            return mwn_fail_memory(err, room * sizeof(*pairs), "options");
        config->pairs = pairs;
        config->room = room;
    }
    struct mwn_pair pair = {mwn_strdup(key), mwn_strdup(value), NULL};
    if (origin)
        pair.origin = mwn_strdup(origin);
    if (!pair.key || !pair.value || (origin && !pair.origin)) {
        pair_release(&pair);
        return mwn_fail_memory(err, strlen(key) + strlen(value), "an option");
    }
    config->pairs[config->count++] = pair;
    return MWN_OK;
}

mwn_status mwn_config_add(mwn_config *config, const char *key, const char *value,
                          const char *origin, struct mwn_error *err)
{
    mwn_status status = mwn_config_check_key(key, err);
    if (status == MWN_OK && !mwn_is_utf8(value)) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: '%.80s' is not UTF-8", key, value);
        status =
            mwn_hint(err, "the run's files could not name it: rename the file or folder");
    }
    if (status == MWN_OK)
        status = config_push(config, key, value, origin, err);
    if (status != MWN_OK && origin)
        mwn_context(err, "%s", origin);
    return status;
}

mwn_status mwn_config_set(mwn_config *config, const char *key, const char *value,
                          struct mwn_error *err)
{
    return mwn_config_add(config, key, value, NULL, err);
}

mwn_status mwn_config_append(mwn_config *config, const mwn_config *from,
                             struct mwn_error *err)
{
    for (size_t i = 0; from && i < from->count; i++) {
        const struct mwn_pair *pair = &from->pairs[i];
        mwn_status status = config_push(config, pair->key, pair->value, pair->origin, err);
        if (status != MWN_OK)
            return status;
    }
    return MWN_OK;
}

const char *mwn_config_get(const mwn_config *config, const char *key)
{
    for (size_t i = config ? config->count : 0; i > 0; i--)
        if (strcmp(config->pairs[i - 1].key, key) == 0)
            return config->pairs[i - 1].value;
    return NULL;
}

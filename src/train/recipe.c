/* recipe.c - reads a recipe: YAML, a mapping of sections to mappings of options. */
#include "base/base.h"
#include "base/buf.h"
#include "base/status.h"
#include "train/config.h"
#include "train/yaml_file.h"

#include <stdio.h>
#include <string.h>

/* A recipe being read. */
struct recipe {
    struct mwn_yaml yaml;
    mwn_config *config;
    size_t first; /* pairs that config had before */
};

static mwn_status check_new(const struct recipe *r, const char *key, size_t line)
{
    for (size_t i = r->first; i < r->config->count; i++)
        if (strcmp(r->config->pairs[i].key, key) == 0)
            return mwn_fail(r->yaml.err, MWN_ERR_CONFIG,
                            "%s:%zu: '%s' was given before, at %s", r->yaml.path, line, key,
                            r->config->pairs[i].origin);
    return MWN_OK;
}

static mwn_status read_option(struct recipe *r, const char *section,
                              const yaml_node_t *name, const yaml_node_t *value)
{
    mwn_status status = MWN_OK;
    struct mwn_buf key = {0}, text = {0}, origin = {0};

    MWN_TRY(mwn_yaml_check_text(&r->yaml, name, "an option's name"));
    mwn_buf_printf(&key, "%s.%s", section, mwn_yaml_text(name));
    mwn_buf_printf(&origin, "%s:%zu", r->yaml.path, mwn_yaml_line(name));
    if (key.failed || origin.failed) {
        status = mwn_fail_memory(r->yaml.err, sizeof(key), "a recipe");
        goto out;
    }
    MWN_TRY(check_new(r, key.text, mwn_yaml_line(name)));
    MWN_TRY(mwn_yaml_value(&r->yaml, value, key.text, &text));
    if (text.failed)
        status = mwn_fail_memory(r->yaml.err, sizeof(text), "a recipe");
    else
        status = mwn_config_add(r->config, key.text, text.text ? text.text : "",
                                origin.text, r->yaml.err);
out:
    mwn_buf_release(&key);
    mwn_buf_release(&text);
    mwn_buf_release(&origin);
    return status;
}

static mwn_status check_section(const struct recipe *r, const yaml_node_t *node)
{
    const char *names[16];
    size_t count = 0;
    mwn_status status = mwn_yaml_check_text(&r->yaml, node, "a section's name");
    if (status != MWN_OK)
        return status;
    for (const struct mwn_section *s = mwn_sections; s->name; s++)
        names[count++] = s->name;
    names[count++] = "method";
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], mwn_yaml_text(node)) == 0)
            return MWN_OK;
    mwn_fail(r->yaml.err, MWN_ERR_CONFIG, "%s:%zu: unknown section '%.80s'", r->yaml.path,
             mwn_yaml_line(node), mwn_yaml_text(node));
    const char *near = mwn_nearest(mwn_yaml_text(node), names, count);
    if (near)
        return mwn_hint(r->yaml.err, "did you mean '%s'?", near);
    return mwn_hint(r->yaml.err, "sections are data, model, train, meta, bn and method");
}

static mwn_status read_section(struct recipe *r, const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = mwn_yaml_node(&r->yaml, pair->key);
    const yaml_node_t *body = mwn_yaml_node(&r->yaml, pair->value);
    mwn_status status = check_section(r, name);
    if (status != MWN_OK)
        return status;
    if (mwn_yaml_is_empty(body))
        return MWN_OK;
    if (body->type != YAML_MAPPING_NODE)
        return mwn_fail(r->yaml.err, MWN_ERR_CONFIG,
                        "%s:%zu: section '%s' is not a mapping of options", r->yaml.path,
                        mwn_yaml_line(body), mwn_yaml_text(name));
    for (const yaml_node_pair_t *p = body->data.mapping.pairs.start;
         status == MWN_OK && p < body->data.mapping.pairs.top; p++)
        status = read_option(r, mwn_yaml_text(name), mwn_yaml_node(&r->yaml, p->key),
                             mwn_yaml_node(&r->yaml, p->value));
    return status;
}

static mwn_status read_document(struct recipe *r)
{
    mwn_status status = MWN_OK;
    const yaml_node_t *root = mwn_yaml_root(&r->yaml);
    if (!root)
        return MWN_OK;
    if (root->type != YAML_MAPPING_NODE)
        return mwn_fail(r->yaml.err, MWN_ERR_CONFIG,
                        "%s:%zu: a recipe is a mapping of sections, such as 'train:'",
                        r->yaml.path, mwn_yaml_line(root));
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         status == MWN_OK && p < root->data.mapping.pairs.top; p++)
        status = read_section(r, p);
    return status;
}

mwn_status mwn_config_read(mwn_config *config, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct recipe r = {.config = config, .first = config->count};

    MWN_TRY(mwn_yaml_open(&r.yaml, path, err));
    MWN_TRY(read_document(&r));
out:
    mwn_yaml_close(&r.yaml);
    return status;
}

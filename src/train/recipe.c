/* recipe.c - reads a recipe: YAML, a mapping of sections to mappings of options. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/config.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { RECIPE_LIMIT = 1 << 20 };

/* A recipe being read. */
struct recipe {
    const char *path;
    mwn_config *config;
    size_t first; /* pairs that config had before                  */
    yaml_document_t document;
    struct mwn_error *err;
};

static size_t node_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static const char *node_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* A scalar without zero bytes, else an error that names the line. */
static mwn_status node_check_text(const struct recipe *r, const yaml_node_t *node,
                                  const char *what)
{
    if (node->type != YAML_SCALAR_NODE)
        return mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: %s is not a plain value", r->path,
                        node_line(node), what);
    if (strlen(node_text(node)) != node->data.scalar.length)
        return mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: %s holds a zero byte", r->path,
                        node_line(node), what);
    return MWN_OK;
}

/* The items of a list, separated by commas. */
static mwn_status list_text(struct recipe *r, const yaml_node_t *node, struct mwn_buf *out)
{
    const yaml_node_item_t *start = node->data.sequence.items.start;
    const yaml_node_item_t *top = node->data.sequence.items.top;
    for (const yaml_node_item_t *item = start; item < top; item++) {
        const yaml_node_t *child = yaml_document_get_node(&r->document, *item);
        mwn_status status = node_check_text(r, child, "an item of the list");
        if (status != MWN_OK)
            return status;
        mwn_buf_printf(out, "%s%s", item == start ? "" : ",", node_text(child));
    }
    return MWN_OK;
}

static mwn_status check_new(const struct recipe *r, const char *key, size_t line)
{
    for (size_t i = r->first; i < r->config->count; i++)
        if (strcmp(r->config->pairs[i].key, key) == 0)
            return mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: '%s' was given before, at %s",
                            r->path, line, key, r->config->pairs[i].origin);
    return MWN_OK;
}

static mwn_status read_option(struct recipe *r, const char *section,
                              const yaml_node_t *name, const yaml_node_t *value)
{
    mwn_status status = MWN_OK;
    struct mwn_buf key = {0}, text = {0}, origin = {0};

    MWN_TRY(node_check_text(r, name, "an option's name"));
    mwn_buf_printf(&key, "%s.%s", section, node_text(name));
    mwn_buf_printf(&origin, "%s:%zu", r->path, node_line(name));
    if (key.failed || origin.failed) {
        status = mwn_fail_memory(r->err, sizeof(key), "a recipe");
        goto out;
    }
    MWN_TRY(check_new(r, key.text, node_line(name)));
    if (value->type == YAML_SEQUENCE_NODE) {
        MWN_TRY(list_text(r, value, &text));
    } else {
        MWN_TRY(node_check_text(r, value, key.text));
        mwn_buf_add(&text, node_text(value), value->data.scalar.length);
    }
    if (text.failed)
        status = mwn_fail_memory(r->err, sizeof(text), "a recipe");
    else
        status = mwn_config_add(r->config, key.text, text.text ? text.text : "",
                                origin.text, r->err);
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
    mwn_status status = node_check_text(r, node, "a section's name");
    if (status != MWN_OK)
        return status;
    for (const struct mwn_section *s = mwn_sections; s->name; s++)
        names[count++] = s->name;
    names[count++] = "method";
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], node_text(node)) == 0)
            return MWN_OK;
    mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: unknown section '%.80s'", r->path,
             node_line(node), node_text(node));
    const char *near = mwn_nearest(node_text(node), names, count);
    if (near)
        return mwn_hint(r->err, "did you mean '%s'?", near);
    return mwn_hint(r->err, "sections are data, model, train, meta, bn and method");
}

static mwn_status read_section(struct recipe *r, const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = yaml_document_get_node(&r->document, pair->key);
    const yaml_node_t *body = yaml_document_get_node(&r->document, pair->value);
    mwn_status status = check_section(r, name);
    if (status != MWN_OK)
        return status;
    if (body->type == YAML_SCALAR_NODE && body->data.scalar.length == 0)
        return MWN_OK;
    if (body->type != YAML_MAPPING_NODE)
        return mwn_fail(r->err, MWN_ERR_CONFIG,
                        "%s:%zu: section '%s' is not a mapping of options", r->path,
                        node_line(body), node_text(name));
    for (const yaml_node_pair_t *p = body->data.mapping.pairs.start;
         status == MWN_OK && p < body->data.mapping.pairs.top; p++)
        status =
            read_option(r, node_text(name), yaml_document_get_node(&r->document, p->key),
                        yaml_document_get_node(&r->document, p->value));
    return status;
}

static mwn_status read_document(struct recipe *r)
{
    mwn_status status = MWN_OK;
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (!root)
        return MWN_OK;
    if (root->type != YAML_MAPPING_NODE)
        return mwn_fail(r->err, MWN_ERR_CONFIG,
                        "%s:%zu: a recipe is a mapping of sections, such as 'train:'",
                        r->path, node_line(root));
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         status == MWN_OK && p < root->data.mapping.pairs.top; p++)
        status = read_section(r, p);
    return status;
}

static mwn_status load_document(struct recipe *r, yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, &r->document))
        return MWN_OK;
    if (parser->error == YAML_MEMORY_ERROR)
        return mwn_fail_memory(r->err, 0, "a recipe");
    return mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: not YAML: %s", r->path,
                    parser->problem_mark.line + 1,
                    parser->problem ? parser->problem : "unreadable");
}

/* Nothing may follow the one document of a recipe. */
static mwn_status check_end(struct recipe *r, yaml_parser_t *parser)
{
    mwn_status status = MWN_OK;
    yaml_document_delete(&r->document);
    memset(&r->document, 0, sizeof(r->document));
    status = load_document(r, parser);
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (status == MWN_OK && root)
        status = mwn_fail(r->err, MWN_ERR_CONFIG, "%s:%zu: a recipe is one YAML document",
                          r->path, node_line(root));
    return status;
}

mwn_status mwn_config_read(mwn_config *config, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    struct recipe r = {.path = path, .config = config, .first = config->count, .err = err};
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        return mwn_fail_memory(err, sizeof(parser), "a recipe");
    MWN_TRY(mwn_file_read(path, RECIPE_LIMIT, &bytes, err));
    yaml_parser_set_input_string(&parser, bytes.data, bytes.size);
    MWN_TRY(load_document(&r, &parser));
    MWN_TRY(read_document(&r));
    MWN_TRY(check_end(&r, &parser));
out:
    yaml_document_delete(&r.document);
    yaml_parser_delete(&parser);
    mwn_bytes_release(&bytes);
    return status;
}

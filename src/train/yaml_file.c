/* yaml_file.c - a file that is one YAML document: what recipes and tables have in common. */
#include "train/yaml_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

#include <string.h>

enum { YAML_LIMIT = 1 << 20 };

/* ---- Nodes -------------------------------------------------------------------------- */

/* libyaml's functions look at a document only, but do not say so. */
static yaml_document_t *document_of(const struct mwn_yaml *yaml)
{
    return (yaml_document_t *)(uintptr_t)&yaml->document;
}

const yaml_node_t *mwn_yaml_root(const struct mwn_yaml *yaml)
{
    return yaml_document_get_root_node(document_of(yaml));
}

const yaml_node_t *mwn_yaml_node(const struct mwn_yaml *yaml, int number)
{
    return yaml_document_get_node(document_of(yaml), number);
}

size_t mwn_yaml_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

const char *mwn_yaml_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

bool mwn_yaml_is_empty(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0;
}

mwn_status mwn_yaml_check_text(const struct mwn_yaml *yaml, const yaml_node_t *node,
                               const char *what)
{
    if (node->type != YAML_SCALAR_NODE)
        return mwn_fail(yaml->err, MWN_ERR_CONFIG, "%s:%zu: %s is not a plain value",
                        yaml->path, mwn_yaml_line(node), what);
    if (strlen(mwn_yaml_text(node)) != node->data.scalar.length)
        return mwn_fail(yaml->err, MWN_ERR_CONFIG, "%s:%zu: %s holds a zero byte",
                        yaml->path, mwn_yaml_line(node), what);
    return MWN_OK;
}

mwn_status mwn_yaml_value(const struct mwn_yaml *yaml, const yaml_node_t *node,
                          const char *what, struct mwn_buf *out)
{
    mwn_status status = MWN_OK;
    if (node->type != YAML_SEQUENCE_NODE) {
        status = mwn_yaml_check_text(yaml, node, what);
        if (status == MWN_OK)
            mwn_buf_add(out, mwn_yaml_text(node), node->data.scalar.length);
        return status;
    }
    const yaml_node_item_t *start = node->data.sequence.items.start;
    const yaml_node_item_t *top = node->data.sequence.items.top;
    for (const yaml_node_item_t *item = start; item < top; item++) {
        const yaml_node_t *child = mwn_yaml_node(yaml, *item);
        status = mwn_yaml_check_text(yaml, child, "an item of the list");
        if (status != MWN_OK)
            return status;
        mwn_buf_printf(out, "%s%s", item == start ? "" : ",", mwn_yaml_text(child));
    }
    return MWN_OK;
}

/* ---- The file ----------------------------------------------------------------------- */

static mwn_status load_document(const struct mwn_yaml *yaml, yaml_parser_t *parser,
                                yaml_document_t *out)
{
    if (yaml_parser_load(parser, out))
        return MWN_OK;
    if (parser->error == YAML_MEMORY_ERROR)
        return mwn_fail_memory(yaml->err, 0, "a recipe");
    return mwn_fail(yaml->err, MWN_ERR_CONFIG, "%s:%zu: not YAML: %s", yaml->path,
                    parser->problem_mark.line + 1,
                    parser->problem ? parser->problem : "unreadable");
}

/* Nothing may follow the one document. */
static mwn_status check_end(const struct mwn_yaml *yaml, yaml_parser_t *parser)
{
    yaml_document_t next;
    mwn_status status = load_document(yaml, parser, &next);
    if (status != MWN_OK)
        return status;
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    if (root)
        status =
            mwn_fail(yaml->err, MWN_ERR_CONFIG, "%s:%zu: a recipe is one YAML document",
                     yaml->path, mwn_yaml_line(root));
    yaml_document_delete(&next);
    return status;
}

mwn_status mwn_yaml_open(struct mwn_yaml *yaml, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    yaml_parser_t parser;

    yaml->path = path;
    yaml->err = err;
    if (!yaml_parser_initialize(&parser))
        return mwn_fail_memory(err, sizeof(parser), "a recipe");
    MWN_TRY(mwn_file_read(path, YAML_LIMIT, &bytes, err));
    yaml_parser_set_input_string(&parser, bytes.data, bytes.size);
    MWN_TRY(load_document(yaml, &parser, &yaml->document));
    MWN_TRY(check_end(yaml, &parser));
out:
    yaml_parser_delete(&parser);
    mwn_bytes_release(&bytes);
    return status;
}

void mwn_yaml_close(struct mwn_yaml *yaml)
{
    yaml_document_delete(&yaml->document);
    memset(yaml, 0, sizeof(*yaml));
}

/* yaml_file.h - a file that is one YAML document: what recipes and tables have in common. */
#ifndef MWN_TRAIN_YAML_FILE_H
#define MWN_TRAIN_YAML_FILE_H

#include "base/base.h"
#include "base/buf.h"

#include <yaml.h>

/* Zero-initialise it. */
struct mwn_yaml {
    const char *path; /* borrowed */
    yaml_document_t document;
    struct mwn_error *err; /* borrowed */
};

/* Reads the file. MWN_ERR_IO, MWN_ERR_CONFIG (not YAML, or more than one document),
 * MWN_ERR_MEMORY. path and err are kept until close. */
MWN_MUST_CHECK mwn_status mwn_yaml_open(struct mwn_yaml *yaml, const char *path,
                                        struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_yaml_close(struct mwn_yaml *yaml);

/* NULL: the document is empty. */
const yaml_node_t *mwn_yaml_root(const struct mwn_yaml *yaml);
const yaml_node_t *mwn_yaml_node(const struct mwn_yaml *yaml, int number);
size_t mwn_yaml_line(const yaml_node_t *node); /* counted from 1 */
/* The text of a scalar. */
const char *mwn_yaml_text(const yaml_node_t *node);
/* Whether a scalar is empty, as after "key:". */
bool mwn_yaml_is_empty(const yaml_node_t *node);
/* MWN_ERR_CONFIG with file and line unless the node is a scalar without zero bytes; `what`
 * says what it was to be. */
MWN_MUST_CHECK mwn_status mwn_yaml_check_text(const struct mwn_yaml *yaml,
                                              const yaml_node_t *node, const char *what);
/* The text of a scalar, or the items of a list separated by commas. */
MWN_MUST_CHECK mwn_status mwn_yaml_value(const struct mwn_yaml *yaml,
                                         const yaml_node_t *node, const char *what,
                                         struct mwn_buf *out);

#endif

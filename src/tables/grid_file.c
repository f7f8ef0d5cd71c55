/* grid_file.c - reads the description of a table: YAML, one mapping `table`. */
#include "tables/grid.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/yaml_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A description being read. */
struct reading {
    struct mwn_yaml yaml;
    struct mwn_table *table;
    const yaml_node_t *published; /* of the row being read, or NULL */
};

typedef mwn_status pair_fn(struct reading *r, const yaml_node_t *key,
                           const yaml_node_t *value, void *user);

static mwn_status fail_at(const struct reading *r, const yaml_node_t *node,
                          const char *what)
{
    return mwn_fail(r->yaml.err, MWN_ERR_CONFIG, "%s:%zu: %s", r->yaml.path,
                    mwn_yaml_line(node), what);
}

/* Calls fn for every pair of a mapping; `what` is what it is. */
static mwn_status visit(struct reading *r, const yaml_node_t *node, const char *what,
                        pair_fn *fn, void *user)
{
    mwn_status status = MWN_OK;
    if (mwn_yaml_is_empty(node))
        return MWN_OK;
    if (node->type != YAML_MAPPING_NODE)
        return mwn_fail(r->yaml.err, MWN_ERR_CONFIG, "%s:%zu: %s is not a mapping",
                        r->yaml.path, mwn_yaml_line(node), what);
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         status == MWN_OK && p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = mwn_yaml_node(&r->yaml, p->key);
        status = mwn_yaml_check_text(&r->yaml, key, "a key");
        if (status == MWN_OK)
            status = fn(r, key, mwn_yaml_node(&r->yaml, p->value), user);
    }
    return status;
}

static mwn_status take_text(const struct reading *r, const yaml_node_t *node, char **out)
{
    mwn_status status = mwn_yaml_check_text(&r->yaml, node, "the value");
    if (status != MWN_OK)
        return status;
    mwn_free(*out);
    *out = mwn_strdup(mwn_yaml_text(node));
    return *out ? MWN_OK : mwn_fail_memory(r->yaml.err, 0, "a table");
}

/* ---- Options ------------------------------------------------------------------------ */

struct section {
    mwn_config *config;
    const char *name;
};

static mwn_status add_option(struct reading *r, const char *key, const yaml_node_t *name,
                             const yaml_node_t *value, mwn_config *config)
{
    mwn_status status = MWN_OK;
    struct mwn_buf text = {0}, origin = {0};
    MWN_TRY(mwn_yaml_value(&r->yaml, value, key, &text));
    mwn_buf_printf(&origin, "%s:%zu", r->yaml.path, mwn_yaml_line(name));
    if (text.failed || origin.failed)
        status = mwn_fail_memory(r->yaml.err, 0, "a table");
    else
        status = mwn_config_add(config, key, text.text ? text.text : "", origin.text,
                                r->yaml.err);
out:
    mwn_buf_release(&text);
    mwn_buf_release(&origin);
    return status;
}

static mwn_status read_in_section(struct reading *r, const yaml_node_t *key,
                                  const yaml_node_t *value, void *user)
{
    struct section *section = user;
    char full[128];
    snprintf(full, sizeof(full), "%s.%s", section->name, mwn_yaml_text(key));
    return add_option(r, full, key, value, section->config);
}

/* "section.name: value", or a section as in a recipe. */
static mwn_status read_option(struct reading *r, const yaml_node_t *key,
                              const yaml_node_t *value, void *user)
{
    const char *name = mwn_yaml_text(key);
    struct section section = {user, name};
    if (strchr(name, '.'))
        return add_option(r, name, key, value, section.config);
    return visit(r, value, name, read_in_section, &section);
}

/* A recipe, by a path from the folder of the table's file. */
static mwn_status read_recipe(const struct reading *r, const yaml_node_t *node,
                              mwn_config **out)
{
    mwn_status status = mwn_yaml_check_text(&r->yaml, node, "recipe");
    struct mwn_buf path = {0};
    if (status != MWN_OK)
        return status;
    const char *name = mwn_yaml_text(node), *slash = strrchr(r->yaml.path, '/');
    if (slash && name[0] != '/')
        mwn_buf_add(&path, r->yaml.path, (size_t)(slash - r->yaml.path) + 1);
    mwn_buf_printf(&path, "%s", name);
    if (path.failed) {
        status = mwn_fail_memory(r->yaml.err, 0, "a path");
        goto out;
    }
    mwn_config_free(*out);
    *out = NULL;
    MWN_TRY(mwn_config_create(out, r->yaml.err));
    MWN_TRY(mwn_config_read(*out, path.text, r->yaml.err));
out:
    mwn_buf_release(&path);
    return status;
}

/* ---- Published figures -------------------------------------------------------------- */

/* "92.04", "92.04 +- 0.15" (or the sign for it); "-" or nothing: none. */
static mwn_status read_figure(const struct reading *r, const yaml_node_t *node,
                              struct mwn_figure *out)
{
    mwn_status status = mwn_yaml_check_text(&r->yaml, node, "a published figure");
    char number[64];
    if (status != MWN_OK)
        return status;
    const char *text = mwn_yaml_text(node), *sign = strstr(text, "+-");
    size_t skip = 2;
    if (!sign)
        sign = strstr(text, "\xc2\xb1");
    *out = (struct mwn_figure){.sd = -1};
    if (!*text || strcmp(text, "-") == 0)
        return MWN_OK;
    size_t length = sign ? (size_t)(sign - text) : strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(number, sizeof(number), "%.*s", (int)(length < 60 ? length : 60), text);
    out->given = mwn_text_real(number, &out->value);
    if (out->given && sign) {
        for (sign += skip; *sign == ' '; sign++)
            ;
        out->given = mwn_text_real(sign, &out->sd) && out->sd >= 0;
    }
    if (!out->given)
        return fail_at(r, node, "a published figure reads '92.04', '92.04 +- 0.15' or '-'");
    return MWN_OK;
}

static mwn_status read_named_figure(struct reading *r, const yaml_node_t *key,
                                    const yaml_node_t *value, void *user)
{
    struct mwn_axis *row = user;
    for (size_t c = 0; c < r->table->columns; c++)
        if (strcmp(r->table->column[c].name, mwn_yaml_text(key)) == 0)
            return read_figure(r, value, &row->figure[c]);
    return fail_at(r, key, "a published figure of a column that is not there");
}

/* By column's name, or a list in the order of the columns. */
static mwn_status read_figures(struct reading *r, const yaml_node_t *node,
                               struct mwn_axis *row)
{
    mwn_status status = MWN_OK;
    size_t c = 0;
    if (node->type == YAML_MAPPING_NODE)
        return visit(r, node, "published", read_named_figure, row);
    if (node->type != YAML_SEQUENCE_NODE)
        return r->table->columns == 1 ? read_figure(r, node, &row->figure[0])
                                      : fail_at(r, node, "published is not a list");
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         status == MWN_OK && item < node->data.sequence.items.top; item++) {
        if (c >= r->table->columns)
            return fail_at(r, node, "published has more figures than there are columns");
        status = read_figure(r, mwn_yaml_node(&r->yaml, *item), &row->figure[c++]);
    }
    return status;
}

/* ---- Rows and columns --------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= MWN_TABLE_NAME || name[0] == '.')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._=+-,@", name[i]))
            return false;
    return true;
}

mwn_status mwn_grid_add(struct mwn_axis **axes, size_t *count, const char *name,
                        struct mwn_error *err)
{
    if (!is_name(name)) {
        mwn_fail(err, MWN_ERR_CONFIG, "'%.80s' cannot be the name of a row or column",
                 name);
        return mwn_hint(err,
                        "a folder will have that name: up to %d letters, digits and "
                        "._=+-,@; say more in a label",
                        MWN_TABLE_NAME - 1);
    }
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*axes)[i].name, name) == 0)
            return mwn_fail(err, MWN_ERR_CONFIG, "there are two rows or columns '%s'",
                            name);
    struct mwn_axis *grown = mwn_resize(*axes, *count + 1, sizeof(**axes));
    if (!grown)
        return mwn_fail_memory(err, (*count + 1) * sizeof(**axes), "a table");
    *axes = grown;
    struct mwn_axis *axis = &grown[*count];
    memset(axis, 0, sizeof(*axis));
    (*count)++;
    axis->name = mwn_strdup(name);
    axis->label = mwn_strdup(name);
    if (!axis->name || !axis->label)
        return mwn_fail_memory(err, strlen(name), "a table");
    return mwn_config_create(&axis->options, err);
}

static mwn_status read_axis_key(struct reading *r, const yaml_node_t *key,
                                const yaml_node_t *value, void *user)
{
    struct mwn_axis *axis = user;
    const char *name = mwn_yaml_text(key);
    if (strcmp(name, "label") == 0)
        return take_text(r, value, &axis->label);
    if (strcmp(name, "source") == 0)
        return take_text(r, value, &axis->source);
    if (strcmp(name, "recipe") == 0)
        return read_recipe(r, value, &axis->recipe);
    if (strcmp(name, "published") == 0) {
        r->published = value;
        return MWN_OK;
    }
    return read_option(r, key, value, axis->options);
}

static mwn_status add_axis(struct reading *r, const yaml_node_t *key,
                           struct mwn_axis **axes, size_t *count)
{
    mwn_status status = mwn_grid_add(axes, count, mwn_yaml_text(key), r->yaml.err);
    if (status == MWN_ERR_CONFIG)
        mwn_context(r->yaml.err, "%s:%zu", r->yaml.path, mwn_yaml_line(key));
    return status;
}

static mwn_status read_column(struct reading *r, const yaml_node_t *key,
                              const yaml_node_t *value, void *user)
{
    struct mwn_table *table = r->table;
    (void)user;
    mwn_status status = add_axis(r, key, &table->column, &table->columns);
    if (status != MWN_OK || !value)
        return status;
    r->published = NULL;
    status = visit(r, value, "a column", read_axis_key, &table->column[table->columns - 1]);
    if (status == MWN_OK && r->published)
        status = fail_at(r, r->published, "published figures belong to rows");
    return status;
}

static mwn_status read_row(struct reading *r, const yaml_node_t *key,
                           const yaml_node_t *value, void *user)
{
    struct mwn_table *table = r->table;
    (void)user;
    mwn_status status = add_axis(r, key, &table->row, &table->rows);
    if (status != MWN_OK)
        return status;
    struct mwn_axis *row = &table->row[table->rows - 1];
    row->figure = mwn_alloc(table->columns, sizeof(*row->figure));
    if (!row->figure)
        return mwn_fail_memory(r->yaml.err, 0, "a table");
    r->published = NULL;
    if (value)
        status = visit(r, value, "a row", read_axis_key, row);
    if (status == MWN_OK && row->options->count == 0 && !mwn_method_find(row->name))
        status = fail_at(r, key, "the row is called like no method, and has no options");
    if (status == MWN_OK && row->recipe)
        status = fail_at(r, key, "a recipe belongs to a column or the table");
    if (status == MWN_OK && r->published)
        status = read_figures(r, r->published, row);
    return status;
}

/* A mapping of names to what they are, or a list of names. */
static mwn_status read_axes(struct reading *r, const yaml_node_t *node, const char *what,
                            pair_fn *fn)
{
    mwn_status status = MWN_OK;
    if (node->type != YAML_SEQUENCE_NODE)
        return visit(r, node, what, fn, NULL);
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         status == MWN_OK && item < node->data.sequence.items.top; item++) {
        const yaml_node_t *name = mwn_yaml_node(&r->yaml, *item);
        status = mwn_yaml_check_text(&r->yaml, name, "a name");
        if (status == MWN_OK)
            status = fn(r, name, NULL, NULL);
    }
    return status;
}

/* ---- The table ---------------------------------------------------------------------- */

static bool has_seed(const struct mwn_table *table, int64_t seed)
{
    for (size_t i = 0; i < table->seeds; i++)
        if (table->seed[i] == seed)
            return true;
    return false;
}

/* The next "N" or "N-M" of the list. A seed that comes twice would count as two runs. */
static bool take_seeds(struct mwn_table *table, const char **at)
{
    char *end = NULL;
    if (!isdigit((unsigned char)**at))
        return false;
    long long first = strtoll(*at, &end, 10), last = first;
    if (*end == '-' && isdigit((unsigned char)end[1]))
        last = strtoll(end + 1, &end, 10);
    if (last < first || last > 1000000000 || (*end && *end != ','))
        return false;
    for (; first <= last; first++) {
        if (table->seeds == MWN_TABLE_SEEDS || has_seed(table, first))
            return false;
        table->seed[table->seeds++] = first;
    }
    *at = *end ? end + 1 : end;
    return true;
}

mwn_status mwn_grid_set_seeds(struct mwn_table *table, const char *text,
                              struct mwn_error *err)
{
    const char *at = text;
    table->seeds = 0;
    do {
        if (!take_seeds(table, &at))
            return mwn_fail(err, MWN_ERR_CONFIG,
                            "seeds: '%.40s' is not a list such as 1-5 or 1,3,7 (up to %d, "
                            "each once)",
                            text, MWN_TABLE_SEEDS);
    } while (*at);
    return MWN_OK;
}

static mwn_status read_seeds(struct reading *r, const yaml_node_t *value)
{
    struct mwn_buf text = {0};
    mwn_status status = mwn_yaml_value(&r->yaml, value, "seeds", &text);
    if (status == MWN_OK && text.failed)
        status = mwn_fail_memory(r->yaml.err, 0, "a table");
    if (status == MWN_OK)
        status = mwn_grid_set_seeds(r->table, text.text ? text.text : "", r->yaml.err);
    mwn_buf_release(&text);
    return status;
}

static mwn_status read_published_seeds(struct reading *r, const yaml_node_t *value)
{
    double number = 0;
    mwn_status status = mwn_yaml_check_text(&r->yaml, value, "published_seeds");
    if (status != MWN_OK)
        return status;
    if (!mwn_text_real(mwn_yaml_text(value), &number) || number < 1 || number > 1000)
        return fail_at(r, value, "published_seeds is not a number from 1 to 1000");
    r->table->published_seeds = (int64_t)number;
    return MWN_OK;
}

/* Rows come last, whatever the order in the file: their figures name columns. */
static mwn_status read_table_key(struct reading *r, const yaml_node_t *key,
                                 const yaml_node_t *value, void *user)
{
    static const char *const known[] = {"title",  "note",    "source",
                                        "recipe", "seeds",   "options",
                                        "rows",   "columns", "published_seeds"};
    struct mwn_table *table = r->table;
    const char *name = mwn_yaml_text(key);
    const yaml_node_t **rows = user;
    if (strcmp(name, "title") == 0)
        return take_text(r, value, &table->title);
    if (strcmp(name, "note") == 0)
        return take_text(r, value, &table->note);
    if (strcmp(name, "source") == 0)
        return take_text(r, value, &table->source);
    if (strcmp(name, "recipe") == 0)
        return read_recipe(r, value, &table->recipe);
    if (strcmp(name, "seeds") == 0)
        return read_seeds(r, value);
    if (strcmp(name, "published_seeds") == 0)
        return read_published_seeds(r, value);
    if (strcmp(name, "options") == 0)
        return visit(r, value, "options", read_option, table->options);
    if (strcmp(name, "columns") == 0)
        return read_axes(r, value, "columns", read_column);
    if (strcmp(name, "rows") == 0) {
        *rows = value;
        return MWN_OK;
    }
    mwn_fail(r->yaml.err, MWN_ERR_CONFIG, "%s:%zu: a table has no '%.40s'", r->yaml.path,
             mwn_yaml_line(key), name);
    const char *near = mwn_nearest(name, known, MWN_COUNT(known));
    return near ? mwn_hint(r->yaml.err, "did you mean '%s'?", near) : MWN_ERR_CONFIG;
}

static mwn_status read_top_key(struct reading *r, const yaml_node_t *key,
                               const yaml_node_t *value, void *user)
{
    if (strcmp(mwn_yaml_text(key), "table") != 0)
        return fail_at(r, key, "only 'table' is expected here");
    return visit(r, value, "table", read_table_key, user);
}

mwn_status mwn_grid_read(struct mwn_table *table, const char *path, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct reading r = {.table = table};
    const yaml_node_t *rows = NULL;

    MWN_TRY(mwn_yaml_open(&r.yaml, path, err));
    const yaml_node_t *root = mwn_yaml_root(&r.yaml);
    if (root)
        MWN_TRY(visit(&r, root, "a table's file", read_top_key, &rows));
    if (table->columns == 0)
        MWN_TRY(mwn_grid_add(&table->column, &table->columns, "result", err));
    if (rows)
        MWN_TRY(read_axes(&r, rows, "rows", read_row));
    if (table->rows == 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: holds no table with rows", path);
        status = mwn_hint(err, "'table: {recipe: FILE, rows: [ce, mwnet]}' is one");
    }
out:
    mwn_yaml_close(&r.yaml);
    return status;
}

/* csv_reader.c - reader of tables: one row a sample, one column the label. docs/tables.md says how they
 * are read. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/status.h"
#include "data/csv_file.h"
#include "data/reader.h"
#include "data/table.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bound on the features of all rows, in bytes. */
#define FEATURES_MAX ((size_t)16 << 30)

enum { HEADER_AUTO, HEADER_YES };

/* What a column of the file is. */
enum { IS_FEATURE, IS_LABEL, IS_ID, IS_WEIGHT, IS_META, IS_UNUSED };

/* A file being read. */
struct reading {
    const struct mwn_request *request;
    const struct mwn_data_options *options;
    struct mwn_csv_file csv;
    struct mwn_table table;
    size_t *by_name;                /* owned [csv.columns]: by the texts of the first row */
    bool header;                    /* the file has one                       */
    unsigned char *role;            /* owned [csv.columns]                    */
    size_t *from;                   /* owned [table.columns]                  */
    size_t label, id, weight, meta; /* columns of the file, or MWN_TABLE_NONE */
};

static void reading_release(struct reading *r)
{
    mwn_csv_file_release(&r->csv);
    mwn_table_release(&r->table);
    mwn_free(r->by_name);
    mwn_free(r->role);
    mwn_free(r->from);
}

static size_t first_row(const struct reading *r)
{
    return r->header ? 1 : 0;
}

/* ---- Columns by name ---------------------------------------------------------------- */

static int compare_names(const void *left, const void *right, void *user)
{
    const struct mwn_csv_file *csv = user;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    int order = strcmp(mwn_csv_file_field(csv, 0, a), mwn_csv_file_field(csv, 0, b));
    return order != 0 ? order : (a > b) - (a < b);
}

/* Tables may have tens of thousands of columns: names are found by bisection. */
static mwn_status sort_names(struct reading *r, struct mwn_error *err)
{
    r->by_name = mwn_alloc(r->csv.columns, sizeof(*r->by_name));
    if (!r->by_name)
        return mwn_fail_memory(err, r->csv.columns * sizeof(*r->by_name), "columns");
    for (size_t c = 0; c < r->csv.columns; c++)
        r->by_name[c] = c;
    qsort_r(r->by_name, r->csv.columns, sizeof(*r->by_name), compare_names, &r->csv);
    return MWN_OK;
}

static const char *name_at(const struct reading *r, size_t place)
{
    return mwn_csv_file_field(&r->csv, 0, r->by_name[place]);
}

static size_t find_name(const struct reading *r, const char *name)
{
    size_t low = 0, high = r->header ? r->csv.columns : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(name_at(r, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = r->header && low < r->csv.columns && strcmp(name_at(r, low), name) == 0;
    return found ? r->by_name[low] : MWN_TABLE_NONE;
}

/* A column by its name or its number, from 1, or from -1, the last. */
static size_t find_column(const struct reading *r, const char *name)
{
    char *end = NULL;
    size_t found = find_name(r, name), columns = r->csv.columns;
    if (found != MWN_TABLE_NONE)
        return found;
    long number = strtol(name, &end, 10);
    if (end == name || *end)
        return MWN_TABLE_NONE;
    if (number >= 1 && (unsigned long)number <= columns)
        return (size_t)number - 1;
    if (number <= -1 && number >= -(long)columns)
        return columns - (size_t)-number;
    return MWN_TABLE_NONE;
}

static mwn_status fail_column(const struct reading *r, const char *option, const char *name,
                              struct mwn_error *err)
{
    const char *near = NULL;
    if (r->header)
        near = mwn_nearest(name, (const char *const *)r->csv.field, r->csv.columns);
    mwn_fail(err, MWN_ERR_CONFIG, "%s: %s has no column '%.80s'", option, r->csv.path,
             name);
    if (near)
        return mwn_hint(err, "did you mean '%.80s'?", near);
    if (r->header)
        return mwn_hint(err, "its columns go from '%.60s' to '%.60s'", r->csv.field[0],
                        r->csv.field[r->csv.columns - 1]);
    return mwn_hint(err, "it has no header: columns are called 1 to %zu", r->csv.columns);
}

/* The column that an option names; "" and "none" are no column. */
static mwn_status use_column(const struct reading *r, const char *option, const char *name,
                             bool needed, size_t *out, struct mwn_error *err)
{
    *out = MWN_TABLE_NONE;
    if (!name || !*name || strcmp(name, "none") == 0)
        return MWN_OK;
    *out = find_column(r, name);
    if (*out == MWN_TABLE_NONE && needed)
        return fail_column(r, option, name, err);
    return MWN_OK;
}

static bool is_given(const char *option)
{
    return option && *option;
}

/* Whether the training part had a feature of this name. */
static bool is_known_feature(const struct reading *r, const char *name)
{
    for (size_t c = 0; c < r->table.columns; c++)
        if (strcmp(r->table.column[c].name, name) == 0)
            return true;
    return false;
}

/* Whether the rows of a column are whole numbers, all different; *failed says that memory is out. */
static bool numbers_rows(const struct reading *r, size_t column, bool *failed)
{
    size_t first = first_row(r), n = r->csv.rows - first;
    double *number = mwn_alloc(n, sizeof(*number));
    int64_t value = 0;
    bool good = n > 0;
    *failed = !number;
    for (size_t i = 0; number && i < n && good; i++) {
        good = mwn_text_whole(mwn_csv_file_field(&r->csv, first + i, column), &value);
        number[i] = (double)value;
    }
    if (number && good)
        mwn_sort(n, number);
    for (size_t i = 1; number && i < n && good; i++)
        good = number[i - 1] < number[i];
    mwn_free(number);
    return good && !*failed;
}

/* Without an option: a column called id; or the index that pandas writes, a first column without a
 * name (or with the one that pandas gives it when it reads such a file) that numbers the rows, in
 * any order: a shuffled index as a feature would tell the labels of a file that was sorted. */
static mwn_status guess_id(struct reading *r, struct mwn_error *err)
{
    const char *first = mwn_csv_file_field(&r->csv, 0, 0);
    bool failed = false;
    r->id = MWN_TABLE_NONE;
    for (size_t c = 0; r->header && c < r->csv.columns; c++) {
        const char *name = mwn_csv_file_field(&r->csv, 0, c);
        if (strcasecmp(name, "id") == 0 && !is_known_feature(r, name)) {
            r->id = c;
            return MWN_OK;
        }
    }
    bool nameless = !*first || strcmp(first, "Unnamed: 0") == 0;
    if (!r->header || !nameless || r->csv.columns < 2 ||
        is_known_feature(r, *first ? first : "1"))
        return MWN_OK;
    if (r->request->schema ||
        numbers_rows(r, 0, &failed)) /* training has it as no feature */
        r->id = 0;
    return failed ? mwn_fail_memory(err, r->csv.rows * sizeof(double), "ids") : MWN_OK;
}

/* Without an option: a column called label, class, target or y, else the last one, unless labels
 * may be missing. */
static size_t guess_label(const struct reading *r)
{
    static const char *const names[] = {"label", "class", "target", "y"};
    for (size_t i = 0; r->header && i < MWN_COUNT(names); i++)
        for (size_t c = 0; c < r->csv.columns; c++)
            if (strcasecmp(mwn_csv_file_field(&r->csv, 0, c), names[i]) == 0)
                return c;
    return r->request->unlabelled ? MWN_TABLE_NONE : r->csv.columns - 1;
}

/* ---- Roles -------------------------------------------------------------------------- */

static mwn_status set_role(struct reading *r, size_t column, int role, const char *option,
                           struct mwn_error *err)
{
    if (column == MWN_TABLE_NONE)
        return MWN_OK;
    if (r->role[column] != IS_FEATURE)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "%s: column %zu of %s is used by another such option as well",
                        option, column + 1, r->csv.path);
    r->role[column] = (unsigned char)role;
    return MWN_OK;
}

static mwn_status find_label(struct reading *r, struct mwn_error *err)
{
    const struct mwn_data_options *o = r->options;
    bool needed = !r->request->unlabelled;
    if (is_given(o->label_column))
        return use_column(r, "data.label_column", o->label_column, needed, &r->label, err);
    if (!r->request->schema) {
        r->label = guess_label(r);
        return MWN_OK;
    }
    bool named = r->header && r->table.header;
    r->label = named && r->table.label_name ? find_name(r, r->table.label_name)
               : named                      ? MWN_TABLE_NONE
                                            : r->table.label;
    if (!named && r->csv.columns < r->table.width)
        r->label = MWN_TABLE_NONE;
    if (r->label != MWN_TABLE_NONE || !needed)
        return MWN_OK;
    if (!r->table.label_name)
        return mwn_fail(err, MWN_ERR_DATA, "%s: the training data has no labels",
                        r->csv.path);
    mwn_fail(err, MWN_ERR_DATA, "%s: column '%.80s', the label, is missing", r->csv.path,
             r->table.label_name);
    return mwn_hint(err, "data.label_column names another one");
}

/* Finds out what each column is. */
static mwn_status find_roles(struct reading *r, struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_data_options *o = r->options;
    bool train = r->request->part == MWN_PART_TRAIN && !r->request->schema;

    r->role = mwn_alloc(r->csv.columns, 1);
    if (!r->role)
        return mwn_fail_memory(err, r->csv.columns, "a table's columns");
    MWN_TRY(find_label(r, err));
    MWN_TRY(use_column(r, "data.id_column", o->id_column, train, &r->id, err));
    MWN_TRY(use_column(r, "data.weight_column", o->weight_column, train, &r->weight, err));
    MWN_TRY(use_column(r, "data.meta_column", o->meta_column, train, &r->meta, err));
    if (!is_given(o->id_column))
        MWN_TRY(guess_id(r, err));
    if (r->id == r->label && !is_given(o->id_column))
        r->id = MWN_TABLE_NONE;
    MWN_TRY(set_role(r, r->label, IS_LABEL, "data.label_column", err));
    MWN_TRY(set_role(r, r->id, IS_ID, "data.id_column", err));
    MWN_TRY(set_role(r, r->weight, IS_WEIGHT, "data.weight_column", err));
    MWN_TRY(set_role(r, r->meta, IS_META, "data.meta_column", err));
out:
    return status;
}

/* ---- The columns of the training part ----------------------------------------------- */

/* Names must differ. */
static mwn_status check_names(const struct reading *r, struct mwn_error *err)
{
    for (size_t k = 1; r->header && k < r->csv.columns; k++) {
        const char *name = name_at(r, k);
        if (!*name || strcmp(name, name_at(r, k - 1)) != 0)
            continue;
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: columns %zu and %zu are both called '%.80s'",
                 r->csv.path, r->csv.line[0], r->by_name[k - 1] + 1, r->by_name[k] + 1,
                 name);
        return mwn_hint(err, "if the line is a sample and no header, set data.header=no");
    }
    return MWN_OK;
}

/* The name in the header, or else the number. */
static char *name_column(const struct reading *r, size_t c)
{
    char number[24];
    const char *name = r->header ? mwn_csv_file_field(&r->csv, 0, c) : "";
    snprintf(number, sizeof(number), "%zu", c + 1);
    return mwn_strdup(*name ? name : number);
}

/* Marks the columns of data.categorical. */
static mwn_status mark_texts(struct reading *r, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *list = r->options->categorical;
    if (!is_given(list) || strcmp(list, "auto") == 0)
        return MWN_OK;
    char *copy = mwn_strdup(list), *rest = copy;
    if (!copy)
        return mwn_fail_memory(err, strlen(list), "data.categorical");
    while (rest) {
        char *name = strsep(&rest, ",");
        size_t found = find_column(r, name), marked = 0;
        for (size_t c = 0; c < r->table.columns && found != MWN_TABLE_NONE; c++)
            if (r->table.column[c].index == found) {
                r->table.column[c].is_text = true;
                marked++;
            }
        if (found == MWN_TABLE_NONE) {
            status = fail_column(r, "data.categorical", name, err);
            break;
        }
        if (marked == 0) {
            status = mwn_fail(err, MWN_ERR_CONFIG,
                              "data.categorical: column '%.80s' is not a feature", name);
            break;
        }
    }
    mwn_free(copy);
    return status;
}

/* One column of the table for each of the file that is a feature. */
static mwn_status make_columns(struct reading *r, struct mwn_error *err)
{
    struct mwn_table *table = &r->table;
    bool failed = false;
    table->header = r->header;
    table->width = r->csv.columns;
    table->label = r->label;
    table->column = mwn_alloc(r->csv.columns, sizeof(*table->column));
    r->from = mwn_alloc(r->csv.columns, sizeof(*r->from));
    if (r->label != MWN_TABLE_NONE) {
        table->label_name = name_column(r, r->label);
        failed = !table->label_name;
    }
    failed = failed || !table->column || !r->from;
    for (size_t c = 0; c < r->csv.columns && !failed; c++) {
        if (r->role[c] != IS_FEATURE)
            continue;
        r->from[table->columns] = c;
        struct mwn_column *column = &table->column[table->columns++];
        column->name = name_column(r, c);
        column->index = c;
        failed = !column->name;
    }
    if (failed)
        return mwn_fail_memory(err, r->csv.columns * sizeof(*table->column),
                               "a table's columns");
    if (table->columns > 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA, "%s: has %zu column%s, none of them a feature", r->csv.path,
             r->csv.columns, r->csv.columns == 1 ? "" : "s");
    return mwn_hint(err, "are fields separated by another character? See data.delimiter");
}

static mwn_status learn(struct reading *r, struct mwn_error *err)
{
    mwn_status status;
    r->header = r->options->header == HEADER_YES ||
                (r->options->header == HEADER_AUTO && mwn_csv_file_has_header(&r->csv));
    MWN_TRY(check_names(r, err));
    MWN_TRY(find_roles(r, err));
    MWN_TRY(make_columns(r, err));
    MWN_TRY(mark_texts(r, err));
    const struct mwn_table_part part = {&r->csv, first_row(r), r->from};
    MWN_TRY(mwn_table_learn(&r->table, &part, err));
out:
    return status;
}

/* ---- The columns of another part ---------------------------------------------------- */

static bool has_known_names(struct reading *r)
{
    bool found = false;
    r->header = true;
    for (size_t c = 0; c < r->table.columns && !found; c++)
        found = find_name(r, r->table.column[c].name) != MWN_TABLE_NONE;
    return found;
}

/* Whether this file names its columns as the training part did. */
static mwn_status find_header(struct reading *r, struct mwn_error *err)
{
    if (r->options->header != HEADER_AUTO || !r->table.header) {
        r->header = r->options->header == HEADER_YES;
        return MWN_OK;
    }
    if (has_known_names(r))
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA,
             "%s:%zu: names none of the columns of the training data ('%.60s', ..)",
             r->csv.path, r->csv.line[0], r->table.column[0].name);
    return mwn_hint(err,
                    "if the file has no header and the same columns in the same order, "
                    "set data.header=no");
}

static mwn_status match_names(struct reading *r, struct mwn_error *err)
{
    const struct mwn_table *table = &r->table;
    for (size_t c = 0; c < r->csv.columns; c++)
        if (r->role[c] == IS_FEATURE)
            r->role[c] = IS_UNUSED;
    for (size_t c = 0; c < table->columns; c++) {
        size_t found = find_name(r, table->column[c].name);
        if (found == MWN_TABLE_NONE) {
            mwn_fail(err, MWN_ERR_DATA,
                     "%s: column '%.80s' of the training data is missing", r->csv.path,
                     table->column[c].name);
            return mwn_hint(err,
                            "the order of the columns does not matter, their names do");
        }
        r->from[c] = found;
        r->role[found] = IS_FEATURE;
    }
    for (size_t c = 0; c < r->csv.columns; c++) {
        const char *name = mwn_csv_file_field(&r->csv, 0, c);
        bool label = table->label_name && strcmp(name, table->label_name) == 0;
        if (r->role[c] == IS_UNUSED && !label) {
            mwn_fail(err, MWN_ERR_DATA, "%s: column '%.80s' is not in the training data",
                     r->csv.path, name);
            return mwn_hint(err, "remove it; ids may be in a column of their own "
                                 "(data.id_column)");
        }
    }
    return MWN_OK;
}

static mwn_status match_numbers(struct reading *r, struct mwn_error *err)
{
    const struct mwn_table *table = &r->table;
    size_t label = table->label, columns = r->csv.columns;
    bool lacks_label =
        r->request->unlabelled && label != MWN_TABLE_NONE && columns + 1 == table->width;
    if (columns != table->width && !lacks_label)
        return mwn_fail(err, MWN_ERR_DATA, "%s: has %zu columns, the training data has %zu",
                        r->csv.path, columns, table->width);
    for (size_t c = 0; c < table->columns; c++) {
        size_t index = table->column[c].index;
        r->from[c] = index - (lacks_label && index > label);
        if (r->from[c] >= columns)
            return mwn_fail(err, MWN_ERR_DATA, "%s: has no column %zu", r->csv.path,
                            index + 1);
    }
    return MWN_OK;
}

static mwn_status match(struct reading *r, struct mwn_error *err)
{
    mwn_status status;
    MWN_TRY(mwn_table_parse(&r->table, r->request->schema, err));
    r->from = mwn_alloc(r->table.columns, sizeof(*r->from));
    if (!r->from)
        return mwn_fail_memory(err, r->table.columns * sizeof(*r->from), "columns");
    MWN_TRY(find_header(r, err));
    MWN_TRY(check_names(r, err));
    bool named = r->header && r->table.header;
    if (!named)
        MWN_TRY(match_numbers(r, err));
    MWN_TRY(find_roles(r, err));
    if (named)
        MWN_TRY(match_names(r, err));
out:
    return status;
}

/* ---- Labels, ids, weights and marks ------------------------------------------------- */

/* The texts of the label column, NULL where it has none. */
static mwn_status collect_labels(const struct reading *r, const char **text,
                                 struct mwn_error *err)
{
    for (size_t row = first_row(r); row < r->csv.rows; row++) {
        const char *field = mwn_csv_file_field(&r->csv, row, r->label);
        if (!mwn_csv_file_is_missing(field)) {
            *text++ = field;
            continue;
        }
        *text++ = NULL;
        if (r->request->unlabelled)
            continue;
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: has no label ('%.20s' in column %zu)",
                 r->csv.path, r->csv.line[row], field, r->label + 1);
        return mwn_hint(err, "leave out rows without a label");
    }
    return MWN_OK;
}

static mwn_status find_classes(struct reading *r, const char *const *text, size_t n,
                               struct mwn_error *err)
{
    char what[128];
    if (r->request->schema)
        return MWN_OK;
    snprintf(what, sizeof(what), "column '%.80s'", r->table.label_name);
    return mwn_label_set_learn(&r->table.classes, text, n, r->csv.path, what, err);
}

static mwn_status read_labels(struct mwn_source *source, struct reading *r,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t n = source->n, first = first_row(r);
    const char **text = mwn_alloc(n, sizeof(*text));
    source->label = mwn_alloc(n, sizeof(*source->label));
    if (!text || !source->label) {
        status = mwn_fail_memory(err, n * 12, "labels");
        goto out;
    }
    if (r->label != MWN_TABLE_NONE) {
        MWN_TRY(collect_labels(r, text, err));
        MWN_TRY(find_classes(r, text, n, err));
    }
    for (size_t i = 0; i < n; i++) {
        source->label[i] = text[i] ? mwn_label_set_find(&r->table.classes, text[i]) : -1;
        if (!text[i] || source->label[i] >= 0)
            continue;
        status = mwn_label_set_fail(&r->table.classes, r->csv.path, r->csv.line[first + i],
                                    text[i], err);
        goto out;
    }
out:
    mwn_free(text);
    return status;
}

static mwn_status read_ids(struct mwn_source *source, const struct reading *r,
                           struct mwn_error *err)
{
    if (r->id == MWN_TABLE_NONE)
        return MWN_OK;
    source->id = mwn_alloc(source->n, sizeof(*source->id));
    for (size_t i = 0; source->id && i < source->n; i++) {
        source->id[i] = mwn_strdup(mwn_csv_file_field(&r->csv, first_row(r) + i, r->id));
        if (!source->id[i])
            return mwn_fail_memory(err, source->n * 16, "ids");
    }
    return source->id ? MWN_OK : mwn_fail_memory(err, source->n * 8, "ids");
}

static mwn_status read_weights(struct mwn_source *source, const struct reading *r,
                               struct mwn_error *err)
{
    if (r->weight == MWN_TABLE_NONE)
        return MWN_OK;
    source->weight = mwn_alloc(source->n, sizeof(*source->weight));
    if (!source->weight)
        return mwn_fail_memory(err, source->n * sizeof(float), "weights");
    for (size_t i = 0; i < source->n; i++) {
        size_t row = first_row(r) + i;
        const char *field = mwn_csv_file_field(&r->csv, row, r->weight);
        double value = 0;
        if (!mwn_text_real(field, &value) || !(value >= 0 && value <= 1e30))
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s:%zu: weight '%.80s' is not a number, 0 or more",
                            r->csv.path, r->csv.line[row], field);
        source->weight[i] = (float)value;
    }
    return MWN_OK;
}

/* 1, 0, or -1 for a field that says neither. */
static int parse_mark(const char *field)
{
    static const char *const yes[] = {"1", "true", "yes", "y"};
    static const char *const no[] = {"0", "false", "no", "n"};
    for (size_t i = 0; i < MWN_COUNT(yes); i++) {
        if (strcasecmp(field, yes[i]) == 0)
            return 1;
        if (strcasecmp(field, no[i]) == 0)
            return 0;
    }
    return mwn_csv_file_is_missing(field) ? 0 : -1;
}

static mwn_status read_marks(struct mwn_source *source, const struct reading *r,
                             struct mwn_error *err)
{
    if (r->meta == MWN_TABLE_NONE)
        return MWN_OK;
    source->mark = mwn_alloc(source->n, 1);
    if (!source->mark)
        return mwn_fail_memory(err, source->n, "marks");
    for (size_t i = 0; i < source->n; i++) {
        size_t row = first_row(r) + i;
        const char *field = mwn_csv_file_field(&r->csv, row, r->meta);
        int mark = parse_mark(field);
        if (mark < 0)
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s:%zu: '%.80s' in data.meta_column is neither 1 nor 0 (nor "
                            "true, false, yes, no)",
                            r->csv.path, r->csv.line[row], field);
        source->mark[i] = (unsigned char)mark;
    }
    return MWN_OK;
}

/* ---- The reader --------------------------------------------------------------------- */

static mwn_status read_features(struct mwn_source *source, const struct reading *r,
                                struct mwn_error *err)
{
    const struct mwn_table_part part = {&r->csv, first_row(r), r->from};
    size_t features = mwn_table_features(&r->table);
    if (features > INT_MAX || features > FEATURES_MAX / sizeof(float) / source->n) {
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: %zu rows of %zu features are more than %zu bytes of memory",
                 r->csv.path, source->n, features, FEATURES_MAX);
        return mwn_hint(err, "the npy reader takes data of any size");
    }
    float *samples = mwn_alloc(source->n, features * sizeof(*samples));
    source->store = samples;
    source->samples = samples;
    source->type = MWN_SAMPLE_F32;
    source->shape = (struct mwn_shape){(int)features, 1, 1};
    if (!samples)
        return mwn_fail_memory(err, source->n * features * sizeof(*samples), "features");
    return mwn_table_encode(&r->table, &part, samples, err);
}

/* data.delimiter as a character; 0: to be found out. */
static mwn_status find_delimiter(const struct mwn_data_options *options, const char *path,
                                 char *out, struct mwn_error *err)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"", 0},       {"auto", 0},   {"comma", ','}, {"semicolon", ';'},
                 {"tab", '\t'}, {"\\t", '\t'}, {"pipe", '|'}};
    const char *text = options->delimiter ? options->delimiter : "";
    size_t length = strlen(path);
    for (size_t i = 0; i < MWN_COUNT(names); i++)
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].c;
            bool tsv = length > 4 && strcasecmp(path + length - 4, ".tsv") == 0;
            bool packed = length > 7 && strcasecmp(path + length - 7, ".tsv.gz") == 0;
            if (i < 2 && (tsv || packed))
                *out = '\t';
            return MWN_OK;
        }
    *out = text[0];
    if (text[1] == '\0' && text[0] >= ' ' && text[0] != '"')
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG, "data.delimiter: '%.40s' is not one character", text);
    return mwn_hint(err, "it is auto, comma, semicolon, tab, pipe or a character");
}

static mwn_status csv_open(struct mwn_source *source, const struct mwn_request *request,
                           struct mwn_error *err)
{
    mwn_status status;
    struct reading r = {.request = request, .options = request->options};
    char delimiter = 0;

    MWN_TRY(find_delimiter(r.options, request->path, &delimiter, err));
    MWN_TRY(mwn_csv_file_read(request->path, delimiter, &r.csv, err));
    MWN_TRY(sort_names(&r, err));
    MWN_TRY(request->schema ? match(&r, err) : learn(&r, err));
    if (r.csv.rows == first_row(&r)) {
        status =
            mwn_fail(err, MWN_ERR_DATA, "%s: has a header, but no rows", request->path);
        goto out;
    }
    source->n = r.csv.rows - first_row(&r);
    MWN_TRY(read_labels(source, &r, err));
    MWN_TRY(read_ids(source, &r, err));
    MWN_TRY(read_weights(source, &r, err));
    MWN_TRY(read_marks(source, &r, err));
    MWN_TRY(read_features(source, &r, err));
    MWN_TRY(mwn_table_print(&r.table, &source->schema, err));
    source->classes = r.table.classes.count > 0 ? r.table.classes.count : 1;
    if (r.table.classes.count > 0)
        status = mwn_label_set_names(&r.table.classes, &source->class_names, err);
out:
    reading_release(&r);
    return status;
}

static void csv_close(struct mwn_source *source)
{
    mwn_free(source->store);
}

const struct mwn_reader mwn_reader_csv = {
    .name = "csv",
    .summary = "tables: .csv or .tsv, plain or .gz, one row a sample, numbers and texts",
    .normalize = "mean",
    .single = true,
    .open = csv_open,
    .close = csv_close,
};

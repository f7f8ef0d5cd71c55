/* table_schema.c - a table's schema as JSON text, and back. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/table.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- To JSON ------------------------------------------------------------------------ */

/* NULL if memory is out, as everything here. */
static json_t *json_of_texts(char *const *text, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (json_array_append_new(array, json_string(text[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *json_of_column(const struct mwn_column *column)
{
    json_int_t index = (json_int_t)column->index;
    if (!column->is_text)
        return json_pack("{s:s, s:I, s:s, s:f, s:b}", "name", column->name, "index", index,
                         "kind", "number", "median", column->median, "indicator",
                         (int)column->indicator);
    return json_pack("{s:s, s:I, s:s, s:b, s:o}", "name", column->name, "index", index,
                     "kind", "text", "other", (int)column->other, "values",
                     json_of_texts(column->value, column->values));
}

static json_t *json_of_columns(const struct mwn_table *table)
{
    json_t *array = json_array();
    for (size_t c = 0; array && c < table->columns; c++)
        if (json_array_append_new(array, json_of_column(&table->column[c])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

mwn_status mwn_table_print(const struct mwn_table *table, char **out, struct mwn_error *err)
{
    char *text = NULL, *copy = NULL;
    json_int_t label = table->label == MWN_TABLE_NONE ? -1 : (json_int_t)table->label;
    json_t *json =
        json_pack("{s:s, s:b, s:I, s:I, s:s?, s:o, s:o}", "reader", "csv", "header",
                  (int)table->header, "width", (json_int_t)table->width, "label", label,
                  "label_name", table->label_name, "classes",
                  json_of_texts(table->classes.name, (size_t)table->classes.count),
                  "columns", json_of_columns(table));
    if (json)
        text = json_dumps(json, JSON_COMPACT);
    if (text)
        copy = mwn_strdup(text);
    free(text);
    json_decref(json);
    if (!copy)
        return mwn_fail_memory(err, table->columns * 64, "the schema of a table");
    *out = copy;
    return MWN_OK;
}

/* ---- From JSON ---------------------------------------------------------------------- */

static mwn_status fail_schema(struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "the schema of the training data is damaged");
    return mwn_hint(err, "the model was trained on data of another kind, or its file was "
                         "changed");
}

static bool read_index(const json_t *object, const char *key, size_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < -1)
        return false;
    *out =
        json_integer_value(value) < 0 ? MWN_TABLE_NONE : (size_t)json_integer_value(value);
    return true;
}

/* The texts of an array; *out owned by the caller, also on failure. */
static mwn_status read_texts(const json_t *array, char ***out, size_t *count,
                             struct mwn_error *err)
{
    size_t size = json_array_size(array);
    if (!json_is_array(array))
        return fail_schema(err);
    *out = mwn_alloc(size, sizeof(**out));
    for (size_t i = 0; *out && i < size; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text)
            return fail_schema(err);
        (*out)[i] = mwn_strdup(text);
        if (!(*out)[i])
            return mwn_fail_memory(err, size * 16, "the schema of a table");
        (*count)++;
    }
    return *out ? MWN_OK : mwn_fail_memory(err, size * 16, "the schema of a table");
}

static mwn_status read_column(struct mwn_column *column, const json_t *json,
                              struct mwn_error *err)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const json_t *median = json_object_get(json, "median");
    if (!name || !kind || !read_index(json, "index", &column->index))
        return fail_schema(err);
    column->name = mwn_strdup(name);
    if (!column->name)
        return mwn_fail_memory(err, strlen(name), "the schema of a table");
    column->is_text = strcmp(kind, "text") == 0;
    column->other = json_is_true(json_object_get(json, "other"));
    column->indicator = json_is_true(json_object_get(json, "indicator"));
    if (column->is_text)
        return read_texts(json_object_get(json, "values"), &column->value, &column->values,
                          err);
    if (!json_is_number(median) || !isfinite(json_number_value(median)))
        return fail_schema(err);
    column->median = json_number_value(median);
    return MWN_OK;
}

static mwn_status read_columns(struct mwn_table *table, const json_t *array,
                               struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0)
        return fail_schema(err);
    table->column = mwn_alloc(count, sizeof(*table->column));
    if (!table->column)
        return mwn_fail_memory(err, count * sizeof(*table->column), "a table's columns");
    table->columns = count;
    for (size_t c = 0; c < count && status == MWN_OK; c++)
        status = read_column(&table->column[c], json_array_get(array, c), err);
    return status;
}

static mwn_status read_classes(struct mwn_table *table, const json_t *array,
                               struct mwn_error *err)
{
    char **name = NULL;
    size_t count = 0;
    mwn_status status = read_texts(array, &name, &count, err);
    if (status == MWN_OK)
        status = mwn_label_set_set(&table->classes, (const char *const *)name, count, err);
    for (size_t c = 0; c < count; c++)
        mwn_free(name[c]);
    mwn_free(name);
    return status;
}

mwn_status mwn_table_parse(struct mwn_table *table, const char *json, struct mwn_error *err)
{
    mwn_status status;
    json_t *root = json_loads(json, 0, NULL);
    const char *label = json_string_value(json_object_get(root, "label_name"));

    table->header = json_is_true(json_object_get(root, "header"));
    if (!json_is_object(root) || !read_index(root, "width", &table->width) ||
        !read_index(root, "label", &table->label)) {
        status = fail_schema(err);
        goto out;
    }
    table->label_name = label ? mwn_strdup(label) : NULL;
    if (label && !table->label_name) {
        status = mwn_fail_memory(err, strlen(label), "the schema of a table");
        goto out;
    }
    MWN_TRY(read_columns(table, json_object_get(root, "columns"), err));
    MWN_TRY(read_classes(table, json_object_get(root, "classes"), err));
out:
    json_decref(root);
    return status;
}

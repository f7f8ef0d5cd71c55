/* schema.c - classes and sizes as JSON text, and back. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/schema.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

mwn_status mwn_schema_print(const struct mwn_schema *schema, char **out,
                            struct mwn_error *err)
{
    bool failed = false;
    json_t *classes = json_array();
    for (int c = 0; c < schema->classes.count && !failed; c++)
        failed = json_array_append_new(classes, json_string(schema->classes.name[c])) != 0;
    json_t *json = json_pack("{s:s, s:I, s:I, s:o}", "reader", schema->reader, "base",
                             (json_int_t)schema->base, "features",
                             (json_int_t)schema->features, "classes", classes);
    char *text = json && !failed ? json_dumps(json, JSON_COMPACT) : NULL;
    char *copy = text ? mwn_strdup(text) : NULL;
    free(text);
    json_decref(json);
    if (!copy)
        return mwn_fail_memory(err, 64, "the schema of the data");
    *out = copy;
    return MWN_OK;
}

static mwn_status fail_schema(struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "the schema of the training data is damaged");
    return mwn_hint(err, "the model was trained on data of another kind, or its file was "
                         "changed");
}

static mwn_status read_classes(struct mwn_label_set *classes, const json_t *array,
                               struct mwn_error *err)
{
    size_t count = json_array_size(array);
    const char **name = mwn_alloc(count, sizeof(*name));
    bool good = true;
    if (!name)
        return mwn_fail_memory(err, count * sizeof(*name), "the classes");
    for (size_t c = 0; c < count; c++) {
        name[c] = json_string_value(json_array_get(array, c));
        good = good && name[c];
    }
    mwn_status status =
        good ? mwn_label_set_set(classes, name, count, err) : fail_schema(err);
    mwn_free(name);
    return status;
}

mwn_status mwn_schema_parse(struct mwn_schema *schema, const char *json,
                            struct mwn_error *err)
{
    json_t *root = json_loads(json, 0, NULL);
    const json_t *base = json_object_get(root, "base");
    const json_t *features = json_object_get(root, "features");
    const char *reader = json_string_value(json_object_get(root, "reader"));
    mwn_status status;

    if (!reader || strcmp(reader, schema->reader) != 0 || !json_is_integer(base) ||
        !json_is_integer(features) || json_integer_value(features) < 1 ||
        json_integer_value(features) > INT_MAX) {
        status = fail_schema(err);
        goto out;
    }
    schema->base = json_integer_value(base) == 0 ? 0 : 1;
    schema->features = (size_t)json_integer_value(features);
    status = read_classes(&schema->classes, json_object_get(root, "classes"), err);
out:
    json_decref(root);
    return status;
}

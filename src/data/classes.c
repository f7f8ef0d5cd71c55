/* classes.c - class names: collected from labels, written as JSON and read back, looked up. */
#include "data/classes.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number that a text of digits states; -1 if it is anything else or too large. */
static long parse_number(const char *text)
{
    long value = 0;
    if (*text == '\0')
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > MWN_CLASSES_MAX)
            return -1;
        value = value * 10 + (*text - '0');
    }
    return value;
}

/* Whether it is made of digits, however large. */
static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static mwn_status fail_count(struct mwn_error *err)
{
    return mwn_fail(err, MWN_ERR_DATA, "more than %d classes are too many",
                    MWN_CLASSES_MAX);
}

static mwn_status make_room(struct mwn_classes *classes, size_t n, struct mwn_error *err)
{
    if (n > MWN_CLASSES_MAX)
        return fail_count(err);
    classes->name = mwn_alloc(n, sizeof(*classes->name));
    if (!classes->name)
        return mwn_fail_memory(err, n * sizeof(*classes->name), "class names");
    return MWN_OK;
}

/* Models carry the names as JSON, which is UTF-8. */
static mwn_status add_copy(struct mwn_classes *classes, const char *name,
                           struct mwn_error *err)
{
    if (!mwn_is_utf8(name))
        return mwn_fail(err, MWN_ERR_DATA, "the class name '%.80s' is not UTF-8", name);
    classes->name[classes->count] = mwn_strdup(name);
    if (!classes->name[classes->count])
        return mwn_fail_memory(err, strlen(name), "class names");
    classes->count++;
    return MWN_OK;
}

static void note_order(struct mwn_classes *classes)
{
    classes->numbers = classes->count > 0;
    classes->sorted = true;
    for (int c = 1; c < classes->count && classes->sorted; c++)
        classes->sorted = strcmp(classes->name[c - 1], classes->name[c]) < 0;
    for (int c = 0; c < classes->count && classes->numbers; c++) {
        const char *name = classes->name[c];
        classes->numbers = parse_number(name) == c && (c == 0 || name[0] != '0');
    }
}

mwn_status mwn_classes_copy(struct mwn_classes *classes, const char *const *name, size_t n,
                            struct mwn_error *err)
{
    mwn_status status = make_room(classes, n, err);
    for (size_t i = 0; i < n && status == MWN_OK; i++)
        status = add_copy(classes, name[i], err);
    note_order(classes);
    return status;
}

static mwn_status count_up(struct mwn_classes *classes, long count, struct mwn_error *err)
{
    char text[32];
    mwn_status status = make_room(classes, (size_t)count, err);
    for (long c = 0; c < count && status == MWN_OK; c++) {
        (void)snprintf(text, sizeof(text), "%ld", c);
        status = add_copy(classes, text, err);
    }
    classes->numbers = true;
    return status;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

mwn_status mwn_classes_collect(struct mwn_classes *classes, const char *const *label,
                               size_t n, struct mwn_error *err)
{
    long largest = -1;
    bool numbers = n > 0;
    for (size_t i = 0; i < n; i++) {
        long value = parse_number(label[i]);
        numbers = numbers && is_number(label[i]);
        if (numbers && (value < 0 || value >= MWN_CLASSES_MAX))
            largest = MWN_CLASSES_MAX;
        else if (value > largest)
            largest = value;
    }
    if (numbers)
        return largest < MWN_CLASSES_MAX ? count_up(classes, largest + 1, err)
                                         : fail_count(err);
    const char **sorted = mwn_alloc(n, sizeof(*sorted));
    if (!sorted)
        return mwn_fail_memory(err, n * sizeof(*sorted), "class names");
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        sorted[i] = label[i];
    if (n > 0)
        qsort(sorted, n, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < n; i++)
        if (count == 0 || strcmp(sorted[count - 1], sorted[i]) != 0)
            sorted[count++] = sorted[i];
    mwn_status status = mwn_classes_copy(classes, sorted, count, err);
    mwn_free(sorted);
    return status;
}

mwn_status mwn_classes_parse(struct mwn_classes *classes, const char *schema,
                             struct mwn_error *err)
{
    json_error_t where;
    json_t *root = json_loads(schema, 0, &where);
    const json_t *list = json_object_get(root, "classes");
    mwn_status status = MWN_OK;
    if (!json_is_array(list) || json_array_size(list) == 0)
        status = mwn_fail(err, MWN_ERR_DATA, "data.schema: has no list of classes");
    else
        status = make_room(classes, json_array_size(list), err);
    for (size_t i = 0; status == MWN_OK && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        status = name ? add_copy(classes, name, err)
                      : mwn_fail(err, MWN_ERR_DATA,
                                 "data.schema: the name of class %zu is not a text", i);
    }
    note_order(classes);
    json_decref(root);
    return status;
}

char *mwn_classes_schema(const struct mwn_classes *classes)
{
    json_t *list = json_array();
    bool failed = !list;
    for (int c = 0; c < classes->count && !failed; c++)
        failed = json_array_append_new(list, json_string_nocheck(classes->name[c])) != 0;
    json_t *root = failed ? NULL : json_pack("{s:O}", "classes", list);
    char *text = root ? json_dumps(root, JSON_ENSURE_ASCII) : NULL;
    char *copy = text ? mwn_strdup(text) : NULL;
    free(text);
    json_decref(root);
    json_decref(list);
    return copy;
}

int mwn_classes_find(const struct mwn_classes *classes, const char *name)
{
    if (classes->numbers) {
        long value = parse_number(name);
        return value >= 0 && value < classes->count ? (int)value : -1;
    }
    if (classes->sorted && classes->count > 0) {
        char *const *found = bsearch(&name, classes->name, (size_t)classes->count,
                                     sizeof(*classes->name), compare_texts);
        return found ? (int)(found - classes->name) : -1;
    }
    for (int c = 0; c < classes->count; c++)
        if (strcmp(classes->name[c], name) == 0)
            return c;
    return -1;
}

void mwn_classes_release(struct mwn_classes *classes)
{
    for (int c = 0; c < classes->count; c++)
        mwn_free(classes->name[c]);
    mwn_free(classes->name);
    *classes = (struct mwn_classes){0};
}

/* label_set.c - finds the classes of a column of labels, and the class of a label. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/label_set.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 10000 };

bool mwn_text_whole(const char *text, int64_t *out)
{
    double value = 0;
    if (!mwn_text_real(text, &value) || !(fabs(value) <= 0x1p53) || value != floor(value))
        return false;
    *out = (int64_t)value;
    return true;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int compare_integers(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static mwn_status check_count(size_t count, const char *path, const char *what,
                              struct mwn_error *err)
{
    if (count >= 2 && count <= CLASSES_MAX)
        return MWN_OK;
    if (count < 2)
        mwn_fail(err, MWN_ERR_DATA, "%s: %s has %s, expected at least two classes", path,
                 what, count == 0 ? "no labels" : "the same label everywhere");
    else
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: %s has %zu different labels, expected at most %d classes", path, what,
                 count, CLASSES_MAX);
    return mwn_hint(err, "are the labels elsewhere? data.label_column names their column");
}

/* ---- Learning ----------------------------------------------------------------------- */

static mwn_status use_integers(struct mwn_label_set *out, int64_t *value, size_t n,
                               const char *path, const char *what, struct mwn_error *err)
{
    size_t count = 0;
    qsort(value, n, sizeof(*value), compare_integers);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || value[i] != value[count - 1])
            value[count++] = value[i];
    mwn_status status = check_count(count, path, what, err);
    if (status != MWN_OK)
        return status;
    out->name = mwn_alloc(count, sizeof(*out->name));
    out->value = mwn_alloc(count, sizeof(*out->value));
    bool failed = !out->name || !out->value;
    for (size_t c = 0; c < count && !failed; c++) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRId64, value[c]);
        out->value[c] = value[c];
        out->name[out->count++] = mwn_strdup(text);
        failed = !out->name[c];
    }
    if (!failed)
        return MWN_OK;
    mwn_label_set_release(out);
    return mwn_fail_memory(err, count * 16, "the classes");
}

mwn_status mwn_label_set_learn_integers(struct mwn_label_set *out, const int64_t *value,
                                        size_t n, const char *path, const char *what,
                                        struct mwn_error *err)
{
    memset(out, 0, sizeof(*out));
    int64_t *copy = mwn_alloc(n, sizeof(*copy));
    if (!copy)
        return mwn_fail_memory(err, n * sizeof(*copy), "labels");
    if (n > 0)
        memcpy(copy, value, n * sizeof(*copy));
    mwn_status status = use_integers(out, copy, n, path, what, err);
    mwn_free(copy);
    return status;
}

/* The texts that differ, sorted; how many. */
static size_t find_different(const char *const *text, size_t n, const char **out)
{
    size_t some = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        if (text[i])
            out[some++] = text[i];
    if (some > 0)
        qsort(out, some, sizeof(*out), compare_texts);
    for (size_t i = 0; i < some; i++)
        if (i == 0 || strcmp(out[i], out[count - 1]) != 0)
            out[count++] = out[i];
    return count;
}

/* How many of the texts are numbers, and are whole ones (these into value[]). */
static void count_numbers(const char *const *text, size_t n, size_t *numbers, size_t *whole,
                          int64_t *value)
{
    double real;
    for (size_t i = 0; i < n; i++) {
        *numbers += mwn_text_real(text[i], &real);
        *whole += mwn_text_whole(text[i], &value[*whole]);
    }
}

mwn_status mwn_label_set_learn(struct mwn_label_set *out, const char *const *text, size_t n,
                               const char *path, const char *what, struct mwn_error *err)
{
    mwn_status status;
    size_t numbers = 0, whole = 0;
    const char **different = mwn_alloc(n, sizeof(*different));
    int64_t *value = mwn_alloc(n + 1, sizeof(*value));

    memset(out, 0, sizeof(*out));
    if (!different || !value) {
        status = mwn_fail_memory(err, n * 16, "labels");
        goto out;
    }
    size_t count = find_different(text, n, different);
    count_numbers(different, count, &numbers, &whole, value);
    if (whole == count && count > 0) {
        status = use_integers(out, value, count, path, what, err);
    } else if (numbers == count && count > 0) {
        status =
            mwn_fail(err, MWN_ERR_DATA,
                     "%s: %s has numbers with a fraction, expected classes", path, what);
        mwn_hint(err, "are the labels elsewhere? data.label_column names their column");
    } else {
        MWN_TRY(check_count(count, path, what, err));
        status = mwn_label_set_set(out, different, count, err);
    }
out:
    mwn_free(different);
    mwn_free(value);
    return status;
}

mwn_status mwn_label_set_set(struct mwn_label_set *out, const char *const *name,
                             size_t count, struct mwn_error *err)
{
    bool whole = true, failed;
    memset(out, 0, sizeof(*out));
    out->name = mwn_alloc(count, sizeof(*out->name));
    out->value = mwn_alloc(count, sizeof(*out->value));
    failed = !out->name || !out->value;
    for (size_t c = 0; c < count && !failed; c++) {
        whole = mwn_text_whole(name[c], &out->value[c]) && whole;
        out->name[out->count++] = mwn_strdup(name[c]);
        failed = !out->name[c];
    }
    if (failed) {
        mwn_label_set_release(out);
        return mwn_fail_memory(err, count * 16, "the classes");
    }
    if (!whole) {
        mwn_free(out->value);
        out->value = NULL;
    }
    return MWN_OK;
}

/* ---- Finding ------------------------------------------------------------------------ */

int mwn_label_set_find_integer(const struct mwn_label_set *classes, int64_t value)
{
    int low = 0, high = classes->value ? classes->count : 0;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (classes->value[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return classes->value && low < classes->count && classes->value[low] == value ? low
                                                                                  : -1;
}

/* Compares the first `size` bytes of text, as a text of its own, with a name. */
static int compare_part(const char *text, size_t size, const char *name)
{
    int order = strncmp(text, name, size);
    return order == 0 && name[size] != '\0' ? -1 : order;
}

static int find_text(const struct mwn_label_set *classes, const char *text, size_t size)
{
    int low = 0, high = classes->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = compare_part(text, size, classes->name[middle]);
        if (order == 0)
            return middle;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int mwn_label_set_find(const struct mwn_label_set *classes, const char *text)
{
    int64_t value = 0;
    size_t size = strlen(text);
    if (classes->value)
        return mwn_text_whole(text, &value) ? mwn_label_set_find_integer(classes, value)
                                            : -1;
    int found = find_text(classes, text, size);
    if (found < 0 && size > 1 && text[size - 1] == '.')
        found = find_text(classes, text, size - 1);
    return found;
}

mwn_status mwn_label_set_fail(const struct mwn_label_set *classes, const char *path,
                              size_t line, const char *label, struct mwn_error *err)
{
    const char *const *names = (const char *const *)classes->name;
    const char *near = mwn_nearest(label, names, (size_t)classes->count);
    mwn_fail(err, MWN_ERR_DATA, "%s:%zu: label '%.80s' is not among the %d classes", path,
             line, label, classes->count);
    if (near)
        return mwn_hint(err, "did you mean '%.80s'?", near);
    return mwn_hint(err, "the classes go from '%.80s' to '%.80s'", names[0],
                    names[classes->count - 1]);
}

mwn_status mwn_label_set_names(const struct mwn_label_set *classes, char ***out,
                               struct mwn_error *err)
{
    size_t count = (size_t)classes->count;
    char **name = mwn_alloc(count, sizeof(*name));
    bool failed = !name;
    for (size_t c = 0; c < count && !failed; c++) {
        name[c] = mwn_strdup(classes->name[c]);
        failed = !name[c];
    }
    if (!failed) {
        *out = name;
        return MWN_OK;
    }
    for (size_t c = 0; name && c < count; c++)
        mwn_free(name[c]);
    mwn_free(name);
    return mwn_fail_memory(err, count * sizeof(*name), "the classes' names");
}

void mwn_label_set_release(struct mwn_label_set *classes)
{
    for (int c = 0; classes->name && c < classes->count; c++)
        mwn_free(classes->name[c]);
    mwn_free(classes->name);
    mwn_free(classes->value);
    memset(classes, 0, sizeof(*classes));
}

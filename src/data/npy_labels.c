/* npy_labels.c - labels in an array or in a column of text, turned into classes. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/csv_file.h"
#include "data/npy_labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static mwn_status check_count(const struct mwn_npy_labels *labels, const char *path,
                              size_t count, struct mwn_error *err)
{
    if (count == labels->n)
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_DATA, "%s: has %zu labels, but there are %zu samples",
                    path, count, labels->n);
}

static mwn_status make_room(struct mwn_npy_labels *labels, struct mwn_error *err)
{
    labels->label = mwn_alloc(labels->n, sizeof(*labels->label));
    if (labels->label)
        return MWN_OK;
    return mwn_fail_memory(err, labels->n * sizeof(*labels->label), "labels");
}

/* The array's items as whole numbers. */
static mwn_status whole_numbers(const char *path, const struct mwn_npy *array, int64_t *out,
                                struct mwn_error *err)
{
    bool real = array->type == MWN_NPY_F32 || array->type == MWN_NPY_F64 ||
                array->type == MWN_NPY_U64;
    for (size_t i = 0; i < array->count; i++) {
        double value = real ? mwn_npy_real(array, i) : 0;
        if (!(fabs(value) <= 0x1p53) || value != floor(value))
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: label %g of sample %zu is not a whole number", path, value,
                            i);
        out[i] = mwn_npy_int(array, i);
    }
    return MWN_OK;
}

static mwn_status use_numbers(struct mwn_npy_labels *labels, const char *path,
                              const int64_t *value, struct mwn_error *err)
{
    struct mwn_label_set *classes = &labels->classes;
    char text[32];
    if (!labels->known) {
        mwn_status status =
            mwn_label_set_learn_integers(classes, value, labels->n, path, "it", err);
        if (status != MWN_OK)
            return status;
    }
    for (size_t i = 0; i < labels->n; i++) {
        labels->label[i] = mwn_label_set_find_integer(classes, value[i]);
        if (labels->label[i] >= 0)
            continue;
        snprintf(text, sizeof(text), "%" PRId64, value[i]);
        return mwn_label_set_fail(classes, path, i, text, err);
    }
    return MWN_OK;
}

mwn_status mwn_npy_labels_use(struct mwn_npy_labels *labels, const char *path,
                              const struct mwn_npy *array, struct mwn_error *err)
{
    mwn_status status;
    int64_t *value = NULL;
    if (array->dims < 1 || array->dims > 2 || (array->dims == 2 && array->shape[1] != 1)) {
        mwn_fail(err, MWN_ERR_DATA, "%s: labels have %d dimensions, expected [n] or [n][1]",
                 path, array->dims);
        return mwn_hint(err, "labels that are rows of 0 and 1 become numbers by "
                             "y.argmax(axis=1)");
    }
    MWN_TRY(check_count(labels, path, array->count, err));
    MWN_TRY(make_room(labels, err));
    value = mwn_alloc(labels->n, sizeof(*value));
    if (!value) {
        status = mwn_fail_memory(err, labels->n * sizeof(*value), "labels");
        goto out;
    }
    MWN_TRY(whole_numbers(path, array, value, err));
    MWN_TRY(use_numbers(labels, path, value, err));
out:
    mwn_free(value);
    return status;
}

static mwn_status use_texts(struct mwn_npy_labels *labels, const struct mwn_csv_file *csv,
                            size_t first, const char **text, struct mwn_error *err)
{
    struct mwn_label_set *classes = &labels->classes;
    for (size_t i = 0; i < labels->n; i++) {
        text[i] = mwn_csv_file_field(csv, first + i, csv->columns - 1);
        if (mwn_csv_file_is_missing(text[i]))
            return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: has no label", csv->path,
                            csv->line[first + i]);
    }
    if (!labels->known) {
        mwn_status status =
            mwn_label_set_learn(classes, text, labels->n, csv->path, "it", err);
        if (status != MWN_OK)
            return status;
    }
    for (size_t i = 0; i < labels->n; i++) {
        labels->label[i] = mwn_label_set_find(classes, text[i]);
        if (labels->label[i] < 0)
            return mwn_label_set_fail(classes, csv->path, csv->line[first + i], text[i],
                                      err);
    }
    return MWN_OK;
}

static mwn_status read_csv(struct mwn_npy_labels *labels, const char *path,
                           struct mwn_error *err)
{
    mwn_status status;
    struct mwn_csv_file csv = {0};
    const char **text = NULL;

    MWN_TRY(mwn_csv_file_read(path, 0, &csv, err));
    /* One line more than there are samples is a header: texts alone cannot tell. */
    size_t first = csv.rows == labels->n + 1 ? 1 : 0;
    MWN_TRY(check_count(labels, path, csv.rows - first, err));
    MWN_TRY(make_room(labels, err));
    text = mwn_alloc(labels->n, sizeof(*text));
    if (!text) {
        status = mwn_fail_memory(err, labels->n * sizeof(*text), "labels");
        goto out;
    }
    MWN_TRY(use_texts(labels, &csv, first, text, err));
out:
    mwn_free(text);
    mwn_csv_file_release(&csv);
    return status;
}

mwn_status mwn_npy_labels_read(struct mwn_npy_labels *labels, const char *path,
                               struct mwn_error *err)
{
    struct mwn_npy array = {0};
    size_t length = strlen(path);
    if (length < 4 || strcasecmp(path + length - 4, ".npy") != 0)
        return read_csv(labels, path, err);
    mwn_status status = mwn_npy_read(path, &array, err);
    if (status == MWN_OK)
        status = mwn_npy_labels_use(labels, path, &array, err);
    mwn_npy_release(&array);
    return status;
}

/* info_table.c - describes tables and arrays: csv, npy, npz. */
#include "train/info_table.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/csv_file.h"
#include "tensor/npy.h"
#include "tensor/npz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers seen so far. */
struct range {
    double low, high, sum;
    size_t count;
};

static const struct range no_range = {(double)INFINITY, -(double)INFINITY, 0, 0};

static void range_add(struct range *range, double value)
{
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
    range->sum += value;
    range->count++;
}

static void add_range(struct mwn_json *json, const struct range *range)
{
    mwn_json_real(json, "min", range->low, 9);
    mwn_json_real(json, "max", range->high, 9);
    mwn_json_real(json, "mean",
                  range->count > 0 ? range->sum / (double)range->count : (double)NAN, 9);
}

/* ---- Tables ------------------------------------------------------------------------- */

/* A column's fields that are not missing; all texts belong to the table. */
struct fields {
    const char **text;  /* owned [rows]                              */
    size_t count;       /* of them                                   */
    const char *word;   /* the first that is no number; NULL if none */
    struct range range; /* of those that are numbers                 */
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_fields(const struct mwn_csv_file *csv, size_t first, size_t column,
                        struct fields *fields)
{
    fields->count = 0;
    fields->word = NULL;
    fields->range = no_range;
    for (size_t row = first; row < csv->rows; row++) {
        const char *text = mwn_csv_file_field(csv, row, column);
        double value = 0;
        if (mwn_csv_file_is_missing(text))
            continue;
        fields->text[fields->count++] = text;
        if (mwn_text_real(text, &value) && isfinite(value))
            range_add(&fields->range, value);
        else if (!fields->word)
            fields->word = text;
    }
}

/* How many different texts there are; puts them in order. */
static size_t count_different(struct fields *fields)
{
    size_t different = 0;
    qsort(fields->text, fields->count, sizeof(*fields->text), compare_texts);
    for (size_t i = 0; i < fields->count; i++)
        different += i == 0 || strcmp(fields->text[i - 1], fields->text[i]) != 0;
    return different;
}

/* A column is of numbers if more than half of its fields are, as the reader has it. */
static void add_column(struct mwn_json *json, const struct mwn_csv_file *csv, size_t first,
                       size_t column, struct fields *fields)
{
    char number[24];
    take_fields(csv, first, column, fields);
    bool is_number = fields->range.count > fields->count / 2;
    const char *type = is_number ? "number" : "text";
    snprintf(number, sizeof(number), "%zu", column + 1);
    mwn_json_object(json, NULL);
    mwn_json_text(json, "name", first > 0 ? mwn_csv_file_field(csv, 0, column) : number);
    mwn_json_text(json, "type", fields->count > 0 ? type : "empty");
    mwn_json_size(json, "missing", csv->rows - first - fields->count);
    if (is_number) {
        add_range(json, &fields->range);
        if (fields->word) /* The reader refuses the file because of it. */
            mwn_json_text(json, "no_number", fields->word);
    } else {
        mwn_json_size(json, "different", count_different(fields));
    }
    mwn_json_end_object(json);
}

mwn_status mwn_info_csv(const char *path, struct mwn_json *json, struct mwn_error *err)
{
    struct mwn_csv_file csv = {0};
    struct fields fields = {0};
    mwn_status status = mwn_csv_file_read(path, '\0', &csv, err);
    if (status != MWN_OK)
        return status;
    bool header = mwn_csv_file_has_header(&csv);
    const char delimiter[] = {csv.delimiter, '\0'};
    fields.text = mwn_alloc(csv.rows, sizeof(*fields.text));
    if (fields.text) {
        mwn_json_text(json, "kind", "csv");
        mwn_json_text(json, "delimiter", delimiter);
        mwn_json_bool(json, "header", header);
        mwn_json_size(json, "rows", csv.rows - (header ? 1 : 0));
        mwn_json_array(json, "columns");
        for (size_t c = 0; c < csv.columns; c++)
            add_column(json, &csv, header ? 1 : 0, c, &fields);
        mwn_json_end_array(json);
    } else {
        status = mwn_fail_memory(err, csv.rows * sizeof(*fields.text), "a column's fields");
    }
    mwn_free(fields.text);
    mwn_csv_file_release(&csv);
    return status;
}

/* ---- Arrays ------------------------------------------------------------------------- */

void mwn_info_shape(struct mwn_json *json, int dims, const size_t *shape)
{
    mwn_json_array(json, "shape");
    for (int d = 0; d < dims; d++)
        mwn_json_size(json, NULL, shape[d]);
    mwn_json_end_array(json);
}

static void add_array(struct mwn_json *json, const struct mwn_npy *npy)
{
    static const char *const types[] = {
        [MWN_NPY_F32] = "float32", [MWN_NPY_F64] = "float64", [MWN_NPY_U8] = "uint8",
        [MWN_NPY_I32] = "int32",   [MWN_NPY_I64] = "int64",   [MWN_NPY_U32] = "uint32",
        [MWN_NPY_I8] = "int8",     [MWN_NPY_I16] = "int16",   [MWN_NPY_U16] = "uint16",
        [MWN_NPY_U64] = "uint64",  [MWN_NPY_BOOL] = "bool",
    };
    struct range range = no_range;
    for (size_t i = 0; i < npy->count; i++) {
        double value = mwn_npy_real(npy, i);
        if (!isnan(value))
            range_add(&range, value);
    }
    mwn_json_text(json, "type", types[npy->type]);
    mwn_info_shape(json, npy->dims, npy->shape);
    add_range(json, &range);
    mwn_json_size(json, "nan", npy->count - range.count);
}

mwn_status mwn_info_npy(const char *path, struct mwn_json *json, struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    mwn_status status = mwn_npy_read(path, &npy, err);
    if (status != MWN_OK)
        return status;
    mwn_json_text(json, "kind", "npy");
    add_array(json, &npy);
    mwn_npy_release(&npy);
    return MWN_OK;
}

/* What an archive holds beside arrays, such as pickled objects, is named with the reason why it
 * cannot be read. */
static mwn_status add_entry(struct mwn_json *json, const struct mwn_npz *npz, size_t i,
                            struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    struct mwn_error problem = {0};
    mwn_status status = mwn_npz_read(npz, &npz->entry[i], &npy, &problem);
    if (status != MWN_OK && status != MWN_ERR_DATA) {
        if (err)
            *err = problem;
        return status;
    }
    mwn_json_object(json, NULL);
    mwn_json_text(json, "name", npz->entry[i].name);
    if (status == MWN_OK)
        add_array(json, &npy);
    else
        mwn_json_text(json, "problem", problem.text);
    mwn_json_end_object(json);
    mwn_npy_release(&npy);
    return MWN_OK;
}

mwn_status mwn_info_npz(const char *path, struct mwn_json *json, struct mwn_error *err)
{
    struct mwn_npz npz = {0};
    mwn_status status = mwn_npz_open(&npz, path, err);
    if (status != MWN_OK)
        return status;
    mwn_json_text(json, "kind", "npz");
    mwn_json_array(json, "arrays");
    for (size_t i = 0; i < npz.count && status == MWN_OK; i++)
        status = add_entry(json, &npz, i, err);
    mwn_json_end_array(json);
    mwn_npz_close(&npz);
    return status;
}

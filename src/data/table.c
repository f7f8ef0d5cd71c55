/* table.c - finds out what the columns of a table hold, and makes features of them. */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/table.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void mwn_table_release(struct mwn_table *table)
{
    for (size_t c = 0; table->column && c < table->columns; c++) {
        struct mwn_column *column = &table->column[c];
        for (size_t v = 0; column->value && v < column->values; v++)
            mwn_free(column->value[v]);
        mwn_free(column->value);
        mwn_free(column->name);
    }
    mwn_free(table->column);
    mwn_free(table->label_name);
    mwn_label_set_release(&table->classes);
    memset(table, 0, sizeof(*table));
}

static size_t width_of(const struct mwn_column *column)
{
    return column->is_text ? column->values + column->other : 1 + (size_t)column->indicator;
}

size_t mwn_table_features(const struct mwn_table *table)
{
    size_t features = 0;
    for (size_t c = 0; c < table->columns; c++)
        features += width_of(&table->column[c]);
    return features;
}

static const char *field_at(const struct mwn_table_part *part, size_t row, size_t c)
{
    return mwn_csv_file_field(part->csv, row, part->from[c]);
}

/* Whether a field is a number gone over the edge: "inf" and the like. */
static bool is_infinite(const char *field)
{
    field += *field == '-' || *field == '+';
    return strcasecmp(field, "inf") == 0 || strcasecmp(field, "infinity") == 0;
}

static mwn_status fail_number(const struct mwn_table_part *part,
                              const struct mwn_column *column, size_t row,
                              const char *field, struct mwn_error *err)
{
    double value = 0;
    bool number = mwn_text_real(field, &value) || is_infinite(field);
    mwn_fail(err, MWN_ERR_DATA, "%s:%zu: column '%.80s': '%.80s' is not %s",
             part->csv->path, part->csv->line[row], column->name, field,
             number ? "finite as a 32-bit float" : "a number, as others of the column are");
    if (number)
        return mwn_hint(err, "leave the field empty if the value is not known");
    if (row == 0)
        return mwn_hint(err, "does the line name the columns? Then set data.header=yes, or "
                             "remove it if the training data has no such line");
    return mwn_hint(err, "correct it, leave it empty if it is not known, or set "
                         "data.categorical to this column if it holds texts");
}

/* Reads a field that is not missing; false if it is no number that a float holds. */
static bool read_number(const char *field, double *value)
{
    return mwn_text_real(field, value) && fabs(*value) <= (double)FLT_MAX;
}

/* ---- Learning ----------------------------------------------------------------------- */

/* A value of a text column and how often it is there. */
struct count {
    const char *text;
    size_t times;
};

/* Room for what a column holds. */
struct scratch {
    double *number;      /* owned [rows] */
    const char **text;   /* owned [rows] */
    struct count *count; /* owned [rows] */
};

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The most frequent first; of equal ones the first by bytes. */
static int compare_counts(const void *left, const void *right)
{
    const struct count *a = left, *b = right;
    if (a->times != b->times)
        return a->times > b->times ? -1 : 1;
    return strcmp(a->text, b->text);
}

static int compare_count_texts(const void *left, const void *right)
{
    return strcmp(((const struct count *)left)->text, ((const struct count *)right)->text);
}

/* Whether a field is a number with a comma in it: "1,5" or "1.234,50". */
static bool has_comma(const char *field)
{
    static const char digits[] = "0123456789.";
    field += *field == '-' || *field == '+';
    size_t before = strspn(field, digits);
    if (before == 0 || field[before] != ',')
        return false;
    field += before + 1;
    return *field && !field[strspn(field, digits)];
}

/* Finds out whether a column is of texts: unless more than half of what is there is numbers. Numbers
 * with a comma do not pass for texts: they would become categories. */
static mwn_status find_kind(struct mwn_column *column, const struct mwn_table_part *part,
                            size_t c, struct mwn_error *err)
{
    size_t numbers = 0, commas = 0, all = 0, first = 0;
    double value;
    for (size_t row = part->first; row < part->csv->rows; row++) {
        const char *field = field_at(part, row, c);
        if (mwn_csv_file_is_missing(field))
            continue;
        all++;
        numbers += mwn_text_real(field, &value) || is_infinite(field);
        if (has_comma(field) && commas++ == 0)
            first = row;
    }
    column->is_text = all > 0 && numbers <= all / 2;
    if (!column->is_text || commas == 0 || numbers + commas <= all / 2)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA,
             "%s:%zu: column '%.80s': '%.80s' has a comma, numbers have a decimal point",
             part->csv->path, part->csv->line[first], column->name,
             field_at(part, first, c));
    return mwn_hint(err,
                    "write the column with points, or set data.categorical to it if it "
                    "holds texts");
}

static mwn_status learn_numbers(struct mwn_column *column,
                                const struct mwn_table_part *part, size_t c, double *number,
                                struct mwn_error *err)
{
    size_t n = 0;
    for (size_t row = part->first; row < part->csv->rows; row++) {
        const char *field = field_at(part, row, c);
        if (mwn_csv_file_is_missing(field))
            column->indicator = true;
        else if (read_number(field, &number[n]))
            n++;
        else
            return fail_number(part, column, row, field, err);
    }
    if (n == 0)
        return MWN_OK;
    /* Another part may lack values where the training part has all. */
    qsort(number, n, sizeof(*number), compare_numbers);
    column->median = number[n / 2];
    if (n % 2 == 0)
        column->median = number[n / 2 - 1] / 2 + number[n / 2] / 2;
    return MWN_OK;
}

/* The text of a field, where all that say "missing" are one. */
static const char *text_of(const char *field)
{
    return mwn_csv_file_is_missing(field) ? "" : field;
}

/* Counts the different values of a column; how many there are. */
static size_t count_values(const struct mwn_table_part *part, size_t c,
                           struct scratch *scratch)
{
    size_t n = 0, values = 0;
    for (size_t row = part->first; row < part->csv->rows; row++)
        scratch->text[n++] = text_of(field_at(part, row, c));
    qsort(scratch->text, n, sizeof(*scratch->text), compare_texts);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(scratch->text[i], scratch->text[i - 1]) != 0)
            scratch->count[values++] = (struct count){scratch->text[i], 0};
        scratch->count[values - 1].times++;
    }
    return values;
}

static mwn_status learn_texts(struct mwn_column *column, const struct mwn_table_part *part,
                              size_t c, struct scratch *scratch, struct mwn_error *err)
{
    struct count *count = scratch->count;
    size_t values = count_values(part, c, scratch);
    if (values > MWN_TABLE_VALUES) {
        qsort(count, values, sizeof(*count), compare_counts);
        values = MWN_TABLE_VALUES;
        qsort(count, values, sizeof(*count), compare_count_texts);
        column->other = true;
    }
    column->value = mwn_alloc(values, sizeof(*column->value));
    for (size_t v = 0; column->value && v < values; v++) {
        column->value[v] = mwn_strdup(count[v].text);
        if (!column->value[v])
            break;
        column->values++;
    }
    if (column->values < values)
        return mwn_fail_memory(err, values * sizeof(*column->value), "a table's values");
    return MWN_OK;
}

mwn_status mwn_table_learn(struct mwn_table *table, const struct mwn_table_part *part,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t rows = part->csv->rows;
    struct scratch scratch = {mwn_alloc(rows, sizeof(*scratch.number)),
                              mwn_alloc(rows, sizeof(*scratch.text)),
                              mwn_alloc(rows, sizeof(*scratch.count))};

    if (!scratch.number || !scratch.text || !scratch.count) {
        status = mwn_fail_memory(err, rows * 32, "a table's columns");
        goto out;
    }
    for (size_t c = 0; c < table->columns; c++) {
        struct mwn_column *column = &table->column[c];
        if (!column->is_text)
            MWN_TRY(find_kind(column, part, c, err));
        if (column->is_text)
            MWN_TRY(learn_texts(column, part, c, &scratch, err));
        else
            MWN_TRY(learn_numbers(column, part, c, scratch.number, err));
    }
out:
    mwn_free(scratch.number);
    mwn_free(scratch.text);
    mwn_free(scratch.count);
    return status;
}

/* ---- Encoding ----------------------------------------------------------------------- */

static bool encode_number(const struct mwn_column *column, const char *field, float *out)
{
    double value = column->median;
    bool missing = mwn_csv_file_is_missing(field);
    if (!missing && !read_number(field, &value))
        return false;
    out[0] = (float)value;
    if (column->indicator)
        out[1] = missing ? 1 : 0;
    return true;
}

/* The features are zero before. */
static void encode_text(const struct mwn_column *column, const char *field, float *out)
{
    const char *text = text_of(field);
    const void *found = NULL;
    if (column->values > 0)
        found = bsearch(&text, column->value, column->values, sizeof(*column->value),
                        compare_texts);
    if (found)
        out[(char *const *)found - column->value] = 1;
    else if (column->other)
        out[column->values] = 1;
}

mwn_status mwn_table_encode(const struct mwn_table *table,
                            const struct mwn_table_part *part, float *out,
                            struct mwn_error *err)
{
    for (size_t row = part->first; row < part->csv->rows; row++)
        for (size_t c = 0; c < table->columns; c++) {
            const struct mwn_column *column = &table->column[c];
            const char *field = field_at(part, row, c);
            if (column->is_text)
                encode_text(column, field, out);
            else if (!encode_number(column, field, out))
                return fail_number(part, column, row, field, err);
            out += width_of(column);
        }
    return MWN_OK;
}

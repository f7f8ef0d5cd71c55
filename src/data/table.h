/* table.h - how the columns of a table become features: numbers as they are, texts as one
 * feature for each value. Learnt from the training part, kept as JSON, applied to any part. */
#ifndef MWN_DATA_TABLE_H
#define MWN_DATA_TABLE_H

#include "base/base.h"
#include "data/label_set.h"
#include "data/csv_file.h"

enum {
    MWN_TABLE_VALUES = 100
}; /* values of a text column that get a feature of their own */

struct mwn_column {
    char *name;   /* owned: of the header; without one its number, from 1       */
    size_t index; /* of the column in the training file, from 0                 */
    bool is_text;
    double median;  /* numbers: what stands for a missing one                      */
    bool indicator; /* numbers: training lacks some: a second feature is 1 there   */
    char **value;   /* owned [values]: texts, in the order of bytes; "": missing   */
    size_t values;
    bool other; /* texts: a last feature for all other values                  */
};

/* What MWN_TABLE_NONE is in place of an index: there is no such column. */
#define MWN_TABLE_NONE SIZE_MAX

struct mwn_table {
    bool header;      /* the training file names its columns     */
    size_t width;     /* columns of the training file            */
    size_t label;     /* index of its label, or MWN_TABLE_NONE   */
    char *label_name; /* owned; NULL without a label           */
    size_t columns;
    struct mwn_column *column; /* owned [columns]              */
    struct mwn_label_set classes;
};

/* A file's rows and which of its columns hold the features. */
struct mwn_table_part {
    const struct mwn_csv_file
        *csv;           /* borrowed                                             */
    size_t first;       /* row: 1 behind a header                               */
    const size_t *from; /* borrowed [columns]: column of the file for each of ours */
};

/* Finds kind, median and values of the columns, whose name and index are given; is_text that is
 * set stays. A column is of numbers if more than half of its fields (that are not missing) are;
 * then every one must be, or MWN_ERR_DATA names the first that is not. So it does where that half
 * are numbers if those with a decimal comma count. */
MWN_MUST_CHECK mwn_status mwn_table_learn(struct mwn_table *table,
                                          const struct mwn_table_part *part,
                                          struct mwn_error *err);
/* Features of a row. */
size_t mwn_table_features(const struct mwn_table *table);
/* out[rows][features]. Numbers that are not finite or beyond a float's range, and texts in a
 * column of numbers are MWN_ERR_DATA. A text that is new is "other", or no feature at all. */
MWN_MUST_CHECK mwn_status mwn_table_encode(const struct mwn_table *table,
                                           const struct mwn_table_part *part, float *out,
                                           struct mwn_error *err);

/* The JSON text, *out owned by the caller; and back, into a zeroed table. */
MWN_MUST_CHECK mwn_status mwn_table_print(const struct mwn_table *table, char **out,
                                          struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_table_parse(struct mwn_table *table, const char *json,
                                          struct mwn_error *err);

/* Safe on a zeroed one. */
void mwn_table_release(struct mwn_table *table);

#endif

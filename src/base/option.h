/* option.h - options are rows of data, owned by the module that uses them. Parsing, range
 * checks, help, documentation and the record all come from the same row. */
#ifndef MWN_BASE_OPTION_H
#define MWN_BASE_OPTION_H

#include "base/base.h"
#include "base/buf.h"

enum mwn_option_type {
    MWN_OPT_BOOL,   /* field: bool                                           */
    MWN_OPT_INT,    /* field: int64_t                                        */
    MWN_OPT_REAL,   /* field: double                                         */
    MWN_OPT_TEXT,   /* field: char *, owned by the options struct            */
    MWN_OPT_CHOICE, /* field: int, index into choices                        */
    MWN_OPT_LIST    /* field: struct mwn_int_list, e.g. "80,90"; "" is empty */
};

enum { MWN_LIST_MAX = 16 };
struct mwn_int_list {
    size_t count;
    int64_t item[MWN_LIST_MAX];
};

struct mwn_option {
    const char *name; /* without its section; NULL ends a table */
    enum mwn_option_type type;
    size_t offset;              /* of the field in the module's options struct */
    const char *value;          /* the default, as a user would write it       */
    double min, max;            /* for INT, REAL and each item of a LIST       */
    const char *const *choices; /* for CHOICE: NULL-terminated        */
    const char *help;           /* one sentence, units included                */
};

/* Sets every field of the zeroed struct `fields` to its default. */
MWN_MUST_CHECK mwn_status mwn_options_default(const struct mwn_option *rows, void *fields,
                                              struct mwn_error *err);
/* Parses value into the row's field. Errors read
 * "train.epochs: 'ten' is not an integer (expected 1 .. 100000)". */
MWN_MUST_CHECK mwn_status mwn_option_set(const struct mwn_option *row, const char *section,
                                         void *fields, const char *value,
                                         struct mwn_error *err);
/* The field's value as text, in the form that mwn_option_set() reads back exactly. */
void mwn_option_print(const struct mwn_option *row, const void *fields,
                      struct mwn_buf *out);
/* Frees the texts in the struct. */
void mwn_options_release(const struct mwn_option *rows, void *fields);
const struct mwn_option *mwn_option_find(const struct mwn_option *rows, const char *name);

#endif

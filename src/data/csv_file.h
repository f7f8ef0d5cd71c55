/* csv_file.h - delimited text (RFC 4180) as rows of fields. */
#ifndef MWN_DATA_CSV_FILE_H
#define MWN_DATA_CSV_FILE_H

#include "base/base.h"

/* A file's fields. Quotes are taken off; blanks around a field that is not quoted are, too. */
struct mwn_csv_file {
    const char *path; /* borrowed, for messages                              */
    char *text;       /* owned                                               */
    char **field;     /* owned [rows][columns], texts in `text`              */
    size_t *line;     /* owned [rows]: where a row begins in the file, from 1 */
    size_t rows, columns;
    char delimiter;
};

/* Reads a file, plain or gzip, with or without a byte-order mark, lines ending in LF, CR LF or
 * CR; empty lines do not count. Quoted fields may hold delimiters, line ends and doubled quotes.
 * delimiter 0: comma, semicolon or tab, whichever the first line has most of. MWN_ERR_DATA
 * names file and line: an open quote, text behind a quoted field, another number of fields than
 * in the first row, zero bytes, text that is not UTF-8, no rows. */
MWN_MUST_CHECK mwn_status mwn_csv_file_read(const char *path, char delimiter,
                                            struct mwn_csv_file *out,
                                            struct mwn_error *err);
/* Safe on a zeroed one. */
void mwn_csv_file_release(struct mwn_csv_file *csv);

const char *mwn_csv_file_field(const struct mwn_csv_file *csv, size_t row, size_t column);

/* Whether a field says that there is no value: "", NA, N/A, NaN, ? or null, in any case. */
bool mwn_csv_file_is_missing(const char *field);

/* Whether the first row names the columns: a field of it that is no number stands over numbers
 * only; or one is called label, class, target or y; or all are different texts, none a number
 * (the first may be empty). A text that its column holds once more is a value, not a name. */
bool mwn_csv_file_has_header(const struct mwn_csv_file *csv);

#endif

/* csv.h - lines of comma-separated fields (RFC 4180), for small files of our own: cut up in
 * place, written into a buffer. */
#ifndef MWN_BASE_CSV_H
#define MWN_BASE_CSV_H

#include "base/base.h"
#include "base/buf.h"

enum { MWN_CSV_FIELDS = 32 };

/* A text being read; set text and path, zero the rest. A byte-order mark is skipped, lines may
 * end in CR LF, empty lines do not count. */
struct mwn_csv {
    const char *path; /* for errors; borrowed                            */
    char delimiter;   /* 0: comma                                        */
    char *text;       /* borrowed: its fields are cut out in place       */
    size_t line;      /* number of the line that the fields come from    */
    size_t next_line; /* lines read so far                               */
    size_t count;     /* fields of this line                             */
    char *field[MWN_CSV_FIELDS];
};

/* The fields of the next line that is not empty; *more is false at the end. MWN_ERR_DATA names
 * file and line of an open quote or of too many fields. */
MWN_MUST_CHECK mwn_status mwn_csv_next(struct mwn_csv *csv, bool *more,
                                       struct mwn_error *err);

/* Which of comma, semicolon and tab the first line of a text has most of. */
char mwn_csv_guess(const char *text);

/* Adds a field, in quotes if it needs them. */
void mwn_csv_add(struct mwn_buf *buf, const char *text);

#endif

/* buf.h - growable text; the only string builder. Zero-initialise it. Numbers are printed
 * with a decimal point whatever the program's locale. */
#ifndef MWN_BASE_BUF_H
#define MWN_BASE_BUF_H

#include "base/base.h"

struct mwn_buf {
    char *text;  /* owned; always ends in a zero byte once something was added */
    size_t size; /* without the zero byte                                      */
    size_t room;
    bool failed; /* memory ran out: adding does nothing from then on           */
};

__attribute__((format(printf, 2, 3))) void mwn_buf_printf(struct mwn_buf *buf,
                                                          const char *format, ...);
void mwn_buf_add(struct mwn_buf *buf, const void *bytes, size_t size);

/* Hands the text over (free it by mwn_free()) and resets the buffer. NULL if memory ran
 * out. An empty buffer gives "". */
char *mwn_buf_take(struct mwn_buf *buf);
void mwn_buf_release(struct mwn_buf *buf);

/* A number with a decimal point whatever the program's locale: the whole text, without
 * spaces, must be one. No "inf", "nan" or hexadecimal; 1e999 gives infinity. */
bool mwn_text_real(const char *text, double *out);

/* The text behind UTF-8's byte-order mark, where it begins with one. */
char *mwn_text_begin(char *text);

#endif

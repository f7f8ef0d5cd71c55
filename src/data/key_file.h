/* key_file.h - text files with a few fields a line: lists of images and their labels. */
#ifndef MWN_DATA_KEY_FILE_H
#define MWN_DATA_KEY_FILE_H

#include "base/file.h"

/* Fields of a line that are told apart; what is more is counted only. */
enum { MWN_KEY_FIELDS = 32 };

/* A text file, read line by line. */
struct mwn_key_file {
    char *path; /* owned */
    struct mwn_bytes bytes;
    char *next;     /* in bytes */
    size_t line;    /* number of the current line, from 1 */
    char separator; /* ' ': runs of blanks and tabs; 0: found out from the first line */
    char *field[MWN_KEY_FIELDS]; /* in bytes: the current line's; without quotes */
    size_t count;
};

/* Reads the file. Text with zero bytes, or none at all: MWN_ERR_DATA. `separator` is ' ', ',',
 * '\t' or 0 for the one that the first line uses. */
MWN_MUST_CHECK mwn_status mwn_key_file_open(struct mwn_key_file *file, const char *path,
                                            char separator, struct mwn_error *err);
/* Steps to the next line that is neither blank nor begins with '#'; false at the end. */
bool mwn_key_file_next(struct mwn_key_file *file);
/* Puts "PATH:LINE: " in front of an error. Returns its status. */
mwn_status mwn_key_file_context(const struct mwn_key_file *file, struct mwn_error *err);
void mwn_key_file_close(struct mwn_key_file *file);

#endif

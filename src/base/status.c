/* status.c - error sentences, hints, names of statuses, and the nearest known word. */
#include "base/status.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_OF(x)  #x
#define VERSION(x)  TEXT_OF(x)
#define VERSION_DOT "."

/* Lets mwn_hint() and mwn_context() return the right status when err is NULL. */
static _Thread_local mwn_status last_status;

const char *mwn_version(void)
{
    return VERSION(MWN_VERSION_MAJOR) VERSION_DOT VERSION(MWN_VERSION_MINOR)
        VERSION_DOT VERSION(MWN_VERSION_PATCH);
}

/* Drops a UTF-8 sequence that was cut off at the end, and makes control characters, which
 * may come from a file name or from damaged data, harmless for a terminal. */
static void make_printable(char *text)
{
    size_t size = strlen(text), start = size;
    while (start > 0 && size - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0xC0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (size - start + 1 < want)
            text[start - 1] = '\0';
    }
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
}

mwn_status mwn_fail(struct mwn_error *err, mwn_status status, const char *format, ...)
{
    last_status = status;
    if (err == NULL)
        return status;
    char text[sizeof(err->text)] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    make_printable(text);
    err->status = status;
    memcpy(err->text, text, sizeof(text));
    err->hint[0] = '\0';
    return status;
}

mwn_status mwn_hint(struct mwn_error *err, const char *format, ...)
{
    if (err == NULL)
        return last_status;
    char hint[sizeof(err->hint)] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(hint, sizeof(hint), format, args);
    va_end(args);
    make_printable(hint);
    memcpy(err->hint, hint, sizeof(hint));
    return err->status;
}

mwn_status mwn_context(struct mwn_error *err, const char *format, ...)
{
    if (err == NULL)
        return last_status;
    char text[sizeof(err->text)] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    make_printable(text);
    size_t used = strlen(text);
    size_t left = sizeof(text) - used;
    const char *parts[] = {": ", err->text};
    for (size_t i = 0; i < MWN_COUNT(parts) && left > 1; i++) {
        size_t size = strlen(parts[i]);
        if (size > left - 1)
            size = left - 1;
        memcpy(text + used, parts[i], size);
        used += size;
        left -= size;
    }
    text[used] = '\0';
    make_printable(text);
    memcpy(err->text, text, sizeof(text));
    return err->status;
}

mwn_status mwn_fail_memory(struct mwn_error *err, size_t bytes, const char *what)
{
    return mwn_fail(err, MWN_ERR_MEMORY, "out of memory (%zu bytes for %s)", bytes, what);
}

const char *mwn_status_name(mwn_status status)
{
    switch (status) {
    case MWN_OK:
        return "ok";
    case MWN_ERR_RUNTIME:
        return "runtime";
    case MWN_ERR_CONFIG:
        return "config";
    case MWN_ERR_DATA:
        return "data";
    case MWN_ERR_IO:
        return "io";
    case MWN_ERR_MEMORY:
        return "memory";
    case MWN_ERR_DIVERGED:
        return "diverged";
    case MWN_ERR_MISMATCH:
        return "mismatch";
    case MWN_NOISY:
        return "noisy";
    case MWN_INCOMPLETE:
        return "incomplete";
    case MWN_INTERRUPTED:
        return "interrupted";
    }
    return "unknown";
}

enum { LONGEST_WORD = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance where swapping two neighbours counts as one edit and case as none; both
 * words have at most LONGEST_WORD letters. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_WORD + 1] = {{0}};
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t na = strlen(a), nb = strlen(b);
    for (size_t j = 0; j <= nb; j++)
        above[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[nb];
}

const char *mwn_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_WORD)
        return NULL;
    const char *best = NULL;
    size_t best_distance = (length < 3 ? 1 : length / 3 + 1) + 1;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > LONGEST_WORD)
            continue;
        size_t d = distance(word, candidates[i]);
        if (d < best_distance && d < strlen(candidates[i])) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

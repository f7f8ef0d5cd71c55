/* labels_file.c - training labels from a .npy or .csv file. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/labels_file.h"
#include "tensor/npy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 30)

/* The parsed value of '-', which is no integer of a file that has so many digits. */
#define LEFT_OUT LLONG_MIN

static mwn_status hint_label(struct mwn_error *err)
{
    return mwn_hint(err, "a label is the number of a class, from 0, as a run's classes.csv "
                         "counts them");
}

static mwn_status fail_label(const char *path, const char *unit, size_t number,
                             int64_t value, int classes, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: label %lld of %s %zu is not in 0 .. %d", path,
             (long long)value, unit, number, classes - 1);
    return hint_label(err);
}

static mwn_status read_npy(const char *path, int classes, size_t n, int32_t *label,
                           struct mwn_error *err)
{
    mwn_status status;
    struct mwn_npy npy = {0};

    MWN_TRY(mwn_npy_read(path, &npy, err));
    if (npy.type == MWN_NPY_F32 || npy.type == MWN_NPY_F64) {
        status =
            mwn_fail(err, MWN_ERR_DATA, "%s: holds real numbers, expected integers", path);
        goto out;
    }
    if (npy.count != n) {
        status = mwn_fail(err, MWN_ERR_DATA,
                          "%s: has %zu labels, the data has %zu training samples", path,
                          npy.count, n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t value = mwn_npy_int(&npy, i);
        if (value < 0 || value >= classes) {
            status = fail_label(path, "item", i, value, classes, err);
            goto out;
        }
        label[i] = (int32_t)value;
    }
out:
    mwn_npy_release(&npy);
    return status;
}

/* A CSV file being read. */
struct csv {
    const char *path;
    size_t line;   /* number of the current one, from 1 */
    size_t labels; /* lines with a label so far         */
    int columns;   /* of the first such line            */
    int classes;
    size_t n;
    char *const *id; /* [n] of the samples; NULL: not looked at   */
    int32_t *label;  /* [n]; NULL: only the samples are looked at */
    bool *seen;      /* [n]: which have had a line                */
    size_t span;     /* one more than the largest index so far    */
    bool corrected;
    bool with_id; /* the header names a third column, id      */
};

/* Parses an integer with blanks around it; *end is behind it, NULL if there is none. */
static long long parse_integer(const char *text, const char **end)
{
    char *stop = NULL;
    errno = 0;
    long long value = strtoll(text, &stop, 10);
    *end = stop == text || errno ? NULL : stop;
    while (*end && (**end == ' ' || **end == '\t'))
        (*end)++;
    return value;
}

/* A label: an integer, or '-' for one to be left out. */
static long long parse_label(const char *text, const char **end)
{
    const char *at = text + strspn(text, " \t");
    if (*at != '-' || (at[1] >= '0' && at[1] <= '9'))
        return parse_integer(text, end);
    *end = at + 1 + strspn(at + 1, " \t");
    return LEFT_OUT;
}

/* Columns of a line of integers, 1 or 2, or of 2 and an id; 0 if it is anything else. */
static int parse_line(const char *text, long long value[2], const char **id)
{
    const char *end;
    value[0] = strchr(text, ',') ? parse_integer(text, &end) : parse_label(text, &end);
    if (!end || (*end != '\0' && *end != ','))
        return 0;
    if (*end == '\0')
        return 1;
    value[1] = parse_label(end + 1, &end);
    if (end && *end == ',')
        *id = end + 1;
    return !end || (*end != '\0' && *end != ',') ? 0 : *end == ',' ? 3 : 2;
}

/* Whether a field, in quotes or not, is that id. */
static bool is_id(const char *field, const char *id)
{
    bool quoted = *field == '"';
    field += quoted;
    for (; *id; id++, field++) {
        if (quoted && *field == '"')
            field++; /* the first of two */
        if (*field != *id)
            return false;
    }
    return strcmp(field, quoted ? "\"" : "") == 0;
}

/* A sample that has moved since the file was written would get another one's label. */
static mwn_status check_id(const struct csv *csv, long long index, const char *field,
                           struct mwn_error *err)
{
    if (!csv->id || !field || *field == '\0' || is_id(field, csv->id[index]))
        return MWN_OK;
    mwn_fail(err, MWN_ERR_MISMATCH,
             "%s:%zu: sample %lld is %.80s there, '%.80s' in the data", csv->path,
             csv->line, index, field, csv->id[index]);
    return mwn_hint(err,
                    "the data has changed since; train and audit it anew, and apply the "
                    "decisions to that run");
}

/* Whether a first line looks like names of columns, not like a number gone wrong. */
static bool is_header(const char *text)
{
    return !strchr("0123456789+-.", text[strspn(text, " \t")]);
}

static mwn_status take_line(struct csv *csv, const char *text, struct mwn_error *err)
{
    long long value[2] = {0, 0};
    const char *id = NULL;
    int columns = parse_line(text, value, &id);
    if (columns == 3 && !csv->with_id)
        columns = 0;
    if (csv->labels == 0 && csv->columns == 0 && is_header(text)) {
        csv->columns = -1;
        csv->corrected = strcasestr(text, "corrected") != NULL;
        csv->with_id = mwn_path_has_end(text, ",id");
        return MWN_OK;
    }
    if (csv->columns <= 0)
        csv->columns = columns;
    if (columns == 0 || columns != csv->columns) {
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: '%.40s' is not %s", csv->path, csv->line, text,
                 csv->columns >= 2 ? "'index,label'" : "a label");
        return hint_label(err);
    }
    long long index = columns >= 2 ? value[0] : (long long)csv->labels;
    long long label = value[columns >= 2];
    if (index < 0 || (unsigned long long)index >= csv->n)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s:%zu: there is no training sample %lld (the data has %zu)",
                        csv->path, csv->line, index, csv->n);
    if (check_id(csv, index, id, err) != MWN_OK)
        return MWN_ERR_MISMATCH;
    csv->labels++;
    csv->span = (size_t)index >= csv->span ? (size_t)index + 1 : csv->span;
    if (!csv->label)
        return MWN_OK;
    if (csv->seen[index])
        return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: a second label for sample %lld",
                        csv->path, csv->line, index);
    if (label == LEFT_OUT)
        label = -1;
    else if (label < 0 || label >= csv->classes)
        return fail_label(csv->path, "line", csv->line, label, csv->classes, err);
    csv->seen[index] = true;
    csv->label[index] = (int32_t)label;
    return MWN_OK;
}

static mwn_status take_lines(struct csv *csv, char *text, struct mwn_error *err)
{
    for (char *line = text; line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        csv->line++;
        line[strcspn(line, "\r")] = '\0';
        if (line[strspn(line, " \t")] != '\0') {
            mwn_status status = take_line(csv, line, err);
            if (status != MWN_OK)
                return status;
        }
        line = next;
    }
    return MWN_OK;
}

static mwn_status read_lines(struct csv *csv, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};

    MWN_TRY(mwn_file_read(csv->path, FILE_MAX, &bytes, err));
    if (memchr(bytes.data, '\0', bytes.size)) {
        status =
            mwn_fail(err, MWN_ERR_DATA, "%s: is not text (it has zero bytes)", csv->path);
        goto out;
    }
    MWN_TRY(take_lines(csv, mwn_text_begin((char *)bytes.data), err));
out:
    mwn_bytes_release(&bytes);
    return status;
}

static mwn_status read_csv(const char *path, const struct mwn_labelled *samples,
                           int32_t *label, bool *corrected, struct mwn_error *err)
{
    mwn_status status;
    size_t n = samples->n;
    struct csv csv = {.path = path, .classes = samples->classes, .n = n, .id = samples->id};

    csv.label = label;
    csv.seen = mwn_alloc(n, sizeof(*csv.seen));
    if (!csv.seen)
        return mwn_fail_memory(err, n, "labels");
    MWN_TRY(read_lines(&csv, err));
    if (csv.labels == 0 || (csv.columns == 1 && csv.labels != n))
        status = mwn_fail(err, MWN_ERR_DATA,
                          "%s: has %zu labels, the data has %zu training samples", path,
                          csv.labels, n);
    *corrected = csv.corrected;
out:
    mwn_free(csv.seen);
    return status;
}

mwn_status mwn_labels_span(const char *path, size_t *out, struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    struct csv csv = {.path = path, .n = UINT32_MAX};
    bool is_npy = mwn_path_has_end(path, ".npy");
    mwn_status status = is_npy ? mwn_npy_read(path, &npy, err) : read_lines(&csv, err);
    *out = is_npy ? npy.count : csv.span;
    mwn_npy_release(&npy);
    return status;
}

mwn_status mwn_labels_read(const char *path, const struct mwn_labelled *samples,
                           int32_t *label, bool *corrected, struct mwn_error *err)
{
    bool unused = false;
    corrected = corrected ? corrected : &unused;
    *corrected = false;
    if (mwn_path_has_end(path, ".npy"))
        return read_npy(path, samples->classes, samples->n, label, err);
    if (mwn_path_has_end(path, ".csv") || mwn_path_has_end(path, ".csv.gz"))
        return read_csv(path, samples, label, corrected, err);
    return mwn_fail(err, MWN_ERR_CONFIG,
                    "data.labels: '%s' is neither a .npy nor a .csv file", path);
}

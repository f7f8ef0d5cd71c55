/* csv_file.c - parses delimited text in place: fields lose their quotes and get a zero byte
 * where the delimiter was. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/utf8.h"
#include "data/csv_file.h"

#include <string.h>
#include <strings.h>

#define FILE_MAX ((size_t)16 << 30)

/* Rows that are looked at to tell a header from data. */
enum { HEADER_ROWS = 1000 };

/* ---- Text --------------------------------------------------------------------------- */

static mwn_status check_text(const char *path, const struct mwn_bytes *bytes,
                             struct mwn_error *err)
{
    size_t line = 1;
    for (size_t at = 0; at < bytes->size;) {
        size_t size = mwn_utf8_size(bytes->data + at, bytes->size - at);
        line += bytes->data[at] == '\n';
        if (size == 1 && bytes->data[at] == 0) {
            mwn_fail(err, MWN_ERR_DATA, "%s:%zu: is not text (it has zero bytes)", path,
                     line);
            return mwn_hint(err,
                            "a table in UTF-16 is changed by iconv -f UTF-16 -t UTF-8");
        }
        if (size == 0) {
            mwn_fail(err, MWN_ERR_DATA, "%s:%zu: byte 0x%02x is not UTF-8", path, line,
                     bytes->data[at]);
            return mwn_hint(err, "change it, for example by iconv -f LATIN1 -t UTF-8");
        }
        at += size;
    }
    return MWN_OK;
}

/* Lines that end in CR alone get LF. */
static void mend_line_ends(char *text)
{
    if (strchr(text, '\n'))
        return;
    for (char *c = strchr(text, '\r'); c; c = strchr(c, '\r'))
        *c = '\n';
}

/* The delimiter that the first line has most of outside quotes; a comma if it has none. */
static char find_delimiter(const char *text)
{
    static const char delimiters[] = ",;\t";
    size_t count[3] = {0};
    bool quoted = false;
    int best = 0;
    text += strspn(text, "\r\n ");
    for (; *text && (quoted || *text != '\n'); text++) {
        const char *which = strchr(delimiters, *text);
        quoted = quoted != (*text == '"');
        if (which && !quoted)
            count[which - delimiters]++;
    }
    for (int i = 1; i < 3; i++)
        if (count[i] > count[best])
            best = i;
    return delimiters[best];
}

/* ---- Fields ------------------------------------------------------------------------- */

struct parser {
    struct mwn_csv_file *csv;
    char *at;        /* the next character */
    size_t line;     /* its line           */
    size_t fields;   /* of the row         */
    size_t row_line; /* where it begins    */
    size_t field_room, row_room;
};

/* What ends a field. */
enum stop { AT_DELIMITER, AT_LINE, AT_END };

static enum stop stop_at(const struct parser *p, char c)
{
    if (c == p->csv->delimiter)
        return AT_DELIMITER;
    return c == '\n' ? AT_LINE : AT_END;
}

static bool is_blank(const struct parser *p, char c)
{
    return (c == ' ' || c == '\t' || c == '\r') && c != p->csv->delimiter;
}

static void skip_blanks(struct parser *p)
{
    while (is_blank(p, *p->at))
        p->at++;
}

/* A field without quotes, up to what ends it. */
static char *take_plain(struct parser *p, enum stop *stop)
{
    char *field = p->at;
    while (*p->at && *p->at != '\n' && *p->at != p->csv->delimiter)
        p->at++;
    char *end = p->at;
    *stop = stop_at(p, *p->at);
    p->at += *p->at != '\0';
    while (end > field && is_blank(p, end[-1]))
        end--;
    *end = '\0';
    return field;
}

static mwn_status take_quoted(struct parser *p, char **field, enum stop *stop,
                              struct mwn_error *err)
{
    size_t begin = p->line;
    char *out = ++p->at;
    *field = out;
    for (; *p->at != '"' || p->at[1] == '"'; p->at++) {
        if (*p->at == '\0') {
            mwn_fail(err, MWN_ERR_DATA, "%s:%zu: the quote in field %zu is never closed",
                     p->csv->path, begin, p->fields + 1);
            return mwn_hint(err, "a quote inside a quoted field is written twice");
        }
        p->line += *p->at == '\n';
        p->at += *p->at == '"';
        *out++ = *p->at;
    }
    p->at++;
    skip_blanks(p);
    *stop = stop_at(p, *p->at);
    if (*stop == AT_END && *p->at) {
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: field %zu has text behind its closing quote",
                 p->csv->path, p->line, p->fields + 1);
        return mwn_hint(err, "a quote inside a quoted field is written twice");
    }
    p->at += *p->at != '\0';
    *out = '\0';
    return MWN_OK;
}

/* Doubles room until it holds `count` more items behind `used`. */
static bool make_room(void **items, size_t *room, size_t wanted, size_t item)
{
    if (wanted <= *room)
        return true;
    size_t more = wanted < 512 ? 1024 : wanted * 2;
    void *grown = mwn_resize(*items, more, item);
    if (!grown)
        return false;
    *items = grown;
    *room = more;
    return true;
}

static mwn_status keep_field(struct parser *p, char *field, struct mwn_error *err)
{
    struct mwn_csv_file *csv = p->csv;
    size_t place = csv->rows * csv->columns + p->fields;
    void *items = csv->field;
    p->fields++;
    if (csv->rows > 0 && p->fields > csv->columns)
        return MWN_OK; /* counted only: the row is refused */
    bool made = make_room(&items, &p->field_room, place + 1, sizeof(*csv->field));
    csv->field = items;
    if (!made)
        return mwn_fail_memory(err, (place + 1) * 2 * sizeof(*csv->field), "a table");
    csv->field[place] = field;
    return MWN_OK;
}

static mwn_status end_row(struct parser *p, struct mwn_error *err)
{
    struct mwn_csv_file *csv = p->csv;
    void *lines = csv->line;
    if (csv->rows == 0)
        csv->columns = p->fields;
    if (p->fields != csv->columns) {
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: has %zu field%s, line %zu has %zu", csv->path,
                 p->row_line, p->fields, p->fields == 1 ? "" : "s", csv->line[0],
                 csv->columns);
        return mwn_hint(err,
                        "fields are separated by %s (data.delimiter); one that holds it "
                        "needs quotes",
                        csv->delimiter == '\t'  ? "tabs"
                        : csv->delimiter == ';' ? "semicolons"
                        : csv->delimiter == ',' ? "commas"
                                                : "that character");
    }
    bool made = make_room(&lines, &p->row_room, csv->rows + 1, sizeof(*csv->line));
    csv->line = lines;
    if (!made)
        return mwn_fail_memory(err, (csv->rows + 1) * 2 * sizeof(*csv->line), "a table");
    csv->line[csv->rows++] = p->row_line;
    return MWN_OK;
}

/* A row, or an empty line. */
static mwn_status take_row(struct parser *p, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    enum stop stop = AT_DELIMITER;
    skip_blanks(p);
    if (*p->at == '\n' || *p->at == '\0') {
        p->line += *p->at == '\n';
        p->at += *p->at == '\n';
        return MWN_OK;
    }
    p->row_line = p->line;
    p->fields = 0;
    while (stop == AT_DELIMITER) {
        char *field = NULL;
        skip_blanks(p);
        if (*p->at == '"')
            MWN_TRY(take_quoted(p, &field, &stop, err));
        else
            field = take_plain(p, &stop);
        p->line += stop == AT_LINE;
        MWN_TRY(keep_field(p, field, err));
    }
    status = end_row(p, err);
out:
    return status;
}

mwn_status mwn_csv_file_read(const char *path, char delimiter, struct mwn_csv_file *out,
                             struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};
    struct mwn_csv_file csv = {.path = path, .delimiter = delimiter};
    struct parser p = {.csv = &csv, .line = 1};

    MWN_TRY(mwn_file_read(path, FILE_MAX, &bytes, err));
    MWN_TRY(check_text(path, &bytes, err));
    csv.text = (char *)bytes.data;
    bytes.data = NULL;
    p.at = mwn_text_begin(csv.text);
    mend_line_ends(p.at);
    if (!delimiter)
        csv.delimiter = find_delimiter(p.at);
    while (*p.at)
        MWN_TRY(take_row(&p, err));
    if (csv.rows == 0) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has no rows", path);
        goto out;
    }
    *out = csv;
    memset(&csv, 0, sizeof(csv));
out:
    mwn_csv_file_release(&csv);
    mwn_bytes_release(&bytes);
    return status;
}

void mwn_csv_file_release(struct mwn_csv_file *csv)
{
    mwn_free(csv->text);
    mwn_free(csv->field);
    mwn_free(csv->line);
    memset(csv, 0, sizeof(*csv));
}

const char *mwn_csv_file_field(const struct mwn_csv_file *csv, size_t row, size_t column)
{
    return csv->field[row * csv->columns + column];
}

/* ---- What fields mean --------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

bool mwn_csv_file_is_missing(const char *field)
{
    static const char *const words[] = {"", "NA", "N/A", "NaN", "?", "null"};
    return is_one_of(field, words, MWN_COUNT(words));
}

/* Whether all fields of the column but the first are numbers or missing, one at least a
 * number. */
static bool is_number_below(const struct mwn_csv_file *csv, size_t column)
{
    size_t numbers = 0;
    double value;
    for (size_t row = 1; row < csv->rows && row <= HEADER_ROWS; row++) {
        const char *field = mwn_csv_file_field(csv, row, column);
        bool number = mwn_text_real(field, &value);
        if (!number && !mwn_csv_file_is_missing(field))
            return false;
        numbers += number;
    }
    return numbers > 0;
}

/* Whether an earlier field of the first row has the same text. */
static bool is_repeated(const struct mwn_csv_file *csv, size_t column)
{
    for (size_t c = 0; c < column && c < HEADER_ROWS; c++)
        if (strcmp(csv->field[c], csv->field[column]) == 0)
            return true;
    return false;
}

/* Whether the text of the first row is in the column once more: a value, not its name. */
static bool recurs_below(const struct mwn_csv_file *csv, size_t column)
{
    for (size_t row = 1; row < csv->rows && row <= HEADER_ROWS; row++)
        if (strcmp(mwn_csv_file_field(csv, row, column), csv->field[column]) == 0)
            return true;
    return false;
}

bool mwn_csv_file_has_header(const struct mwn_csv_file *csv)
{
    static const char *const words[] = {"label", "class", "target", "y"};
    bool all_names = true;
    double value;
    for (size_t c = 0; c < csv->columns; c++) {
        const char *field = csv->field[c];
        bool number = mwn_text_real(field, &value);
        bool missing = mwn_csv_file_is_missing(field);
        bool recurs = !number && !missing && recurs_below(csv, c);
        if (is_one_of(field, words, MWN_COUNT(words)) && !recurs)
            return true;
        if (!number && !missing && is_number_below(csv, c))
            return true;
        all_names = all_names && !number && !recurs && !is_repeated(csv, c) &&
                    (!missing || (c == 0 && !*field));
    }
    return all_names;
}

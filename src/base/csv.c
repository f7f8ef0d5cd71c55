/* csv.c - lines of comma-separated fields. */
#include "base/base.h"
#include "base/buf.h"
#include "base/csv.h"
#include "base/status.h"

#include <string.h>

char mwn_csv_guess(const char *text)
{
    static const char known[] = ",;\t";
    size_t most = 0, best = 0, line = strcspn(text, "\n");
    for (size_t k = 0; known[k]; k++) {
        size_t count = 0;
        for (size_t i = 0; i < line; i++)
            count += text[i] == known[k];
        best = count > most ? k : best;
        most = count > most ? count : most;
    }
    return known[best];
}

/* Cuts one field out of *at and moves behind it; `end` is the character that ended it. False if
 * a quote stays open. */
static bool take_field(struct mwn_csv *csv, char **at, char **field, char *end)
{
    const char ends[] = {csv->delimiter, '\n', '\0'};
    char *from = *at, *to = *at;
    bool quoted = *from == '"';
    *field = to;
    if (quoted)
        from++;
    while (quoted ? *from != '\0' : !strchr(ends, *from)) {
        if (quoted && *from == '"' && from[1] != '"')
            break;
        from += quoted && *from == '"';
        csv->next_line += *from == '\n';
        *to++ = *from++;
    }
    if (quoted && *from != '"')
        return false;
    from += quoted;
    from += *from == '\r' && from[1] == '\n';
    if (!quoted && *from != csv->delimiter && to > *field && to[-1] == '\r')
        to--;
    if (!strchr(ends, *from))
        return false;
    *end = *from;
    *to = '\0';
    *at = *end ? from + 1 : from;
    return true;
}

mwn_status mwn_csv_next(struct mwn_csv *csv, bool *more, struct mwn_error *err)
{
    char *at = csv->text;
    if (csv->delimiter == '\0')
        csv->delimiter = ',';
    if (csv->next_line == 0)
        at = mwn_text_begin(at);
    for (; *at == '\n' || (*at == '\r' && at[1] == '\n'); at++)
        csv->next_line += *at == '\n';
    csv->count = 0;
    csv->line = ++csv->next_line;
    *more = *at != '\0';
    for (char end = csv->delimiter; *more && end == csv->delimiter;) {
        if (csv->count == MWN_CSV_FIELDS)
            return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: has more than %d fields", csv->path,
                            csv->line, MWN_CSV_FIELDS);
        if (!take_field(csv, &at, &csv->field[csv->count++], &end))
            return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: a quoted field does not end well",
                            csv->path, csv->line);
    }
    csv->text = at;
    return MWN_OK;
}

void mwn_csv_add(struct mwn_buf *buf, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        mwn_buf_add(buf, text, strlen(text));
        return;
    }
    mwn_buf_add(buf, "\"", 1);
    for (const char *c = text; *c; c++)
        mwn_buf_add(buf, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    mwn_buf_add(buf, "\"", 1);
}

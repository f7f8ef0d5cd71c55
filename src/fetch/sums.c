/* sums.c - reads lists of checksums. */
#include "base/base.h"
#include "base/status.h"
#include "fetch/sums.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 256 };

/* Takes a line apart; false if it is not a sum and a name. */
static bool parse_line(const char *line, size_t length, char sum[MWN_DIGEST_TEXT],
                       char name[NAME_SIZE])
{
    size_t digits = mwn_digest_length(line);
    if (digits == 0 || length < digits + 3 || line[digits] != ' ' ||
        (line[digits + 1] != ' ' && line[digits + 1] != '*') ||
        length - digits - 2 >= NAME_SIZE)
        return false;
    (void)snprintf(sum, MWN_DIGEST_TEXT, "%.*s", (int)digits, line);
    (void)snprintf(name, NAME_SIZE, "%.*s", (int)(length - digits - 2), line + digits + 2);
    return true;
}

mwn_status mwn_sums_each(const char *text, const char *path, mwn_sums_fn *fn, void *user,
                         struct mwn_error *err)
{
    char sum[MWN_DIGEST_TEXT], name[NAME_SIZE];
    size_t number = 0;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), whole = length + (line[length] == '\n');
        number++;
        while (length > 0 && line[length - 1] == '\r')
            length--;
        if (length > 0 && line[0] != '#') {
            if (!parse_line(line, length, sum, name))
                return mwn_fail(
                    err, MWN_ERR_DATA,
                    "%s: line %zu is not 'SUM  NAME' with an MD5 or SHA-256 sum", path,
                    number);
            mwn_status status = fn(sum, name, user, err);
            if (status != MWN_OK)
                return status;
        }
        line += whole;
    }
    return MWN_OK;
}

struct wanted {
    const char *name;
    char *out;
};

static mwn_status compare_name(const char *sum, const char *name, void *user,
                               struct mwn_error *err)
{
    const struct wanted *wanted = user;
    const char *slash = strrchr(name, '/');
    (void)err;
    if (strcmp(slash ? slash + 1 : name, wanted->name) != 0)
        return MWN_OK;
    for (size_t i = 0; i < MWN_DIGEST_TEXT; i++) {
        bool capital = sum[i] >= 'A' && sum[i] <= 'F';
        wanted->out[i] = (char)(capital ? sum[i] - 'A' + 'a' : sum[i]);
        if (!sum[i])
            break;
    }
    return MWN_OK;
}

mwn_status mwn_sums_find(const char *text, const char *path, const char *name,
                         char out[MWN_DIGEST_TEXT], struct mwn_error *err)
{
    struct wanted wanted = {name, out};
    out[0] = '\0';
    mwn_status status = mwn_sums_each(text, path, compare_name, &wanted, err);
    if (status == MWN_OK && !out[0])
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has no checksum of %s", path, name);
    return status;
}

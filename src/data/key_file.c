/* key_file.c - lines of fields between blanks, tabs or commas, split in place. */
#include "data/key_file.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_source.h"

#include <string.h>

#define FILE_MAX ((size_t)2 << 30)

mwn_status mwn_key_file_open(struct mwn_key_file *file, const char *path, char separator,
                             struct mwn_error *err)
{
    mwn_status status;
    *file = (struct mwn_key_file){.separator = separator};
    file->path = mwn_strdup(path);
    if (!file->path)
        return mwn_fail_memory(err, strlen(path), "a path");
    MWN_TRY(mwn_file_read(path, FILE_MAX, &file->bytes, err));
    if (file->bytes.size == 0)
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is empty", path);
    else if (memchr(file->bytes.data, '\0', file->bytes.size))
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is not text (it has zero bytes)", path);
    file->next = mwn_text_begin((char *)file->bytes.data);
out:
    if (status != MWN_OK)
        mwn_key_file_close(file);
    return status;
}

void mwn_key_file_close(struct mwn_key_file *file)
{
    mwn_free(file->path);
    mwn_bytes_release(&file->bytes);
    *file = (struct mwn_key_file){0};
}

mwn_status mwn_key_file_context(const struct mwn_key_file *file, struct mwn_error *err)
{
    return mwn_context(err, "%.100s:%zu", file->path, file->line);
}

/* The separator that a line uses. Names of files may have commas and blanks in them: a comma
 * counts if a name of an image, a quote or a single word ends at it. */
static char find_separator(char *line)
{
    if (strchr(line, '\t'))
        return '\t';
    char *comma = strchr(line, ',');
    if (!comma)
        return ' ';
    *comma = '\0';
    bool ends = mwn_image_has_suffix(line) || line[0] == '"' || !strpbrk(comma + 1, " ");
    *comma = ',';
    return ends ? ',' : ' ';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the quotes off a field that begins with one; *end is behind it. */
static void unquote(char *field, char **end)
{
    char *out = field, *in = field + 1;
    while (*in && (*in != '"' || in[1] == '"')) {
        in += *in == '"';
        *out++ = *in++;
    }
    *end = *in == '"' ? in + 1 : in;
    *out = '\0';
}

/* The blanks at its end go. */
static void trim_end(const char *field, char *end)
{
    while (end > field && is_blank(end[-1]))
        end--;
    *end = '\0';
}

/* Takes the first field off a line; *rest is what follows its separator, NULL if none does. */
static char *take_field(char *line, char separator, char **rest)
{
    const char *stops = separator == ',' ? "," : separator == '\t' ? "\t" : " \t";
    char *field = line, *end;
    while (*field == ' ' || (*field == '\t' && separator != '\t'))
        field++;
    bool quoted = *field == '"' && separator != ' ';
    if (quoted) {
        unquote(field, &end);
        end += strcspn(end, stops);
    } else {
        end = field + strcspn(field, stops);
    }
    *rest = *end ? end + 1 : NULL;
    if (!quoted)
        trim_end(field, end);
    return field;
}

static void split_line(struct mwn_key_file *file, char *line)
{
    file->count = 0;
    while (line) {
        char *field = take_field(line, file->separator, &line);
        if (file->count < MWN_KEY_FIELDS)
            file->field[file->count] = field;
        file->count++;
    }
}

bool mwn_key_file_next(struct mwn_key_file *file)
{
    while (*file->next) {
        char *line = file->next, *end = strchr(line, '\n');
        file->next = end ? end + 1 : line + strlen(line);
        if (end)
            *end = '\0';
        file->line++;
        trim_end(line, line + strlen(line));
        line += strspn(line, " ");
        if (*line == '\0' || *line == '#')
            continue;
        if (!file->separator)
            file->separator = find_separator(line);
        split_line(file, line);
        if (file->count > 0)
            return true;
    }
    return false;
}

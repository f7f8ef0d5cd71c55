/* ids_file.c - the names of samples: from one to its number, and files of them. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/ids_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)4 << 30)

const char *mwn_source_id(const struct mwn_source *source, size_t i, char number[24])
{
    if (source->id)
        return source->id[i];
    snprintf(number, 24, "%zu", i);
    return number;
}

static int compare_ids(const void *left, const void *right, void *user)
{
    const struct mwn_source *source = user;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    int order = strcmp(source->id[a], source->id[b]);
    return order != 0 ? order : (a > b) - (a < b);
}

mwn_status mwn_id_index_init(struct mwn_id_index *index, const struct mwn_source *source,
                             struct mwn_error *err)
{
    *index = (struct mwn_id_index){source, NULL};
    if (!source->id)
        return MWN_OK;
    index->order = mwn_alloc(source->n, sizeof(*index->order));
    if (!index->order)
        return mwn_fail_memory(err, source->n * sizeof(*index->order), "the ids");
    for (size_t i = 0; i < source->n; i++)
        index->order[i] = (uint32_t)i;
    struct mwn_source named = *source;
    qsort_r(index->order, source->n, sizeof(*index->order), compare_ids, &named);
    return MWN_OK;
}

static bool parse_number(const char *id, size_t n, size_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(id, &end, 10);
    if (id[0] < '0' || id[0] > '9' || *end || errno || value >= n)
        return false;
    *out = (size_t)value;
    return true;
}

size_t mwn_id_index_find(const struct mwn_id_index *index, const char *id, size_t out[2])
{
    const struct mwn_source *source = index->source;
    size_t found = 0;
    if (!index->order)
        return parse_number(id, source->n, out);
    size_t low = 0, high = source->n; /* the first that is not before id */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(source->id[index->order[middle]], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < source->n && found < 2; low++, found++) {
        if (strcmp(source->id[index->order[low]], id) != 0)
            break;
        out[found] = index->order[low];
    }
    return found;
}

size_t mwn_id_index_repeats(const struct mwn_id_index *index, size_t first[2])
{
    char *const *id = index->source->id;
    size_t repeats = 0;
    for (size_t k = 1; index->order && k < index->source->n; k++) {
        if (strcmp(id[index->order[k - 1]], id[index->order[k]]) != 0)
            continue;
        if (repeats++ == 0) {
            first[0] = index->order[k - 1];
            first[1] = index->order[k];
        }
    }
    return repeats;
}

void mwn_id_index_release(struct mwn_id_index *index)
{
    mwn_free(index->order);
    memset(index, 0, sizeof(*index));
}

/* The line without blanks around it; cuts it in place. */
static char *trim(char *line)
{
    while (*line == ' ' || *line == '\t')
        line++;
    for (size_t size = strlen(line); size > 0 && strchr(" \t\r", line[size - 1]); size--)
        line[size - 1] = '\0';
    return line;
}

/* Marks the sample of an id. What begins with '#' and is no id is a comment. */
static mwn_status take_id(const struct mwn_id_index *index, const char *id,
                          unsigned char *named, struct mwn_error *err)
{
    size_t found[2] = {0}, count = mwn_id_index_find(index, id, found);
    if (count == 1)
        named[found[0]] = 1;
    if (count == 1 || (count == 0 && *id == '#'))
        return MWN_OK;
    if (count > 1) {
        mwn_fail(err, MWN_ERR_DATA, "training samples %zu and %zu both have the id '%.80s'",
                 found[0], found[1], id);
        return mwn_hint(err, "name a column of ids that differ by data.id_column; by none, "
                             "ids are the numbers");
    }
    mwn_fail(err, MWN_ERR_DATA, "no training sample has the id '%.80s'", id);
    return mwn_hint(err, index->source->id ? "ids are written as `mwnet inspect` shows them"
                                           : "ids are the numbers of the samples, from 0");
}

mwn_status mwn_ids_read(const char *path, const struct mwn_source *source,
                        unsigned char *named, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};
    struct mwn_id_index index = {0};

    MWN_TRY(mwn_file_read(path, FILE_MAX, &bytes, err));
    MWN_TRY(mwn_id_index_init(&index, source, err));
    char *rest = mwn_text_begin((char *)bytes.data);
    for (size_t number = 1; rest; number++) {
        char *line = trim(strsep(&rest, "\n"));
        if (!*line)
            continue;
        status = take_id(&index, line, named, err);
        if (status != MWN_OK) {
            mwn_context(err, "%s:%zu", path, number);
            goto out;
        }
    }
out:
    mwn_id_index_release(&index);
    mwn_bytes_release(&bytes);
    return status;
}

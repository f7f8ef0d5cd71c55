/* inspect_equals.c - finds equal samples by sorting the hashes of their content. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/overlap.h"
#include "train/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct mwn_hash hash;
    struct mwn_place place;
    int32_t label;
};

/* By content, then by place, so that what is found does not depend on the sort. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    int order = mwn_hash_compare(a->hash, b->hash);
    if (order != 0)
        return order;
    if (a->place.part != b->place.part)
        return a->place.part < b->place.part ? -1 : 1;
    return a->place.sample < b->place.sample ? -1 : a->place.sample > b->place.sample;
}

/* Adds the samples of one part. One that cannot be read is noted and left out. */
static mwn_status add_items(const struct mwn_source *source, int part, struct item *items,
                            size_t *count, struct mwn_equals *out)
{
    struct mwn_error problem = {0};
    for (size_t i = 0; i < source->n; i++) {
        struct item *item = &items[*count];
        mwn_status status = mwn_source_hash(source, i, &item->hash, &problem);
        if (status == MWN_ERR_MEMORY)
            return status;
        if (status != MWN_OK) {
            if (out->unreadable < MWN_INSPECT_SHOWN)
                (void)snprintf(out->unread[out->unreadable], sizeof(out->unread[0]),
                               "%.255s", problem.text);
            out->unreadable++;
            continue;
        }
        item->place = (struct mwn_place){part, (uint32_t)i};
        item->label = source->label[i];
        (*count)++;
    }
    return MWN_OK;
}

static bool comes_before(const struct mwn_place *a, const struct mwn_place *b)
{
    return a->part != b->part ? a->part < b->part : a->sample < b->sample;
}

/* Keeps the conflicts whose first samples come first, in their order. */
static void note_conflict(const struct item *group, size_t n, struct mwn_equals *out)
{
    struct mwn_conflict conflict = {.n = n};
    size_t at = out->conflicts < MWN_INSPECT_SHOWN ? out->conflicts : MWN_INSPECT_SHOWN;
    for (size_t i = 0; i < n && i < MWN_INSPECT_IN_GROUP; i++)
        conflict.place[i] = group[i].place;
    out->conflicts++;
    out->conflicting += n;
    while (at > 0 && comes_before(&conflict.place[0], &out->first[at - 1].place[0])) {
        at--;
        if (at + 1 < MWN_INSPECT_SHOWN)
            out->first[at + 1] = out->first[at];
    }
    if (at < MWN_INSPECT_SHOWN)
        out->first[at] = conflict;
}

/* Counts one group of equal samples. */
static void count_group(const struct item *group, size_t n, struct mwn_equals *out)
{
    size_t in[MWN_INSPECT_PARTS] = {0};
    int32_t label = -1;
    bool differ = false;
    for (size_t i = 0; i < n; i++) {
        in[group[i].place.part]++;
        if (group[i].label < 0)
            continue;
        differ = differ || (label >= 0 && group[i].label != label);
        label = group[i].label;
    }
    for (int a = 0; a < MWN_INSPECT_PARTS; a++) {
        out->copies[a] += in[a] > 1 ? in[a] - 1 : 0;
        for (int b = 0; b < MWN_INSPECT_PARTS; b++)
            out->shared[a][b] += a != b && in[b] > 0 ? in[a] : 0;
    }
    if (differ)
        note_conflict(group, n, out);
}

mwn_status mwn_inspect_equals(const struct mwn_source *sources, struct mwn_equals *out,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t room = 0, n = 0;
    memset(out, 0, sizeof(*out));
    for (int part = 0; part < MWN_INSPECT_PARTS; part++)
        room += sources[part].n;
    struct item *items = mwn_alloc(room, sizeof(*items));
    if (!items)
        return mwn_fail_memory(err, room * sizeof(*items), "the search for equal samples");
    for (int part = 0; part < MWN_INSPECT_PARTS && status == MWN_OK; part++)
        status = add_items(&sources[part], part, items, &n, out);
    if (status != MWN_OK) {
        mwn_free(items);
        return mwn_fail_memory(err, 0, "the search for equal samples");
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && mwn_hash_compare(items[begin].hash, items[end].hash) == 0)
            end++;
        count_group(items + begin, end - begin, out);
    }
    mwn_free(items);
    return MWN_OK;
}

/* overlap.c - finds samples that two sets share by sorting content hashes. */
#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/overlap.h"

#include <stdlib.h>

static const char *const role_names[MWN_ROLES] = {"", "training", "meta", "validation",
                                                  "test"};

struct item {
    struct mwn_hash hash;
    uint32_t id; /* in its source */
    uint16_t role, source;
};

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    return mwn_hash_compare(a->hash, b->hash);
}

mwn_status mwn_source_hash(const struct mwn_source *source, size_t i, struct mwn_hash *out,
                           struct mwn_error *err)
{
    if (!source->samples)
        return source->reader->hash(source, i, out, err);
    size_t size = mwn_source_stride(source);
    *out = mwn_hash_bytes((const char *)source->samples + i * size, size);
    return MWN_OK;
}

/* Adds the samples of source number `source` that are in a set. */
static mwn_status add_items(struct item *items, size_t *count,
                            const struct mwn_roles *roles, size_t source,
                            struct mwn_error *err)
{
    for (size_t i = 0; i < roles->source->n; i++) {
        struct item *item = &items[*count];
        if (roles->role[i] == MWN_ROLE_NONE)
            continue;
        mwn_status status = mwn_source_hash(roles->source, i, &item->hash, err);
        if (status != MWN_OK)
            return status;
        item->id = (uint32_t)i;
        item->role = roles->role[i];
        item->source = (uint16_t)source;
        (*count)++;
    }
    return MWN_OK;
}

/* shared[a][b]: samples of set a that set b has as well; shared[a][a]: samples of set a. */
typedef size_t counts[MWN_ROLES][MWN_ROLES];

/* Counts one group of equal samples and drops those that a later set has. */
static void settle_group(const struct item *items, size_t n,
                         const struct mwn_roles *sources, counts shared, size_t *dropped)
{
    bool has[MWN_ROLES] = {false};
    unsigned keeper = 0;
    for (size_t i = 0; i < n; i++) {
        has[items[i].role] = true;
        keeper = items[i].role > keeper ? items[i].role : keeper;
    }
    for (size_t i = 0; i < n; i++) {
        for (int other = 0; other < MWN_ROLES; other++)
            shared[items[i].role][other] += has[other];
        if (items[i].role < keeper) {
            sources[items[i].source].role[items[i].id] = MWN_ROLE_NONE;
            (*dropped)++;
        }
    }
}

/* One file that serves twice is a mistake; checked samples that were taken from the training data,
 * which now lose them, are not. */
static mwn_status check_shared(counts shared, struct mwn_error *err)
{
    for (int a = 1; a < MWN_ROLES; a++)
        for (int b = 1; b < MWN_ROLES; b++) {
            bool checked = a == MWN_ROLE_META && b == MWN_ROLE_TRAIN;
            if (a == b || checked || shared[a][b] <= shared[a][a] / 2)
                continue;
            mwn_fail(err, MWN_ERR_DATA,
                     "%zu of %zu samples of the %s set are in the %s set as well",
                     shared[a][b], shared[a][a], role_names[a], role_names[b]);
            return mwn_hint(err,
                            "does one file serve for both? If samples may repeat, as rows "
                            "of a table may, set data.overlap=keep");
        }
    return MWN_OK;
}

mwn_status mwn_overlap_drop(const struct mwn_roles *sources, size_t count, size_t *dropped,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    counts shared = {{0}};
    size_t room = 0, n = 0;

    for (size_t i = 0; i < count; i++)
        room += sources[i].source->n;
    struct item *items = mwn_alloc(room, sizeof(*items));
    if (!items)
        return mwn_fail_memory(err, room * sizeof(*items), "the overlap check");
    for (size_t i = 0; i < count; i++)
        MWN_TRY(add_items(items, &n, &sources[i], i, err));
    qsort(items, n, sizeof(*items), compare_items);
    *dropped = 0;
    for (size_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && compare_items(&items[begin], &items[end]) == 0)
            end++;
        settle_group(items + begin, end - begin, sources, shared, dropped);
    }
    status = check_shared(shared, err);
out:
    mwn_free(items);
    return status;
}

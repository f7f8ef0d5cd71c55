/* overlap.c - finds samples that two sets share by sorting content hashes. */
#include "base/base.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/overlap.h"

#include <stdlib.h>

enum { ROLES = MWN_ROLE_TEST + 1 };

static const char *const role_names[ROLES] = {"", "training", "meta", "validation", "test"};

struct item {
    struct mwn_hash hash;
    uint32_t id; /* in its source */
    uint32_t role;
};

static int compare_hashes(const struct item *a, const struct item *b)
{
    if (a->hash.high != b->hash.high)
        return a->hash.high < b->hash.high ? -1 : 1;
    if (a->hash.low != b->hash.low)
        return a->hash.low < b->hash.low ? -1 : 1;
    return 0;
}

static int compare_items(const void *left, const void *right)
{
    return compare_hashes(left, right);
}

/* Adds the samples of a source. role NULL: all are of the test set. */
static size_t add_items(struct item *items, const struct mwn_source *source,
                        const unsigned char *role)
{
    size_t size = (size_t)source->shape.c * (size_t)source->shape.h *
                  (size_t)source->shape.w * (source->is_real ? sizeof(float) : 1);
    const char *samples = source->samples;
    size_t count = 0;
    for (size_t i = 0; i < source->n; i++) {
        if (role && role[i] == MWN_ROLE_NONE)
            continue;
        items[count].hash = mwn_hash_bytes(samples + i * size, size);
        items[count].id = (uint32_t)i;
        items[count].role = role ? role[i] : MWN_ROLE_TEST;
        count++;
    }
    return count;
}

/* shared[a][b]: samples of set a that set b has as well; shared[a][a]: samples of set a. */
typedef size_t counts[ROLES][ROLES];

/* Counts one group of equal samples and drops those that a later set has. */
static void settle_group(const struct item *items, size_t n, unsigned char *role,
                         counts shared, size_t *dropped)
{
    bool has[ROLES] = {false};
    uint32_t keeper = 0;
    for (size_t i = 0; i < n; i++) {
        has[items[i].role] = true;
        keeper = items[i].role > keeper ? items[i].role : keeper;
    }
    for (size_t i = 0; i < n; i++) {
        for (int other = 0; other < ROLES; other++)
            shared[items[i].role][other] += has[other];
        if (items[i].role < keeper) {
            role[items[i].id] = MWN_ROLE_NONE;
            (*dropped)++;
        }
    }
}

static mwn_status check_shared(counts shared, struct mwn_error *err)
{
    for (int a = 1; a < ROLES; a++)
        for (int b = 1; b < ROLES; b++) {
            if (a == b || shared[a][b] <= shared[a][a] / 2)
                continue;
            mwn_fail(err, MWN_ERR_DATA,
                     "%zu of %zu samples of the %s set are in the %s set as well",
                     shared[a][b], shared[a][a], role_names[a], role_names[b]);
            return mwn_hint(err, "does one file serve for both? Compare the files in "
                                 "data.path");
        }
    return MWN_OK;
}

mwn_status mwn_overlap_drop(const struct mwn_source *train, const struct mwn_source *test,
                            unsigned char *role, size_t *dropped, struct mwn_error *err)
{
    counts shared = {{0}};
    struct item *items = mwn_alloc(train->n + test->n, sizeof(*items));
    if (!items)
        return mwn_fail_memory(err, (train->n + test->n) * sizeof(*items),
                               "the overlap check");
    size_t n = add_items(items, train, role);
    n += add_items(items + n, test, NULL);
    qsort(items, n, sizeof(*items), compare_items);
    *dropped = 0;
    for (size_t begin = 0, end = 0; begin < n; begin = end) {
        while (end < n && compare_hashes(&items[begin], &items[end]) == 0)
            end++;
        settle_group(items + begin, end - begin, role, shared, dropped);
    }
    mwn_free(items);
    return check_shared(shared, err);
}

/* compare.c - which of two runs is better, and how sure that is.
 *
 * Of n test samples the second model gets x right that the first one gets wrong, and y the other
 * way round. The gain is (x - y)/n; the differences per sample are 1, -1 and 0, so its variance
 * is ((x + y)/n - ((x - y)/n)^2)/n, much less than that of two separate tests (McNemar 1947). */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/evaluate.h"
#include "train/json_writer.h"

#include <math.h>

/* Normal quantile of a 95 % interval. */
#define TWO_SIDED 1.959963984540054

static mwn_status write_result(const unsigned char *first, const unsigned char *second,
                               size_t n, char **json, struct mwn_error *err)
{
    struct mwn_json out = {0};
    double count = (double)n, right[2] = {0}, won = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        right[0] += first[i];
        right[1] += second[i];
        won += second[i] && !first[i];
        lost += first[i] && !second[i];
    }
    double gain = (won - lost) / count;
    double half = TWO_SIDED * sqrt(((won + lost) / count - gain * gain) / count);
    const char *better = gain - half > 0 ? "second" : gain + half < 0 ? "first" : "neither";
    mwn_json_object(&out, NULL);
    mwn_json_size(&out, "samples", n);
    mwn_json_fixed(&out, "first_accuracy", 100 * right[0] / count, 2);
    mwn_json_fixed(&out, "second_accuracy", 100 * right[1] / count, 2);
    mwn_json_fixed(&out, "gain", 100 * gain, 2);
    mwn_json_fixed(&out, "low", 100 * (gain - half), 2);
    mwn_json_fixed(&out, "high", 100 * (gain + half), 2);
    mwn_json_text(&out, "better", better);
    mwn_json_end_object(&out);
    mwn_status status = mwn_json_take(&out, json, err);
    mwn_json_release(&out);
    return status;
}

mwn_status mwn_compare(const char *first_dir, const char *second_dir, char **json,
                       struct mwn_error *err)
{
    mwn_status status;
    unsigned char *first = NULL, *second = NULL;
    size_t n = 0, other = 0;

    MWN_TRY(mwn_evaluate_hits(first_dir, &first, &n, err));
    MWN_TRY(mwn_evaluate_hits(second_dir, &second, &other, err));
    if (n != other || n == 0) {
        status =
            mwn_fail(err, MWN_ERR_MISMATCH,
                     "%s was tested on %zu samples, %s on %zu: they cannot be compared",
                     first_dir, n, second_dir, other);
        goto out;
    }
    MWN_TRY(write_result(first, second, n, json, err));
out:
    mwn_free(first);
    mwn_free(second);
    return status;
}

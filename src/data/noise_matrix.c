/* noise_matrix.c - label noise whose matrix is read from a file: row y, column j is the
 * probability that a label y becomes j. */
#include "base/base.h"
#include "base/status.h"
#include "data/noise.h"
#include "data/prob_file.h"

static mwn_status file_matrix(const struct mwn_noise_options *options, int classes,
                              struct mwn_rng *map, double *T, struct mwn_error *err)
{
    mwn_status status;
    size_t k = (size_t)classes;
    struct mwn_prob_file file = {0};
    (void)map;

    MWN_TRY(mwn_prob_file_read(&file, options->matrix, classes, err));
    if (file.rows != k) {
        mwn_fail(err, MWN_ERR_DATA, "%s: has %zu rows, the data has %zu classes", file.path,
                 file.rows, k);
        status = mwn_hint(err, "a row for each true class, a column for each given class");
        goto out;
    }
    for (size_t i = 0; i < k; i++)
        MWN_TRY(mwn_prob_file_row(&file, i, T + i * k, err));
out:
    mwn_prob_file_release(&file);
    return status;
}

const struct mwn_noise mwn_noise_matrix = {
    .name = "matrix",
    .summary = "by the probabilities in a file: row: true class, column: given class",
    .reads = MWN_NOISE_MATRIX,
    .matrix = file_matrix,
};

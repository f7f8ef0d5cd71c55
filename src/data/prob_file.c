/* prob_file.c - reads rows of probabilities and finds out whose they are. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/csv_file.h"
#include "data/prob_file.h"

#include <stdio.h>
#include <string.h>

/* How far from 1 a sum may be, and how far beyond it a number: float32 rounds. */
#define SUM_ROOM    1e-3
#define NUMBER_ROOM 1e-6

static mwn_status fail_columns(const struct mwn_prob_file *file, size_t columns,
                               struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: has %zu columns, the data has %zu classes", file->path,
             columns, file->classes);
    return mwn_hint(err, "a row holds one number for each class, in the order of classes");
}

/* ---- Text --------------------------------------------------------------------------- */

/* Takes the numbers out of a field: one, or several between blanks. *count goes up to
 * classes + 1. */
static mwn_status take_field(const struct mwn_prob_file *file, char *field, double *row,
                             size_t *count, struct mwn_error *err)
{
    char *rest = NULL;
    char *token = strtok_r(field, " \t", &rest);
    do {
        double value = 0;
        if (!mwn_text_real(token ? token : "", &value)) {
            mwn_fail(err, MWN_ERR_DATA, "%s:%zu: column %zu: '%.40s' is not a number",
                     file->path, file->line[file->rows], *count, token ? token : "");
            return mwn_hint(err, "the file holds numbers alone: no header, no names");
        }
        if (*count < file->classes)
            row[*count] = value;
        *count += *count <= file->classes;
        token = strtok_r(NULL, " \t", &rest);
    } while (token);
    return MWN_OK;
}

static mwn_status take_row(struct mwn_prob_file *file, const struct mwn_csv_file *csv,
                           struct mwn_error *err)
{
    double *row = (double *)file->npy.data + file->rows * file->classes;
    size_t count = 0;
    for (size_t c = 0; c < csv->columns; c++) {
        mwn_status status =
            take_field(file, csv->field[file->rows * csv->columns + c], row, &count, err);
        if (status != MWN_OK)
            return status;
    }
    if (count == file->classes)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA, "%s:%zu: has %s numbers than the data has classes, %zu",
             file->path, file->line[file->rows], count < file->classes ? "fewer" : "more",
             file->classes);
    return mwn_hint(err, "a row holds one number for each class, in the order of classes");
}

static mwn_status read_text(struct mwn_prob_file *file, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_csv_file csv = {0};

    MWN_TRY(mwn_csv_file_read(file->path, 0, &csv, err));
    file->line = csv.line;
    csv.line = NULL;
    size_t bytes = csv.rows * file->classes * sizeof(double);
    void *data = mwn_arena_alloc(bytes);
    if (!data) {
        status = mwn_fail_memory(err, bytes, "probabilities");
        goto out;
    }
    file->npy = (struct mwn_npy){
        MWN_NPY_F64, 2, {csv.rows, file->classes}, csv.rows * file->classes, data};
    for (; file->rows < csv.rows; file->rows++)
        MWN_TRY(take_row(file, &csv, err));
out:
    mwn_csv_file_release(&csv);
    return status;
}

/* ---- Rows --------------------------------------------------------------------------- */

static mwn_status read_npy(struct mwn_prob_file *file, struct mwn_error *err)
{
    mwn_status status = mwn_npy_read(file->path, &file->npy, err);
    if (status != MWN_OK)
        return status;
    if (file->npy.dims != 2) {
        mwn_fail(err, MWN_ERR_DATA, "%s: has %d dimensions, expected 2", file->path,
                 file->npy.dims);
        return mwn_hint(err, "a row holds one number for each class, in the order of "
                             "classes");
    }
    file->rows = file->npy.shape[0];
    if (file->npy.shape[1] != file->classes)
        return fail_columns(file, file->npy.shape[1], err);
    return MWN_OK;
}

mwn_status mwn_prob_file_read(struct mwn_prob_file *file, const char *path, int classes,
                              struct mwn_error *err)
{
    file->path = path;
    file->classes = (size_t)classes;
    return mwn_path_has_end(path, ".npy") ? read_npy(file, err) : read_text(file, err);
}

mwn_status mwn_prob_file_row(const struct mwn_prob_file *file, size_t row, double *out,
                             struct mwn_error *err)
{
    double sum = 0;
    char line[32] = "";
    if (file->line)
        (void)snprintf(line, sizeof(line), ":%zu", file->line[row]);
    for (size_t c = 0; c < file->classes; c++) {
        out[c] = mwn_npy_real(&file->npy, row * file->classes + c);
        sum += out[c];
        if (out[c] >= 0 && out[c] <= 1 + NUMBER_ROOM)
            continue;
        mwn_fail(err, MWN_ERR_DATA, "%s%s: row %zu, column %zu is %g, expected 0 .. 1",
                 file->path, line, row, c, out[c]);
        return mwn_hint(err, "rows and columns count from 0; a row holds the probabilities "
                             "of all classes (softmax makes them of logits)");
    }
    if (sum < 1 - SUM_ROOM || sum > 1 + SUM_ROOM) {
        mwn_fail(err, MWN_ERR_DATA, "%s%s: row %zu sums to %g, expected 1", file->path,
                 line, row, sum);
        return mwn_hint(err, "rows count from 0; a sum may be off by 0.001, it is mended "
                             "then");
    }
    for (size_t c = 0; c < file->classes; c++)
        out[c] /= sum;
    return MWN_OK;
}

void mwn_prob_file_release(struct mwn_prob_file *file)
{
    mwn_npy_release(&file->npy);
    mwn_free(file->line);
    memset(file, 0, sizeof(*file));
}

/* ---- Whose a row is ----------------------------------------------------------------- */

/* Puts the rows where ids.csv (first row: the header) says. */
static mwn_status place_rows(const struct mwn_prob_file *file,
                             const struct mwn_csv_file *ids, size_t samples, size_t *row_of,
                             struct mwn_error *err)
{
    if (ids->rows != file->rows + 1 || strcmp(mwn_csv_file_field(ids, 0, 0), "index") != 0)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: is not the list of the %zu rows of %s beside it, under a "
                        "header 'index,id'",
                        ids->path, file->rows, file->path);
    for (size_t r = 0; r < file->rows; r++) {
        const char *text = mwn_csv_file_field(ids, r + 1, 0);
        double index = -1;
        bool number = mwn_text_real(text, &index) && index >= 0 && index < (double)samples;
        if (!number || index != (double)(size_t)index)
            return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: index '%.40s', expected 0 .. %zu",
                            ids->path, ids->line[r + 1], text, samples - 1);
        if (row_of[(size_t)index] != MWN_PROB_FILE_NONE)
            return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: a second row for sample %zu",
                            ids->path, ids->line[r + 1], (size_t)index);
        row_of[(size_t)index] = r;
    }
    return MWN_OK;
}

mwn_status mwn_prob_file_match(const struct mwn_prob_file *file, size_t samples,
                               size_t *row_of, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    bool all = file->rows == samples;
    struct mwn_csv_file ids = {0};
    for (size_t i = 0; i < samples; i++)
        row_of[i] = all ? i : MWN_PROB_FILE_NONE;
    if (all)
        return MWN_OK;
    char *path = mwn_path_beside(file->path, "ids.csv");
    if (!path)
        return mwn_fail_memory(err, strlen(file->path), "a path");
    if (!mwn_path_exists(path)) {
        mwn_fail(err, MWN_ERR_DATA,
                 "%s: has %zu rows, the data has %zu training samples, and no ids.csv "
                 "beside it says whose they are",
                 file->path, file->rows, samples);
        status = mwn_hint(err, "`mwnet cv RECIPE data.noise=none -o DIR/pred_probs.npy` "
                               "writes both");
        goto out;
    }
    MWN_TRY(mwn_csv_file_read(path, ',', &ids, err));
    MWN_TRY(place_rows(file, &ids, samples, row_of, err));
out:
    mwn_csv_file_release(&ids);
    mwn_free(path);
    return status;
}

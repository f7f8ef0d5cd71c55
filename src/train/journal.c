/* journal.c - journal.npy: what each training sample was like in each epoch of a run.
 *
 * The file is written in place: first the numbers of an epoch behind those there are, flushed to
 * the disk, then the header, of a fixed size, which says how many epochs count. A process that
 * is killed between leaves a file that is longer than its header says; taking the run up again
 * cuts it to the epochs of the checkpoint. Written by pwrite and not through a mapping, since a
 * full disk is an error there and a deadly signal here. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/journal.h"

#include <math.h>
#include <string.h>

enum { HEADER_SIZE = 128 };

mwn_status mwn_journal_init(struct mwn_journal *journal, size_t n, size_t max_batch,
                            struct mwn_error *err)
{
    journal->n = n;
    journal->value = mwn_alloc(n, MWN_JOURNAL_COLUMNS * sizeof(*journal->value));
    journal->margin = mwn_alloc(max_batch, sizeof(*journal->margin));
    journal->rival = mwn_alloc(max_batch, sizeof(*journal->rival));
    if (!journal->value || !journal->margin || !journal->rival)
        return mwn_fail_memory(err, n * MWN_JOURNAL_COLUMNS * sizeof(*journal->value),
                               "the journal");
    mwn_journal_begin(journal);
    return MWN_OK;
}

void mwn_journal_release(struct mwn_journal *journal)
{
    mwn_free(journal->value);
    mwn_free(journal->margin);
    mwn_free(journal->rival);
    memset(journal, 0, sizeof(*journal));
}

void mwn_journal_begin(struct mwn_journal *journal)
{
    for (size_t i = 0; i < journal->n * MWN_JOURNAL_COLUMNS; i++)
        journal->value[i] = NAN;
}

void mwn_journal_add(struct mwn_journal *journal, size_t n, const uint32_t *index,
                     const double *weight, const double *loss)
{
    for (size_t i = 0; journal->value && i < n; i++) {
        float *row = journal->value + (size_t)index[i] * MWN_JOURNAL_COLUMNS;
        row[MWN_JOURNAL_WEIGHT] = (float)weight[i];
        row[MWN_JOURNAL_LOSS] = (float)loss[i];
        row[MWN_JOURNAL_MARGIN] = (float)journal->margin[i];
        row[MWN_JOURNAL_RIVAL] = (float)journal->rival[i];
    }
}

/* A sample is predicted as labelled if the margin is positive, else as its rival. */
void mwn_journal_memory(const struct mwn_journal *journal, const int32_t *given,
                        const int32_t *truth, struct mwn_memory *out)
{
    double as_given = 0, as_truth = 0;
    *out = (struct mwn_memory){0};
    for (size_t i = 0; journal->value && truth && i < journal->n; i++) {
        const float *row = journal->value + i * MWN_JOURNAL_COLUMNS;
        float margin = row[MWN_JOURNAL_MARGIN];
        if (given[i] == truth[i] || isnan(margin))
            continue;
        out->wrong += 1;
        as_given += margin > 0;
        as_truth += margin <= 0 && (int32_t)row[MWN_JOURNAL_RIVAL] == truth[i];
    }
    out->given = out->wrong > 0 ? as_given / out->wrong : (double)NAN;
    out->truth = out->wrong > 0 ? as_truth / out->wrong : (double)NAN;
}

/* ---- Writing ------------------------------------------------------------------------ */

static size_t epoch_bytes(const struct mwn_journal *journal)
{
    return journal->n * MWN_JOURNAL_COLUMNS * sizeof(*journal->value);
}

static mwn_status write_header(const char *path, size_t n, size_t epochs,
                               struct mwn_error *err)
{
    const size_t shape[3] = {epochs, n, MWN_JOURNAL_COLUMNS};
    struct mwn_buf header = {0};
    mwn_status status = MWN_OK;
    mwn_npy_header(&header, MWN_NPY_F32, 3, shape);
    if (header.failed || header.size != HEADER_SIZE)
        status = mwn_fail_memory(err, HEADER_SIZE, "the header of the journal");
    else
        status = mwn_file_patch(path, 0, header.text, header.size, err);
    mwn_buf_release(&header);
    return status;
}

/* Epochs in the file; 0 if there is none, or one that is not ours. */
static mwn_status count_epochs(const struct mwn_journal *journal, const char *path,
                               size_t *epochs, struct mwn_error *err)
{
    struct mwn_journal_map map = {0};
    *epochs = 0;
    if (!mwn_path_exists(path))
        return MWN_OK;
    mwn_status status = mwn_journal_open(path, &map, err);
    if (status == MWN_ERR_DATA)
        return MWN_OK;
    if (status == MWN_OK && map.n == journal->n)
        *epochs = map.epochs;
    mwn_journal_close(&map);
    return status;
}

/* Adds epochs of NaN up to number `epoch`: the file was lost. */
static mwn_status fill_gap(const struct mwn_journal *journal, const char *path,
                           size_t epoch, struct mwn_error *err)
{
    struct mwn_journal nothing = *journal;
    size_t from = 0;
    mwn_status status = count_epochs(journal, path, &from, err);
    if (status != MWN_OK || from >= epoch)
        return status;
    nothing.value = mwn_alloc(1, epoch_bytes(journal));
    if (!nothing.value)
        return mwn_fail_memory(err, epoch_bytes(journal), "the journal");
    mwn_journal_begin(&nothing);
    for (size_t e = from; e < epoch && status == MWN_OK; e++)
        status = mwn_file_patch(path, HEADER_SIZE + e * epoch_bytes(journal), nothing.value,
                                epoch_bytes(journal), err);
    mwn_free(nothing.value);
    return status;
}

mwn_status mwn_journal_write(const struct mwn_journal *journal, const char *path,
                             uint64_t epoch, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t size = epoch_bytes(journal), at = HEADER_SIZE + (size_t)epoch * size;
    if (!journal->value)
        return MWN_OK;
    MWN_TRY(fill_gap(journal, path, (size_t)epoch, err));
    MWN_TRY(mwn_file_patch(path, at, journal->value, size, err));
    MWN_TRY(write_header(path, journal->n, (size_t)epoch + 1, err));
    MWN_TRY(mwn_file_cut(path, at + size, err));
out:
    return status;
}

mwn_status mwn_journal_truncate(const struct mwn_journal *journal, const char *path,
                                uint64_t epochs, struct mwn_error *err)
{
    if (!journal->value || !mwn_path_exists(path))
        return MWN_OK;
    size_t there = 0;
    mwn_status status = count_epochs(journal, path, &there, err);
    size_t kept = there < epochs ? there : (size_t)epochs;
    if (status == MWN_OK && kept != there)
        status = write_header(path, journal->n, kept, err);
    if (status == MWN_OK)
        status = mwn_file_cut(path, HEADER_SIZE + kept * epoch_bytes(journal), err);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------ */

mwn_status mwn_journal_open(const char *path, struct mwn_journal_map *out,
                            struct mwn_error *err)
{
    struct mwn_journal_map journal = {0};
    mwn_status status = mwn_npy_map(path, &journal.map, err);
    if (status != MWN_OK)
        return status;
    const struct mwn_npy *npy = &journal.map.npy;
    if (npy->type != MWN_NPY_F32 || npy->dims != 3 ||
        npy->shape[2] != MWN_JOURNAL_COLUMNS) {
        mwn_npy_unmap(&journal.map);
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s: is not a journal (expected float32 [epochs][n][%d])", path,
                        MWN_JOURNAL_COLUMNS);
    }
    journal.epochs = npy->shape[0];
    journal.n = npy->shape[1];
    journal.value = npy->data;
    *out = journal;
    return MWN_OK;
}

void mwn_journal_close(struct mwn_journal_map *journal)
{
    mwn_npy_unmap(&journal->map);
    memset(journal, 0, sizeof(*journal));
}

const float *mwn_journal_at(const struct mwn_journal_map *journal, size_t epoch, size_t i)
{
    return journal->value + (epoch * journal->n + i) * MWN_JOURNAL_COLUMNS;
}

/* evidence.c - what a run's folder knows of its training samples. */
#include "audit/evidence.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "methods/method.h"
#include "tensor/safetensors.h"
#include "train/config.h"

#include <errno.h>
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_LIMIT = 1 << 30 };

static mwn_status path_of(const struct mwn_evidence *e, const char *name, char **out,
                          struct mwn_error *err)
{
    *out = mwn_path_join(e->dir, name);
    if (*out)
        return MWN_OK;
    return mwn_fail_memory(err, strlen(e->dir) + strlen(name) + 2, "a path");
}

/* ---- Arrays ------------------------------------------------------------------------- */

/* Reads a vector of 4-byte items; the first one sets n, the others must have as many. */
static mwn_status read_vector(struct mwn_evidence *e, const char *name,
                              enum mwn_npy_type type, bool optional, void **out,
                              struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_npy npy = {0};
    char *path = NULL;

    MWN_TRY(path_of(e, name, &path, err));
    if (optional && !mwn_path_exists(path))
        goto out;
    status = mwn_npy_read(path, &npy, err);
    if (status == MWN_ERR_IO && e->n == 0)
        mwn_hint(err, "%s is not the folder of a run", e->dir);
    if (status != MWN_OK)
        goto out;
    if (npy.type != type || npy.dims != 1 || (e->n > 0 && npy.count != e->n)) {
        status = mwn_fail(err, MWN_ERR_MISMATCH,
                          "%s: is not a vector of one number for each of the %zu training "
                          "samples",
                          path, e->n ? e->n : npy.count);
        goto out;
    }
    e->n = npy.count;
    *out = mwn_alloc(npy.count, sizeof(float));
    if (*out)
        memcpy(*out, npy.data, npy.count * sizeof(float));
    else
        status = mwn_fail_memory(err, npy.count * sizeof(float), name);
out:
    mwn_npy_release(&npy);
    mwn_free(path);
    return status;
}

/* The number of classes: what the model's file says, or else what the labels show. */
static mwn_status count_classes(struct mwn_evidence *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char *path = NULL;
    mwn_st_file *file = NULL;

    assert(e->given);
    for (size_t i = 0; i < e->n; i++) {
        if (e->given[i] < 0) {
            status = mwn_fail(err, MWN_ERR_DATA,
                              "%s/labels.npy: label %ld of item %zu is "
                              "negative",
                              e->dir, (long)e->given[i], i);
            goto out;
        }
        e->classes =
            (size_t)e->given[i] + 1 > e->classes ? (size_t)e->given[i] + 1 : e->classes;
    }
    MWN_TRY(path_of(e, "last/model.safetensors", &path, err));
    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_st_open(&file, path, err));
    const char *text = mwn_st_metadata(file, "classes");
    long classes = text ? strtol(text, NULL, 10) : 0;
    if (classes > 0 && (size_t)classes > e->classes)
        e->classes = (size_t)classes;
out:
    mwn_st_close(file);
    mwn_free(path);
    return status;
}

/* ---- Names -------------------------------------------------------------------------- */

/* Reads "number,name" lines with a header; row k of `count` must be numbered wanted[k] (NULL:
 * k). *out stays NULL if there is no such file. */
static mwn_status read_names(const char *path, size_t count, const uint32_t *wanted,
                             char ***out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char **names = NULL;
    bool more = false;
    size_t k = 0;

    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_file_read(path, NAMES_LIMIT, &bytes, err));
    names = mwn_alloc(count, sizeof(*names));
    *out = names;
    struct mwn_csv csv = {.path = path, .text = (char *)bytes.data};
    MWN_TRY(names ? MWN_OK : mwn_fail_memory(err, count * sizeof(*names), "names"));
    MWN_TRY(mwn_csv_next(&csv, &more, err));
    for (;; k++) {
        MWN_TRY(mwn_csv_next(&csv, &more, err));
        if (!more)
            break;
        size_t number = k < count && wanted ? wanted[k] : k;
        if (k >= count || csv.count != 2 || strtoull(csv.field[0], NULL, 10) != number) {
            status = mwn_fail(err, MWN_ERR_MISMATCH,
                              "%s:%zu: is not the name of item %zu of %zu", path, csv.line,
                              k, count);
            goto out;
        }
        names[k] = mwn_strdup(csv.field[1]);
        MWN_TRY(names[k] ? MWN_OK : mwn_fail_memory(err, 0, "a name"));
    }
    if (k != count)
        status = mwn_fail(err, MWN_ERR_MISMATCH, "%s: names %zu of %zu", path, k, count);
out:
    mwn_bytes_release(&bytes);
    return status;
}

static mwn_status read_own_names(struct mwn_evidence *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char *ids = NULL, *classes = NULL;
    MWN_TRY(path_of(e, "ids.csv", &ids, err));
    MWN_TRY(path_of(e, "classes.csv", &classes, err));
    MWN_TRY(read_names(ids, e->n, e->index, &e->id, err));
    MWN_TRY(read_names(classes, e->classes, NULL, &e->class_name, err));
out:
    mwn_free(ids);
    mwn_free(classes);
    return status;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        mwn_free(names[i]);
    mwn_free(names);
}

const char *mwn_evidence_id(const struct mwn_evidence *e, size_t i, char number[24])
{
    if (e->id)
        return e->id[i];
    snprintf(number, 24, "%lu", (unsigned long)e->index[i]);
    return number;
}

const char *mwn_evidence_class(const struct mwn_evidence *e, int32_t c, char number[24])
{
    if (c < 0)
        return "-";
    if (e->class_name && (size_t)c < e->classes)
        return e->class_name[c];
    snprintf(number, 24, "%ld", (long)c);
    return number;
}

int32_t mwn_evidence_find_class(const struct mwn_evidence *e, const char *name)
{
    char *end = NULL;
    for (size_t c = 0; e->class_name && c < e->classes; c++)
        if (strcmp(e->class_name[c], name) == 0)
            return (int32_t)c;
    if (e->class_name)
        return -1; /* or "0" would be the first of the classes "1", "2" */
    errno = 0;
    long value = strtol(name, &end, 10);
    bool is_number = name[0] >= '0' && name[0] <= '9' && !*end && !errno;
    return is_number && (size_t)value < e->classes ? (int32_t)value : -1;
}

static int compare_ids(const void *left, const void *right, void *user)
{
    const struct mwn_evidence *const *e = user;
    char first[24], second[24];
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    int order = strcmp(mwn_evidence_id(*e, a, first), mwn_evidence_id(*e, b, second));
    return order ? order : (a > b) - (a < b);
}

mwn_status mwn_id_order_init(struct mwn_id_order *order,
                             const struct mwn_evidence *evidence, struct mwn_error *err)
{
    order->evidence = evidence;
    order->order = mwn_alloc(evidence->n, sizeof(*order->order));
    if (!order->order)
        return mwn_fail_memory(err, evidence->n * sizeof(*order->order), "the ids");
    for (size_t i = 0; i < evidence->n; i++)
        order->order[i] = (uint32_t)i;
    qsort_r(order->order, evidence->n, sizeof(*order->order), compare_ids, &evidence);
    return MWN_OK;
}

size_t mwn_id_order_find(const struct mwn_id_order *order, const char *id, size_t out[2])
{
    char number[24];
    size_t n = order->evidence->n, found = 0;
    size_t low = 0, high = n; /* the first that is not before id */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(mwn_evidence_id(order->evidence, order->order[middle], number), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && found < 2; low++, found++) {
        if (strcmp(mwn_evidence_id(order->evidence, order->order[low], number), id) != 0)
            break;
        out[found] = order->order[low];
    }
    return found;
}

mwn_status mwn_id_order_fail(const struct mwn_id_order *order, const size_t both[2],
                             struct mwn_error *err)
{
    char number[24];
    const struct mwn_evidence *e = order->evidence;
    mwn_fail(err, MWN_ERR_DATA, "training samples %lu and %lu both have the id '%.80s'",
             (unsigned long)e->index[both[0]], (unsigned long)e->index[both[1]],
             mwn_evidence_id(e, both[0], number));
    return mwn_hint(err, "train with another data.id_column; by none, ids are the numbers");
}

void mwn_id_order_release(struct mwn_id_order *order)
{
    mwn_free(order->order);
    memset(order, 0, sizeof(*order));
}

/* ---- Probabilities ------------------------------------------------------------------ */

static mwn_status check_probs(const struct mwn_evidence *e, struct mwn_error *err)
{
    const struct mwn_npy *npy = &e->probs;
    bool is_real = npy->type == MWN_NPY_F32 || npy->type == MWN_NPY_F64;
    if (!is_real || npy->dims != 2 || npy->shape[0] != e->n ||
        npy->shape[1] != e->classes) {
        mwn_fail(err, MWN_ERR_MISMATCH,
                 "%s: is not a table of probabilities of %zu training samples in %zu "
                 "classes",
                 e->probs_path, e->n, e->classes);
        return mwn_hint(err, "make it by mwnet cv with the recipe of the run");
    }
    for (size_t i = 0; i < npy->count; i++) {
        double p = mwn_npy_real(npy, i);
        if (!(p >= 0 && p <= 1.001))
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: value %zu of sample %zu is %g, expected 0 .. 1",
                            e->probs_path, i % e->classes, i / e->classes, p);
    }
    return MWN_OK;
}

/* The ids.csv that mwnet cv puts beside its probabilities, if it is there, says whose they are. */
static mwn_status check_samples(const struct mwn_evidence *e, struct mwn_error *err)
{
    char **names = NULL, *path = mwn_path_beside(e->probs_path, "ids.csv");
    if (!path)
        return mwn_fail_memory(err, strlen(e->probs_path), "a path");
    mwn_status status = read_names(path, e->n, e->index, &names, err);
    if (status == MWN_ERR_MISMATCH)
        mwn_hint(
            err,
            "%s is of other samples, or in another order; make it by mwnet cv with the "
            "recipe of the run",
            e->probs_path);
    free_names(names, e->n);
    mwn_free(path);
    return status;
}

static mwn_status read_probs(struct mwn_evidence *e, const char *probs,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    if (probs) {
        e->probs_path = mwn_strdup(probs);
        if (!e->probs_path)
            return mwn_fail_memory(err, strlen(probs), "a path");
    } else {
        MWN_TRY(path_of(e, "pred_probs.npy", &e->probs_path, err));
        if (!mwn_path_exists(e->probs_path)) {
            mwn_free(e->probs_path);
            e->probs_path = NULL;
            goto out;
        }
    }
    MWN_TRY(mwn_npy_read(e->probs_path, &e->probs, err));
    MWN_TRY(check_probs(e, err));
    if (probs)
        MWN_TRY(check_samples(e, err));
out:
    return status;
}

/* What the weights are worth: those of the run's method. */
static mwn_status read_recipe(struct mwn_evidence *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char *path = NULL;
    e->believes = true;
    MWN_TRY(path_of(e, "recipe.yaml", &path, err));
    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_config_create(&e->recipe, err));
    MWN_TRY(mwn_config_read(e->recipe, path, err));
    const char *name = mwn_config_get(e->recipe, "method.name");
    const struct mwn_method *method = name ? mwn_method_find(name) : NULL;
    e->believes = !method || method->believes;
out:
    mwn_free(path);
    return status;
}

static mwn_status read_journal(struct mwn_evidence *e, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    char *path = NULL;
    MWN_TRY(path_of(e, "journal.npy", &path, err));
    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_journal_open(path, &e->journal, err));
    if (e->journal.n != e->n)
        status =
            mwn_fail(err, MWN_ERR_MISMATCH, "%s: is of %zu samples where the run has %zu",
                     path, e->journal.n, e->n);
out:
    mwn_free(path);
    return status;
}

mwn_status mwn_evidence_open(struct mwn_evidence *e, const char *dir, const char *probs,
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    void *given = NULL, *truth = NULL, *index = NULL, *weight = NULL;
    e->dir = dir;
    status = read_vector(e, "labels.npy", MWN_NPY_I32, false, &given, err);
    e->given = given;
    if (status == MWN_OK)
        status = read_vector(e, "train_ids.npy", MWN_NPY_U32, false, &index, err);
    e->index = index;
    if (status == MWN_OK)
        status = read_vector(e, "true_labels.npy", MWN_NPY_I32, true, &truth, err);
    e->truth = truth;
    if (status == MWN_OK)
        status = read_vector(e, "weights.npy", MWN_NPY_F32, true, &weight, err);
    e->weight = weight;
    if (status != MWN_OK)
        return status;
    MWN_TRY(count_classes(e, err));
    MWN_TRY(read_own_names(e, err));
    MWN_TRY(read_recipe(e, err));
    MWN_TRY(read_journal(e, err));
    MWN_TRY(read_probs(e, probs, err));
out:
    return status;
}

void mwn_evidence_close(struct mwn_evidence *e)
{
    free_names(e->id, e->n);
    free_names(e->class_name, e->classes);
    mwn_config_free(e->recipe);
    mwn_free(e->index);
    mwn_free(e->given);
    mwn_free(e->truth);
    mwn_free(e->weight);
    mwn_journal_close(&e->journal);
    mwn_npy_release(&e->probs);
    mwn_free(e->probs_path);
    memset(e, 0, sizeof(*e));
}

/* The journal's mean probabilities: p(given) = exp(-loss), p(rival) = p(given) exp(-margin). */
static bool journal_row(const struct mwn_evidence *e, size_t i, double *row)
{
    size_t drawn = 0;
    for (size_t c = 0; c < e->classes; c++)
        row[c] = 0;
    for (size_t epoch = 0; epoch < e->journal.epochs; epoch++) {
        const float *at = mwn_journal_at(&e->journal, epoch, i);
        double loss = (double)at[MWN_JOURNAL_LOSS];
        double margin = (double)at[MWN_JOURNAL_MARGIN];
        double rival = (double)at[MWN_JOURNAL_RIVAL];
        if (!(rival >= 0 && rival < (double)e->classes))
            continue;
        drawn++;
        row[e->given[i]] += exp(-loss);
        row[(size_t)rival] += exp(-loss - margin);
    }
    for (size_t c = 0; c < e->classes && drawn > 0; c++)
        row[c] /= (double)drawn;
    return drawn > 0;
}

bool mwn_evidence_row(const void *evidence, size_t i, double *row)
{
    const struct mwn_evidence *e = evidence;
    if (e->probs.count == 0)
        return journal_row(e, i, row);
    for (size_t c = 0; c < e->classes; c++)
        row[c] = mwn_npy_real(&e->probs, i * e->classes + c);
    return true;
}

/* apply.c - mwnet apply: a reviewer's decisions become a file of corrected labels and a trail of
 * who changed what. All of them count, or none. */
#include "audit/evidence.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/labels_file.h"
#include "train/config.h"
#include "train/json_writer.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* LEAVE_OUT and UNKNOWN: in place of a label; UNKNOWN: a sample without a line. */
enum { FILE_LIMIT = 1 << 30, LEAVE_OUT = -1, UNKNOWN = -2 };

enum action { KEEP, RELABEL, DROP, ACTIONS };
static const char *const action_names[] = {"keep", "relabel", "drop"};

struct apply {
    struct mwn_evidence evidence;
    struct mwn_id_order ids;
    const char *decisions; /* borrowed */
    char *output;          /* owned    */
    char *trail_path;      /* owned    */
    int32_t *label;        /* owned [room], by the data's numbers: as they are to be */
    size_t room;           /* holds the run's samples and those of earlier lines */
    unsigned char *seen;   /* owned [n]: which have had a decision             */
    struct mwn_buf trail;  /* lines to append                                  */
    char who[64], when[32], hash[40];
    int column[3]; /* of id, action, label in the file; -1: not there */
    size_t count[ACTIONS], changed;
};

static void apply_release(struct apply *a)
{
    mwn_buf_release(&a->trail);
    mwn_free(a->label);
    mwn_free(a->seen);
    mwn_free(a->output);
    mwn_free(a->trail_path);
    mwn_id_order_release(&a->ids);
    mwn_evidence_close(&a->evidence);
}

/* ---- Before ------------------------------------------------------------------------- */

/* The file of labels to go on from: the output of an earlier call, or else what the run was
 * trained with, whose lines say more than the run does: it does not know the samples that were left
 * out. *out is NULL if there is none. */
static mwn_status find_earlier(const struct apply *a, char **out, struct mwn_error *err)
{
    const char *found = NULL;
    if (mwn_path_exists(a->output))
        found = a->output;
    else if (a->evidence.recipe)
        found = mwn_config_get(a->evidence.recipe, "data.labels");
    if (found && *found && !(*out = mwn_strdup(found)))
        return mwn_fail_memory(err, strlen(found), "a path");
    return MWN_OK;
}

static mwn_status read_earlier(struct apply *a, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_evidence *e = &a->evidence;
    char *path = NULL;
    MWN_TRY(find_earlier(a, &path, err));
    if (path)
        status = mwn_labels_span(path, &a->room, err);
    if (status == MWN_ERR_IO)
        mwn_hint(err, "%s was trained with these labels (data.labels)", e->dir);
    if (status != MWN_OK)
        goto out;
    for (size_t i = 0; i < e->n; i++)
        a->room = e->index[i] >= a->room ? (size_t)e->index[i] + 1 : a->room;
    a->label = mwn_alloc(a->room, sizeof(*a->label));
    if (!a->label) {
        status = mwn_fail_memory(err, a->room * sizeof(*a->label), "labels");
        goto out;
    }
    for (size_t i = 0; i < a->room; i++)
        a->label[i] = UNKNOWN;
    for (size_t i = 0; i < e->n; i++)
        a->label[e->index[i]] = e->given[i];
    const struct mwn_labelled samples = {(int)e->classes, a->room, NULL};
    if (path)
        status = mwn_labels_read(path, &samples, a->label, NULL, err);
out:
    mwn_free(path);
    return status;
}

static void sign(struct apply *a, const struct mwn_bytes *bytes)
{
    struct mwn_hash hash = mwn_hash_bytes(bytes->data, bytes->size);
    struct passwd entry, *found = NULL;
    char room[1024];
    struct tm utc;
    time_t now = time(NULL);

    if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found)
        snprintf(a->who, sizeof(a->who), "%s", found->pw_name);
    else
        snprintf(a->who, sizeof(a->who), "%lu", (unsigned long)getuid());
    if (gmtime_r(&now, &utc))
        strftime(a->when, sizeof(a->when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    snprintf(a->hash, sizeof(a->hash), "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}

static mwn_status begin(struct apply *a, const char *dir, const char *output,
                        struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_evidence_open(&a->evidence, dir, NULL, err));
    MWN_TRY(mwn_id_order_init(&a->ids, &a->evidence, err));
    a->output = output ? mwn_strdup(output) : mwn_path_join(dir, "labels.csv");
    a->trail_path = mwn_path_join(dir, "decisions.jsonl");
    a->seen = mwn_alloc(a->evidence.n, 1);
    if (!a->output || !a->trail_path || !a->seen) {
        status = mwn_fail_memory(err, a->evidence.n, "decisions");
        goto out;
    }
    MWN_TRY(read_earlier(a, err));
out:
    return status;
}

/* ---- The decisions ------------------------------------------------------------------ */

static mwn_status find_columns(struct apply *a, const struct mwn_csv *csv,
                               struct mwn_error *err)
{
    static const char *const names[] = {"id", "action", "label"};
    for (size_t k = 0; k < MWN_COUNT(names); k++) {
        a->column[k] = -1;
        for (size_t f = 0; f < csv->count; f++)
            if (strcmp(csv->field[f], names[k]) == 0)
                a->column[k] = (int)f;
    }
    if (a->column[0] >= 0 && a->column[1] >= 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA, "%s:%zu: names no columns 'id' and 'action'", csv->path,
             csv->line);
    return mwn_hint(err, "the first line is id,action,label; actions are keep, relabel and "
                         "drop");
}

/* A field of the line; "" if it has none. */
static const char *field(const struct apply *a, const struct mwn_csv *csv, int which)
{
    int column = a->column[which];
    return column >= 0 && (size_t)column < csv->count ? csv->field[column] : "";
}

static void note(struct apply *a, size_t i, enum action action, int32_t label)
{
    struct mwn_json json = {0};
    const struct mwn_evidence *e = &a->evidence;
    char text[24];
    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "when", a->when);
    mwn_json_text(&json, "who", a->who);
    mwn_json_text(&json, "id", mwn_evidence_id(e, i, text));
    mwn_json_size(&json, "index", e->index[i]);
    mwn_json_text(&json, "action", action_names[action]);
    mwn_json_text(&json, "old", mwn_evidence_class(e, a->label[e->index[i]], text));
    mwn_json_text(&json, "new", mwn_evidence_class(e, label, text));
    mwn_json_text(&json, "decisions", a->decisions);
    mwn_json_text(&json, "hash", a->hash);
    mwn_json_end_object(&json);
    a->trail.failed = a->trail.failed || json.buf.failed;
    if (!a->trail.failed)
        mwn_buf_printf(&a->trail, "%s\n", json.buf.text);
    mwn_json_release(&json);
}

static mwn_status find_label(const struct apply *a, const struct mwn_csv *csv,
                             enum action action, size_t i, int32_t *out,
                             struct mwn_error *err)
{
    const char *name = field(a, csv, 2);
    *out = action == DROP ? LEAVE_OUT : a->label[a->evidence.index[i]];
    if (action != RELABEL)
        return MWN_OK;
    *out = mwn_evidence_find_class(&a->evidence, name);
    if (*out >= 0)
        return MWN_OK;
    char first[24], last[24];
    const struct mwn_evidence *e = &a->evidence;
    mwn_fail(err, MWN_ERR_DATA,
             "%s:%zu: relabel to '%.80s', which is none of the %zu classes", csv->path,
             csv->line, name, e->classes);
    return mwn_hint(err, "they are called '%.60s' to '%.60s'",
                    mwn_evidence_class(e, 0, first),
                    mwn_evidence_class(e, (int32_t)e->classes - 1, last));
}

static mwn_status take_line(struct apply *a, const struct mwn_csv *csv,
                            struct mwn_error *err)
{
    const char *id = field(a, csv, 0), *name = field(a, csv, 1);
    size_t found[2] = {0}, count = mwn_id_order_find(&a->ids, id, found);
    size_t i = found[0], action = 0;
    int32_t label = 0;

    if (count > 1) {
        mwn_id_order_fail(&a->ids, found, err);
        return mwn_context(err, "%s:%zu", csv->path, csv->line);
    }
    if (count == 0) {
        mwn_fail(err, MWN_ERR_DATA, "%s:%zu: no training sample has the id '%.80s'",
                 csv->path, csv->line, id);
        return mwn_hint(err, "ids are the first column of mwnet audit's table");
    }
    while (action < ACTIONS && strcmp(action_names[action], name) != 0)
        action++;
    if (action == ACTIONS)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%s:%zu: action '%.80s' is none of keep, relabel, drop", csv->path,
                        csv->line, name);
    if (a->seen[i])
        return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: a second decision on '%.80s'",
                        csv->path, csv->line, id);
    mwn_status status = find_label(a, csv, (enum action)action, i, &label, err);
    if (status != MWN_OK)
        return status;
    note(a, i, (enum action)action, label);
    a->seen[i] = 1;
    a->count[action]++;
    a->changed += a->label[a->evidence.index[i]] != label;
    a->label[a->evidence.index[i]] = label;
    return MWN_OK;
}

static mwn_status take_decisions(struct apply *a, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    bool more = false;

    MWN_TRY(mwn_file_read(a->decisions, FILE_LIMIT, &bytes, err));
    if (memchr(bytes.data, '\0', bytes.size)) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is not text (it has zero bytes)",
                          a->decisions);
        goto out;
    }
    sign(a, &bytes);
    struct mwn_csv csv = {.path = a->decisions,
                          .delimiter = mwn_csv_guess((char *)bytes.data),
                          .text = (char *)bytes.data};
    MWN_TRY(mwn_csv_next(&csv, &more, err));
    MWN_TRY(find_columns(a, &csv, err));
    for (;;) {
        MWN_TRY(mwn_csv_next(&csv, &more, err));
        if (!more)
            break;
        MWN_TRY(take_line(a, &csv, err));
    }
out:
    mwn_bytes_release(&bytes);
    return status;
}

/* ---- After -------------------------------------------------------------------------- */

/* A line for each sample with a label, and its id where the run knows one. */
static mwn_status add_labels(const struct apply *a, struct mwn_buf *text,
                             struct mwn_error *err)
{
    const struct mwn_evidence *e = &a->evidence;
    char **id = mwn_alloc(a->room, sizeof(*id)); /* borrowed texts */
    if (!id)
        return mwn_fail_memory(err, a->room * sizeof(*id), "corrected labels");
    for (size_t i = 0; e->id && i < e->n; i++)
        id[e->index[i]] = e->id[i];
    mwn_buf_printf(text, "index,corrected label%s\n", e->id ? ",id" : "");
    for (size_t i = 0; i < a->room; i++) {
        if (a->label[i] == UNKNOWN)
            continue;
        if (a->label[i] == LEAVE_OUT)
            mwn_buf_printf(text, "%zu,-", i);
        else
            mwn_buf_printf(text, "%zu,%ld", i, (long)a->label[i]);
        if (e->id)
            mwn_buf_add(text, ",", 1);
        if (id[i])
            mwn_csv_add(text, id[i]);
        mwn_buf_add(text, "\n", 1);
    }
    mwn_free(id);
    return MWN_OK;
}

/* The labels are written beside their name, then the trail grows, then the labels take their
 * name; if that fails the trail is cut back. */
static mwn_status write_all(struct apply *a, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_buf text = {0};
    struct mwn_writer writer = {0};
    struct stat info = {0};
    size_t before = stat(a->trail_path, &info) == 0 ? (size_t)info.st_size : 0;

    MWN_TRY(add_labels(a, &text, err));
    if (text.failed || a->trail.failed) {
        status = mwn_fail_memory(err, text.size, "corrected labels");
        goto out;
    }
    MWN_TRY(mwn_writer_open(&writer, a->output, err));
    mwn_writer_add(&writer, text.text, text.size);
    if (a->trail.size > 0)
        MWN_TRY(mwn_file_append(a->trail_path, a->trail.text, err));
    status = mwn_writer_commit(&writer, err);
    if (status != MWN_OK && mwn_file_cut(a->trail_path, before, NULL) != MWN_OK)
        status = mwn_context(err, "%s names decisions that do not count", a->trail_path);
out:
    mwn_writer_discard(&writer);
    mwn_buf_release(&text);
    return status;
}

mwn_status mwn_apply(const char *dir, const char *decisions, const char *output,
                     char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct apply a = {.decisions = decisions};
    struct mwn_json out = {0};

    MWN_TRY(begin(&a, dir, output, err));
    MWN_TRY(take_decisions(&a, err));
    MWN_TRY(write_all(&a, err));
    mwn_json_object(&out, NULL);
    mwn_json_text(&out, "labels", a.output);
    mwn_json_text(&out, "trail", a.trail_path);
    for (size_t k = 0; k < ACTIONS; k++)
        mwn_json_size(&out, action_names[k], a.count[k]);
    mwn_json_size(&out, "changed", a.changed);
    mwn_json_end_object(&out);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    apply_release(&a);
    return status;
}

/* fetch.c - brings a data set: looks what is there, transfers, checks, unpacks. */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/dataset.h"
#include "fetch/sums.h"
#include "fetch/transfer.h"
#include "fetch/unpack.h"

#include <curl/curl.h>
#include <string.h>

enum { RETRIES = 4 };

/* A data set being fetched. */
struct fetch {
    const struct mwn_dataset *set;
    const struct mwn_fetch_options *options; /* borrowed, never NULL */
    const char *dir;
    struct mwn_bytes sums; /* owned: the list that the options name */
    struct mwn_fetch_result result;
    double start;         /* clock                                             */
    double began;         /* clock when this file's bytes began to come        */
    size_t began_at;      /* bytes of it that were there then; SIZE_MAX: not yet */
    size_t number, files; /* of this file, counted from 1; of all              */
    const struct mwn_remote_file *file;
    struct mwn_error *err;
};

/* Where a file is, and what it is to become. All owned. */
struct places {
    char *url, *part, *target; /* target: the file, or the folder that it unpacks to */
    char *note;                /* first line of the folder's sums                    */
    char sum[MWN_DIGEST_TEXT];
};

static void places_release(struct places *p)
{
    mwn_free(p->url);
    mwn_free(p->part);
    mwn_free(p->target);
    mwn_free(p->note);
}

static mwn_status find_places(struct fetch *f, struct places *p)
{
    struct mwn_buf url = {0}, part = {0}, note = {0};
    const char *from = f->options->from ? f->options->from : f->set->url;
    const char *name = f->file->name;
    size_t length = strlen(from);
    if (f->sums.data) {
        mwn_status status = mwn_sums_find((const char *)f->sums.data, f->options->sums,
                                          name, p->sum, f->err);
        if (status != MWN_OK)
            return status;
    } else {
        memcpy(p->sum, f->file->sum, strlen(f->file->sum) + 1);
    }
    mwn_buf_printf(&url, "%s%s%s", from, length > 0 && from[length - 1] == '/' ? "" : "/",
                   name);
    p->target = mwn_path_join(f->dir, f->set->folder ? f->set->folder : name);
    char *file = mwn_path_join(f->dir, name);
    mwn_buf_printf(&part, "%s.part", file ? file : "");
    mwn_buf_printf(&note, "%s %s", name, p->sum);
    bool failed = !file;
    mwn_free(file);
    p->url = mwn_buf_take(&url);
    p->part = mwn_buf_take(&part);
    p->note = mwn_buf_take(&note);
    if (failed || !p->url || !p->part || !p->note || !p->target)
        return mwn_fail_memory(f->err, length, "a path");
    return MWN_OK;
}

/* ---- Progress ------------------------------------------------------------------------ */

static int report(struct fetch *f, const char *phase, size_t bytes, size_t total)
{
    struct mwn_fetch_progress now = {
        .phase = phase,
        .file = f->file->name,
        .number = f->number,
        .files = f->files,
        .bytes = bytes,
        .total = total,
        .eta_seconds = -1,
    };
    double clock = mwn_clock_now();
    now.seconds = clock - f->start;
    if (bytes > 0 && f->began_at == SIZE_MAX) {
        f->began = clock;
        f->began_at = bytes;
    } else if (bytes > f->began_at && clock > f->began) {
        now.bytes_per_second = (double)(bytes - f->began_at) / (clock - f->began);
        if (total >= bytes)
            now.eta_seconds = (double)(total - bytes) / now.bytes_per_second;
    }
    return f->options->progress ? f->options->progress(&now, f->options->user) : 0;
}

static int on_transfer(size_t bytes, size_t total, bool waiting, void *user)
{
    struct fetch *f = user;
    if (waiting)
        f->began_at = SIZE_MAX; /* the speed is measured anew */
    return report(f, waiting ? "wait" : "download", bytes, total);
}

static int on_unpack(size_t bytes, size_t total, void *user)
{
    return report(user, "unpack", bytes, total);
}

/* ---- One file ------------------------------------------------------------------------ */

/* Whether the target is there and right; another one there is an error. */
static mwn_status look(struct fetch *f, const struct places *p, bool *there)
{
    char found[MWN_DIGEST_TEXT] = "";
    mwn_status status;
    *there = mwn_path_exists(p->target);
    if (!*there)
        return MWN_OK;
    (void)report(f, "check", 0, 0);
    if (f->set->folder) {
        status = mwn_unpack_check(p->target, p->note, f->err);
    } else {
        status = mwn_digest_file(p->target, p->sum, found, f->err);
        if (status == MWN_OK && strcmp(found, p->sum) != 0)
            status = mwn_fail(f->err, MWN_ERR_DATA,
                              "%s: is there, but is not the file that is published: its %s "
                              "is %s, expected %s",
                              p->target, mwn_digest_kind(p->sum), found, p->sum);
    }
    if (status == MWN_ERR_DATA)
        return mwn_hint(f->err, "move it away, or fetch into another folder");
    return status;
}

static mwn_status transfer_once(struct fetch *f, const struct places *p, size_t *fresh)
{
    int retries = f->options->retries;
    const struct mwn_transfer transfer = {
        .url = p->url,
        .part = p->part,
        .size = f->sums.data ? 0 : f->file->size,
        .retries = retries == 0  ? RETRIES
                   : retries < 0 ? 0
                                 : retries,
        .tick = on_transfer,
        .user = f,
    };
    f->began_at = SIZE_MAX;
    mwn_status status = mwn_transfer_run(&transfer, fresh, f->err);
    f->result.bytes += *fresh;
    return status;
}

/* Transfers and checks. A wrong sum of a part that another run began may be due to a server
 * that has a new version by now: then it is brought once more, from its start. */
static mwn_status bring(struct fetch *f, const struct places *p)
{
    char found[MWN_DIGEST_TEXT] = "";
    mwn_status status;
    for (;;) {
        size_t fresh = 0;
        status = transfer_once(f, p, &fresh);
        if (status != MWN_OK)
            break;
        size_t size = mwn_path_size(p->part);
        f->began_at = SIZE_MAX;
        (void)report(f, "check", size, size);
        status = mwn_digest_file(p->part, p->sum, found, f->err);
        if (status != MWN_OK || strcmp(found, p->sum) == 0)
            return status;
        status = mwn_transfer_discard(p->part, f->err);
        if (status != MWN_OK)
            return status;
        if (size > fresh)
            continue;
        mwn_fail(f->err, MWN_ERR_DATA, "%s: wrong checksum: its %s is %s, expected %s",
                 p->url, mwn_digest_kind(p->sum), found, p->sum);
        return mwn_hint(f->err, "nothing was kept; the source has another version, or "
                                "something on the way changes it: try --from");
    }
    if (status == MWN_ERR_DATA)
        (void)mwn_transfer_discard(p->part, NULL);
    return status;
}

/* Puts what was brought in its place. */
static mwn_status settle(struct fetch *f, const struct places *p)
{
    mwn_status status;
    const struct mwn_unpack unpack = {
        .archive = p->part,
        .folder = f->set->folder,
        .target = p->target,
        .note = p->note,
        .tick = on_unpack,
        .user = f,
    };
    if (!f->set->folder) {
        MWN_TRY(mwn_path_rename(p->part, p->target, f->err));
    } else {
        f->began_at = SIZE_MAX;
        MWN_TRY(mwn_unpack_run(&unpack, f->err));
    }
    MWN_TRY(mwn_transfer_discard(p->part, f->err));
out:
    if (status == MWN_ERR_DATA) /* an archive that will not be better next time */
        (void)mwn_transfer_discard(p->part, NULL);
    return status;
}

static mwn_status fetch_file(struct fetch *f)
{
    mwn_status status;
    struct places p = {0};
    bool there = false;
    MWN_TRY(find_places(f, &p));
    MWN_TRY(look(f, &p, &there));
    if (there) {
        status = mwn_transfer_discard(p.part, f->err); /* of a process killed at the end */
        goto out;
    }
    MWN_TRY(bring(f, &p));
    MWN_TRY(settle(f, &p));
    f->result.fetched++;
out:
    places_release(&p);
    return status;
}

/* ---- */

static mwn_status fetch_files(struct fetch *f)
{
    for (const struct mwn_remote_file *file = f->set->files; file->name; file++)
        f->files++;
    for (f->file = f->set->files; f->file->name; f->file++) {
        f->number++;
        mwn_status status = fetch_file(f);
        if (status != MWN_OK)
            return status;
        f->result.files++;
    }
    return MWN_OK;
}

mwn_status mwn_fetch(const char *name, const char *dir,
                     const struct mwn_fetch_options *options,
                     struct mwn_fetch_result *result, struct mwn_error *err)
{
    static const struct mwn_fetch_options usual;
    mwn_status status = MWN_OK;
    struct mwn_error own = {0};
    int lock = -1;
    bool began = false;
    struct fetch f = {
        .options = options ? options : &usual,
        .dir = dir,
        .err = err ? err : &own,
        .start = mwn_clock_now(),
    };

    f.set = mwn_dataset_find(name, f.err);
    if (!f.set)
        return MWN_ERR_CONFIG;
    if (f.options->sums)
        MWN_TRY(mwn_file_read_plain(f.options->sums, MWN_SUMS_LIMIT, &f.sums, f.err));
    began = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!began) {
        status = mwn_fail(f.err, MWN_ERR_RUNTIME, "libcurl does not start");
        goto out;
    }
    MWN_TRY(mwn_path_make_dir(dir, f.err));
    MWN_TRY(mwn_path_lock(dir, &lock, f.err));
    MWN_TRY(fetch_files(&f));
    if (result) {
        f.result.seconds = mwn_clock_now() - f.start;
        f.result.reader = f.set->reader;
        *result = f.result;
    }
out:
    mwn_path_unlock(lock);
    if (began)
        curl_global_cleanup();
    mwn_bytes_release(&f.sums);
    return status;
}

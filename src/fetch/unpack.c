/* unpack.c - reads archives by libarchive and writes their files itself. libarchive could write
 * them as well, with flags against paths and links that lead out of the folder; but here
 * nothing but plain files right in one new folder is let through, and these are
 * written as all files are. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/sums.h"
#include "fetch/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

/* CIFAR takes 184 MB; an archive that wants much more is not one of ours. */
#define UNPACKED_MAX ((size_t)4 << 30)

struct state {
    const struct mwn_unpack *unpack;
    struct archive *archive; /* owned */
    char *work;              /* owned: the folder until it is complete */
    struct mwn_buf sums;     /* owned: SHA256SUMS                      */
    size_t packed, written;  /* bytes of the archive; of its content   */
    struct mwn_error *err;
};

static mwn_status fail_archive(const struct state *s)
{
    const char *reason = archive_error_string(s->archive);
    return mwn_fail(s->err, MWN_ERR_DATA, "%s: damaged archive: %s", s->unpack->archive,
                    reason ? reason : "unknown reason");
}

/* The file's name in the folder: "" for the folder itself, NULL for what must not be there. */
static const char *name_inside(const struct state *s, struct archive_entry *entry)
{
    const char *path = archive_entry_pathname(entry);
    size_t size = strlen(s->unpack->folder);
    if (!path || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
        return NULL;
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    if (strncmp(path, s->unpack->folder, size) != 0 ||
        (path[size] != '/' && path[size] != '\0'))
        return NULL;
    const char *name = path + size + (path[size] == '/');
    bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
    if (is_folder)
        return *name ? NULL : name;
    if (archive_entry_filetype(entry) != AE_IFREG || !*name || strchr(name, '/') ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '\n') ||
        strcmp(name, MWN_SUMS_NAME) == 0)
        return NULL;
    return name;
}

/* Copies the content of the entry. */
static mwn_status copy_content(struct state *s, struct mwn_writer *writer,
                               mwn_digest *digest)
{
    const void *bytes = NULL;
    size_t size = 0, place = 0;
    la_int64_t offset = 0;
    for (;;) {
        int result = archive_read_data_block(s->archive, &bytes, &size, &offset);
        if (result == ARCHIVE_EOF)
            return MWN_OK;
        if (result != ARCHIVE_OK)
            return fail_archive(s);
        if (offset < 0 || (size_t)offset != place)
            return mwn_fail(s->err, MWN_ERR_DATA, "%s: has a file with holes",
                            s->unpack->archive);
        mwn_writer_add(writer, bytes, size);
        mwn_digest_add(digest, bytes, size);
        place += size;
        s->written += size;
        if (s->written > UNPACKED_MAX)
            return mwn_fail(s->err, MWN_ERR_DATA, "%s: unpacks to more than %zu bytes",
                            s->unpack->archive, UNPACKED_MAX);
        size_t read = (size_t)archive_filter_bytes(s->archive, -1);
        if (s->unpack->tick(read, s->packed, s->unpack->user) != 0)
            return mwn_fail(s->err, MWN_INTERRUPTED, "%s: stopped on request",
                            s->unpack->archive);
    }
}

/* Writes one file and adds its line to the sums. */
static mwn_status write_file(struct state *s, const char *name)
{
    char sum[MWN_DIGEST_TEXT] = "";
    struct mwn_writer writer = {0};
    char *path = mwn_path_join(s->work, name);
    mwn_digest *digest = mwn_digest_begin("");
    mwn_status status = MWN_OK;
    if (!path || !digest)
        status = mwn_fail_memory(s->err, strlen(name), "a path");
    if (status == MWN_OK)
        status = mwn_writer_open(&writer, path, s->err);
    if (status == MWN_OK)
        status = copy_content(s, &writer, digest);
    if (status == MWN_OK)
        status = mwn_writer_commit(&writer, s->err);
    else
        mwn_writer_discard(&writer);
    if (digest && !mwn_digest_end(digest, sum) && status == MWN_OK)
        status = mwn_fail_memory(s->err, 0, "a checksum");
    mwn_buf_printf(&s->sums, "%s  %s\n", sum, name);
    mwn_free(path);
    return status;
}

static mwn_status unpack_entries(struct state *s)
{
    struct archive_entry *entry = NULL;
    size_t files = 0;
    for (;;) {
        int result = archive_read_next_header(s->archive, &entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return fail_archive(s);
        const char *name = name_inside(s, entry);
        if (!name) {
            const char *path = archive_entry_pathname(entry);
            return mwn_fail(s->err, MWN_ERR_DATA,
                            "%s: holds '%.80s', expected nothing but files in %s",
                            s->unpack->archive, path ? path : "?", s->unpack->folder);
        }
        mwn_status status = *name ? write_file(s, name) : MWN_OK;
        if (status != MWN_OK)
            return status;
        files += *name != '\0';
    }
    if (files == 0)
        return mwn_fail(s->err, MWN_ERR_DATA, "%s: holds no files", s->unpack->archive);
    return MWN_OK;
}

static mwn_status write_sums(struct state *s)
{
    if (s->sums.failed)
        return mwn_fail_memory(s->err, s->sums.size, "a list of checksums");
    char *path = mwn_path_join(s->work, MWN_SUMS_NAME);
    if (!path)
        return mwn_fail_memory(s->err, strlen(s->work), "a path");
    mwn_status status = mwn_file_write(path, s->sums.text, s->sums.size, s->err);
    mwn_free(path);
    return status;
}

mwn_status mwn_unpack_run(const struct mwn_unpack *unpack, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_mapping mapping = {0};
    struct mwn_buf work = {0};
    struct state s = {.unpack = unpack, .err = err};

    mwn_buf_printf(&work, "%s.part", unpack->target);
    mwn_buf_printf(&s.sums, "# %s\n", unpack->note);
    s.work = mwn_buf_take(&work);
    s.archive = archive_read_new();
    if (!s.work || !s.archive) {
        status = mwn_fail_memory(err, 0, "unpacking");
        goto out;
    }
    MWN_TRY(mwn_file_map(unpack->archive, &mapping, err));
    s.packed = mapping.size;
    if (archive_read_support_filter_gzip(s.archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(s.archive) != ARCHIVE_OK ||
        archive_read_open_memory(s.archive, mapping.data, mapping.size) != ARCHIVE_OK) {
        status = fail_archive(&s);
        goto out;
    }
    MWN_TRY(mwn_path_remove(s.work, err)); /* of a process that was killed */
    MWN_TRY(mwn_path_make_dir(s.work, err));
    MWN_TRY(unpack_entries(&s));
    MWN_TRY(write_sums(&s));
    MWN_TRY(mwn_path_rename(s.work, unpack->target, err));
out:
    if (status != MWN_OK && s.work)
        (void)mwn_path_remove(s.work, NULL);
    archive_read_free(s.archive);
    mwn_file_unmap(&mapping);
    mwn_buf_release(&s.sums);
    mwn_free(s.work);
    return status;
}

/* ---- Checking ------------------------------------------------------------------------ */

/* Compares one file with its line. */
static mwn_status check_file(const char *sum, const char *name, void *user,
                             struct mwn_error *err)
{
    const char *folder = user;
    char found[MWN_DIGEST_TEXT] = "";
    char *path = mwn_path_join(folder, name);
    if (!path)
        return mwn_fail_memory(err, strlen(folder), "a path");
    mwn_status status = MWN_OK;
    if (!mwn_path_exists(path))
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is missing", path);
    else
        status = mwn_digest_file(path, sum, found, err);
    if (status == MWN_OK && strcmp(found, sum) != 0)
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has changed since it was fetched", path);
    mwn_free(path);
    return status;
}

mwn_status mwn_unpack_check(const char *target, const char *note, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char *folder = mwn_strdup(target);
    char *path = mwn_path_join(target, MWN_SUMS_NAME);
    size_t size = strlen(note);
    if (!path || !folder) {
        status = mwn_fail_memory(err, strlen(target), "a path");
        goto out;
    }
    if (!mwn_path_exists(path)) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is there, but was not fetched by mwnet",
                          target);
        goto out;
    }
    MWN_TRY(mwn_file_read_plain(path, MWN_SUMS_LIMIT, &bytes, err));
    const char *text = (const char *)bytes.data;
    if (bytes.size < size + 3 || strncmp(text + 2, note, size) != 0 ||
        text[size + 2] != '\n') {
        status =
            mwn_fail(err, MWN_ERR_DATA, "%s: is of another archive than %s", target, note);
        goto out;
    }
    MWN_TRY(mwn_sums_each(text, path, check_file, folder, err));
out:
    mwn_bytes_release(&bytes);
    mwn_free(path);
    mwn_free(folder);
    return status;
}

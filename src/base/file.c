/* file.c - whole files in (gzip too) and out (atomically), folders and paths, and the hook
 * that makes I/O calls fail. */
#include "base/file.h"
#include "base/mem.h"
#include "base/memory_limit.h"
#include "base/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static _Atomic uint64_t io_calls;
static _Atomic uint64_t first_failure, last_failure; /* numbers of calls; 0: none */

void mwn_file_fail_after(uint64_t n)
{
    atomic_store(&last_failure, UINT64_MAX);
    atomic_store(&first_failure, n == 0 ? 0 : atomic_load(&io_calls) + n);
}

void mwn_file_fail_once(uint64_t n)
{
    mwn_file_fail_after(n);
    atomic_store(&last_failure, atomic_load(&first_failure));
}

uint64_t mwn_file_count(void)
{
    return atomic_load(&io_calls);
}

/* Counts an I/O call; whether the hook wants it to fail. */
static bool io_fails(void)
{
    uint64_t number = atomic_fetch_add(&io_calls, 1) + 1;
    uint64_t first = atomic_load(&first_failure);
    if (first == 0 || number < first || number > atomic_load(&last_failure))
        return false;
    errno = ENOSPC;
    return true;
}

/* MWN_ERR_IO with the reason in errno, and a hint where there is something to do. */
static mwn_status fail_errno(struct mwn_error *err, const char *path, const char *what)
{
    int reason = errno;
    char text[128];
    const char *words = strerror_r(reason, text, sizeof(text));
    mwn_status status = mwn_fail(err, MWN_ERR_IO, "%s: %s: %s", path, what, words);
    if (reason == ENOENT)
        return mwn_hint(err, "check the path; a relative one starts at the current folder");
    if (reason == EACCES || reason == EPERM || reason == EROFS)
        return mwn_hint(err, "check the permissions of the file and of its folder");
    if (reason == ENOSPC || reason == EDQUOT)
        return mwn_hint(err, "free some space or choose another folder");
    return status;
}

/* ---- Reading ------------------------------------------------------------------------ */

static mwn_status fail_limit(struct mwn_error *err, const char *path, size_t limit)
{
    return mwn_fail(err, MWN_ERR_DATA, "%s: is too large (more than %zu bytes)", path,
                    limit);
}

/* Grows the block so that `room` bytes and a zero byte fit. */
static bool grow(struct mwn_bytes *bytes, size_t room)
{
    unsigned char *data = room < SIZE_MAX ? mwn_resize(bytes->data, room + 1, 1) : NULL;
    if (data == NULL)
        return false;
    bytes->data = data;
    return true;
}

static mwn_status fail_grow(struct mwn_error *err, size_t room)
{
    return mwn_fail_memory(err, room, "the content of a file");
}

/* Twice the room, or `most` if that is less. */
static size_t more_room(size_t room, size_t most)
{
    return room > most / 2 ? most : room * 2;
}

static ssize_t read_some(int fd, void *out, size_t size)
{
    if (io_fails())
        return -1;
    ssize_t got;
    do
        got = read(fd, out, size < SSIZE_MAX ? size : (size_t)SSIZE_MAX);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reads until the end of the file or until more than `most` bytes have come. `guess` is the
 * size that the file system states; it is not trusted. */
static mwn_status read_all(int fd, const char *path, size_t guess, size_t most,
                           struct mwn_bytes *out, struct mwn_error *err)
{
    size_t ceiling = most < (size_t)PTRDIFF_MAX / 2 ? most + 1 : (size_t)PTRDIFF_MAX / 2;
    size_t room = guess < 4095 ? 4096 : guess + 1;
    if (room > ceiling)
        room = ceiling;
    if (!grow(out, room))
        return fail_grow(err, room);
    for (;;) {
        if (out->size == room) {
            if (room == ceiling)
                return fail_limit(err, path, most);
            room = more_room(room, ceiling);
            if (!grow(out, room))
                return fail_grow(err, room);
        }
        ssize_t got = read_some(fd, out->data + out->size, room - out->size);
        if (got < 0)
            return fail_errno(err, path, "cannot read");
        if (got == 0) {
            out->data[out->size] = 0;
            return MWN_OK;
        }
        out->size += (size_t)got;
    }
}

static bool is_gzip(const unsigned char *data, size_t size)
{
    return size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
}

static bool is_zero(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* Where the unpacking of a file stands. */
struct unpack {
    const char *path; /* borrowed */
    size_t limit, room;
    z_stream stream;
    size_t left; /* packed bytes that the stream has not been given yet */
};

/* One call of inflate(), with more room and more input if it needs them. */
static mwn_status unpack_some(struct unpack *u, struct mwn_bytes *out, int *result,
                              struct mwn_error *err)
{
    if (out->size == u->room) {
        if (u->room > u->limit)
            return fail_limit(err, u->path, u->limit);
        u->room = more_room(u->room, u->limit + 1);
        if (!grow(out, u->room))
            return fail_grow(err, u->room);
    }
    if (u->stream.avail_in == 0) {
        size_t chunk = u->left < UINT_MAX ? u->left : UINT_MAX;
        u->stream.avail_in = (uInt)chunk;
        u->left -= chunk;
    }
    size_t space = u->room - out->size < UINT_MAX ? u->room - out->size : UINT_MAX;
    u->stream.next_out = out->data + out->size;
    u->stream.avail_out = (uInt)space;
    *result = inflate(&u->stream, Z_NO_FLUSH);
    out->size += space - u->stream.avail_out;
    if (*result == Z_MEM_ERROR)
        return mwn_fail_memory(err, 0, "unpacking gzip");
    if (*result == Z_BUF_ERROR && u->stream.avail_in == 0 && u->left == 0 &&
        u->stream.avail_out > 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s: the gzip data end too early", u->path);
    if (*result != Z_OK && *result != Z_STREAM_END && *result != Z_BUF_ERROR)
        return mwn_fail(err, MWN_ERR_DATA, "%s: damaged gzip data (%s)", u->path,
                        u->stream.msg != NULL ? u->stream.msg : "wrong checksum");
    return MWN_OK;
}

/* Unpacks all members of a gzip file; zero bytes may follow the last, as on a tape. */
static mwn_status unpack_members(struct unpack *u, struct mwn_bytes *out,
                                 struct mwn_error *err)
{
    for (;;) {
        int result = Z_OK;
        mwn_status status = unpack_some(u, out, &result, err);
        if (status != MWN_OK)
            return status;
        if (result != Z_STREAM_END)
            continue;
        size_t rest = u->left + u->stream.avail_in;
        if (is_zero(u->stream.next_in, rest))
            break;
        if (!is_gzip(u->stream.next_in, rest))
            return mwn_fail(err, MWN_ERR_DATA,
                            "%s: %zu bytes of garbage after the gzip data", u->path, rest);
        if (inflateReset(&u->stream) != Z_OK)
            return mwn_fail(err, MWN_ERR_RUNTIME, "%s: zlib refuses to go on", u->path);
    }
    if (out->size > u->limit)
        return fail_limit(err, u->path, u->limit);
    out->data[out->size] = 0;
    return MWN_OK;
}

/* Replaces the packed content by the unpacked one. */
static mwn_status unpack(const char *path, size_t limit, struct mwn_bytes *bytes,
                         struct mwn_error *err)
{
    struct unpack u = {.path = path, .limit = limit, .left = bytes->size};
    struct mwn_bytes out = {0};
    if (u.limit > (size_t)PTRDIFF_MAX / 2)
        u.limit = (size_t)PTRDIFF_MAX / 2;
    u.room = bytes->size > u.limit / 4 ? u.limit + 1 : bytes->size * 4;
    u.stream.next_in = bytes->data;
    if (!grow(&out, u.room))
        return fail_grow(err, u.room);
    if (inflateInit2(&u.stream, 16 + MAX_WBITS) != Z_OK) {
        mwn_bytes_release(&out);
        return mwn_fail_memory(err, 0, "unpacking gzip");
    }
    mwn_status status = unpack_members(&u, &out, err);
    (void)inflateEnd(&u.stream);
    if (status != MWN_OK) {
        mwn_bytes_release(&out);
        return status;
    }
    mwn_bytes_release(bytes);
    *bytes = out;
    return MWN_OK;
}

/* Opens a file for reading and states its size, 0 if that is not known. */
static mwn_status open_input(const char *path, int *fd, size_t *size, struct mwn_error *err)
{
    *fd = io_fails() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return fail_errno(err, path, "cannot open");
    struct stat info;
    if (fstat(*fd, &info) != 0)
        return fail_errno(err, path, "cannot read");
    if (S_ISDIR(info.st_mode))
        return mwn_fail(err, MWN_ERR_IO, "%s: is a folder, not a file", path);
    *size = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
    return MWN_OK;
}

/* Reads a file whole and, if asked to, unpacks it. */
static mwn_status read_file(const char *path, size_t limit, bool packed,
                            struct mwn_bytes *out, struct mwn_error *err)
{
    struct mwn_bytes bytes = {0};
    mwn_status status = MWN_OK;
    int fd = -1;
    size_t size = 0;
    MWN_TRY(open_input(path, &fd, &size, err));
    /* A packed file may be a little larger than its content. */
    size_t slack = packed ? limit / 1024 + 1024 : 0;
    size_t most = limit < SIZE_MAX - slack ? limit + slack : SIZE_MAX;
    MWN_TRY(read_all(fd, path, size, most, &bytes, err));
    if (packed && is_gzip(bytes.data, bytes.size))
        MWN_TRY(unpack(path, limit, &bytes, err));
    if (bytes.size > limit)
        MWN_TRY(fail_limit(err, path, limit));
    *out = bytes;
    bytes = (struct mwn_bytes){0};
out:
    if (fd >= 0)
        (void)close(fd);
    mwn_bytes_release(&bytes);
    return status;
}

mwn_status mwn_file_read(const char *path, size_t limit, struct mwn_bytes *out,
                         struct mwn_error *err)
{
    return read_file(path, limit, true, out, err);
}

mwn_status mwn_file_read_plain(const char *path, size_t limit, struct mwn_bytes *out,
                               struct mwn_error *err)
{
    return read_file(path, limit, false, out, err);
}

void mwn_bytes_release(struct mwn_bytes *bytes)
{
    if (bytes == NULL)
        return;
    mwn_free(bytes->data);
    *bytes = (struct mwn_bytes){0};
}

/* ---- Parts of zip files ------------------------------------------------------------- */

static uInt at_most(size_t size)
{
    return size < UINT_MAX ? (uInt)size : UINT_MAX;
}

mwn_status mwn_inflate(const void *in, size_t packed, void *out, size_t size, bool *good,
                       struct mwn_error *err)
{
    z_stream stream = {0};
    const union {
        const void *in;
        Bytef *next;
    } from = {.in = in};
    int result = Z_OK;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return mwn_fail_memory(err, 0, "unpacking a zip file");
    stream.next_in = from.next;
    stream.next_out = out;
    while (result == Z_OK) {
        uInt some = at_most(packed), space = at_most(size);
        stream.avail_in = some;
        stream.avail_out = space;
        result = inflate(&stream, Z_NO_FLUSH);
        packed -= some - stream.avail_in;
        size -= space - stream.avail_out;
    }
    (void)inflateEnd(&stream);
    if (result == Z_MEM_ERROR)
        return mwn_fail_memory(err, 0, "unpacking a zip file");
    *good = result == Z_STREAM_END && packed == 0 && size == 0;
    return MWN_OK;
}

uint32_t mwn_crc32(const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(0, bytes, size);
}

/* ---- Reading in parts --------------------------------------------------------------- */

mwn_status mwn_input_open(struct mwn_input *input, const char *path, struct mwn_error *err)
{
    *input = (struct mwn_input){.path = mwn_strdup(path), .fd = -1};
    if (input->path == NULL)
        return mwn_fail_memory(err, strlen(path), "a file name");
    mwn_status status = open_input(path, &input->fd, &input->size, err);
    if (status != MWN_OK)
        mwn_input_close(input);
    return status;
}

mwn_status mwn_input_read(const struct mwn_input *input, size_t offset, void *out,
                          size_t size, struct mwn_error *err)
{
    unsigned char *to = out;
    while (size > 0) {
        size_t some = size < SSIZE_MAX ? size : (size_t)SSIZE_MAX;
        ssize_t got = io_fails() ? -1 : pread(input->fd, to, some, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, input->path, "cannot read");
        if (got == 0)
            return mwn_fail(err, MWN_ERR_DATA, "%s: ends at byte %zu, expected %zu more",
                            input->path, offset, size);
        to += got;
        offset += (size_t)got;
        size -= (size_t)got;
    }
    return MWN_OK;
}

const void *mwn_input_map(struct mwn_input *input)
{
    if (input->map != NULL || input->size > mwn_memory_limit("") / 4 * 3)
        return input->map; /* there, or too large for the page cache */
    if (input->size > 0 && !io_fails()) {
        void *map = mmap(NULL, input->size, PROT_READ, MAP_SHARED, input->fd, 0);
        input->map = map == MAP_FAILED ? NULL : map;
    }
    return input->map;
}

void mwn_input_close(struct mwn_input *input)
{
    if (input->map != NULL)
        (void)munmap(input->map, input->size);
    if (input->path != NULL && input->fd >= 0)
        (void)close(input->fd);
    mwn_free(input->path);
    *input = (struct mwn_input){0};
}

/* ---- Writing ------------------------------------------------------------------------ */

/* Where a path leads: a link's target, else the path itself. NULL if memory is out. */
static char *follow(const char *path)
{
    struct stat info;
    bool is_link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    char *target = is_link ? realpath(path, NULL) : NULL;
    char *copy = mwn_strdup(target ? target : path);
    free(target);
    return copy;
}

/* Opens what is to be written: a new file beside the path, or what stands there if that is no
 * file. The descriptor, or -1. */
static int open_output(struct mwn_writer *writer, char *temporary)
{
    struct stat info;
    if (io_fails())
        return -1;
    if (stat(writer->path, &info) == 0 && !S_ISREG(info.st_mode))
        return open(writer->path, O_WRONLY | O_CLOEXEC);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd >= 0) /* From here on it is there and discard has to remove it. */
        writer->temporary = temporary;
    return fd;
}

mwn_status mwn_writer_open(struct mwn_writer *writer, const char *path,
                           struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    *writer = (struct mwn_writer){.path = follow(path)};
    size_t room = writer->path ? strlen(writer->path) + 32 : 0;
    char *temporary = mwn_alloc(room, 1);
    if (writer->path == NULL || temporary == NULL) {
        status = mwn_fail_memory(err, strlen(path) + 32, "a file name");
        goto out;
    }
    unsigned chance = 0; /* processes on other machines may have the same number */
    (void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
    (void)snprintf(temporary, room, "%s.tmp-%ld-%08x", writer->path, (long)getpid(),
                   chance);
    if (mwn_path_is_dir(path)) {
        status = mwn_fail(err, MWN_ERR_IO, "%s: is a folder, not a file", path);
        goto out;
    }
    int fd = open_output(writer, temporary);
    if (fd < 0) {
        status = fail_errno(err, path, "cannot write");
        goto out;
    }
    writer->stream = fdopen(fd, "wb");
    if (writer->stream == NULL) {
        (void)close(fd);
        status = mwn_fail_memory(err, BUFSIZ, "writing a file");
    }
out:
    if (writer->temporary != temporary)
        mwn_free(temporary);
    if (status != MWN_OK)
        mwn_writer_discard(writer);
    return status;
}

void mwn_writer_add(struct mwn_writer *writer, const void *bytes, size_t size)
{
    if (writer->failed || size == 0)
        return;
    errno = EIO;
    if (writer->stream == NULL || io_fails() ||
        fwrite(bytes, 1, size, writer->stream) != size) {
        writer->failed = true;
        writer->reason = errno;
    }
}

/* Makes the renaming last. The new file is complete and in place by now, so a file system
 * that cannot sync a folder is no reason to report a failure. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = mwn_strdup(slash == NULL ? "." : path);
    if (folder == NULL)
        return;
    if (slash != NULL)
        folder[slash == path ? 1 : slash - path] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    mwn_free(folder);
}

/* Brings what was written to the disk and closes the stream; errno says why not. */
static bool finish_stream(struct mwn_writer *writer)
{
    FILE *stream = writer->stream;
    writer->stream = NULL;
    int reason = 0;
    if (stream == NULL || writer->failed)
        reason = writer->failed ? writer->reason : EIO;
    else if (ferror(stream))
        reason = EIO;
    else if (io_fails() || fflush(stream) != 0 || io_fails() ||
             (writer->temporary != NULL && fsync(fileno(stream)) != 0))
        reason = errno;
    if (stream != NULL && fclose(stream) != 0 && reason == 0)
        reason = errno;
    errno = reason;
    return reason == 0;
}

mwn_status mwn_writer_commit(struct mwn_writer *writer, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    bool fine = finish_stream(writer);
    bool direct = writer->temporary == NULL;
    fine = fine && !io_fails() && (direct || rename(writer->temporary, writer->path) == 0);
    if (fine && !direct) {
        mwn_free(writer->temporary);
        writer->temporary = NULL;
        sync_folder(writer->path);
    } else if (!fine) {
        status = fail_errno(err, writer->path != NULL ? writer->path : "(no file)",
                            "cannot write");
    }
    mwn_writer_discard(writer);
    return status;
}

void mwn_writer_discard(struct mwn_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->stream != NULL)
        (void)fclose(writer->stream);
    if (writer->temporary != NULL)
        (void)unlink(writer->temporary);
    mwn_free(writer->temporary);
    mwn_free(writer->path);
    *writer = (struct mwn_writer){0};
}

mwn_status mwn_file_write(const char *path, const void *bytes, size_t size,
                          struct mwn_error *err)
{
    struct mwn_writer writer = {0};
    mwn_status status = mwn_writer_open(&writer, path, err);
    if (status != MWN_OK)
        return status;
    mwn_writer_add(&writer, bytes, size);
    return mwn_writer_commit(&writer, err);
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = io_fails() ? -1 : write(fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

mwn_status mwn_file_append(const char *path, const char *line, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    int fd = -1;
    size_t size = strlen(line);
    char *copy = mwn_alloc(size + 2, 1);
    if (copy == NULL)
        return mwn_fail_memory(err, size, "a line of a file");
    memcpy(copy, line, size);
    if (size == 0 || copy[size - 1] != '\n')
        copy[size++] = '\n';
    if (!io_fails())
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat info = {0};
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = fail_errno(err, path, "cannot append");
        goto out;
    }
    if (!write_all(fd, copy, size) || io_fails() || fsync(fd) != 0) {
        status = fail_errno(err, path, "cannot append");
        /* Half a line would spoil the file for every reader. */
        if (S_ISREG(info.st_mode) && ftruncate(fd, info.st_size) != 0)
            status = mwn_context(err, "%s may end in half a line", path);
    }
out:
    if (fd >= 0)
        (void)close(fd);
    mwn_free(copy);
    return status;
}

static bool patch_all(int fd, const char *bytes, size_t size, size_t offset)
{
    while (size > 0) {
        ssize_t done = io_fails() ? -1 : pwrite(fd, bytes, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        offset += (size_t)done;
        size -= (size_t)done;
    }
    return !io_fails() && fsync(fd) == 0;
}

mwn_status mwn_file_patch(const char *path, size_t offset, const void *bytes, size_t size,
                          struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct stat info = {0};
    int fd = io_fails() ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = fail_errno(err, path, "cannot write");
    } else if (!patch_all(fd, bytes, size, offset)) {
        status = fail_errno(err, path, "cannot write");
        if (S_ISREG(info.st_mode) && ftruncate(fd, info.st_size) != 0)
            status = mwn_context(err, "%s may have a torn end", path);
    }
    if (fd >= 0)
        (void)close(fd);
    return status;
}

mwn_status mwn_file_cut(const char *path, size_t size, struct mwn_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && (size_t)info.st_size <= size)
        return MWN_OK;
    if (io_fails() || truncate(path, (off_t)size) != 0)
        return fail_errno(err, path, "cannot shorten");
    return MWN_OK;
}

mwn_status mwn_file_map(const char *path, struct mwn_mapping *out, struct mwn_error *err)
{
    struct mwn_mapping mapping = {0};
    int fd = -1;
    mwn_status status = open_input(path, &fd, &mapping.size, err);
    if (status == MWN_OK && mapping.size > 0) {
        void *data = io_fails() ? MAP_FAILED
                                : mmap(NULL, mapping.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = fail_errno(err, path, "cannot read");
        else
            mapping.data = data;
    }
    if (fd >= 0)
        (void)close(fd);
    if (status == MWN_OK)
        *out = mapping;
    return status;
}

void mwn_file_unmap(struct mwn_mapping *mapping)
{
    union {
        const unsigned char *data;
        void *address;
    } pages = {.data = mapping->data};
    if (mapping->data != NULL)
        (void)munmap(pages.address, mapping->size);
    *mapping = (struct mwn_mapping){0};
}

/* ---- Paths -------------------------------------------------------------------------- */

bool mwn_path_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool mwn_path_has_end(const char *path, const char *end)
{
    size_t length = strlen(path), size = strlen(end);
    return length >= size && strcasecmp(path + length - size, end) == 0;
}

bool mwn_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool mwn_path_is_same(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static mwn_status make_one_dir(const char *path, struct mwn_error *err)
{
    if (mwn_path_is_dir(path))
        return MWN_OK;
    if (!io_fails() && mkdir(path, 0777) == 0)
        return MWN_OK;
    if (errno == EEXIST && mwn_path_is_dir(path))
        return MWN_OK;
    return fail_errno(err, path, "cannot make the folder");
}

mwn_status mwn_path_make_dir(const char *path, struct mwn_error *err)
{
    char *part = mwn_strdup(path);
    if (part == NULL)
        return mwn_fail_memory(err, strlen(path), "a file name");
    mwn_status status = MWN_OK;
    for (char *at = part; *at != '\0' && status == MWN_OK; at++) {
        if (*at != '/' || at == part || at[-1] == '/')
            continue;
        *at = '\0';
        status = make_one_dir(part, err);
        *at = '/';
    }
    if (status == MWN_OK)
        status = make_one_dir(part, err);
    mwn_free(part);
    return status;
}

mwn_status mwn_path_rename(const char *from, const char *to, struct mwn_error *err)
{
    if (io_fails() || rename(from, to) != 0)
        return fail_errno(err, to, "cannot rename a file to this");
    sync_folder(to);
    return MWN_OK;
}

/* Removes the files in a folder. */
static mwn_status empty_folder(const char *dir, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    DIR *stream = io_fails() ? NULL : opendir(dir);
    if (stream == NULL)
        return fail_errno(err, dir, "cannot read the folder");
    for (const struct dirent *item = readdir(stream); item != NULL && status == MWN_OK;
         item = readdir(stream)) {
        bool is_file = strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
        if (is_file && (io_fails() || unlinkat(dirfd(stream), item->d_name, 0) != 0))
            status = fail_errno(err, dir, "cannot empty the folder");
    }
    (void)closedir(stream);
    return status;
}

mwn_status mwn_path_remove(const char *path, struct mwn_error *err)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return MWN_OK;
    if (S_ISDIR(info.st_mode)) {
        mwn_status status = empty_folder(path, err);
        if (status != MWN_OK)
            return status;
    }
    if (io_fails() || remove(path) != 0)
        return fail_errno(err, path, "cannot remove");
    return MWN_OK;
}

size_t mwn_path_size(const char *path)
{
    struct stat info;
    bool known = stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    return known ? (size_t)info.st_size : 0;
}

mwn_status mwn_path_lock(const char *dir, int *lock, struct mwn_error *err)
{
    int fd = io_fails() ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, dir, "cannot open the folder");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(fd);
        *lock = MWN_LOCK_TAKEN;
        mwn_fail(err, MWN_ERR_IO, "%s: another process is working in this folder", dir);
        return mwn_hint(err, "wait for it, or choose another folder");
    }
    /* A file system without locks is no reason to refuse. */
    *lock = fd;
    return MWN_OK;
}

void mwn_path_unlock(int lock)
{
    if (lock >= 0)
        (void)close(lock);
}

char *mwn_path_join(const char *dir, const char *name)
{
    size_t size = strlen(dir), more = strlen(name);
    bool slash = size > 0 && dir[size - 1] != '/';
    char *path = mwn_alloc(size + more + 2, 1);
    if (path == NULL)
        return NULL;
    memcpy(path, dir, size);
    if (slash)
        path[size++] = '/';
    memcpy(path + size, name, more);
    return path;
}

char *mwn_path_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, size = strlen(name);
    char *beside = mwn_alloc(folder + size + 1, 1);
    if (beside == NULL)
        return NULL;
    memcpy(beside, path, folder);
    memcpy(beside + folder, name, size);
    return beside;
}

mwn_status mwn_path_check_file(const char *path, struct mwn_error *err)
{
    struct stat info;
    if (io_fails() || stat(path, &info) != 0)
        return fail_errno(err, path, "cannot open");
    if (S_ISREG(info.st_mode))
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_IO, "%s: is %s, not a file", path,
                    S_ISDIR(info.st_mode) ? "a folder" : "something else");
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Appends a copy; `room` is that of the array. */
static bool add_name(struct mwn_names *names, size_t *room, const char *name)
{
    if (names->count == *room) {
        size_t more = *room == 0 ? 16 : *room * 2;
        char **grown = mwn_resize(names->name, more, sizeof(*grown));
        if (grown == NULL)
            return false;
        names->name = grown;
        *room = more;
    }
    names->name[names->count] = mwn_strdup(name);
    return names->name[names->count] != NULL && ++names->count > 0;
}

mwn_status mwn_path_list(const char *dir, struct mwn_names *out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_names names = {0};
    size_t room = 0;
    DIR *folder = io_fails() ? NULL : opendir(dir);
    if (folder == NULL)
        return fail_errno(err, dir, "cannot open the folder");
    for (;;) {
        errno = 0;
        struct dirent *entry = io_fails() ? NULL : readdir(folder);
        if (entry == NULL)
            break;
        if (entry->d_name[0] == '.')
            continue;
        if (!add_name(&names, &room, entry->d_name)) {
            status = mwn_fail_memory(err, room * sizeof(*names.name), "file names");
            goto out;
        }
    }
    if (errno != 0) {
        status = fail_errno(err, dir, "cannot read the folder");
        goto out;
    }
    if (names.count > 0)
        qsort(names.name, names.count, sizeof(*names.name), compare_names);
    *out = names;
    names = (struct mwn_names){0};
out:
    (void)closedir(folder);
    mwn_names_release(&names);
    return status;
}

void mwn_names_release(struct mwn_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mwn_free(names->name[i]);
    mwn_free(names->name);
    *names = (struct mwn_names){0};
}

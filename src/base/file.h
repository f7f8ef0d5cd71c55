/* file.h - whole-file reading (gzip too) and writing that is atomic: temporary file, fsync,
 * rename. A hook makes the n-th I/O call fail. */
#ifndef MWN_BASE_FILE_H
#define MWN_BASE_FILE_H

#include "base/base.h"

#include <stdio.h>

struct mwn_bytes {
    unsigned char *data; /* owned; one zero byte follows the last */
    size_t size;
};

/* Reads a file whole; one that starts with the gzip magic is unpacked on the way. More
 * than `limit` bytes (unpacked) is MWN_ERR_DATA; a folder, a missing or unreadable file is
 * MWN_ERR_IO; damaged gzip is MWN_ERR_DATA. */
MWN_MUST_CHECK mwn_status mwn_file_read(const char *path, size_t limit,
                                        struct mwn_bytes *out, struct mwn_error *err);
/* The same, but the bytes as they are: nothing is unpacked. */
MWN_MUST_CHECK mwn_status mwn_file_read_plain(const char *path, size_t limit,
                                              struct mwn_bytes *out, struct mwn_error *err);
void mwn_bytes_release(struct mwn_bytes *bytes);

/* Unpacks raw deflate data, as zip files have them; *good says whether they are whole and give
 * exactly `size` bytes. MWN_ERR_MEMORY. */
MWN_MUST_CHECK mwn_status mwn_inflate(const void *in, size_t packed, void *out, size_t size,
                                      bool *good, struct mwn_error *err);
/* The checksum of gzip and zip files. */
uint32_t mwn_crc32(const void *bytes, size_t size);

/* A file that is read in parts, from several threads at once if need be. Zero-initialise it. */
struct mwn_input {
    char *path; /* owned */
    int fd;     /* only where path is there */
    size_t size;
    void *map; /* the whole file in the address space, or NULL */
};

/* MWN_ERR_IO if it is a folder, missing or unreadable. */
MWN_MUST_CHECK mwn_status mwn_input_open(struct mwn_input *input, const char *path,
                                         struct mwn_error *err);
/* Exactly `size` bytes from `offset` on. MWN_ERR_IO, MWN_ERR_DATA if the file ends before. */
MWN_MUST_CHECK mwn_status mwn_input_read(const struct mwn_input *input, size_t offset,
                                         void *out, size_t size, struct mwn_error *err);
/* Maps the file and gives its first byte; valid until close. NULL if that cannot be (no address
 * space left, for example): reading still works. So it is for a file that takes most of the
 * memory: a touch in a mapped file reads its surroundings too. The file must not be cut while it is
 * mapped. */
const void *mwn_input_map(struct mwn_input *input);
/* Safe on a zeroed one. */
void mwn_input_close(struct mwn_input *input);

/* A file being written beside its final name; that of a link's target, for a link. What is there
 * and no file, a device or a pipe, is written straight into. */
struct mwn_writer {
    FILE *stream;
    char *path, *temporary; /* owned; temporary is NULL for a device or a pipe */
    bool failed;
    int reason; /* errno of the first failure */
};

MWN_MUST_CHECK mwn_status mwn_writer_open(struct mwn_writer *writer, const char *path,
                                          struct mwn_error *err);
/* A failure is remembered and reported by commit. */
void mwn_writer_add(struct mwn_writer *writer, const void *bytes, size_t size);
/* Flushes, fsyncs, renames over the final name, fsyncs the folder. On failure the old file
 * stays as it was and the temporary one is removed. Releases the writer either way. */
MWN_MUST_CHECK mwn_status mwn_writer_commit(struct mwn_writer *writer,
                                            struct mwn_error *err);
/* Gives up: removes the temporary file. Safe on a zeroed or committed writer. */
void mwn_writer_discard(struct mwn_writer *writer);

/* The two above in one call. */
MWN_MUST_CHECK mwn_status mwn_file_write(const char *path, const void *bytes, size_t size,
                                         struct mwn_error *err);
/* Appends one line and flushes it to the disk. */
MWN_MUST_CHECK mwn_status mwn_file_append(const char *path, const char *line,
                                          struct mwn_error *err);

/* Writes bytes at an offset of a file, which is made if it is not there and grows if need be,
 * and flushes them to the disk. Not atomic: for files whose readers know how much of them
 * counts. A file that has grown before a failure is cut back. */
MWN_MUST_CHECK mwn_status mwn_file_patch(const char *path, size_t offset, const void *bytes,
                                         size_t size, struct mwn_error *err);
/* Cuts a file down to so many bytes; one that is shorter stays as it is. */
MWN_MUST_CHECK mwn_status mwn_file_cut(const char *path, size_t size,
                                       struct mwn_error *err);

/* A file mapped into memory for reading: only the pages that are looked at are read. */
struct mwn_mapping {
    const unsigned char *data; /* NULL if the file is empty */
    size_t size;
};
MWN_MUST_CHECK mwn_status mwn_file_map(const char *path, struct mwn_mapping *out,
                                       struct mwn_error *err);
/* Safe on a zeroed mapping. */
void mwn_file_unmap(struct mwn_mapping *mapping);

bool mwn_path_is_dir(const char *path);
bool mwn_path_exists(const char *path);
/* Whether both lead to one file or folder. */
bool mwn_path_is_same(const char *a, const char *b);
/* Whether a path ends so, upper or lower case. */
bool mwn_path_has_end(const char *path, const char *end);
/* Makes a folder and its parents; an existing one is fine. */
MWN_MUST_CHECK mwn_status mwn_path_make_dir(const char *path, struct mwn_error *err);
/* Whether this is a file that can be looked at, links followed: MWN_ERR_IO says why not. */
MWN_MUST_CHECK mwn_status mwn_path_check_file(const char *path, struct mwn_error *err);
/* Gives a file or folder another name in the same file system, at once and for good; a file
 * of that name is replaced, a folder must not be there. */
MWN_MUST_CHECK mwn_status mwn_path_rename(const char *from, const char *to,
                                          struct mwn_error *err);
/* Removes a file, or a folder with the files in it (but not with folders). Nothing there is
 * fine. */
mwn_status mwn_path_remove(const char *path, struct mwn_error *err);
/* Size of a file in bytes; 0 if there is none. */
size_t mwn_path_size(const char *path);
/* Keeps others that ask for the same off a folder until mwn_path_unlock(); MWN_ERR_IO if somebody
 * has it, *lock being MWN_LOCK_TAKEN then. */
enum { MWN_LOCK_NONE = -1, MWN_LOCK_TAKEN = -2 };
MWN_MUST_CHECK mwn_status mwn_path_lock(const char *dir, int *lock, struct mwn_error *err);
/* A negative lock is fine. */
void mwn_path_unlock(int lock);
/* "dir/name"; NULL if memory is out. Freed by mwn_free(). */
char *mwn_path_join(const char *dir, const char *name);
/* The path of a file of that name in the folder of `path`; the same otherwise. */
char *mwn_path_beside(const char *path, const char *name);

/* The names in a folder. */
struct mwn_names {
    char **name; /* owned [count], owned texts */
    size_t count;
};

/* All names but those that begin with a dot, sorted byte by byte. */
MWN_MUST_CHECK mwn_status mwn_path_list(const char *dir, struct mwn_names *out,
                                        struct mwn_error *err);
void mwn_names_release(struct mwn_names *names);

/* Test hook: the n-th I/O call from now on (1 = the next) and all later ones fail as if
 * the disk were full; 0 switches it off. */
void mwn_file_fail_after(uint64_t n);
/* The same for the n-th one alone. */
void mwn_file_fail_once(uint64_t n);

/* I/O calls that the hook has counted since the process began. */
uint64_t mwn_file_count(void);

#endif

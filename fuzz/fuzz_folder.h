/* fuzz_folder.h - a folder of its own for a target whose reader wants files; removed at exit. */
#ifndef MWN_FUZZ_FOLDER_H
#define MWN_FUZZ_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/mwn-fuzz-XXXXXX";

/* The path of a file in the folder, until the next call. */
static inline char *path_of(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline void put(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static inline int remove_one(const char *path, const struct stat *info, int type,
                             struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

/* Removes a folder of it and all that is in that. */
static inline void remove_tree(const char *path)
{
    if (nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        abort();
}

static inline void remove_folder(void)
{
    remove_tree(folder);
}

/* inner: a folder in it, or NULL. */
static inline void make_folder(const char *inner)
{
    if (!mkdtemp(folder) || atexit(remove_folder) != 0 ||
        (inner && mkdir(path_of(inner), 0755) != 0))
        abort();
}

#endif

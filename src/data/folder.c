/* folder.c - reader of image folders: each class is a folder of JPEG and PNG files.
 *
 *   PATH/CLASS/..                     one part, from which test and meta sets are taken
 *   PATH/{train,test,val,meta}/CLASS/..   each part in a folder of its own
 *
 * Classes are numbered in the order of their names. Files may lie deeper than their class. */
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_source.h"

#include <string.h>

/* A link that leads back into its own folder is met again and again; so deep nobody sorts. */
enum { DEPTH_MAX = 16 };

/* What the folders of the parts are called. */
static const char *const part_folders[][4] = {
    [MWN_PART_TRAIN] = {"train", "training"},
    [MWN_PART_TEST] = {"test", "testing"},
    [MWN_PART_META] = {"meta"},
    [MWN_PART_VALID] = {"validation", "val", "valid"},
};

/* ---- Folders ------------------------------------------------------------------------ */

/* Whether a folder holds folders. */
static mwn_status has_folders(const char *dir, bool *has, struct mwn_error *err)
{
    struct mwn_names names = {0};
    mwn_status status = mwn_path_list(dir, &names, err);
    *has = false;
    for (size_t i = 0; i < names.count && !*has && status == MWN_OK; i++) {
        char *path = mwn_path_join(dir, names.name[i]);
        if (!path)
            status = mwn_fail_memory(err, strlen(dir), "a path");
        *has = path && mwn_path_is_dir(path);
        mwn_free(path);
    }
    mwn_names_release(&names);
    return status;
}

/* The folder of a part in path, freed by mwn_free(); *out is NULL if there is none. It has to
 * hold folders, for "train" may be a class as well. */
static mwn_status find_part(const char *path, enum mwn_part part, char **out,
                            struct mwn_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < MWN_COUNT(part_folders[0]) && part_folders[part][i]; i++) {
        bool has = false;
        char *dir = mwn_path_join(path, part_folders[part][i]);
        if (!dir)
            return mwn_fail_memory(err, strlen(path), "a path");
        mwn_status status = mwn_path_is_dir(dir) ? has_folders(dir, &has, err) : MWN_OK;
        if (status == MWN_OK && has) {
            *out = dir;
            return MWN_OK;
        }
        mwn_free(dir);
        if (status != MWN_OK)
            return status;
    }
    return MWN_OK;
}

static bool folder_has(const struct mwn_data_options *options, enum mwn_part part)
{
    char *dir = NULL;
    if (part == MWN_PART_TRAIN)
        return true;
    bool has = find_part(options->path, part, &dir, NULL) == MWN_OK && dir;
    mwn_free(dir);
    return has;
}

/* ---- Files -------------------------------------------------------------------------- */

/* One part being read. */
struct walk {
    const struct mwn_data_options *options;
    const char *root; /* of the source: paths are relative to it */
    struct mwn_image_list list;
    int32_t label;
};

static mwn_status add_file(struct walk *walk, const char *path, struct mwn_error *err)
{
    const char *relative = path + strlen(walk->root);
    relative += strspn(relative, "/");
    if (mwn_image_has_suffix(path))
        return mwn_image_list_add(&walk->list, relative, walk->label, 1, err);
    if (!mwn_image_has_other_suffix(path))
        return MWN_OK;
    walk->list.skipped++;
    if (walk->options->damaged)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA, "%s: images must be JPEG or PNG files", path);
    return mwn_hint(err, "convert it, or leave such files out by data.damaged=skip");
}

/* Adds the files in a folder and those below it. */
static mwn_status walk_folder(struct walk *walk, const char *dir, int depth,
                              struct mwn_error *err)
{
    struct mwn_names names = {0};
    if (depth > DEPTH_MAX) {
        mwn_fail(err, MWN_ERR_DATA, "%.160s..: folders are more than %d deep", dir,
                 DEPTH_MAX);
        return mwn_hint(err, "a symbolic link may lead back to its own folder");
    }
    mwn_status status = mwn_path_list(dir, &names, err);
    for (size_t i = 0; i < names.count && status == MWN_OK; i++) {
        char *path = mwn_path_join(dir, names.name[i]);
        if (!path)
            status = mwn_fail_memory(err, strlen(dir), "a path");
        else if (!mwn_image_has_suffix(path) && mwn_path_is_dir(path))
            status = walk_folder(walk, path, depth + 1, err);
        else
            status = add_file(walk, path, err);
        mwn_free(path);
    }
    mwn_names_release(&names);
    return status;
}

/* Keeps of the names those of folders. */
static mwn_status keep_folders(const char *dir, struct mwn_names *names,
                               struct mwn_error *err)
{
    size_t kept = 0;
    mwn_status status = MWN_OK;
    for (size_t i = 0; i < names->count; i++) {
        char *path = status == MWN_OK ? mwn_path_join(dir, names->name[i]) : NULL;
        if (!path && status == MWN_OK)
            status = mwn_fail_memory(err, strlen(dir), "a path");
        if (path && mwn_path_is_dir(path))
            names->name[kept++] = names->name[i];
        else
            mwn_free(names->name[i]);
        mwn_free(path);
    }
    names->count = kept;
    return status;
}

static mwn_status fail_class(const char *dir, const char *name, int classes,
                             struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s/%s: is none of the training set's %d classes", dir,
             name, classes);
    return mwn_hint(err, "classes go by the names of their folders");
}

/* The files of every class below dir. A folder without folders holds files without labels. */
static mwn_status read_classes(struct walk *walk, const char *dir,
                               const struct mwn_names *names,
                               const struct mwn_classes *classes, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (size_t i = 0; i < names->count && status == MWN_OK; i++) {
        size_t before = walk->list.n;
        walk->label = mwn_classes_find(classes, names->name[i]);
        if (walk->label < 0)
            return fail_class(dir, names->name[i], classes->count, err);
        char *path = mwn_path_join(dir, names->name[i]);
        status = path ? walk_folder(walk, path, 1, err)
                      : mwn_fail_memory(err, strlen(dir), "a path");
        if (status == MWN_OK && walk->list.n == before)
            status = mwn_fail(err, MWN_ERR_DATA, "%s: holds no JPEG or PNG files", path);
        mwn_free(path);
    }
    return status;
}

static mwn_status fail_empty(const char *dir, struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: has no folders, expected one for each class", dir);
    return mwn_hint(err, "the images of class cat belong into %s/cat", dir);
}

/* The folder of what is asked for, freed by mwn_free(). In a path of its own that may be the path
 * itself, and so may the training part, unless there are other parts beside it. */
static mwn_status find_dir(const struct mwn_request *request, char **dir,
                           struct mwn_error *err)
{
    static const enum mwn_part others[] = {MWN_PART_TEST, MWN_PART_VALID, MWN_PART_META};
    const char *path = request->path, *shared = request->options->path;
    bool own = !shared || strcmp(shared, path) != 0;
    char *other = NULL;
    mwn_status status = find_part(path, request->part, dir, err);
    for (size_t i = 0; i < MWN_COUNT(others) && status == MWN_OK && !*dir && !other; i++)
        status = find_part(path, others[i], &other, err);
    bool missing = request->part == MWN_PART_TRAIN ? other != NULL : !own;
    mwn_free(other);
    if (status != MWN_OK || *dir)
        return status;
    if (missing) {
        mwn_fail(err, MWN_ERR_IO, "%s: has no folder %s/ for the %s set", path,
                 part_folders[request->part][0], mwn_part_name(request->part));
        return MWN_ERR_IO;
    }
    *dir = mwn_strdup(path);
    if (*dir)
        return MWN_OK;
    mwn_fail_memory(err, strlen(path), "a path");
    return MWN_ERR_MEMORY;
}

static mwn_status folder_open(struct mwn_source *source, const struct mwn_request *request,
                              struct mwn_error *err)
{
    mwn_status status;
    struct walk walk = {.options = request->options, .root = request->path, .label = -1};
    struct mwn_names names = {0};
    struct mwn_classes classes = {0};
    char *dir = NULL;
    MWN_TRY(find_dir(request, &dir, err));
    MWN_TRY(mwn_path_list(dir, &names, err));
    MWN_TRY(keep_folders(dir, &names, err));
    bool flat = names.count == 0 && request->unlabelled;
    if (names.count == 0 && !flat)
        MWN_TRY(fail_empty(dir, err));
    if (request->schema)
        MWN_TRY(mwn_classes_parse(&classes, request->schema, err));
    else
        MWN_TRY(
            mwn_classes_copy(&classes, (const char *const *)names.name, names.count, err));
    if (flat)
        MWN_TRY(walk_folder(&walk, dir, 1, err));
    else
        MWN_TRY(read_classes(&walk, dir, &names, &classes, err));
    MWN_TRY(mwn_image_source_open(source, request->options, request->path, &walk.list,
                                  &classes, err));
out:
    mwn_image_list_release(&walk.list);
    mwn_classes_release(&classes);
    mwn_names_release(&names);
    mwn_free(dir);
    return status;
}

const struct mwn_reader mwn_reader_folder = {
    .name = "folder",
    .summary =
        "JPEG and PNG files, a folder for each class; perhaps in train/, test/, val/",
    .normalize = "imagenet",
    .open = folder_open,
    .close = mwn_image_source_close,
    .load = mwn_image_source_load,
    .hash = mwn_image_source_hash,
    .has = folder_has,
};

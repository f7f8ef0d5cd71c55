/* guess.c - guesses the reader from the names of files. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/guess.h"
#include "data/image_source.h"

#include <fnmatch.h>
#include <string.h>

enum { DEPTH = 3, SAMPLES = 3 };

/* Files of these names are data of this reader. */
static const struct {
    const char *pattern, *reader;
} file_rules[] = {
    {"*.csv", "csv"},       {"*.tsv", "csv"},         {"*.svm", "libsvm"},
    {"*.libsvm", "libsvm"}, {"*.svmlight", "libsvm"}, {"*.npy", "npy"},
    {"*.npz", "npy"},       {"*.txt", "list"},        {"*.lst", "list"},
    {"*.list", "list"},
};

/* Folders that hold files or folders of all these names; the first rule that fits counts. */
static const struct {
    const char *reader, *names[2];
} folder_rules[] = {
    {"idx", {"*-ubyte", NULL}},
    {"cifar10", {"data_batch_1.bin", NULL}},
    {"cifar10", {"cifar-10-batches-bin", NULL}},
    {"cifar100", {"train.bin", "fine_label_names.txt"}},
    {"cifar100", {"train.bin", "test.bin"}},
    {"cifar100", {"cifar-100-binary", NULL}},
    {"clothing1m", {"noisy_train_key_list.txt", "noisy_label_kv.txt"}},
    {"npy", {"X_train.npy", NULL}},
};

/* Whether a name fits a pattern, small letters or capitals, packed by gzip or not. */
static bool fits(const char *name, const char *pattern)
{
    char stem[256];
    size_t length = strlen(name);
    if (fnmatch(pattern, name, FNM_CASEFOLD) == 0)
        return true;
    if (length < 4 || length >= sizeof(stem) || strcmp(name + length - 3, ".gz") != 0)
        return false;
    memcpy(stem, name, length - 3);
    stem[length - 3] = '\0';
    return fnmatch(pattern, stem, FNM_CASEFOLD) == 0;
}

static bool holds(const struct mwn_names *names, const char *pattern)
{
    if (!pattern)
        return true;
    for (size_t i = 0; i < names->count; i++)
        if (fits(names->name[i], pattern))
            return true;
    return false;
}

/* Whether there are images in the folder's folders: of each, the first few are looked at. */
static mwn_status find_images(const char *dir, int depth, bool *found,
                              struct mwn_error *err)
{
    struct mwn_names names = {0};
    mwn_status status = mwn_path_list(dir, &names, err);
    int looked = 0;
    for (size_t i = 0; i < names.count && depth < DEPTH && !*found; i++)
        *found = mwn_image_has_suffix(names.name[i]);
    for (size_t i = 0; i < names.count && !*found && status == MWN_OK; i++) {
        char *path = mwn_path_join(dir, names.name[i]);
        if (!path)
            status = mwn_fail_memory(err, strlen(dir), "a path");
        else if (depth > 0 && looked < SAMPLES && mwn_path_is_dir(path)) {
            status = find_images(path, depth - 1, found, err);
            looked++;
        }
        mwn_free(path);
    }
    mwn_names_release(&names);
    return status;
}

/* ANIMAL-10N: the folder training/ holds images like 3_12345.jpg. */
static mwn_status find_animals(const char *dir, const struct mwn_names *names, bool *found,
                               struct mwn_error *err)
{
    struct mwn_names inside = {0};
    *found = false;
    if (!holds(names, "training") || !holds(names, "testing"))
        return MWN_OK;
    char *path = mwn_path_join(dir, "training");
    if (!path)
        return mwn_fail_memory(err, strlen(dir), "a path");
    mwn_status status = mwn_path_list(path, &inside, err);
    *found = inside.count > 0 && fits(inside.name[0], "[0-9]_*.*");
    mwn_names_release(&inside);
    mwn_free(path);
    return status;
}

static mwn_status guess_folder(const char *dir, const char **name, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_names names = {0};
    bool animals = false, images = false;
    MWN_TRY(mwn_path_list(dir, &names, err));
    for (size_t i = 0; i < MWN_COUNT(folder_rules) && !*name; i++)
        if (holds(&names, folder_rules[i].names[0]) &&
            holds(&names, folder_rules[i].names[1]))
            *name = folder_rules[i].reader;
    if (!*name)
        MWN_TRY(find_animals(dir, &names, &animals, err));
    if (!*name && !animals)
        MWN_TRY(find_images(dir, DEPTH, &images, err));
    if (animals || images)
        *name = animals ? "animal10n" : "folder";
out:
    mwn_names_release(&names);
    return status;
}

mwn_status mwn_reader_guess(const char *path, const char **name, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *slash = strrchr(path, '/'), *found = NULL;
    if (mwn_path_is_dir(path))
        status = guess_folder(path, &found, err);
    else
        status = mwn_path_check_file(path, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < MWN_COUNT(file_rules) && !found; i++)
        if (fits(slash ? slash + 1 : path, file_rules[i].pattern))
            found = file_rules[i].reader;
    if (found) {
        *name = found;
        return MWN_OK;
    }
    mwn_fail(err, MWN_ERR_CONFIG, "%s: cannot tell what kind of data this is", path);
    return mwn_hint(err, "for a table say data.reader=csv; 'mwnet list readers' shows all");
}

mwn_status mwn_reader_choose(const struct mwn_data_options *options,
                             const struct mwn_reader **out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *name = options->reader;
    bool is_auto = name && strcmp(name, "auto") == 0;
    if (is_auto && (!options->path || !*options->path)) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.path: the folder of the data is not given");
        return mwn_hint(err, "add data.path=FOLDER");
    }
    if (is_auto)
        status = mwn_reader_guess(options->path, &name, err);
    if (status != MWN_OK)
        return status;
    *out = mwn_reader_find(name, err);
    return *out ? MWN_OK : MWN_ERR_CONFIG;
}

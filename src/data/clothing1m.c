/* clothing1m.c - reader of Clothing1M (Xiao et al., CVPR 2015) as it is published.
 *
 *   noisy_train_key_list.txt   the keys of the training part, one a line
 *   noisy_label_kv.txt         "key label" of every one of them, and more
 *   clean_train_key_list.txt, clean_val_key_list.txt, clean_test_key_list.txt
 *   clean_label_kv.txt         the same for the parts META, VALID and TEST
 *
 * in the data's folder or in its folder annotations/. A key is the path of an image in the data's
 * folder, commas included: images/7/90/3026417390,2573516907.jpg. */
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_source.h"
#include "data/key_file.h"

#include <stdlib.h>
#include <string.h>

static const char *const class_names[] = {
    "T-shirt", "Shirt",    "Knitwear", "Chiffon", "Sweater", "Hoodie", "Windbreaker",
    "Jacket",  "Downcoat", "Suit",     "Shawl",   "Dress",   "Vest",   "Underwear"};

struct part_files {
    const char *keys, *labels;
};

static const struct part_files part_files[] = {
    [MWN_PART_TRAIN] = {"noisy_train_key_list.txt", "noisy_label_kv.txt"},
    [MWN_PART_TEST] = {"clean_test_key_list.txt", "clean_label_kv.txt"},
    [MWN_PART_META] = {"clean_train_key_list.txt", "clean_label_kv.txt"},
    [MWN_PART_VALID] = {"clean_val_key_list.txt", "clean_label_kv.txt"},
};

/* The labels of a key-value file, sorted by key. */
struct labels {
    struct mwn_key_file file;
    struct pair {
        const char *key; /* in the file's bytes */
        int32_t label;
    } * pair; /* owned [n] */
    size_t n, room;
};

/* ---- Files -------------------------------------------------------------------------- */

/* Where a file is: in path or in its folder annotations/. *out is freed by mwn_free(). */
static mwn_status find_file(const char *path, const char *name, char **out,
                            struct mwn_error *err)
{
    char *dir = mwn_path_join(path, "annotations");
    char *deeper = dir ? mwn_path_join(dir, name) : NULL;
    *out = mwn_path_join(path, name);
    mwn_status status = MWN_OK;
    if (!deeper || !*out)
        status = mwn_fail_memory(err, strlen(path), "a path");
    else if (!mwn_path_exists(*out) && mwn_path_exists(deeper)) {
        mwn_free(*out);
        *out = deeper;
        deeper = NULL;
    }
    mwn_free(deeper);
    mwn_free(dir);
    return status;
}

static mwn_status open_file(struct mwn_key_file *file, const char *path, const char *name,
                            struct mwn_error *err)
{
    char *full = NULL;
    mwn_status status = find_file(path, name, &full, err);
    if (status == MWN_OK)
        status = mwn_key_file_open(file, full, ' ', err);
    mwn_free(full);
    return status;
}

static bool clothing1m_has(const struct mwn_data_options *options, enum mwn_part part)
{
    char *full = NULL;
    bool has = part == MWN_PART_TRAIN || part == MWN_PART_TEST;
    if (!has && find_file(options->path, part_files[part].keys, &full, NULL) == MWN_OK)
        has = mwn_path_exists(full);
    mwn_free(full);
    return has;
}

/* ---- Labels ------------------------------------------------------------------------- */

static int compare_pairs(const void *left, const void *right)
{
    return strcmp(((const struct pair *)left)->key, ((const struct pair *)right)->key);
}

static mwn_status add_pair(struct labels *labels, struct mwn_error *err)
{
    const struct mwn_key_file *file = &labels->file;
    char *end = NULL;
    long label = file->count == 2 ? strtol(file->field[1], &end, 10) : -1;
    if (!end || *end || label < 0 || label >= (long)MWN_COUNT(class_names)) {
        mwn_fail(err, MWN_ERR_DATA, "expected a key and a label 0 .. %zu",
                 MWN_COUNT(class_names) - 1);
        return mwn_key_file_context(file, err);
    }
    if (labels->n == labels->room) {
        size_t room = labels->room ? 2 * labels->room : 1024;
        struct pair *grown = mwn_resize(labels->pair, room, sizeof(*grown));
        if (!grown)
            return mwn_fail_memory(err, room * sizeof(*grown), "labels");
        labels->pair = grown;
        labels->room = room;
    }
    labels->pair[labels->n++] = (struct pair){file->field[0], (int32_t)label};
    return MWN_OK;
}

static mwn_status read_labels(struct labels *labels, const char *path, const char *name,
                              struct mwn_error *err)
{
    mwn_status status = open_file(&labels->file, path, name, err);
    while (status == MWN_OK && mwn_key_file_next(&labels->file))
        status = add_pair(labels, err);
    if (status == MWN_OK && labels->n > 0)
        qsort(labels->pair, labels->n, sizeof(*labels->pair), compare_pairs);
    return status;
}

/* ---- Keys --------------------------------------------------------------------------- */

/* The label of a key, -1 if it has none. */
static int32_t find_label(const struct labels *labels, const char *key)
{
    const struct pair wanted = {key, 0};
    const struct pair *found = NULL;
    if (labels->n > 0)
        found = bsearch(&wanted, labels->pair, labels->n, sizeof(wanted), compare_pairs);
    return found ? found->label : -1;
}

static mwn_status add_key(const struct mwn_key_file *keys, const struct labels *labels,
                          const struct mwn_request *request, struct mwn_image_list *list,
                          struct mwn_error *err)
{
    mwn_status status;
    char *full = NULL;
    int32_t label = keys->count == 1 ? find_label(labels, keys->field[0]) : -1;
    if (label < 0) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s has no label for the key '%.80s'",
                          labels->file.path, keys->field[0]);
        goto out;
    }
    MWN_TRY(mwn_image_path_clean(request->path, keys->field[0], err));
    full = mwn_path_join(request->path, keys->field[0]);
    if (!full) {
        status = mwn_fail_memory(err, strlen(request->path), "a path");
        goto out;
    }
    if (request->options->damaged && !mwn_path_exists(full)) {
        list->skipped++;
        goto out;
    }
    MWN_TRY(mwn_path_check_file(full, err));
    MWN_TRY(mwn_image_list_add(list, keys->field[0], label, 1, err));
out:
    mwn_free(full);
    if (status != MWN_OK && status != MWN_ERR_MEMORY)
        (void)mwn_key_file_context(keys, err);
    return status;
}

static mwn_status clothing1m_open(struct mwn_source *source,
                                  const struct mwn_request *request, struct mwn_error *err)
{
    mwn_status status;
    const struct part_files *files = &part_files[request->part];
    struct labels labels = {0};
    struct mwn_key_file keys = {0};
    struct mwn_image_list list = {0};
    struct mwn_classes classes = {0};
    MWN_TRY(read_labels(&labels, request->path, files->labels, err));
    MWN_TRY(open_file(&keys, request->path, files->keys, err));
    while (mwn_key_file_next(&keys))
        MWN_TRY(add_key(&keys, &labels, request, &list, err));
    MWN_TRY(mwn_classes_copy(&classes, class_names, MWN_COUNT(class_names), err));
    MWN_TRY(mwn_image_source_open(source, request->options, request->path, &list, &classes,
                                  err));
out:
    mwn_image_list_release(&list);
    mwn_classes_release(&classes);
    mwn_key_file_close(&keys);
    mwn_free(labels.pair);
    mwn_key_file_close(&labels.file);
    return status;
}

const struct mwn_reader mwn_reader_clothing1m = {
    .name = "clothing1m",
    .summary = "Clothing1M: images/ and the published lists of keys and labels",
    .normalize = "imagenet",
    .open = clothing1m_open,
    .close = mwn_image_source_close,
    .load = mwn_image_source_load,
    .hash = mwn_image_source_hash,
    .has = clothing1m_has,
};

/* list.c - reader of list files: the path of an image, its label and perhaps a weight on each
 * line, between blanks, tabs or commas.
 *
 * A first line that names its columns (path, label, weight or the like) may put them into another
 * order. Labels are whole numbers or names. Paths start at the folder of the list, or at
 * data.root, and have to stay below it. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_source.h"
#include "data/key_file.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { NONE = MWN_KEY_FIELDS };

/* One image as its line states it; texts are in the file's bytes. */
struct row {
    const char *path, *label;
    double weight;
    size_t line;
};

struct list {
    const struct mwn_request *request; /* borrowed */
    struct mwn_key_file file;
    char *root;                 /* owned */
    size_t path, label, weight; /* numbers of their columns, NONE if there is none */
    size_t columns;             /* of every line; 0: not known yet                 */
    struct row *row;            /* owned [n] */
    size_t n, room;
    size_t missing; /* files that are not there, with damaged=skip */
};

/* ---- Columns ------------------------------------------------------------------------ */

/* The field whose text is one of the names, NONE if there is none. */
static size_t find_column(const struct mwn_key_file *file, const char *const *names)
{
    for (; *names; names++)
        for (size_t i = 0; i < file->count && i < MWN_KEY_FIELDS; i++)
            if (strcasecmp(file->field[i], *names) == 0)
                return i;
    return NONE;
}

/* Whether the first line names columns; they are noted. */
static bool read_header(struct list *list)
{
    static const char *const paths[] = {"path",       "file", "filename",   "file_name",
                                        "image",      "img",  "image_path", "filepath",
                                        "image_name", NULL};
    static const char *const labels[] = {"label", "class", "target", "category", NULL};
    static const char *const weights[] = {"weight", NULL};
    size_t path = find_column(&list->file, paths);
    if (path == NONE)
        return false;
    size_t label = find_column(&list->file, labels);
    list->path = path;
    list->weight = find_column(&list->file, weights);
    list->columns = list->file.count;
    if (label == NONE && list->weight == NONE && list->columns == 2)
        label = 1 - path;
    list->label = label;
    return true;
}

/* Without names: path, label, weight. */
static mwn_status guess_columns(struct list *list, struct mwn_error *err)
{
    size_t count = list->file.count;
    bool unlabelled = list->request->unlabelled;
    if (count > 3 || (count < 2 && !unlabelled)) {
        mwn_fail(err, MWN_ERR_DATA, "has %zu fields, expected 'path label [weight]'",
                 count);
        return mwn_hint(err, "other columns need a first line that names them, path and "
                             "label among them");
    }
    list->path = 0;
    list->label = count > 1 ? 1 : NONE;
    list->weight = count > 2 ? 2 : NONE;
    list->columns = count;
    return MWN_OK;
}

/* ---- Lines -------------------------------------------------------------------------- */

static mwn_status read_weight(const char *text, double *out, struct mwn_error *err)
{
    if (mwn_text_real(text, out) && *out >= 0 && *out <= 1e30)
        return MWN_OK;
    return mwn_fail(err, MWN_ERR_DATA, "the weight is '%.40s', expected a number >= 0",
                    text);
}

/* The file has to be there; *missing says that it is not, if such are left out. */
static mwn_status check_file(const struct list *list, const char *path, bool *missing,
                             struct mwn_error *err)
{
    char *name = mwn_path_join(list->root, path);
    if (!name)
        return mwn_fail_memory(err, strlen(path), "a path");
    *missing = list->request->options->damaged && !mwn_path_exists(name);
    mwn_status status = *missing ? MWN_OK : mwn_path_check_file(name, err);
    mwn_free(name);
    return status;
}

static mwn_status add_row(struct list *list, const struct row *row, struct mwn_error *err)
{
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        struct row *grown = mwn_resize(list->row, room, sizeof(*grown));
        if (!grown)
            return mwn_fail_memory(err, room * sizeof(*grown), "a list of images");
        list->row = grown;
        list->room = room;
    }
    list->row[list->n++] = *row;
    return MWN_OK;
}

static mwn_status take_line(struct list *list, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_key_file *file = &list->file;
    struct row row = {.weight = 1, .line = file->line};
    bool missing = false;
    if (list->columns == 0)
        MWN_TRY(guess_columns(list, err));
    if (file->count != list->columns) {
        status = mwn_fail(err, MWN_ERR_DATA, "has %zu fields, expected %zu as before",
                          file->count, list->columns);
        goto out;
    }
    MWN_TRY(mwn_image_path_clean(list->root, file->field[list->path], err));
    row.path = file->field[list->path];
    row.label = list->label != NONE ? file->field[list->label] : NULL;
    if (row.label && !*row.label)
        row.label = NULL;
    if (!row.label && !list->request->unlabelled) {
        status = mwn_fail(err, MWN_ERR_DATA, "there is no label");
        goto out;
    }
    if (list->weight != NONE)
        MWN_TRY(read_weight(file->field[list->weight], &row.weight, err));
    MWN_TRY(check_file(list, row.path, &missing, err));
    list->missing += missing;
    if (!missing)
        MWN_TRY(add_row(list, &row, err));
out:
    if (status != MWN_OK && status != MWN_ERR_MEMORY)
        (void)mwn_key_file_context(file, err);
    return status;
}

static mwn_status take_lines(struct list *list, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    bool first = true;
    while (status == MWN_OK && mwn_key_file_next(&list->file)) {
        if (!first || !read_header(list))
            status = take_line(list, err);
        if (first && status == MWN_OK && list->columns > MWN_KEY_FIELDS)
            status = mwn_fail(err, MWN_ERR_DATA, "%s: has more than %d columns",
                              list->file.path, MWN_KEY_FIELDS);
        first = false;
    }
    return status;
}

/* ---- Classes ------------------------------------------------------------------------ */

static mwn_status find_classes(const struct list *list, struct mwn_classes *classes,
                               struct mwn_error *err)
{
    if (list->request->schema)
        return mwn_classes_parse(classes, list->request->schema, err);
    const char **label = mwn_alloc(list->n, sizeof(*label));
    if (!label)
        return mwn_fail_memory(err, list->n * sizeof(*label), "labels");
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (list->row[i].label)
            label[n++] = list->row[i].label;
    mwn_status status = mwn_classes_collect(classes, label, n, err);
    mwn_free(label);
    if (status == MWN_ERR_DATA)
        (void)mwn_context(err, "%s", list->file.path);
    return status;
}

static mwn_status fail_label(const struct list *list, const struct row *row,
                             const struct mwn_classes *classes, struct mwn_error *err)
{
    if (classes->numbers)
        return mwn_fail(err, MWN_ERR_DATA,
                        "%.100s:%zu: the label is '%.40s', expected 0 .. %d",
                        list->file.path, row->line, row->label, classes->count - 1);
    return mwn_fail(
        err, MWN_ERR_DATA,
        "%.100s:%zu: the label '%.40s' is none of the training set's %d classes",
        list->file.path, row->line, row->label, classes->count);
}

static mwn_status label_rows(const struct list *list, const struct mwn_classes *classes,
                             struct mwn_image_list *out, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (size_t i = 0; i < list->n && status == MWN_OK; i++) {
        const struct row *row = &list->row[i];
        int label = row->label ? mwn_classes_find(classes, row->label) : -1;
        if (row->label && label < 0)
            return fail_label(list, row, classes, err);
        status = mwn_image_list_add(out, row->path, label, (float)row->weight, err);
    }
    out->skipped = list->missing;
    return status;
}

/* ---- The reader --------------------------------------------------------------------- */

/* data.root, or the folder that the list is in. Freed by mwn_free(). */
static char *find_root(const struct mwn_request *request)
{
    const char *root = request->options->root;
    if (root && *root)
        return mwn_strdup(root);
    const char *slash = strrchr(request->path, '/');
    char *folder = mwn_strdup(slash ? request->path : ".");
    if (folder && slash)
        folder[slash == request->path ? 1 : slash - request->path] = '\0';
    return folder;
}

static mwn_status list_open(struct mwn_source *source, const struct mwn_request *request,
                            struct mwn_error *err)
{
    mwn_status status;
    struct list list = {.request = request};
    struct mwn_image_list images = {0};
    struct mwn_classes classes = {0};
    MWN_TRY(mwn_key_file_open(&list.file, request->path, 0, err));
    list.root = find_root(request);
    if (!list.root) {
        status = mwn_fail_memory(err, strlen(request->path), "a path");
        goto out;
    }
    MWN_TRY(take_lines(&list, err));
    MWN_TRY(find_classes(&list, &classes, err));
    MWN_TRY(label_rows(&list, &classes, &images, err));
    MWN_TRY(
        mwn_image_source_open(source, request->options, list.root, &images, &classes, err));
out:
    mwn_image_list_release(&images);
    mwn_classes_release(&classes);
    mwn_free(list.row);
    mwn_free(list.root);
    mwn_key_file_close(&list.file);
    return status;
}

const struct mwn_reader mwn_reader_list = {
    .name = "list",
    .summary =
        "JPEG and PNG files that a list names: path, label and perhaps weight a line",
    .normalize = "imagenet",
    .single = true,
    .open = list_open,
    .close = mwn_image_source_close,
    .load = mwn_image_source_load,
    .hash = mwn_image_source_hash,
};

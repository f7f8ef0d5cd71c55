/* animal10n.c - reader of ANIMAL-10N (Song et al., SELFIE, ICML 2019): the folders training/ and
 * testing/, whose files' names begin with the label: 3_12345.jpg. */
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/image_source.h"

#include <string.h>

static const char *const class_names[] = {"cat",     "lynx",      "wolf",       "coyote",
                                          "cheetah", "jaguar",    "chimpanzee", "orangutan",
                                          "hamster", "guinea pig"};

/* The digit before the underscore; -1 if the name has no such. */
static int label_of(const char *name)
{
    return name[0] >= '0' && name[0] <= '9' && name[1] == '_' ? name[0] - '0' : -1;
}

static mwn_status add_files(const char *path, const char *part, struct mwn_image_list *list,
                            struct mwn_error *err)
{
    struct mwn_names names = {0};
    char *dir = mwn_path_join(path, part);
    mwn_status status = dir ? mwn_path_list(dir, &names, err)
                            : mwn_fail_memory(err, strlen(path), "a path");
    for (size_t i = 0; i < names.count && status == MWN_OK; i++) {
        const char *name = names.name[i];
        if (!mwn_image_has_suffix(name))
            continue;
        int label = label_of(name);
        if (label < 0) {
            status = mwn_fail(
                err, MWN_ERR_DATA,
                "%s/%s: the name does not begin with a label, like 3_12345.jpg", dir, name);
            break;
        }
        char *relative = mwn_path_join(part, name);
        status = relative ? mwn_image_list_add(list, relative, label, 1, err)
                          : mwn_fail_memory(err, strlen(name), "a path");
        mwn_free(relative);
    }
    mwn_names_release(&names);
    mwn_free(dir);
    return status;
}

static mwn_status animal10n_open(struct mwn_source *source,
                                 const struct mwn_request *request, struct mwn_error *err)
{
    mwn_status status;
    struct mwn_image_list list = {0};
    struct mwn_classes classes = {0};
    bool test = mwn_part_files(request->part) == MWN_PART_TEST;
    MWN_TRY(mwn_classes_copy(&classes, class_names, MWN_COUNT(class_names), err));
    MWN_TRY(add_files(request->path, test ? "testing" : "training", &list, err));
    MWN_TRY(mwn_image_source_open(source, request->options, request->path, &list, &classes,
                                  err));
out:
    mwn_image_list_release(&list);
    mwn_classes_release(&classes);
    return status;
}

const struct mwn_reader mwn_reader_animal10n = {
    .name = "animal10n",
    .summary = "ANIMAL-10N: training/ and testing/ with files named LABEL_NUMBER.jpg",
    .normalize = "imagenet",
    .open = animal10n_open,
    .close = mwn_image_source_close,
    .load = mwn_image_source_load,
    .hash = mwn_image_source_hash,
};

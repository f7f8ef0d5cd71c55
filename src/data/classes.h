/* classes.h - the names of the classes, by which a test set is read as the training set was. */
#ifndef MWN_DATA_CLASSES_H
#define MWN_DATA_CLASSES_H

#include "base/base.h"

/* More classes than this are taken for a mistake. */
enum { MWN_CLASSES_MAX = 100000 };

/* Class c is called name[c]. Zero-initialise it. */
struct mwn_classes {
    char **name; /* owned [count], owned texts */
    int count;
    bool numbers; /* the names are 0, 1, 2, .. in this order */
    bool sorted;  /* byte by byte                            */
};

/* From the labels of a training set. If all are whole numbers, the classes are 0 .. the largest;
 * else the different texts, sorted byte by byte. */
MWN_MUST_CHECK mwn_status mwn_classes_collect(struct mwn_classes *classes,
                                              const char *const *label, size_t n,
                                              struct mwn_error *err);
/* From a list of names, in its order. */
MWN_MUST_CHECK mwn_status mwn_classes_copy(struct mwn_classes *classes,
                                           const char *const *name, size_t n,
                                           struct mwn_error *err);
/* From the key "classes" of a JSON object, as mwn_classes_schema() wrote it. */
MWN_MUST_CHECK mwn_status mwn_classes_parse(struct mwn_classes *classes, const char *schema,
                                            struct mwn_error *err);
/* {"classes": [..]}, freed by mwn_free(); NULL if memory is out. */
char *mwn_classes_schema(const struct mwn_classes *classes);
/* The class of that name, -1 if there is none. */
int mwn_classes_find(const struct mwn_classes *classes, const char *name);
/* Safe on a zeroed one. */
void mwn_classes_release(struct mwn_classes *classes);

#endif

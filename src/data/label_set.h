/* label_set.h - labels as files have them, texts or integers, and the classes that they mean. */
#ifndef MWN_DATA_LABEL_SET_H
#define MWN_DATA_LABEL_SET_H

#include "base/base.h"

/* Whole numbers are classes in the order of their values ("+1", "1.0" and "1" are one class);
 * any other labels are texts in the order of their bytes. */
struct mwn_label_set {
    int count;
    char **name;    /* owned [count] */
    int64_t *value; /* owned [count]: of whole numbers; NULL: they are texts */
};

/* The classes of the labels text[n] (NULL: none). `path` and `what` ("column 'age'") are for the
 * message: one class only, or more than 10000, is MWN_ERR_DATA; so are numbers with a fraction. */
MWN_MUST_CHECK mwn_status mwn_label_set_learn(struct mwn_label_set *out,
                                              const char *const *text, size_t n,
                                              const char *path, const char *what,
                                              struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_label_set_learn_integers(struct mwn_label_set *out,
                                                       const int64_t *value, size_t n,
                                                       const char *path, const char *what,
                                                       struct mwn_error *err);
/* Classes of these names, in this order. */
MWN_MUST_CHECK mwn_status mwn_label_set_set(struct mwn_label_set *out,
                                            const char *const *name, size_t count,
                                            struct mwn_error *err);
/* -1 if there is no such class. A text with a full stop behind it counts as the text without,
 * as in UCI's adult.test. */
int mwn_label_set_find(const struct mwn_label_set *classes, const char *text);
int mwn_label_set_find_integer(const struct mwn_label_set *classes, int64_t value);

/* Fills err for a label that mwn_label_set_find() did not find, after "path:line: ". */
mwn_status mwn_label_set_fail(const struct mwn_label_set *classes, const char *path,
                              size_t line, const char *label, struct mwn_error *err);

/* Whether a text is a number without fraction, as a double holds it exactly. */
bool mwn_text_whole(const char *text, int64_t *out);

/* The names, for a source: *out is owned by the caller, item by item. */
MWN_MUST_CHECK mwn_status mwn_label_set_names(const struct mwn_label_set *classes,
                                              char ***out, struct mwn_error *err);

/* Safe on a zeroed one. */
void mwn_label_set_release(struct mwn_label_set *classes);

#endif

/* schema.h - the schema of readers whose features are numbers already: classes and sizes. */
#ifndef MWN_DATA_SCHEMA_H
#define MWN_DATA_SCHEMA_H

#include "base/base.h"
#include "data/label_set.h"

struct mwn_schema {
    const char *reader;           /* borrowed                          */
    size_t base, features;        /* index of the first feature; count */
    struct mwn_label_set classes; /* owned: mwn_label_set_release()      */
};

/* JSON text, *out owned by the caller; and back, into one with nothing but the reader's name. */
MWN_MUST_CHECK mwn_status mwn_schema_print(const struct mwn_schema *schema, char **out,
                                           struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_schema_parse(struct mwn_schema *schema, const char *json,
                                           struct mwn_error *err);

#endif

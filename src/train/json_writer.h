/* json_writer.h - writes one JSON value as a single line into a text buffer. Keys keep their
 * order; numbers that are not finite become null. Failures are those of the buffer. */
#ifndef MWN_TRAIN_JSON_WRITER_H
#define MWN_TRAIN_JSON_WRITER_H

#include "base/base.h"
#include "base/buf.h"

/* Zero-initialise it. */
struct mwn_json {
    struct mwn_buf buf; /* owned; hand it over by mwn_json_take() */
    bool has_item;      /* whether the next item needs a comma    */
};

/* Every function takes the key of the item; NULL inside an array and for the value itself. */
void mwn_json_object(struct mwn_json *json, const char *key);
void mwn_json_array(struct mwn_json *json, const char *key);
void mwn_json_end_object(struct mwn_json *json);
void mwn_json_end_array(struct mwn_json *json);
void mwn_json_text(struct mwn_json *json, const char *key,
                   const char *text); /* NULL: null */
void mwn_json_bool(struct mwn_json *json, const char *key, bool value);
void mwn_json_int(struct mwn_json *json, const char *key, int64_t value);
void mwn_json_size(struct mwn_json *json, const char *key, size_t value);
/* As short as `digits` significant digits allow. */
void mwn_json_real(struct mwn_json *json, const char *key, double value, int digits);
/* With a fixed number of decimals. */
void mwn_json_fixed(struct mwn_json *json, const char *key, double value, int decimals);
/* A text that is JSON already. */
void mwn_json_raw(struct mwn_json *json, const char *key, const char *value);

/* Hands the text over through *out (free it by mwn_text_free()); MWN_ERR_MEMORY if memory ran
 * out on the way. */
MWN_MUST_CHECK mwn_status mwn_json_take(struct mwn_json *json, char **out,
                                        struct mwn_error *err);
void mwn_json_release(struct mwn_json *json);

#endif

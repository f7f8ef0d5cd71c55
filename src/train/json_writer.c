/* json_writer.c - writes one JSON value as a single line into a text buffer. */
#include "base/base.h"
#include "base/status.h"
#include "train/json_writer.h"

#include <math.h>
#include <string.h>

static void quote(struct mwn_buf *buf, const char *text)
{
    mwn_buf_add(buf, "\"", 1);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            mwn_buf_printf(buf, "\\%c", *c);
        else if ((unsigned char)*c < 32)
            mwn_buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            mwn_buf_add(buf, c, 1);
    }
    mwn_buf_add(buf, "\"", 1);
}

/* The comma and the key in front of an item. */
static struct mwn_buf *item(struct mwn_json *json, const char *key)
{
    if (json->has_item)
        mwn_buf_add(&json->buf, ", ", 2);
    json->has_item = true;
    if (key) {
        quote(&json->buf, key);
        mwn_buf_add(&json->buf, ": ", 2);
    }
    return &json->buf;
}

void mwn_json_object(struct mwn_json *json, const char *key)
{
    mwn_buf_add(item(json, key), "{", 1);
    json->has_item = false;
}

void mwn_json_array(struct mwn_json *json, const char *key)
{
    mwn_buf_add(item(json, key), "[", 1);
    json->has_item = false;
}

void mwn_json_end_object(struct mwn_json *json)
{
    mwn_buf_add(&json->buf, "}", 1);
    json->has_item = true;
}

void mwn_json_end_array(struct mwn_json *json)
{
    mwn_buf_add(&json->buf, "]", 1);
    json->has_item = true;
}

void mwn_json_text(struct mwn_json *json, const char *key, const char *text)
{
    struct mwn_buf *buf = item(json, key);
    if (text)
        quote(buf, text);
    else
        mwn_buf_add(buf, "null", 4);
}

void mwn_json_bool(struct mwn_json *json, const char *key, bool value)
{
    mwn_buf_printf(item(json, key), "%s", value ? "true" : "false");
}

void mwn_json_int(struct mwn_json *json, const char *key, int64_t value)
{
    mwn_buf_printf(item(json, key), "%lld", (long long)value);
}

void mwn_json_size(struct mwn_json *json, const char *key, size_t value)
{
    mwn_buf_printf(item(json, key), "%zu", value);
}

void mwn_json_real(struct mwn_json *json, const char *key, double value, int digits)
{
    struct mwn_buf *buf = item(json, key);
    if (isfinite(value))
        mwn_buf_printf(buf, "%.*g", digits, value);
    else
        mwn_buf_add(buf, "null", 4);
}

void mwn_json_fixed(struct mwn_json *json, const char *key, double value, int decimals)
{
    struct mwn_buf *buf = item(json, key);
    if (isfinite(value))
        mwn_buf_printf(buf, "%.*f", decimals, value);
    else
        mwn_buf_add(buf, "null", 4);
}

void mwn_json_raw(struct mwn_json *json, const char *key, const char *value)
{
    mwn_buf_printf(item(json, key), "%s", value);
}

mwn_status mwn_json_take(struct mwn_json *json, char **out, struct mwn_error *err)
{
    char *text = mwn_buf_take(&json->buf);
    json->has_item = false;
    if (!text)
        return mwn_fail_memory(err, 0, "a JSON report");
    *out = text;
    return MWN_OK;
}

void mwn_json_release(struct mwn_json *json)
{
    mwn_buf_release(&json->buf);
    json->has_item = false;
}

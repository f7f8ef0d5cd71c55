/* fixture_case.h - a case of an oracle folder: its manifest entry, its tensors from .npy files
 * or from the number streams. */
#ifndef FIXTURE_CASE_H
#define FIXTURE_CASE_H

#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "tensor/npy.h"
#include "tensor/shape.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIXTURE_SAMPLES = 4096, FIXTURE_COUNT = 1 << 26, FIXTURE_PATH = 1024 };

struct fixture_case {
    const char *dir, *name;
    json_t *entry; /* borrowed from the manifest */
    uint64_t cid;
};

/* ---- the manifest ---- */

static inline double fixture_real(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static inline bool fixture_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static inline bool fixture_text_is(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, text) == 0;
}

/* The case's hyper-parameters. */
static inline const json_t *fixture_hyper(const struct fixture_case *c)
{
    return json_object_get(c->entry, "hyper");
}

/* Where tensor `key` of group "inputs" or "outputs" is described; NULL if it is not. */
static inline const json_t *fixture_tensor(const struct fixture_case *c, const char *group,
                                           const char *key)
{
    return json_object_get(json_object_get(c->entry, group), key);
}

/* ---- number streams ---- */

static inline uint64_t fixture_mix(uint64_t z)
{
    z += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Item i of stream k: uniform in -1..1. */
static inline double fixture_unit(uint64_t k, uint64_t i)
{
    return 2 * ((double)(fixture_mix((k << 32) + i) >> 11) * 0x1p-53) - 1;
}

/* A tensor of a stream: unit * scale + shift. */
struct fixture_stream {
    uint64_t number; /* the case's own streams start at 1000 * cid */
    double scale, shift;
};

/* ---- tensors ---- */

static inline mwn_status fixture_read(const struct fixture_case *c, const json_t *tensor,
                                      struct mwn_npy *npy, struct mwn_error *err)
{
    char path[FIXTURE_PATH];
    const char *file = json_string_value(json_object_get(tensor, "file"));
    if (!file)
        return mwn_fail(err, MWN_ERR_DATA, "case %s: a tensor without a file", c->name);
    int length = snprintf(path, sizeof path, "%s/%s", c->dir, file);
    if (length < 0 || (size_t)length >= sizeof path)
        return mwn_fail(err, MWN_ERR_DATA, "case %s: the path of %s is too long", c->name,
                        file);
    return mwn_npy_read(path, npy, err);
}

/* Numbers of a tensor that must have `count` of them. *out is owned by the caller. */
static inline mwn_status fixture_load(const struct fixture_case *c, const json_t *tensor,
                                      size_t count, double **out, struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    double *values = mwn_alloc(count, sizeof *values);
    if (!values)
        return mwn_fail_memory(err, count * sizeof *values, "a fixture");
    mwn_status status = fixture_read(c, tensor, &npy, err);
    if (status == MWN_OK && npy.count != count)
        status = mwn_fail(err, MWN_ERR_DATA, "case %s: %s holds %zu numbers (expected %zu)",
                          c->name, json_string_value(json_object_get(tensor, "file")),
                          npy.count, count);
    for (size_t i = 0; status == MWN_OK && i < count; i++)
        values[i] = mwn_npy_real(&npy, i);
    mwn_npy_release(&npy);
    if (status == MWN_OK)
        *out = values;
    else
        mwn_free(values);
    return status;
}

/* An input: from its file, or from its stream where the manifest names no file. */
static inline mwn_status fixture_input(const struct fixture_case *c, const char *key,
                                       size_t count, struct fixture_stream stream,
                                       double **out, struct mwn_error *err)
{
    const json_t *tensor = fixture_tensor(c, "inputs", key);
    if (tensor)
        return fixture_load(c, tensor, count, out, err);
    double *values = mwn_alloc(count, sizeof *values);
    if (!values)
        return mwn_fail_memory(err, count * sizeof *values, "a fixture");
    for (size_t i = 0; i < count; i++)
        values[i] =
            fixture_unit(1000 * c->cid + stream.number, i) * stream.scale + stream.shift;
    *out = values;
    return MWN_OK;
}

/* Whole numbers of an input file or of a list in the case itself: labels, heads. *count is 0
 * where the case has none. At most FIXTURE_SAMPLES are taken. */
static inline mwn_status fixture_labels(const struct fixture_case *c, const char *key,
                                        int32_t *out, size_t *count, struct mwn_error *err)
{
    struct mwn_npy npy = {0};
    const json_t *tensor = fixture_tensor(c, "inputs", key);
    const json_t *list = json_object_get(c->entry, key);
    *count = 0;
    if (tensor) {
        mwn_status status = fixture_read(c, tensor, &npy, err);
        if (status != MWN_OK)
            return status;
    }
    size_t have = tensor ? npy.count : json_array_size(list);
    for (size_t i = 0; i < have && i < FIXTURE_SAMPLES; i++) {
        int64_t value =
            tensor ? mwn_npy_int(&npy, i) : json_integer_value(json_array_get(list, i));
        out[i] = value >= 0 && value < INT32_MAX ? (int32_t)value : -1;
        ++*count;
    }
    mwn_npy_release(&npy);
    return MWN_OK;
}

/* Samples of x or mx, by the manifest's shape: dims numbers after the first; 0 if unknown. */
static inline struct mwn_shape fixture_sample(const struct fixture_case *c, const char *key)
{
    const json_t *shape = json_object_get(fixture_tensor(c, "inputs", key), "shape");
    int size[4] = {0, 1, 1, 1};
    for (size_t i = 0; i < json_array_size(shape) && i < 4; i++)
        size[i] = (int)json_integer_value(json_array_get(shape, i));
    return shape ? (struct mwn_shape){size[1], size[2], size[3]}
                 : (struct mwn_shape){0, 0, 0};
}

#endif

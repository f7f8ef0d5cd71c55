/* option.c - values of option rows from text and to text, with errors that name the key,
 * the value and what was expected. */
#include "base/option.h"
#include "base/mem.h"
#include "base/status.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The key and value at hand, for parsing and for the words of an error. */
struct setting {
    const struct mwn_option *row; /* borrowed */
    const char *section, *value;  /* borrowed */
};

static void *field_of(const struct mwn_option *row, void *fields)
{
    return (unsigned char *)fields + row->offset;
}

static const void *const_field_of(const struct mwn_option *row, const void *fields)
{
    return (const unsigned char *)fields + row->offset;
}

/* Fails with "section.name: 'value' what". */
static mwn_status fail_value(const struct setting *s, struct mwn_error *err,
                             const char *what)
{
    bool named = s->section != NULL && s->section[0] != '\0';
    return mwn_fail(err, MWN_ERR_CONFIG, "%s%s%s: '%.80s%s' %s", named ? s->section : "",
                    named ? "." : "", s->row->name, s->value,
                    strlen(s->value) > 80 ? "..." : "", what);
}

/* Fails with the range that the row allows. */
static mwn_status fail_range(const struct setting *s, struct mwn_error *err,
                             const char *what)
{
    const struct mwn_option *row = s->row;
    double open_end = row->type == MWN_OPT_REAL ? 1e300 : 0x1p62;
    char text[160];
    if (row->min <= -open_end && row->max >= open_end)
        (void)snprintf(text, sizeof(text), "%s", what);
    else if (row->max >= open_end)
        (void)snprintf(text, sizeof(text), "%s (expected at least %.15g)", what, row->min);
    else if (row->min <= -open_end)
        (void)snprintf(text, sizeof(text), "%s (expected at most %.15g)", what, row->max);
    else
        (void)snprintf(text, sizeof(text), "%s (expected %.15g .. %.15g)", what, row->min,
                       row->max);
    return fail_value(s, err, text);
}

static mwn_status set_bool(const struct setting *s, bool *out, struct mwn_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes",
                                        "off",   "on",   "0",  "1"};
    for (size_t i = 0; i < MWN_COUNT(words); i++) {
        if (strcasecmp(s->value, words[i]) == 0) {
            *out = i % 2 == 1;
            return MWN_OK;
        }
    }
    return fail_value(s, err, "is not a yes or no (expected true or false)");
}

/* Reads an integer at the start of text; NULL if there is none or it does not fit, else
 * where it ends. */
static const char *scan_int(const char *text, int64_t *out)
{
    size_t sign = text[0] == '-' || text[0] == '+';
    if (text[sign] < '0' || text[sign] > '9')
        return NULL;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0)
        return NULL;
    *out = (int64_t)value;
    return end;
}

static bool in_range(const struct mwn_option *row, double value)
{
    return value >= row->min && value <= row->max;
}

static mwn_status set_int(const struct setting *s, int64_t *out, struct mwn_error *err)
{
    int64_t value = 0;
    const char *end = scan_int(s->value, &value);
    if (end == NULL || *end != '\0')
        return fail_range(s, err, "is not an integer");
    if (!in_range(s->row, (double)value))
        return fail_range(s, err, "is out of range");
    *out = value;
    return MWN_OK;
}

static mwn_status set_real(const struct setting *s, double *out, struct mwn_error *err)
{
    double value = 0.0;
    if (!mwn_text_real(s->value, &value))
        return fail_range(s, err, "is not a number");
    if (!isfinite(value) || !in_range(s->row, value))
        return fail_range(s, err, "is out of range");
    *out = value;
    return MWN_OK;
}

static mwn_status set_text(const struct setting *s, char **out, struct mwn_error *err)
{
    char *copy = mwn_strdup(s->value);
    if (copy == NULL)
        return mwn_fail_memory(err, strlen(s->value), "an option");
    mwn_free(*out);
    *out = copy;
    return MWN_OK;
}

static mwn_status set_choice(const struct setting *s, int *out, struct mwn_error *err)
{
    const char *const *choices = s->row->choices;
    size_t count = 0;
    for (; choices[count] != NULL; count++) {
        if (strcmp(s->value, choices[count]) == 0) {
            *out = (int)count;
            return MWN_OK;
        }
    }
    char text[320] = "is not one of:";
    for (size_t i = 0, used = strlen(text); i < count && used < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s",
                                 i == 0 ? "" : ",", choices[i]);
    mwn_status status = fail_value(s, err, text);
    const char *near = mwn_nearest(s->value, choices, count);
    return near == NULL ? status : mwn_hint(err, "did you mean '%s'?", near);
}

static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/* A list is "80,90" or "[80, 90]"; "" and "[]" are empty. */
static mwn_status set_list(const struct setting *s, struct mwn_int_list *out,
                           struct mwn_error *err)
{
    struct mwn_int_list list = {0};
    const char *at = skip_spaces(s->value);
    bool bracket = *at == '[';
    if (bracket)
        at = skip_spaces(at + 1);
    while (*at != '\0' && *at != ']') {
        int64_t value = 0;
        at = scan_int(at, &value);
        if (at == NULL)
            return fail_range(s, err, "is not a list of integers such as 80,90");
        if (!in_range(s->row, (double)value))
            return fail_range(s, err, "has an item out of range");
        if (list.count == MWN_LIST_MAX)
            return fail_value(s, err, "has more than 16 items");
        list.item[list.count++] = value;
        at = skip_spaces(at);
        if (*at != ',')
            break;
        at = skip_spaces(at + 1);
        if (*at == '\0' || *at == ']')
            return fail_value(s, err, "ends in a comma");
    }
    if (bracket && *at == ']')
        at = skip_spaces(at + 1);
    else if (bracket)
        return fail_value(s, err, "lacks the closing bracket");
    if (*at != '\0')
        return fail_range(s, err, "is not a list of integers such as 80,90");
    *out = list;
    return MWN_OK;
}

mwn_status mwn_option_set(const struct mwn_option *row, const char *section, void *fields,
                          const char *value, struct mwn_error *err)
{
    const struct setting s = {row, section, value};
    void *field = field_of(row, fields);
    switch (row->type) {
    case MWN_OPT_BOOL:
        return set_bool(&s, field, err);
    case MWN_OPT_INT:
        return set_int(&s, field, err);
    case MWN_OPT_REAL:
        return set_real(&s, field, err);
    case MWN_OPT_TEXT:
        return set_text(&s, field, err);
    case MWN_OPT_CHOICE:
        return set_choice(&s, field, err);
    case MWN_OPT_LIST:
        return set_list(&s, field, err);
    }
    return fail_value(&s, err, "has an option row of unknown type");
}

mwn_status mwn_options_default(const struct mwn_option *rows, void *fields,
                               struct mwn_error *err)
{
    for (const struct mwn_option *row = rows; row->name != NULL; row++) {
        mwn_status status = mwn_option_set(row, NULL, fields, row->value, err);
        if (status != MWN_OK) {
            mwn_options_release(rows, fields);
            return mwn_context(err, "default value");
        }
    }
    return MWN_OK;
}

/* The shortest of 15 to 17 digits that reads back as the same number. */
static void print_real(double value, struct mwn_buf *out)
{
    for (int digits = 15; digits <= 17; digits++) {
        struct mwn_buf text = {0};
        double back = 0.0;
        mwn_buf_printf(&text, "%.*g", digits, value);
        bool same =
            !text.failed && mwn_text_real(text.text, &back) && fabs(back - value) <= 0.0;
        if (same || digits == 17) {
            if (text.failed)
                out->failed = true;
            else
                mwn_buf_add(out, text.text, text.size);
            mwn_buf_release(&text);
            return;
        }
        mwn_buf_release(&text);
    }
}

void mwn_option_print(const struct mwn_option *row, const void *fields, struct mwn_buf *out)
{
    const void *field = const_field_of(row, fields);
    switch (row->type) {
    case MWN_OPT_BOOL:
        mwn_buf_printf(out, "%s", *(const bool *)field ? "true" : "false");
        break;
    case MWN_OPT_INT:
        mwn_buf_printf(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case MWN_OPT_REAL:
        print_real(*(const double *)field, out);
        break;
    case MWN_OPT_TEXT: {
        const char *text = *(char *const *)field;
        mwn_buf_printf(out, "%s", text != NULL ? text : "");
        break;
    }
    case MWN_OPT_CHOICE:
        mwn_buf_printf(out, "%s", row->choices[*(const int *)field]);
        break;
    case MWN_OPT_LIST: {
        const struct mwn_int_list *list = field;
        for (size_t i = 0; i < list->count; i++)
            mwn_buf_printf(out, "%s%lld", i == 0 ? "" : ",", (long long)list->item[i]);
        break;
    }
    }
}

void mwn_options_release(const struct mwn_option *rows, void *fields)
{
    if (fields == NULL)
        return;
    for (const struct mwn_option *row = rows; row->name != NULL; row++) {
        if (row->type != MWN_OPT_TEXT)
            continue;
        char **text = field_of(row, fields);
        mwn_free(*text);
        *text = NULL;
    }
}

const struct mwn_option *mwn_option_find(const struct mwn_option *rows, const char *name)
{
    for (const struct mwn_option *row = rows; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

/* report_json.c - reading the library's JSON, for those files that print it. */
#include "report_json.h"

#include <stdio.h>

enum { LABEL_WIDTH = 10 };

json_t *report_parse(const char *text)
{
    json_error_t problem;
    json_t *root = json_loads(text, 0, &problem);
    if (!root)
        fprintf(stderr, "mwnet: a report is not JSON: %s\n", problem.text);
    return root;
}

const char *report_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void report_label(const char *name)
{
    printf("%-*s ", LABEL_WIDTH, name);
}

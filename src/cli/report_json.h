/* report_json.h - reading the library's JSON, for those files that print it. */
#ifndef MWN_CLI_REPORT_JSON_H
#define MWN_CLI_REPORT_JSON_H

#include <jansson.h>

/* The value of a report; what is not JSON is said on stderr and is NULL. */
json_t *report_parse(const char *text);
/* The text at a key, "" if there is none. */
const char *report_text(const json_t *object, const char *key);
/* The first column of a line. */
void report_label(const char *name);

#endif

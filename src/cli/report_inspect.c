/* report_inspect.c - the report on data as tables. */
#include "cmd.h"
#include "report_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_SHOWN = 40, NAME_WIDTH = 20 };

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* A sample's id: a text, or a number. */
static void print_id(const json_t *id)
{
    if (json_is_string(id))
        printf("%s", json_string_value(id));
    else
        printf("%.0f", json_number_value(id));
}

/* Of a table: which column was taken for what. */
static void print_columns(const json_t *root)
{
    const json_t *schema = json_object_get(root, "schema");
    json_t *column = NULL, *columns = json_object_get(schema, "columns");
    const char *name = report_text(schema, "label_name");
    size_t i = 0, numbers = 0, count = json_array_size(columns);
    double others = number(schema, "width") - (double)count;
    if (!columns)
        return;
    json_array_foreach(columns, i, column)
    {
        numbers += strcmp(report_text(column, "kind"), "number") == 0;
    }
    report_label("columns");
    if (number(schema, "label") >= 0) {
        printf("the label is column %.0f", number(schema, "label") + 1);
        if (*name)
            printf(" '%s'", name);
        printf("; ");
        others -= 1;
    }
    printf("%zu of numbers, %zu of text", numbers, count - numbers);
    if (others > 0)
        printf(", %.0f no feature (ids, weights or marks)", others);
    printf("\n");
}

static void print_head(const json_t *root)
{
    char bytes[32];
    json_t *sample = json_object_get(root, "sample");
    double size[3] = {0};
    for (size_t i = 0; i < 3; i++)
        size[i] = json_number_value(json_array_get(sample, i));
    report_label("data");
    printf("%s (reader %s%s)\n", report_text(root, "path"), report_text(root, "reader"),
           json_is_true(json_object_get(root, "guessed")) ? ", by its names" : "");
    report_label("samples");
    if (size[1] == 1 && size[2] == 1)
        printf("%.0f features, %s", size[0], report_text(root, "type"));
    else
        printf("%.0f x %.0f x %.0f, %s%s", size[0], size[1], size[2],
               report_text(root, "type"),
               json_is_true(json_object_get(root, "on_demand")) ? ", read when needed"
                                                                : "");
    printf(", %.0f classes\n", number(root, "classes"));
    print_columns(root);
    report_label("memory");
    printf("%s\n", say_bytes(number(root, "memory"), bytes));
}

static void print_parts(const json_t *parts)
{
    size_t i = 0;
    json_t *part = NULL;
    json_array_foreach(parts, i, part)
    {
        report_label(report_text(part, "name"));
        printf("%.0f samples, %.0f to %.0f a class (imbalance %.4g)",
               number(part, "samples"), number(part, "smallest_class"),
               number(part, "largest_class"), number(part, "imbalance"));
        if (json_object_get(part, "min"))
            printf(", values %.4g to %.4g", number(part, "min"), number(part, "max"));
        if (json_object_get(part, "checked"))
            printf(", %.0f checked", number(part, "checked"));
        if (number(part, "skipped") > 0)
            printf(", %.0f damaged left out", number(part, "skipped"));
        if (number(part, "copies") > 0)
            printf(", %.0f copies of others", number(part, "copies"));
        printf("\n");
    }
}

static void print_class(const json_t *root, const json_t *class, size_t c)
{
    char name[128];
    size_t i = 0, p = 0;
    json_t *part = NULL, *id = NULL;
    snprintf(name, sizeof(name), "%zu %s", c, report_text(class, "name"));
    printf("  %-*.*s", NAME_WIDTH, NAME_WIDTH, name);
    json_array_foreach(json_object_get(root, "parts"), p, part)
    {
        json_t *count = json_array_get(json_object_get(part, "samples_of_class"), c);
        printf(" %10.0f", json_number_value(count));
    }
    printf("  ");
    json_array_foreach(json_object_get(class, "examples"), i, id)
    {
        if (i > 0 && json_is_string(id)) /* a path is long: one will do */
            break;
        printf("%s", i ? ", " : "");
        print_id(id);
    }
    printf("\n");
}

static void print_classes(const json_t *root)
{
    size_t c = 0, p = 0, count = json_array_size(json_object_get(root, "class"));
    json_t *class = NULL, *part = NULL;
    printf("\n  %-*s", NAME_WIDTH, "class");
    json_array_foreach(json_object_get(root, "parts"), p, part)
    {
        printf(" %10s", report_text(part, "name"));
    }
    printf("  first of them\n");
    json_array_foreach(json_object_get(root, "class"), c, class)
    {
        if (c < CLASSES_SHOWN)
            print_class(root, class, c);
    }
    if (count > CLASSES_SHOWN)
        printf("  and %zu more (--json shows all)\n", count - CLASSES_SHOWN);
}

static void print_conflicts(const json_t *conflicts)
{
    size_t g = 0, i = 0;
    json_t *group = NULL, *one = NULL;
    if (number(conflicts, "groups") == 0)
        return;
    printf("\nEqual samples with different labels (%.0f group%s)\n",
           number(conflicts, "groups"), number(conflicts, "groups") > 1 ? "s" : "");
    json_array_foreach(json_object_get(conflicts, "first"), g, group)
    {
        printf("  ");
        json_array_foreach(json_object_get(group, "first"), i, one)
        {
            printf("%s%s ", i ? "; " : "", report_text(one, "part"));
            print_id(json_array_get(json_object_get(one, "id"), 0));
            printf(": %.0f %s", number(one, "label"), report_text(one, "class"));
        }
        printf("\n");
    }
}

static void print_sets(const json_t *sets)
{
    if (!json_is_object(sets))
        return;
    report_label("a run has");
    printf("%.0f training samples, %.0f meta, %.0f validation, %.0f test\n",
           number(sets, "train"), number(sets, "meta"), number(sets, "valid"),
           number(sets, "test"));
}

static void print_problems(const json_t *problems)
{
    size_t i = 0;
    json_t *problem = NULL;
    printf("\n%s\n", json_array_size(problems) > 0 ? "Problems" : "No problems.");
    json_array_foreach(problems, i, problem)
    {
        printf("  %s\n", json_string_value(problem));
    }
}

int report_inspect(const char *json)
{
    json_error_t problem;
    json_t *root = json_loads(json, 0, &problem);
    if (!root) {
        fprintf(stderr, "mwnet: a report is not JSON: %s\n", problem.text);
        return MWN_ERR_RUNTIME;
    }
    print_head(root);
    print_parts(json_object_get(root, "parts"));
    print_sets(json_object_get(root, "sets"));
    print_classes(root);
    print_conflicts(json_object_get(root, "conflicts"));
    print_problems(json_object_get(root, "problems"));
    json_decref(root);
    return 0;
}

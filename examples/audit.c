/* audit.c - which labels of a run's training samples are probably wrong?
 *
 *     audit RUN TABLE.csv
 *
 * Writes all samples to TABLE.csv, the worst first, and prints the estimated share of wrong
 * labels and the ten worst samples. Link with $(pkg-config --libs mwnet jansson). */
#include <jansson.h>
#include <mwnet.h>
#include <stdio.h>

static void print_report(const char *text)
{
    json_t *report = json_loads(text, 0, NULL), *sample = NULL;
    json_t *noise = json_object_get(report, "noise");
    size_t i = 0;
    printf("%.1f %% of the labels are probably wrong\n",
           100 * json_number_value(json_object_get(noise, "rate")));
    json_array_foreach(json_object_get(report, "worst"), i, sample)
    {
        printf("%2zu. %s: labelled %s, rather %s\n", i + 1,
               json_string_value(json_object_get(sample, "id")),
               json_string_value(json_object_get(sample, "given")),
               json_string_value(json_object_get(sample, "suggested")));
    }
    json_decref(report);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: audit RUN TABLE.csv\n");
        return MWN_ERR_CONFIG;
    }
    const struct mwn_audit_options options = {.output = argv[2], .top = 10};
    struct mwn_error err = {MWN_OK, "", ""};
    char *report = NULL;
    mwn_status status = mwn_audit(argv[1], &options, &report, &err);
    if (status == MWN_OK)
        print_report(report);
    else
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    mwn_text_free(report);
    return (int)status;
}

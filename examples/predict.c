/* predict.c - classifies samples by the best model of a run.
 *
 *     predict RUN DATA TABLE.csv
 *
 * DATA is read as the training data was: the model's file says how. */
#include <mwnet.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: predict RUN DATA TABLE.csv\n");
        return MWN_ERR_CONFIG;
    }
    const struct mwn_prediction what = {.data = argv[2], .out = argv[3]};
    struct mwn_error err = {MWN_OK, "", ""};
    char *report = NULL;
    mwn_status status = mwn_predict(argv[1], NULL, &what, &report, &err);
    if (status == MWN_OK)
        printf("%s\n", report);
    else
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    mwn_text_free(report);
    return (int)status;
}

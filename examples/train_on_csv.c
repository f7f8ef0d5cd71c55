/* train_on_csv.c - trains on a table, some of whose labels may be wrong, by Meta-Weight-Net.
 *
 *     train_on_csv TABLE.csv CHECKED.txt RUN
 *
 * CHECKED.txt names rows whose labels are right, one id a line (the id column, or the row's number
 * from 0). RUN is the folder to make. */
#include <mwnet.h>
#include <stdio.h>
#include <string.h>

static int show(const struct mwn_progress *now, void *user)
{
    (void)user;
    if (now->step == now->steps && strcmp(now->phase, "train") == 0)
        printf("epoch %zu of %zu: loss %.3f, mean weight %.3f\n", now->epoch + 1,
               now->epochs, now->loss, now->weight);
    return 0; /* anything else stops the run, which --resume goes on with */
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: train_on_csv TABLE.csv CHECKED.txt RUN\n");
        return MWN_ERR_CONFIG;
    }
    const char *const settings[][2] = {
        {"data.reader", "csv"},   {"data.path", argv[1]}, {"data.meta_ids", argv[2]},
        {"model.name", "mlp"},    {"model.hidden", "64"}, {"train.epochs", "10"},
        {"train.lr_drops", "8"},  {"train.batch", "32"},  {"meta.batch", "32"},
        {"method.name", "mwnet"}, {"train.threads", "1"},
    };
    struct mwn_error err = {MWN_OK, "", ""};
    mwn_config *config = NULL;
    mwn_run *run = NULL;
    mwn_status status = mwn_config_create(&config, &err);
    for (size_t i = 0; status == MWN_OK && i < sizeof(settings) / sizeof(*settings); i++)
        status = mwn_config_set(config, settings[i][0], settings[i][1], &err);
    if (status == MWN_OK)
        status = mwn_run_create(&run, config, argv[3], &err);
    if (status == MWN_OK)
        mwn_run_set_progress(run, show, NULL);
    while (status == MWN_OK && mwn_run_more(run))
        status = mwn_run_epoch(run, &err);
    if (status != MWN_OK)
        fprintf(stderr, "%s\n%s\n", err.text, err.hint);
    mwn_run_free(run);
    mwn_config_free(config);
    return (int)status;
}

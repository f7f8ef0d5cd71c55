/* record.c - record.jsonl: one line of JSON for every epoch. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { RECORD_LIMIT = 1 << 28 };

size_t mwn_record_peak_memory(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (size_t)usage.ru_maxrss * 1024;
}

static double ratio(double sum, double count)
{
    return count > 0 ? sum / count : (double)NAN;
}

static void add_result(struct mwn_json *json, const char *prefix,
                       const struct mwn_result *result)
{
    if (result->accuracy >= 0)
        mwn_result_add(json, prefix, result);
}

static void add_training(struct mwn_json *json, const struct mwn_run *run)
{
    const struct mwn_epoch_sums *sums = &run->sums;
    mwn_json_real(json, "train_loss", ratio(sums->loss, sums->samples), 6);
    mwn_json_real(json, "meta_loss", ratio(sums->meta_loss, sums->meta_steps), 6);
    mwn_json_real(json, "weight", ratio(sums->weight, sums->samples), 6);
    mwn_json_real(json, "effective_samples",
                  ratio(sums->weight * sums->weight, sums->square), 8);
    if (run->sets.train.truth) {
        mwn_json_real(json, "weight_right_labels", ratio(sums->clean_weight, sums->clean),
                      6);
        mwn_json_real(json, "weight_wrong_labels", ratio(sums->wrong_weight, sums->wrong),
                      6);
    }
    mwn_summary_memory(json, run);
}

/* The epoch's number comes first: resuming looks for it there. run->epoch counts this epoch
 * already; the sums are still its own. */
static mwn_status make_line(const struct mwn_run *run, struct mwn_json *json,
                            struct mwn_error *err)
{
    uint64_t steps = mwn_run_steps(run);
    double lr = mwn_schedule_lr(&run->settings.train.schedule, (size_t)run->epoch - 1,
                                (size_t)steps - 1, (size_t)steps);
    double images = (double)run->epoch_steps_here * (double)mwn_loader_batch(run->train);

    mwn_json_object(json, NULL);
    mwn_json_size(json, "epoch", (size_t)run->epoch);
    mwn_json_int(json, "version", 1);
    mwn_json_size(json, "step", (size_t)run->iteration);
    mwn_json_real(json, "lr", lr, 9);
    mwn_summary_left_out(json, &run->sets);
    add_training(json, run);
    mwn_status status = mwn_summary_weights(json, run, err);
    add_result(json, "valid_", &run->last_valid);
    add_result(json, "test_", &run->last_test);
    mwn_json_text(json, "best_by", run->valid ? "valid" : "test");
    mwn_json_bool(json, "best", run->best_epoch == run->epoch);
    mwn_json_size(json, "steps", (size_t)run->epoch_steps_here);
    mwn_json_fixed(json, "seconds", run->epoch_seconds, 3);
    mwn_json_fixed(json, "step_seconds", run->epoch_step_seconds, 6);
    mwn_json_fixed(json, "wait_seconds", run->epoch_wait_seconds, 3);
    mwn_json_real(json, "images_per_second", ratio(images, run->epoch_seconds), 6);
    mwn_json_size(json, "peak_memory", mwn_record_peak_memory());
    mwn_json_end_object(json);
    return status;
}

mwn_status mwn_record_append(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_json json = {0};
    char *path = NULL, *line = NULL;

    MWN_TRY(make_line(run, &json, err));
    MWN_TRY(mwn_json_take(&json, &line, err));
    MWN_TRY(mwn_folder_path(run->dir, "record.jsonl", &path, err));
    MWN_TRY(mwn_file_append(path, line, err));
out:
    mwn_json_release(&json);
    mwn_free(line);
    mwn_free(path);
    return status;
}

/* Bytes of the complete lines at the start of text that belong to epochs up to `epoch`. */
static size_t length_until(const char *text, uint64_t epoch)
{
    size_t length = 0;
    for (const char *end = strchr(text, '\n'); end; end = strchr(text + length, '\n')) {
        static const char start[] = "{\"epoch\": ";
        char *after = NULL;
        if (strncmp(text + length, start, strlen(start)) != 0)
            break;
        unsigned long long number = strtoull(text + length + strlen(start), &after, 10);
        if (*after != ',' || number > epoch)
            break;
        length = (size_t)(end - text) + 1;
    }
    return length;
}

mwn_status mwn_record_truncate(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    char *path = NULL;

    MWN_TRY(mwn_folder_path(run->dir, "record.jsonl", &path, err));
    if (!mwn_path_exists(path))
        goto out;
    MWN_TRY(mwn_file_read(path, RECORD_LIMIT, &bytes, err));
    size_t length = length_until((const char *)bytes.data, run->epoch);
    if (length < bytes.size)
        status = mwn_file_write(path, bytes.data, length, err);
out:
    mwn_bytes_release(&bytes);
    mwn_free(path);
    return status;
}

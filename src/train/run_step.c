/* run_step.c - one iteration of a run: batches, learning rate, the method's step, sums. */
#include "base/base.h"
#include "base/clock.h"
#include "base/status.h"
#include "train/meta_source.h"
#include "train/run.h"

#include <math.h>

uint64_t mwn_run_steps(const struct mwn_run *run)
{
    return mwn_loader_steps(run->train);
}

uint64_t mwn_run_meta_every(const struct mwn_run *run)
{
    const struct mwn_settings *settings = &run->settings;
    bool learns = settings->needs & MWN_NEEDS_HYPERGRADIENT;
    return learns ? (uint64_t)settings->meta.every : 1;
}

bool mwn_run_at_limit(const struct mwn_run *run)
{
    uint64_t limit = (uint64_t)run->settings.train.stop_after;
    return limit > 0 && run->iteration >= limit;
}

/* Seconds until the end of the run, from what this process has measured; negative if it has
 * not measured anything yet. */
static double expected_seconds(const struct mwn_run *run)
{
    uint64_t epochs = (uint64_t)run->settings.train.epochs;
    if (run->steps_here == 0 || run->epoch >= epochs)
        return run->epoch >= epochs ? 0 : -1;
    double step = run->train_seconds / (double)run->steps_here;
    double evaluation =
        run->evaluations_here ? run->eval_seconds / (double)run->evaluations_here : 0;
    double left = (double)(epochs - run->epoch);
    return step * (left * (double)mwn_run_steps(run) - (double)run->epoch_step) +
           evaluation * left;
}

static double mean(double sum, double count, double otherwise)
{
    return count > 0 ? sum / count : otherwise;
}

void mwn_run_report(struct mwn_run *run, const char *phase)
{
    if (!run->progress)
        return;
    bool has_valid = run->valid != NULL;
    const struct mwn_result *last = has_valid ? &run->last_valid : &run->last_test;
    const struct mwn_result *best = has_valid ? &run->best_valid : &run->best_test;
    const struct mwn_progress progress = {
        .epoch = (size_t)run->epoch,
        .epochs = (size_t)run->settings.train.epochs,
        .step = (size_t)run->epoch_step,
        .steps = (size_t)mwn_run_steps(run),
        .seconds = mwn_clock_now() - run->start,
        .eta_seconds = expected_seconds(run),
        .loss = mean(run->sums.loss, run->sums.samples, run->last_loss),
        .weight = mean(run->sums.weight, run->sums.samples, run->last_weight),
        .accuracy = last->accuracy,
        .best_accuracy = best->accuracy,
        .phase = phase,
    };
    if (run->progress(&progress, run->user) != 0)
        run->stop = true;
}

static void add_sums(struct mwn_run *run, const struct mwn_batch *batch, bool with_meta)
{
    struct mwn_epoch_sums *sums = &run->sums;
    const struct mwn_set *set = &run->sets.train;
    size_t n = run->step.passed_over ? 0 : batch->n;

    for (size_t i = 0; i < n; i++) {
        double weight = run->step.weight[i];
        uint32_t at = batch->index[i];
        sums->loss += run->step.loss[i];
        sums->weight += weight;
        sums->square += weight * weight;
        if (!set->truth)
            continue;
        bool wrong = set->truth[at] != set->given[at];
        *(wrong ? &sums->wrong : &sums->clean) += 1;
        *(wrong ? &sums->wrong_weight : &sums->clean_weight) += weight;
    }
    sums->samples += (double)n;
    if (with_meta) {
        sums->meta_steps += 1;
        sums->meta_loss += run->step.meta_mean;
    }
    mwn_weight_log_add(&run->weights, run->epoch, batch->n, batch->index, run->step.weight);
    if (run->step.passed_over)
        return;
    if (run->journal.value)
        mwn_net_margins(run->net, run->journal.margin, run->journal.rival);
    mwn_journal_add(&run->journal, batch->n, batch->index, run->step.weight,
                    run->step.loss);
}

/* Where it happened and what helps, when a step has diverged. */
static mwn_status explain_failure(const struct mwn_run *run, mwn_status status,
                                  struct mwn_error *err)
{
    if (status != MWN_ERR_DIVERGED)
        return status;
    mwn_context(err, "epoch %llu, step %llu", (unsigned long long)run->epoch + 1,
                (unsigned long long)run->epoch_step + 1);
    if (err && !err->hint[0])
        mwn_hint(err, "try a lower train.lr or some train.warmup");
    return status;
}

static mwn_status next_batch(struct mwn_run *run, mwn_loader *loader,
                             struct mwn_batch *batch, uint64_t key, struct mwn_error *err)
{
    mwn_status status = mwn_loader_next(loader, batch, err);
    if (status != MWN_OK)
        return status;
    if (batch->n == 0)
        return mwn_fail(err, MWN_ERR_RUNTIME, "no batch at step %llu of an epoch of %llu",
                        (unsigned long long)run->epoch_step + 1,
                        (unsigned long long)mwn_run_steps(run));
    batch->key = key;
    return MWN_OK;
}

/* Weights that the data gives, for a batch. */
static const double *given_weights(struct mwn_run *run, const struct mwn_batch *batch)
{
    const struct mwn_set *set = &run->sets.train;
    for (size_t i = 0; run->given && i < batch->n; i++)
        run->given[i] = (double)set->source->weight[set->id[batch->index[i]]];
    return run->given;
}

mwn_status mwn_run_step(struct mwn_run *run, struct mwn_error *err)
{
    const struct mwn_settings *settings = &run->settings;
    struct mwn_batch train = {0}, meta = {0};
    double start = mwn_clock_now();
    bool with_meta = run->meta && mwn_meta_source_ready(run) &&
                     run->iteration % mwn_run_meta_every(run) == 0;

    mwn_status status = next_batch(run, run->train, &train, 2 * run->iteration, err);
    if (status == MWN_OK && with_meta)
        status = next_batch(run, run->meta, &meta, 2 * run->iteration + 1, err);
    if (status != MWN_OK)
        return status;
    run->step.train = &train;
    run->step.meta = with_meta ? &meta : NULL;
    run->step.iteration = run->iteration;
    run->step.meta_mean = 0;
    run->step.given = given_weights(run, &train);
    run->step.lr = mwn_schedule_lr(&settings->train.schedule, (size_t)run->epoch,
                                   (size_t)run->epoch_step, (size_t)mwn_run_steps(run));
    double begun = mwn_clock_now();
    status = settings->method->step(run->method_self, &run->step, err);
    double ended = mwn_clock_now();
    run->step.train = NULL;
    run->step.meta = NULL;
    if (status != MWN_OK)
        return explain_failure(run, status, err);
    add_sums(run, &train, with_meta);
    run->iteration++;
    run->epoch_step++;
    run->steps_here++;
    run->epoch_steps_here++;
    run->train_seconds += mwn_clock_now() - start;
    run->wait_seconds += begun - start;
    run->epoch_wait_seconds += begun - start;
    run->epoch_step_seconds += ended - begun;
    if (!isfinite(run->sums.loss) || !isfinite(run->sums.weight))
        return explain_failure(
            run, mwn_fail(err, MWN_ERR_DIVERGED, "a loss or weight is not finite"), err);
    return MWN_OK;
}

/* progress.c - a line on stderr while a run trains, and the signals that stop it. */
#include "cmd.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Signals are waited for by a thread of their own and blocked in all others. A handler would
 * not do: kernels of oneDNN point the stack register at their data for a while, and a handler
 * that runs then writes its frame over numbers and the heap. */
static _Atomic int caught;
static _Atomic bool training;

static void choose_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

/* The first signal during training asks for a stop; any other one kills. */
static void *wait_for_signals(void *is_ready)
{
    sigset_t set;
    int number = 0;
    choose_signals(&set);
    (void)sem_post(is_ready);
    while (sigwait(&set, &number) == 0) {
        if (training && caught == 0) {
            caught = number;
            continue;
        }
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        raise(number);
    }
    return NULL;
}

/* Returns when the thread has done what it allocates for: who forks next must not take along
 * an allocator that is locked (the address sanitizer's stays so in the child). */
void progress_watch_signals(void)
{
    sigset_t set, before;
    pthread_t thread;
    sem_t is_ready;
    choose_signals(&set);
    if (sem_init(&is_ready, 0, 0) != 0)
        return;
    if (pthread_sigmask(SIG_BLOCK, &set, &before) == 0) {
        if (pthread_create(&thread, NULL, wait_for_signals, &is_ready) == 0) {
            while (sem_wait(&is_ready) != 0)
                continue;
            pthread_detach(thread);
        } else {
            pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
    }
    (void)sem_destroy(&is_ready);
}

int progress_signal(void)
{
    return caught;
}

void progress_catch_signals(void)
{
    training = true;
}

void progress_begin(struct progress *progress, bool quiet)
{
    memset(progress, 0, sizeof(*progress));
    progress->quiet = quiet;
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
    progress->latest.accuracy = progress->latest.best_accuracy = -1;
    progress_catch_signals();
}

static void print_accuracy(const struct mwn_progress *now)
{
    if (now->accuracy >= 0)
        fprintf(stderr, "  accuracy %.2f %% (best %.2f %%)", 100 * now->accuracy,
                100 * now->best_accuracy);
}

static void print_eta(const struct mwn_progress *now)
{
    char text[32];
    if (now->eta_seconds > 0)
        fprintf(stderr, "  ETA %s", say_seconds(now->eta_seconds, text));
}

/* A line about an epoch that is not complete yet. */
static void print_partial(const struct mwn_progress *now)
{
    if (now->epochs == 0) {
        fprintf(stderr, "%s %zu/%zu", now->phase, now->step, now->steps);
        print_eta(now);
        return;
    }
    fprintf(stderr, "epoch %zu/%zu  ", now->epoch + 1, now->epochs);
    if (strcmp(now->phase, "train") == 0)
        fprintf(stderr, "step %zu/%zu", now->step, now->steps);
    else
        fprintf(stderr, "%s", now->phase);
    fprintf(stderr, "  loss %.4f  weight %.3f", now->loss, now->weight);
    print_accuracy(now);
    print_eta(now);
}

int progress_step(const struct mwn_progress *now, void *user)
{
    struct progress *progress = user;
    double interval = progress->is_terminal ? 0.2 : 10;

    progress->latest = *now;
    if (!progress->quiet && now->seconds - progress->last_line >= interval) {
        progress->last_line = now->seconds;
        fprintf(stderr, "%s", progress->is_terminal ? "\r" : "");
        print_partial(now);
        fprintf(stderr, "%s", progress->is_terminal ? "\033[K" : "\n");
        fflush(stderr);
    }
    return caught != 0;
}

void progress_epoch(struct progress *progress)
{
    char text[32];
    const struct mwn_progress *now = &progress->latest;
    if (progress->quiet)
        return;
    progress_clear(progress);
    fprintf(stderr, "epoch %zu/%zu  loss %.4f  weight %.3f", now->epoch, now->epochs,
            now->loss, now->weight);
    print_accuracy(now);
    fprintf(stderr, "  %s", say_seconds(now->seconds, text));
    print_eta(now);
    fprintf(stderr, "\n");
    progress->last_line = now->seconds;
}

void progress_clear(const struct progress *progress)
{
    if (!progress->quiet && progress->is_terminal)
        fprintf(stderr, "\r\033[K");
}

mwn_status progress_train(mwn_run *run, bool quiet, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct progress progress;

    progress_begin(&progress, quiet);
    mwn_run_set_progress(run, progress_step, &progress);
    while (status == MWN_OK && mwn_run_more(run)) {
        status = mwn_run_epoch(run, err);
        if (status == MWN_OK)
            progress_epoch(&progress);
    }
    mwn_run_set_progress(run, NULL, NULL);
    progress_clear(&progress);
    return status;
}

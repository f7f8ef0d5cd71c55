/* progress.c - a line on stderr while a run trains, and the signals that stop it. */
#include "cmd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

int progress_signal(void)
{
    return (int)caught;
}

void progress_begin(struct progress *progress, bool quiet)
{
    struct sigaction action;
    memset(progress, 0, sizeof(*progress));
    progress->quiet = quiet;
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
    progress->latest.accuracy = progress->latest.best_accuracy = -1;
    memset(&action, 0, sizeof(action));
    action.sa_handler = note_signal;
    action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
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

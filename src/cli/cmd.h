/* cmd.h - the commands of the program and what they share. */
#ifndef MWN_CLI_CMD_H
#define MWN_CLI_CMD_H

#include "mwnet.h"

#include <stdbool.h>
#include <stddef.h>

struct args;

/* A command. */
struct cmd {
    const char *name, *summary;
    const char *help; /* usage, options with their defaults, an example            */
    const char *const
        *flags; /* options beside --help and --json, NULL-terminated, or NULL */
    int (*run)(
        const struct args *args); /* returns the exit code                           */
};

#define CMD(name) extern const struct cmd cmd_##name;
#include "cmd_list.h"
#undef CMD

/* All of them, NULL-terminated. */
extern const struct cmd *const cmds[];
/* The one of that name; NULL, with a message, if there is none. */
const struct cmd *cmd_find(const char *name);

/* The part of the help that is the same for all commands: the exit codes. */
extern const char cmd_exit_codes[];

/* ---- args.c: what comes after the command's name ------------------------------------- */

/* The arguments of a command. */
struct args {
    const struct cmd *command;
    char **rest; /* borrowed: settings "section.key=value" and words      */
    size_t rest_count, settings;
    const char *word[4]; /* what of rest is not a setting                         */
    size_t words;
    const char *output, *resume, *only, *meta;
    const char *from, *sums;
    const char *onnx, *format;
    bool json, quiet, dry_run, help;
    int threads; /* 0: not given */
    const char *pred_probs, *weights, *weight_net;
    double fail_over; /* share of wrong labels */
    bool has_fail_over;
    long top, folds, fold; /* 10, 5 and -1 if not given */
    int retries;           /* 0: not given; -1: none */
    const char *seeds;
    int jobs;      /* 0: not given          */
    double budget; /* seconds; 0: not given */
};

/* Parses argv[1..] as the command wants it. Whatever is wrong is reported already when it fails. */
mwn_status args_parse(struct args *args, const struct cmd *command, int argc, char **argv);
/* Sets what the settings and --threads say. */
mwn_status args_apply(const struct args *args, mwn_config *config, struct mwn_error *err);

/* ---- say.c: talking to the user ------------------------------------------------------ */

/* Whether errors are to be JSON objects on stdout as well. */
void say_set_json(bool json);
/* Reports an error on stderr. Returns its exit code. */
int say_error(const struct mwn_error *err);
/* The same for a call that a signal may have stopped: 130 or 143 then. */
int say_stopped(const struct mwn_error *err);
/* A mistake in the arguments of a command: MWN_ERR_CONFIG. */
__attribute__((format(printf, 2, 3))) mwn_status say_usage(const char *command,
                                                           const char *format, ...);
/* "7 s", "3:05" or "2:03:05". */
const char *say_seconds(double seconds, char out[32]);
/* "12 kB", "340 MB", ... */
const char *say_bytes(double bytes, char out[32]);
/* Flushes stdout. A failure is reported; the exit code becomes MWN_ERR_IO unless it is an
 * error's already. */
int say_finish(int code);

/* ---- report.c: the library's JSON as tables on stdout --------------------------------- */

/* Each prints one report; MWN_ERR_RUNTIME if the text is not JSON. */
int report_summary(const char *json);
/* On stderr, what of a run's summary one might not expect. */
void report_notes(const char *json);
int report_plan(const char *json);
int report_evaluation(const char *json);
int report_prediction(const char *json);
int report_export(const char *json);
int report_info(const char *json);
int report_bench(const char *json);
int report_inspect(const char *json);
int report_list(const char *what, const char *json);
/* report_audit.c */
int report_audit(const char *json);
int report_why(const char *json);

/* ---- progress.c: a line on stderr while a run trains ---------------------------------- */

struct progress {
    bool quiet, is_terminal;
    double last_line; /* seconds of the run when the last line came */
    struct mwn_progress latest;
};

/* Catches SIGINT and SIGTERM: from progress_begin() on the first asks for a stop, any other
 * kills. To be called before the library makes threads. */
void progress_watch_signals(void);
/* Does the same for commands without that line. */
void progress_catch_signals(void);
void progress_begin(struct progress *progress, bool quiet);
/* A mwn_progress_fn; user is the struct progress. */
int progress_step(const struct mwn_progress *now, void *user);
/* The line of a complete epoch. */
void progress_epoch(struct progress *progress);
/* Removes an unfinished line. */
void progress_clear(const struct progress *progress);
/* Trains a run to its end with such lines. */
mwn_status progress_train(mwn_run *run, bool quiet, struct mwn_error *err);
/* The signal that asked for a stop, or 0. */
int progress_signal(void);

#endif

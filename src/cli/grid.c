/* grid.c - trains the cells of a table, each in a process of its own: then the memory of a cell
 * is its own, a cell that crashes takes no other one along, and several can run at once.
 *
 * This process never computes, so that the threads of its children are theirs alone. They
 * report through shared memory. Killed, it takes them along; asked to stop, it asks them. */
#include "grid.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

/* What a child says. */
struct slot {
    struct mwn_progress progress;
    struct mwn_error err;
    struct mwn_cell_time time;
};

/* A child at work. */
struct job {
    pid_t pid; /* 0: none */
    size_t cell;
    double start;
    struct slot *slot; /* in shared memory */
};

struct grid {
    mwn_table *table;
    const struct grid_wish *wish;
    struct job job[JOBS_MAX];
    struct slot *slots; /* shared [jobs]                                        */
    double *seconds;    /* [cells]: that it took in this call; negative: nothing */
    bool *tried;        /* [cells]: in this call                                */
    size_t chosen, done, failed;
    bool asked, is_terminal, shows_line, measuring;
    double start, last_line;
};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static struct mwn_cell_info cell_of(const struct grid *grid, size_t i)
{
    struct mwn_cell_info cell;
    mwn_table_cell(grid->table, i, &cell);
    return cell;
}

/* ---- Children ----------------------------------------------------------------------- */

static int report_progress(const struct mwn_progress *progress, void *user)
{
    struct slot *slot = user;
    slot->progress = *progress;
    return progress_signal() != 0;
}

/* Never returns. Nothing may be written to stdout, whose buffer is the parent's. */
static void child_main(const struct grid *grid, const struct job *job, pid_t parent)
{
    struct slot *slot = job->slot;
    mwn_status status;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(MWN_ERR_RUNTIME);
    setpgid(0, 0);
    progress_watch_signals();
    if (grid->measuring)
        status = mwn_table_measure(grid->table, job->cell, &slot->time, &slot->err);
    else
        status = mwn_table_train(grid->table, job->cell, report_progress, slot, &slot->err);
    _exit((int)status);
}

static bool begin(struct grid *grid, struct job *job, size_t cell)
{
    pid_t parent = getpid();
    job->slot = &grid->slots[job - grid->job];
    memset(job->slot, 0, sizeof(*job->slot));
    job->slot->progress.accuracy = job->slot->progress.best_accuracy = -1;
    job->slot->progress.eta_seconds = -1;
    job->cell = cell;
    job->start = now();
    job->pid = fork();
    if (job->pid == 0)
        child_main(grid, job, parent);
    if (job->pid < 0)
        job->pid = 0;
    return job->pid > 0;
}

/* Asks all children to stop, once. */
static void ask_to_stop(struct grid *grid)
{
    for (int j = 0; j < grid->wish->jobs && !grid->asked; j++)
        if (grid->job[j].pid > 0)
            kill(grid->job[j].pid, SIGTERM);
    grid->asked = true;
}

/* ---- What is expected ---------------------------------------------------------------- */

/* What the cell will take: as long as others of its row and column did, or of its row; else as
 * measured before; negative if nothing is known. */
static double expected(const struct grid *grid, size_t i)
{
    struct mwn_cell_info cell = cell_of(grid, i);
    double same = 0, near = 0, sames = 0, nears = 0;
    for (size_t k = 0; k < mwn_table_count(grid->table); k++) {
        if (grid->seconds[k] < 0)
            continue;
        struct mwn_cell_info other = cell_of(grid, k);
        bool row = strcmp(other.row, cell.row) == 0;
        bool column = strcmp(other.column, cell.column) == 0;
        same += row && column ? grid->seconds[k] : 0;
        sames += row && column;
        near += row || column ? grid->seconds[k] : 0;
        nears += row || column;
    }
    if (sames > 0)
        return same / sames;
    if (cell.seconds >= 0)
        return cell.seconds;
    return nears > 0 ? near / nears : -1;
}

/* Seconds until all cells are done; negative if unknown. */
static double time_left(const struct grid *grid)
{
    double left = 0;
    for (size_t i = 0; i < mwn_table_count(grid->table); i++) {
        struct mwn_cell_info cell = cell_of(grid, i);
        if (!cell.chosen || cell.state == MWN_CELL_DONE || grid->tried[i])
            continue;
        double seconds = expected(grid, i);
        if (seconds < 0)
            return -1;
        left += seconds;
    }
    for (int j = 0; j < grid->wish->jobs; j++) {
        const struct job *job = &grid->job[j];
        if (job->pid <= 0)
            continue;
        double seconds = job->slot->progress.eta_seconds;
        if (seconds < 0)
            seconds = expected(grid, job->cell) - (now() - job->start);
        left += seconds > 0 ? seconds : 0;
    }
    return left / grid->wish->jobs;
}

/* ---- What is said ------------------------------------------------------------------- */

static void clear_line(struct grid *grid)
{
    if (grid->shows_line)
        fprintf(stderr, "\r\033[K");
    grid->shows_line = false;
}

static void say_eta(const struct grid *grid)
{
    char text[32];
    double left = grid->measuring ? -1 : time_left(grid);
    if (left >= 0)
        fprintf(stderr, "  all done in %s", say_seconds(left, text));
    fprintf(stderr, "\n");
}

static void say_cell(const struct grid *grid, size_t i)
{
    struct mwn_cell_info cell = cell_of(grid, i);
    fprintf(stderr, "[%zu/%zu] %s/%s/seed%" PRId64, grid->done + grid->failed, grid->chosen,
            cell.row, cell.column, cell.seed);
}

/* A line about the children, a few times a second on a terminal, else twice a minute. */
static void say_progress(struct grid *grid)
{
    double at = now();
    if (grid->wish->quiet || at - grid->last_line < (grid->is_terminal ? 0.5 : 30))
        return;
    grid->last_line = at;
    clear_line(grid);
    for (int j = 0; j < grid->wish->jobs; j++) {
        const struct job *job = &grid->job[j];
        const struct mwn_progress *p = &job->slot->progress;
        if (job->pid <= 0)
            continue;
        struct mwn_cell_info cell = cell_of(grid, job->cell);
        fprintf(stderr, "%s/%s/seed%" PRId64 " %zu/%zu", cell.row, cell.column, cell.seed,
                p->epoch, p->epochs);
        if (p->accuracy >= 0)
            fprintf(stderr, " %.2f %%", 100 * p->accuracy);
        fprintf(stderr, "; ");
    }
    double left = grid->measuring ? -1 : time_left(grid);
    char text[32];
    fprintf(stderr, "%zu of %zu done", grid->done, grid->chosen);
    if (left >= 0)
        fprintf(stderr, ", all in %s", say_seconds(left, text));
    fprintf(stderr, grid->is_terminal ? "" : "\n");
    grid->shows_line = grid->is_terminal;
    fflush(stderr);
}

static void say_done(struct grid *grid, const struct job *job)
{
    const struct mwn_progress *p = &job->slot->progress;
    char text[32];
    if (grid->wish->quiet)
        return;
    clear_line(grid);
    say_cell(grid, job->cell);
    if (!grid->measuring && p->accuracy >= 0)
        fprintf(stderr, "  last %.2f %%  best %.2f %%", 100 * p->accuracy,
                100 * p->best_accuracy);
    fprintf(stderr, "  %s", say_seconds(now() - job->start, text));
    say_eta(grid);
}

static void say_failed(struct grid *grid, const struct job *job, int state)
{
    clear_line(grid);
    fprintf(stderr, "mwnet: ");
    say_cell(grid, job->cell);
    if (WIFSIGNALED(state))
        fprintf(stderr, ": killed by signal %d\n", WTERMSIG(state));
    else
        fprintf(stderr, ": %s\n", job->slot->err.text);
    if (!WIFSIGNALED(state) && job->slot->err.hint[0])
        fprintf(stderr, "hint: %s\n", job->slot->err.hint);
}

/* ---- The work ----------------------------------------------------------------------- */

/* Keeps the files of results up to date. What fails here fails again, and is reported, at the
 * end. */
static void write_results(const struct grid *grid)
{
    struct mwn_error unused = {0};
    if (!grid->measuring && mwn_table_write(grid->table, NULL, NULL, &unused) != MWN_OK)
        return;
}

static void end(struct grid *grid, struct job *job, int state)
{
    bool stopped = WIFEXITED(state) && WEXITSTATUS(state) == MWN_INTERRUPTED;
    bool fine = WIFEXITED(state) && WEXITSTATUS(state) == 0;
    job->pid = 0;
    if (stopped || (grid->asked && !fine))
        return;
    if (fine) {
        grid->done++;
        grid->seconds[job->cell] = now() - job->start;
        if (grid->measuring)
            mwn_table_note_time(grid->table, job->cell, &job->slot->time);
        say_done(grid, job);
    } else {
        grid->failed++;
        say_failed(grid, job, state);
    }
    write_results(grid);
}

/* The next cell that is to be trained, or measured; `count` if there is none. */
static size_t next_cell(const struct grid *grid, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mwn_cell_info cell = cell_of(grid, i);
        bool open = grid->measuring || cell.state != MWN_CELL_DONE;
        if (cell.chosen && open && !grid->tried[i])
            return i;
    }
    return count;
}

/* Of all seeds of a row and column only the first is measured. */
static void skip_seeds(struct grid *grid, size_t i)
{
    struct mwn_cell_info cell = cell_of(grid, i);
    for (size_t k = i + 1; k < mwn_table_count(grid->table); k++) {
        struct mwn_cell_info other = cell_of(grid, k);
        if (strcmp(other.row, cell.row) == 0 && strcmp(other.column, cell.column) == 0)
            grid->tried[k] = true;
    }
}

/* Gives free places something to do; whether anybody is at work then. */
static bool fill(struct grid *grid)
{
    size_t count = mwn_table_count(grid->table);
    int jobs = grid->measuring ? 1 : grid->wish->jobs;
    bool busy = false;
    for (int j = 0; j < jobs; j++) {
        size_t i = grid->job[j].pid == 0 && !grid->asked ? next_cell(grid, count) : count;
        if (i < count) {
            grid->tried[i] = true;
            if (grid->measuring)
                skip_seeds(grid, i);
            if (!begin(grid, &grid->job[j], i))
                grid->failed++;
        }
        busy = busy || grid->job[j].pid > 0;
    }
    return busy;
}

/* Goes through all cells until none is left, or a stop is wished for. */
static void work(struct grid *grid)
{
    const struct timespec pause = {0, 50000000L};
    grid->done = grid->failed = grid->chosen = 0;
    for (size_t i = 0; i < mwn_table_count(grid->table); i++) {
        struct mwn_cell_info cell = cell_of(grid, i);
        grid->tried[i] = false;
        grid->chosen += cell.chosen;
        grid->done += !grid->measuring && cell.chosen && cell.state == MWN_CELL_DONE;
    }
    while (fill(grid)) {
        int state = 0;
        pid_t pid = waitpid(-1, &state, WNOHANG);
        for (int j = 0; pid > 0 && j < grid->wish->jobs; j++)
            if (grid->job[j].pid == pid)
                end(grid, &grid->job[j], state);
        if (progress_signal() && !grid->asked)
            ask_to_stop(grid);
        if (pid > 0)
            continue;
        say_progress(grid);
        nanosleep(&pause, NULL);
    }
    clear_line(grid);
}

/* ---- The report --------------------------------------------------------------------- */

static const char *state_name(enum mwn_cell_state state)
{
    static const char *const names[] = {"new", "begun", "failed", "done"};
    return names[state];
}

/* The cells with what they will take. */
static void list_cells(const struct grid *grid)
{
    double sum = 0;
    char text[MWN_SCALE_TEXT];
    mwn_table_scale_text(grid->table, text, sizeof(text));
    if (text[0])
        printf("%s\n", text);
    for (size_t i = 0; i < mwn_table_count(grid->table); i++) {
        struct mwn_cell_info cell = cell_of(grid, i);
        if (!cell.chosen)
            continue;
        printf("%-6s %s/%s/seed%" PRId64, state_name(cell.state), cell.row, cell.column,
               cell.seed);
        if (cell.seconds >= 0)
            printf("  %s", say_seconds(cell.seconds, text));
        printf("\n");
        sum += cell.state == MWN_CELL_DONE || cell.seconds < 0 ? 0 : cell.seconds;
    }
    printf("in all, %d at once: %s\n", grid->wish->jobs,
           say_seconds(sum / grid->wish->jobs, text));
}

static int report(const struct grid *grid)
{
    struct mwn_error err = {0};
    char *json = NULL, *page = NULL;
    if (mwn_table_write(grid->table, &json, &page, &err) != MWN_OK)
        return say_error(&err);
    if (grid->wish->json)
        printf("%s\n", json);
    else
        printf("%s", page);
    mwn_text_free(json);
    mwn_text_free(page);
    if (grid->failed == 0)
        return 0;
    fprintf(stderr, "mwnet: %zu of %zu runs failed\n", grid->failed, grid->chosen);
    return MWN_INCOMPLETE;
}

static int report_stop(void)
{
    struct mwn_error err = {.status = MWN_INTERRUPTED};
    snprintf(err.text, sizeof(err.text), "stopped on request");
    snprintf(err.hint, sizeof(err.hint), "the state is saved; the same command goes on");
    return say_stopped(&err);
}

/* ---- All of it ---------------------------------------------------------------------- */

static bool grid_init(struct grid *grid, mwn_table *table, const struct grid_wish *wish)
{
    size_t count = mwn_table_count(table);
    grid->table = table;
    grid->wish = wish;
    grid->is_terminal = isatty(STDERR_FILENO) == 1;
    grid->start = grid->last_line = now();
    grid->slots = mmap(NULL, (size_t)wish->jobs * sizeof(struct slot),
                       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    grid->seconds = malloc(count * sizeof(*grid->seconds));
    grid->tried = calloc(count, sizeof(*grid->tried));
    for (size_t i = 0; grid->seconds && i < count; i++)
        grid->seconds[i] = -1;
    return grid->slots != MAP_FAILED && grid->seconds && grid->tried;
}

static void grid_release(struct grid *grid)
{
    if (grid->slots != MAP_FAILED)
        munmap(grid->slots, (size_t)grid->wish->jobs * sizeof(struct slot));
    free(grid->seconds);
    free(grid->tried);
}

/* Measures every row and column where that is needed. */
static void measure(struct grid *grid)
{
    bool asked = grid->wish->dry_run || grid->wish->budget > 0;
    if (!asked || mwn_table_is_scaled(grid->table))
        return;
    grid->measuring = true;
    work(grid);
    grid->measuring = false;
    for (size_t i = 0; i < mwn_table_count(grid->table); i++)
        grid->seconds[i] = -1;
}

/* To what --budget says, unless an earlier call has done so. A dry run only looks at it. */
static mwn_status scale(const struct grid *grid, struct mwn_error *err)
{
    const struct grid_wish *wish = grid->wish;
    if (!(wish->budget > 0))
        return MWN_OK;
    if (!mwn_table_is_scaled(grid->table))
        return mwn_table_fit(grid->table, wish->budget, wish->jobs, !wish->dry_run, err);
    fprintf(stderr, "the table was scaled before; the budget is not looked at again\n");
    return MWN_OK;
}

static int run(struct grid *grid)
{
    struct mwn_error err = {0};
    measure(grid);
    if (grid->asked)
        return report_stop();
    if (grid->failed > 0) /* Times and a scale of the others would be wrong. */
        return MWN_INCOMPLETE;
    if (scale(grid, &err) != MWN_OK)
        return say_error(&err);
    if (grid->wish->dry_run) {
        list_cells(grid);
        return 0;
    }
    work(grid);
    return grid->asked ? report_stop() : report(grid);
}

int grid_run(mwn_table *table, const struct grid_wish *wish)
{
    struct grid grid = {0};
    int code = MWN_ERR_MEMORY;
    if (wish->jobs > JOBS_MAX)
        return (int)say_usage(wish->command, "--jobs: at most %d", JOBS_MAX);
    progress_watch_signals();
    progress_catch_signals();
    if (grid_init(&grid, table, wish))
        code = run(&grid);
    grid_release(&grid);
    return code;
}

/* The threads of a run: as the user says, or a fair share of the processors. */
static mwn_status set_threads(const struct args *args, mwn_config *config,
                              struct mwn_error *err)
{
    char number[24];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (args->threads || args->jobs < 2)
        return MWN_OK;
    snprintf(number, sizeof(number), "%ld",
             processors > args->jobs ? processors / args->jobs : 1L);
    return mwn_config_set(config, "train.threads", number, err);
}

mwn_status grid_gather(const struct args *args, bool settings, mwn_config **out,
                       struct mwn_error *err)
{
    struct args threads_only = *args;
    if (!settings)
        threads_only.rest_count = 0;
    mwn_status status = mwn_config_create(out, err);
    if (status == MWN_OK)
        status = set_threads(args, *out, err);
    if (status == MWN_OK)
        status = args_apply(&threads_only, *out, err);
    return status;
}

void grid_choose_dir(const struct args *args, const char *base, char out[GRID_DIR_SIZE])
{
    const char *slash = strrchr(args->word[0], '/');
    const char *name = slash ? slash + 1 : args->word[0];
    const char *dot = strrchr(name, '.');
    int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    if (args->output)
        snprintf(out, GRID_DIR_SIZE, "%s", args->output);
    else
        snprintf(out, GRID_DIR_SIZE, "%s/%.*s", base, length, name);
}

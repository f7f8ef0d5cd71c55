/* test_torture.c - small runs whose allocations and I/O calls fail, one after another: every
 * failure is reported by its own status or does no harm, nothing leaks, and the run's folder
 * can be taken up again and ends with the bytes of a run that nothing happened to. */
#include "data_files.h"
#include "tier.h"

#include "base/file.h"
#include "base/status.h"
#include "tensor/npy.h"

#include <ftw.h>

enum { CLASSES = 4, EPOCHS = 2, DENSE_FAST = 24 };

/* A kind of failure: its switch, the count of the calls that it can hit, what it must be
 * reported as. */
struct failure {
    const char *name;
    void (*begin)(uint64_t n);
    uint64_t (*count)(void);
    mwn_status status;
};

static const struct failure no_memory = {"no memory from allocation", mwn_mem_fail_after,
                                         mwn_mem_count, MWN_ERR_MEMORY};
static const struct failure memory_once = {"no memory for allocation", mwn_mem_fail_once,
                                           mwn_mem_count, MWN_ERR_MEMORY};
static const struct failure no_file = {"no file from I/O call", mwn_file_fail_after,
                                       mwn_file_count, MWN_ERR_IO};
static const struct failure file_once = {"no file for I/O call", mwn_file_fail_once,
                                         mwn_file_count, MWN_ERR_IO};

struct scenario {
    const char *model, *method, *meta, *threads;
    uint64_t dense;   /* every call up to this one is made to fail, then one of some */
    const char *data; /* a file in the folder; NULL: the folder itself, IDX          */
};

static const struct scenario mlp_mwnet = {"mlp", "mwnet", "1", "0", 500, NULL};
static const struct scenario mlp_ce = {"mlp", "ce", "0", "1", 20, NULL};
static const struct scenario smallconv_mwnet = {"smallconv", "mwnet", "1", "0", 8, NULL};
static const struct scenario npy_ce = {"mlp", "ce", "0", "1", 500, "X.npy"};
static const struct scenario csv_ce = {"mlp", "ce", "0", "1", 500, "table.csv"};

struct world {
    const struct scenario *scenario;
    mwn_config *config;
    mwn_run *run;
    char *json, *expected; /* what evaluate and the like say, and should say */
    char recipe[DATA_PATH];
    char dir[DATA_PATH],
        reference[DATA_PATH]; /* the run under torture, an undisturbed one    */
    char data[DATA_PATH];     /* what is trained on                           */
    char out[DATA_PATH];      /* the file that a stage writes                 */
    struct mwn_bytes written; /* what an undisturbed stage has written there  */
};

/* One call of the public interface under torture. */
struct stage {
    const char *name;
    void (*before)(struct world *w);
    mwn_status (*call)(struct world *w, struct mwn_error *err);
    void (*after)(struct world *w, mwn_status status);
};

/* ---- Helpers ------------------------------------------------------------------------ */

static void must(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK)
        fail_msg("%s: %s", mwn_status_name(status), err->text);
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_folder(const char *dir)
{
    if (mwn_path_exists(dir))
        assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void read_in(const char *dir, const char *name, struct mwn_bytes *out)
{
    struct mwn_error err = {0};
    char *path = mwn_path_join(dir, name);
    assert_non_null(path);
    must(mwn_file_read_plain(path, (size_t)1 << 24, out, &err), &err);
    mwn_free(path);
}

static void append_to(const char *dir, const char *name, const char *line)
{
    struct mwn_error err = {0};
    char *path = mwn_path_join(dir, name);
    assert_non_null(path);
    must(mwn_file_append(path, line, &err), &err);
    mwn_free(path);
}

static void close_run(struct world *w)
{
    mwn_run_free(w->run);
    w->run = NULL;
}

static void run_epochs(struct world *w, int count)
{
    struct mwn_error err = {0};
    for (int i = 0; i < count && mwn_run_more(w->run); i++)
        must(mwn_run_epoch(w->run, &err), &err);
}

/* Whether the folder looks as if nothing had ever failed in it. */
static void check_finished(const struct world *w)
{
    static const char *const same[] = {"last/state.safetensors", "last/model.safetensors",
                                       "best/model.safetensors", "weights.npy",
                                       "journal.npy"};
    struct mwn_bytes a = {0}, b = {0};
    for (size_t i = 0; i < MWN_COUNT(same); i++) {
        read_in(w->dir, same[i], &a);
        read_in(w->reference, same[i], &b);
        if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
            fail_msg("%s is not that of an undisturbed run", same[i]);
        mwn_bytes_release(&a);
        mwn_bytes_release(&b);
    }
    int lines = 0;
    read_in(w->dir, "record.jsonl", &a);
    for (size_t i = 0; i < a.size; i++)
        lines += a.data[i] == '\n';
    assert_int_equal(lines, EPOCHS);
    mwn_bytes_release(&a);
    read_in(w->dir, "summary.json", &a);
    mwn_bytes_release(&a);
}

static void finish(struct world *w)
{
    run_epochs(w, EPOCHS);
    close_run(w);
    check_finished(w);
}

/* ---- Stages ------------------------------------------------------------------------- */

static mwn_status call_config(struct world *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct scenario *s = w->scenario;
    const char *const pairs[][2] = {{"data.path", w->data},
                                    {"data.meta_per_class", s->meta},
                                    {"data.threads", s->threads},
                                    {"model.name", s->model},
                                    {"method.name", s->method}};
    MWN_TRY(mwn_config_create(&w->config, err));
    MWN_TRY(mwn_config_read(w->config, w->recipe, err));
    for (size_t i = 0; i < MWN_COUNT(pairs); i++)
        MWN_TRY(mwn_config_set(w->config, pairs[i][0], pairs[i][1], err));
out:
    if (status != MWN_OK) {
        mwn_config_free(w->config);
        w->config = NULL;
    }
    return status;
}

static void drop_config(struct world *w, mwn_status status)
{
    (void)status;
    mwn_config_free(w->config);
    w->config = NULL;
}

static mwn_status call_create(struct world *w, struct mwn_error *err)
{
    return mwn_run_create(&w->run, w->config, w->dir, err);
}

static void check_created(struct world *w, mwn_status status)
{
    assert_true((w->run != NULL) == (status == MWN_OK));
    if (status == MWN_OK)
        finish(w);
    else if (mwn_path_exists(w->dir))
        fail_msg("a folder is left behind");
    remove_folder(w->dir);
}

static void begin_run(struct world *w)
{
    struct mwn_error err = {0};
    remove_folder(w->dir);
    must(call_create(w, &err), &err);
}

static void begin_second_epoch(struct world *w)
{
    begin_run(w);
    run_epochs(w, 1);
}

static mwn_status call_epoch(struct world *w, struct mwn_error *err)
{
    return mwn_run_epoch(w->run, err);
}

static void check_epoch(struct world *w, mwn_status status)
{
    struct mwn_error err = {0};
    (void)status;
    close_run(w);
    must(mwn_run_resume(&w->run, w->dir, NULL, &err), &err);
    finish(w);
}

/* A run that was killed after its first checkpoint. */
static void begin_resume(struct world *w)
{
    if (!mwn_path_exists(w->dir)) {
        begin_second_epoch(w);
        close_run(w);
    }
    append_to(w->dir, "record.jsonl", "{\"epoch\": 2, \"loss\"");
    append_to(w->dir, "last/model.safetensors.tmp-1", "half a model");
}

static mwn_status call_resume(struct world *w, struct mwn_error *err)
{
    mwn_config *changes = NULL;
    mwn_status status = mwn_config_create(&changes, err);
    if (status == MWN_OK)
        status = mwn_config_set(changes, "train.threads", "1", err);
    if (status == MWN_OK)
        status = mwn_run_resume(&w->run, w->dir, changes, err);
    mwn_config_free(changes);
    return status;
}

static void check_resumed(struct world *w, mwn_status status)
{
    assert_true((w->run != NULL) == (status == MWN_OK));
    if (status != MWN_OK)
        return;
    finish(w);
    remove_folder(w->dir);
}

static mwn_status call_evaluate(struct world *w, struct mwn_error *err)
{
    return mwn_evaluate(w->reference, NULL, &w->json, err);
}

static mwn_status call_info(struct world *w, struct mwn_error *err)
{
    return mwn_info(w->reference, &w->json, err);
}

static void begin_summary(struct world *w)
{
    struct mwn_error err = {0};
    if (!w->run)
        must(mwn_run_resume(&w->run, w->reference, NULL, &err), &err);
}

static mwn_status call_summary(struct world *w, struct mwn_error *err)
{
    return mwn_run_summary(w->run, &w->json, err);
}

/* What was said up to the first measured time is what an undisturbed call says. */
static void check_text(struct world *w, mwn_status status)
{
    assert_true((w->json != NULL) == (status == MWN_OK));
    if (!w->json)
        return;
    const char *end = strstr(w->json, "seconds\"");
    size_t size = end ? (size_t)(end - w->json) : strlen(w->json);
    if (!w->expected)
        w->expected = w->json;
    else if (strncmp(w->json, w->expected, size) != 0)
        fail_msg("'%s' instead of '%s'", w->json, w->expected);
    else
        mwn_text_free(w->json);
    w->json = NULL;
}

/* ---- Stages that write a file ------------------------------------------------------- */

static mwn_status predict_as(struct world *w, bool npy, struct mwn_error *err)
{
    const struct mwn_prediction what = {.data = w->data, .out = w->out, .npy = npy};
    return mwn_predict(w->reference, NULL, &what, &w->json, err);
}

static mwn_status call_predict_csv(struct world *w, struct mwn_error *err)
{
    return predict_as(w, false, err);
}

static mwn_status call_predict_npy(struct world *w, struct mwn_error *err)
{
    return predict_as(w, true, err);
}

static mwn_status call_export_onnx(struct world *w, struct mwn_error *err)
{
    return mwn_export_onnx(w->reference, NULL, w->out, &w->json, err);
}

static mwn_status call_export_weight_net(struct world *w, struct mwn_error *err)
{
    return mwn_export_weight_net(w->reference, w->out, err);
}

/* The file is whole, with the bytes of an undisturbed call, or not there; nor is a part of it. It
 * may be whole in spite of a failure, of what comes after it. */
static void check_file(struct world *w, mwn_status status)
{
    struct mwn_bytes now = {0};
    struct mwn_names names = {0};
    struct mwn_error err = {0};
    mwn_text_free(w->json);
    w->json = NULL;
    if (mwn_path_exists(w->out)) {
        must(mwn_file_read_plain(w->out, (size_t)1 << 24, &now, &err), &err);
        if (w->written.data)
            assert_true(now.size == w->written.size &&
                        memcmp(now.data, w->written.data, now.size) == 0);
        else
            w->written = now;
        if (now.data != w->written.data)
            mwn_bytes_release(&now);
    } else {
        assert_int_not_equal(status, MWN_OK);
    }
    must(mwn_path_remove(w->out, &err), &err);
    must(mwn_path_list(data_folder, &names, &err), &err);
    for (size_t i = 0; i < names.count; i++)
        if (strncmp(names.name[i], "out.", 4) == 0)
            fail_msg("%s is left behind", names.name[i]);
    mwn_names_release(&names);
}

static const struct stage config_stage = {"config", NULL, call_config, drop_config};
static const struct stage stages[] = {
    {"create", NULL, call_create, check_created},
    {"first epoch", begin_run, call_epoch, check_epoch},
    {"second epoch", begin_second_epoch, call_epoch, check_epoch},
    {"resume", begin_resume, call_resume, check_resumed},
    {"evaluate", NULL, call_evaluate, check_text},
    {"info", NULL, call_info, check_text},
    {"summary", begin_summary, call_summary, check_text},
    {"predict as csv", NULL, call_predict_csv, check_file},
    {"predict as npy", NULL, call_predict_npy, check_file},
    {"export as onnx", NULL, call_export_onnx, check_file},
};
static const struct stage export_stage = {"export the weight net", NULL,
                                          call_export_weight_net, check_file};

/* ---- The torture -------------------------------------------------------------------- */

static mwn_status one_pass(struct world *w, const struct stage *stage,
                           const struct failure *failure, uint64_t n, uint64_t *calls)
{
    struct mwn_error err = {0};
    if (stage->before)
        stage->before(w);
    uint64_t before = failure->count();
    failure->begin(n);
    mwn_status status = stage->call(w, &err);
    failure->begin(0);
    *calls = failure->count() - before;
    bool reported = status == failure->status && err.status == status && err.text[0];
    if (status != MWN_OK && (*calls < n || n == 0 || !reported))
        fail_msg("%s: %s %llu of %llu: status %s: %s", stage->name, failure->name,
                 (unsigned long long)n, (unsigned long long)*calls, mwn_status_name(status),
                 err.text);
    if (stage->after)
        stage->after(w, status);
    return status;
}

/* A pass without a failure, then passes with one at call n for growing n until a pass has
 * fewer calls. One may succeed all the same: what only tidies up need not. */
static void torture(struct world *w, const struct stage *stage,
                    const struct failure *failure)
{
    uint64_t n = 0, calls = 0;
    uint64_t dense = tier_is_fast() ? DENSE_FAST : w->scenario->dense;
    size_t failed = 0;
    do {
        failed += one_pass(w, stage, failure, n, &calls) != MWN_OK;
        n += n < dense ? 1 : 1 + n / 4;
    } while (n <= calls + 1);
    assert_true(failed > 0 || calls == 0);
    mwn_text_free(w->expected);
    w->expected = NULL;
    mwn_bytes_release(&w->written);
}

static void torture_all(const struct scenario *scenario, const struct failure *failure)
{
    struct mwn_error err = {0};
    struct world w = {.scenario = scenario};
    (void)snprintf(w.recipe, sizeof w.recipe, "%s/recipe.yaml", data_folder);
    (void)snprintf(w.reference, sizeof w.reference, "%s/reference", data_folder);
    (void)snprintf(w.dir, sizeof w.dir, "%s/run", data_folder);
    (void)snprintf(w.out, sizeof w.out, "%s/out.json", data_folder);
    (void)snprintf(w.data, sizeof w.data, "%s/%s", data_folder,
                   scenario->data ? scenario->data : "");
    remove_folder(w.reference);
    torture(&w, &config_stage, failure);
    must(call_config(&w, &err), &err);
    must(mwn_run_create(&w.run, w.config, w.reference, &err), &err);
    run_epochs(&w, EPOCHS);
    close_run(&w);
    for (size_t i = 0; i < MWN_COUNT(stages); i++) {
        remove_folder(w.dir);
        torture(&w, &stages[i], failure);
        close_run(&w);
    }
    if (strcmp(scenario->method, "mwnet") == 0)
        torture(&w, &export_stage, failure);
    mwn_config_free(w.config);
}

static void test_mlp_survives_the_end_of_memory(void **state)
{
    (void)state;
    torture_all(&mlp_mwnet, &no_memory);
}

static void test_mlp_survives_a_failed_allocation(void **state)
{
    (void)state;
    torture_all(&mlp_mwnet, &memory_once);
}

static void test_mlp_survives_the_end_of_the_disk(void **state)
{
    (void)state;
    torture_all(&mlp_mwnet, &no_file);
}

static void test_mlp_survives_a_failed_io_call(void **state)
{
    (void)state;
    torture_all(&mlp_mwnet, &file_once);
}

static void test_plain_training_survives_failures(void **state)
{
    (void)state;
    torture_all(&mlp_ce, &no_memory);
    torture_all(&mlp_ce, &file_once);
}

static void test_convolutions_survive_failures(void **state)
{
    (void)state;
    torture_all(&smallconv_mwnet, &no_memory);
    torture_all(&smallconv_mwnet, &memory_once);
    torture_all(&smallconv_mwnet, &no_file);
}

static void test_arrays_survive_failures(void **state)
{
    (void)state;
    torture_all(&npy_ce, &no_memory);
    torture_all(&npy_ce, &memory_once);
    torture_all(&npy_ce, &file_once);
}

static void test_tables_survive_failures(void **state)
{
    (void)state;
    torture_all(&csv_ce, &no_memory);
    torture_all(&csv_ce, &memory_once);
    torture_all(&csv_ce, &file_once);
}

/* Forty rows of five features, as arrays and as a table with a column of texts and holes. */
static void put_tables(void)
{
    enum { ROWS = 40, FEATURES = 5 };
    static const size_t shape[] = {ROWS, FEATURES};
    static const char *const colours[] = {"red", "green", "\"deep, blue\""};
    struct mwn_buf table = {0};
    float x[ROWS * FEATURES];
    int32_t y[ROWS];
    for (size_t i = 0; i < MWN_COUNT(x); i++)
        x[i] = (float)(i * 7 % 31) / 10;
    mwn_buf_printf(&table, "id,colour,size,label\n");
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = (int32_t)(i % CLASSES);
        mwn_buf_printf(&table, "row%zu,%s,", i, colours[i % 3]);
        if (i % 9 != 8)
            mwn_buf_printf(&table, "%g", (double)x[i]);
        mwn_buf_printf(&table, ",class %zu\n", i % CLASSES);
    }
    assert_int_equal(mwn_npy_write(data_path("X.npy"), MWN_NPY_F32, 2, shape, x, NULL),
                     MWN_OK);
    assert_int_equal(mwn_npy_write(data_path("y.npy"), MWN_NPY_I32, 1, shape, y, NULL),
                     MWN_OK);
    data_write_text("table.csv", table.text);
    mwn_buf_release(&table);
}

/* In memory where the system has such a folder: every pass waits for the disk some ten times. */
static int make_files(void **state)
{
    (void)snprintf(data_folder, sizeof data_folder, "/dev/shm/mwn-data-XXXXXX");
    if (!mkdtemp(data_folder) && data_make_folder(state) != 0)
        return -1;
    data_put_idx("train-images-idx3-ubyte", data_idx_images(40 + CLASSES, 8, 1));
    data_put_idx("train-labels-idx1-ubyte", data_idx_labels(40 + CLASSES, CLASSES));
    data_put_idx("t10k-images-idx3-ubyte.gz", data_idx_images(13, 8, 2));
    data_put_idx("t10k-labels-idx1-ubyte.gz", data_idx_labels(13, CLASSES));
    put_tables();
    data_write_text("recipe.yaml",
                    "data:\n  valid_per_class: 0\n  noise: uniform\n  noise_rate: 0.4\n"
                    "model:\n  hidden: [8]\n"
                    "train:\n  epochs: 2\n  batch: 20\n  lr: 0.05\n  lr_drops: [1]\n"
                    "  eval_batch: 8\n  threads: 1\n"
                    "meta:\n  batch: 4\n");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlp_survives_the_end_of_memory),
        cmocka_unit_test(test_mlp_survives_a_failed_allocation),
        cmocka_unit_test(test_mlp_survives_the_end_of_the_disk),
        cmocka_unit_test(test_mlp_survives_a_failed_io_call),
        cmocka_unit_test(test_plain_training_survives_failures),
        cmocka_unit_test(test_convolutions_survive_failures),
        cmocka_unit_test(test_arrays_survive_failures),
        cmocka_unit_test(test_tables_survive_failures),
    };
    return cmocka_run_group_tests_name("torture", tests, make_files, data_remove_folder);
}

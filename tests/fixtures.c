/* fixtures.c - runs every case of a folder of oracle fixtures: whole iterations of
 * Meta-Weight-Net, L2RW and class-aware weights, step by step and by the method itself, and the
 * losses; compares every tensor that the manifest lists.
 *
 *   fixtures DIR [--backend ref64|ref32|dnnl|simd] [--tolerance X]
 *
 * Without --backend: the reference in double to 1e-9 and, where they are built in, oneDNN and the
 * vector kernels alone in float to 2e-4. One line a case: the worst error, then the error of every kind of tensor, each being
 * max|a-b| / max|b|, the largest over the tensors of the kind. Exit code 1 if one is too large. */
#include "fixture_run.h"
#include "nn/loss.h"
#include "nn/simd.h"

#include <stdlib.h>

/* Above METHOD_PARAMS parameters a case is not run a second time by the method itself. */
enum { KINDS_MAX = 64, METHOD_PARAMS = 100000 };

static const struct backend backends[] = {
    {"ref64", "ref", MWN_F64, 1e-9},
#ifdef MWN_HAVE_DNNL
    {"dnnl", "dnnl", MWN_F32, 2e-4},
#endif
    {"simd", "simd", MWN_F32, 2e-4},
    {"ref32", "ref", MWN_F32, 2e-4},
};

/* ---- comparing ---- */

/* The worst error of each kind of tensor, in the manifest's order. */
struct report {
    char kind[KINDS_MAX][48];
    double error[KINDS_MAX];
    size_t count;
    char worst_key[96];
    double worst;
};

static void report_add(struct report *report, const char *prefix, const char *key,
                       double error)
{
    char kind[48];
    int length = (int)strcspn(key, "/");
    snprintf(kind, sizeof kind, "%s%.*s", prefix, length, key);
    size_t i = 0;
    while (i < report->count && strcmp(report->kind[i], kind) != 0)
        i++;
    if (i == report->count && i < KINDS_MAX) {
        snprintf(report->kind[i], sizeof report->kind[i], "%s", kind);
        report->count++;
    }
    if (i < KINDS_MAX && !(error <= report->error[i]))
        report->error[i] = error;
    if (report->worst_key[0] == '\0' || !(error <= report->worst)) {
        report->worst = error;
        snprintf(report->worst_key, sizeof report->worst_key, "%s%s", prefix, key);
    }
}

/* max|a-b| / max|b|; without b's size where b is zero. Infinite if a is not a number. */
static double relative_error(size_t n, const double *a, const double *b)
{
    double most = 0, error = 0;
    for (size_t i = 0; i < n; i++) {
        double e = fabs(a[i] - b[i]);
        if (!(e <= error))
            error = isfinite(e) ? e : (double)INFINITY;
        most = fmax(most, fabs(b[i]));
    }
    return most > 0 ? error / most : error;
}

static double norm(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* "l2norms/KIND": the norm of every parameter's part of a vector. */
static bool fetch_norms(const struct run *run, const char *kind, size_t count, double *out)
{
    const struct result *r = find_result(run, kind);
    if (!r || !r->vector || count != fixture_params(run->c))
        return false;
    for (size_t j = 0; j < count; j++) {
        const struct fixture_param param = fixture_param(run->c, j);
        int p = fixture_find(mwn_net_graph(run->net), param.name, param.count);
        double *values = p >= 0 ? mwn_alloc(param.count, sizeof *values) : NULL;
        if (!values)
            return false;
        mwn_net_get(run->net, r->vector, p, values);
        out[j] = norm(param.count, values);
        mwn_free(values);
    }
    return true;
}

/* "bn_running_mean/NAME" and "bn_running_var/NAME". */
static bool fetch_statistics(const struct run *run, const char *name, bool variance,
                             size_t count, double *out)
{
    const struct mwn_graph *graph = mwn_net_graph(run->net);
    for (int s = 0; s < graph->stats_count; s++) {
        int channels = 0;
        if (strcmp(mwn_net_stats_name(run->net, s, &channels), name) != 0)
            continue;
        double *other = mwn_alloc(count, sizeof *other);
        bool fits = other && (size_t)channels == count;
        if (fits)
            mwn_net_get_stats(run->net, s, variance ? other : out, variance ? out : other);
        mwn_free(other);
        return fits;
    }
    return false;
}

/* Our value of output `key`, count numbers. */
static bool fetch(const struct run *run, const char *key, size_t count, double *out)
{
    char kind[64];
    size_t length = strcspn(key, "/"), at = 0, part = 0;
    const char *rest = key[length] ? key + length + 1 : "";
    snprintf(kind, sizeof kind, "%.*s", (int)length, key);
    if (strcmp(kind, "l2norms") == 0)
        return fetch_norms(run, rest, count, out);
    if (strcmp(kind, "bn_running_mean") == 0 || strcmp(kind, "bn_running_var") == 0)
        return fetch_statistics(run, rest, kind[11] == 'v', count, out);
    const struct result *r = find_result(run, kind);
    if (!r)
        return false;
    if (r->vector) {
        int p = fixture_find(mwn_net_graph(run->net), rest, count);
        if (p >= 0)
            mwn_net_get(run->net, r->vector, p, out);
        return p >= 0;
    }
    if (r->of_theta && (!theta_part(&run->v, rest, &at, &part) || part != count))
        return false;
    if (!r->of_theta && (r->count != count || *rest))
        return false;
    memcpy(out, r->values + at, count * sizeof *out);
    return true;
}

static size_t tensor_count(const json_t *tensor)
{
    const json_t *shape = json_object_get(tensor, "shape");
    size_t count = 1;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        json_int_t size = json_integer_value(json_array_get(shape, i));
        count = size > 0 && size < FIXTURE_COUNT ? count * (size_t)size : 0;
        count = count < FIXTURE_COUNT ? count : 0;
    }
    return count;
}

/* Compares the case's outputs: all of them, or those that the run has a result for. */
static mwn_status compare(const struct run *run, bool all, const char *prefix,
                          struct report *report, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const char *key;
    json_t *tensor;
    json_object_foreach(json_object_get(run->c->entry, "outputs"), key, tensor)
    {
        size_t count = tensor_count(tensor);
        double *wanted = NULL, *mine = mwn_alloc(count, sizeof *mine);
        bool have = mine && fetch(run, key, count, mine);
        if (!mine)
            status = mwn_fail_memory(err, count * sizeof *mine, key);
        else if (!have && all)
            status = mwn_fail(err, MWN_ERR_DATA, "case %s: nothing to compare with %s",
                              run->c->name, key);
        else if (have)
            status = fixture_load(run->c, tensor, count, &wanted, err);
        if (status == MWN_OK && have && wanted)
            report_add(report, prefix, key, relative_error(count, mine, wanted));
        mwn_free(mine);
        mwn_free(wanted);
        if (status != MWN_OK)
            break;
    }
    return status;
}

/* ---- cases ---- */

/* Opens the case, runs it one way and compares. */
static mwn_status run_way(const struct fixture_case *c, const struct backend *backend,
                          bool by_method, struct report *report, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct run *run = mwn_alloc(1, sizeof *run);
    if (!run)
        return mwn_fail_memory(err, sizeof *run, "a case");
    run->c = c;
    run->backend = backend;
    MWN_TRY(open_run(run, err));
    if (by_method && run->v.width[run->v.layers] != 1)
        goto out; /* The method has one head. */
    if (by_method && mwn_net_count(run->net) > METHOD_PARAMS)
        goto out;
    MWN_TRY(by_method ? run_by_method(run, err) : run_by_steps(run, err));
    if (run->no_memory)
        status = mwn_fail_memory(err, 0, "results");
    if (status == MWN_OK)
        status = compare(run, !by_method, by_method ? "method:" : "", report, err);
out:
    close_run(run);
    mwn_free(run);
    return status;
}

/* Mean cross-entropy: the losses and the gradient of their mean by the logits. */
static mwn_status run_cross_entropy(const struct fixture_case *c,
                                    const struct backend *backend, struct report *report,
                                    struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    int32_t label[FIXTURE_SAMPLES];
    size_t n = 0, total = tensor_count(fixture_tensor(c, "inputs", "logits"));
    double *logits = NULL, *wanted[2] = {NULL, NULL};
    struct mwn_loss loss = {0};
    MWN_TRY(fixture_labels(c, "labels", label, &n, err));
    MWN_TRY(fixture_load(c, fixture_tensor(c, "inputs", "logits"), total, &logits, err));
    MWN_TRY(fixture_load(c, fixture_tensor(c, "outputs", "ce/loss"), n, &wanted[0], err));
    MWN_TRY(fixture_load(c, fixture_tensor(c, "outputs", "ce/grad_logits_of_mean"), total,
                         &wanted[1], err));
    double *work = mwn_alloc(2 * n + 3 * total, sizeof *work);
    if (!work || n == 0 || !wanted[0] || !wanted[1]) {
        mwn_free(work);
        status = mwn_fail_memory(err, total * sizeof *work, "losses");
        goto out;
    }
    double *value = work, *coef = work + n, *grad = coef + n;
    void *z = grad + total, *dz = grad + 2 * total;
    const struct mwn_batch batch = {.n = n, .label = label};
    for (size_t i = 0; i < n; i++)
        coef[i] = 1 / (double)n;
    mwn_vec_from_double(backend->dtype, total, logits, z);
    status = mwn_loss_init(&loss, backend->dtype, n, total / n, err);
    if (status == MWN_OK)
        status = mwn_loss_forward(&loss, z, &batch, value, err);
    if (status == MWN_OK) {
        mwn_loss_backward(&loss, coef, dz);
        mwn_vec_to_double(backend->dtype, total, dz, grad);
        report_add(report, "", "ce", relative_error(n, value, wanted[0]));
        report_add(report, "", "ce_grad", relative_error(total, grad, wanted[1]));
    }
    mwn_free(work);
out:
    mwn_loss_release(&loss);
    mwn_free(logits);
    mwn_free(wanted[0]);
    mwn_free(wanted[1]);
    return status;
}

/* Where a ReLU's input is within rounding of zero, gradients of ResNet-32 differ pointwise
 * by up to 0.3 between any two float32 programs; sums in vectors of less than 16 numbers are off
 * enough for one in this case to go the other way. Its loss, weights and outputs are as near as
 * elsewhere. */
static double tolerance_of(const struct fixture_case *c, const struct backend *backend)
{
    bool turns =
        strcmp(backend->net, "ref") != 0 && fixture_text_is(c->entry, "net", "r32a");
#ifdef MWN_HAVE_DNNL
    turns =
        turns && !(strcmp(backend->net, "dnnl") == 0 && mwn_simd_runs(&mwn_simd_avx512));
#endif
    return turns ? 100 * backend->tolerance : backend->tolerance;
}

/* Whether the machine can run it. */
static bool is_here(const struct backend *backend)
{
    return strcmp(backend->net, "simd") != 0 || mwn_simd_complete();
}

/* One line a case; whether it is within the tolerance. */
static bool run_case(const struct fixture_case *c, const struct backend *backend)
{
    struct report report = {.count = 0};
    struct mwn_error err = {0};
    const bool whole = json_object_get(c->entry, "net") != NULL;
    mwn_status status = MWN_OK;
    if (!whole) {
        status = run_cross_entropy(c, backend, &report, &err);
    } else {
        status = run_way(c, backend, false, &report, &err);
        if (status == MWN_OK && !fixture_text_is(fixture_hyper(c), "mode", "l2rw"))
            status = run_way(c, backend, true, &report, &err);
    }
    if (status != MWN_OK) {
        printf("not ok %-14s %-5s %s\n", c->name, backend->name, err.text);
        return false;
    }
    bool good = report.count > 0 && report.worst <= tolerance_of(c, backend);
    printf("%s %-14s %-5s worst %.1e %s |", good ? "ok" : "not ok", c->name, backend->name,
           report.worst, report.worst_key);
    for (size_t i = 0; i < report.count; i++)
        printf(" %s %.1e", report.kind[i], report.error[i]);
    printf("\n");
    return good;
}

/* The formulas in the folder that neither this program nor test_losses computes. */
static void list_missing(const struct fixture_case *c)
{
    const char *key;
    json_t *value;
    if (json_object_get(c->entry, "net"))
        return;
    json_object_foreach(json_object_get(c->entry, "hyper"), key, value)
    {
        static const char *const known =
            " ce focal focal_g05 class_balanced class_balanced_focal bootstrap_soft "
            "bootstrap_hard s_model glc coteaching ";
        char word[64];
        snprintf(word, sizeof word, " %s ", key);
        if (!strstr(known, word))
            printf("skip %s/%s: a form that no method has\n", c->name, key);
    }
}

static int run_folder(const char *dir, const char *only, double tolerance)
{
    char path[FIXTURE_PATH];
    json_error_t problem;
    int cases = 0, bad = 0;
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    json_t *manifest = json_load_file(path, 0, &problem);
    if (!manifest) {
        fprintf(stderr, "%s: %s\n", path, problem.text);
        return 1;
    }
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(manifest, "fixtures"), name, entry)
    {
        struct fixture_case c = {dir, name, entry, 0};
        c.cid = (uint64_t)fixture_real(entry, "cid", 0);
        for (size_t i = 0; i < MWN_COUNT(backends); i++) {
            struct backend backend = backends[i];
            if (only ? strcmp(only, backend.name) != 0 : strcmp("ref32", backend.name) == 0)
                continue;
            if (!is_here(&backend))
                continue;
            if (tolerance > 0)
                backend.tolerance = tolerance;
            bad += !run_case(&c, &backend);
            cases++;
        }
        list_missing(&c);
    }
    json_decref(manifest);
    printf("%d of %d within tolerance\n", cases - bad, cases);
    return cases > 0 && bad == 0 ? 0 : 1;
}

static bool known_backend(const char *name)
{
    for (size_t i = 0; i < MWN_COUNT(backends); i++)
        if (strcmp(backends[i].name, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    const char *dir = NULL, *only = NULL;
    double tolerance = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
            only = argv[++i];
        else if (strcmp(argv[i], "--tolerance") == 0 && i + 1 < argc)
            tolerance = strtod(argv[++i], NULL);
        else if (argv[i][0] != '-' && !dir)
            dir = argv[i];
        else
            dir = NULL, argc = 0;
    }
    if (!dir || (only && !known_backend(only))) {
        fprintf(stderr, "usage: fixtures DIR [--backend ref64|ref32|dnnl|simd] "
                        "[--tolerance X]\n"
                        "built in:");
        for (size_t i = 0; i < MWN_COUNT(backends); i++)
            fprintf(stderr, " %s", backends[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    return run_folder(dir, only, tolerance);
}

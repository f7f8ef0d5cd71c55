/* bench_ops.c - where the time of a Meta-Weight-Net step goes: every operator at every shape
 * of a network, in the network's own chain (cold caches, as in training), forward, backward
 * and tangent, with GFLOP/s as a share of the machine's peak, or GB/s for those that only
 * move data.
 *
 *   bench_ops [NETWORK [BATCH [PRECISION [ROUNDS]]]]      e.g. bench_ops wrn-28-10 8 bf16 */
#include "base/mem.h"
#include "bench_net.h"
#include "nn/peak.h"
#include "nn/plan.h"
#include "tensor/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 256, BATCH_MAX = 1 << 16, ROUNDS_MAX = 100000 };

static const char *const op_names[] = {
#define X(name) #name,
    MWN_OP_LIST(X)
#undef X
};

/* Nodes of one kind and shape. */
struct row {
    const struct mwn_node *node;
    struct mwn_shape in;
    int count;
    double seconds[MWN_TRACES];
};

struct work {
    mwn_net *net;
    struct mwn_learner learner;
    struct mwn_bench_data data;
    double *loss, *coef;
    void *grad;
    double *seconds[MWN_TRACES];
};

static double flops_of(const struct mwn_node *node, struct mwn_shape in)
{
    double out = (double)node->shape.c * node->shape.h * node->shape.w;
    if (node->op == MWN_OP_conv)
        return 2 * out * in.c * node->kernel_h * node->kernel_w;
    return node->op == MWN_OP_linear ? 2 * out * in.c : 0;
}

static bool same(const struct row *row, const struct mwn_node *node, struct mwn_shape in)
{
    const struct mwn_node *n = row->node;
    return n->op == node->op && row->in.c == in.c && row->in.h == in.h &&
           n->shape.c == node->shape.c && n->shape.h == node->shape.h &&
           n->kernel_h == node->kernel_h && n->relu == node->relu &&
           (n->input[1] == MWN_NO_NODE) == (node->input[1] == MWN_NO_NODE);
}

static int collect(const struct work *w, struct row *rows)
{
    const struct mwn_graph *graph = mwn_net_graph(w->net);
    int count = 0;
    for (int i = 1; i < graph->node_count; i++) {
        const struct mwn_node *node = &graph->nodes[i];
        struct mwn_shape in = graph->nodes[node->input[0]].shape;
        int r = 0;
        while (r < count && !same(&rows[r], node, in))
            r++;
        if (r == ROWS_MAX)
            return count;
        if (r == count)
            rows[count++] = (struct row){.node = node, .in = in};
        rows[r].count++;
        for (int pass = 0; pass < MWN_TRACES; pass++)
            rows[r].seconds[pass] += w->seconds[pass][i];
    }
    return count;
}

static void print_row(const struct row *row, size_t batch, int rounds, double peak)
{
    const struct mwn_node *node = row->node;
    double flops = flops_of(node, row->in) * (double)batch * row->count * rounds / 1e9;
    printf("%-8s %4d>%-4d %3dx%-3d k%d s%d %s%s  x%-2d", op_names[node->op], row->in.c,
           node->shape.c, node->shape.h, node->shape.w, node->kernel_h, node->stride,
           node->relu ? "r" : " ", node->input[1] != MWN_NO_NODE ? "+" : " ", row->count);
    for (int pass = 0; pass < MWN_TRACES; pass++) {
        double times = pass == MWN_TRACE_FORWARD ? 1 : 2;
        printf("  %8.3f ms", 1e3 * row->seconds[pass] / rounds);
        if (flops > 0 && peak > 0)
            printf(" %4.0f%%", 100 * times * flops / row->seconds[pass] / peak);
        else
            printf("      ");
    }
    printf("\n");
}

static mwn_status make_data(struct work *w, size_t batch, struct mwn_error *err)
{
    size_t nodes = (size_t)mwn_net_graph(w->net)->node_count;
    mwn_status status = mwn_bench_data_create(&w->data, w->net, batch, err);
    if (status != MWN_OK)
        return status;
    mwn_net_learner(w->net, &w->learner);
    w->loss = mwn_alloc(batch, sizeof *w->loss);
    w->coef = mwn_alloc(batch, sizeof *w->coef);
    w->grad = mwn_arena_alloc(w->learner.n_params * sizeof(float));
    bool good = w->loss && w->coef && w->grad;
    for (int pass = 0; pass < MWN_TRACES; pass++) {
        w->seconds[pass] = mwn_alloc(nodes, sizeof(double));
        good = good && w->seconds[pass];
    }
    for (size_t i = 0; good && i < batch; i++)
        w->coef[i] = 1.0 / (double)batch;
    return good ? MWN_OK : mwn_fail_memory(err, nodes * sizeof(double), "the times");
}

static mwn_status run(struct work *w, int rounds, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_trace trace = {{w->seconds[0], w->seconds[1], w->seconds[2]}};
    struct mwn_learner *l = &w->learner;
    for (int round = -1; round < rounds; round++) {
        mwn_net_trace(w->net, round < 0 ? NULL : &trace);
        MWN_TRY(l->forward(l->self, &w->data.batch[0], w->loss, err));
        MWN_TRY(l->backward(l->self, w->coef, w->grad, err));
        MWN_TRY(l->jvp(l->self, w->grad, 0, w->loss, err));
    }
out:
    return status;
}

static void print_table(const struct work *w, size_t batch, int rounds, double peak)
{
    struct row rows[ROWS_MAX];
    double total[MWN_TRACES] = {0};
    int count = collect(w, rows);
    printf("%-41s  %-17s  %-17s  %-17s\n", "operator", "forward", "backward", "tangent");
    for (int r = 0; r < count; r++) {
        print_row(&rows[r], batch, rounds, peak);
        for (int pass = 0; pass < MWN_TRACES; pass++)
            total[pass] += rows[r].seconds[pass];
    }
    printf("%-38s", "all");
    for (int pass = 0; pass < MWN_TRACES; pass++) {
        double work = mwn_net_flops(w->net) * (double)batch * rounds / 1e9;
        printf("  %8.3f ms %4.0f%%", 1e3 * total[pass] / rounds,
               peak > 0 ? 100 * work * (pass ? 2 : 1) / total[pass] / peak : 0);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "resnet32";
    int batch = 100, rounds = 20;
    const char *precision = argc > 3 ? argv[3] : "f32";
    struct mwn_error err = {0};
    struct work w = {0};
    enum mwn_precision kind = MWN_PRECISION_F32;
    mwn_status status = bench_precision(&kind, precision, &err);
    if (status == MWN_OK && argc > 2)
        status = bench_count(&batch, argv[2], BATCH_MAX, "BATCH", &err);
    if (status == MWN_OK && argc > 4)
        status = bench_count(&rounds, argv[4], ROUNDS_MAX, "ROUNDS", &err);
    if (status == MWN_OK)
        status = bench_net_create(&w.net, name, kind, 0, &err);
    if (status == MWN_OK)
        status = make_data(&w, (size_t)batch, &err);
    if (status == MWN_OK)
        status = run(&w, rounds, &err);
    if (status == MWN_OK) {
        const char *backend = mwn_net_backend(w.net);
        double peak = mwn_peak_measure(backend, kind, mwn_net_threads(w.net), 0.5);
        printf("%s, batch %d, %s, %d threads, FMA peak %.0f GFLOP/s\n", name, batch,
               backend, mwn_net_threads(w.net), peak);
        print_table(&w, (size_t)batch, rounds, peak);
    } else {
        fprintf(stderr, "bench_ops: %s\n%s\n", err.text, err.hint);
    }
    mwn_net_free(w.net);
    return (int)status;
}

/* compare_runs.c - reads the folders of two runs and compares them: a table and a plot of the
 * learned V(loss) as text, or, with --svg, a picture of both accuracy curves and V(loss).
 *
 *     compare_runs [--svg] RUN_PLAIN RUN_WEIGHTED
 *
 * An example of reading what a run leaves behind (docs/formats.md), with jansson. */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 2, EPOCHS = 1000, PLOT_ROWS = 11, PLOT_COLUMNS = 61, LINE = 65536 };

struct run {
    size_t epochs, best;     /* best counts from 0                               */
    double accuracy[EPOCHS]; /* on the test set, percent                         */
    json_t *summary;         /* owned                                            */
    const char *method;      /* borrowed from summary                            */
    const json_t *curve;     /* borrowed from summary: V(loss); NULL without one */
};

/* Reads record.jsonl: the accuracy of every epoch. */
static bool read_record(struct run *run, const char *dir)
{
    char path[4096];
    static char line[LINE];
    (void)snprintf(path, sizeof(path), "%s/record.jsonl", dir);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return false;
    }
    while (run->epochs < EPOCHS && fgets(line, sizeof(line), file)) {
        json_t *epoch = json_loads(line, 0, NULL);
        run->accuracy[run->epochs] =
            json_number_value(json_object_get(epoch, "test_accuracy"));
        if (run->accuracy[run->epochs] > run->accuracy[run->best])
            run->best = run->epochs;
        run->epochs++;
        json_decref(epoch);
    }
    (void)fclose(file);
    if (run->epochs == 0)
        (void)fprintf(stderr, "%s: no epoch yet\n", path);
    return run->epochs > 0;
}

static bool read_run(struct run *run, const char *dir)
{
    char path[4096];
    json_error_t error;
    (void)snprintf(path, sizeof(path), "%s/summary.json", dir);
    run->summary = json_load_file(path, 0, &error);
    if (!run->summary) {
        (void)fprintf(stderr, "%s: %s\n", path, error.text);
        return false;
    }
    run->method = "run";
    (void)json_unpack(run->summary, "{s:{s:{s:s}}}", "options", "method", "name",
                      &run->method);
    run->curve = json_object_get(run->summary, "curve");
    return read_record(run, dir);
}

static size_t curve_points(const struct run *run)
{
    return json_array_size(json_object_get(run->curve, "loss"));
}

static double curve_at(const struct run *run, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(run->curve, key), i));
}

/* V at a loss, between the points of the curve. */
static double weight_at(const struct run *run, double loss)
{
    size_t points = curve_points(run);
    for (size_t i = 1; i < points; i++) {
        double from = curve_at(run, "loss", i - 1), to = curve_at(run, "loss", i);
        if (loss > to && i + 1 < points)
            continue;
        double share = to > from ? (loss - from) / (to - from) : 0;
        share = fmin(fmax(share, 0), 1);
        return (1 - share) * curve_at(run, "weight", i - 1) +
               share * curve_at(run, "weight", i);
    }
    return 1;
}

/* Where the plots end; few samples have a loss beyond 6. */
static double curve_end(const struct run *run)
{
    size_t points = curve_points(run);
    return points ? fmin(curve_at(run, "loss", points - 1), 6) : 0;
}

/* ---- Text --------------------------------------------------------------------------- */

static void print_table(const struct run *runs, size_t count)
{
    printf("Accuracy on the test set, whose labels are right (best: of all epochs):\n\n");
    printf("  %-16s %22s %16s\n", "method", "best", "last epoch");
    for (size_t i = 0; i < count; i++) {
        char best[64];
        (void)snprintf(best, sizeof(best), "%.2f %% (epoch %zu)",
                       runs[i].accuracy[runs[i].best], runs[i].best + 1);
        printf("  %-16s %22s %14.2f %%\n", runs[i].method, best,
               runs[i].accuracy[runs[i].epochs - 1]);
    }
}

static void print_detection(const struct run *run)
{
    double share = 0;
    json_int_t wrong = 0, samples = 0;
    if (json_unpack(run->summary, "{s:{s:F, s:I, s:I}}", "detection", "precision", &share,
                    "wrong", &wrong, "samples", &samples) != 0 ||
        samples == 0)
        return;
    printf(
        "\nOf %lld training labels %lld are wrong (%.0f %%). Among the %lld samples that\n"
        "%s weighs least, %.1f %% have a wrong label.\n",
        (long long)samples, (long long)wrong, 100.0 * (double)wrong / (double)samples,
        (long long)wrong, run->method, 100 * share);
}

static void print_curve(const struct run *run)
{
    double end = curve_end(run);
    if (end <= 0)
        return;
    printf("\nThe learned weight V of a sample by its loss:\n\n");
    double top = 0;
    for (size_t i = 0; i < curve_points(run); i++)
        top = fmax(top, curve_at(run, "weight", i));
    top = top > 0 ? ceil(top * 10) / 10 : 1;
    for (int row = PLOT_ROWS - 1; row >= 0; row--) {
        char text[PLOT_COLUMNS + 1];
        int used = 0;
        memset(text, ' ', PLOT_COLUMNS);
        for (int column = 0; column < PLOT_COLUMNS; column++) {
            double v = weight_at(run, end * column / (PLOT_COLUMNS - 1));
            if (lround(v / top * (PLOT_ROWS - 1)) == row) {
                text[column] = '*';
                used = column + 1;
            }
        }
        text[used] = '\0';
        printf("  %4.2f |%s\n", top * row / (PLOT_ROWS - 1), text);
    }
    printf("       +");
    for (int column = 0; column < PLOT_COLUMNS; column++)
        (void)putchar(column > 0 && column % 12 == 0 ? '+' : '-');
    printf("\n       ");
    for (int column = 0; column < PLOT_COLUMNS; column += 12)
        printf("%-12.1f", end * column / (PLOT_COLUMNS - 1));
    printf(" loss\n");
}

/* ---- Picture ------------------------------------------------------------------------ */

/* A plot area and the values at its edges. */
struct area {
    double x, y, width, height;
    double x_from, x_to, y_from, y_to;
};

static double place_x(const struct area *a, double value)
{
    return a->x + a->width * (value - a->x_from) / (a->x_to - a->x_from);
}

static double place_y(const struct area *a, double value)
{
    return a->y + a->height * (1 - (value - a->y_from) / (a->y_to - a->y_from));
}

static void draw_axes(const struct area *a, const char *title, const char *x_name,
                      double y_step)
{
    printf("<text x=\"%.0f\" y=\"%.0f\" class=\"title\">%s</text>\n", a->x, a->y - 14,
           title);
    int lines = (int)lround((a->y_to - a->y_from) / y_step);
    for (int i = 0; i <= lines; i++) {
        double v = a->y_from + y_step * i, y = place_y(a, v);
        printf("<path d=\"M%.1f %.1fh%.1f\" class=\"grid\"/>", a->x, y, a->width);
        printf("<text x=\"%.0f\" y=\"%.1f\" class=\"right\">%g</text>\n", a->x - 6, y + 4,
               v);
    }
    int from = (int)a->x_from, to = (int)a->x_to;
    for (int v = from; v <= to; v += 1 + (to - from - 1) / 6)
        printf("<text x=\"%.1f\" y=\"%.0f\" class=\"middle\">%d</text>", place_x(a, v),
               a->y + a->height + 18, v);
    printf("<text x=\"%.0f\" y=\"%.0f\" class=\"middle\">%s</text>\n", a->x + a->width / 2,
           a->y + a->height + 36, x_name);
}

static void draw_accuracy(const struct run *runs, size_t count)
{
    static const char *const colours[] = {"#c2410c", "#1d4ed8"};
    double low = 100, high = 0;
    size_t epochs = 2;
    for (size_t i = 0; i < count; i++) {
        epochs = runs[i].epochs > epochs ? runs[i].epochs : epochs;
        for (size_t e = 0; e < runs[i].epochs; e++) {
            low = fmin(low, runs[i].accuracy[e]);
            high = fmax(high, runs[i].accuracy[e]);
        }
    }
    const struct area a = {
        50, 50, 330, 210, 1, (double)epochs, floor(low / 5) * 5, ceil(high / 5) * 5};
    draw_axes(&a, "Test accuracy, %", "epoch", a.y_to - a.y_from > 30 ? 10 : 5);
    for (size_t i = 0; i < count; i++) {
        const struct run *run = &runs[i];
        printf("<polyline class=\"line\" stroke=\"%s\" points=\"", colours[i % 2]);
        for (size_t e = 0; e < run->epochs; e++)
            printf("%.1f,%.1f ", place_x(&a, (double)e + 1), place_y(&a, run->accuracy[e]));
        double last = run->accuracy[run->epochs - 1];
        printf("\"/>\n<text x=\"%.0f\" y=\"%.1f\" fill=\"%s\">%s %.1f</text>\n",
               a.x + a.width + 6, place_y(&a, last) + 4, colours[i % 2], run->method, last);
    }
}

static void draw_curve(const struct run *run)
{
    double end = curve_end(run);
    if (end <= 0)
        return;
    const struct area a = {540, 50, 250, 210, 0, end, 0, 1};
    draw_axes(&a, "Learned weight V of a sample", "its loss", 0.2);
    printf("<polyline class=\"line\" stroke=\"#1d4ed8\" points=\"");
    for (int i = 0; i <= 100; i++)
        printf("%.1f,%.1f ", place_x(&a, end * i / 100),
               place_y(&a, weight_at(run, end * i / 100)));
    printf("\"/>\n");
}

static void print_picture(const struct run *runs, size_t count)
{
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 820 310\" "
           "font-family=\"sans-serif\" font-size=\"12\">\n"
           "<style>.title{font-weight:bold;font-size:14px}.right{text-anchor:end}"
           ".middle{text-anchor:middle}.grid{stroke:#ddd}"
           ".line{fill:none;stroke-width:2.5}</style>\n"
           "<rect width=\"820\" height=\"310\" fill=\"white\"/>\n");
    draw_accuracy(runs, count);
    draw_curve(&runs[count - 1]);
    printf("</svg>\n");
}

int main(int argc, char **argv)
{
    bool picture = argc > 1 && strcmp(argv[1], "--svg") == 0;
    static struct run runs[RUNS];

    if (argc - picture != 3) {
        (void)fprintf(stderr, "usage: compare_runs [--svg] RUN_PLAIN RUN_WEIGHTED\n");
        return 2;
    }
    bool ok =
        read_run(&runs[0], argv[1 + picture]) && read_run(&runs[1], argv[2 + picture]);
    if (ok && picture) {
        print_picture(runs, RUNS);
    } else if (ok) {
        print_table(runs, RUNS);
        print_detection(&runs[1]);
        print_curve(&runs[1]);
    }
    for (size_t i = 0; i < RUNS; i++)
        json_decref(runs[i].summary);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}

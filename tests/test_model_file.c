/* test_model_file.c - models from elsewhere: files with the names, number types and prefixes that
 * published ResNets have, and a last layer for another number of classes. */
#include "data_files.h"

#include "base/file.h"
#include "base/status.h"
#include "models/model.h"
#include "nn/net.h"
#include "tensor/safetensors.h"
#include "train/model_file.h"
#include "train/run.h"

#include <math.h>

enum { NAME = 96 };

/* A model's file as another program would write it. */
struct published {
    const char *prefix, *head; /* "model.", "fc"; head NULL: there is none */
    enum mwn_st_type type;
    size_t classes;
};

enum { MOST_CHANNELS = 2048 };

struct listing {
    const struct published *how;
    mwn_st_builder *builder;
    void *values;    /* [largest] the same for every tensor but variances */
    void *variances; /* [MOST_CHANNELS] their absolute values             */
    int count;
};

static void must(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK)
        fail_msg("%s: %s", mwn_status_name(status), err->text);
}

/* Value i of any tensor: 16 bits hold it exactly. */
static double value_of(size_t i)
{
    return ((double)(i * 37 % 64) - 32) / 64;
}

static double variance_of(size_t i)
{
    return fabs(value_of(i));
}

/* What a file has for variances. */
static double (*variance)(size_t i) = variance_of;

static void *make_values(enum mwn_st_type type, size_t count, double (*value)(size_t i))
{
    char *values = malloc(count * 4);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        float x = (float)value(i);
        uint32_t bits;
        memcpy(&bits, &x, sizeof(bits));
        uint16_t brain = (uint16_t)(bits >> 16);
        uint16_t half = (uint16_t)(brain & 0x8000);
        if (x < 0 || x > 0) /* binary16 has its exponent's bias at 15, not at 127 */
            half =
                (uint16_t)(half | (((bits >> 23 & 255) - 112) << 10) | (bits >> 13 & 1023));
        if (type == MWN_ST_F32)
            memcpy(values + 4 * i, &x, sizeof(x));
        else
            memcpy(values + 2 * i, type == MWN_ST_F16 ? &half : &brain, sizeof(half));
    }
    return values;
}

static void put(struct listing *list, const char *name, int dims, const size_t *shape)
{
    char full[NAME + 16];
    (void)snprintf(full, sizeof(full), "%s%.90s", list->how->prefix, name);
    mwn_st_builder_add(list->builder, full, list->how->type, dims, shape,
                       strstr(name, "running_var") ? list->variances : list->values);
    list->count++;
}

static void put_conv(struct listing *list, const char *module, size_t out, size_t in,
                     size_t kernel)
{
    char name[NAME];
    const size_t shape[] = {out, in, kernel, kernel};
    (void)snprintf(name, sizeof(name), "%.60s.weight", module);
    put(list, name, 4, shape);
}

static void put_norm(struct listing *list, const char *module, size_t channels)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    static const int64_t batches;
    char name[NAME];
    for (size_t i = 0; i < MWN_COUNT(parts); i++) {
        (void)snprintf(name, sizeof(name), "%.60s.%s", module, parts[i]);
        put(list, name, 1, &channels);
    }
    (void)snprintf(name, sizeof(name), "%s%.60s.num_batches_tracked", list->how->prefix,
                   module);
    mwn_st_builder_add(list->builder, name, MWN_ST_I64, 0, NULL, &batches);
    list->count++;
}

/* A convolution and its norm: "layer1.0.conv2" and "layer1.0.bn2". */
static void put_pair(struct listing *list, const char *block, int number, size_t out,
                     size_t in)
{
    char name[NAME];
    bool narrow = number == 1 || number == 3;
    (void)snprintf(name, sizeof(name), "%.24sconv%d", block, number);
    put_conv(list, name, out, in, narrow ? 1 : 3);
    (void)snprintf(name, sizeof(name), "%.24sbn%d", block, number);
    put_norm(list, name, out);
}

/* Block i of a stage, as torchvision and timm name its parts. */
static void put_block(struct listing *list, const char *block, size_t width, size_t in,
                      bool bottleneck)
{
    char name[NAME];
    size_t out = bottleneck ? 4 * width : width;
    if (bottleneck) {
        put_pair(list, block, 1, width, in);
        put_pair(list, block, 2, width, width);
        put_pair(list, block, 3, out, width);
    } else {
        for (int i = 1; i <= 2; i++) {
            (void)snprintf(name, sizeof(name), "%.24sconv%d", block, i);
            put_conv(list, name, width, i == 1 ? in : width, 3);
            (void)snprintf(name, sizeof(name), "%.24sbn%d", block, i);
            put_norm(list, name, width);
        }
    }
    if (in == out)
        return;
    (void)snprintf(name, sizeof(name), "%.24sdownsample.0", block);
    put_conv(list, name, out, in, 1);
    (void)snprintf(name, sizeof(name), "%.24sdownsample.1", block);
    put_norm(list, name, out);
}

/* Writes a ResNet-18 or, with bottlenecks, a ResNet-50. Returns the number of tensors. */
static int publish(const struct published *how, bool bottleneck)
{
    static const size_t basic[] = {2, 2, 2, 2}, deep[] = {3, 4, 6, 3};
    struct mwn_error err = {0};
    struct listing list = {.how = how, .builder = mwn_st_builder_create()};
    size_t in = 64, features = bottleneck ? 2048 : 512;
    char name[NAME];
    assert_non_null(list.builder);
    list.values = make_values(how->type, (size_t)512 * 512 * 9, value_of);
    list.variances = make_values(how->type, MOST_CHANNELS, variance);
    put_conv(&list, "conv1", 64, 3, 7);
    put_norm(&list, "bn1", 64);
    for (size_t stage = 0; stage < 4; stage++)
        for (size_t i = 0; i < (bottleneck ? deep : basic)[stage]; i++) {
            (void)snprintf(name, sizeof(name), "layer%zu.%zu.", stage + 1, i);
            put_block(&list, name, (size_t)64 << stage, in, bottleneck);
            in = ((size_t)64 << stage) * (bottleneck ? 4 : 1);
        }
    const size_t head[] = {how->classes, features};
    struct listing bare = list;
    struct published without = *how;
    if (how->head && strncmp(how->head, "head", 4) == 0) {
        without.prefix = ""; /* beside the backbone, not in it */
        bare.how = &without;
    }
    (void)snprintf(name, sizeof(name), "%s.weight", how->head ? how->head : "");
    if (how->head)
        put(&bare, name, 2, head);
    (void)snprintf(name, sizeof(name), "%s.bias", how->head ? how->head : "");
    if (how->head)
        put(&bare, name, 1, head);
    must(mwn_st_builder_write(list.builder, data_path("published.safetensors"), &err),
         &err);
    mwn_st_builder_free(list.builder);
    free(list.values);
    free(list.variances);
    return bare.count;
}

static mwn_net *make_net(const char *name, int classes)
{
    char model[32] = "", none[] = "", shortcut[] = "A";
    struct mwn_error err = {0};
    struct mwn_graph graph = {0};
    mwn_net *net = NULL;
    (void)snprintf(model, sizeof(model), "%s", name);
    const struct mwn_model_options options = {
        .name = model, .shortcut = shortcut, .init = none};
    const struct mwn_net_options how = {.backend = "ref",
                                        .dtype = MWN_F32,
                                        .threads = 1,
                                        .bn_eps = 1e-5,
                                        .bn_momentum = 0.1,
                                        .seed = 1};
    must(mwn_model_build(&graph, &options, (struct mwn_shape){3, 64, 64}, classes, &err),
         &err);
    must(mwn_net_create(&net, &graph, &how, &err), &err);
    return net;
}

static mwn_status load(mwn_net *net, bool *replaced, struct mwn_error *err)
{
    mwn_st_file *file = NULL;
    const char *path = data_path("published.safetensors");
    must(mwn_st_open(&file, path, err), err);
    mwn_status status = mwn_model_load(net, file, path, replaced, err);
    mwn_st_close(file);
    return status;
}

static void expect_values(const double *found, size_t count, double (*value)(size_t i),
                          const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (found[i] < value(i) || found[i] > value(i))
            fail_msg("%s: number %zu is %g, not %g", name, i, found[i], value(i));
}

/* All parameters and statistics are the file's; those of the last layer if `head` says so. */
static void expect_loaded(mwn_net *net, bool head)
{
    const struct mwn_graph *graph = mwn_net_graph(net);
    double *work = malloc((size_t)512 * 512 * 9 * sizeof(*work)), other[2048];
    assert_non_null(work);
    for (int p = 0; p < graph->param_count; p++) {
        const struct mwn_param *param = &graph->params[p];
        mwn_net_get(net, mwn_net_params(net), p, work);
        if (head || param->node != graph->output)
            expect_values(work, param->count, value_of, param->name);
        else /* within +-1/sqrt(512), as PyTorch begins, where the file has up to 0.5 */
            for (size_t i = 0; i < param->count; i++)
                assert_true(work[i] > -0.0442 && work[i] < 0.0442);
    }
    for (int s = 0; s < graph->stats_count; s++) {
        int channels = 0;
        const char *name = mwn_net_stats_name(net, s, &channels);
        mwn_net_get_stats(net, s, work, other);
        expect_values(work, (size_t)channels, value_of, name);
        expect_values(other, (size_t)channels, variance_of, name);
    }
    free(work);
}

/* 122 and 320 tensors are in torchvision's state_dict of resnet18 and resnet50. */
static void test_published_resnets_load(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct published how = {"", "fc", MWN_ST_F32, 10};
    assert_int_equal(publish(&how, false), 122);
    mwn_net *net = make_net("resnet18", 10);
    must(load(net, NULL, &err), &err);
    expect_loaded(net, true);
    mwn_net_free(net);
    how.type = MWN_ST_BF16;
    assert_int_equal(publish(&how, true), 320);
    net = make_net("resnet50", 10);
    must(load(net, NULL, &err), &err);
    expect_loaded(net, true);
    mwn_net_free(net);
}

static void test_prefixes_and_half_precision_are_understood(void **state)
{
    (void)state;
    const struct published ways[] = {{"module.", "fc", MWN_ST_F16, 4},
                                     {"model.", "linear", MWN_ST_F16, 4},
                                     {"backbone.", "fc", MWN_ST_F16, 4},
                                     {"backbone.", "head.fc", MWN_ST_BF16, 4},
                                     {"_orig_mod.", "fc", MWN_ST_F16, 4}};
    struct mwn_error err = {0};
    for (size_t i = 0; i < MWN_COUNT(ways); i++) {
        publish(&ways[i], false);
        mwn_net *net = make_net("resnet18", 4);
        must(load(net, NULL, &err), &err);
        expect_loaded(net, true);
        mwn_net_free(net);
    }
    const struct published odd = {"student.", "fc", MWN_ST_F16, 4};
    publish(&odd, false);
    mwn_net *net = make_net("resnet18", 4);
    mwn_status status = load(net, NULL, &err);
    data_expect(&err, status, MWN_ERR_MISMATCH, "'conv1.weight'", NULL, NULL);
    mwn_net_free(net);
}

static void test_a_negative_variance_is_refused(void **state)
{
    (void)state;
    const struct published how = {"", "fc", MWN_ST_F32, 4};
    struct mwn_error err = {0};
    variance = value_of;
    publish(&how, false);
    variance = variance_of;
    mwn_net *net = make_net("resnet18", 4);
    data_expect(&err, load(net, NULL, &err), MWN_ERR_DATA, "'bn1.running_var'",
                "a variance is 0 or more", NULL);
    mwn_net_free(net);
}

static void test_a_head_for_other_classes_stays_at_random(void **state)
{
    (void)state;
    const struct published ways[] = {{"", "fc", MWN_ST_F16, 7},
                                     {"", NULL, MWN_ST_F16, 0},
                                     {"backbone.", "head.fc", MWN_ST_F16, 9}};
    struct mwn_error err = {0};
    for (size_t i = 0; i < MWN_COUNT(ways); i++) {
        bool replaced = false;
        publish(&ways[i], false);
        mwn_net *net = make_net("resnet18", 4);
        must(load(net, &replaced, &err), &err);
        assert_true(replaced);
        expect_loaded(net, false);
        mwn_status status = load(net, NULL, &err);
        data_expect(&err, status, MWN_ERR_MISMATCH, "fc.", NULL, NULL);
        mwn_net_free(net);
    }
    bool replaced = true;
    const struct published same = {"", "fc", MWN_ST_F16, 4};
    publish(&same, false);
    mwn_net *net = make_net("resnet18", 4);
    must(load(net, &replaced, &err), &err);
    assert_false(replaced);
    expect_loaded(net, true);
    mwn_net_free(net);
}

/* ---- In a run ------------------------------------------------------------------------ */

static void set(mwn_config *config, const char *key, const char *value)
{
    struct mwn_error err = {0};
    must(mwn_config_set(config, key, value, &err), &err);
}

static mwn_config *mlp_config(void)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    must(mwn_config_create(&config, &err), &err);
    set(config, "data.path", data_folder);
    set(config, "method.name", "ce");
    set(config, "model.name", "mlp");
    set(config, "model.hidden", "5");
    set(config, "model.init", data_path("init.safetensors"));
    set(config, "train.backend", "ref");
    set(config, "train.epochs", "2");
    set(config, "train.batch", "6");
    set(config, "train.threads", "1");
    return config;
}

/* The mlp 36-hidden-7. */
static void put_mlp(size_t hidden)
{
    struct mwn_error err = {0};
    const size_t shapes[][2] = {{hidden, 36}, {hidden, 0}, {7, hidden}, {7, 0}};
    static const char *const names[] = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};
    void *values = make_values(MWN_ST_F32, 36 * hidden, value_of);
    mwn_st_builder *builder = mwn_st_builder_create();
    assert_non_null(builder);
    for (size_t i = 0; i < MWN_COUNT(names); i++)
        mwn_st_builder_add(builder, names[i], MWN_ST_F32, i % 2 ? 1 : 2, shapes[i], values);
    must(mwn_st_builder_write(builder, data_path("init.safetensors"), &err), &err);
    mwn_st_builder_free(builder);
    free(values);
}

static void test_a_run_says_that_its_head_was_replaced(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_run *run = NULL;
    char *json = NULL;
    mwn_config *config = mlp_config();
    put_mlp(5);
    must(mwn_run_create(&run, config, data_path("run"), &err), &err);
    assert_true(run->head_replaced);
    must(mwn_run_epoch(run, &err), &err);
    mwn_run_free(run);
    /* A run that is taken up knows it, though it does not read the file again. */
    assert_int_equal(unlink(data_path("init.safetensors")), 0);
    must(mwn_run_resume(&run, data_path("run"), NULL, &err), &err);
    must(mwn_run_epoch(run, &err), &err);
    must(mwn_run_summary(run, &json, &err), &err);
    assert_non_null(strstr(json, "\"head_replaced\": true"));
    mwn_text_free(json);
    mwn_run_free(run);
    put_mlp(6);
    mwn_status status = mwn_run_create(&run, config, NULL, &err);
    data_expect(&err, status, MWN_ERR_MISMATCH, "'fc1.weight'", "[6, 36]", NULL);
    mwn_config_free(config);
}

static int make_data(void **state)
{
    if (data_make_folder(state) != 0)
        return 1;
    data_put_set(48, 10, 4);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_resnets_load),
        cmocka_unit_test(test_prefixes_and_half_precision_are_understood),
        cmocka_unit_test(test_a_negative_variance_is_refused),
        cmocka_unit_test(test_a_head_for_other_classes_stays_at_random),
        cmocka_unit_test(test_a_run_says_that_its_head_was_replaced),
    };
    return cmocka_run_group_tests(tests, make_data, data_remove_folder);
}

/* test_config.c - options: recipes, settings, what is checked when, and the way back to YAML. */
#include "data_files.h"

#include "base/buf.h"
#include "base/option.h"
#include "base/status.h"
#include "train/config.h"

static mwn_config *new_config(void)
{
    struct mwn_error err = {0};
    mwn_config *config = NULL;
    assert_int_equal(mwn_config_create(&config, &err), MWN_OK);
    return config;
}

static void set(mwn_config *config, const char *key, const char *value)
{
    struct mwn_error err = {0};
    if (mwn_config_set(config, key, value, &err) != MWN_OK)
        fail_msg("%s", err.text);
}

static mwn_status read_text(mwn_config *config, const char *text, struct mwn_error *err)
{
    data_write_text("recipe.yaml", text);
    return mwn_config_read(config, data_path("recipe.yaml"), err);
}

/* Reads a recipe that must fail with these words. */
static void expect_bad(const char *text, const char *word, const char *word2)
{
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    mwn_status status = read_text(config, text, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, word, word2, NULL);
    mwn_config_free(config);
}

/* Resolves pairs that must fail with these words. */
static void expect_unresolved(const char *key, const char *value, const char *word)
{
    struct mwn_error err = {0};
    struct mwn_settings settings;
    mwn_config *config = new_config();
    set(config, key, value);
    mwn_status status = mwn_settings_resolve(&settings, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, key, word, NULL);
    mwn_config_free(config);
}

static struct mwn_settings resolve(const mwn_config *config)
{
    struct mwn_error err = {0};
    struct mwn_settings settings;
    if (mwn_settings_resolve(&settings, config, &err) != MWN_OK)
        fail_msg("%s", err.text);
    return settings;
}

static void test_defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct mwn_settings s = resolve(NULL);
    assert_int_equal(s.train.epochs, 100);
    assert_int_equal(s.train.batch, 100);
    assert_true(s.train.schedule.lr > 0.0999 && s.train.schedule.lr < 0.1001);
    assert_int_equal(s.train.schedule.kind, MWN_SCHEDULE_STEP);
    assert_int_equal(s.train.schedule.epochs, 100);
    assert_int_equal(s.train.schedule.drops.count, 0);
    assert_int_equal(s.train.weight_epochs, 5);
    assert_string_equal(s.train.backend, "auto");
    assert_int_equal(s.bn.gamma_init, 0);
    assert_string_equal(s.method->name, "mwnet");
    mwn_settings_release(&s);
}

static void test_an_unknown_key_names_the_nearest_one(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    mwn_status status = mwn_config_set(config, "train.epoch", "3", &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "'train.epoch'", "'train.epochs'", NULL);
    status = mwn_config_set(config, "weight_decay", "3", &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "'weight_decay'", "'train.weight_decay'",
                NULL);
    status = mwn_config_set(config, "", "3", &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "unknown option ''", NULL);
    assert_int_equal(config->count, 0);
    mwn_config_free(config);
}

static void test_a_recipe_is_read(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    mwn_status status = read_text(config,
                                  "# a comment\n"
                                  "train:\n"
                                  "  epochs: 7\n"
                                  "  lr_drops: [3, 5]\n"
                                  "  nesterov: yes\n"
                                  "  schedule: step\n"
                                  "data: {path: 'a b', noise: uniform}\n"
                                  "bn:\n"
                                  "method: {name: mwnet, hidden: [100, 100], lr: 1e-4}\n",
                                  &err);
    data_expect(&err, status, MWN_OK, NULL);
    assert_string_equal(mwn_config_get(config, "train.lr_drops"), "3,5");
    assert_null(mwn_config_get(config, "train.lr"));
    struct mwn_settings s = resolve(config);
    assert_int_equal(s.train.epochs, 7);
    assert_int_equal(s.train.schedule.drops.count, 2);
    assert_int_equal(s.train.schedule.drops.item[1], 5);
    assert_true(s.train.nesterov);
    assert_string_equal(s.data.path, "a b");
    assert_string_equal(s.data.noise, "uniform");
    mwn_settings_release(&s);
    mwn_config_free(config);
}

static void test_an_empty_recipe_is_fine(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    assert_int_equal(read_text(config, "", &err), MWN_OK);
    assert_int_equal(read_text(config, "# nothing\n", &err), MWN_OK);
    assert_int_equal(config->count, 0);
    mwn_config_free(config);
}

static void test_later_settings_win(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    set(config, "train.epochs", "3");
    assert_int_equal(read_text(config, "train: {epochs: 4}\nmethod: {name: ce}\n", &err),
                     MWN_OK);
    set(config, "method.name", "mwnet");
    assert_string_equal(mwn_config_get(config, "train.epochs"), "4");
    struct mwn_settings s = resolve(config);
    assert_int_equal(s.train.epochs, 4);
    assert_string_equal(s.method->name, "mwnet");
    mwn_settings_release(&s);
    mwn_config_free(config);
}

static void test_mistakes_in_a_recipe_name_file_and_line(void **state)
{
    (void)state;
    expect_bad("train:\n  epochs: 3\n  epocs: 4\n", "recipe.yaml:3: ", "'train.epochs'");
    expect_bad("train:\n  epochs: 3\ntrian:\n  lr: 1\n", "recipe.yaml:3: ", "'train'");
    expect_bad("zzzzzz:\n  lr: 1\n", "recipe.yaml:1: ", "sections are");
    expect_bad("train:\n  epochs: 3\n  epochs: 4\n", "recipe.yaml:3: ", "recipe.yaml:2");
    expect_bad("train: 3\n", "recipe.yaml:1: ", "not a mapping");
    expect_bad("- train\n", "recipe.yaml:1: ", "mapping of sections");
    expect_bad("train:\n  lr: {a: 1}\n", "recipe.yaml:2: ", "not a plain value");
    expect_bad("train:\n  lr_drops: [[1]]\n", "recipe.yaml:2: ", "item of the list");
    expect_bad("train:\n  [a]: 1\n", "recipe.yaml:2: ", "name");
    expect_bad("train: {lr: \"1\\0\"}\n", "recipe.yaml:1: ", "zero byte");
    expect_bad("train:\n  lr: [1\n", "recipe.yaml:", "not YAML");
    expect_bad("train:\n\tlr: 1\n", "recipe.yaml:2: ", "not YAML");
    expect_bad("train: {lr: 1}\n---\ntrain: {lr: 2}\n", "recipe.yaml:3: ", "one YAML");
    expect_bad("train: {lr: 1}\n---\n{{\n", "recipe.yaml:", "not YAML");
    expect_bad("a: &x [*x]\n", "recipe.yaml:1: ", "unknown section");
}

static void test_a_missing_recipe_is_an_io_error(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    mwn_status status = mwn_config_read(config, data_path("nothing.yaml"), &err);
    data_expect(&err, status, MWN_ERR_IO, "nothing.yaml", NULL);
    mwn_config_free(config);
}

static void test_bad_values_are_found_when_resolved(void **state)
{
    (void)state;
    expect_unresolved("train.epochs", "ten", "not an integer");
    expect_unresolved("train.epochs", "0", "out of range");
    expect_unresolved("train.batch", "3.5", "not an integer");
    expect_unresolved("train.lr", "nan", "not a number");
    expect_unresolved("train.lr", "-1", "out of range");
    expect_unresolved("train.schedule", "cosin", "'cosine'");
    expect_unresolved("train.hold", "5", "train.schedule=cosine");
    expect_unresolved("train.cycle", "5", "train.schedule=cosine");
    expect_unresolved("train.lr_min", "0.01", "train.schedule=cosine");
    mwn_config *config = new_config();
    set(config, "train.schedule", "cosine");
    set(config, "train.epochs", "ten");
    set(config, "train.epochs", "10");
    set(config, "train.hold", "10");
    struct mwn_error err = {0};
    struct mwn_settings settings;
    mwn_status status = mwn_settings_resolve(&settings, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "train.hold: 10 epochs", "10 to a cosine",
                NULL);
    set(config, "train.hold", "9");
    settings = resolve(config);
    assert_int_equal(settings.train.epochs, 10); /* "ten" was overridden */
    mwn_settings_release(&settings);
    mwn_config_free(config);
    expect_unresolved("train.backend", "dnl", "'dnnl'");
    expect_unresolved("train.nesterov", "perhaps", "true or false");
    expect_unresolved("bn.gamma_init", "two", "one, uniform");
    expect_unresolved("method.name", "mwnett", "'mwnet'");
    expect_unresolved("method.lr", "fast", "not a number");
}

static void test_bad_values_of_a_recipe_name_file_and_line(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_settings s;
    mwn_config *config = new_config();
    assert_int_equal(read_text(config, "train:\n  lr: 1\n  epochs: ten\n", &err), MWN_OK);
    mwn_status status = mwn_settings_resolve(&s, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "recipe.yaml:3: train.epochs", NULL);
    mwn_config_free(config);
    config = new_config();
    assert_int_equal(read_text(config, "method:\n  name: nobody\n", &err), MWN_OK);
    status = mwn_settings_resolve(&s, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "recipe.yaml:2: method.name", NULL);
    mwn_config_free(config);
}

static void test_contradictions_are_found(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_settings s;
    mwn_config *config = new_config();
    set(config, "train.nesterov", "true");
    set(config, "train.momentum", "0");
    mwn_status status = mwn_settings_resolve(&s, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "train.nesterov", "train.momentum", NULL);
    mwn_config_free(config);
}

/* One recipe serves a method and its twin; a setting by hand for the other one is a slip. */
static void test_options_of_another_method_are_for_recipes_only(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_settings s;
    mwn_config *config = new_config();
    const char *text = "method: {name: mwnet, hidden: 50}\n";
    assert_int_equal(read_text(config, text, &err), MWN_OK);
    set(config, "method.name", "ce");
    s = resolve(config);
    assert_string_equal(s.method->name, "ce");
    mwn_settings_release(&s);
    set(config, "method.hidden", "20");
    mwn_status status = mwn_settings_resolve(&s, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "method.hidden", "'ce'", NULL);
    mwn_config_free(config);

    config = new_config();
    assert_int_equal(read_text(config, "method: {name: ce, form: mixture}\n", &err),
                     MWN_OK);
    s = resolve(config);
    mwn_settings_release(&s);
    mwn_config_free(config);

    config = new_config();
    assert_int_equal(read_text(config, "method: {name: ce, hidden: big}\n", &err), MWN_OK);
    status = mwn_settings_resolve(&s, config, &err);
    data_expect(&err, status, MWN_ERR_CONFIG, "recipe.yaml:1: method.hidden", NULL);
    mwn_config_free(config);
}

static char *yaml_of(const mwn_config *config)
{
    struct mwn_buf text = {0};
    struct mwn_settings s = resolve(config);
    mwn_settings_yaml(&s, &text);
    mwn_settings_release(&s);
    char *out = mwn_buf_take(&text);
    assert_non_null(out);
    return out;
}

static void test_settings_come_back_from_yaml(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_config *config = new_config();
    mwn_config *again = new_config();
    set(config, "data.path", "a \"b\"\\ # \t\x01 \xc3\xa4 'c': [x]");
    set(config, "data.labels", "no");
    set(config, "train.lr", "0.30000000000000004");
    set(config, "train.lr_drops", "1,2,3");
    set(config, "method.hidden", "5,6");
    set(config, "train.seed", "9007199254740991");
    char *first = yaml_of(config);
    mwn_status status = read_text(again, first, &err);
    data_expect(&err, status, MWN_OK, NULL);
    char *second = yaml_of(again);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "lr: 0.30000000000000004"));
    assert_non_null(strstr(first, "lr_drops: [1,2,3]"));
    mwn_text_free(first);
    mwn_text_free(second);
    mwn_config_free(config);
    mwn_config_free(again);
}

static void count_option(const char *section, const struct mwn_option *row,
                         const char *owner, void *user)
{
    char key[128];
    struct mwn_error err = {0};
    (void)owner;
    (void)snprintf(key, sizeof(key), "%s.%s", section, row->name);
    if (mwn_config_check_key(key, &err) != MWN_OK)
        fail_msg("%s", err.text);
    if (!row->help || strlen(row->help) < 10)
        fail_msg("%s has no help", key);
    ++*(size_t *)user;
}

static void test_every_option_is_known_and_has_help(void **state)
{
    (void)state;
    size_t count = 0;
    mwn_options_visit(count_option, &count);
    assert_true(count > 40);
}

static void test_memory_failures_leak_nothing(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    mwn_status status = MWN_ERR_MEMORY;
    data_write_text("recipe.yaml", "train: {lr_drops: [1, 2], lr: 1}\nmethod: {lr: 1}\n");
    for (uint64_t n = 1; status != MWN_OK && n < 2000; n++) {
        mwn_config *config = NULL;
        struct mwn_settings s;
        mwn_mem_fail_after(n);
        status = mwn_config_create(&config, &err);
        if (status == MWN_OK)
            status = mwn_config_read(config, data_path("recipe.yaml"), &err);
        if (status == MWN_OK)
            status = mwn_config_set(config, "train.lr", "2", &err);
        if (status == MWN_OK)
            status = mwn_settings_resolve(&s, config, &err);
        mwn_mem_fail_after(0);
        if (status == MWN_OK)
            mwn_settings_release(&s);
        else
            assert_int_equal(status, MWN_ERR_MEMORY);
        mwn_config_free(config);
    }
    assert_int_equal(status, MWN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_the_documented_ones),
        cmocka_unit_test(test_an_unknown_key_names_the_nearest_one),
        cmocka_unit_test(test_a_recipe_is_read),
        cmocka_unit_test(test_an_empty_recipe_is_fine),
        cmocka_unit_test(test_later_settings_win),
        cmocka_unit_test(test_mistakes_in_a_recipe_name_file_and_line),
        cmocka_unit_test(test_a_missing_recipe_is_an_io_error),
        cmocka_unit_test(test_bad_values_are_found_when_resolved),
        cmocka_unit_test(test_bad_values_of_a_recipe_name_file_and_line),
        cmocka_unit_test(test_contradictions_are_found),
        cmocka_unit_test(test_options_of_another_method_are_for_recipes_only),
        cmocka_unit_test(test_settings_come_back_from_yaml),
        cmocka_unit_test(test_every_option_is_known_and_has_help),
        cmocka_unit_test(test_memory_failures_leak_nothing),
    };
    return cmocka_run_group_tests(tests, data_make_folder, data_remove_folder);
}

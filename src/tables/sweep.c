/* sweep.c - a table whose rows are all combinations of some hyper-parameters. */
#include "tables/grid.h"

#include "base/mem.h"
#include "base/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 16, VALUES_MAX = 64, ROWS_MAX = 1000, KEY_SIZE = 96, VALUE_SIZE = 96 };

/* A key and the values to try. */
struct choice {
    char key[KEY_SIZE];
    char value[VALUES_MAX][VALUE_SIZE];
    size_t count;
};

struct sweep {
    struct choice choice[KEYS_MAX];
    size_t count;
};

/* Cuts "A,B,[80,90]" at the commas outside of brackets; inner brackets are a list. */
static bool cut_values(struct choice *choice, const char *text, size_t length)
{
    size_t used = 0;
    int depth = 0;
    choice->count = 1;
    for (size_t i = 0; i < length; i++) {
        char *value = choice->value[choice->count - 1];
        if (text[i] == ',' && depth == 0) {
            if (used == 0 || choice->count == VALUES_MAX)
                return false;
            choice->count++;
            used = 0;
            continue;
        }
        bool bracket = text[i] == '[' || text[i] == ']';
        depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
        if (depth < 0 || used + 1 == VALUE_SIZE)
            return false;
        if (!bracket && text[i] != ' ')
            value[used++] = text[i];
    }
    return used > 0 && depth == 0;
}

/* A setting "key=[A,B]" is a choice, "key=value" holds for all rows. */
static mwn_status take_setting(struct mwn_table *table, struct sweep *sweep,
                               const char *setting, struct mwn_error *err)
{
    const char *equals = strchr(setting, '=');
    size_t length = strlen(setting), key = equals ? (size_t)(equals - setting) : length;
    if (!equals || key == 0 || key >= KEY_SIZE)
        return mwn_fail(err, MWN_ERR_CONFIG, "'%.80s' is not section.key=value", setting);
    bool is_choice = equals[1] == '[' && setting[length - 1] == ']';
    if (is_choice && sweep->count == KEYS_MAX)
        return mwn_fail(err, MWN_ERR_CONFIG, "more than %d options to try", KEYS_MAX);
    struct choice unused, *choice = is_choice ? &sweep->choice[sweep->count] : &unused;
    memset(choice, 0, sizeof(*choice));
    memcpy(choice->key, setting, key);
    if (mwn_grid_check_seed(choice->key, err) != MWN_OK)
        return MWN_ERR_CONFIG;
    if (!is_choice)
        return mwn_config_add(table->options, choice->key, equals + 1, "command line", err);
    if (!cut_values(choice, equals + 2, length - key - 3))
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "'%.80s': expected values in brackets, such as [0.1,0.01]",
                        setting);
    sweep->count++;
    return mwn_config_check_key(choice->key, err);
}

/* The name of a row's folder: "lr=0.1,every=2", so that a sweep can be widened later; its number
 * where that is too long. */
static void name_row(const struct sweep *sweep, const size_t *at, size_t number, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < sweep->count; i++) {
        const struct choice *choice = &sweep->choice[i];
        used += (size_t)snprintf(out + used, MWN_TABLE_NAME - used, "%s%s=%s", i ? "," : "",
                                 strchr(choice->key, '.') + 1, choice->value[at[i]]);
        if (used >= MWN_TABLE_NAME) {
            snprintf(out, MWN_TABLE_NAME, "%zu", number + 1);
            return;
        }
    }
    for (char *c = out; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._=+-,", *c))
            *c = '_';
}

/* Row number `number`: the last key's values change fastest. */
static mwn_status add_combination(struct mwn_table *table, const struct sweep *sweep,
                                  size_t number, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t at[KEYS_MAX] = {0};
    char name[MWN_TABLE_NAME] = "";
    struct mwn_buf label = {0};

    for (size_t i = sweep->count, left = number; i-- > 0; left /= sweep->choice[i].count)
        at[i] = left % sweep->choice[i].count;
    name_row(sweep, at, number, name);
    MWN_TRY(mwn_grid_add(&table->row, &table->rows, name, err));
    struct mwn_axis *row = &table->row[table->rows - 1];
    for (size_t i = 0; i < sweep->count; i++) {
        const struct choice *choice = &sweep->choice[i];
        MWN_TRY(mwn_config_add(row->options, choice->key, choice->value[at[i]],
                               "command line", err));
        mwn_buf_printf(&label, "%s%s=%s", i ? " " : "", choice->key, choice->value[at[i]]);
    }
    mwn_free(row->label);
    row->label = mwn_buf_take(&label);
    if (!row->label)
        status = mwn_fail_memory(err, 0, "a sweep");
out:
    mwn_buf_release(&label);
    return status;
}

static mwn_status add_combinations(struct mwn_table *table, const struct sweep *sweep,
                                   struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    size_t rows = 1;
    for (size_t i = 0; i < sweep->count && rows <= ROWS_MAX; i++)
        rows *= sweep->choice[i].count;
    if (sweep->count == 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "no option has values to try");
        return mwn_hint(err, "give some in brackets: 'train.lr=[0.1,0.03]'");
    }
    if (rows > ROWS_MAX)
        return mwn_fail(err, MWN_ERR_CONFIG, "more than %d combinations", ROWS_MAX);
    for (size_t i = 0; i < rows && status == MWN_OK; i++)
        status = add_combination(table, sweep, i, err);
    return status;
}

/* Choosing needs a validation set: it is no use to look at the test set. */
static mwn_status check_valid(const struct mwn_table *table, struct mwn_error *err)
{
    mwn_config *config = NULL;
    struct mwn_settings settings = {0};
    mwn_status status = mwn_grid_config(table, &table->cell[0], false, &config, err);
    if (status == MWN_OK)
        status = mwn_settings_resolve(&settings, config, err);
    if (status == MWN_OK) {
        const struct mwn_data_options *data = &settings.data;
        bool has_valid =
            data->valid_share > 0 || data->valid_per_class > 0 ||
            (data->path && *data->path && mwn_source_has(data, MWN_PART_VALID));
        if (!has_valid) {
            mwn_fail(err, MWN_ERR_CONFIG,
                     "a sweep chooses by a validation set, but there is none");
            status = mwn_hint(err, "take one out of the training samples: "
                                   "data.valid_share=0.1");
        }
        mwn_settings_release(&settings);
    }
    mwn_config_free(config);
    return status;
}

static mwn_status fill(struct mwn_table *table, struct sweep *sweep,
                       const char *const *settings, size_t count, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_buf title = {0};
    MWN_TRY(mwn_config_create(&table->recipe, err));
    MWN_TRY(mwn_config_read(table->recipe, table->path, err));
    for (size_t i = 0; i < count; i++)
        MWN_TRY(take_setting(table, sweep, settings[i], err));
    mwn_buf_printf(&title, "Sweep of %s", table->path);
    table->title = mwn_buf_take(&title);
    if (!table->title) {
        status = mwn_fail_memory(err, 0, "a sweep");
        goto out;
    }
    table->sweep = true;
    MWN_TRY(mwn_grid_add(&table->column, &table->columns, "valid", err));
    MWN_TRY(add_combinations(table, sweep, err));
out:
    mwn_buf_release(&title);
    return status;
}

mwn_status mwn_sweep_open(mwn_table **out, const char *path, const char *const *settings,
                          size_t count, const struct mwn_table_options *options,
                          struct mwn_error *err)
{
    mwn_table *table = NULL;
    struct sweep *sweep = mwn_alloc(1, sizeof(*sweep));
    if (!sweep)
        return mwn_fail_memory(err, sizeof(*sweep), "a sweep");
    mwn_status status = mwn_grid_create(&table, path, options->dir, err);
    if (status == MWN_OK && table)
        status = fill(table, sweep, settings, count, err);
    if (status == MWN_OK && table)
        status = mwn_grid_finish(table, options, err);
    if (status == MWN_OK && table)
        status = check_valid(table, err);
    mwn_free(sweep);
    if (status == MWN_OK)
        *out = table;
    else
        mwn_table_free(table);
    return status;
}

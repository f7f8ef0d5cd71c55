/* fuzz_names.c - gives files arbitrary names and lets the readers that go by names have them (libFuzzer
 * entry point): folder takes each line as the name of a file or, before a '/', of a class; animal10n
 * as the name of a file. */
#include "fuzz_folder.h"
#include "fuzz_source.h"

#include <limits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 8, NAME_MAX_HERE = 64 };

static bool is_plain(const char *name)
{
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* An empty file "training/NAME" or "training/CLASS/NAME". */
static void add(char *name)
{
    char path[2 * NAME_MAX_HERE + 16], *slash = strchr(name, '/');
    if (slash) {
        *slash = '\0';
        if (!is_plain(name) || !is_plain(slash + 1) || strchr(slash + 1, '/'))
            return;
        (void)snprintf(path, sizeof(path), "training/%s", name);
        (void)mkdir(path_of(path), 0755);
        *slash = '/';
    }
    (void)snprintf(path, sizeof(path), "training/%s", name);
    FILE *file = is_plain(name) ? fopen(path_of(path), "wb") : NULL;
    if (file)
        (void)fclose(file);
}

static void use(const struct mwn_source *source)
{
    for (size_t i = 0; i < source->n; i++)
        if (source->label[i] < 0 || source->label[i] >= source->classes ||
            !source->id[i][0])
            abort();
}

static void read_with(struct mwn_data_options options)
{
    struct mwn_request request = {
        .options = &options, .path = options.path, .part = MWN_PART_TRAIN};
    read_source(&request, use);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char by_folder[] = "folder", by_name[] = "animal10n", root[] = "";
    static char training[PATH_MAX];
    static bool ready;
    char name[NAME_MAX_HERE];
    size_t length = 0;
    if (!ready)
        make_folder("training");
    else if (mkdir(path_of("training"), 0755) != 0)
        abort();
    ready = true;
    (void)snprintf(training, sizeof(training), "%s", path_of("training"));
    for (size_t i = 0, files = 0; i <= size && files < FILES_MAX; i++) {
        if (i < size && data[i] && data[i] != '\n') {
            if (length + 1 < sizeof(name))
                name[length++] = (char)data[i];
            continue;
        }
        name[length] = '\0';
        length = 0;
        files++;
        add(name);
    }
    read_with((struct mwn_data_options){
        .reader = by_folder, .path = training, .root = root, .size = 8});
    read_with((struct mwn_data_options){
        .reader = by_name, .path = folder, .root = root, .size = 8});
    remove_tree(training);
    return 0;
}

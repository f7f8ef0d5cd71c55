/* fuzz_list.c - feeds arbitrary bytes to the reader of list files (libFuzzer entry point). Byte 0
 * says whether labels may be missing and whether the classes are given. The files a.png and
 * b/c.jpg are there. */
#include "data/reader.h"
#include "fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prepare(void)
{
    make_folder("b");
    put("a.png", "", 0);
    put("b/c.jpg", "", 0);
}

/* No path may lead out of the folder; labels and weights must be what they may be. */
static void use(const struct mwn_source *source, bool unlabelled)
{
    for (size_t i = 0; i < source->n; i++) {
        if (strcmp(source->id[i], "a.png") != 0 && strcmp(source->id[i], "b/c.jpg") != 0)
            abort();
        if (source->label[i] < (unlabelled ? -1 : 0) || source->label[i] >= source->classes)
            abort();
        if (source->weight && !(source->weight[i] >= 0))
            abort();
    }
    for (int c = 0; c < source->classes; c++)
        if (!source->class_names[c])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char reader[] = "list", root[] = "";
    static bool ready;
    if (!ready)
        prepare();
    ready = true;
    if (size == 0)
        return 0;
    put("list.txt", data + 1, size - 1);
    struct mwn_data_options options = {
        .reader = reader, .path = path_of("list.txt"), .root = root, .size = 8};
    struct mwn_request request = {.options = &options, .part = MWN_PART_TRAIN};
    struct mwn_source source;
    struct mwn_error err = {0};
    request.unlabelled = data[0] & 1;
    request.schema = data[0] & 2 ? "{\"classes\": [\"cat\", \"dog\"]}" : NULL;
    if (mwn_source_open(&source, &request, &err) == MWN_OK)
        use(&source, request.unlabelled);
    else if (err.status == MWN_OK || err.text[0] == '\0')
        abort();
    mwn_source_close(&source);
    return 0;
}

/* fuzz_clothing1m.c - feeds arbitrary bytes to the reader of Clothing1M (libFuzzer entry point): what
 * precedes the first zero byte is the list of keys, what follows the labels. The image images/a.jpg
 * is there. */
#include "fuzz_folder.h"
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No key may lead out of the folder or name what is not there. */
static void use(const struct mwn_source *source)
{
    for (size_t i = 0; i < source->n; i++) {
        if (strcmp(source->id[i], "images/a.jpg") != 0)
            abort();
        if (source->label[i] < 0 || source->label[i] >= 14)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char reader[] = "clothing1m", root[] = "";
    static bool ready;
    if (!ready) {
        make_folder("images");
        put("images/a.jpg", "", 0);
    }
    ready = true;
    if (size == 0)
        return 0;
    const uint8_t *zero = memchr(data, 0, size);
    size_t keys = zero ? (size_t)(zero - data) : size;
    put("noisy_train_key_list.txt", data, keys);
    put("noisy_label_kv.txt", zero ? zero + 1 : data, size - keys - (zero != NULL));
    struct mwn_data_options options = {
        .reader = reader, .path = folder, .root = root, .size = 8};
    struct mwn_request request = {
        .options = &options, .path = folder, .part = MWN_PART_TRAIN};
    read_source(&request, use);
    return 0;
}

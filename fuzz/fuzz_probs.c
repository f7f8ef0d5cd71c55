/* fuzz_probs.c - feeds arbitrary bytes to the reader of class probabilities, text or .npy, and of the
 * ids.csv beside it (libFuzzer entry point). The first byte is the number of classes less one and, in
 * its top bit, which of the two; the second one the bytes of ids.csv, which come next. */
#include "fuzz_folder.h"

#include "data/prob_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLASSES = 8, SAMPLES = 16 };

/* What is refused must say why. */
static bool is_good(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK && (err->status == MWN_OK || err->text[0] == '\0'))
        abort();
    return status == MWN_OK;
}

static void use(const struct mwn_prob_file *file, int classes)
{
    struct mwn_error err = {0};
    double row[CLASSES];
    size_t row_of[SAMPLES];
    for (size_t i = 0; i < file->rows; i++) {
        double sum = 0;
        err = (struct mwn_error){0};
        if (!is_good(mwn_prob_file_row(file, i, row, &err), &err))
            continue;
        for (int k = 0; k < classes; k++)
            sum += row[k];
        if (!(sum > 0.999 && sum < 1.001))
            abort();
    }
    err = (struct mwn_error){0};
    if (!is_good(mwn_prob_file_match(file, SAMPLES, row_of, &err), &err))
        return;
    for (size_t i = 0; i < SAMPLES; i++)
        if (row_of[i] != MWN_PROB_FILE_NONE && row_of[i] >= file->rows)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct mwn_prob_file file = {0};
    struct mwn_error err = {0};
    if (!ready)
        make_folder(NULL);
    ready = true;
    if (size < 2)
        return 0;
    int classes = data[0] % CLASSES + 1;
    size_t ids = data[1] < size - 2 ? data[1] : size - 2;
    put("ids.csv", data + 2, ids);
    const char *name = data[0] & 0x80 ? "probs.npy" : "probs.txt";
    put(name, data + 2 + ids, size - 2 - ids);
    if (is_good(mwn_prob_file_read(&file, path_of(name), classes, &err), &err))
        use(&file, classes);
    mwn_prob_file_release(&file);
    return 0;
}

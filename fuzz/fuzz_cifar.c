/* fuzz_cifar.c - feeds files made from arbitrary bytes to the CIFAR readers (libFuzzer entry
 * point). Byte 0 chooses the reader, bytes 1 and 2 how much of the last row is missing, byte 3
 * the number of rows; then come the rows' label bytes, and what is left is the file of class
 * names. */
#include "fuzz_folder.h"
#include "fuzz_source.h"

enum { PICTURE = 3 * 32 * 32, ROWS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct mwn_source *source)
{
    size_t letters = 0;
    for (size_t i = 0; i < source->n; i++)
        if (source->label[i] < 0 || source->label[i] >= source->classes)
            abort();
    for (int c = 0; source->class_names && c < source->classes; c++)
        letters += strlen(source->class_names[c]);
    if (source->class_names && letters < (size_t)source->classes)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char file[ROWS * (2 + PICTURE)];
    static char readers[][16] = {"cifar10", "cifar100"};
    static bool ready;
    if (!ready)
        make_folder(NULL);
    ready = true;
    if (size < 4)
        return 0;
    size_t kind = data[0] % 2, head = kind + 1, rows = data[3] % (ROWS + 1);
    size_t missing = (data[1] + 256U * data[2]) % (PICTURE + head), used = 4;
    for (size_t i = 0; i < rows * head && used < size; i++, used++)
        file[i / head * (head + PICTURE) + i % head] = data[used];
    size_t length = rows * (head + PICTURE);
    put(kind ? "test.bin" : "test_batch.bin", file,
        length > missing ? length - missing : 0);
    put(kind ? "fine_label_names.txt" : "batches.meta.txt", data + used, size - used);
    struct mwn_data_options options = {.reader = readers[kind], .path = folder};
    const struct mwn_request request = {.options = &options, .part = MWN_PART_TEST};
    read_source(&request, use);
    return 0;
}

/* test_fetch.c - checksums, lists of them, and fetching from a folder while memory and files
 * fail. tests/cli/fetch.sh has the network. */
#include "data_files.h"

#include "base/file.h"
#include "fetch/dataset.h"
#include "fetch/sums.h"

#include <archive.h>
#include <archive_entry.h>

enum { FILES = 2, CONTENT = 5000 };

static const char *const names[FILES] = {"data_batch_1.bin", "batches.meta.txt"};

static void fill(unsigned char *bytes, size_t file)
{
    for (size_t i = 0; i < CONTENT; i++)
        bytes[i] = (unsigned char)(i * i / 7 + 31 * file);
}

/* from/cifar-10-binary.tar.gz and its line in from/sums. */
static void put_archive(void)
{
    unsigned char bytes[CONTENT];
    char sum[MWN_DIGEST_TEXT], line[DATA_PATH];
    struct mwn_error err = {0};
    assert_int_equal(mwn_path_make_dir(data_path("from"), &err), MWN_OK);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
    assert_int_equal(
        archive_write_open_filename(a, data_path("from/cifar-10-binary.tar.gz")),
        ARCHIVE_OK);
    for (size_t i = 0; i < FILES; i++) {
        struct archive_entry *entry = archive_entry_new();
        (void)snprintf(line, sizeof(line), "cifar-10-batches-bin/%s", names[i]);
        archive_entry_set_pathname(entry, line);
        archive_entry_set_size(entry, CONTENT);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        fill(bytes, i);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, bytes, CONTENT), CONTENT);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    assert_int_equal(
        mwn_digest_file(data_path("from/cifar-10-binary.tar.gz"), "", sum, &err), MWN_OK);
    (void)snprintf(line, sizeof(line), "# made up\n%s  cifar-10-binary.tar.gz\n", sum);
    data_write_text("from/sums", line);
}

/* Fetches it into the folder `to`. */
static mwn_status fetch(mwn_fetch_progress_fn *progress, struct mwn_fetch_result *result,
                        struct mwn_error *err)
{
    char url[DATA_PATH + 16], sums[DATA_PATH];
    (void)snprintf(url, sizeof(url), "file://%s", data_path("from"));
    (void)snprintf(sums, sizeof(sums), "%s", data_path("from/sums"));
    const struct mwn_fetch_options options = {
        .from = url, .sums = sums, .retries = -1, .progress = progress};
    return mwn_fetch("cifar10", data_path("to"), &options, result, err);
}

static void clear(void)
{
    char command[2 * DATA_PATH];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", data_path("to"));
    assert_int_equal(system(command), 0);
}

static bool is_there(void)
{
    return mwn_path_exists(data_path("to/cifar-10-batches-bin"));
}

/* Every file of the folder is whole. */
static void check_there(void)
{
    unsigned char bytes[CONTENT];
    struct mwn_error err = {0};
    for (size_t i = 0; i < FILES; i++) {
        struct mwn_bytes got = {0};
        char name[128];
        (void)snprintf(name, sizeof(name), "to/cifar-10-batches-bin/%s", names[i]);
        fill(bytes, i);
        assert_int_equal(mwn_file_read_plain(data_path(name), CONTENT, &got, &err), MWN_OK);
        assert_int_equal(got.size, CONTENT);
        assert_memory_equal(got.data, bytes, CONTENT);
        mwn_bytes_release(&got);
    }
    assert_false(mwn_path_exists(data_path("to/cifar-10-binary.tar.gz.part")));
    assert_false(mwn_path_exists(data_path("to/cifar-10-batches-bin.part")));
}

/* ---- */

static void test_sums_are_those_of_the_standards(void **state)
{
    (void)state;
    char out[MWN_DIGEST_TEXT];
    struct mwn_error err = {0};
    const char *md5 = "900150983cd24fb0d6963f7d28e17f72";
    const char *sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    data_write_text("abc", "abc");
    assert_int_equal(mwn_digest_file(data_path("abc"), md5, out, &err), MWN_OK);
    assert_string_equal(out, md5);
    assert_int_equal(mwn_digest_file(data_path("abc"), sha, out, &err), MWN_OK);
    assert_string_equal(out, sha);
    data_write_text("empty", "");
    assert_int_equal(mwn_digest_file(data_path("empty"), md5, out, &err), MWN_OK);
    assert_string_equal(out, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(mwn_digest_file(data_path("none"), md5, out, &err), MWN_ERR_IO);
}

static void test_lists_of_sums_are_read(void **state)
{
    (void)state;
    char out[MWN_DIGEST_TEXT];
    struct mwn_error err = {0};
    const char *text = "# a note\n"
                       "900150983CD24FB0D6963F7D28E17F72 *b\r\n"
                       "d41d8cd98f00b204e9800998ecf8427e  ./folder/a file\n";
    assert_int_equal(mwn_sums_find(text, "list", "b", out, &err), MWN_OK);
    assert_string_equal(out, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(mwn_sums_find(text, "list", "a file", out, &err), MWN_OK);
    assert_string_equal(out, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(mwn_sums_find(text, "list", "a", out, &err), MWN_ERR_DATA);
    assert_string_equal(err.text, "list: has no checksum of a");
    static const char *const wrong[] = {
        "900150983cd24fb0d6963f7d28e17f7  b\n",   /* a digit short */
        "900150983cd24fb0d6963f7d28e17f720  b\n", /* or too many   */
        "900150983cd24fb0d6963f7d28e17f72 b\n",
        "900150983cd24fb0d6963f7d28e17f72\n",
        "b\n",
    };
    for (size_t i = 0; i < MWN_COUNT(wrong); i++) {
        assert_int_equal(mwn_sums_find(wrong[i], "list", "b", out, &err), MWN_ERR_DATA);
        assert_non_null(strstr(err.text, "list: line 1 is not"));
    }
}

static void test_the_table_is_well_formed(void **state)
{
    (void)state;
    for (const struct mwn_dataset *d = mwn_datasets; d->name; d++) {
        size_t files = 0;
        assert_non_null(mwn_reader_find(d->reader, NULL));
        assert_ptr_equal(strstr(d->url, "https://"), d->url);
        for (const struct mwn_remote_file *f = d->files; f->name; f++, files++) {
            assert_int_equal(strlen(f->sum), MWN_DIGEST_TEXT - 1);
            assert_int_equal(mwn_digest_length(f->sum), MWN_DIGEST_TEXT - 1);
            assert_true(f->size > 0);
        }
        assert_true(files > 0 && (!d->folder || files == 1));
    }
}

static void test_a_data_set_is_fetched_once(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_fetch_result result = {0};
    clear();
    assert_int_equal(fetch(NULL, &result, &err), MWN_OK);
    assert_int_equal(result.fetched, 1);
    assert_int_equal(result.files, 1);
    assert_int_equal(result.bytes, mwn_path_size(data_path("from/cifar-10-binary.tar.gz")));
    assert_string_equal(result.reader, "cifar10");
    check_there();
    assert_int_equal(fetch(NULL, &result, &err), MWN_OK);
    assert_int_equal(result.fetched, 0);
    assert_int_equal(result.bytes, 0);
    check_there();
}

static int stop(const struct mwn_fetch_progress *progress, void *user)
{
    (void)user;
    return strcmp(progress->phase, "unpack") == 0;
}

static void test_a_stop_while_unpacking_leaves_no_folder(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    clear();
    assert_int_equal(fetch(stop, NULL, &err), MWN_INTERRUPTED);
    assert_false(is_there());
    assert_false(mwn_path_exists(data_path("to/cifar-10-batches-bin.part")));
    assert_int_equal(fetch(NULL, NULL, NULL), MWN_OK);
    check_there();
}

/* Makes every call fail, one after another, then it and all later ones: the failure is reported,
 * the folder is whole or absent, and the next fetch ends well. */
static void survive(void (*begin)(uint64_t n), mwn_status expected, bool there)
{
    struct mwn_error err = {0};
    mwn_status status = MWN_ERR_RUNTIME;
    uint64_t n = 0;
    while (status != MWN_OK) {
        assert_true(n++ < 1000);
        if (!there)
            clear();
        begin(n);
        status = fetch(NULL, NULL, &err);
        begin(0);
        if (status != MWN_OK && status != expected)
            fail_msg("call %lu: status %d (%s)", (unsigned long)n, (int)status, err.text);
        if (is_there()) {
            assert_int_equal(fetch(NULL, NULL, &err), MWN_OK);
            check_there();
        }
        if (status != MWN_OK)
            assert_int_equal(fetch(NULL, NULL, &err), MWN_OK);
        check_there();
    }
    assert_true(n > 5);
}

static void test_fetching_survives_every_failure(void **state)
{
    (void)state;
    survive(mwn_mem_fail_once, MWN_ERR_MEMORY, false);
    survive(mwn_mem_fail_after, MWN_ERR_MEMORY, false);
    survive(mwn_file_fail_once, MWN_ERR_IO, false);
    survive(mwn_file_fail_after, MWN_ERR_IO, false);
}

static void test_checking_survives_every_failure(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    clear();
    assert_int_equal(fetch(NULL, NULL, &err), MWN_OK);
    survive(mwn_mem_fail_once, MWN_ERR_MEMORY, true);
    survive(mwn_file_fail_after, MWN_ERR_IO, true);
}

static int setup(void **state)
{
    if (data_make_folder(state) != 0)
        return 1;
    put_archive();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_those_of_the_standards),
        cmocka_unit_test(test_lists_of_sums_are_read),
        cmocka_unit_test(test_the_table_is_well_formed),
        cmocka_unit_test(test_a_data_set_is_fetched_once),
        cmocka_unit_test(test_a_stop_while_unpacking_leaves_no_folder),
        cmocka_unit_test(test_fetching_survives_every_failure),
        cmocka_unit_test(test_checking_survives_every_failure),
    };
    return cmocka_run_group_tests(tests, setup, data_remove_folder);
}

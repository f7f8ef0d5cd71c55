/* test_base.c - errors, text, memory, random numbers, hashes, files and option rows. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/memory_limit.h"
#include "base/option.h"
#include "base/rng.h"
#include "base/status.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    /* In memory if possible: each atomic write waits for the disk. */
    (void)snprintf(folder, sizeof(folder), "%s/mwn-base-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* A path in the test's folder; the last eight are kept. */
static const char *in_folder(const char *name)
{
    static char path[8][160];
    static size_t next;
    next = (next + 1) % 8;
    (void)snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
    return path[next];
}

static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void assert_content(const char *path, const void *bytes, size_t size)
{
    struct mwn_bytes got = {0};
    assert_int_equal(mwn_file_read(path, 1 << 24, &got, NULL), MWN_OK);
    assert_int_equal(got.size, size);
    assert_memory_equal(got.data, bytes, size);
    assert_int_equal(got.data[size], 0);
    mwn_bytes_release(&got);
}

/* ---- Errors ------------------------------------------------------------------------- */

static void test_error_holds_status_text_and_hint(void **state)
{
    (void)state;
    struct mwn_error err = {.hint = "old"};
    assert_int_equal(mwn_fail(&err, MWN_ERR_DATA, "%s: row %d", "a.csv", 7), MWN_ERR_DATA);
    assert_int_equal(err.status, MWN_ERR_DATA);
    assert_string_equal(err.text, "a.csv: row 7");
    assert_string_equal(err.hint, "");
    assert_int_equal(mwn_hint(&err, "try %d", 8), MWN_ERR_DATA);
    assert_string_equal(err.hint, "try 8");
    assert_int_equal(mwn_context(&err, "reading %s", "set"), MWN_ERR_DATA);
    assert_string_equal(err.text, "reading set: a.csv: row 7");
    assert_string_equal(err.hint, "try 8");
    assert_int_equal(mwn_fail_memory(&err, 12, "a thing"), MWN_ERR_MEMORY);
    assert_string_equal(err.text, "out of memory (12 bytes for a thing)");
}

static void test_error_may_be_null(void **state)
{
    (void)state;
    assert_int_equal(mwn_fail(NULL, MWN_ERR_IO, "x"), MWN_ERR_IO);
    assert_int_equal(mwn_hint(NULL, "y"), MWN_ERR_IO);
    assert_int_equal(mwn_context(NULL, "z"), MWN_ERR_IO);
}

static void test_long_error_is_cut_between_characters(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char text[700];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', sizeof(text));
        for (size_t i = shift; i + 4 < sizeof(text); i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 3);
        text[sizeof(text) - 1] = '\0';
        (void)mwn_fail(&err, MWN_ERR_DATA, "%s", text);
        size_t size = strlen(err.text);
        assert_in_range(size, 500, 511);
        assert_int_equal((size - shift) % 3, 0);
        (void)mwn_context(&err, "where");
        assert_int_equal((strlen(err.text) - 7 - shift) % 3, 0);
    }
    (void)mwn_fail(&err, MWN_ERR_DATA, "a\x1B[31mb\nc\x7F");
    assert_string_equal(err.text, "a?[31mb?c?");
    (void)mwn_fail(&err, MWN_ERR_DATA, "caf\xC3\xA9");
    assert_string_equal(err.text, "caf\xC3\xA9");
}

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(mwn_status_name(MWN_OK), "ok");
    assert_string_equal(mwn_status_name(MWN_ERR_MISMATCH), "mismatch");
    assert_string_equal(mwn_status_name(MWN_INTERRUPTED), "interrupted");
    char version[32];
    (void)snprintf(version, sizeof(version), "%d.%d.%d", MWN_VERSION_MAJOR,
                   MWN_VERSION_MINOR, MWN_VERSION_PATCH);
    assert_string_equal(mwn_version(), version);
}

static void test_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const char *const words[] = {"train.epochs", "train.batch", "method.name", "lr"};
    size_t n = MWN_COUNT(words);
    assert_string_equal(mwn_nearest("train.epoch", words, n), "train.epochs");
    assert_string_equal(mwn_nearest("TRAIN.BATCH", words, n), "train.batch");
    assert_string_equal(mwn_nearest("method.naem", words, n), "method.name");
    assert_string_equal(mwn_nearest("rl", words, n), "lr");
    assert_null(mwn_nearest("zzzzzz", words, n));
    assert_null(mwn_nearest("", words, n));
    assert_null(mwn_nearest("lr", words, 0));
    char huge[300];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_null(mwn_nearest(huge, words, n));
}

/* ---- Text and memory ---------------------------------------------------------------- */

static void test_buffer_grows_and_hands_over(void **state)
{
    (void)state;
    struct mwn_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        mwn_buf_printf(&buf, "%d,", i);
    mwn_buf_add(&buf, "a\0b", 3);
    mwn_buf_printf(&buf, "%0600d", 1);
    assert_int_equal(buf.size, 3890 + 3 + 600);
    char *text = mwn_buf_take(&buf);
    assert_memory_equal(text, "0,1,2,3,", 8);
    assert_memory_equal(text + 3890, "a\0b000", 6);
    assert_int_equal(text[3890 + 603], '\0');
    mwn_free(text);
    text = mwn_buf_take(&buf);
    assert_string_equal(text, "");
    mwn_text_free(text);
}

static void test_buffer_remembers_that_memory_ran_out(void **state)
{
    (void)state;
    struct mwn_buf buf = {0};
    mwn_buf_printf(&buf, "first");
    mwn_mem_fail_after(1);
    mwn_buf_printf(&buf, "%0900d", 3);
    mwn_mem_fail_after(0);
    mwn_buf_printf(&buf, "more");
    assert_true(buf.failed);
    assert_null(mwn_buf_take(&buf));
    assert_null(buf.text);
}

static void test_reals_are_parsed_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " 1",  "1 ", "1,5", "0x10",
                                      "nan", "inf", "1e", "--1"};
    double value = 7.0;
    for (size_t i = 0; i < MWN_COUNT(bad); i++)
        assert_false(mwn_text_real(bad[i], &value));
    assert_true(value == 7.0);
    assert_true(mwn_text_real("-1.5e-3", &value) && value == -1.5e-3);
    assert_true(mwn_text_real(".5", &value) && value == 0.5);
    assert_true(mwn_text_real("1e999", &value) && isinf(value));
}

static void test_allocation_is_zeroed_and_checked(void **state)
{
    (void)state;
    unsigned char *block = mwn_alloc(100, 3);
    assert_non_null(block);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(block[i], 0);
    block = mwn_resize(block, 1000, 3);
    assert_non_null(block);
    assert_int_equal(block[299], 0);
    mwn_free(block);
    mwn_free(NULL);
    block = mwn_alloc(0, 8);
    assert_non_null(block);
    mwn_free(block);
    assert_null(mwn_alloc(SIZE_MAX / 2, 3));
    assert_null(mwn_alloc(3, SIZE_MAX / 2));
    assert_null(mwn_resize(NULL, SIZE_MAX, SIZE_MAX));
    assert_null(mwn_arena_alloc(SIZE_MAX));
}

static void test_arena_is_zeroed_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 4096, 4097, (2u << 20) - 1, 2u << 20, (5u << 20) + 3};
    for (size_t i = 0; i < MWN_COUNT(sizes); i++) {
        unsigned char *block = mwn_arena_alloc(sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 4096, 0);
        if (sizes[i] >= 2u << 20)
            assert_int_equal((uintptr_t)block % (2u << 20), 0);
        for (size_t j = 0; j < sizes[i]; j += 997)
            assert_int_equal(block[j], 0);
        if (sizes[i] > 0) {
            block[0] = 1;
            block[sizes[i] - 1] = 2;
        }
        mwn_arena_free(block, sizes[i]);
    }
    mwn_arena_free(NULL, 7);
}

static void test_allocations_are_counted_and_fail_on_request(void **state)
{
    (void)state;
    uint64_t before = mwn_mem_count();
    mwn_mem_fail_after(3);
    void *first = mwn_alloc(1, 1);
    void *second = mwn_arena_alloc(10);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(mwn_strdup("x"));
    assert_null(mwn_alloc(1, 1));
    assert_null(mwn_arena_alloc(1));
    assert_null(mwn_resize(first, 2, 1));
    mwn_mem_fail_after(0);
    assert_int_equal(mwn_mem_count() - before, 6);
    mwn_arena_free(second, 10);
    mwn_free(first);
}

static void test_clock_never_goes_back(void **state)
{
    (void)state;
    double last = mwn_clock_now();
    for (int i = 0; i < 1000; i++) {
        double now = mwn_clock_now();
        assert_true(now >= last);
        last = now;
    }
    assert_true(last > 0.0);
}

/* ---- Random numbers ----------------------------------------------------------------- */

static void test_rng_gives_the_same_numbers_for_ever(void **state)
{
    (void)state;
    static const uint64_t want[4] = {
        UINT64_C(0xBC3A8B2451B92495), UINT64_C(0xA6100170EEA49225),
        UINT64_C(0x60F0BA06C4D152FD), UINT64_C(0x5346B4377A7171F8)};
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_ORDER, 2, 3);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(mwn_rng_u64(&rng), want[i]);
    static const uint32_t order_want[8] = {4, 1, 7, 5, 0, 6, 3, 2};
    uint32_t order[8];
    rng = mwn_rng_at(42, MWN_STREAM_ORDER, 0, 0);
    mwn_rng_permutation(&rng, order, 8);
    assert_memory_equal(order, order_want, sizeof(order));
}

static void test_rng_keys_are_all_different(void **state)
{
    (void)state;
    enum { N = 9 };
    uint64_t seen[N * N * N * N];
    size_t count = 0;
    for (uint64_t seed = 0; seed < N; seed++)
        for (int stream = 1; stream <= N; stream++)
            for (uint64_t epoch = 0; epoch < N; epoch++)
                for (uint64_t index = 0; index < N; index++) {
                    struct mwn_rng rng =
                        mwn_rng_at(seed, (enum mwn_stream)stream, epoch, index);
                    seen[count++] = mwn_rng_u64(&rng);
                }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (seen[i] == seen[j])
                fail_msg("keys %zu and %zu draw the same number", i, j);
}

/* Draws one number from each of many neighbouring streams, and many from one stream. */
static void check_uniform(bool across)
{
    enum { N = 200000, BINS = 100 };
    size_t bin[BINS] = {0};
    double sum = 0.0, product = 0.0, last = 0.5;
    struct mwn_rng rng = mwn_rng_at(5, MWN_STREAM_NOISE, 0, 0);
    for (uint64_t i = 0; i < N; i++) {
        if (across)
            rng = mwn_rng_at(5, MWN_STREAM_NOISE, 0, i);
        double u = mwn_rng_unit(&rng);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        product += (u - 0.5) * (last - 0.5);
        last = u;
        bin[(size_t)(u * BINS)]++;
    }
    double chi = 0.0, expected = (double)N / BINS;
    for (size_t i = 0; i < BINS; i++)
        chi += ((double)bin[i] - expected) * ((double)bin[i] - expected) / expected;
    /* Four standard deviations each. */
    assert_true(fabs(sum / N - 0.5) < 4.0 * sqrt(1.0 / 12.0 / N));
    assert_true(fabs(product / N) < 4.0 / 12.0 / sqrt(N));
    assert_true(fabs(chi - 99.0) < 4.0 * sqrt(2.0 * 99.0));
}

static void test_rng_is_uniform_within_and_across_streams(void **state)
{
    (void)state;
    check_uniform(false);
    check_uniform(true);
}

static void test_rng_changes_half_the_bits_for_one_bit_of_key(void **state)
{
    (void)state;
    double flips = 0.0;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t i = 0; i < 64; i++) {
            struct mwn_rng a = mwn_rng_at(i, MWN_STREAM_INIT, 7, i);
            struct mwn_rng b = mwn_rng_at(i, MWN_STREAM_INIT, 7, i ^ (UINT64_C(1) << bit));
            uint64_t differ = mwn_rng_u64(&a) ^ mwn_rng_u64(&b);
            for (; differ != 0; differ &= differ - 1)
                flips += 1.0;
        }
    }
    assert_true(fabs(flips / (64 * 64) - 32.0) < 0.25);
}

static void test_normal_has_the_moments_of_a_normal(void **state)
{
    (void)state;
    enum { N = 200000 };
    double m1 = 0.0, m2 = 0.0, m3 = 0.0, m4 = 0.0;
    size_t beyond = 0;
    for (uint64_t i = 0; i < N; i++) {
        struct mwn_rng rng = mwn_rng_at(3, MWN_STREAM_INIT, 0, i);
        double x = mwn_rng_normal(&rng);
        assert_true(isfinite(x));
        m1 += x;
        m2 += x * x;
        m3 += x * x * x;
        m4 += x * x * x * x;
        beyond += fabs(x) > 1.959964;
    }
    assert_true(fabs(m1 / N) < 0.01);
    assert_true(fabs(m2 / N - 1.0) < 0.015);
    assert_true(fabs(m3 / N) < 0.04);
    assert_true(fabs(m4 / N - 3.0) < 0.1);
    assert_true(fabs((double)beyond / N - 0.05) < 0.002);
}

static void test_below_is_unbiased(void **state)
{
    (void)state;
    enum { N = 120000 };
    size_t count[6] = {0}, upper = 0;
    struct mwn_rng rng = mwn_rng_at(9, MWN_STREAM_NOISE, 1, 0);
    for (size_t i = 0; i < N; i++)
        count[mwn_rng_below(&rng, 6)]++;
    for (size_t i = 0; i < 6; i++)
        assert_true(fabs((double)count[i] - N / 6.0) < 520.0);
    /* With n = 3/4 of 2^64 a plain high product would give some numbers twice as often. */
    uint64_t n = UINT64_C(3) << 62;
    for (size_t i = 0; i < N; i++) {
        uint64_t x = mwn_rng_below(&rng, n);
        assert_true(x < n);
        upper += x % 3 == 0;
    }
    assert_true(fabs((double)upper - N / 3.0) < 660.0);
    assert_int_equal(mwn_rng_below(&rng, 1), 0);
}

static void test_permutation_holds_each_number_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t order[N];
    bool seen[N] = {false};
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_ORDER, 1, 0);
    mwn_rng_permutation(&rng, order, N);
    size_t fixed = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(order[i] < N && !seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_true(fixed < 8);
    /* All six orders of three come equally often. */
    size_t count[27] = {0};
    for (uint64_t i = 0; i < 60000; i++) {
        rng = mwn_rng_at(1, MWN_STREAM_ORDER, i, 0);
        mwn_rng_permutation(&rng, order, 3);
        count[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (size_t i = 0; i < 27; i++)
        assert_true(count[i] == 0 || fabs((double)count[i] - 10000.0) < 400.0);
}

static void test_hash_tells_every_single_change(void **state)
{
    (void)state;
    unsigned char bytes[70] = {0};
    struct mwn_hash seen[70 * 8 + 71];
    size_t count = 0;
    for (size_t size = 0; size <= sizeof(bytes); size++)
        seen[count++] = mwn_hash_bytes(bytes, size);
    for (size_t i = 0; i < sizeof(bytes) * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        seen[count++] = mwn_hash_bytes(bytes, sizeof(bytes));
        bytes[i / 8] = 0;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            assert_true(seen[i].low != seen[j].low);
            assert_true(seen[i].high != seen[j].high);
        }
    struct mwn_hash again = mwn_hash_bytes(bytes, sizeof(bytes));
    assert_int_equal(again.low, seen[70].low);
    assert_int_equal(again.high, seen[70].high);
}

/* ---- Files -------------------------------------------------------------------------- */

static void test_written_file_reads_back(void **state)
{
    (void)state;
    const char *path = in_folder("plain");
    assert_int_equal(mwn_file_write(path, "one\0two", 7, NULL), MWN_OK);
    assert_content(path, "one\0two", 7);
    assert_int_equal(mwn_file_write(path, "", 0, NULL), MWN_OK);
    assert_content(path, "", 0);
    struct mwn_bytes got = {0};
    struct mwn_error err = {0};
    assert_int_equal(mwn_file_write(path, "12345", 5, NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 5, &got, &err), MWN_OK);
    mwn_bytes_release(&got);
    assert_int_equal(mwn_file_read(path, 4, &got, &err), MWN_ERR_DATA);
    assert_null(got.data);
    assert_non_null(strstr(err.text, "more than 4 bytes"));
    assert_int_equal(unlink(path), 0);
}

static void test_unreadable_paths_are_io_errors_with_their_name(void **state)
{
    (void)state;
    struct mwn_bytes got = {0};
    struct mwn_error err = {0};
    assert_int_equal(mwn_file_read(in_folder("none"), 10, &got, &err), MWN_ERR_IO);
    assert_non_null(strstr(err.text, "/none: cannot open: No such file"));
    assert_non_null(strstr(err.hint, "path"));
    assert_int_equal(mwn_file_read(folder, 10, &got, &err), MWN_ERR_IO);
    assert_non_null(strstr(err.text, "is a folder"));
    assert_int_equal(mwn_file_write(folder, "x", 1, &err), MWN_ERR_IO);
    assert_int_equal(mwn_file_write(in_folder("no/such"), "x", 1, &err), MWN_ERR_IO);
    assert_int_equal(mwn_file_append(folder, "x", &err), MWN_ERR_IO);
    assert_int_equal(mwn_file_read("/dev/zero", 100000, &got, &err), MWN_ERR_DATA);
    assert_null(got.data);
}

/* What a replacement of "old" by "new" does with the n-th I/O call or allocation failing;
 * false once n is more than there are. */
static bool replace_fails(const char *path, uint64_t n, bool memory)
{
    assert_int_equal(mwn_file_write(path, "old", 3, NULL), MWN_OK);
    struct mwn_error err = {0};
    if (memory)
        mwn_mem_fail_after(n);
    else
        mwn_file_fail_after(n);
    mwn_status status = mwn_file_write(path, "new!", 4, &err);
    mwn_mem_fail_after(0);
    mwn_file_fail_after(0);
    if (status == MWN_OK)
        assert_content(path, "new!", 4);
    else
        assert_content(path, "old", 3);
    if (status == MWN_OK)
        return false;
    assert_int_equal(status, memory ? MWN_ERR_MEMORY : MWN_ERR_IO);
    assert_int_equal(err.status, status);
    assert_true(memory || strstr(err.text, "No space left") != NULL);
    return true;
}

static void test_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(mwn_path_make_dir(in_folder("atomic"), NULL), MWN_OK);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s", in_folder("atomic/file"));
    for (int memory = 0; memory < 2; memory++) {
        uint64_t n = 1;
        for (; replace_fails(path, n, memory == 1) && n < 100; n++)
            assert_int_equal(count_files(in_folder("atomic")), 1);
        /* open, write, flush, sync, rename; two names. */
        assert_true(n > (memory == 1 ? 2 : 5) && n < 100);
    }
    struct mwn_writer writer;
    assert_int_equal(mwn_writer_open(&writer, path, NULL), MWN_OK);
    mwn_writer_add(&writer, "junk", 4);
    assert_int_equal(count_files(in_folder("atomic")), 2);
    mwn_writer_discard(&writer);
    mwn_writer_discard(&writer);
    mwn_writer_discard(NULL);
    assert_int_equal(count_files(in_folder("atomic")), 1);
    assert_content(path, "new!", 4);
}

/* A link stays one, and a pipe is written into; neither gives way to a new file. */
static void test_links_and_pipes_stay_what_they_are(void **state)
{
    (void)state;
    char target[256], link[256], pipe_path[256], got[8] = "";
    struct stat info;
    snprintf(target, sizeof(target), "%s", in_folder("target"));
    snprintf(link, sizeof(link), "%s", in_folder("link"));
    snprintf(pipe_path, sizeof(pipe_path), "%s", in_folder("pipe"));
    assert_int_equal(mwn_file_write(target, "old", 3, NULL), MWN_OK);
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(mwn_file_write(link, "new", 3, NULL), MWN_OK);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_content(target, "new", 3);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    int end = open(pipe_path, O_RDONLY | O_NONBLOCK);
    assert_true(end >= 0);
    assert_int_equal(mwn_file_write(pipe_path, "through", 7, NULL), MWN_OK);
    assert_int_equal(read(end, got, 7), 7);
    assert_string_equal(got, "through");
    (void)close(end);
    assert_int_equal(lstat(pipe_path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
}

static void test_refused_bytes_are_reported_by_commit(void **state)
{
    (void)state;
    const char *path = in_folder("limited");
    assert_int_equal(mwn_file_write(path, "old", 3, NULL), MWN_OK);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 65536;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct mwn_error err = {0};
    static const unsigned char big[1 << 20];
    mwn_status status = mwn_file_write(path, big, sizeof(big), &err);
    struct mwn_writer writer;
    mwn_status opened = mwn_writer_open(&writer, path, NULL);
    for (int i = 0; i < 20000 && opened == MWN_OK; i++)
        (void)fprintf(writer.stream, "line %d\n", i);
    mwn_status printed = mwn_writer_commit(&writer, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, MWN_ERR_IO);
    assert_non_null(strstr(err.text, "File too large"));
    assert_int_equal(opened, MWN_OK);
    assert_int_equal(printed, MWN_ERR_IO);
    assert_content(path, "old", 3);
}

static void test_append_adds_whole_lines_only(void **state)
{
    (void)state;
    const char *path = in_folder("log");
    assert_int_equal(mwn_file_append(path, "one", NULL), MWN_OK);
    assert_int_equal(mwn_file_append(path, "two\n", NULL), MWN_OK);
    for (uint64_t n = 1; n <= 3; n++) {
        mwn_file_fail_after(n);
        mwn_status status = mwn_file_append(path, "three", NULL);
        mwn_file_fail_after(0);
        assert_int_equal(status, MWN_ERR_IO);
        assert_content(path, "one\ntwo\n", 8);
    }
    mwn_mem_fail_after(1);
    assert_int_equal(mwn_file_append(path, "three", NULL), MWN_ERR_MEMORY);
    mwn_mem_fail_after(0);
    assert_int_equal(mwn_file_append(path, "", NULL), MWN_OK);
    assert_content(path, "one\ntwo\n\n", 9);
}

/* A system whose /proc/self/cgroup says `groups`, with a limit in one file. */
static size_t limit_of(const char *root, const char *groups, const char *file,
                       const char *limit)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/proc/self", root);
    assert_int_equal(mwn_path_make_dir(in_folder(path), NULL), MWN_OK);
    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    assert_int_equal(mwn_file_write(in_folder(path), groups, strlen(groups), NULL), MWN_OK);
    (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", root, file);
    *strrchr(path, '/') = '\0';
    assert_int_equal(mwn_path_make_dir(in_folder(path), NULL), MWN_OK);
    (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", root, file);
    assert_int_equal(mwn_file_write(in_folder(path), limit, strlen(limit), NULL), MWN_OK);
    return mwn_memory_limit(in_folder(root));
}

static void test_limits_of_control_groups_count(void **state)
{
    (void)state;
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    const char *one = "11:cpu:/x\n4:cpuset,memory:/y\n4:memory:/a/b\n0::/\n";
    assert_int_equal(mwn_memory_limit(in_folder("no-such-system")), machine);
    assert_int_equal(limit_of("v2", "0::/a/b\n", "a/b/memory.max", "300000\n"), 300000);
    assert_int_equal(limit_of("v2-above", "0::/a/b\n", "a/memory.max", "4096\n"), 4096);
    assert_int_equal(limit_of("v2-top", "0::/host/b\n", "memory.max", "8192\n"), 8192);
    assert_int_equal(limit_of("v2-max", "0::/a\n", "a/memory.max", "max\n"), machine);
    assert_int_equal(limit_of("v2-other", "0::/a\n", "b/memory.max", "4096\n"), machine);
    assert_int_equal(limit_of("v1", one, "memory/a/b/memory.limit_in_bytes", "500000\n"),
                     500000);
    assert_int_equal(limit_of("v1-none", one, "memory/a/b/memory.limit_in_bytes",
                              "9223372036854771712\n"),
                     machine);
    assert_int_equal(limit_of("v1-cpu", one, "cpu/x/memory.limit_in_bytes", "4096\n"),
                     machine);
}

static void test_folders_are_made_with_their_parents(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    assert_int_equal(mwn_path_make_dir(in_folder("a/b//c/"), &err), MWN_OK);
    assert_true(mwn_path_is_dir(in_folder("a/b/c")));
    assert_int_equal(mwn_path_make_dir(in_folder("a/b"), &err), MWN_OK);
    assert_int_equal(mwn_file_write(in_folder("a/file"), "x", 1, &err), MWN_OK);
    assert_true(mwn_path_exists(in_folder("a/file")));
    assert_false(mwn_path_is_dir(in_folder("a/file")));
    assert_false(mwn_path_exists(in_folder("a/none")));
    assert_int_equal(mwn_path_make_dir(in_folder("a/file/d"), &err), MWN_ERR_IO);
    assert_int_equal(mwn_path_make_dir(in_folder("a/file"), &err), MWN_ERR_IO);
    mwn_file_fail_after(1);
    assert_int_equal(mwn_path_make_dir(in_folder("x/y"), &err), MWN_ERR_IO);
    mwn_file_fail_after(0);
    assert_false(mwn_path_exists(in_folder("x")));
    static const char *const joins[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < MWN_COUNT(joins); i++) {
        char *path = mwn_path_join(joins[i][0], joins[i][1]);
        assert_string_equal(path, joins[i][2]);
        mwn_free(path);
    }
}

/* Packs bytes by zlib; returns the packed size. */
static size_t pack(const void *bytes, size_t size, unsigned char *out, size_t room)
{
    z_stream stream = {0};
    unsigned char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = copy;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed = room - stream.avail_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    free(copy);
    return packed;
}

enum { TEXT_SIZE = 300000 };

/* A text that packs well, and one hard to pack, both followed by their packed form. */
static void fill_text(unsigned char *text, bool easy)
{
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 0);
    for (size_t i = 0; i < TEXT_SIZE; i++)
        text[i] = easy ? (unsigned char)('a' + i % 7) : (unsigned char)mwn_rng_u64(&rng);
}

static void test_gzip_is_unpacked_on_the_way(void **state)
{
    (void)state;
    static unsigned char text[TEXT_SIZE], packed[2 * TEXT_SIZE];
    struct mwn_bytes got = {0};
    const char *path = in_folder("packed.gz");
    for (int easy = 0; easy < 2; easy++) {
        fill_text(text, easy == 1);
        size_t size = pack(text, TEXT_SIZE, packed, sizeof(packed));
        assert_int_equal(mwn_file_write(path, packed, size, NULL), MWN_OK);
        assert_content(path, text, TEXT_SIZE);
        assert_int_equal(mwn_file_read(path, TEXT_SIZE, &got, NULL), MWN_OK);
        mwn_bytes_release(&got);
        assert_int_equal(mwn_file_read(path, TEXT_SIZE - 1, &got, NULL), MWN_ERR_DATA);
        assert_int_equal(mwn_file_read(path, 10, &got, NULL), MWN_ERR_DATA);
        assert_int_equal(mwn_file_read_plain(path, size, &got, NULL), MWN_OK);
        assert_int_equal(got.size, size);
        mwn_bytes_release(&got);
        assert_int_equal(mwn_file_read_plain(path, size - 1, &got, NULL), MWN_ERR_DATA);
    }
    /* Two members and the zero bytes of a tape. */
    size_t one = pack("hello ", 6, packed, sizeof(packed));
    size_t two = pack("world", 5, packed + one, sizeof(packed) - one);
    memset(packed + one + two, 0, 50);
    assert_int_equal(mwn_file_write(path, packed, one + two + 50, NULL), MWN_OK);
    assert_content(path, "hello world", 11);
    one = pack("", 0, packed, sizeof(packed));
    assert_int_equal(mwn_file_write(path, packed, one, NULL), MWN_OK);
    assert_content(path, "", 0);
}

static void test_damaged_gzip_is_a_data_error(void **state)
{
    (void)state;
    static unsigned char packed[1000];
    unsigned char text[300];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (unsigned char)(i * i / 7);
    size_t size = pack(text, sizeof(text), packed, sizeof(packed));
    const char *path = in_folder("damaged.gz");
    struct mwn_bytes got = {0};
    struct mwn_error err = {0};
    for (size_t cut = 2; cut < size; cut++) {
        assert_int_equal(mwn_file_write(path, packed, cut, NULL), MWN_OK);
        assert_int_equal(mwn_file_read(path, 1 << 20, &got, &err), MWN_ERR_DATA);
        assert_non_null(strstr(err.text, "end too early"));
    }
    size_t harmless = 0;
    for (size_t i = 10; i < size; i++) {
        packed[i] ^= 0x10;
        assert_int_equal(mwn_file_write(path, packed, size, NULL), MWN_OK);
        mwn_status status = mwn_file_read(path, 1 << 20, &got, &err);
        packed[i] ^= 0x10;
        /* A few bits at the end of the last block mean nothing. */
        if (status != MWN_OK) {
            assert_int_equal(status, MWN_ERR_DATA);
            continue;
        }
        harmless++;
        assert_int_equal(got.size, sizeof(text));
        assert_memory_equal(got.data, text, sizeof(text));
        mwn_bytes_release(&got);
    }
    assert_true(harmless <= 1);
    packed[size] = 'x';
    assert_int_equal(mwn_file_write(path, packed, size + 1, NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 1 << 20, &got, &err), MWN_ERR_DATA);
    assert_non_null(strstr(err.text, "1 bytes of garbage"));
    assert_null(got.data);
}

static void test_reading_survives_every_failure(void **state)
{
    (void)state;
    static unsigned char text[TEXT_SIZE], packed[2 * TEXT_SIZE];
    fill_text(text, true);
    size_t size = pack(text, TEXT_SIZE, packed, sizeof(packed));
    const char *path = in_folder("torture.gz");
    assert_int_equal(mwn_file_write(path, packed, size, NULL), MWN_OK);
    struct mwn_bytes got = {0};
    for (int memory = 0; memory < 2; memory++) {
        mwn_status status = MWN_ERR_IO;
        for (uint64_t n = 1; n < 100 && status != MWN_OK; n++) {
            if (memory == 1)
                mwn_mem_fail_after(n);
            else
                mwn_file_fail_after(n);
            status = mwn_file_read(path, 1 << 24, &got, NULL);
            mwn_mem_fail_after(0);
            mwn_file_fail_after(0);
            if (status != MWN_OK)
                assert_int_equal(status, memory == 1 ? MWN_ERR_MEMORY : MWN_ERR_IO);
        }
        assert_int_equal(status, MWN_OK);
        assert_int_equal(got.size, TEXT_SIZE);
        mwn_bytes_release(&got);
    }
}

/* ---- Options ------------------------------------------------------------------------ */

struct fields {
    bool yes;
    int64_t epochs;
    double lr;
    char *name;
    int mode;
    struct mwn_int_list steps;
};

static const char *const modes[] = {"jvp", "fd", "last_layer", NULL};
static const struct mwn_option rows[] = {
    {"yes", MWN_OPT_BOOL, offsetof(struct fields, yes), "true", 0, 0, NULL, "A switch."},
    {"epochs", MWN_OPT_INT, offsetof(struct fields, epochs), "10", 1, 100000, NULL,
     "Epochs."},
    {"lr", MWN_OPT_REAL, offsetof(struct fields, lr), "0.1", 0, HUGE_VAL, NULL, "Rate."},
    {"name", MWN_OPT_TEXT, offsetof(struct fields, name), "run", 0, 0, NULL, "A name."},
    {"mode", MWN_OPT_CHOICE, offsetof(struct fields, mode), "fd", 0, 0, modes, "How."},
    {"steps", MWN_OPT_LIST, offsetof(struct fields, steps), "80,90", 0, 1000, NULL,
     "When."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

/* Sets an option by its name and gives its value back as text. */
static const char *printed(struct fields *fields, const char *name, const char *value)
{
    static char text[256];
    struct mwn_error err = {0};
    const struct mwn_option *row = mwn_option_find(rows, name);
    assert_non_null(row);
    if (mwn_option_set(row, "train", fields, value, &err) != MWN_OK)
        fail_msg("%s", err.text);
    struct mwn_buf buf = {0};
    mwn_option_print(row, fields, &buf);
    char *taken = mwn_buf_take(&buf);
    (void)snprintf(text, sizeof(text), "%s", taken);
    mwn_free(taken);
    return text;
}

static void test_defaults_fill_every_field(void **state)
{
    (void)state;
    struct fields f = {0};
    assert_int_equal(mwn_options_default(rows, &f, NULL), MWN_OK);
    assert_true(f.yes && f.epochs == 10 && f.lr == 0.1 && f.mode == 1);
    assert_string_equal(f.name, "run");
    assert_int_equal(f.steps.count, 2);
    assert_int_equal(f.steps.item[1], 90);
    mwn_options_release(rows, &f);
    mwn_options_release(rows, &f);
    assert_null(f.name);
    mwn_mem_fail_after(1);
    struct mwn_error err = {0};
    assert_int_equal(mwn_options_default(rows, &f, &err), MWN_ERR_MEMORY);
    mwn_mem_fail_after(0);
    assert_null(mwn_option_find(rows, "none"));
}

static void test_values_are_printed_as_they_are_read(void **state)
{
    (void)state;
    struct fields f = {0};
    static const char *const same[][2] = {{"yes", "false"},
                                          {"yes", "true"},
                                          {"epochs", "100000"},
                                          {"lr", "0.1"},
                                          {"lr", "1e-05"},
                                          {"lr", "0"},
                                          {"lr", "0.30000000000000004"},
                                          {"name", "a, b: c"},
                                          {"name", ""},
                                          {"mode", "last_layer"},
                                          {"steps", "1,2,3"},
                                          {"steps", ""},
                                          {"lr", "1.7976931348623157e+308"}};
    for (size_t i = 0; i < MWN_COUNT(same); i++)
        assert_string_equal(printed(&f, same[i][0], same[i][1]), same[i][1]);
    static const char *const other[][3] = {{"yes", "ON", "true"},
                                           {"yes", "no", "false"},
                                           {"yes", "1", "true"},
                                           {"epochs", "+007", "7"},
                                           {"lr", "5", "5"},
                                           {"lr", "1E2", "100"},
                                           {"steps", "[80, 90]", "80,90"},
                                           {"steps", "[]", ""},
                                           {"steps", " 4 , 5 ", "4,5"}};
    for (size_t i = 0; i < MWN_COUNT(other); i++)
        assert_string_equal(printed(&f, other[i][0], other[i][1]), other[i][2]);
    mwn_options_release(rows, &f);
}

static void test_reals_survive_printing_exactly(void **state)
{
    (void)state;
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, 1);
    for (int i = 0; i < 2000; i++) {
        struct fields f = {.lr = exp(200.0 * (mwn_rng_unit(&rng) - 0.5))};
        double before = f.lr;
        struct mwn_buf buf = {0};
        mwn_option_print(&rows[2], &f, &buf);
        assert_int_equal(mwn_option_set(&rows[2], NULL, &f, buf.text, NULL), MWN_OK);
        assert_memory_equal(&f.lr, &before, sizeof(before));
        mwn_buf_release(&buf);
    }
}

static void test_wrong_values_are_refused_and_named(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"epochs", "ten", "train.epochs: 'ten' is not an integer (expected 1 .. 100000)"},
        {"epochs", "1e5", "is not an integer"},
        {"epochs", " 5", "is not an integer"},
        {"epochs", "", "is not an integer"},
        {"epochs", "5.0", "is not an integer"},
        {"epochs", "0", "train.epochs: '0' is out of range (expected 1 .. 100000)"},
        {"epochs", "99999999999999999999", "is not an integer"},
        {"lr", "fast", "train.lr: 'fast' is not a number (expected at least 0)"},
        {"lr", "-1", "is out of range"},
        {"lr", "nan", "is not a number"},
        {"lr", "1e999", "is out of range"},
        {"yes", "maybe", "train.yes: 'maybe' is not a yes or no"},
        {"yes", "", "is not a yes or no"},
        {"mode", "jvb", "train.mode: 'jvb' is not one of: jvp, fd, last_layer"},
        {"mode", "", "is not one of"},
        {"steps", "1,,2", "is not a list of integers"},
        {"steps", "1,2,", "ends in a comma"},
        {"steps", "[1,2", "lacks the closing bracket"},
        {"steps", "1]", "is not a list"},
        {"steps", "1 2", "is not a list"},
        {"steps", "5,1001", "has an item out of range (expected 0 .. 1000)"},
        {"steps", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "has more than 16 items"}};
    struct fields f = {0}, before;
    memset(&f, 0, sizeof(f));
    memcpy(&before, &f, sizeof(f));
    for (size_t i = 0; i < MWN_COUNT(wrong); i++) {
        struct mwn_error err = {0};
        const struct mwn_option *row = mwn_option_find(rows, wrong[i][0]);
        assert_int_equal(mwn_option_set(row, "train", &f, wrong[i][1], &err),
                         MWN_ERR_CONFIG);
        if (strstr(err.text, wrong[i][2]) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, wrong[i][2]);
        assert_memory_equal(&f, &before, sizeof(f));
    }
    struct mwn_error err = {0};
    assert_int_equal(mwn_option_set(&rows[4], "train", &f, "jvb", &err), MWN_ERR_CONFIG);
    assert_string_equal(err.hint, "did you mean 'jvp'?");
    assert_int_equal(mwn_option_set(&rows[1], NULL, &f, "x", &err), MWN_ERR_CONFIG);
    assert_memory_equal(err.text, "epochs: 'x'", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_holds_status_text_and_hint),
        cmocka_unit_test(test_error_may_be_null),
        cmocka_unit_test(test_long_error_is_cut_between_characters),
        cmocka_unit_test(test_every_status_has_a_name),
        cmocka_unit_test(test_nearest_word_is_found_or_none),
        cmocka_unit_test(test_buffer_grows_and_hands_over),
        cmocka_unit_test(test_buffer_remembers_that_memory_ran_out),
        cmocka_unit_test(test_reals_are_parsed_strictly),
        cmocka_unit_test(test_allocation_is_zeroed_and_checked),
        cmocka_unit_test(test_arena_is_zeroed_and_aligned),
        cmocka_unit_test(test_allocations_are_counted_and_fail_on_request),
        cmocka_unit_test(test_clock_never_goes_back),
        cmocka_unit_test(test_rng_gives_the_same_numbers_for_ever),
        cmocka_unit_test(test_rng_keys_are_all_different),
        cmocka_unit_test(test_rng_is_uniform_within_and_across_streams),
        cmocka_unit_test(test_rng_changes_half_the_bits_for_one_bit_of_key),
        cmocka_unit_test(test_normal_has_the_moments_of_a_normal),
        cmocka_unit_test(test_below_is_unbiased),
        cmocka_unit_test(test_permutation_holds_each_number_once),
        cmocka_unit_test(test_hash_tells_every_single_change),
        cmocka_unit_test(test_written_file_reads_back),
        cmocka_unit_test(test_unreadable_paths_are_io_errors_with_their_name),
        cmocka_unit_test(test_failed_write_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(test_links_and_pipes_stay_what_they_are),
        cmocka_unit_test(test_refused_bytes_are_reported_by_commit),
        cmocka_unit_test(test_append_adds_whole_lines_only),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_gzip_is_unpacked_on_the_way),
        cmocka_unit_test(test_damaged_gzip_is_a_data_error),
        cmocka_unit_test(test_reading_survives_every_failure),
        cmocka_unit_test(test_defaults_fill_every_field),
        cmocka_unit_test(test_limits_of_control_groups_count),
        cmocka_unit_test(test_values_are_printed_as_they_are_read),
        cmocka_unit_test(test_reals_survive_printing_exactly),
        cmocka_unit_test(test_wrong_values_are_refused_and_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

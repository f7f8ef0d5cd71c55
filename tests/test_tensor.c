/* test_tensor.c - flat vectors, .npy files and safetensors files. */
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tensor/dense.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"
#include "tensor/vec.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    /* In memory if possible: each atomic write waits for the disk. */
    (void)snprintf(folder, sizeof(folder), "%s/mwn-tensor-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* ---- Vectors ------------------------------------------------------------------------ */

enum { LENGTH = 200003 };

/* Random numbers as double and as float. */
static void fill_vector(double *x, float *f, uint64_t key)
{
    struct mwn_rng rng = mwn_rng_at(1, MWN_STREAM_BENCH, 0, key);
    for (size_t i = 0; i < LENGTH; i++) {
        f[i] = (float)mwn_rng_normal(&rng);
        x[i] = (double)f[i];
    }
}

static const size_t lengths[] = {0, 1, 7, 8, 9, 4095, 4096, 4097, 65536, LENGTH};
static double x64[LENGTH], y64[LENGTH], out64[LENGTH];
static float x32[LENGTH], y32[LENGTH], out32[LENGTH];

static void test_add_matches_plain_loop(void **state)
{
    (void)state;
    fill_vector(x64, x32, 1);
    fill_vector(y64, y32, 2);
    for (size_t l = 0; l < MWN_COUNT(lengths); l++) {
        size_t n = lengths[l];
        out64[n < LENGTH ? n : 0] = 5.0;
        out32[n < LENGTH ? n : 0] = 5.0F;
        mwn_vec_add(MWN_F64, n, x64, -0.3, y64, out64);
        mwn_vec_add(MWN_F32, n, x32, -0.3, y32, out32);
        for (size_t i = 0; i < n; i++) {
            assert_true(fabs(out64[i] - (x64[i] - 0.3 * y64[i])) < 1e-15);
            assert_true(fabs((double)out32[i] - (x64[i] - 0.3 * y64[i])) < 1e-6);
        }
        if (n < LENGTH)
            assert_true(out64[n] == 5.0 && out32[n] == 5.0F);
    }
    /* In place. */
    memcpy(out64, x64, sizeof(out64));
    mwn_vec_add(MWN_F64, LENGTH, out64, 2.0, y64, out64);
    for (size_t i = 0; i < LENGTH; i++)
        assert_true(out64[i] == x64[i] + 2.0 * y64[i]);
}

static void test_copies_and_conversions_keep_every_number(void **state)
{
    (void)state;
    fill_vector(x64, x32, 3);
    for (size_t l = 0; l < MWN_COUNT(lengths); l++) {
        size_t n = lengths[l];
        memset(out32, 0, sizeof(out32));
        memset(out64, 0, sizeof(out64));
        mwn_vec_copy(MWN_F32, n, x32, out32);
        mwn_vec_copy(MWN_F64, n, x64, out64);
        for (size_t i = 0; i < n; i++)
            assert_true(out64[i] == x64[i] && out32[i] == x32[i]);
        assert_true(n == LENGTH || (out32[n] == 0.0F && out64[n] == 0.0));
        memset(out32, 0, sizeof(out32));
        memset(out64, 0, sizeof(out64));
        mwn_vec_to_double(MWN_F32, n, x32, out64);
        mwn_vec_from_double(MWN_F32, n, out64, out32);
        for (size_t i = 0; i < n; i++)
            assert_true(out64[i] == x64[i] && out32[i] == x32[i]);
        mwn_vec_to_double(MWN_F64, n, x64, y64);
        mwn_vec_from_double(MWN_F64, n, y64, out64);
        for (size_t i = 0; i < n; i++)
            assert_true(out64[i] == x64[i]);
        mwn_vec_add_double(MWN_F64, n, x64, out64);
        mwn_vec_add_double(MWN_F32, n, x64, out32);
        for (size_t i = 0; i < n; i++)
            assert_true(out64[i] == 2 * x64[i] && out32[i] == 2 * x32[i]);
    }
    assert_int_equal(mwn_dtype_size(MWN_F32), 4);
    assert_int_equal(mwn_dtype_size(MWN_F64), 8);
}

static void test_dot_is_exact_enough_and_the_same_for_any_thread_count(void **state)
{
    (void)state;
    fill_vector(x64, x32, 4);
    fill_vector(y64, y32, 5);
    int threads = omp_get_max_threads();
    for (size_t l = 0; l < MWN_COUNT(lengths); l++) {
        size_t n = lengths[l];
        long double want = 0.0L;
        for (size_t i = 0; i < n; i++)
            want += (long double)x64[i] * (long double)y64[i];
        double got[2][4];
        for (int t = 0; t < 4; t++) {
            omp_set_num_threads(t + 1);
            got[0][t] = mwn_vec_dot(MWN_F64, n, x64, y64);
            got[1][t] = mwn_vec_dot(MWN_F32, n, x32, y32);
            assert_true(fabs(got[0][t] - (double)want) < 1e-10);
            assert_memory_equal(&got[0][t], &got[0][0], sizeof(double));
            assert_memory_equal(&got[1][t], &got[0][0], sizeof(double));
        }
    }
    omp_set_num_threads(threads);
}

static void test_dot_spans_more_than_one_group_of_blocks(void **state)
{
    (void)state;
    size_t n = ((size_t)17 << 20) + 5; /* a group is 16 * 2^20 numbers */
    float *ones = mwn_arena_alloc(n * sizeof(float));
    assert_non_null(ones);
    for (size_t i = 0; i < n; i++)
        ones[i] = 1.0F;
    assert_true(mwn_vec_dot(MWN_F32, n, ones, ones) == (double)n);
    ones[n - 1] = 3.0F;
    assert_true(mwn_vec_dot(MWN_F32, n, ones, ones) == (double)n + 8.0);
    mwn_arena_free(ones, n * sizeof(float));
}

/* ---- Dense layers ------------------------------------------------------------------- */

enum { DENSE_MAX = 64 * 40 };

struct dense_case {
    size_t n, in, out;
    double w[DENSE_MAX], b[DENSE_MAX], x[DENSE_MAX], dy[DENSE_MAX];
    double y[DENSE_MAX], dw[DENSE_MAX], dx[DENSE_MAX];
};

static void fill_dense(struct dense_case *c)
{
    struct mwn_rng rng = mwn_rng_at(7, MWN_STREAM_TEACHER, 0, 0);
    for (size_t i = 0; i < DENSE_MAX; i++) {
        c->w[i] = mwn_rng_normal(&rng);
        c->b[i] = mwn_rng_normal(&rng);
        c->x[i] = mwn_rng_normal(&rng);
        c->dy[i] = mwn_rng_normal(&rng);
        c->y[i] = c->dx[i] = 99;
        c->dw[i] = 0.5;
    }
}

static void run_dense(struct dense_case *c)
{
    struct mwn_dense layer = {c->in, c->out, c->w, c->b};
    mwn_dense_forward(&layer, c->n, c->x, c->y);
    mwn_dense_backward(&layer, c->n, c->x, c->dy, c->dw, c->dx);
}

static void check_dense(const struct dense_case *c)
{
    for (size_t i = 0; i < c->n * c->out; i++) {
        double y = c->b[i % c->out];
        for (size_t j = 0; j < c->in; j++)
            y += c->w[i % c->out * c->in + j] * c->x[i / c->out * c->in + j];
        assert_true(fabs(c->y[i] - y) < 1e-12);
    }
    for (size_t k = 0; k < c->out * c->in; k++) {
        double dw = 0.5;
        for (size_t i = 0; i < c->n; i++)
            dw += c->dy[i * c->out + k / c->in] * c->x[i * c->in + k % c->in];
        assert_true(fabs(c->dw[k] - dw) < 1e-12);
    }
    for (size_t k = 0; k < c->n * c->in; k++) {
        double dx = 0;
        for (size_t o = 0; o < c->out; o++)
            dx += c->dy[k / c->in * c->out + o] * c->w[o * c->in + k % c->in];
        assert_true(fabs(c->dx[k] - dx) < 1e-12);
    }
}

static void test_dense_layers_match_plain_loops_for_any_thread_count(void **state)
{
    (void)state;
    static const size_t size[][3] = {{1, 1, 1}, {3, 8, 4}, {7, 13, 5}, {40, 45, 51}};
    int threads = omp_get_max_threads();
    static struct dense_case first, c;
    for (size_t i = 0; i < MWN_COUNT(size); i++)
        for (int t = 1; t <= 3; t++) {
            omp_set_num_threads(t);
            fill_dense(&c);
            c.n = size[i][0];
            c.in = size[i][1];
            c.out = size[i][2];
            run_dense(&c);
            check_dense(&c);
            first = t == 1 ? c : first;
            assert_memory_equal(&c, &first, sizeof c);
        }
    omp_set_num_threads(threads);
}

static void test_square_distances_match_plain_loops(void **state)
{
    (void)state;
    fill_vector(x64, x32, 4);
    fill_vector(y64, y32, 5);
    for (size_t n = 0; n < 40; n++) {
        double want = 0;
        for (size_t i = 0; i < n; i++)
            want += (x64[i] - y64[i]) * (x64[i] - y64[i]);
        assert_true(fabs(mwn_dense_square_distance(n, x64, y64) - want) < 1e-12);
    }
}

static void test_one_number_that_is_not_finite_is_found_anywhere(void **state)
{
    (void)state;
    fill_vector(x64, x32, 6);
    static const double bad[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
    static const size_t places[] = {0, 3, 4095, 4096, 70000, LENGTH - 1};
    assert_true(mwn_vec_is_finite(MWN_F32, LENGTH, x32));
    assert_true(mwn_vec_is_finite(MWN_F64, LENGTH, x64));
    assert_true(mwn_vec_is_finite(MWN_F64, 0, x64));
    for (size_t p = 0; p < MWN_COUNT(places); p++) {
        size_t at = places[p];
        for (size_t b = 0; b < MWN_COUNT(bad); b++) {
            double good = x64[at];
            x64[at] = bad[b];
            x32[at] = (float)bad[b];
            assert_false(mwn_vec_is_finite(MWN_F64, LENGTH, x64));
            assert_false(mwn_vec_is_finite(MWN_F32, LENGTH, x32));
            assert_true(mwn_vec_is_finite(MWN_F32, at, x32));
            x64[at] = good;
            x32[at] = (float)good;
        }
    }
    x64[5] = 1.7e308;
    x32[5] = 3e38F;
    assert_true(mwn_vec_is_finite(MWN_F64, LENGTH, x64));
    assert_true(mwn_vec_is_finite(MWN_F32, LENGTH, x32));
}

/* ---- .npy --------------------------------------------------------------------------- */

static void write_bytes(const void *bytes, size_t size)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

/* Writes a .npy file of a version with this header text and this many zero items. */
static void write_npy(int major, const char *header, size_t bytes)
{
    unsigned char file[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0};
    size_t size = strlen(header), first = major == 1 ? 10 : 12;
    file[8] = (unsigned char)size;
    memcpy(file + first, header, size);
    write_bytes(file, first + size + bytes);
}

/* The file must be refused as damaged, with this in the error. */
static void refuse_npy(const char *what)
{
    struct mwn_npy npy = {0};
    struct mwn_error err = {0};
    mwn_status status = mwn_npy_read(path, &npy, &err);
    if (status != MWN_ERR_DATA || strstr(err.text, what) == NULL ||
        strstr(err.text, path) == NULL)
        fail_msg("status %d '%s' where '%s' was expected", (int)status, err.text, what);
    assert_null(npy.data);
}

static void test_npy_round_trip_in_every_type(void **state)
{
    (void)state;
    static const float f32[] = {1.5F, -2.0F, 3e38F, 0.0F, -0.0F, 1e-45F};
    static const double f64[] = {1.5, -2.0, 1e308, 0.0, 5e-324, -7.9};
    static const uint8_t u8[] = {0, 1, 2, 127, 128, 255};
    static const int32_t i32[] = {0, 1, -1, INT32_MAX, INT32_MIN, 5};
    static const int64_t i64[] = {0, 1, -1, INT64_MAX, INT64_MIN, 5};
    static const uint32_t u32[] = {0, 1, 2, 3, UINT32_MAX, 5};
    static const int8_t i8[] = {0, 1, -1, INT8_MAX, INT8_MIN, 5};
    static const int16_t i16[] = {0, 1, -1, INT16_MAX, INT16_MIN, 5};
    static const uint16_t u16[] = {0, 1, 2, 3, UINT16_MAX, 5};
    static const uint64_t u64[] = {0, 1, 2, 3, UINT64_MAX, 5};
    static const uint8_t truths[] = {0, 1, 1, 0, 0, 1};
    static const void *const data[] = {f32, f64, u8,  i32, i64,   u32,
                                       i8,  i16, u16, u64, truths};
    static const size_t item[] = {4, 8, 1, 4, 8, 4, 1, 2, 2, 8, 1};
    static const size_t shapes[][6] = {{6}, {2, 3}, {1, 6, 1}, {1, 1, 1, 1, 3, 2}};
    static const int dims[] = {1, 2, 3, 6};
    for (size_t type = 0; type < MWN_COUNT(data); type++) {
        for (size_t s = 0; s < MWN_COUNT(shapes); s++) {
            struct mwn_npy npy = {0};
            assert_int_equal(mwn_npy_write(path, (enum mwn_npy_type)type, dims[s],
                                           shapes[s], data[type], NULL),
                             MWN_OK);
            assert_int_equal(mwn_npy_read(path, &npy, NULL), MWN_OK);
            assert_int_equal(npy.type, type);
            assert_int_equal(npy.dims, dims[s]);
            assert_memory_equal(npy.shape, shapes[s], (size_t)dims[s] * sizeof(size_t));
            assert_int_equal(npy.count, 6);
            assert_int_equal((uintptr_t)npy.data % 64, 0);
            assert_memory_equal(npy.data, data[type], 6 * item[type]);
            mwn_npy_release(&npy);
            mwn_npy_release(&npy);
        }
    }
}

static void test_npy_items_are_read_as_reals_and_integers(void **state)
{
    (void)state;
    static const double f64[] = {-7.9, 1e300, -1e300, 3.0, (double)NAN};
    static const int64_t want[] = {-7, INT64_MAX, INT64_MIN, 3, 0};
    static const uint32_t u32[] = {UINT32_MAX};
    static const uint64_t u64 = UINT64_MAX;
    size_t five = 5, one = 1;
    struct mwn_npy npy = {0};
    assert_int_equal(mwn_npy_write(path, MWN_NPY_F64, 1, &five, f64, NULL), MWN_OK);
    assert_int_equal(mwn_npy_read(path, &npy, NULL), MWN_OK);
    for (size_t i = 0; i < 5; i++)
        assert_true(mwn_npy_int(&npy, i) == want[i]);
    assert_true(mwn_npy_real(&npy, 0) == -7.9);
    mwn_npy_release(&npy);
    assert_int_equal(mwn_npy_write(path, MWN_NPY_U32, 1, &one, u32, NULL), MWN_OK);
    assert_int_equal(mwn_npy_read(path, &npy, NULL), MWN_OK);
    assert_true(mwn_npy_int(&npy, 0) == INT64_C(4294967295));
    assert_true(mwn_npy_real(&npy, 0) == 4294967295.0);
    mwn_npy_release(&npy);
    assert_int_equal(mwn_npy_write(path, MWN_NPY_U64, 1, &one, &u64, NULL), MWN_OK);
    assert_int_equal(mwn_npy_read(path, &npy, NULL), MWN_OK);
    assert_true(mwn_npy_int(&npy, 0) == INT64_MAX);
    assert_true(mwn_npy_real(&npy, 0) == 0x1p64);
    mwn_npy_release(&npy);
    assert_int_equal(mwn_npy_write(path, MWN_NPY_I8, 1, &one, "\x80", NULL), MWN_OK);
    assert_int_equal(mwn_npy_read(path, &npy, NULL), MWN_OK);
    assert_true(mwn_npy_int(&npy, 0) == -128);
    mwn_npy_release(&npy);
}

static void test_npy_is_written_as_numpy_writes_it(void **state)
{
    (void)state;
    static const float data[] = {0, 1, 2, 3, 4, 5};
    static const size_t shape[] = {2, 3};
    struct mwn_bytes file = {0};
    assert_int_equal(mwn_npy_write(path, MWN_NPY_F32, 2, shape, data, NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 1000, &file, NULL), MWN_OK);
    assert_int_equal(file.size, 128 + 24);
    static const char start[] =
        "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   ";
    assert_memory_equal(file.data, start, sizeof(start) - 1);
    assert_int_equal(file.data[127], '\n');
    assert_memory_equal(file.data + 128, data, 24);
    mwn_bytes_release(&file);
    size_t three = 3;
    assert_int_equal(mwn_npy_write(path, MWN_NPY_U8, 1, &three, "abc", NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 1000, &file, NULL), MWN_OK);
    assert_non_null(
        strstr((char *)file.data + 10, "'|u1', 'fortran_order': False, 'shape': (3,)"));
    mwn_bytes_release(&file);
}

static void test_npy_headers_of_other_writers_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        int major, dims;
    } good[] = {
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }\n", 24, 1, 1},
        {"{\"shape\":(1,2),\"descr\":\"<f8\",\"fortran_order\":False}", 16, 1, 2},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2,), }  \n", 16, 2, 2},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", 1, 3, 0},
        {"{'descr': '<u1', 'fortran_order': False, 'shape': (4,)}", 4, 1, 1},
        {"{'descr': '<u4', 'fortran_order': False, 'shape': (0, 9999999999999), }", 0, 1,
         2},
    };
    for (size_t i = 0; i < MWN_COUNT(good); i++) {
        struct mwn_npy npy = {0};
        struct mwn_error err = {0};
        write_npy(good[i].major, good[i].header, good[i].bytes);
        if (mwn_npy_read(path, &npy, &err) != MWN_OK)
            fail_msg("%s: %s", good[i].header, err.text);
        assert_int_equal(npy.dims, good[i].dims);
        assert_non_null(npy.data);
        mwn_npy_release(&npy);
    }
}

#define ORDER "'fortran_order': False, "
static void test_damaged_npy_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "is not a Python dictionary"},
        {"[]", "is not a Python dictionary"},
        {"{'descr': '<f4', " ORDER "'shape': (2,)", "not a well-formed"},
        {"{'descr': '<f4' " ORDER "'shape': (2,)}", "not a well-formed"},
        {"{'descr': '<f4', " ORDER "'shape': (2,)} x", "goes on"},
        {"{'descr': '<f4', " ORDER "}", "lacks"},
        {"{'descr': '<f4', 'shape': (2,)}", "lacks"},
        {"{" ORDER "'shape': (2,)}", "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', " ORDER "'shape': (2,)}", "key twice"},
        {"{'shape': (1,), 'shape': (2,), " ORDER "'descr': '<f4'}", "key twice"},
        {"{'descr': '<f4', 'x': 1, " ORDER "'shape': (2,)}", "a key other than"},
        {"{'descr': '>f4', " ORDER "'shape': (2,)}", "'>f4' are not supported"},
        {"{'descr': '<f2', " ORDER "'shape': (4,)}", "'<f2' are not supported"},
        {"{'descr': '|O', " ORDER "'shape': (1,)}", "holds pickled Python objects"},
        {"{'descr': '', " ORDER "'shape': (1,)}", "'' are not supported"},
        {"{'descr': [('a', '<f4')], " ORDER "'shape': (2,)}", "not plain numbers"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", "Fortran order"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", "neither True nor False"},
        {"{'descr': '<f4', " ORDER "'shape': 2}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (2)}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (-2,)}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (2 1)}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (,)}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (2", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (1,1,1,1,1,1,2)}", "more than 6"},
        {"{'descr': '<f4', " ORDER "'shape': (99999999999999999999999,)}", "not a tuple"},
        {"{'descr': '<f4', " ORDER "'shape': (4294967296, 4294967296)}", "larger than any"},
        {"{'descr': '<f4', " ORDER "'shape': (3037000500, 3037000500, 2)}",
         "larger than any"},
        {"{'descr': '<f4', " ORDER "'shape': (3,)}", "truncated"},
        {"{'descr': '<f4', " ORDER "'shape': (1,)}", "too long"},
        {"{'descr': '<f4', " ORDER "'shape': (0,)}", "too long"},
    };
    for (size_t i = 0; i < MWN_COUNT(bad); i++) {
        write_npy(1, bad[i][0], 8);
        refuse_npy(bad[i][1]);
    }
    write_npy(4, "{'descr': '<f4', " ORDER "'shape': (2,)}", 8);
    refuse_npy("version 4.0");
    write_npy(0, "{'descr': '<f4', " ORDER "'shape': (2,)}", 8);
    refuse_npy("version 0.0");
}

static void test_npy_cut_anywhere_or_lengthened_is_refused(void **state)
{
    (void)state;
    static const int32_t data[] = {1, 2, 3};
    size_t three = 3;
    struct mwn_bytes file = {0};
    assert_int_equal(mwn_npy_write(path, MWN_NPY_I32, 1, &three, data, NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 1000, &file, NULL), MWN_OK);
    for (size_t cut = 0; cut < file.size; cut++) {
        write_bytes(file.data, cut);
        refuse_npy(cut < 6 ? "is not a .npy file" : "truncated");
    }
    write_bytes(file.data, file.size + 1);
    refuse_npy("too long");
    /* No single damaged byte of the header may do more than change what is read. */
    for (size_t i = 0; i < 128; i++) {
        for (unsigned value = 0; value < 256; value += 15) {
            unsigned char good = file.data[i];
            file.data[i] = (unsigned char)value;
            write_bytes(file.data, file.size);
            file.data[i] = good;
            struct mwn_npy npy = {0};
            mwn_status status = mwn_npy_read(path, &npy, NULL);
            assert_true(status == MWN_OK || status == MWN_ERR_DATA);
            assert_true((status == MWN_OK) == (npy.data != NULL));
            mwn_npy_release(&npy);
        }
    }
    mwn_bytes_release(&file);
}

static void test_npy_reports_missing_files_and_memory(void **state)
{
    (void)state;
    static const float data[] = {1, 2};
    size_t two = 2;
    struct mwn_npy npy = {0};
    struct mwn_error err = {0};
    assert_int_equal(mwn_npy_read("/no/such.npy", &npy, &err), MWN_ERR_IO);
    assert_int_equal(mwn_npy_write("/no/such.npy", MWN_NPY_F32, 1, &two, data, &err),
                     MWN_ERR_IO);
    assert_int_equal(mwn_npy_write(path, MWN_NPY_F32, 1, &two, data, NULL), MWN_OK);
    for (int writes = 0; writes < 2; writes++) {
        mwn_status status = MWN_ERR_MEMORY;
        uint64_t n = 1;
        for (; n < 50 && status != MWN_OK; n++) {
            mwn_mem_fail_after(n);
            status = writes == 1 ? mwn_npy_write(path, MWN_NPY_F32, 1, &two, data, &err)
                                 : mwn_npy_read(path, &npy, &err);
            mwn_mem_fail_after(0);
            assert_true(status == MWN_OK || status == MWN_ERR_MEMORY);
        }
        assert_true(n > 3 && n < 50);
    }
    assert_true(mwn_npy_real(&npy, 1) == 2.0);
    mwn_npy_release(&npy);
}

/* ---- safetensors -------------------------------------------------------------------- */

static const float weight[6] = {1, 2, 3, 4, 5, 6};
static const int64_t tracked = 77;
static const double sixty_four[2] = {0.1, 0.2};
static const uint8_t eight[3] = {7, 8, 9};

/* A builder with tensors of several types and two texts. */
static mwn_st_builder *fill_builder(void)
{
    static const size_t two_three[] = {2, 3}, two[] = {2}, three[] = {3}, none[] = {0, 4};
    mwn_st_builder *builder = mwn_st_builder_create();
    if (builder == NULL)
        return NULL;
    mwn_st_builder_add(builder, "eight", MWN_ST_U8, 1, three, eight);
    mwn_st_builder_add(builder, "fc.weight", MWN_ST_F32, 2, two_three, weight);
    mwn_st_builder_add(builder, "tracked", MWN_ST_I64, 0, NULL, &tracked);
    mwn_st_builder_add(builder, "none", MWN_ST_I32, 2, none, NULL);
    mwn_st_builder_add(builder, "sixty \"four\" \xC3\xA9", MWN_ST_F64, 1, two, sixty_four);
    mwn_st_builder_add(builder, "last", MWN_ST_U32, 2, two_three, weight);
    mwn_st_builder_metadata(builder, "z", "first");
    mwn_st_builder_metadata(builder, "a", "line\n\"quoted\"");
    return builder;
}

/* Writes the file above, through a builder of its own. */
static mwn_status write_model(struct mwn_error *err)
{
    mwn_st_builder *builder = fill_builder();
    if (builder == NULL)
        return MWN_ERR_MEMORY;
    mwn_status status = mwn_st_builder_write(builder, path, err);
    mwn_st_builder_free(builder);
    return status;
}

/* Writes a file with this header and this many bytes of data. */
static void write_st(const char *header, size_t bytes)
{
    unsigned char file[4096] = {0};
    uint64_t size = strlen(header);
    memcpy(file, &size, 8);
    memcpy(file + 8, header, size);
    write_bytes(file, 8 + size + bytes);
}

static void refuse_st(const char *what)
{
    mwn_st_file *file = NULL;
    struct mwn_error err = {0};
    mwn_status status = mwn_st_open(&file, path, &err);
    if (status != MWN_ERR_DATA || strstr(err.text, what) == NULL ||
        strstr(err.text, path) == NULL)
        fail_msg("status %d '%s' where '%s' was expected", (int)status, err.text, what);
    assert_null(file);
}

static void assert_tensor(const mwn_st_file *file, const char *name, const char *dtype,
                          const void *data, size_t bytes)
{
    const struct mwn_st_tensor *tensor = mwn_st_find(file, name);
    assert_non_null(tensor);
    assert_string_equal(tensor->name, name);
    assert_string_equal(tensor->dtype, dtype);
    assert_memory_equal(tensor->data, data, bytes);
}

static void test_safetensors_round_trip(void **state)
{
    (void)state;
    assert_int_equal(write_model(NULL), MWN_OK);
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    assert_int_equal(mwn_st_count(file), 6);
    assert_string_equal(mwn_st_at(file, 0)->name, "eight");
    assert_string_equal(mwn_st_at(file, 5)->name, "last");
    assert_tensor(file, "eight", "U8", eight, sizeof(eight));
    assert_tensor(file, "fc.weight", "F32", weight, sizeof(weight));
    assert_tensor(file, "tracked", "I64", &tracked, sizeof(tracked));
    assert_tensor(file, "sixty \"four\" \xC3\xA9", "F64", sixty_four, sizeof(sixty_four));
    assert_tensor(file, "last", "U32", weight, sizeof(weight));
    const struct mwn_st_tensor *tensor = mwn_st_find(file, "fc.weight");
    assert_true(tensor->type == MWN_ST_F32 && tensor->dims == 2 && tensor->count == 6);
    assert_true(tensor->shape[0] == 2 && tensor->shape[1] == 3);
    tensor = mwn_st_find(file, "tracked");
    assert_true(tensor->type == MWN_ST_I64 && tensor->dims == 0 && tensor->count == 1);
    tensor = mwn_st_find(file, "none");
    assert_true(tensor->type == MWN_ST_I32 && tensor->count == 0 && tensor->shape[1] == 4);
    assert_null(mwn_st_find(file, "missing"));
    assert_null(mwn_st_find(file, "__metadata__"));
    assert_string_equal(mwn_st_metadata(file, "z"), "first");
    assert_string_equal(mwn_st_metadata(file, "a"), "line\n\"quoted\"");
    assert_null(mwn_st_metadata(file, "b"));
    mwn_st_close(file);
    mwn_st_close(NULL);
}

static void test_safetensors_are_aligned_and_the_same_bytes_each_time(void **state)
{
    (void)state;
    struct mwn_bytes first = {0}, second = {0};
    assert_int_equal(write_model(NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 10000, &first, NULL), MWN_OK);
    assert_int_equal(write_model(NULL), MWN_OK);
    assert_int_equal(mwn_file_read(path, 10000, &second, NULL), MWN_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_int_equal(first.data[0] % 8, 0);
    static const char start[] =
        "{\"__metadata__\":{\"z\":\"first\",\"a\":\"line\\n\\\"quoted\\\"\"},"
        "\"eight\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[72,75]},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,48]},"
        "\"tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},";
    assert_memory_equal(first.data + 8, start, sizeof(start) - 1);
    mwn_bytes_release(&first);
    mwn_bytes_release(&second);
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    const unsigned char *base = mwn_st_find(file, "tracked")->data;
    for (size_t i = 0; i < mwn_st_count(file); i++) {
        const struct mwn_st_tensor *tensor = mwn_st_at(file, i);
        size_t size = strcmp(tensor->dtype, "U8") == 0 ? 1
                      : strstr(tensor->dtype, "64")    ? 8
                                                       : 4;
        assert_int_equal((size_t)((const unsigned char *)tensor->data - base) % size, 0);
    }
    mwn_st_close(file);
}

static void test_safetensors_empty_file_has_no_tensors(void **state)
{
    (void)state;
    mwn_st_builder *builder = mwn_st_builder_create();
    assert_int_equal(mwn_st_builder_write(builder, path, NULL), MWN_OK);
    mwn_st_builder_free(builder);
    mwn_st_builder_free(NULL);
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    assert_int_equal(mwn_st_count(file), 0);
    assert_null(mwn_st_metadata(file, "a"));
    mwn_st_close(file);
}

static void test_safetensors_unknown_number_types_are_kept_as_unreadable(void **state)
{
    (void)state;
    write_st("{\"h\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[4,8]},"
             "\"b\":{\"dtype\":\"U16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}   ",
             8);
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    assert_int_equal(mwn_st_find(file, "h")->type, MWN_ST_UNREADABLE);
    assert_false(mwn_st_is_real(mwn_st_find(file, "h")));
    assert_string_equal(mwn_st_find(file, "b")->dtype, "U16");
    assert_int_equal(mwn_st_find(file, "b")->count, 2);
    mwn_st_close(file);
}

/* Bit patterns and values from IEEE 754-2008, table 3.5, and of bfloat16. */
static void test_safetensors_numbers_of_16_bits_are_read(void **state)
{
    (void)state;
    const uint16_t half[] = {0x3C00, 0xC000, 0x3555, 0x0001, 0x03FF, 0x7BFF, 0x8000};
    const uint16_t brain[] = {0x3F80, 0xC049, 0x7F7F, 0x0001};
    const double halves[] = {1, -2, 1365.0 / 4096, 0x1p-24, 1023 * 0x1p-24, 65504, 0};
    const double brains[] = {1, -3.140625, 255 * 0x1p120, 0x1p-133};
    const uint16_t odd[] = {0x7C00, 0x7E00, 0xFC00};
    const size_t shapes[] = {MWN_COUNT(half), MWN_COUNT(brain), MWN_COUNT(odd)};
    mwn_st_builder *builder = mwn_st_builder_create();
    assert_non_null(builder);
    mwn_st_builder_add(builder, "half", MWN_ST_F16, 1, &shapes[0], half);
    mwn_st_builder_add(builder, "brain", MWN_ST_BF16, 1, &shapes[1], brain);
    mwn_st_builder_add(builder, "odd", MWN_ST_F16, 1, &shapes[2], odd);
    assert_int_equal(mwn_st_builder_write(builder, path, NULL), MWN_OK);
    mwn_st_builder_free(builder);
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    assert_true(mwn_st_is_real(mwn_st_find(file, "half")));
    for (size_t i = 0; i < MWN_COUNT(half); i++)
        assert_true(mwn_st_real(mwn_st_find(file, "half"), i) == halves[i]);
    for (size_t i = 0; i < MWN_COUNT(brain); i++)
        assert_true(mwn_st_real(mwn_st_find(file, "brain"), i) == brains[i]);
    assert_true(isinf(mwn_st_real(mwn_st_find(file, "odd"), 0)));
    assert_true(isnan(mwn_st_real(mwn_st_find(file, "odd"), 1)));
    assert_true(mwn_st_real(mwn_st_find(file, "odd"), 2) < -1e308);
    mwn_st_close(file);
}

static void test_safetensors_header_that_looks_like_gzip_is_read(void **state)
{
    (void)state;
    /* A header of 0x8B1F bytes. */
    static unsigned char bytes[8 + 0x8B1F] = {0x1F, 0x8B};
    memset(bytes + 8, ' ', 0x8B1F);
    memcpy(bytes + 8, "{}", 2);
    write_bytes(bytes, sizeof(bytes));
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
    mwn_st_close(file);
}

#define T(dtype, shape, offsets)                                                           \
    "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
static void test_damaged_safetensors_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {" {}", "not a JSON object"},
        {"{", "not valid JSON"},
        {"{} x", "not valid JSON"},
        {"{}", "8 bytes belong to no tensor"},
        {"{\"a\":1}", "is not described"},
        {"{\"a\":{}}", "is not described"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0,8],\"x\":1") "}", "is not described"},
        {"{\"a\":" T("7", "[2]", "[0,8]") "}", "has no dtype"},
        {"{\"a\":" T("\"F33\"", "[2]", "[0,8]") "}", "unknown dtype 'F33'"},
        {"{\"a\":" T("\"F32\"", "2", "[0,8]") "}", "has no shape"},
        {"{\"a\":" T("\"F32\"", "[-2]", "[0,8]") "}", "not a list of sizes"},
        {"{\"a\":" T("\"F32\"", "[2.0]", "[0,8]") "}", "not a list of sizes"},
        {"{\"a\":" T("\"F32\"", "[1,1,1,1,1,1,2]", "[0,8]") "}", "more than 6"},
        {"{\"a\":" T("\"F32\"", "[4294967296,4294967296]", "[0,8]") "}", "larger than any"},
        {"{\"a\":" T("\"F32\"", "[4611686018427387904,4]", "[0,0]") "}", "larger than any"},
        {"{\"a\":" T("\"F32\"", "[2]", "8") "}", "has no data_offsets"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0]") "}", "has no data_offsets"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0,8,8]") "}", "has no data_offsets"},
        {"{\"a\":" T("\"F32\"", "[2]", "[-8,0]") "}", "has no data_offsets"},
        {"{\"a\":" T("\"F32\"", "[2]", "[8,0]") "}", "ends before it begins"},
        {"{\"a\":" T("\"F32\"", "[2]", "[4,12]") "}", "truncated"},
        {"{\"a\":" T("\"F32\"", "[2]", "[9223372036854775800,9223372036854775807]") "}",
         "truncated"},
        {"{\"a\":" T("\"F32\"", "[1]", "[0,8]") "}",
         "takes 8 bytes, its shape and dtype 4"},
        {"{\"a\":" T("\"F32\"", "[0]", "[0,8]") "}",
         "takes 8 bytes, its shape and dtype 0"},
        {"{\"a\":" T("\"F32\"", "[1]", "[0,4]") "}", "4 bytes belong to no tensor"},
        {"{\"a\":" T("\"F32\"", "[1]", "[4,8]") "}", "leaves a gap"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0,8]") ",\"b\":" T("\"U8\"", "[1]", "[7,8]") "}",
         "overlaps"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0,8]") ",\"b\":" T("\"F32\"", "[2]", "[0,8]") "}",
         "overlaps"},
        {"{\"a\":" T("\"F32\"", "[2]", "[0,8]") ",\"a\":" T("\"F32\"", "[2]", "[0,8]") "}",
         "duplicate"},
        {"{\"__metadata__\":7,\"a\":" T("\"F32\"", "[2]", "[0,8]") "}",
         "not a JSON object"},
        {"{\"__metadata__\":{\"k\":1},\"a\":" T("\"F32\"", "[2]", "[0,8]") "}",
         "not a text"},
    };
    for (size_t i = 0; i < MWN_COUNT(bad); i++) {
        write_st(bad[i][0], 8);
        refuse_st(bad[i][1]);
    }
}

static void test_safetensors_cut_anywhere_or_damaged_is_refused(void **state)
{
    (void)state;
    assert_int_equal(write_model(NULL), MWN_OK);
    struct mwn_bytes bytes = {0};
    assert_int_equal(mwn_file_read(path, 10000, &bytes, NULL), MWN_OK);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        write_bytes(bytes.data, cut);
        refuse_st(cut < 8 ? "too short" : "truncated");
    }
    write_bytes(bytes.data, bytes.size + 1);
    refuse_st("1 bytes belong to no tensor");
    uint64_t header = 0;
    memcpy(&header, bytes.data, 8);
    for (size_t i = 0; i < 8 + header; i++) {
        unsigned char good = bytes.data[i];
        for (unsigned value = 0; value < 256; value += 51) {
            bytes.data[i] = (unsigned char)value;
            write_bytes(bytes.data, bytes.size);
            mwn_st_file *file = NULL;
            mwn_status status = mwn_st_open(&file, path, NULL);
            assert_true(status == MWN_OK || status == MWN_ERR_DATA);
            assert_true((status == MWN_OK) == (file != NULL));
            mwn_st_close(file);
        }
        bytes.data[i] = good;
    }
    memset(bytes.data, 0xFF, 8);
    write_bytes(bytes.data, bytes.size);
    refuse_st("is not a safetensors file");
    mwn_bytes_release(&bytes);
}

static void test_safetensors_builder_remembers_failures(void **state)
{
    (void)state;
    static const size_t shape[7] = {1, 1, 1, 1, 1, 1, 1};
    static const char *const said[] = {
        "there twice", "reserved", "type or shape", "type or shape",
        "UTF-8",       "UTF-8",    "UTF-8",         "key is there twice"};
    for (size_t i = 0; i < MWN_COUNT(said); i++) {
        mwn_st_builder *builder = fill_builder();
        assert_non_null(builder);
        if (i == 0)
            mwn_st_builder_add(builder, "eight", MWN_ST_F32, 1, shape, weight);
        if (i == 1)
            mwn_st_builder_add(builder, "__metadata__", MWN_ST_F32, 1, shape, weight);
        if (i == 2)
            mwn_st_builder_add(builder, "x", MWN_ST_F32, 7, shape, weight);
        if (i == 3)
            mwn_st_builder_add(builder, "x", MWN_ST_UNREADABLE, 1, shape, weight);
        if (i == 4)
            mwn_st_builder_add(builder, "x\xFF", MWN_ST_F32, 1, shape, weight);
        if (i == 5)
            mwn_st_builder_metadata(builder, "x", "\xFF");
        if (i == 6)
            mwn_st_builder_metadata(builder, "\xFF", "x");
        if (i == 7)
            mwn_st_builder_metadata(builder, "z", "x");
        struct mwn_error err = {0};
        assert_int_equal(mwn_st_builder_write(builder, path, &err), MWN_ERR_RUNTIME);
        if (strstr(err.text, said[i]) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, said[i]);
        mwn_st_builder_free(builder);
    }
}

/* Every failing allocation or I/O call leaves a readable file and no leak. */
static void test_safetensors_survive_every_failure(void **state)
{
    (void)state;
    assert_int_equal(write_model(NULL), MWN_OK);
    for (int kind = 0; kind < 4; kind++) {
        bool memory = kind % 2 == 0, writes = kind < 2;
        mwn_status status = MWN_ERR_IO;
        uint64_t n = 1;
        for (; n < 300 && status != MWN_OK; n++) {
            mwn_st_file *file = NULL;
            if (memory)
                mwn_mem_fail_after(n);
            else
                mwn_file_fail_after(n);
            status = writes ? write_model(NULL) : mwn_st_open(&file, path, NULL);
            mwn_mem_fail_after(0);
            mwn_file_fail_after(0);
            if (status != MWN_OK)
                assert_int_equal(status, memory ? MWN_ERR_MEMORY : MWN_ERR_IO);
            mwn_st_close(file);
            file = NULL;
            assert_int_equal(mwn_st_open(&file, path, NULL), MWN_OK);
            mwn_st_close(file);
        }
        assert_true(n > 3 && n < 300);
    }
    mwn_st_file *file = NULL;
    assert_int_equal(mwn_st_open(&file, "/no/such.safetensors", NULL), MWN_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_matches_plain_loop),
        cmocka_unit_test(test_copies_and_conversions_keep_every_number),
        cmocka_unit_test(test_dot_is_exact_enough_and_the_same_for_any_thread_count),
        cmocka_unit_test(test_dot_spans_more_than_one_group_of_blocks),
        cmocka_unit_test(test_dense_layers_match_plain_loops_for_any_thread_count),
        cmocka_unit_test(test_square_distances_match_plain_loops),
        cmocka_unit_test(test_one_number_that_is_not_finite_is_found_anywhere),
        cmocka_unit_test(test_npy_round_trip_in_every_type),
        cmocka_unit_test(test_npy_items_are_read_as_reals_and_integers),
        cmocka_unit_test(test_npy_is_written_as_numpy_writes_it),
        cmocka_unit_test(test_npy_headers_of_other_writers_are_understood),
        cmocka_unit_test(test_damaged_npy_headers_are_refused),
        cmocka_unit_test(test_npy_cut_anywhere_or_lengthened_is_refused),
        cmocka_unit_test(test_npy_reports_missing_files_and_memory),
        cmocka_unit_test(test_safetensors_round_trip),
        cmocka_unit_test(test_safetensors_are_aligned_and_the_same_bytes_each_time),
        cmocka_unit_test(test_safetensors_empty_file_has_no_tensors),
        cmocka_unit_test(test_safetensors_unknown_number_types_are_kept_as_unreadable),
        cmocka_unit_test(test_safetensors_numbers_of_16_bits_are_read),
        cmocka_unit_test(test_safetensors_header_that_looks_like_gzip_is_read),
        cmocka_unit_test(test_damaged_safetensors_headers_are_refused),
        cmocka_unit_test(test_safetensors_cut_anywhere_or_damaged_is_refused),
        cmocka_unit_test(test_safetensors_builder_remembers_failures),
        cmocka_unit_test(test_safetensors_survive_every_failure),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

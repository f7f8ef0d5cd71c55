/* test_images.c - JPEG and PNG files, good and damaged, resizing, and crops. */
#include "image_files.h"

#include "data/classes.h"
#include "data/crop.h"
#include "data/image.h"

#include <math.h>

static mwn_image_decoder *decoder;

static int make_decoder(void **state)
{
    struct mwn_error err = {0};
    (void)state;
    return mwn_image_decoder_create(&decoder, &err) != MWN_OK;
}

static int free_decoder(void **state)
{
    (void)state;
    mwn_image_decoder_free(decoder);
    decoder = NULL;
    return 0;
}

/* The whole image at its own size: [3][h][w], freed by free(); NULL and an error. */
static unsigned char *decode(const struct image_bytes *bytes, struct mwn_image_info *info,
                             struct mwn_error *err)
{
    const struct mwn_image_file file = {"picture", bytes->bytes, bytes->size};
    *info = (struct mwn_image_info){0};
    if (mwn_image_probe(decoder, &file, info, err) != MWN_OK)
        return NULL;
    const struct mwn_image_view view = {
        .width = info->w, .height = info->h, .w = info->w, .h = info->h};
    unsigned char *out = malloc((size_t)info->w * (size_t)info->h * 3);
    assert_non_null(out);
    if (mwn_image_load(decoder, &file, info, &view, out, err) == MWN_OK)
        return out;
    free(out);
    return NULL;
}

/* Decoding must fail with MWN_ERR_DATA and say all the words. Takes the bytes. */
#define EXPECT_DAMAGED(file_, ...)                                                         \
    do {                                                                                   \
        struct mwn_error err_ = {0};                                                       \
        struct mwn_image_info info_;                                                       \
        struct image_bytes bytes_ = (file_);                                               \
        assert_null(decode(&bytes_, &info_, &err_));                                       \
        data_expect(&err_, err_.status, MWN_ERR_DATA, "picture", __VA_ARGS__,              \
                    (char *)NULL);                                                         \
        image_free(&bytes_);                                                               \
    } while (0)

/* The largest distance of the decoded picture from image_value(). Takes the bytes. */
static int distance(struct image_bytes bytes, int w, int h)
{
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char *out = decode(&bytes, &info, &err);
    int worst = 0;
    data_expect(&err, err.status, MWN_OK, (char *)NULL);
    assert_int_equal(info.w, w);
    assert_int_equal(info.h, h);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                int d = out[(c * h + y) * w + x] - image_value(x, y, c, w, h);
                worst = abs(d) > worst ? abs(d) : worst;
            }
    free(out);
    image_free(&bytes);
    return worst;
}

/* ---- Kinds -------------------------------------------------------------------------- */

static void test_png_is_exact_and_jpeg_near(void **state)
{
    (void)state;
    assert_int_equal(distance(image_png(37, 21), 37, 21), 0);
    assert_int_equal(distance(image_png(1, 1), 1, 1), 0);
    assert_in_range(distance(image_jpeg(37, 21), 37, 21), 0, 4);
}

/* All three planes of a grey image are alike. */
static void check_grey(struct image_bytes bytes, int w, int h, int tolerance)
{
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char *out = decode(&bytes, &info, &err);
    size_t plane = (size_t)w * (size_t)h;
    assert_non_null(out);
    assert_memory_equal(out, out + plane, plane);
    assert_memory_equal(out, out + 2 * plane, plane);
    for (int i = 0; i < w * h; i++)
        assert_in_range(abs(out[i] - image_value(i % w, i / w, 0, w, h)), 0, tolerance);
    free(out);
    image_free(&bytes);
}

static void test_grey_becomes_three_equal_planes(void **state)
{
    (void)state;
    enum { W = 20, H = 12 };
    unsigned char pixels[W * H], both[W * H * 2];
    for (size_t i = 0; i < sizeof(pixels); i++) {
        pixels[i] = image_value((int)i % W, (int)i / W, 0, W, H);
        both[2 * i] = pixels[i];
        both[2 * i + 1] = (unsigned char)i;
    }
    struct spng_ihdr header = {.width = W, .height = H, .bit_depth = 8};
    check_grey(image_png_of(pixels, sizeof(pixels), header, NULL), W, H, 0);
    header.color_type = SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    check_grey(image_png_of(both, sizeof(both), header, NULL), W, H, 0);
    check_grey(image_jpeg_of(pixels, W, H, TJPF_GRAY, TJSAMP_GRAY), W, H, 4);
}

static void test_alpha_is_left_out_and_16_bits_become_8(void **state)
{
    (void)state;
    enum { W = 9, H = 7 };
    unsigned char rgba[W * H * 4];
    uint16_t wide[W * H * 3];
    for (int i = 0; i < W * H; i++) {
        for (int c = 0; c < 3; c++) {
            rgba[4 * i + c] = image_value(i % W, i / W, c, W, H);
            wide[3 * i + c] = (uint16_t)(rgba[4 * i + c] << 8 | (i * 3 & 255));
        }
        rgba[4 * i + 3] = (unsigned char)(i * 5);
    }
    struct spng_ihdr header = {.width = W, .height = H, .bit_depth = 8, .color_type = 6};
    assert_int_equal(distance(image_png_of(rgba, sizeof(rgba), header, NULL), W, H), 0);
    header.bit_depth = 16;
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
    assert_int_equal(distance(image_png_of(wide, sizeof(wide), header, NULL), W, H), 0);
}

static void test_palette_is_looked_up(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_image_info info;
    const unsigned char index[] = {0, 1, 2, 1};
    const struct spng_plte palette = {
        3, {{10, 20, 30, 255}, {200, 100, 0, 255}, {1, 2, 3, 255}}};
    const struct spng_ihdr header = {
        .width = 2, .height = 2, .bit_depth = 8, .color_type = 3};
    const unsigned char wanted[] = {10, 200, 1, 200, 20, 100, 2, 100, 30, 0, 3, 0};
    struct image_bytes bytes = image_png_of(index, sizeof(index), header, &palette);
    unsigned char *out = decode(&bytes, &info, &err);
    assert_non_null(out);
    assert_memory_equal(out, wanted, sizeof(wanted));
    free(out);
    image_free(&bytes);
}

static void test_cmyk_becomes_rgb(void **state)
{
    (void)state;
    enum { W = 16, H = 16 };
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char inks[W * H * 4];
    /* Inverted inks, as Adobe has them: light of each colour, and what black lets through. */
    for (int i = 0; i < W * H; i++) {
        const unsigned char ink[] = {200, 100, 50, 128};
        memcpy(inks + 4 * (ptrdiff_t)i, ink, 4);
    }
    struct image_bytes bytes = image_jpeg_of(inks, W, H, TJPF_CMYK, TJSAMP_444);
    unsigned char *out = decode(&bytes, &info, &err);
    assert_non_null(out);
    for (int i = 0; i < W * H; i++) {
        assert_in_range(out[i], 98, 102);
        assert_in_range(out[W * H + i], 48, 52);
        assert_in_range(out[2 * W * H + i], 23, 27);
    }
    free(out);
    image_free(&bytes);
}

/* An APP1 segment that states the orientation, little-endian or big-endian. */
static struct image_bytes with_orientation(struct image_bytes file, int value, bool little)
{
    unsigned char exif[36] = {0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f'};
    const unsigned char small[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1};
    const unsigned char large[] = {'M', 'M', 0,    42, 0, 0, 0, 8, 0,
                                   1,   1,   0x12, 0,  3, 0, 0, 0, 1};
    memcpy(exif + 10, little ? small : large, little ? sizeof(small) : sizeof(large));
    exif[10 + (little ? 18 : 19)] = (unsigned char)value;
    return image_insert(file, 2, exif, sizeof(exif));
}

/* The picture of W x H as a camera that was held otherwise stores it. */
static struct image_bytes stored_turned(int orientation, int w, int h)
{
    bool swap = orientation >= 5;
    int sw = swap ? h : w, sh = swap ? w : h;
    unsigned char *pixels = malloc((size_t)w * (size_t)h * 3);
    assert_non_null(pixels);
    /* Where row 0 and column 0 of what is stored are: EXIF's own words. */
    static const struct {
        bool bottom, right;
    } origin[9] = {{0}, {0},           {false, true}, {true, true}, {true, false},
                   {0}, {false, true}, {true, true},  {true, false}};
    for (int y = 0; y < sh; y++)
        for (int x = 0; x < sw; x++) {
            int across = swap ? y : x, down = swap ? x : y;
            if (origin[orientation].right)
                across = w - 1 - across;
            if (origin[orientation].bottom)
                down = h - 1 - down;
            for (int c = 0; c < 3; c++)
                pixels[3 * (y * sw + x) + c] = image_value(across, down, c, w, h);
        }
    struct image_bytes file = image_jpeg_of(pixels, sw, sh, TJPF_RGB, TJSAMP_444);
    free(pixels);
    return file;
}

static void test_every_orientation_comes_upright(void **state)
{
    (void)state;
    for (int o = 1; o <= 8; o++)
        for (int little = 0; little < 2; little++)
            assert_in_range(
                distance(with_orientation(stored_turned(o, 40, 24), o, little), 40, 24), 0,
                5);
    /* One that there is not counts as none. */
    assert_in_range(distance(with_orientation(image_jpeg(40, 24), 9, true), 40, 24), 0, 5);
}

static void test_a_box_of_a_turned_image_is_the_box_of_the_upright_one(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char wanted[3 * 8 * 6], out[3 * 8 * 6];
    const struct mwn_image_view view = {5, 3, 16, 12, 8, 6, true};
    for (int o = 1; o <= 8; o++) {
        struct image_bytes bytes = with_orientation(stored_turned(o, 40, 24), o, true);
        const struct mwn_image_file file = {"picture", bytes.bytes, bytes.size};
        assert_int_equal(mwn_image_probe(decoder, &file, &info, &err), MWN_OK);
        assert_int_equal(
            mwn_image_load(decoder, &file, &info, &view, o == 1 ? wanted : out, &err),
            MWN_OK);
        for (size_t i = 0; o > 1 && i < sizeof(out); i++)
            assert_in_range(abs(out[i] - wanted[i]), 0, 5);
        image_free(&bytes);
    }
    /* Mirrored: the red of the first pixel is larger than that of the last in its row. */
    assert_true(wanted[0] > wanted[7] + 30);
}

/* ---- Damage ------------------------------------------------------------------------- */

static struct image_bytes cut(struct image_bytes file, size_t size)
{
    assert_true(size < file.size);
    file.size = size;
    return file;
}

static void test_what_is_no_image_is_named(void **state)
{
    (void)state;
    EXPECT_DAMAGED(image_copy("", 0), "empty");
    EXPECT_DAMAGED(image_copy("some text", 9), "neither JPEG nor PNG");
    EXPECT_DAMAGED(image_copy("GIF89a......", 12), "GIF");
    EXPECT_DAMAGED(image_copy("RIFF\0\0\0\0WEBPVP8 ", 16), "WebP");
    EXPECT_DAMAGED(image_copy("\xFF\xD8\xFF", 3), "damaged JPEG");
    EXPECT_DAMAGED(image_copy("\x89PNG\r\n\x1A\n", 8), "damaged PNG", "ends too early");
}

static void test_truncated_files_are_damaged(void **state)
{
    (void)state;
    for (size_t part = 1; part < 10; part++) {
        struct image_bytes jpeg = image_jpeg(64, 64), png = image_png(64, 64);
        size_t jpeg_size = jpeg.size * part / 10, png_size = png.size * part / 10;
        EXPECT_DAMAGED(cut(jpeg, jpeg_size), "damaged JPEG");
        EXPECT_DAMAGED(cut(png, png_size), "damaged PNG");
    }
}

static void test_a_wrong_checksum_is_damage(void **state)
{
    (void)state;
    struct image_bytes png = image_png(32, 32);
    png.bytes[png.size / 2] ^= 0x10;
    EXPECT_DAMAGED(png, "damaged PNG");
}

static void test_bytes_between_segments_are_no_damage(void **state)
{
    (void)state;
    assert_in_range(distance(image_insert(image_jpeg(40, 24), 20, "\0\0\0", 3), 40, 24), 0,
                    5);
}

static void put32(unsigned char *at, uint32_t value)
{
    for (int b = 0; b < 4; b++)
        at[b] = (unsigned char)(value >> (24 - 8 * b));
}

/* A PNG file whose header states another size, with its checksum made right. */
static struct image_bytes png_of_size(uint32_t w, uint32_t h)
{
    struct image_bytes png = image_png(4, 4);
    put32(png.bytes + 16, w);
    put32(png.bytes + 20, h);
    put32(png.bytes + 29, (uint32_t)crc32(0, png.bytes + 12, 17));
    return png;
}

static void test_huge_images_are_refused_by_their_header(void **state)
{
    (void)state;
    struct image_bytes jpeg = image_jpeg(16, 16);
    EXPECT_DAMAGED(png_of_size(60000, 60000), "60000 x 60000", "too many");
    EXPECT_DAMAGED(png_of_size(70000, 1), "70000 x 1", "too many");
    EXPECT_DAMAGED(png_of_size(2000000000, 2000000000), "too many");
    EXPECT_DAMAGED(png_of_size(0, 5), "damaged PNG");
    for (size_t i = 0; i + 8 < jpeg.size; i++)
        if (jpeg.bytes[i] == 0xFF && jpeg.bytes[i + 1] == 0xC0)
            memcpy(jpeg.bytes + i + 5, "\xEA\x60\xEA\x60", 4);
    EXPECT_DAMAGED(jpeg, "60000 x 60000", "too many");
    /* Within the bounds, but the data is not there. */
    EXPECT_DAMAGED(png_of_size(5000, 5000), "damaged PNG");
}

/* ---- Resizing ----------------------------------------------------------------------- */

/* A triangle filter along one axis, as wide as needed, its weights summing to 1 inside. */
static double sample_axis(const double *in, int n, double centre, double scale)
{
    double reach = fmax(1, scale), sum = 0, weights = 0;
    for (int i = (int)floor(centre - reach); i <= (int)ceil(centre + reach); i++) {
        double weight = fmax(0, 1 - fabs(i + 0.5 - centre) / reach);
        int inside = i < 0 ? 0 : i >= n ? n - 1 : i;
        sum += weight * in[inside];
        weights += weight;
    }
    return sum / weights;
}

/* A box of a noisy picture against the filter above, in double. */
static void check_resize(double left, double width, int wanted)
{
    enum { W = 61, H = 3 };
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char pixels[W * H * 3], out[3 * H * 256];
    double row[W];
    const struct spng_ihdr header = {
        .width = W, .height = H, .bit_depth = 8, .color_type = 2};
    for (size_t x = 0; x < W; x++)
        for (size_t y = 0; y < H; y++)
            for (size_t c = 0; c < 3; c++)
                pixels[3 * (y * W + x) + c] = data_byte(5, x, c);
    struct image_bytes bytes = image_png_of(pixels, sizeof(pixels), header, NULL);
    const struct mwn_image_file file = {"picture", bytes.bytes, bytes.size};
    const struct mwn_image_view view = {left, 0, width, H, wanted, H, false};
    assert_in_range(wanted, 1, 256);
    assert_int_equal(mwn_image_probe(decoder, &file, &info, &err), MWN_OK);
    assert_int_equal(mwn_image_load(decoder, &file, &info, &view, out, &err), MWN_OK);
    for (int c = 0; c < 3; c++) {
        for (int x = 0; x < W; x++)
            row[x] = pixels[3 * x + c];
        for (int x = 0; x < wanted; x++) {
            double centre = left + (x + 0.5) * width / wanted;
            double value = sample_axis(row, W, centre, width / wanted);
            assert_true(fabs(value - out[c * H * wanted + x]) < 0.75);
        }
    }
    image_free(&bytes);
}

static void test_resizing_is_a_triangle_filter(void **state)
{
    (void)state;
    check_resize(0, 61, 61);
    check_resize(0, 61, 20);
    check_resize(0, 61, 7);
    check_resize(0, 61, 1);
    check_resize(0, 61, 200);
    check_resize(10, 30, 17);
    check_resize(3.25, 41.5, 13);
    check_resize(20.5, 0.75, 5);
}

static void test_one_pixel_fills_any_size(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char out[3 * 50 * 70];
    struct image_bytes bytes = image_png(1, 1);
    const struct mwn_image_file file = {"picture", bytes.bytes, bytes.size};
    const struct mwn_image_view view = {0, 0, 1, 1, 70, 50, false};
    assert_int_equal(mwn_image_probe(decoder, &file, &info, &err), MWN_OK);
    assert_int_equal(mwn_image_load(decoder, &file, &info, &view, out, &err), MWN_OK);
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], 20);
    image_free(&bytes);
}

/* JPEG may be shrunk while it is decoded; that must not move the picture. */
static void test_shrunk_jpeg_is_where_the_whole_one_is(void **state)
{
    (void)state;
    enum { SIDE = 800, SMALL = 32 };
    struct mwn_error err = {0};
    struct mwn_image_info info;
    unsigned char out[3 * SMALL * SMALL];
    struct image_bytes bytes = image_jpeg(SIDE, SIDE);
    const struct mwn_image_file file = {"picture", bytes.bytes, bytes.size};
    const struct mwn_image_view view = {80, 160, 640, 640, SMALL, SMALL, false};
    assert_int_equal(mwn_image_probe(decoder, &file, &info, &err), MWN_OK);
    assert_int_equal(mwn_image_load(decoder, &file, &info, &view, out, &err), MWN_OK);
    for (int y = 0; y < SMALL; y++)
        for (int x = 0; x < SMALL; x++) {
            int across = 80 + 20 * x + 10, down = 160 + 20 * y + 10;
            int red = image_value(across, down, 0, SIDE, SIDE);
            int green = image_value(across, down, 1, SIDE, SIDE);
            assert_in_range(abs(out[y * SMALL + x] - red), 0, 3);
            assert_in_range(abs(out[(SMALL + y) * SMALL + x] - green), 0, 3);
        }
    image_free(&bytes);
}

/* ---- Crops -------------------------------------------------------------------------- */

static void test_centre_crop_is_torchvisions(void **state)
{
    (void)state;
    const struct mwn_crop crop = {224, 256, MWN_CROP_RANDOM, true};
    struct mwn_image_view view;
    /* 500 x 400 becomes 320 x 256; 48 and 16 pixels of that are cut off. */
    mwn_crop_choose(&crop, 500, 400, NULL, &view);
    assert_true(fabs(view.left - 48 * 500.0 / 320) < 1e-9);
    assert_true(fabs(view.top - 16 * 400.0 / 256) < 1e-9);
    assert_true(fabs(view.width - 350) < 1e-9);
    assert_true(fabs(view.height - 350) < 1e-9);
    assert_int_equal(view.w, 224);
    assert_false(view.flip);
    mwn_crop_choose(&crop, 3, 3000, NULL, &view);
    assert_true(view.top >= 0 && view.top + view.height <= 3000);
    assert_true(view.left >= 0 && view.left + view.width <= 3);
}

/* Draws many boxes; each must lie inside. Returns how many were mirrored. */
static size_t draw(const struct mwn_crop *crop, int w, int h, size_t n, double *area)
{
    size_t flipped = 0;
    *area = 0;
    for (size_t i = 0; i < n; i++) {
        struct mwn_image_view view, again;
        struct mwn_rng rng = mwn_rng_at(7, MWN_STREAM_AUGMENT, 1, i), same = rng;
        mwn_crop_choose(crop, w, h, &rng, &view);
        mwn_crop_choose(crop, w, h, &same, &again);
        assert_memory_equal(&view.left, &again.left, 4 * sizeof(double));
        assert_true(view.left >= 0 && view.left + view.width <= w + 1e-6);
        assert_true(view.top >= 0 && view.top + view.height <= h + 1e-6);
        assert_true(view.width > 0 && view.height > 0);
        *area += view.width * view.height / ((double)w * h) / (double)n;
        flipped += view.flip;
    }
    return flipped;
}

static void test_random_crops_stay_inside(void **state)
{
    (void)state;
    const struct mwn_crop random = {112, 128, MWN_CROP_RANDOM, true};
    const struct mwn_crop shift = {112, 128, MWN_CROP_SHIFT, false};
    double area;
    /* Shares are uniform in 0.08 .. 1; the largest fit less often. */
    assert_in_range(draw(&random, 400, 300, 2000, &area), 900, 1100);
    assert_true(area > 0.42 && area < 0.54);
    assert_in_range(draw(&random, 10, 4000, 100, &area), 30, 70);
    (void)draw(&random, 1, 1, 20, &area);
    assert_int_equal(draw(&shift, 400, 300, 500, &area), 0);
    assert_true(fabs(area - 112.0 * 112 / (170 * 128)) < 0.01);
    (void)draw(&shift, 1, 900, 100, &area);
}

/* ---- Classes ------------------------------------------------------------------------ */

static void test_classes_are_numbers_or_sorted_names(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_classes a = {0}, b = {0};
    const char *numbers[] = {"3", "0", "10", "3"}, *names[] = {"wolf", "cat", "10", "cat"};
    assert_int_equal(mwn_classes_collect(&a, numbers, 4, &err), MWN_OK);
    assert_int_equal(a.count, 11);
    assert_int_equal(mwn_classes_find(&a, "010"), 10);
    assert_int_equal(mwn_classes_find(&a, "11"), -1);
    char *schema = mwn_classes_schema(&a);
    assert_int_equal(mwn_classes_parse(&b, schema, &err), MWN_OK);
    assert_true(b.numbers);
    assert_int_equal(b.count, 11);
    mwn_free(schema);
    mwn_classes_release(&a);
    mwn_classes_release(&b);
    assert_int_equal(mwn_classes_collect(&a, names, 4, &err), MWN_OK);
    assert_int_equal(a.count, 3);
    assert_int_equal(mwn_classes_find(&a, "cat"), 1);
    assert_int_equal(mwn_classes_find(&a, "ca"), -1);
    mwn_classes_release(&a);
}

static void test_bad_classes_are_reported(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_classes c = {0};
    const char *many[] = {"99999999999999999999999"}, *odd[] = {"\xFF\xFE"};
    data_expect(&err, mwn_classes_collect(&c, many, 1, &err), MWN_ERR_DATA, "too many",
                (char *)NULL);
    data_expect(&err, mwn_classes_copy(&c, odd, 1, &err), MWN_ERR_DATA, "UTF-8",
                (char *)NULL);
    mwn_classes_release(&c);
    data_expect(&err, mwn_classes_parse(&c, "{]", &err), MWN_ERR_DATA, "data.schema",
                (char *)NULL);
    data_expect(&err, mwn_classes_parse(&c, "{\"classes\": [\"a\", 1]}", &err),
                MWN_ERR_DATA, "class 1", (char *)NULL);
    mwn_classes_release(&c);
}

/* ---- Memory ------------------------------------------------------------------------- */

static void test_failing_allocations_are_reported(void **state)
{
    (void)state;
    struct image_bytes files[] = {image_jpeg(64, 48), image_png(64, 48)};
    for (size_t f = 0; f < MWN_COUNT(files); f++) {
        size_t failures = 0;
        for (uint64_t n = 1;; n++) {
            struct mwn_error err = {0};
            struct mwn_image_info info;
            (void)free_decoder(state);
            assert_int_equal(make_decoder(state), 0);
            mwn_mem_fail_after(n);
            unsigned char *out = decode(&files[f], &info, &err);
            mwn_mem_fail_after(0);
            if (out) {
                free(out);
                break;
            }
            data_expect(&err, err.status, MWN_ERR_MEMORY, (char *)NULL);
            failures++;
        }
        assert_true(failures >= 3);
        image_free(&files[f]);
    }
}

int main(void)
{
#define IMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, make_decoder, free_decoder)
    const struct CMUnitTest tests[] = {
        IMAGE_TEST(test_png_is_exact_and_jpeg_near),
        IMAGE_TEST(test_grey_becomes_three_equal_planes),
        IMAGE_TEST(test_alpha_is_left_out_and_16_bits_become_8),
        IMAGE_TEST(test_palette_is_looked_up),
        IMAGE_TEST(test_cmyk_becomes_rgb),
        IMAGE_TEST(test_every_orientation_comes_upright),
        IMAGE_TEST(test_a_box_of_a_turned_image_is_the_box_of_the_upright_one),
        IMAGE_TEST(test_what_is_no_image_is_named),
        IMAGE_TEST(test_truncated_files_are_damaged),
        IMAGE_TEST(test_a_wrong_checksum_is_damage),
        IMAGE_TEST(test_bytes_between_segments_are_no_damage),
        IMAGE_TEST(test_huge_images_are_refused_by_their_header),
        IMAGE_TEST(test_resizing_is_a_triangle_filter),
        IMAGE_TEST(test_one_pixel_fills_any_size),
        IMAGE_TEST(test_shrunk_jpeg_is_where_the_whole_one_is),
        IMAGE_TEST(test_centre_crop_is_torchvisions),
        IMAGE_TEST(test_random_crops_stay_inside),
        IMAGE_TEST(test_classes_are_numbers_or_sorted_names),
        IMAGE_TEST(test_bad_classes_are_reported),
        IMAGE_TEST(test_failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_audit.c - the audit: ranks and curves by hand-worked numbers, the confident joint, the
 * journal, reports on a made-up run's folder, decisions, weight nets in files. */
#include "data_files.h"

#include "audit/evidence.h"
#include "audit/joint.h"
#include "audit/ranking.h"
#include "audit/score.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/status.h"
#include "data/labels_file.h"
#include "engine/weight_net_file.h"
#include "nn/loss.h"
#include "tensor/npy.h"
#include "train/journal.h"

#include <math.h>

static void must(mwn_status status, const struct mwn_error *err)
{
    if (status != MWN_OK)
        fail_msg("%s: %s", mwn_status_name(status), err->text);
}

static void near_to(double got, double wanted)
{
    if (!(fabs(got - wanted) < 1e-6))
        fail_msg("%.9g, expected %.9g", got, wanted);
}

/* The file's text; freed by mwn_free(). */
static char *text_of(const char *path)
{
    struct mwn_error err = {0};
    struct mwn_bytes bytes = {0};
    must(mwn_file_read(path, (size_t)1 << 20, &bytes, &err), &err);
    return (char *)bytes.data;
}

/* ---- Ranks -------------------------------------------------------------------------- */

static void test_curves_by_hand(void **state)
{
    (void)state;
    /* In order: wrong, right, wrong, right. Pairs (wrong, right) in order: 3 of 4. Average
     * precision: 1/2 * 1/1 + 1/2 * 2/3. Of the lowest two, one is wrong. */
    const double score[] = {0.1, 0.4, 0.35, 0.8};
    const unsigned char wrong[] = {1, 1, 0, 0};
    struct mwn_error err = {0};
    struct mwn_ranking r = {0};
    must(mwn_rank_against(&r, 4, score, wrong, &err), &err);
    assert_int_equal(r.wrong, 2);
    near_to(r.auroc, 0.75);
    near_to(r.auprc, 5.0 / 6);
    near_to(r.precision, 0.5);
    near_to(r.precision_100, 0.5);
}

static void test_equal_scores_say_nothing(void **state)
{
    (void)state;
    const double score[] = {2, 2, 2, 2, (double)NAN};
    const unsigned char wrong[] = {1, 0, 0, 0, 1};
    struct mwn_error err = {0};
    struct mwn_ranking r = {0};
    must(mwn_rank_against(&r, 5, score, wrong, &err), &err);
    assert_int_equal(r.samples, 4);
    near_to(r.auroc, 0.5);
    near_to(r.auprc, 0.25);
    near_to(r.precision, 0.25);
}

static void test_ranks_share_ties_and_leave_nan_out(void **state)
{
    (void)state;
    const double score[] = {3, 1, 3, (double)NAN, 2};
    double share[5];
    uint32_t order[5];
    struct mwn_error err = {0};
    must(mwn_rank_shares(5, score, share, &err), &err);
    near_to(share[1], 0.125);
    near_to(share[4], 0.375);
    near_to(share[0], 0.75);
    near_to(share[2], 0.75);
    assert_true(isnan(share[3]));
    mwn_rank_order(5, score, order);
    const uint32_t wanted[] = {1, 4, 0, 2, 3};
    assert_memory_equal(order, wanted, sizeof(wanted));
}

/* ---- The confident joint ------------------------------------------------------------ */

static bool two_classes(const void *user, size_t i, double *row)
{
    const double *p = user;
    row[0] = p[i];
    row[1] = 1 - p[i];
    return p[i] >= 0;
}

/* t_0 = (.9 + .8 + .2 + .6)/4 = .625, t_1 = (.7 + .9 + .2)/3 = .6. Counted: C = [2 1; 1 2]; the
 * fourth sample, .6 against .4, is not; the last one has no probabilities. Calibrated to 5 and 3
 * samples: Q = [10/3 5/3; 1 2]. */
static void test_confident_joint_by_hand(void **state)
{
    (void)state;
    const double p[] = {0.9, 0.8, 0.2, 0.6, 0.3, 0.1, 0.8, -1};
    const int32_t given[] = {0, 0, 0, 0, 1, 1, 1, 0};
    struct mwn_error err = {0};
    struct mwn_joint joint = {0};
    must(mwn_joint_init(&joint, 2,
                        &(struct mwn_joint_samples){8, given, two_classes, p, false}, &err),
         &err);
    near_to(joint.threshold[0], 0.625);
    near_to(joint.threshold[1], 0.6);
    near_to(joint.count[0], 10.0 / 3);
    near_to(joint.count[1], 5.0 / 3);
    near_to(joint.count[2], 1);
    near_to(joint.count[3], 2);
    near_to(mwn_joint_noise(&joint), (5.0 / 3 + 1) / 8);
    near_to(mwn_joint_class_noise(&joint, 0), 1.0 / 3);
    near_to(mwn_joint_transition(&joint, 0, 1), 1 / (10.0 / 3 + 1));
    mwn_joint_release(&joint);
}

/* 120 samples predicted as 0, the surest first, then 80 as 1. Of the 30 surest of the first six are
 * labelled 1, of the 20 surest of the second two are labelled 0, of the others every second is
 * labelled otherwise. So C = [96 8; 24 72]; 24 + 45 + 2 + 30 = 101 labels are 0. */
static void test_labels_of_anchors_by_hand(void **state)
{
    (void)state;
    double p[200];
    int32_t given[200], zeros = 0;
    struct mwn_error err = {0};
    struct mwn_joint joint = {0};
    for (int i = 0; i < 200; i++) {
        int class = i >= 120, at = class ? i - 120 : i, sure = class ? 20 : 30;
        bool wrong = at < sure ? at % 5 == 0 && (!class || at < 10) : at % 2 == 0;
        p[i] = class ? 0.001 * at : 1 - 0.001 * at;
        given[i] = wrong ? !class : class;
        zeros += given[i] == 0;
    }
    assert_int_equal(zeros, 101);
    const struct mwn_joint_samples samples = {200, given, two_classes, p, true};
    must(mwn_joint_init(&joint, 2, &samples, &err), &err);
    near_to(joint.count[0], 101 * 96.0 / 104);
    near_to(joint.count[1], 101 * 8.0 / 104);
    near_to(joint.count[2], 99 * 24.0 / 96);
    near_to(joint.count[3], 99 * 72.0 / 96);
    mwn_joint_release(&joint);
}

static void test_a_class_that_nobody_counts_keeps_its_labels(void **state)
{
    (void)state;
    const double p[] = {0.9, 0.9, -1};
    const int32_t given[] = {0, 0, 1};
    struct mwn_error err = {0};
    struct mwn_joint joint = {0};
    must(mwn_joint_init(&joint, 2,
                        &(struct mwn_joint_samples){3, given, two_classes, p, false}, &err),
         &err);
    near_to(mwn_joint_noise(&joint), 0);
    near_to(joint.count[3], 1);
    mwn_joint_release(&joint);
}

/* ---- CSV ---------------------------------------------------------------------------- */

static void test_csv_fields_may_be_quoted(void **state)
{
    (void)state;
    char text[] = "\xEF\xBB\xBF"
                  "a,\"b,\"\"c\"\"\"\r\n\n,\"two\nlines\",\nlast";
    struct mwn_csv csv = {.path = "x.csv", .text = text};
    struct mwn_error err = {0};
    bool more = false;
    must(mwn_csv_next(&csv, &more, &err), &err);
    assert_true(more);
    assert_int_equal(csv.count, 2);
    assert_string_equal(csv.field[0], "a");
    assert_string_equal(csv.field[1], "b,\"c\"");
    must(mwn_csv_next(&csv, &more, &err), &err);
    assert_int_equal(csv.line, 3);
    assert_int_equal(csv.count, 3);
    assert_string_equal(csv.field[0], "");
    assert_string_equal(csv.field[1], "two\nlines");
    must(mwn_csv_next(&csv, &more, &err), &err);
    assert_int_equal(csv.line, 5);
    assert_string_equal(csv.field[0], "last");
    must(mwn_csv_next(&csv, &more, &err), &err);
    assert_false(more);
    char open[] = "a,\"b\nc";
    csv = (struct mwn_csv){.path = "x.csv", .text = open};
    assert_int_equal(mwn_csv_next(&csv, &more, &err), MWN_ERR_DATA);
    assert_string_equal(err.text, "x.csv:1: a quoted field does not end well");
}

/* ---- Margins and the journal -------------------------------------------------------- */

static void test_margins_come_with_the_loss(void **state)
{
    (void)state;
    const double logits[] = {1, 3, 2, /**/ 5, 0, 4};
    const int32_t label[] = {1, 2};
    const struct mwn_batch batch = {.n = 2, .label = label};
    struct mwn_error err = {0};
    struct mwn_loss loss;
    double out[2];
    must(mwn_loss_init(&loss, MWN_F64, 2, 3, &err), &err);
    must(mwn_loss_forward(&loss, logits, &batch, out, &err), &err);
    near_to(loss.margin[0], 1);
    assert_int_equal(loss.rival[0], 2);
    near_to(loss.margin[1], -1);
    assert_int_equal(loss.rival[1], 0);
    mwn_loss_release(&loss);
}

/* An epoch of two samples: the second has these values, the first was not drawn. */
static void fill_epoch(struct mwn_journal *journal, double weight, double loss,
                       double margin, int32_t rival)
{
    const uint32_t index[] = {1};
    mwn_journal_begin(journal);
    journal->margin[0] = margin;
    journal->rival[0] = rival;
    mwn_journal_add(journal, 1, index, &weight, &loss);
}

static void test_journal_grows_is_cut_and_fills_gaps(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_journal journal = {0};
    struct mwn_journal_map map = {0};
    const char *path = data_path("grow.npy");
    must(mwn_journal_init(&journal, 2, 4, &err), &err);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        fill_epoch(&journal, 0.5, (double)epoch, -2, 7);
        must(mwn_journal_write(&journal, path, epoch, &err), &err);
    }
    must(mwn_journal_open(path, &map, &err), &err);
    assert_int_equal(map.epochs, 3);
    near_to((double)mwn_journal_at(&map, 2, 1)[MWN_JOURNAL_LOSS], 2);
    near_to((double)mwn_journal_at(&map, 2, 1)[MWN_JOURNAL_RIVAL], 7);
    assert_true(isnan(mwn_journal_at(&map, 2, 0)[MWN_JOURNAL_WEIGHT]));
    mwn_journal_close(&map);
    must(mwn_journal_truncate(&journal, path, 1, &err), &err);
    must(mwn_journal_write(&journal, path, 2, &err), &err);
    struct mwn_npy npy = {0};
    must(mwn_npy_read(path, &npy, &err), &err); /* which is strict about the length */
    assert_int_equal(npy.shape[0], 3);
    near_to(mwn_npy_real(&npy, 4 + MWN_JOURNAL_LOSS), 0);
    assert_true(isnan(mwn_npy_real(&npy, 8 + 4 + MWN_JOURNAL_LOSS)));
    near_to(mwn_npy_real(&npy, 16 + 4 + MWN_JOURNAL_LOSS), 2);
    mwn_npy_release(&npy);
    mwn_journal_release(&journal);
}

static void test_a_file_that_is_no_journal_is_reported(void **state)
{
    (void)state;
    const float values[6] = {0};
    const size_t shape[2] = {2, 3};
    struct mwn_error err = {0};
    struct mwn_journal_map map = {0};
    must(mwn_npy_write(data_path("no.npy"), MWN_NPY_F32, 2, shape, values, &err), &err);
    assert_int_equal(mwn_journal_open(data_path("no.npy"), &map, &err), MWN_ERR_DATA);
    assert_non_null(strstr(err.text, "is not a journal (expected float32 [epochs][n][4])"));
}

/* ---- A made-up run ------------------------------------------------------------------- */

enum { SAMPLES = 4, EPOCHS = 2 };

/* Sample 2 is wrong: given 1, in truth 0. Its margins are negative. */
static const float weights[SAMPLES] = {0.9F, 0.8F, 0.1F, 0.7F};
static const float margins[EPOCHS][SAMPLES] = {{1, 2, -1, 3}, {2, -1, -3, 3}};
static const int32_t given[SAMPLES] = {0, 1, 1, 0}, truth[SAMPLES] = {0, 1, 0, 0};
static const uint32_t numbers[SAMPLES] = {10, 11, 12, 20};

static void put_vector(const char *dir, const char *name, enum mwn_npy_type type,
                       const void *data)
{
    struct mwn_error err = {0};
    const size_t n = SAMPLES;
    char *path = mwn_path_join(dir, name);
    must(mwn_npy_write(path, type, 1, &n, data, &err), &err);
    mwn_free(path);
}

/* Two classes: the loss is log(1 + exp(-margin)). */
static char *make_run(const char *name)
{
    static const uint32_t index[] = {0, 1, 2, 3};
    struct mwn_error err = {0};
    struct mwn_journal journal = {0};
    static char dir[DATA_PATH]; /* one at a time */
    snprintf(dir, sizeof(dir), "%s/%s", data_folder, name);
    must(mwn_path_make_dir(dir, &err), &err);
    put_vector(dir, "labels.npy", MWN_NPY_I32, given);
    put_vector(dir, "true_labels.npy", MWN_NPY_I32, truth);
    put_vector(dir, "train_ids.npy", MWN_NPY_U32, numbers);
    put_vector(dir, "weights.npy", MWN_NPY_F32, weights);
    char *path = mwn_path_join(dir, "journal.npy");
    must(mwn_journal_init(&journal, SAMPLES, SAMPLES, &err), &err);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        double weight[SAMPLES], loss[SAMPLES];
        for (size_t i = 0; i < SAMPLES; i++) {
            journal.margin[i] = (double)margins[epoch][i];
            journal.rival[i] = 1 - given[i];
            weight[i] = (double)weights[i];
            loss[i] = log(1 + exp(-journal.margin[i]));
        }
        mwn_journal_add(&journal, SAMPLES, index, weight, loss);
        must(mwn_journal_write(&journal, path, epoch, &err), &err);
    }
    mwn_journal_release(&journal);
    mwn_free(path);
    return dir;
}

static void name_samples(const char *dir)
{
    char path[DATA_PATH + 16];
    struct mwn_error err = {0};
    const char *ids = "index,id\n10,\"a,1.jpg\"\n11,b\n12,c\n20,d\n";
    const char *classes = "class,name\n0,cat\n1,dog\n";
    snprintf(path, sizeof(path), "%s/ids.csv", dir);
    must(mwn_file_write(path, ids, strlen(ids), &err), &err);
    snprintf(path, sizeof(path), "%s/classes.csv", dir);
    must(mwn_file_write(path, classes, strlen(classes), &err), &err);
}

static void test_scores_of_a_sample(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    struct mwn_evidence e = {0};
    struct mwn_scores s = {0};
    must(mwn_evidence_open(&e, make_run("scores"), NULL, &err), &err);
    assert_int_equal(e.classes, 2);
    must(mwn_scores_init(&s, &e, &err), &err);
    double p = (1 / (1 + exp(1)) + 1 / (1 + exp(3))) / 2;
    near_to(s.aum[2], -2);
    near_to(s.p_given[2], p);
    near_to(s.p_suggested[2], 1 - p);
    assert_int_equal(s.suggested[2], 0);
    assert_int_equal(s.suggested[0], 0);
    assert_int_equal(s.forgetting[1], 1);
    assert_int_equal(s.forgetting[2], 0);
    /* aum: ranks 3, 2, 1, 4 of 4; confidence the same; weight: 4, 3, 1, 2. */
    near_to(s.quality[2], 0.125);
    near_to(s.quality[1], (0.375 + 0.375 + 0.625) / 3);
    near_to(s.quality[3], (0.875 + 0.875 + 0.375) / 3);
    assert_int_equal(s.order[0], 2);
    assert_int_equal(s.rank[2], 1);
    mwn_scores_release(&s);
    mwn_evidence_close(&e);
}

/* A method that turns to hard samples gives wrong labels the larger weights. */
static void test_weights_count_only_as_far_as_the_method_believes_labels(void **state)
{
    (void)state;
    static const char *const methods[] = {"ohem", "mwnet"};
    for (size_t k = 0; k < MWN_COUNT(methods); k++) {
        struct mwn_error err = {0};
        struct mwn_evidence e = {0};
        struct mwn_scores s = {0};
        char recipe[64], path[DATA_PATH + 16], *dir = make_run(methods[k]);
        snprintf(recipe, sizeof(recipe), "method:\n  name: %s\n", methods[k]);
        snprintf(path, sizeof(path), "%s/recipe.yaml", dir);
        must(mwn_file_write(path, recipe, strlen(recipe), &err), &err);
        must(mwn_evidence_open(&e, dir, NULL, &err), &err);
        must(mwn_scores_init(&s, &e, &err), &err);
        near_to(s.quality[3], k == 0 ? 0.875 : (0.875 + 0.875 + 0.375) / 3);
        near_to(s.weight[3], (double)weights[3]);
        mwn_scores_release(&s);
        mwn_evidence_close(&e);
    }
}

static void test_audit_writes_a_table_and_a_report(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = make_run("table"), *json = NULL;
    name_samples(dir);
    char *path = mwn_path_join(dir, "audit.csv"), *line = data_path("weights.txt");
    const struct mwn_audit_options options = {.weights = line, .top = 1};
    must(mwn_audit(dir, &options, &json, &err), &err);
    assert_non_null(strstr(json, "\"evidence\": \"dynamics\""));
    assert_non_null(strstr(json, "\"auroc\": {\"quality\": 1, \"weight\": 1"));
    assert_non_null(strstr(json, "\"truth\": {\"wrong\": 1, \"rate\": 0.25, "
                                 "\"suggested_right\": 1}"));
    assert_non_null(strstr(json, "\"worst\": [{\"rank\": 1, \"id\": \"c\", \"given\": "
                                 "\"dog\", \"suggested\": \"cat\""));
    char *text = text_of(path);
    assert_true(strncmp(text,
                        "id,given,suggested,p_given,p_suggested,weight,loss,margin,aum,"
                        "forgetting,quality,rank\nc,dog,cat,0.158",
                        100) == 0);
    assert_non_null(strstr(text, "\n\"a,1.jpg\",cat,cat,"));
    mwn_free(text);
    text = text_of(line);
    assert_string_equal(text, "0.9\n0.8\n0.1\n0.7\n");
    mwn_free(text);
    mwn_text_free(json);
    mwn_free(path);
}

static void test_probabilities_must_fit_the_run(void **state)
{
    (void)state;
    static const float good[SAMPLES * 2] = {1, 0, 0, 1, 0.9F, 0.1F, 0, 1};
    static const float bad[SAMPLES * 2] = {1, 0, 0, 2, 0.9F, 0.1F, 1, 0};
    const size_t shape[2] = {SAMPLES, 2}, small[2] = {2, 4};
    struct mwn_error err = {0};
    char *dir = make_run("probs"), *json = NULL, *path = data_path("p.npy");
    struct mwn_audit_options options = {.pred_probs = path};
    must(mwn_npy_write(path, MWN_NPY_F32, 2, shape, good, &err), &err);
    must(mwn_audit(dir, &options, &json, &err), &err);
    assert_non_null(strstr(json, "\"evidence\": \"out_of_sample\""));
    mwn_text_free(json);
    must(mwn_npy_write(path, MWN_NPY_F32, 2, shape, bad, &err), &err);
    assert_int_equal(mwn_audit(dir, &options, &json, &err), MWN_ERR_DATA);
    assert_non_null(strstr(err.text, "value 1 of sample 1 is 2, expected 0 .. 1"));
    must(mwn_npy_write(path, MWN_NPY_F32, 2, small, good, &err), &err);
    assert_int_equal(mwn_audit(dir, &options, &json, &err), MWN_ERR_MISMATCH);
    assert_int_equal(mwn_audit(data_folder, NULL, &json, &err), MWN_ERR_IO);
}

static void test_why_knows_one_sample(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = make_run("why"), *json = NULL;
    must(mwn_why(dir, "12", &json, &err), &err);
    assert_non_null(strstr(json, "\"id\": \"12\", \"index\": 12, \"given\": \"1\", "
                                 "\"suggested\": \"0\", \"true\": \"0\", \"rank\": 1"));
    assert_non_null(strstr(json, "\"history\": [{\"epoch\": 1, \"weight\": 0.1, "));
    mwn_text_free(json);
    assert_int_equal(mwn_why(dir, "13", &json, &err), MWN_ERR_CONFIG);
}

/* ---- Decisions ---------------------------------------------------------------------- */

static mwn_status decide(const char *dir, const char *text, struct mwn_error *err)
{
    char *json = NULL;
    data_write_text("decisions.csv", text);
    mwn_status status = mwn_apply(dir, data_path("decisions.csv"), NULL, &json, err);
    mwn_text_free(json);
    return status;
}

static void test_decisions_become_labels(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = make_run("apply");
    name_samples(dir);
    char *path = mwn_path_join(dir, "labels.csv");
    char *trail = mwn_path_join(dir, "decisions.jsonl");
    data_expect(&err, decide(dir, "id,action,label\nc,relabel,0\n", &err), MWN_ERR_DATA,
                "relabel to '0', which is none of the 2 classes", "'cat' to 'dog'",
                (char *)NULL);
    must(decide(dir, "note,id,action,label\nx,c,relabel,cat\n,b,drop,\n", &err), &err);
    char *text = text_of(path);
    assert_string_equal(text, "index,corrected label,id\n10,0,\"a,1.jpg\"\n"
                              "11,-,b\n12,0,c\n20,0,d\n");
    mwn_free(text);
    must(decide(dir, "id,action,label\n\"a,1.jpg\",relabel,dog\nc,keep,\n", &err), &err);
    text = text_of(path);
    assert_string_equal(text, "index,corrected label,id\n10,1,\"a,1.jpg\"\n"
                              "11,-,b\n12,0,c\n20,0,d\n");
    mwn_free(text);
    must(decide(dir, "id;action;label\n\"a,1.jpg\";relabel;dog\n", &err), &err);
    text = text_of(trail);
    assert_non_null(strstr(text, "\"id\": \"c\", \"index\": 12, \"action\": \"relabel\", "
                                 "\"old\": \"dog\", \"new\": \"cat\""));
    size_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 5);
    mwn_free(text);
    int32_t label[21] = {0};
    bool corrected = false;
    struct mwn_labelled samples = {2, 21, NULL};
    must(mwn_labels_read(path, &samples, label, &corrected, &err), &err);
    assert_true(corrected);
    assert_int_equal(label[10], 1);
    assert_int_equal(label[11], -1);
    char *id[21] = {NULL};
    samples.id = id;
    char first[] = "a,1.jpg", second[] = "b", third[] = "c", moved[] = "e";
    id[10] = first, id[11] = second, id[12] = third, id[20] = moved;
    data_expect(&err, mwn_labels_read(path, &samples, label, NULL, &err), MWN_ERR_MISMATCH,
                "labels.csv:5: sample 20 is d there, 'e' in the data", NULL);
    id[20] = third;
    third[0] = 'd';
    id[12] = moved;
    moved[0] = 'c';
    must(mwn_labels_read(path, &samples, label, NULL, &err), &err);
    mwn_free(path);
    mwn_free(trail);
}

/* The run knows samples 10 to 20 only: what was said about 2 and 25 before stays said. */
static void test_earlier_decisions_are_kept(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = make_run("again"), recipe[2 * DATA_PATH];
    char *path = mwn_path_join(dir, "labels.csv");
    char *name = mwn_path_join(dir, "recipe.yaml");
    data_write_text("before.csv", "index,corrected label\n2,-\n10,0\n25,-\n12,1\n");
    snprintf(recipe, sizeof(recipe), "data: {labels: '%s'}\n", data_path("before.csv"));
    must(mwn_file_write(name, recipe, strlen(recipe), &err), &err);
    must(decide(dir, "id,action,label\n20,relabel,1\n", &err), &err);
    must(decide(dir, "id,action,label\n11,drop,\n", &err), &err);
    char *text = text_of(path);
    assert_string_equal(text, "index,corrected label\n2,-\n10,0\n11,-\n12,1\n20,1\n25,-\n");
    mwn_free(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(data_path("before.csv")), 0);
    data_expect(&err, decide(dir, "id,action,label\n11,drop,\n", &err), MWN_ERR_IO,
                "before.csv", "was trained with these labels", (char *)NULL);
    mwn_free(path);
    mwn_free(name);
}

static void test_an_id_of_two_samples_is_reported(void **state)
{
    (void)state;
    struct mwn_error err = {0};
    char *dir = make_run("twice"), *json = NULL;
    char *path = mwn_path_join(dir, "ids.csv");
    const char *ids = "index,id\n10,a\n11,b\n12,c\n20,b\n";
    must(mwn_file_write(path, ids, strlen(ids), &err), &err);
    data_expect(&err, decide(dir, "id,action\nc,keep\nb,drop\n", &err), MWN_ERR_DATA,
                "decisions.csv:3: training samples 11 and 20 both have the id 'b'",
                "data.id_column", (char *)NULL);
    data_expect(&err, mwn_why(dir, "b", &json, &err), MWN_ERR_DATA,
                "twice: training samples 11 and 20 both have the id 'b'", (char *)NULL);
    must(decide(dir, "id,action\nc,keep\na,drop\n", &err), &err);
    mwn_free(path);
}

static void test_bad_decisions_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"id,action\n10,keep\n99,drop\n", "decisions.csv:3: no training sample has the id"},
        {"id,action\n10,burn\n", ":2: action 'burn' is none of keep, relabel, drop"},
        {"id,action,label\n10,relabel,2\n", ":2: relabel to '2', which is none of the 2"},
        {"id,action,label\n10,relabel\n", ":2: relabel to '', which is none of the 2"},
        {"id,action\n10,keep\n10,drop\n", ":3: a second decision on '10'"},
        {"name,label\n10,1\n", ":1: names no columns 'id' and 'action'"},
        {"", "names no columns 'id' and 'action'"},
    };
    struct mwn_error err = {0};
    char *dir = make_run("refuse");
    char *path = mwn_path_join(dir, "labels.csv");
    char *trail = mwn_path_join(dir, "decisions.jsonl");
    for (size_t i = 0; i < MWN_COUNT(cases); i++) {
        assert_int_equal(decide(dir, cases[i].text, &err), MWN_ERR_DATA);
        if (!strstr(err.text, cases[i].error))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].error);
        assert_false(mwn_path_exists(path) || mwn_path_exists(trail));
    }
    mwn_free(path);
    mwn_free(trail);
}

/* ---- Failures ----------------------------------------------------------------------- */

static mwn_status call_audit(const char *dir, struct mwn_error *err)
{
    char *json = NULL;
    mwn_status status = mwn_audit(dir, NULL, &json, err);
    assert_true((json != NULL) == (status == MWN_OK));
    mwn_text_free(json);
    return status;
}

static mwn_status call_apply(const char *dir, struct mwn_error *err)
{
    char *json = NULL;
    mwn_status status = mwn_apply(dir, data_path("one.csv"), NULL, &json, err);
    mwn_text_free(json);
    return status;
}

/* Lets the n-th call fail for growing n until nothing fails any more; names: files that are not
 * there as long as it fails. */
static void torture(mwn_status (*call)(const char *, struct mwn_error *), const char *dir,
                    void (*begin)(uint64_t), mwn_status wanted)
{
    mwn_status status = wanted;
    size_t failures = 0;
    for (uint64_t n = 1; n < 5000 && status != MWN_OK; n++) {
        struct mwn_error err = {0};
        begin(n);
        status = call(dir, &err);
        begin(0);
        if (status != MWN_OK && (status != wanted || !err.text[0]))
            fail_msg("call %llu: %s: %s", (unsigned long long)n, mwn_status_name(status),
                     err.text);
        failures += status != MWN_OK;
    }
    assert_int_equal(status, MWN_OK);
    assert_true(failures > 3);
}

static void test_audit_and_apply_survive_failures(void **state)
{
    (void)state;
    char *dir = make_run("torture");
    name_samples(dir);
    data_write_text("one.csv", "id,action,label\nc,relabel,cat\n");
    torture(call_audit, dir, mwn_mem_fail_after, MWN_ERR_MEMORY);
    torture(call_audit, dir, mwn_file_fail_after, MWN_ERR_IO);
    torture(call_apply, dir, mwn_mem_fail_after, MWN_ERR_MEMORY);
    char *trail = mwn_path_join(dir, "decisions.jsonl");
    char *labels = mwn_path_join(dir, "labels.csv");
    assert_int_equal(unlink(trail), 0);
    assert_int_equal(unlink(labels), 0);
    torture(call_apply, dir, mwn_file_fail_once, MWN_ERR_IO);
    char *text = text_of(trail); /* one line: that of the call that did not fail */
    assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
    mwn_free(text);
    mwn_free(trail);
    mwn_free(labels);
}

/* ---- Weight nets -------------------------------------------------------------------- */

static void test_a_weight_net_comes_back_exactly(void **state)
{
    (void)state;
    const struct mwn_int_list hidden = {2, {5, 3}};
    const double loss[] = {0, 0.3, 2, 9};
    double before[4], after[4];
    struct mwn_error err = {0};
    struct mwn_weight_net net = {0}, back = {0};
    struct mwn_buf text = {0};
    must(mwn_weight_net_init(&net, &hidden, 1, 1, 7, &err), &err);
    mwn_weight_net_json(&net, &text);
    data_write("v.json", text.text, text.size);
    must(mwn_weight_net_read(&back, data_path("v.json"), 4, &err), &err);
    assert_int_equal(back.n_params, net.n_params);
    assert_memory_equal(back.theta, net.theta, net.n_params * sizeof(double));
    mwn_weight_net_apply(&net, 4, loss, before);
    mwn_weight_net_apply(&back, 4, loss, after);
    assert_memory_equal(before, after, sizeof(before));
    mwn_weight_net_release(&net);
    mwn_weight_net_release(&back);
    mwn_buf_release(&text);
}

static void test_other_files_are_no_weight_nets(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "nonsense", "{\"format\": \"mwnet-weight-net-1\", \"layers\": []}",
        "{\"format\": \"mwnet-weight-net-1\", \"layers\": [{\"in\": 2, \"out\": 1, "
        "\"weight\": [1, 1], \"bias\": [0]}]}",
        "{\"format\": \"mwnet-weight-net-1\", \"layers\": [{\"in\": 1, \"out\": 1, "
        "\"weight\": [1], \"bias\": []}]}"};
    for (size_t i = 0; i < MWN_COUNT(texts); i++) {
        struct mwn_error err = {0};
        struct mwn_weight_net net = {0};
        data_write_text("bad.json", texts[i]);
        assert_int_equal(mwn_weight_net_read(&net, data_path("bad.json"), 1, &err),
                         MWN_ERR_DATA);
        assert_non_null(strstr(err.text, "bad.json: is not a weight net: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curves_by_hand),
        cmocka_unit_test(test_equal_scores_say_nothing),
        cmocka_unit_test(test_ranks_share_ties_and_leave_nan_out),
        cmocka_unit_test(test_confident_joint_by_hand),
        cmocka_unit_test(test_labels_of_anchors_by_hand),
        cmocka_unit_test(test_a_class_that_nobody_counts_keeps_its_labels),
        cmocka_unit_test(test_csv_fields_may_be_quoted),
        cmocka_unit_test(test_margins_come_with_the_loss),
        cmocka_unit_test(test_journal_grows_is_cut_and_fills_gaps),
        cmocka_unit_test(test_a_file_that_is_no_journal_is_reported),
        cmocka_unit_test(test_scores_of_a_sample),
        cmocka_unit_test(test_weights_count_only_as_far_as_the_method_believes_labels),
        cmocka_unit_test(test_audit_writes_a_table_and_a_report),
        cmocka_unit_test(test_probabilities_must_fit_the_run),
        cmocka_unit_test(test_why_knows_one_sample),
        cmocka_unit_test(test_decisions_become_labels),
        cmocka_unit_test(test_earlier_decisions_are_kept),
        cmocka_unit_test(test_an_id_of_two_samples_is_reported),
        cmocka_unit_test(test_bad_decisions_change_nothing),
        cmocka_unit_test(test_audit_and_apply_survive_failures),
        cmocka_unit_test(test_a_weight_net_comes_back_exactly),
        cmocka_unit_test(test_other_files_are_no_weight_nets),
    };
    return cmocka_run_group_tests(tests, data_make_folder, data_remove_folder);
}

/* audit.c - mwnet audit: which labels are probably wrong, how many, and which class is taken for
 * which. */
#include "audit/evidence.h"
#include "audit/joint.h"
#include "audit/ranking.h"
#include "audit/score.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 10, TRANSITION_MAX = 100 };

struct audit {
    const struct mwn_audit_options *options;
    struct mwn_evidence evidence;
    struct mwn_scores scores;
    struct mwn_joint joint;
    char *output; /* owned: the table's file */
};

static void audit_release(struct audit *a)
{
    mwn_joint_release(&a->joint);
    mwn_scores_release(&a->scores);
    mwn_evidence_close(&a->evidence);
    mwn_free(a->output);
}

/* ---- Files -------------------------------------------------------------------------- */

static void add_number(struct mwn_buf *buf, double value)
{
    if (isfinite(value))
        mwn_buf_printf(buf, ",%.6g", value);
    else
        mwn_buf_add(buf, ",", 1);
}

static void add_line(struct mwn_buf *buf, const struct audit *a, size_t i)
{
    char text[24];
    const struct mwn_evidence *e = &a->evidence;
    const struct mwn_scores *s = &a->scores;
    const double numbers[] = {s->p_given[i], s->p_suggested[i], s->weight[i],
                              s->loss[i],    s->margin[i],      s->aum[i]};
    mwn_csv_add(buf, mwn_evidence_id(e, i, text));
    mwn_buf_add(buf, ",", 1);
    mwn_csv_add(buf, mwn_evidence_class(e, e->given[i], text));
    mwn_buf_add(buf, ",", 1);
    mwn_csv_add(buf, mwn_evidence_class(e, s->suggested[i], text));
    for (size_t k = 0; k < MWN_COUNT(numbers); k++)
        add_number(buf, numbers[k]);
    mwn_buf_printf(buf, ",%lu", (unsigned long)s->forgetting[i]);
    add_number(buf, s->quality[i]);
    mwn_buf_printf(buf, ",%lu\n", (unsigned long)s->rank[i]);
}

static mwn_status write_buffer(const char *path, struct mwn_buf *buf, const char *what,
                               struct mwn_error *err)
{
    mwn_status status = buf->failed ? mwn_fail_memory(err, buf->size, what)
                                    : mwn_file_write(path, buf->text, buf->size, err);
    mwn_buf_release(buf);
    return status;
}

static mwn_status write_table(const struct audit *a, struct mwn_error *err)
{
    struct mwn_buf buf = {0};
    mwn_buf_printf(&buf, "id,given,suggested,p_given,p_suggested,weight,loss,margin,aum,"
                         "forgetting,quality,rank\n");
    for (size_t k = 0; k < a->scores.n; k++)
        add_line(&buf, a, a->scores.order[k]);
    return write_buffer(a->output, &buf, "the table of samples", err);
}

/* One weight a line, as LightGBM reads beside its data; 1 for a sample that was never drawn. */
static mwn_status write_weights(const struct audit *a, struct mwn_error *err)
{
    struct mwn_buf buf = {0};
    if (!a->options->weights)
        return MWN_OK;
    for (size_t i = 0; i < a->scores.n; i++) {
        double weight = a->scores.weight[i];
        mwn_buf_printf(&buf, "%.6g\n", isfinite(weight) ? weight : 1);
    }
    return write_buffer(a->options->weights, &buf, "the weights of samples", err);
}

/* ---- Estimates ---------------------------------------------------------------------- */

static void add_class(struct mwn_json *json, const char *key, const struct audit *a,
                      size_t c)
{
    char text[24];
    mwn_json_text(json, key, mwn_evidence_class(&a->evidence, (int32_t)c, text));
}

/* An entry of the joint beside its diagonal. */
struct pair {
    size_t given, suggested;
    double count;
};

/* The largest entries beside the diagonal, in order; how many there are. */
static size_t top_pairs(const struct mwn_joint *joint, struct pair out[PAIRS_MAX])
{
    size_t found = 0;
    for (size_t at = 0; at < joint->classes * joint->classes; at++) {
        struct pair now = {at / joint->classes, at % joint->classes, joint->count[at]};
        size_t k = found;
        if (now.given == now.suggested || !(now.count > 0))
            continue;
        for (; k > 0 && out[k - 1].count < now.count; k--)
            if (k < PAIRS_MAX)
                out[k] = out[k - 1];
        if (k < PAIRS_MAX)
            out[k] = now;
        found += found < PAIRS_MAX;
    }
    return found;
}

static void add_pairs(struct mwn_json *json, const struct audit *a)
{
    struct pair pairs[PAIRS_MAX];
    size_t count = top_pairs(&a->joint, pairs);
    mwn_json_array(json, "pairs");
    for (size_t k = 0; k < count; k++) {
        mwn_json_object(json, NULL);
        add_class(json, "given", a, pairs[k].given);
        add_class(json, "suggested", a, pairs[k].suggested);
        mwn_json_real(json, "samples", pairs[k].count, 5);
        mwn_json_real(json, "share", pairs[k].count / a->joint.total[pairs[k].given], 5);
        mwn_json_end_object(json);
    }
    mwn_json_end_array(json);
}

/* Row: true class; column: given class. */
static void add_transition(struct mwn_json *json, const struct audit *a)
{
    size_t classes = a->joint.classes;
    if (classes > TRANSITION_MAX)
        return;
    mwn_json_array(json, "transition");
    for (size_t t = 0; t < classes; t++) {
        mwn_json_array(json, NULL);
        for (size_t y = 0; y < classes; y++)
            mwn_json_real(json, NULL, mwn_joint_transition(&a->joint, t, y), 4);
        mwn_json_end_array(json);
    }
    mwn_json_end_array(json);
}

static void add_noise(struct mwn_json *json, const struct audit *a)
{
    double rate = mwn_joint_noise(&a->joint);
    mwn_json_object(json, "noise");
    mwn_json_real(json, "rate", rate, 6);
    mwn_json_size(json, "labels", (size_t)(rate * (double)a->scores.n + 0.5));
    mwn_json_array(json, "by_class");
    for (size_t c = 0; c < a->joint.classes; c++) {
        mwn_json_object(json, NULL);
        add_class(json, "given", a, c);
        mwn_json_size(json, "samples", (size_t)a->joint.total[c]);
        mwn_json_real(json, "rate", mwn_joint_class_noise(&a->joint, c), 6);
        mwn_json_end_object(json);
    }
    mwn_json_end_array(json);
    add_pairs(json, a);
    add_transition(json, a);
    mwn_json_end_object(json);
}

/* ---- Against the truth -------------------------------------------------------------- */

enum {
#define MWN_SCORE(name, sign) SCORE_##name,
#include "audit/score_list.h"
#undef MWN_SCORE
    SCORE_COUNT
};

static const char *const score_names[] = {
#define MWN_SCORE(name, sign) #name,
#include "audit/score_list.h"
#undef MWN_SCORE
};

static mwn_status judge_scores(const struct audit *a, struct mwn_ranking *out,
                               struct mwn_error *err)
{
    const struct {
        const double *value;
        double sign;
    } scores[] = {
#define MWN_SCORE(name, sign) {a->scores.name, sign},
#include "audit/score_list.h"
#undef MWN_SCORE
    };
    mwn_status status = MWN_OK;
    const struct mwn_evidence *e = &a->evidence;
    double *value = mwn_alloc(e->n, sizeof(*value));
    unsigned char *wrong = mwn_alloc(e->n, 1);

    if (!value || !wrong) {
        status = mwn_fail_memory(err, e->n * 9, "the judgement of scores");
        goto out;
    }
    for (size_t i = 0; i < e->n; i++)
        wrong[i] = e->given[i] != e->truth[i];
    for (size_t k = 0; k < SCORE_COUNT && status == MWN_OK; k++) {
        for (size_t i = 0; i < e->n; i++)
            value[i] = scores[k].sign * scores[k].value[i];
        status = mwn_rank_against(&out[k], e->n, value, wrong, err);
    }
out:
    mwn_free(value);
    mwn_free(wrong);
    return status;
}

/* One number of all scores, found at an offset of the ranking. */
static void add_judgement(struct mwn_json *json, const char *key,
                          const struct mwn_ranking *ranking, size_t offset)
{
    mwn_json_object(json, key);
    for (size_t k = 0; k < SCORE_COUNT; k++) {
        double value;
        memcpy(&value, (const char *)&ranking[k] + offset, sizeof(value));
        mwn_json_real(json, score_names[k], value, 5);
    }
    mwn_json_end_object(json);
}

static mwn_status add_truth(struct mwn_json *json, const struct audit *a,
                            struct mwn_error *err)
{
    struct mwn_ranking ranking[SCORE_COUNT] = {{0}};
    const struct mwn_evidence *e = &a->evidence;
    size_t wrong = 0, right_suggestion = 0;

    if (!e->truth)
        return MWN_OK;
    mwn_status status = judge_scores(a, ranking, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < e->n; i++) {
        bool is_wrong = e->given[i] != e->truth[i];
        wrong += is_wrong;
        right_suggestion += is_wrong && a->scores.suggested[i] == e->truth[i];
    }
    mwn_json_object(json, "truth");
    mwn_json_size(json, "wrong", wrong);
    mwn_json_real(json, "rate", (double)wrong / (double)e->n, 6);
    mwn_json_real(json, "suggested_right",
                  wrong ? (double)right_suggestion / (double)wrong : (double)NAN, 5);
    mwn_json_end_object(json);
    add_judgement(json, "auroc", ranking, offsetof(struct mwn_ranking, auroc));
    add_judgement(json, "auprc", ranking, offsetof(struct mwn_ranking, auprc));
    add_judgement(json, "precision_at_k", ranking, offsetof(struct mwn_ranking, precision));
    add_judgement(json, "precision_at_100", ranking,
                  offsetof(struct mwn_ranking, precision_100));
    return MWN_OK;
}

/* ---- The report --------------------------------------------------------------------- */

static void add_worst(struct mwn_json *json, const struct audit *a)
{
    char text[24];
    const struct mwn_scores *s = &a->scores;
    mwn_json_array(json, "worst");
    for (size_t k = 0; k < s->n && k < a->options->top; k++) {
        size_t i = s->order[k];
        mwn_json_object(json, NULL);
        mwn_json_size(json, "rank", k + 1);
        mwn_json_text(json, "id", mwn_evidence_id(&a->evidence, i, text));
        add_class(json, "given", a, (size_t)a->evidence.given[i]);
        mwn_json_text(json, "suggested",
                      mwn_evidence_class(&a->evidence, s->suggested[i], text));
        mwn_json_real(json, "p_given", s->p_given[i], 4);
        mwn_json_real(json, "p_suggested", s->p_suggested[i], 4);
        mwn_json_real(json, "weight", s->weight[i], 4);
        mwn_json_real(json, "loss", s->loss[i], 4);
        mwn_json_real(json, "margin", s->margin[i], 4);
        mwn_json_real(json, "aum", s->aum[i], 4);
        mwn_json_size(json, "forgetting", s->forgetting[i]);
        mwn_json_real(json, "quality", s->quality[i], 4);
        mwn_json_end_object(json);
    }
    mwn_json_end_array(json);
}

static mwn_status report(const struct audit *a, char **out, struct mwn_error *err)
{
    struct mwn_json json = {0};
    const struct mwn_evidence *e = &a->evidence;
    mwn_json_object(&json, NULL);
    mwn_json_text(&json, "version", mwn_version());
    mwn_json_text(&json, "run", e->dir);
    mwn_json_size(&json, "samples", e->n);
    mwn_json_size(&json, "classes", e->classes);
    mwn_json_text(&json, "evidence", e->probs.count ? "out_of_sample" : "dynamics");
    mwn_json_text(&json, "pred_probs", e->probs_path);
    mwn_json_size(&json, "epochs", e->journal.epochs);
    mwn_json_text(&json, "table", a->output);
    mwn_json_text(&json, "weights", a->options->weights);
    add_noise(&json, a);
    mwn_status status = add_truth(&json, a, err);
    add_worst(&json, a);
    mwn_json_end_object(&json);
    if (status == MWN_OK)
        status = mwn_json_take(&json, out, err);
    mwn_json_release(&json);
    return status;
}

static mwn_status choose_output(struct audit *a, const char *dir, struct mwn_error *err)
{
    const char *path = a->options->output;
    a->output = path ? mwn_strdup(path) : mwn_path_join(dir, "audit.csv");
    return a->output ? MWN_OK : mwn_fail_memory(err, strlen(dir), "a path");
}

mwn_status mwn_audit(const char *dir, const struct mwn_audit_options *options, char **json,
                     struct mwn_error *err)
{
    static const struct mwn_audit_options defaults = {.top = 10};
    mwn_status status = MWN_OK;
    struct audit a = {.options = options ? options : &defaults};
    char *text = NULL;

    MWN_TRY(choose_output(&a, dir, err));
    MWN_TRY(mwn_evidence_open(&a.evidence, dir, a.options->pred_probs, err));
    MWN_TRY(mwn_folder_check_output(dir, a.evidence.recipe, a.output, err));
    if (a.options->weights)
        MWN_TRY(mwn_folder_check_output(dir, a.evidence.recipe, a.options->weights, err));
    MWN_TRY(mwn_scores_init(&a.scores, &a.evidence, err));
    const struct mwn_joint_samples samples = {a.evidence.n, a.evidence.given,
                                              mwn_evidence_row, &a.evidence,
                                              a.evidence.probs.count > 0};
    MWN_TRY(mwn_joint_init(&a.joint, a.evidence.classes, &samples, err));
    MWN_TRY(report(&a, &text, err));
    MWN_TRY(write_weights(&a, err));
    MWN_TRY(write_table(&a, err));
    *json = text;
    text = NULL;
out:
    mwn_text_free(text);
    audit_release(&a);
    return status;
}

/* why.c - mwnet why: the history of one sample. */
#include "audit/evidence.h"
#include "audit/score.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/json_writer.h"

#include <math.h>

static mwn_status find_sample(const struct mwn_evidence *e, const char *id, size_t *out,
                              struct mwn_error *err)
{
    struct mwn_id_order order = {0};
    char number[24];
    size_t found[2] = {0}, count = 0;
    mwn_status status = mwn_id_order_init(&order, e, err);
    if (status == MWN_OK)
        count = mwn_id_order_find(&order, id, found);
    *out = found[0];
    if (count > 1) {
        mwn_id_order_fail(&order, found, err);
        status = mwn_context(err, "%s", e->dir);
    } else if (status == MWN_OK && count == 0) {
        mwn_fail(err, MWN_ERR_CONFIG, "%s: no training sample has the id '%.80s'", e->dir,
                 id);
        status = mwn_hint(err,
                          "ids are the first column of mwnet audit's table, such as "
                          "'%.80s'; meta and test samples are not in it",
                          mwn_evidence_id(e, 0, number));
    }
    mwn_id_order_release(&order);
    return status;
}

static void add_history(struct mwn_json *json, const struct mwn_evidence *e, size_t i)
{
    char text[24];
    mwn_json_array(json, "history");
    for (size_t epoch = 0; epoch < e->journal.epochs; epoch++) {
        const float *at = mwn_journal_at(&e->journal, epoch, i);
        float rival = at[MWN_JOURNAL_RIVAL];
        mwn_json_object(json, NULL);
        mwn_json_size(json, "epoch", epoch + 1);
        mwn_json_real(json, "weight", (double)at[MWN_JOURNAL_WEIGHT], 5);
        mwn_json_real(json, "loss", (double)at[MWN_JOURNAL_LOSS], 5);
        mwn_json_real(json, "margin", (double)at[MWN_JOURNAL_MARGIN], 5);
        mwn_json_text(json, "rival",
                      mwn_evidence_class(e, rival >= 0 ? (int32_t)rival : -1, text));
        mwn_json_end_object(json);
    }
    mwn_json_end_array(json);
}

static void add_sample(struct mwn_json *json, const struct mwn_evidence *e,
                       const struct mwn_scores *s, size_t i)
{
    char text[24];
    mwn_json_object(json, NULL);
    mwn_json_text(json, "run", e->dir);
    mwn_json_text(json, "id", mwn_evidence_id(e, i, text));
    mwn_json_size(json, "index", e->index[i]);
    mwn_json_text(json, "given", mwn_evidence_class(e, e->given[i], text));
    mwn_json_text(json, "suggested", mwn_evidence_class(e, s->suggested[i], text));
    if (e->truth)
        mwn_json_text(json, "true", mwn_evidence_class(e, e->truth[i], text));
    mwn_json_size(json, "rank", s->rank[i]);
    mwn_json_size(json, "samples", e->n);
    mwn_json_real(json, "quality", s->quality[i], 4);
    mwn_json_real(json, "p_given", s->p_given[i], 4);
    mwn_json_real(json, "p_suggested", s->p_suggested[i], 4);
    mwn_json_real(json, "weight", s->weight[i], 4);
    mwn_json_real(json, "loss", s->loss[i], 4);
    mwn_json_real(json, "margin", s->margin[i], 4);
    mwn_json_real(json, "aum", s->aum[i], 4);
    mwn_json_size(json, "forgetting", s->forgetting[i]);
    add_history(json, e, i);
    mwn_json_end_object(json);
}

mwn_status mwn_why(const char *dir, const char *id, char **json, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_evidence e = {0};
    struct mwn_scores s = {0};
    struct mwn_json out = {0};
    size_t i = 0;

    MWN_TRY(mwn_evidence_open(&e, dir, NULL, err));
    MWN_TRY(find_sample(&e, id, &i, err));
    MWN_TRY(mwn_scores_init(&s, &e, err));
    add_sample(&out, &e, &s, i);
    MWN_TRY(mwn_json_take(&out, json, err));
out:
    mwn_json_release(&out);
    mwn_scores_release(&s);
    mwn_evidence_close(&e);
    return status;
}

/* collect.h - what the cells of a table have come to. */
#ifndef MWN_TABLES_COLLECT_H
#define MWN_TABLES_COLLECT_H

#include "tables/grid.h"
#include "tables/interval.h"

#include "base/buf.h"

/* A metric of the last epoch: key in its object of summary.json (of "last": its
 * test), heading. */
struct mwn_metric {
    const char *key, *object, *label;
    int decimals;
};
enum { MWN_TABLE_METRICS = 16 };
extern const struct mwn_metric mwn_table_metrics[MWN_TABLE_METRICS]; /* the rest is NULL */

/* A row in a column: over all seeds that are done. */
struct mwn_entry {
    size_t done, failed;
    bool by_valid; /* the best epoch was chosen by a validation set */
    double tested; /* test samples                                  */
    struct mwn_stat best, last, valid, seconds, memory; /* percent, seconds, bytes */
    struct mwn_stat metric[MWN_TABLE_METRICS];
    double step;                /* seconds, in the run with the shortest; NaN   */
    double step_cost;           /* relative to that of ce; NaN if there is none */
    struct mwn_span difference; /* of best from the published figure            */
    struct mwn_span gain;       /* of last over that of ce                      */
};

struct mwn_results {
    struct mwn_entry *entry; /* owned [rows * columns] */
    size_t done, failed;
};

MWN_MUST_CHECK mwn_status mwn_collect(const struct mwn_table *table,
                                      struct mwn_results *out, struct mwn_error *err);
void mwn_results_release(struct mwn_results *results);
const struct mwn_entry *mwn_results_at(const struct mwn_table *table,
                                       const struct mwn_results *results, size_t row,
                                       size_t column);

/* Where the published figures of a row are from; NULL if nobody says so. */
const char *mwn_table_source(const struct mwn_table *table, size_t row);

/* markdown.c, csv_json.c */
void mwn_table_markdown(const struct mwn_table *table, const struct mwn_results *results,
                        struct mwn_buf *out);
void mwn_table_csv(const struct mwn_table *table, const struct mwn_results *results,
                   struct mwn_buf *out);
MWN_MUST_CHECK mwn_status mwn_table_json(const struct mwn_table *table,
                                         const struct mwn_results *results, char **out,
                                         struct mwn_error *err);
/* The row of a sweep that validation chooses in its column; rows if none is done. A row with fewer
 * seeds than another is not chosen: the missing ones may have failed because of its options. */
size_t mwn_results_chosen(const struct mwn_table *table, const struct mwn_results *results);

#endif

/* image_source.h - what the readers of image files share: a list of files becomes a source that
 * loads them on demand. */
#ifndef MWN_DATA_IMAGE_SOURCE_H
#define MWN_DATA_IMAGE_SOURCE_H

#include "data/classes.h"
#include "data/reader.h"

/* The files of one part and their labels. Zero-initialise it. */
struct mwn_image_list {
    char **path;    /* owned [n], owned texts: relative to the root */
    int32_t *label; /* owned [n]; -1: none                          */
    float *weight;  /* owned [n]                                    */
    size_t n, room;
    bool has_weights;
    size_t skipped; /* files that were left out before */
};

/* Appends a file; path is copied. A weight other than 1 makes has_weights true. */
MWN_MUST_CHECK mwn_status mwn_image_list_add(struct mwn_image_list *list, const char *path,
                                             int32_t label, float weight,
                                             struct mwn_error *err);
void mwn_image_list_release(struct mwn_image_list *list);

/* Whether the name ends as JPEG and PNG files do. */
bool mwn_image_has_suffix(const char *name);
/* Whether it ends as files of other image formats do. */
bool mwn_image_has_other_suffix(const char *name);

/* A path that a list states, as one that stays below root: what follows root of an absolute
 * path, else the path itself, both without "./" and double slashes, written over `path`. One
 * that leaves root or names nothing is MWN_ERR_DATA. */
MWN_MUST_CHECK mwn_status mwn_image_path_clean(const char *root, char *path,
                                               struct mwn_error *err);

/* Fills a source with the files below root. Takes over what list and classes hold (and leaves
 * them empty), whether it fails or not. With data.damaged=skip every file is decoded. */
MWN_MUST_CHECK mwn_status mwn_image_source_open(
    struct mwn_source *source, const struct mwn_data_options *options, const char *root,
    struct mwn_image_list *list, struct mwn_classes *classes, struct mwn_error *err);

/* load(), hash() and close() of every reader of image files. */
MWN_MUST_CHECK mwn_status mwn_image_source_load(const struct mwn_source *source, size_t i,
                                                struct mwn_rng *rng, void *out,
                                                struct mwn_error *err);
MWN_MUST_CHECK mwn_status mwn_image_source_hash(const struct mwn_source *source, size_t i,
                                                struct mwn_hash *out,
                                                struct mwn_error *err);
void mwn_image_source_close(struct mwn_source *source);

#endif

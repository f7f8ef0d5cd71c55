/* transfer.c - one file by libcurl: Range and If-Range to go on, retries with growing pauses. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What is held in memory before it goes to the part file. */
#define CHUNK ((size_t)2 << 20)

enum {
    TAG_SIZE = 256,
    CONNECT_SECONDS = 30,
    IDLE_SECONDS = 60, /* without as much as IDLE_SPEED bytes a second: the line is dead */
    IDLE_SPEED = 100,
    LONGEST_PAUSE = 30,
    SLICES = 10 /* of a second, while it pauses */
};

/* Codes of HTTP that matter here. */
enum { HTTP_PARTIAL = 206, HTTP_BAD = 400, HTTP_BAD_RANGE = 416 };

/* A transfer, over all its attempts. */
struct state {
    const struct mwn_transfer *transfer;
    CURL *curl;           /* owned */
    unsigned char *chunk; /* owned [CHUNK] */
    char *tag_path;       /* owned */
    char tag[TAG_SIZE];   /* ETag or date of the version that the part is of; "": unknown */
    size_t held;          /* bytes of the chunk                   */
    size_t size;          /* bytes of the part file               */
    size_t total;         /* that the server promises; 0: unknown */
    size_t fresh;         /* bytes that came in all attempts      */
    char reason[CURL_ERROR_SIZE];

    /* Of this attempt. */
    size_t asked;       /* where it wants to go on                            */
    size_t from, whole; /* what Content-Range says                            */
    char etag[TAG_SIZE], date[TAG_SIZE];
    bool begun;        /* the head of a good answer was looked at            */
    bool stopped;      /* by the tick                                        */
    mwn_status status; /* of the part file                                   */
    struct mwn_error *err;
};

/* ---- The part file ------------------------------------------------------------------- */

static mwn_status flush(struct state *s)
{
    if (s->held == 0)
        return MWN_OK;
    mwn_status status =
        mwn_file_patch(s->transfer->part, s->size, s->chunk, s->held, s->err);
    if (status == MWN_OK)
        s->size += s->held;
    s->held = 0;
    return status;
}

/* The part is of this version from now on; an old one is dropped. */
static mwn_status start_over(struct state *s)
{
    mwn_status status;
    s->size = s->held = 0;
    MWN_TRY(mwn_path_remove(s->transfer->part, s->err));
    (void)snprintf(s->tag, sizeof(s->tag), "%s", s->etag[0] ? s->etag : s->date);
    if (s->tag[0])
        MWN_TRY(mwn_file_write(s->tag_path, s->tag, strlen(s->tag), s->err));
    else
        MWN_TRY(mwn_path_remove(s->tag_path, s->err));
out:
    return status;
}

static mwn_status read_tag(struct state *s)
{
    struct mwn_bytes bytes = {0};
    if (s->size == 0 || !mwn_path_exists(s->tag_path))
        return MWN_OK;
    mwn_status status = mwn_file_read_plain(s->tag_path, TAG_SIZE - 1, &bytes, s->err);
    if (status == MWN_OK)
        (void)snprintf(s->tag, sizeof(s->tag), "%s", (const char *)bytes.data);
    /* It goes into a header, so nothing may follow its line. */
    s->tag[strcspn(s->tag, "\r\n")] = '\0';
    mwn_bytes_release(&bytes);
    return status;
}

mwn_status mwn_transfer_discard(const char *part, struct mwn_error *err)
{
    struct mwn_buf tag = {0};
    mwn_buf_printf(&tag, "%s.tag", part);
    mwn_status status = tag.failed ? mwn_fail_memory(err, strlen(part), "a path")
                                   : mwn_path_remove(tag.text, err);
    mwn_buf_release(&tag);
    return status == MWN_OK ? mwn_path_remove(part, err) : status;
}

/* ---- What libcurl calls -------------------------------------------------------------- */

/* The value of a header line if it has this name, else NULL. */
static const char *header_value(const char *line, size_t length, const char *name)
{
    size_t size = strlen(name);
    if (length <= size || strncasecmp(line, name, size) != 0 || line[size] != ':')
        return NULL;
    return line + size + 1;
}

static void copy_value(char out[TAG_SIZE], const char *value, const char *end)
{
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    size_t size = (size_t)(end - value);
    if (size >= TAG_SIZE)
        size = 0; /* too long to be of use */
    memcpy(out, value, size);
    out[size] = '\0';
}

/* "bytes 100-199/200" or "bytes *" "/200". */
static void read_range(struct state *s, const char *text)
{
    const char *slash = strchr(text, '/');
    s->from = SIZE_MAX;
    if (strncasecmp(text, "bytes ", 6) == 0 && text[6] >= '0' && text[6] <= '9')
        s->from = strtoull(text + 6, NULL, 10);
    s->whole = slash && slash[1] != '*' ? strtoull(slash + 1, NULL, 10) : 0;
}

static size_t take_header(char *line, size_t one, size_t length, void *user)
{
    struct state *s = user;
    char range[TAG_SIZE] = "";
    const char *end = line + length, *value;
    (void)one;
    if (length > 5 &&
        strncmp(line, "HTTP/", 5) == 0) { /* the next answer, after a detour */
        s->etag[0] = s->date[0] = '\0';
        s->from = SIZE_MAX;
        s->whole = 0;
    } else if ((value = header_value(line, length, "ETag")) != NULL) {
        copy_value(s->etag, value, end);
        if (strncmp(s->etag, "W/", 2) == 0) /* too weak for If-Range */
            s->etag[0] = '\0';
    } else if ((value = header_value(line, length, "Last-Modified")) != NULL) {
        copy_value(s->date, value, end);
    } else if ((value = header_value(line, length, "Content-Range")) != NULL) {
        copy_value(range, value, end);
        read_range(s, range);
    }
    return length;
}

static long answer_code(const struct state *s)
{
    long code = 0;
    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* Whether the answer goes on where the part ends. A file:// URL has no codes and does. */
static bool goes_on(const struct state *s, long code)
{
    if (code == 0)
        return s->asked > 0;
    return code == HTTP_PARTIAL && s->from == s->asked;
}

/* Looks at the head of a good answer. */
static mwn_status begin_body(struct state *s, long code)
{
    curl_off_t length = -1;
    s->begun = true;
    bool more = goes_on(s, code);
    if (!more && code == HTTP_PARTIAL) {
        mwn_fail(s->err, MWN_ERR_IO, "%s: the server sends another part than asked for",
                 s->transfer->url);
        return MWN_ERR_IO;
    }
    if (!more) {
        mwn_status status = start_over(s);
        if (status != MWN_OK)
            return status;
    }
    (void)curl_easy_getinfo(s->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    s->total = s->transfer->size;
    if (code == HTTP_PARTIAL && s->whole > 0)
        s->total = s->whole;
    else if (length >= 0)
        s->total = s->size + (size_t)length;
    return MWN_OK;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct state *s = user;
    long code = answer_code(s);
    size_t left = count;
    (void)one;
    if (code >= HTTP_BAD)
        return count; /* words about the failure */
    if (!s->begun)
        s->status = begin_body(s, code);
    s->fresh += count;
    while (s->status == MWN_OK && left > 0) {
        size_t room = CHUNK - s->held, some = left < room ? left : room;
        memcpy(s->chunk + s->held, bytes, some);
        s->held += some;
        bytes += some;
        left -= some;
        if (s->held == CHUNK)
            s->status = flush(s);
    }
    size_t limit = s->transfer->size;
    if (s->status == MWN_OK && limit > 0 && s->size + s->held > limit)
        s->status = mwn_fail(s->err, MWN_ERR_DATA,
                             "%s: is longer than the %zu bytes that it should have",
                             s->transfer->url, limit);
    return s->status == MWN_OK ? count : 0;
}

static int take_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up)
{
    struct state *s = user;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up;
    s->stopped = s->transfer->tick(s->size + s->held, s->total, false, s->transfer->user);
    return s->stopped;
}

/* ---- Attempts ------------------------------------------------------------------------ */

/* What to do after an attempt. */
enum verdict { DONE, AGAIN, GIVE_UP };

static bool set_options(struct state *s)
{
    CURL *curl = s->curl;
    unsigned bad = CURLE_OK;
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_URL, s->transfer->url);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)IDLE_SECONDS);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)IDLE_SPEED);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, s->reason);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_USERAGENT, "mwnet");
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_HEADERDATA, s);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_progress);
    bad |= (unsigned)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    return bad == CURLE_OK;
}

/* Asks for what is missing, of the version that the part is of: a server with another one sends
 * that from its start. CURLOPT_RANGE, not RESUME_FROM, which takes such an answer for an
 * error. */
static CURLcode perform(struct state *s)
{
    char range[32], condition[TAG_SIZE + 16];
    struct curl_slist *headers = NULL;
    s->asked = s->size;
    s->begun = s->stopped = false;
    s->etag[0] = s->date[0] = s->reason[0] = '\0';
    s->from = SIZE_MAX;
    s->whole = 0;
    s->status = MWN_OK;
    (void)snprintf(range, sizeof(range), "%zu-", s->size);
    (void)snprintf(condition, sizeof(condition), "If-Range: %s", s->tag);
    if (s->size > 0 && s->tag[0])
        headers = curl_slist_append(NULL, condition);
    CURLcode code =
        curl_easy_setopt(s->curl, CURLOPT_RANGE, s->size > 0 ? range : (char *)NULL);
    if (code == CURLE_OK)
        code = curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK)
        code = curl_easy_perform(s->curl);
    curl_slist_free_all(headers);
    if (s->status == MWN_OK)
        s->status = flush(s);
    return code;
}

static enum verdict fail_server(const struct state *s, long code)
{
    mwn_fail(s->err, MWN_ERR_IO, "%s: the server answers %ld%s", s->transfer->url, code,
             code == 404   ? " (not found)"
             : code == 403 ? " (forbidden)"
             : code == 503 ? " (not available)"
                           : "");
    mwn_hint(s->err, "try again later, or name another source by --from");
    return code == 408 || code == 429 || code >= 500 ? AGAIN : GIVE_UP;
}

/* The part ends where the file does, or further: then it is of no use. */
static enum verdict judge_bad_range(struct state *s)
{
    if (s->whole > 0 && s->whole == s->size)
        return DONE;
    mwn_fail(s->err, MWN_ERR_IO, "%s: the server cannot go on at byte %zu",
             s->transfer->url, s->size);
    s->etag[0] = s->date[0] = '\0';
    s->status = start_over(s);
    return s->status == MWN_OK ? AGAIN : GIVE_UP;
}

static enum verdict fail_network(const struct state *s, CURLcode code)
{
    const char *url = s->transfer->url;
    const char *reason = s->reason[0] ? s->reason : curl_easy_strerror(code);
    bool is_url = code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL;
    mwn_fail(s->err, is_url ? MWN_ERR_IO : MWN_ERR_CONFIG, "%s: %s", url, reason);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        mwn_hint(s->err, "give the address of a folder: https://..., http://... or "
                         "file:///...");
        return GIVE_UP;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        mwn_hint(s->err, "is the package ca-certificates installed, and the clock right?");
        return GIVE_UP;
    case CURLE_FILE_COULDNT_READ_FILE:
        return GIVE_UP;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        mwn_hint(s->err,
                 "is there a network? A proxy is named by the variable https_proxy; "
                 "--from names another source");
        return s->fresh == 0 ? GIVE_UP : AGAIN;
    default:
        mwn_hint(s->err, "what has come is kept: the same command goes on from there");
        return AGAIN;
    }
}

static enum verdict judge(struct state *s, CURLcode code)
{
    long answer = answer_code(s);
    if (s->status != MWN_OK)
        return GIVE_UP;
    if (s->stopped) {
        s->status =
            mwn_fail(s->err, MWN_INTERRUPTED, "%s: stopped on request", s->transfer->url);
        mwn_hint(s->err, "what has come is kept: the same command goes on from there");
        return GIVE_UP;
    }
    if (code == CURLE_OK && answer == HTTP_BAD_RANGE)
        return judge_bad_range(s);
    if (code == CURLE_OK && answer >= HTTP_BAD)
        return fail_server(s, answer);
    if (code != CURLE_OK)
        return fail_network(s, code);
    if (!s->begun) { /* a file without content */
        s->status = begin_body(s, answer);
        return s->status == MWN_OK ? DONE : GIVE_UP;
    }
    if (s->total == 0 || s->size == s->total)
        return DONE;
    mwn_fail(s->err, MWN_ERR_IO, "%s: ended after %zu of %zu bytes", s->transfer->url,
             s->size, s->total);
    return AGAIN;
}

/* Waits before the next attempt: 1, 2, 4 .. seconds. False if the tick wants to stop. */
static bool pause_before(struct state *s, int failures)
{
    const struct timespec slice = {0, 1000000000L / SLICES};
    int seconds = failures > 5 ? LONGEST_PAUSE : 1 << (failures - 1);
    for (int i = 0; i < SLICES * seconds && !s->stopped; i++) {
        s->stopped = s->transfer->tick(s->size, s->total, true, s->transfer->user) != 0;
        if (!s->stopped)
            (void)nanosleep(&slice, NULL);
    }
    return !s->stopped;
}

/* Attempt after attempt. An attempt that brings the part further than it ever was begins the count
 * of failures anew. */
static mwn_status run_attempts(struct state *s)
{
    size_t furthest = s->size;
    int failures = 0;
    for (;;) {
        enum verdict verdict = judge(s, perform(s));
        if (verdict == DONE)
            return MWN_OK;
        failures = s->size > furthest ? 1 : failures + 1;
        furthest = s->size > furthest ? s->size : furthest;
        if (verdict == GIVE_UP || failures > s->transfer->retries)
            return s->status != MWN_OK ? s->status : s->err->status;
        if (!pause_before(s, failures))
            return mwn_fail(s->err, MWN_INTERRUPTED, "%s: stopped on request",
                            s->transfer->url);
    }
}

mwn_status mwn_transfer_run(const struct mwn_transfer *transfer, size_t *fresh,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_error own = {0};
    struct mwn_buf tag_path = {0};
    struct state s = {.transfer = transfer, .err = err ? err : &own};

    *fresh = 0;
    mwn_buf_printf(&tag_path, "%s.tag", transfer->part);
    s.tag_path = mwn_buf_take(&tag_path);
    s.chunk = mwn_alloc(CHUNK, 1);
    s.curl = curl_easy_init();
    if (!s.tag_path || !s.chunk || !s.curl || !set_options(&s)) {
        status = mwn_fail_memory(err, CHUNK, "a transfer");
        goto out;
    }
    s.size = mwn_path_size(transfer->part);
    s.total = transfer->size;
    MWN_TRY(read_tag(&s));
    if (transfer->size > 0 && s.size == transfer->size)
        goto out; /* all there: the checksum will tell */
    status = run_attempts(&s);
    *fresh = s.fresh;
out:
    if (s.curl)
        curl_easy_cleanup(s.curl);
    mwn_free(s.chunk);
    mwn_free(s.tag_path);
    return status;
}

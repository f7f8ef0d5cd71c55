/* hash.c - the 128-bit content hash: two lanes that absorb 8 bytes at a time by odd
 * multiplications and rotations, so that each step can be undone and loses nothing, and a
 * final mix of both lanes with the length. It is not meant to withstand an adversary. */
#include "base/hash.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as they are");

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t finish(uint64_t x)
{
    x = (x ^ (x >> 32)) * UINT64_C(0xD6E8FEB86659FD93);
    x = (x ^ (x >> 29)) * UINT64_C(0xA24BAED4963EE407);
    return x ^ (x >> 32);
}

/* The next `size` (1 to 8) bytes as a number. */
static uint64_t word_at(const unsigned char *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

static void absorb(struct mwn_hash *h, uint64_t word)
{
    h->low = rotate(h->low ^ (word * UINT64_C(0x9FB21C651E98DF25)), 29) *
             UINT64_C(0xE7037ED1A0B428DB);
    h->high = (rotate(h->high, 31) + (word ^ UINT64_C(0x8EBC6AF09C88C6E3))) *
              UINT64_C(0x589965CC75374CC3);
}

struct mwn_hash mwn_hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    struct mwn_hash h = {UINT64_C(0x243F6A8885A308D3), UINT64_C(0x13198A2E03707344)};
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8)
        absorb(&h, word_at(at, 8));
    if (left > 0)
        absorb(&h, word_at(at, left));
    uint64_t low = finish(h.low ^ (uint64_t)size);
    uint64_t high = finish(h.high + rotate(low, 23));
    return (struct mwn_hash){finish(low + high), high};
}

int mwn_hash_compare(struct mwn_hash a, struct mwn_hash b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    if (a.low != b.low)
        return a.low < b.low ? -1 : 1;
    return 0;
}

/* rng.c - counter-based random numbers: a key mixed from what the numbers are for, and a
 * strong mix of key and counter for each draw. */
#include "base/rng.h"

#include <math.h>

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)
#define TWO_PI 6.28318530717958647692528676655900577

/* A bijection of 64 bits in which every input bit changes every output bit with chance one
 * half (the finaliser of splitmix64 in Stafford's variant 13). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* Another one (the finaliser of MurmurHash3), so that folding the parts of a key and
 * drawing from it do not undo each other. */
static uint64_t mix_key(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
    x = (x ^ (x >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return x ^ (x >> 33);
}

struct mwn_rng mwn_rng_at(uint64_t seed, enum mwn_stream stream, uint64_t epoch,
                          uint64_t index)
{
    uint64_t key = mix_key(seed + GOLDEN);
    key = mix_key(key ^ ((uint64_t)stream * UINT64_C(0xD1B54A32D192ED03)));
    key = mix_key(key + epoch * UINT64_C(0xABC98388FB8FAC03));
    key = mix_key(key ^ (index * UINT64_C(0x8CB92BA72F3D8DD7)));
    return (struct mwn_rng){mix(key), 0};
}

uint64_t mwn_rng_u64(struct mwn_rng *rng)
{
    rng->counter++;
    return mix(mix_key(rng->key + rng->counter * GOLDEN) ^ rng->key);
}

double mwn_rng_unit(struct mwn_rng *rng)
{
    return (double)(mwn_rng_u64(rng) >> 11) * 0x1p-53;
}

/* Box and Muller's transform. The second number of the pair is not kept: a draw then
 * depends on the counter alone. */
double mwn_rng_normal(struct mwn_rng *rng)
{
    double radius = sqrt(-2.0 * log(1.0 - mwn_rng_unit(rng)));
    return radius * cos(TWO_PI * mwn_rng_unit(rng));
}

/* Lemire's method: the high half of a 128-bit product, and a new draw in the few cases
 * that would make some results more frequent. */
uint64_t mwn_rng_below(struct mwn_rng *rng, uint64_t n)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)mwn_rng_u64(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t surplus = (0 - n) % n;
        while ((uint64_t)product < surplus)
            product = (wide)mwn_rng_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

void mwn_rng_permutation(struct mwn_rng *rng, uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)mwn_rng_below(rng, i);
        uint32_t swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}

/* quantiles_parts: what the selection from values in memory (base/quantiles.c) and the one from
 * values that are made again (base/quantiles_again.c) have in common. */
#ifndef DS_BASE_QUANTILES_PARTS_H
#define DS_BASE_QUANTILES_PARTS_H
#include <string.h>

#include "base/quantiles.h"

/* As kernels/room.h has it: the choice changes no bit. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(DS_SANITIZE)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

enum {
  RANKS_MAX = 2 * QUANTILES_MAX,
  QUANTILE_MANY = 16 /* a bucket with this part of what is looked at is asked whether it holds one
                        value */
};

/* The key of a value: its bits without the last `shift`, from `low` on; what lies outside is in the
 * first and in the last of `keys` buckets. Tables stand one behind the other. */
typedef struct Digit {
  int shift;
  int64_t low;
  int keys, tables;
} Digit;

/* Of any magnitudes: 32 buckets a factor of 2, 2 to 3 % wide each, from 2^-96 to 2^32. */
extern const Digit quantile_first_digit;
/* Of n values between these; of few values fewer keys, in one table: to clear and to add up all
 * would take longer than to count. */
Digit quantile_digit_between(int64_t least, int64_t most, size_t n);

static inline int64_t magnitude_bits(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & INT64_MAX; /* -0 counts as 0 */
}

static inline double double_of(int64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline int64_t key_of_bits(int64_t bits, Digit digit) {
  const int64_t key = (bits >> digit.shift) - digit.low;
  return key < 0 ? 0 : key < digit.keys ? key : digit.keys - 1;
}

/* The tables of a digit; they are added into the first. */
void quantile_clear_tables(uint32_t *counts, Digit digit);
void quantile_count_keys(uint32_t *counts, const double *x, size_t n, Digit digit);
void quantile_add_tables(uint32_t *counts, Digit digit);

/* A bucket that holds wanted ranks: `ranks` of them from rank[first] on. */
typedef struct Bucket {
  int64_t key;
  size_t below, count; /* values in lower ones, and in it */
  int first, ranks;
} Bucket;
/* Of rising ranks; returns how many buckets. */
int quantile_wanted_buckets(const uint32_t *counts, const size_t *rank, int ranks, Bucket *bucket);
/* Moves the values of these buckets to the front, in their order; how many they are. */
size_t quantile_keep_keys(double *x, size_t n, Digit digit, const Bucket *bucket, int buckets);

size_t quantile_count_equal(const double *x, size_t n, double value);

/* out[i] is the value of rank[i], which rise, of values that nothing is known of; reorders x,
 * overwrites the tables. */
void quantile_select_ranks(uint32_t *counts, double *x, size_t n, const size_t *rank, int ranks,
                           double *out);

/* The ranks between which quantiles lie, each once, rising, into rank [RANKS_MAX]; how many. And
 * the quantiles from their values. */
int quantile_ranks_of(size_t n, const double *f, int count, size_t *rank);
void quantile_write(size_t n, const double *f, int count, const size_t *rank, const double *value,
                    double *out);
#endif

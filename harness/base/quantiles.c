/* quantiles: a quantile is GSL's interpolation between two neighbours in sorted order, which are
 * found digit by digit. Doubles >= 0 are ordered as their bits are; a histogram of a digit of these
 * tells in which buckets the wanted ranks lie, what lies in others is dropped, and each bucket is
 * looked into in its turn, by a digit between its own least and largest, until its values are equal
 * or a few. */
#include "base/quantiles_parts.h"

#include <assert.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

enum {
  FEW = 24,        /* are sorted by insertion */
  CHUNK = 512,     /* keys at a time */
  KEYS_LEAST = 64, /* of a digit: fewer are no faster to count */
  A_KEY = 8,       /* values for each key of a digit, where it need not have all */
  TOGETHER = 8     /* marks that are looked at at once; divides CHUNK */
};

const Digit quantile_first_digit = {47, (1023 - 96) * 32, QUANTILE_KEYS, QUANTILE_TABLES};

static int64_t key_of(double x, Digit digit) { return key_of_bits(magnitude_bits(x), digit); }

/* The same of many. Of the upper half of a double alone, where that says it: twice as many fit into
 * a vector. */
CLONES static void keys_of(const double *x, size_t n, Digit digit, uint16_t *key) {
  if (digit.shift < 32) {
    for (size_t i = 0; i < n; i++) key[i] = (uint16_t)key_of(x[i], digit);
    return;
  }
  const int shift = digit.shift - 32;
  const int32_t low = (int32_t)digit.low;
  for (size_t i = 0; i < n; i++) {
    const int32_t upper = (int32_t)(magnitude_bits(x[i]) >> 32), k = (upper >> shift) - low,
                  above = k < 0 ? 0 : k;
    key[i] = (uint16_t)(above < digit.keys ? above : digit.keys - 1);
  }
}

void quantile_count_keys(uint32_t *counts, const double *x, size_t n, Digit digit) {
  const size_t keys = (size_t)digit.keys;
  uint16_t key[CHUNK];
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t here = n - first < CHUNK ? n - first : CHUNK;
    keys_of(x + first, here, digit, key);
    size_t i = 0;
    for (; digit.tables == QUANTILE_TABLES && i + QUANTILE_TABLES <= here; i += QUANTILE_TABLES)
      for (size_t t = 0; t < QUANTILE_TABLES; t++) counts[t * keys + key[i + t]]++;
    for (; i < here; i++) counts[key[i]]++;
  }
}

void quantile_clear_tables(uint32_t *counts, Digit digit) {
  memset(counts, 0, (size_t)digit.keys * (size_t)digit.tables * sizeof *counts);
}

CLONES void quantile_add_tables(uint32_t *counts, Digit digit) {
  const size_t keys = (size_t)digit.keys, all = keys * (size_t)digit.tables;
  for (size_t first = keys; first < all; first += keys)
    for (size_t k = 0; k < keys; k++) counts[k] += counts[first + k];
}

/* mark[i]: whether key[i] is one of four. */
CLONES static void mark_keys(const uint16_t *key, size_t n, const uint16_t wanted[4], bool again,
                             uint8_t *mark) {
  const uint16_t a = wanted[0], b = wanted[1], c = wanted[2], d = wanted[3];
  if (again)
    for (size_t i = 0; i < n; i++)
      mark[i] |= (key[i] == a) | (key[i] == b) | (key[i] == c) | (key[i] == d);
  else
    for (size_t i = 0; i < n; i++)
      mark[i] = (key[i] == a) | (key[i] == b) | (key[i] == c) | (key[i] == d);
}

/* Moves what is marked, of x[0 … n - 1], to `to`, which is no further on; returns how many. Few
 * are: where none of some together is, all are passed by. */
static size_t move_marked(const double *x, size_t n, uint8_t mark[CHUNK], double *to) {
  size_t moved = 0, met = 0, at[CHUNK / TOGETHER];
  memset(mark + n, 0, (TOGETHER - n % TOGETHER) % TOGETHER);
  for (size_t i = 0; i < n; i += TOGETHER) {
    uint64_t marks;
    memcpy(&marks, mark + i, sizeof marks);
    at[met] = i;
    met += marks != 0;
  }
  for (size_t k = 0; k < met; k++)
    for (size_t j = at[k]; j < at[k] + TOGETHER && j < n; j++) {
      to[moved] = x[j];
      moved += mark[j];
    }
  return moved;
}

size_t quantile_keep_keys(double *x, size_t n, Digit digit, const Bucket *bucket, int buckets) {
  uint16_t key[CHUNK], wanted[RANKS_MAX];
  uint8_t mark[CHUNK];
  size_t kept = 0;
  for (int i = 0; i < RANKS_MAX; i++)
    wanted[i] = (uint16_t)bucket[i < buckets ? i : buckets - 1].key;
  for (size_t first = 0; first < n; first += CHUNK) {
    const size_t here = n - first < CHUNK ? n - first : CHUNK;
    keys_of(x + first, here, digit, key);
    for (int i = 0; i < buckets; i += 4) mark_keys(key, here, wanted + i, i > 0, mark);
    kept += move_marked(x + first, here, mark, x + kept);
  }
  return kept;
}

/* Moves the values of buckets up to `key`, which is not the last, in front of the others. */
static void part_at(double *x, size_t n, Digit digit, int64_t key) {
  size_t in = 0;
  for (size_t i = 0; i < n; i++) {
    const double value = x[i], other = x[in];
    const bool is_in = (magnitude_bits(value) >> digit.shift) - digit.low <= key;
    x[in] = is_in ? value : other;
    x[i] = is_in ? other : value;
    in += is_in;
  }
}

CLONES static void bits_between(const double *x, size_t n, int64_t *least, int64_t *most) {
  int64_t low = INT64_MAX, high = 0;
  for (size_t i = 0; i < n; i++) {
    const int64_t bits = magnitude_bits(x[i]);
    low = bits < low ? bits : low;
    high = bits > high ? bits : high;
  }
  *least = low;
  *most = high;
}

static void sort_few(double *x, size_t n) {
  for (size_t i = 1; i < n; i++) {
    const double value = x[i];
    size_t at = i;
    for (; at > 0 && x[at - 1] > value; at--) x[at] = x[at - 1];
    x[at] = value;
  }
}

int quantile_wanted_buckets(const uint32_t *counts, const size_t *rank, int ranks, Bucket *bucket) {
  int wanted = 0, next = 0;
  size_t below = 0;
  for (int64_t key = 0; next < ranks; key++) {
    const size_t here = counts[key];
    const int first = next;
    while (next < ranks && rank[next] < below + here) next++;
    if (next > first) bucket[wanted++] = (Bucket){key, below, here, first, next - first};
    below += here;
  }
  return wanted;
}

CLONES size_t quantile_count_equal(const double *x, size_t n, double value) {
  size_t equal = 0;
  for (size_t i = 0; i < n; i++) equal += x[i] == value;
  return equal;
}

/* Values on a grid have few differences: a bucket that many are in may hold one value alone. Then
 * that is the value of all its ranks, and it need not be kept. */
static bool is_one_value(const double *x, size_t n, Digit digit, const Bucket *bucket,
                         double *out) {
  if (bucket->count < n / QUANTILE_MANY) return false;
  size_t i = 0;
  while (key_of(x[i], digit) != bucket->key) i++;
  if (quantile_count_equal(x, n, x[i]) != bucket->count) return false;
  for (int k = 0; k < bucket->ranks; k++) out[bucket->first + k] = x[i];
  return true;
}

/* Leaves the buckets that have to be looked into. */
static int drop_known(const double *x, size_t n, Digit digit, Bucket *bucket, int buckets,
                      double *out) {
  int left = 0;
  for (int i = 0; i < buckets; i++)
    if (!is_one_value(x, n, digit, &bucket[i], out)) bucket[left++] = bucket[i];
  return left;
}

/* From the counts of a digit of x. */
static void select_counted(uint32_t *counts, double *x, size_t n, Digit digit, const size_t *rank,
                           int ranks, double *out) {
  Bucket bucket[RANKS_MAX];
  int buckets = quantile_wanted_buckets(counts, rank, ranks, bucket);
  buckets = drop_known(x, n, digit, bucket, buckets, out);
  if (!buckets) return;
  size_t left = quantile_keep_keys(x, n, digit, bucket, buckets);
  for (int i = 0; i < buckets; i++) {
    const Bucket *of = &bucket[i];
    size_t within[RANKS_MAX] = {0};
    for (int k = 0; k < of->ranks; k++) within[k] = rank[of->first + k] - of->below;
    if (i + 1 < buckets) part_at(x, left, digit, of->key);
    quantile_select_ranks(counts, x, of->count, within, of->ranks, out + of->first);
    x += of->count;
    left -= of->count;
  }
}

Digit quantile_digit_between(int64_t least, int64_t most, size_t n) {
  Digit digit = {.low = least, .keys = KEYS_LEAST, .tables = 1};
  while (digit.keys < QUANTILE_KEYS && (size_t)digit.keys * A_KEY < n) digit.keys *= 2;
  if (digit.keys == QUANTILE_KEYS) digit.tables = QUANTILE_TABLES;
  while ((most >> digit.shift) - digit.low >= digit.keys) digit.low = least >> ++digit.shift;
  return digit;
}

void quantile_select_ranks(uint32_t *counts, double *x, size_t n, const size_t *rank, int ranks,
                           double *out) {
  if (n <= FEW) {
    sort_few(x, n);
    for (int i = 0; i < ranks; i++) out[i] = x[rank[i]];
    return;
  }
  int64_t least, most;
  bits_between(x, n, &least, &most);
  if (least == most) {
    for (int i = 0; i < ranks; i++) out[i] = x[0];
    return;
  }
  const Digit digit = quantile_digit_between(least, most, n);
  quantile_clear_tables(counts, digit);
  quantile_count_keys(counts, x, n, digit);
  quantile_add_tables(counts, digit);
  select_counted(counts, x, n, digit, rank, ranks, out);
}

size_t quantiles_scratch_bytes(void) { return QUANTILE_COUNTS * sizeof(uint32_t) + 64; }

double quantile_between(size_t n, double f, double at, double next) {
  const double pair[2] = {at, next}, place = f * (double)(n - 1);
  const size_t rank = quantile_rank(n, f);
  if (rank + 1 >= n) return at;
  return gsl_stats_quantile_from_sorted_data(pair, 1, 2, place - (double)rank);
}

/* Every rank once, rising. */
static int add_rank(size_t *rank, int ranks, size_t one) {
  int at = ranks;
  for (; at > 0 && rank[at - 1] >= one; at--)
    if (rank[at - 1] == one) return ranks;
  memmove(&rank[at + 1], &rank[at], (size_t)(ranks - at) * sizeof *rank);
  rank[at] = one;
  return ranks + 1;
}

static double found(const size_t *rank, const double *value, size_t one) {
  int i = 0;
  while (rank[i] != one) i++;
  return value[i];
}

int quantile_ranks_of(size_t n, const double *f, int count, size_t *rank) {
  int ranks = 0;
  assert(count <= QUANTILES_MAX);
  for (int i = 0; n > 0 && i < count; i++) {
    const size_t at = quantile_rank(n, f[i]);
    ranks = add_rank(rank, ranks, at);
    if (at + 1 < n) ranks = add_rank(rank, ranks, at + 1);
  }
  return ranks;
}

void quantile_write(size_t n, const double *f, int count, const size_t *rank, const double *value,
                    double *out) {
  for (int i = 0; i < count; i++) {
    out[i] = NAN;
    if (n == 0) continue;
    const size_t at = quantile_rank(n, f[i]), next = at + 1 < n ? at + 1 : at;
    out[i] = quantile_between(n, f[i], found(rank, value, at), found(rank, value, next));
  }
}

void quantiles_select(double *x, size_t n, const double *f, int count, double *out, Arena scratch) {
  uint32_t *counts = ARENA_NEW(&scratch, uint32_t, QUANTILE_COUNTS);
  size_t rank[RANKS_MAX];
  double value[RANKS_MAX];
  const int ranks = quantile_ranks_of(n, f, count, rank);
  quantile_count_keys(counts, x, n, quantile_first_digit);
  quantile_add_tables(counts, quantile_first_digit);
  select_counted(counts, x, n, quantile_first_digit, rank, ranks, value);
  quantile_write(n, f, count, rank, value, out);
}

/* What stands behind a selected place is no smaller than it: the next one is looked for there. */
void quantiles_of(double *x, size_t n, const double *f, int count, double *out) {
  size_t behind = 0;
  for (int i = 0; i < count; i++) {
    out[i] = NAN;
    if (n == 0) continue;
    const double place = f[i] * (double)(n - 1);
    const size_t k = (size_t)place;
    if (k >= behind) gsl_stats_select(x + behind, 1, n - behind, k - behind);
    behind = k + 1;
    out[i] = x[k];
    if (place == (double)k || behind == n) continue;
    const double pair[2] = {x[k], gsl_stats_min(x + behind, 1, n - behind)};
    out[i] = gsl_stats_quantile_from_sorted_data(pair, 1, 2, place - (double)k);
  }
}

double quantile_of(double *x, size_t n, double f) {
  double out;
  return quantiles_of(x, n, &f, 1, &out), out;
}

Middle middle_of(double *x, size_t n, double *work) {
  double mad = gsl_stats_mad(x, 1, n, work);
  return (Middle){gsl_stats_median(x, 1, n), mad};
}

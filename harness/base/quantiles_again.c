/* quantiles_again: the selection from values that are made again when they are asked for. Those in
 * the buckets of the first digit that hold wanted ranks are kept, as far as there is room, and
 * selected from in memory. Values on a grid are equal in large numbers: where all of a bucket seem
 * to be, they are counted and not kept. What there is no room for is cut by a next digit. */
#include "base/quantiles_parts.h"

/* All values whose bits are from … to, which hold wanted ranks. */
typedef struct Span {
  Bucket in; /* among all; its key is the first digit's */
  int64_t from, to;
  bool alike; /* all of them seem to be `one` */
  double one;
  double *kept;        /* [in.count + 1]; NULL: not kept */
  size_t met;          /* so many are kept, or are `one` */
  int64_t least, most; /* bits of those that are neither asked about nor kept */
} Span;

typedef struct Search {
  Remade values;
  uint32_t *counts;
  const size_t *rank;
  double *found; /* [ranks] */
  double *room;
  size_t most;
  Span span[RANKS_MAX];
  int spans;
} Search;

static size_t block_of(const Search *s, size_t i, double x[QUANTILES_BLOCK]) {
  return s->values.block(s->values.of, i, x);
}

/* What is not kept is overwritten by the next: `to` has room for one more. */
static size_t keep_between(const double *x, size_t n, const Span *span, double *to) {
  const int64_t first = span->from, last = span->to;
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    const int64_t bits = magnitude_bits(x[i]);
    to[kept] = x[i];
    kept += (bits >= first) & (bits <= last);
  }
  return kept;
}

CLONES static void widen_ends(Span *span, const double *x, size_t n) {
  const int64_t first = span->from, last = span->to;
  int64_t least = span->least, most = span->most;
  for (size_t i = 0; i < n; i++) {
    const int64_t bits = magnitude_bits(x[i]), low = bits < first ? INT64_MAX : bits,
                  high = bits > last ? 0 : bits;
    least = low < least ? low : least;
    most = high > most ? high : most;
  }
  span->least = least;
  span->most = most;
}

/* --- spans ------------------------------------------------------------------------------------ */

static void ranks_within(const Search *s, const Bucket *in, size_t within[RANKS_MAX]) {
  for (int k = 0; k < in->ranks; k++) within[k] = s->rank[in->first + k] - in->below;
}

/* By those in a block from the middle. */
static void ask_alike(const Search *s, Span *span, int spans) {
  double x[QUANTILES_BLOCK], own[QUANTILES_BLOCK];
  const size_t n = block_of(s, s->values.blocks / 2, x);
  for (int i = 0; i < spans; i++) {
    const size_t met = keep_between(x, n, &span[i], own);
    span[i].alike = met > n / QUANTILE_MANY && quantile_count_equal(own, met, own[0]) == met;
    if (span[i].alike) span[i].one = own[0];
  }
}

/* Those of a digit's buckets, within a span whose values were counted. */
static void add_spans(Search *s, Span whole, Digit digit) {
  Bucket bucket[RANKS_MAX];
  size_t within[RANKS_MAX];
  quantile_add_tables(s->counts, digit);
  ranks_within(s, &whole.in, within);
  const int buckets = quantile_wanted_buckets(s->counts, within, whole.in.ranks, bucket);
  Span *part = &s->span[s->spans];
  for (int i = 0; i < buckets; i++) {
    const Bucket *of = &bucket[i];
    const int64_t from = (digit.low + of->key) << digit.shift,
                  to = from + ((INT64_C(1) << digit.shift) - 1);
    part[i] = (Span){.from = whole.from, .to = whole.to};
    if (of->key > 0) part[i].from = from;
    if (of->key < digit.keys - 1 && to < whole.to) part[i].to = to;
    part[i].in =
        (Bucket){key_of_bits(part[i].from, quantile_first_digit), whole.in.below + of->below,
                 of->count, whole.in.first + of->first, of->ranks};
  }
  s->spans += buckets;
  ask_alike(s, part, buckets);
}

/* --- all values once more --------------------------------------------------------------------- */

static void give_room(Search *s) {
  size_t used = 0;
  for (int i = 0; i < s->spans; i++) {
    Span *span = &s->span[i];
    const size_t wanted = span->in.count + 1;
    span->met = 0;
    span->least = INT64_MAX;
    span->most = 0;
    span->kept = !span->alike && wanted <= s->most - used ? s->room + used : NULL;
    if (span->kept) used += wanted;
  }
}

/* Moves what is kept to the front before it is told apart: few are. */
static void look_at(Search *s, double *x, size_t n) {
  Bucket kept[RANKS_MAX];
  int count = 0;
  for (int i = 0; i < s->spans; i++) {
    Span *span = &s->span[i];
    if (span->kept)
      kept[count++] = span->in;
    else if (span->alike)
      span->met += quantile_count_equal(x, n, span->one);
    else
      widen_ends(span, x, n);
  }
  if (count) n = quantile_keep_keys(x, n, quantile_first_digit, kept, count);
  for (int i = 0; i < s->spans; i++) {
    Span *span = &s->span[i];
    if (span->kept) span->met += keep_between(x, n, span, span->kept + span->met);
  }
}

static void look_at_all(Search *s) {
  double x[QUANTILES_BLOCK];
  give_room(s);
  for (size_t i = 0; i < s->values.blocks; i++) look_at(s, x, block_of(s, i, x));
}

static void cut(Search *s, Span whole) {
  double x[QUANTILES_BLOCK];
  const Digit digit = quantile_digit_between(whole.from, whole.to, whole.in.count);
  quantile_clear_tables(s->counts, digit);
  for (size_t i = 0; i < s->values.blocks; i++) {
    const size_t n = block_of(s, i, x);
    quantile_count_keys(s->counts, x, keep_between(x, n, &whole, x), digit);
  }
  add_spans(s, whole, digit);
}

static void are_one(Search *s, const Bucket *in, double one) {
  for (int k = 0; k < in->ranks; k++) s->found[in->first + k] = one;
}

static void select_kept(Search *s, const Span *span) {
  size_t within[RANKS_MAX];
  ranks_within(s, &span->in, within);
  quantile_select_ranks(s->counts, span->kept, span->in.count, within, span->in.ranks,
                        s->found + span->in.first);
}

/* Of a span that is not kept: what has to be looked at again stays. */
static void settle(Search *s, Span span) {
  if (span.alike && span.met == span.in.count) {
    are_one(s, &span.in, span.one);
  } else if (span.alike || span.in.count < s->most) {
    span.alike = false;
    s->span[s->spans++] = span;
  } else if (span.least == span.most) {
    are_one(s, &span.in, double_of(span.most));
  } else {
    span.from = span.least;
    span.to = span.most;
    cut(s, span);
  }
}

static void settle_all(Search *s) {
  Span span[RANKS_MAX];
  const int spans = s->spans;
  memcpy(span, s->span, sizeof span);
  s->spans = 0;
  for (int i = 0; i < spans; i++)
    if (span[i].kept)
      select_kept(s, &span[i]);
    else
      settle(s, span[i]);
}

/* ---------------------------------------------------------------------------------------------- */

void quantiles_count(uint32_t *counts, const double *x, size_t n) {
  quantile_count_keys(counts, x, n, quantile_first_digit);
}

void quantiles_again(uint32_t *counts, Remade values, const double *f, int count, double *out,
                     double *room, size_t most) {
  size_t rank[RANKS_MAX];
  double found[RANKS_MAX];
  Search s = {
      .values = values, .counts = counts, .rank = rank, .found = found, .room = room, .most = most};
  const int ranks = quantile_ranks_of(values.n, f, count, rank);
  if (ranks)
    add_spans(&s, (Span){.in = {.count = values.n, .ranks = ranks}, .to = INT64_MAX},
              quantile_first_digit);
  while (s.spans) {
    look_at_all(&s);
    settle_all(&s);
  }
  quantile_write(values.n, f, count, rank, found, out);
}

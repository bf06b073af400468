#include "measure/three_way.h"

#include <math.h>
#include <string.h>

#include "measure/interval.h"
#include "measure/places.h"

/* The places of one tensor at one layer in one pair. */
typedef struct Group {
  const Place *place;
  size_t count;
} Group;

static bool is_pair(const PairStats *row, const char *base, const char *other) {
  return !strcmp(row->base, base) && !strcmp(row->other, other);
}

/* What is pooled of the errors of one side. */
typedef struct Pooled {
  Squares squares;
  double n, sum; /* finite elements, and the sum of their errors */
} Pooled;

static void pool(Pooled *p, const PairStats *row) {
  const Squares own = squares_of(row);
  const double finite = (double)(row->n - row->nonfinite);
  p->squares.error += own.error;
  p->squares.base += own.base;
  p->n += finite;
  if (finite > 0) p->sum += row->mean_diff * finite;
}

static double mean_of(const Pooled *p) { return p->sum / p->n; }

static double variance_of(const Pooled *p) {
  return fmax(0, p->squares.error / p->n - mean_of(p) * mean_of(p));
}

/* Of two normal distributions. */
static double overlap_of(const Pooled *a, const Pooled *b) {
  const double va = variance_of(a), vb = variance_of(b), sum = va + vb,
               apart = mean_of(a) - mean_of(b);
  if (!(sum > 0)) return apart == 0 ? 1 : NAN;
  return sqrt(2 * sqrt(va * vb) / sum) * exp(-apart * apart / (4 * sum));
}

static const PairStats *row_of(const PairStats *rows, const Group *group, int prompt) {
  for (size_t i = 0; i < group->count; i++)
    if (group->place[i].prompt == prompt) return &rows[group->place[i].row];
  return NULL;
}

static ThreeWay compare(const PairStats *rows, const Group *a, const Group *b, Arena scratch) {
  ThreeWay way = {.layer = a->place->layer, .worst_l2 = NAN, .worst_max_abs = NAN};
  double *ratio = ARENA_NEW(&scratch, double, a->count);
  Pooled base = {.n = 0}, other = {.n = 0};
  bool whole = true;
  for (size_t i = 0; i < a->count; i++) {
    const PairStats *x = &rows[a->place[i].row], *y = row_of(rows, b, a->place[i].prompt);
    if (!y) continue;
    pool(&base, x);
    pool(&other, y);
    const double l2 = y->rel_l2 / x->rel_l2;
    whole = whole && isfinite(l2) && l2 > 0;
    way.worst_l2 = fmax(way.worst_l2, l2); /* fmax passes over NaN */
    way.worst_max_abs = fmax(way.worst_max_abs, y->max_abs / x->max_abs);
    ratio[way.prompts++] = l2;
  }
  way.error_base = squares_ratio(base.squares);
  way.error_other = squares_ratio(other.squares);
  way.sigma_ratio = sqrt(variance_of(&other) / variance_of(&base));
  way.overlap = overlap_of(&base, &other);
  way.ratio = way.ratio_low = way.ratio_high = NAN;
  if (whole && way.prompts) {
    const Sampled s = interval_of_logs(ratio, (size_t)way.prompts);
    way.ratio = s.value, way.ratio_low = s.low, way.ratio_high = s.high;
  }
  return way;
}

ThreeWay *three_way_of(Arena *arena, const Tensors *tensors, const char *base, const char *other,
                       const char *against, const PairStats *rows, size_t count, size_t *made) {
  ThreeWay *way = ARENA_NEW(arena, ThreeWay, count);
  Arena scratch = *arena;
  const Place *place = places_of(&scratch, tensors, rows, count);
  Group *first = ARENA_NEW(&scratch, Group, count), *second = ARENA_NEW(&scratch, Group, count);
  size_t firsts = 0, seconds = 0;
  for (size_t from = 0, to; from < count; from = to) {
    const PairStats *row = &rows[place[from].row];
    to = places_alike(place, count, from, true);
    if (is_pair(row, against, base)) first[firsts++] = (Group){&place[from], to - from};
    if (is_pair(row, against, other)) second[seconds++] = (Group){&place[from], to - from};
  }
  *made = 0;
  for (size_t i = 0, at = 0; i < firsts; i++) { /* both stand by tensor and layer */
    const Place *p = first[i].place;
    while (at < seconds &&
           (second[at].place->tensor < p->tensor ||
            (second[at].place->tensor == p->tensor && second[at].place->layer < p->layer)))
      at++;
    if (at == seconds || second[at].place->tensor != p->tensor ||
        second[at].place->layer != p->layer)
      continue;
    ThreeWay *row = &way[(*made)++];
    *row = compare(rows, &first[i], &second[at], scratch);
    table_text(row->base, sizeof row->base, base);
    table_text(row->other, sizeof row->other, other);
    table_text(row->against, sizeof row->against, against);
    table_text(row->tensor, sizeof row->tensor, rows[p->row].tensor);
  }
  return way;
}

/* drift: pair rows are put in order by pair, tensor and layer; the rows of one place, one a prompt, are pooled as if
 * all prompts were one tensor. */
#include "measure/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/trace.h"

typedef struct Place {
  int pair, tensor, layer;
  size_t row;
} Place;

static int compare_places(const void *left, const void *right) {
  const Place *a = left, *b = right;
  if (a->pair != b->pair) return a->pair < b->pair ? -1 : 1;
  if (a->tensor != b->tensor) return a->tensor < b->tensor ? -1 : 1;
  if (a->layer != b->layer) return a->layer < b->layer ? -1 : 1;
  return (a->row > b->row) - (a->row < b->row);
}

static bool same_place(const Place *a, const Place *b) {
  return a->pair == b->pair && a->tensor == b->tensor && a->layer == b->layer;
}

/* The number of a row's pair, counted as they are first met; first_row holds a row of each. */
static int pair_number(const PairStats *rows, size_t row, size_t *first_row, int *pairs) {
  for (int i = 0; i < *pairs; i++) {
    const PairStats *first = &rows[first_row[i]];
    if (!strcmp(first->base, rows[row].base) && !strcmp(first->other, rows[row].other)) return i;
  }
  first_row[*pairs] = row;
  return (*pairs)++;
}

/* |d|^2 comes from rmse, which is also there where a base is all zero and rel_l2 is not. A prompt without any finite
 * element has neither and adds nothing. */
static Drift pool(const PairStats *rows, const Place *place, size_t count) {
  const PairStats *head = &rows[place[0].row];
  Drift drift = {.layer = head->layer, .prompts = (int32_t)count, .identical = 1};
  drift.rel_l2_min = drift.rel_l2_max = drift.growth = drift.max_abs = drift.cosine_min = NAN;
  snprintf(drift.base, sizeof drift.base, "%s", head->base);
  snprintf(drift.other, sizeof drift.other, "%s", head->other);
  snprintf(drift.tensor, sizeof drift.tensor, "%s", head->tensor);

  double d_squared = 0, base_squared = 0, steps = 0, finite = 0, differing = 0, n = 0;
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[place[i].row];
    double row_finite = (double)(row->n - row->nonfinite);
    drift.identical &= row->identical;
    drift.rel_l2_min = fmin(drift.rel_l2_min, row->rel_l2); /* fmin and fmax pass over NaN */
    drift.rel_l2_max = fmax(drift.rel_l2_max, row->rel_l2);
    drift.max_abs = fmax(drift.max_abs, row->max_abs);
    drift.cosine_min = fmin(drift.cosine_min, row->cosine);
    n += (double)row->n;
    if (row->n > 0) differing += row->differing * (double)row->n;
    if (row_finite == 0) continue;
    finite += row_finite;
    d_squared += row->rmse * row->rmse * row_finite;
    base_squared += row->base_l2 * row->base_l2;
    steps += row->ulp_mean * row_finite;
  }
  drift.rel_l2 = base_squared > 0 ? sqrt(d_squared / base_squared) : NAN;
  drift.sqnr_db = -20 * log10(drift.rel_l2);
  drift.ulp_mean = steps / finite;
  drift.differing = differing / n;
  return drift;
}

Drift *drift_of(Arena *arena, const PairStats *rows, size_t count, size_t *drift_count) {
  Drift *drift = ARENA_NEW(arena, Drift, count);
  Arena scratch = *arena;
  Place *place = ARENA_NEW(&scratch, Place, count);
  size_t *first_row = ARENA_NEW(&scratch, size_t, count);
  int pairs = 0;
  for (size_t i = 0; i < count; i++)
    place[i] = (Place){pair_number(rows, i, first_row, &pairs), tensor_id(rows[i].tensor), rows[i].layer, i};
  if (count) qsort(place, count, sizeof *place, compare_places);

  size_t made = 0;
  for (size_t from = 0, to; from < count; from = to) {
    for (to = from + 1; to < count && same_place(&place[from], &place[to]);) to++;
    drift[made] = pool(rows, &place[from], to - from);
    bool follows = from > 0 && place[from - 1].pair == place[from].pair &&
                   place[from - 1].tensor == place[from].tensor && place[from - 1].layer == place[from].layer - 1;
    if (follows && drift[made - 1].rel_l2 > 0) drift[made].growth = drift[made].rel_l2 / drift[made - 1].rel_l2;
    made++;
  }
  *drift_count = made;
  return drift;
}

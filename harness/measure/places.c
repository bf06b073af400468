#include "measure/places.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_places(const void *left, const void *right) {
  const Place *a = left, *b = right;
  if (a->pair != b->pair) return a->pair < b->pair ? -1 : 1;
  if (a->tensor != b->tensor) return a->tensor < b->tensor ? -1 : 1;
  if (a->layer != b->layer) return a->layer < b->layer ? -1 : 1;
  if (a->prompt != b->prompt) return a->prompt < b->prompt ? -1 : 1;
  return (a->row > b->row) - (a->row < b->row);
}

/* What was met so far, by a row of each. */
typedef struct Met {
  size_t *row;
  int count, last; /* last: rows of one kind often come together */
} Met;

static bool same_pair(const PairStats *a, const PairStats *b) {
  return !strcmp(a->base, b->base) && !strcmp(a->other, b->other);
}

static bool same_prompt(const PairStats *a, const PairStats *b) {
  return !strcmp(a->prompt, b->prompt);
}

static int number_of(Met *met, bool (*same)(const PairStats *, const PairStats *),
                     const PairStats *rows, size_t row) {
  if (met->count && same(&rows[met->row[met->last]], &rows[row])) return met->last;
  for (met->last = 0; met->last < met->count; met->last++)
    if (same(&rows[met->row[met->last]], &rows[row])) return met->last;
  met->row[met->count++] = row;
  return met->last;
}

Place *places_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count) {
  Place *place = ARENA_NEW(arena, Place, count);
  Arena scratch = *arena;
  Met pairs = {.row = ARENA_NEW(&scratch, size_t, count)},
      prompts = {.row = ARENA_NEW(&scratch, size_t, count)};
  for (size_t i = 0; i < count; i++)
    place[i] = (Place){.pair = number_of(&pairs, same_pair, rows, i),
                       .prompt = number_of(&prompts, same_prompt, rows, i),
                       .tensor = tensors_find(tensors, rows[i].tensor),
                       .layer = rows[i].layer,
                       .row = i};
  if (count) qsort(place, count, sizeof *place, compare_places);
  return place;
}

size_t places_alike(const Place *place, size_t count, size_t from, bool layer) {
  const Place *a = &place[from];
  size_t to = from + 1;
  while (to < count && place[to].pair == a->pair && place[to].tensor == a->tensor &&
         (!layer || place[to].layer == a->layer))
    to++;
  return to;
}

Squares squares_of(const PairStats *row) {
  double finite = (double)(row->n - row->nonfinite);
  return finite > 0 ? (Squares){row->rmse * row->rmse * finite, row->base_l2 * row->base_l2}
                    : (Squares){0, 0};
}

double squares_ratio(Squares sum) { return sum.base > 0 ? sqrt(sum.error / sum.base) : NAN; }

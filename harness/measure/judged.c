#include "measure/judged.h"

#include <stdlib.h>
#include <string.h>

static JudgedRow of_tensor(const TensorStats *row) {
  JudgedRow j = {.layer = row->layer};
  table_text(j.prompt, sizeof j.prompt, row->prompt);
  table_text(j.base, sizeof j.base, row->mode);
  table_text(j.tensor, sizeof j.tensor, row->tensor);
  return j;
}

static JudgedRow of_pair(const PairStats *row) {
  JudgedRow j = {.layer = row->layer};
  table_text(j.prompt, sizeof j.prompt, row->prompt);
  table_text(j.base, sizeof j.base, row->base);
  table_text(j.other, sizeof j.other, row->other);
  table_text(j.tensor, sizeof j.tensor, row->tensor);
  return j;
}

void judged_add(JudgedRows *judged, const StatsJob *job) {
  judged->row[judged->rows++] =
      job->tensor_row ? of_tensor(job->tensor_row) : of_pair(job->pair_row);
}

static int compare(const void *a, const void *b) {
  const JudgedRow *x = a, *y = b;
  int differs = x->layer - y->layer;
  if (!differs) differs = strcmp(x->prompt, y->prompt);
  if (!differs) differs = strcmp(x->tensor, y->tensor);
  if (!differs) differs = strcmp(x->base, y->base);
  return differs ? differs : strcmp(x->other, y->other);
}

static bool is_among(const JudgedRow *sorted, size_t count, JudgedRow one) {
  return count && bsearch(&one, sorted, count, sizeof one, compare);
}

void judged_settle(const JudgedRow *judged, size_t count, TensorStats *tensor, size_t tensors,
                   PairStats *pair, size_t pairs, Arena scratch) {
  JudgedRow *sorted = arena_room(&scratch, count, sizeof *sorted);
  if (count) memcpy(sorted, judged, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare);
  for (size_t i = 0; i < tensors; i++)
    tensor[i].checked = tensor[i].checked && is_among(sorted, count, of_tensor(&tensor[i]));
  for (size_t i = 0; i < pairs; i++)
    pair[i].checked = pair[i].checked && is_among(sorted, count, of_pair(&pair[i]));
}

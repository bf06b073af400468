#include "measure/budget.h"

#include <math.h>
#include <string.h>

enum { LOCAL, INHERITED, INTERACTION, PARTS };

/* Sums over elements, and over prompts alike. */
typedef struct Sums {
  double base, in, total;           /* squares */
  double part[PARTS], along[PARTS]; /* squares; products with the total */
} Sums;

static double ratio(double a, double b) { return b > 0 ? a / b : NAN; }

static void fill(Budget *row, const Sums *s) {
  row->base_l2 = sqrt(s->base);
  row->in_l2 = sqrt(s->in);
  row->total_l2 = sqrt(s->total);
  row->local_l2 = sqrt(s->part[LOCAL]);
  row->inherited_l2 = sqrt(s->part[INHERITED]);
  row->interaction_l2 = sqrt(s->part[INTERACTION]);
  row->local_share = ratio(s->along[LOCAL], s->total);
  row->inherited_share = ratio(s->along[INHERITED], s->total);
  row->interaction_share = ratio(s->along[INTERACTION], s->total);
  row->gain = ratio(row->inherited_l2, row->in_l2);
}

static const double *values(const Tensor *t, Arena *arena) {
  double *v = arena_alloc(arena, (size_t)t->rows * (size_t)t->cols, sizeof(double));
  tensor_values(t, v);
  return v;
}

void budget_of(const BudgetTensors *t, Budget *row, Arena scratch) {
  size_t n = (size_t)t->base_out->rows * (size_t)t->base_out->cols;
  const double *base_in = values(t->base_in, &scratch), *other_in = values(t->other_in, &scratch);
  const double *base = values(t->base_out, &scratch), *other = values(t->other_out, &scratch);
  const double *other_at_base = values(t->other_at_base, &scratch);
  const double *base_at_other = values(t->base_at_other, &scratch);
  Sums s = {0};
  for (size_t i = 0; i < n; i++) {
    double given = other_in[i] - base_in[i], total = other[i] - base[i];
    double part[PARTS] = {
        [LOCAL] = other_at_base[i] - base[i],
        [INHERITED] = base_at_other[i] - base[i],
        [INTERACTION] = (other[i] - base_at_other[i]) - (other_at_base[i] - base[i]),
    };
    s.base += base[i] * base[i];
    s.in += given * given;
    s.total += total * total;
    for (int p = 0; p < PARTS; p++) {
      s.part[p] += part[p] * part[p];
      s.along[p] += part[p] * total;
    }
  }
  fill(row, &s);
}

static double square(double x) { return x * x; }

Budget budget_pool(const Budget *const *rows, size_t count) {
  Sums s = {0};
  for (size_t i = 0; i < count; i++) {
    const Budget *row = rows[i];
    double total = square(row->total_l2);
    s.base += square(row->base_l2);
    s.in += square(row->in_l2);
    s.total += total;
    s.part[LOCAL] += square(row->local_l2);
    s.part[INHERITED] += square(row->inherited_l2);
    s.part[INTERACTION] += square(row->interaction_l2);
    if (!(total > 0)) continue; /* without shares */
    s.along[LOCAL] += row->local_share * total;
    s.along[INHERITED] += row->inherited_share * total;
    s.along[INTERACTION] += row->interaction_share * total;
  }
  Budget pooled = *rows[0];
  pooled.prompt[0] = 0;
  fill(&pooled, &s);
  return pooled;
}

static bool same_pair(const Budget *a, const Budget *b) {
  return !strcmp(a->base, b->base) && !strcmp(a->other, b->other);
}

/* The same pair's row of the layer before, in the same prompt; NULL where there is none. */
static const Budget *row_before(const Budget *row, size_t i) {
  for (size_t j = i; j-- > 0 && !strcmp(row[j].prompt, row[i].prompt) && row[j].layer + 1 >= row[i].layer;)
    if (row[j].layer + 1 == row[i].layer && same_pair(&row[j], &row[i])) return &row[j];
  return NULL;
}

const Budget *budget_broken_chain(const Budget *row, size_t count, const Budget **before) {
  for (size_t i = 0; i < count; i++) {
    *before = row_before(row, i);
    if (!*before || row[i].in_l2 == (*before)->total_l2) continue;
    if (!isnan(row[i].in_l2) || !isnan((*before)->total_l2)) return &row[i];
  }
  return NULL;
}

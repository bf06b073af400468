#include "measure/budget.h"

#include <math.h>
#include <string.h>

#include "base/quantiles.h"
#include "measure/row_error.h"
#include "measure/sample.h"

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
  double *v = arena_alloc(arena, tensor_elements(t), sizeof(double));
  tensor_values(t, v);
  return v;
}

/* --- of the median token ---------------------------------------------------------------------- */

/* All [tokens][D]. */
typedef struct Values {
  size_t tokens, D;
  const double *base_in, *other_in, *base, *other, *other_at_base, *base_at_other;
} Values;

/* Of to - from and of from, a token each; in the arena. */
static PartSquares squares_of(Arena *arena, const Values *v, const double *from, const double *to) {
  PartSquares tokens = part_squares(arena, v->tokens);
  row_squares_add(from, to, v->tokens, v->D, tokens);
  return tokens;
}

static double *less(Arena *arena, const Values *v, const double *a, const double *b) {
  double *d = ARENA_NEW(arena, double, v->tokens * v->D);
  for (size_t i = 0; i < v->tokens * v->D; i++) d[i] = a[i] - b[i];
  return d;
}

/* Over the tokens that are given something. */
static double median_gain(const double *inherited2, const double *in2, size_t tokens,
                          double *room) {
  size_t given = 0;
  for (size_t t = 0; t < tokens; t++)
    if (in2[t] > 0 && isfinite(in2[t]) && isfinite(inherited2[t]))
      room[given++] = sqrt(inherited2[t] / in2[t]);
  return quantile_of(room, given, 0.5); /* of none: NaN */
}

static void fill_medians(Budget *row, const Values *v, Arena scratch) {
  const double *with_other = less(&scratch, v, v->other, v->base_at_other);
  const double *with_base = less(&scratch, v, v->other_at_base, v->base);
  PartSquares total = squares_of(&scratch, v, v->base, v->other);
  double *in2 = squares_of(&scratch, v, v->base_in, v->other_in).error2;
  double *inherited2 = squares_of(&scratch, v, v->base, v->base_at_other).error2;
  const struct {
    double *median, *squares;
  } size[] = {{&row->total_median, total.error2},
              {&row->in_median, in2},
              {&row->local_median, squares_of(&scratch, v, v->base, v->other_at_base).error2},
              {&row->inherited_median, inherited2},
              {&row->interaction_median, squares_of(&scratch, v, with_base, with_other).error2}};
  double *room = ARENA_NEW(&scratch, double, v->tokens);
  for (size_t i = 0; i < sizeof size / sizeof *size; i++)
    *size[i].median =
        part_errors_of((PartSquares){size[i].squares, total.base2}, v->tokens, room).median;
  row->gain_median = median_gain(inherited2, in2, v->tokens, room);
}

void budget_of(const BudgetTensors *t, Budget *row, Arena scratch) {
  const Values v = {.tokens = (size_t)t->base_out->rows,
                    .D = (size_t)t->base_out->cols,
                    .base_in = values(t->base_in, &scratch),
                    .other_in = values(t->other_in, &scratch),
                    .base = values(t->base_out, &scratch),
                    .other = values(t->other_out, &scratch),
                    .other_at_base = values(t->other_at_base, &scratch),
                    .base_at_other = values(t->base_at_other, &scratch)};
  Sums s = {0};
  for (size_t i = 0; i < v.tokens * v.D; i++) {
    double given = v.other_in[i] - v.base_in[i], total = v.other[i] - v.base[i];
    double part[PARTS] = {
        [LOCAL] = v.other_at_base[i] - v.base[i],
        [INHERITED] = v.base_at_other[i] - v.base[i],
        [INTERACTION] = (v.other[i] - v.base_at_other[i]) - (v.other_at_base[i] - v.base[i]),
    };
    s.base += v.base[i] * v.base[i];
    s.in += given * given;
    s.total += total * total;
    for (int p = 0; p < PARTS; p++) {
      s.part[p] += part[p] * part[p];
      s.along[p] += part[p] * total;
    }
  }
  fill(row, &s);
  fill_medians(row, &v, scratch);
}

static bool same_pair(const Budget *a, const Budget *b) {
  return !strcmp(a->base, b->base) && !strcmp(a->other, b->other);
}

/* The same pair's row of the layer before, in the same prompt; NULL where there is none. */
static const Budget *row_before(const Budget *row, size_t i) {
  for (size_t j = i;
       j-- > 0 && !strcmp(row[j].prompt, row[i].prompt) && row[j].layer + 1 >= row[i].layer;)
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

/* --- over prompts ----------------------------------------------------------------------------- */

static bool is_finite(const Budget *b) {
  return isfinite(b->base_l2) && isfinite(b->in_l2) && isfinite(b->total_l2) &&
         isfinite(b->local_l2) && isfinite(b->inherited_l2) && isfinite(b->interaction_l2);
}

/* The rows of one pair and layer, a prompt each. */
typedef struct Group {
  const Budget **row;
  size_t rows;
} Group;

static size_t take_group(Arena *arena, const Budget *row, size_t count, const Budget *like,
                         int layer, Group *g) {
  *g = (Group){ARENA_NEW(arena, const Budget *, count), 0};
  for (size_t i = 0; i < count; i++)
    if (row[i].layer == layer && same_pair(&row[i], like)) g->row[g->rows++] = &row[i];
  return g->rows;
}

/* A figure of a row, NaN where it is not finite. */
typedef double (*FigureOf)(const Budget *);

static double in_of(const Budget *b) { return b->in_l2 / b->base_l2; }
static double total_of(const Budget *b) { return b->total_l2 / b->base_l2; }
static double local_of(const Budget *b) { return b->local_l2 / b->base_l2; }
static double inherited_of(const Budget *b) { return b->inherited_l2 / b->base_l2; }
static double interaction_of(const Budget *b) { return b->interaction_l2 / b->base_l2; }
static double local_share_of(const Budget *b) { return b->local_share; }
static double inherited_share_of(const Budget *b) { return b->inherited_share; }
static double interaction_share_of(const Budget *b) { return b->interaction_share; }
static double gain_of(const Budget *b) { return b->gain; }
static double in_median_of(const Budget *b) { return b->in_median; }
static double total_median_of(const Budget *b) { return b->total_median; }
static double local_median_of(const Budget *b) { return b->local_median; }
static double inherited_median_of(const Budget *b) { return b->inherited_median; }
static double interaction_median_of(const Budget *b) { return b->interaction_median; }
static double gain_median_of(const Budget *b) { return b->gain_median; }
static double local_parting_of(const Budget *b) { return ratio(local_of(b), b->local_median); }
static double gain_parting_of(const Budget *b) { return ratio(b->gain, b->gain_median); }

static Sample sample_figure(const Group *g, FigureOf figure, SampleScale scale, Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, g->rows);
  bool zero = false, more = false;
  for (size_t i = 0; i < g->rows; i++) {
    value[i] = is_finite(g->row[i]) ? figure(g->row[i]) : NAN;
    zero |= value[i] == 0;
    more |= value[i] > 0;
  }
  /* A geometric mean is 0 where one prompt is, whatever the others are. */
  if (scale == SAMPLE_LOGS && zero && more) scale = SAMPLE_VALUES;
  return sample_of(value, g->rows, scale, scratch);
}

static void put_sample(const Sample *s, double *value, double *low, double *high) {
  *value = s->value;
  *low = s->low;
  *high = s->high;
}

#define PUT(name, scale)                                                                           \
  do {                                                                                             \
    Sample of_##name = sample_figure(g, name##_of, scale, scratch);                                \
    put_sample(&of_##name, &out->name, &out->name##_low, &out->name##_high);                       \
  } while (0)

static void fill_layer(BudgetLayer *out, const Group *g, Arena scratch) {
  const char **name = ARENA_NEW(&scratch, const char *, g->rows);
  int left_out = 0;
  for (size_t i = 0; i < g->rows; i++)
    if (!is_finite(g->row[i])) name[left_out++] = g->row[i]->prompt;
  table_names(out->left_out, sizeof out->left_out, name, left_out);
  out->prompts = (int32_t)g->rows - left_out;
  PUT(in, SAMPLE_LOGS);
  PUT(total, SAMPLE_LOGS);
  PUT(local, SAMPLE_LOGS);
  PUT(inherited, SAMPLE_LOGS);
  PUT(interaction, SAMPLE_LOGS);
  PUT(local_share, SAMPLE_VALUES);
  PUT(inherited_share, SAMPLE_VALUES);
  PUT(interaction_share, SAMPLE_VALUES);
  PUT(gain, SAMPLE_LOGS);
  PUT(in_median, SAMPLE_LOGS);
  PUT(total_median, SAMPLE_LOGS);
  PUT(local_median, SAMPLE_LOGS);
  PUT(inherited_median, SAMPLE_LOGS);
  PUT(interaction_median, SAMPLE_LOGS);
  PUT(gain_median, SAMPLE_LOGS);
  PUT(local_parting, SAMPLE_LOGS);
  PUT(gain_parting, SAMPLE_LOGS);
  out->gain_needed = sample_figure(g, gain_of, SAMPLE_LOGS, scratch).needed;
}
#undef PUT

/* Of each prompt the mean over its layers; a prompt is of the first layer's rows. */
static void fill_mean(BudgetLayer *out, const Group *first, const Budget *row, size_t count,
                      Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, first->rows);
  table_no_doubles(&table_budget_layers, out);
  int *layers = ARENA_NEW(&scratch, int, first->rows);
  size_t p = 0; /* rows of a prompt stand together */
  for (size_t i = 0; i < count; i++) {
    if (!same_pair(&row[i], first->row[p])) continue;
    for (size_t tried = 0; tried < first->rows && strcmp(row[i].prompt, first->row[p]->prompt);
         tried++)
      p = (p + 1) % first->rows;
    if (isfinite(row[i].local_share)) value[p] += row[i].local_share, layers[p]++;
  }
  for (size_t i = 0; i < first->rows; i++) value[i] /= layers[i]; /* of none: NaN */
  Sample s = sample_of(value, first->rows, SAMPLE_VALUES, scratch);
  put_sample(&s, &out->local_share, &out->local_share_low, &out->local_share_high);
  out->prompts = s.prompts;
}

static int layers_of(const Budget *row, size_t count) {
  int layers = 0;
  for (size_t i = 0; i < count; i++)
    if (row[i].layer >= layers) layers = row[i].layer + 1;
  return layers;
}

static BudgetLayer row_of(const Budget *like, int layer) {
  BudgetLayer row = {.layer = layer};
  table_text(row.base, sizeof row.base, like->base);
  table_text(row.other, sizeof row.other, like->other);
  return row;
}

BudgetLayer *budget_layers(Arena *arena, const Budget *row, size_t count, size_t *layers) {
  int most = layers_of(row, count);
  size_t pairs = 0;
  const Budget **pair = ARENA_NEW(arena, const Budget *, count);
  for (size_t i = 0; i < count; i++) {
    size_t at = 0;
    while (at < pairs && !same_pair(pair[at], &row[i])) at++;
    if (at == pairs) pair[pairs++] = &row[i];
  }
  BudgetLayer *all = ARENA_NEW(arena, BudgetLayer, pairs * ((size_t)most + 1));
  *layers = 0;
  for (size_t p = 0; p < pairs; p++) {
    Arena scratch = *arena;
    Group first, group;
    if (!take_group(&scratch, row, count, pair[p], pair[p]->layer, &first)) continue;
    for (int layer = 0; layer < most; layer++) {
      Arena room = scratch;
      if (!take_group(&room, row, count, pair[p], layer, &group)) continue;
      all[*layers] = row_of(pair[p], layer);
      fill_layer(&all[(*layers)++], &group, room);
    }
    all[*layers] = row_of(pair[p], -1);
    fill_mean(&all[(*layers)++], &first, row, count, scratch);
  }
  return all;
}

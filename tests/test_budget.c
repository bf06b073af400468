/* budget: parts computed by hand, those of the shipped model's blocks computed once more, the chain
 * from layer to layer, and a planted fault that must be found in the layer that has it. */
#include "family/family.h"
#include "family/mamba1.h"
#include "shipped_model.h"

#include <math.h>

#include "measure/stats.h"
#include "reference/model64.h"
#include "study/budget.h"

enum { TOKENS = 24, LAYERS = 24, PLANTED = 5 };

static Tensor vector(double *x, int n) { return tensor_of(x, FORMAT_F64, 1, n, 0); }

static Arena new_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 26, exhausted, &st), "%s", st.text);
  return arena;
}

#define NEAR(got, want)                                                                            \
  cr_expect_float_eq(got, want, 1e-15, #got ": got %a, want %a", (double)(got), (double)(want))

Test(budget, parts_shares_and_gain_are_those_of_a_sum_by_hand) {
  double base_in[] = {1, 1}, other_in[] = {1, 1.5}, base[] = {3, 4}, other[] = {4, 6},
         at_base[] = {3.5, 4}, at_other[] = {3, 5};
  Tensor t[] = {vector(base_in, 2), vector(other_in, 2), vector(base, 2),
                vector(other, 2),   vector(at_base, 2),  vector(at_other, 2)};
  BudgetTensors given = {&t[0], &t[1], &t[2], &t[3], &t[4], &t[5]};
  Budget row;
  memset(&row, 0xa5, sizeof row);
  budget_of(&given, &row, new_arena());
  /* total (1, 2); local (0.5, 0); inherited (0, 1); interaction (0.5, 1) */
  NEAR(row.base_l2, 5);
  NEAR(row.in_l2, 0.5);
  NEAR(row.total_l2, sqrt(5));
  NEAR(row.local_l2, 0.5);
  NEAR(row.inherited_l2, 1);
  NEAR(row.interaction_l2, sqrt(1.25));
  NEAR(row.local_share, 0.1);
  NEAR(row.inherited_share, 0.4);
  NEAR(row.interaction_share, 0.5);
  NEAR(row.gain, 2);
}

/* Three tokens of two values: of base (3, 4), (6, 8) and (0, 2). The first is by far the worst. */
Test(budget, sizes_and_gain_of_the_median_token_are_those_of_a_sum_by_hand) {
  enum { ROWS = 3, N = 6 };
  double base_in[N] = {1, 1, 1, 1, 1, 1}, given[N] = {0, 0.5, 1, 0, 0, 0},
         base[N] = {3, 4, 6, 8, 0, 2};
  double local[N] = {0.5, 0, 1, 0, 0, 0.5}, inherited[N] = {0, 1, 0, 0.5, 0, 0}, both[N] = {0.5, 1};
  double other_in[N], other[N], at_base[N], at_other[N];
  for (int i = 0; i < N; i++) {
    other_in[i] = base_in[i] + given[i];
    at_base[i] = base[i] + local[i];
    at_other[i] = base[i] + inherited[i];
    other[i] = base[i] + local[i] + inherited[i] + both[i];
  }
  double *x[] = {base_in, other_in, base, other, at_base, at_other};
  Tensor t[6];
  for (int i = 0; i < 6; i++) t[i] = tensor_of(x[i], FORMAT_F64, ROWS, 2, 0);
  BudgetTensors tensors = {&t[0], &t[1], &t[2], &t[3], &t[4], &t[5]};
  Budget row;
  memset(&row, 0xa5, sizeof row);
  budget_of(&tensors, &row, new_arena());
  NEAR(row.in_median, 0.1);          /* 0.1, 0.1, 0 */
  NEAR(row.total_median, 0.25);      /* sqrt(5) / 5, sqrt(1.25) / 10, 0.25 */
  NEAR(row.local_median, 0.1);       /* 0.1, 0.1, 0.25 */
  NEAR(row.inherited_median, 0.05);  /* 0.2, 0.05, 0 */
  NEAR(row.interaction_median, 0.0); /* in the first token alone */
  NEAR(row.gain_median, 1.25);       /* 2, 0.5; the third is given nothing */
  for (int i = 0; i < 2; i++)
    other[i] = at_base[i] = 1e3; /* one token, and the median is still that of the others */
  budget_of(&tensors, &row, new_arena());
  cr_expect_gt(row.local_l2 / row.base_l2, 100);
  NEAR(row.local_median, 0.25);
}

Test(budget, sides_that_agree_have_no_shares) {
  double x[] = {1, 2};
  Tensor t = vector(x, 2);
  BudgetTensors given = {&t, &t, &t, &t, &t, &t};
  Budget row;
  memset(&row, 0xa5, sizeof row);
  budget_of(&given, &row, new_arena());
  NEAR(row.total_l2, 0);
  NEAR(row.total_median, 0);
  cr_expect(isnan(row.local_share) && isnan(row.gain) && isnan(row.gain_median));
}

/* Two layers, three prompts, one of them lost in the second layer. */
Test(budget, a_size_that_is_0_in_one_prompt_alone_is_not_0_over_prompts) {
  Budget row[3];
  size_t rows;
  Arena arena = new_arena();
  memset(row, 0, sizeof row);
  for (int i = 0; i < 3; i++) {
    row[i] = (Budget){.base_l2 = 10,
                      .in_l2 = 1,
                      .total_l2 = i,
                      .local_l2 = 0,
                      .inherited_l2 = 2 * i,
                      .interaction_l2 = 1};
    snprintf(row[i].prompt, sizeof row->prompt, "p%d", i);
    strcpy(row[i].base, "0"), strcpy(row[i].other, "2-1");
  }
  BudgetLayer *l = budget_layers(&arena, row, 3, &rows);
  cr_expect_float_eq(l[0].total, 0.1, 1e-15);
  cr_expect_float_eq(l[0].inherited, 0.2, 1e-15);
  cr_expect_eq(l[0].local, 0, "0 in every prompt");
}

Test(
    budget,
    over_prompts_sizes_are_geometric_means_shares_means_and_what_is_not_finite_is_left_out_by_name) {
  Budget row[6];
  size_t rows;
  Arena arena = new_arena();
  const double local[] = {1, 2, 4, 1, 2, NAN}, share[] = {0.5, 0.7, 0.6, 0.1, 0.3, NAN};
  memset(row, 0, sizeof row);
  for (int i = 0; i < 6; i++) {
    int prompt = i % 3, layer = i / 3;
    Budget *b = &row[prompt * 2 + layer];
    *b = (Budget){.layer = layer,
                  .base_l2 = 10,
                  .in_l2 = layer,
                  .total_l2 = 2,
                  .local_l2 = local[i],
                  .inherited_l2 = 1,
                  .interaction_l2 = 1,
                  .local_share = share[i],
                  .inherited_share = 1 - share[i],
                  .gain = layer ? 1 : NAN,
                  .total_median = 0.1,
                  .local_median = 0.05,
                  .gain_median = layer ? 0.5 : NAN};
    snprintf(b->prompt, sizeof b->prompt, "p%d", prompt);
    strcpy(b->base, "fp64"), strcpy(b->other, "2-4");
  }
  BudgetLayer *l = budget_layers(&arena, row, 6, &rows);
  cr_assert_eq(rows, 3);
  cr_expect(l[0].layer == 0 && l[1].layer == 1 && l[2].layer == -1);
  cr_expect(l[0].prompts == 3 && !l[0].left_out[0] && l[1].prompts == 2);
  cr_expect_str_eq(l[1].left_out, "p2");
  cr_expect_float_eq(l[0].local, 0.2, 1e-15);
  cr_expect_float_eq(l[0].local_high / l[0].local, exp(4.302652729696142 * log(2) / sqrt(3)),
                     1e-9); /* t(0.975, 2) */
  cr_expect_float_eq(l[1].local, sqrt(2) / 10, 1e-15);
  cr_expect(l[0].total_median == l[0].total_median_low && fabs(l[0].total_median - 0.1) < 1e-15);
  cr_expect_float_eq(l[0].local_parting, 4, 1e-14); /* 2, 4 and 8 times the median token's */
  cr_expect_float_eq(l[0].local_parting_low / 4, l[0].local_low / l[0].local, 1e-9);
  cr_expect(isnan(l[0].gain_median) && isnan(l[0].gain_parting) &&
            fabs(l[1].gain_parting - 2) < 1e-14);
  cr_expect_float_eq(l[0].local_share, 0.6, 1e-15);
  cr_expect_float_eq(l[0].local_share_low, 0.6 - 4.302652729696142 * 0.1 / sqrt(3), 1e-9);
  cr_expect(l[0].in == 0 && isnan(l[0].in_low) && isnan(l[0].gain) && l[1].gain == 1 &&
            l[1].gain_low == 1);
  /* of each prompt over its layers: 0.3, 0.5 and, of one layer alone, 0.6 */
  cr_expect_float_eq(l[2].local_share, 1.4 / 3, 1e-15);
  cr_expect(isnan(l[2].total) && isnan(l[2].total_median) && isnan(l[2].local_parting) &&
            isnan(l[2].gain) && l[2].prompts == 3);
}

/* The budget of every layer, both sides in lock-step. `pair` receives what stats_pair says of
 * block_out. */
static void walk_budget(Shipped *s, const Mode *base, const Mode *other, Budget *row,
                        PairStats *pair) {
  const Mode *mode[] = {base, other};
  WalkSide side[2];
  Trace trace[2], ends[2] = {0};
  Tensor x[2];
  for (int i = 0; i < 2; i++) {
    Source source = mode[i] ? source_cpu(&s->model) : source_ref64(&s->weights);
    side[i] = (WalkSide){.source = source, .mode = mode[i]};
    source.embed(&source, s->test, TOKENS, &s->arena, &ends[i]);
    x[i] = ends[i].t[T_EMBEDDING];
  }
  for (int layer = 0; layer < LAYERS; layer++) {
    Status st = {0};
    for (int i = 0; i < 2; i++) {
      const Source *source = &side[i].source;
      source->block(source, mode[i], layer, &x[i], &s->arena, &trace[i]);
      x[i] = trace[i].t[T_BLOCK_OUT];
    }
    WalkPlace at = {.layer = layer, .side = side, .sides = 2};
    memset(&row[layer], 0xa5, sizeof *row);
    cr_assert(budget_layer(&at, 0, 1, trace, &row[layer], s->arena, &st), "%s", st.text);
    stats_pair(&x[0], &x[1], &pair[layer], s->arena);
  }
}

static void expect_chain(Shipped *s, const char *base, const char *other) {
  Budget row[LAYERS];
  PairStats pair[LAYERS];
  walk_budget(s, base ? mode_preset(base) : NULL, mode_preset(other), row, pair);
  for (int layer = 0; layer < LAYERS; layer++) {
    const Budget *b = &row[layer];
    cr_expect_float_eq(b->total_l2 / b->base_l2 / pair[layer].rel_l2, 1, 1e-12,
                       "%s, layer %d: total is not the pair's size", other, layer);
    cr_expect_eq(b->total_median, pair[layer].token.median,
                 "%s, layer %d: the median token has %a, in the pair %a", other, layer,
                 b->total_median, pair[layer].token.median);
    if (layer)
      cr_expect_eq(b->in_l2, row[layer - 1].total_l2,
                   "%s, layer %d: what comes in is not what the layer before left", other, layer);
  }
}

Test(budget, every_layer_is_given_what_the_layer_before_left) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  expect_chain(&s, NULL, "0");
  expect_chain(&s, NULL, "2-4");
  expect_chain(&s, NULL, "fp32");
  expect_chain(&s, "2-0", "2-4");
}

Test(budget, a_layer_that_is_given_something_else_is_found) {
  enum { ROWS = 12 };
  Budget row[ROWS]; /* two prompts, three layers, two pairs */
  const Budget *before;
  memset(row, 0, sizeof row);
  for (int i = 0; i < ROWS; i++) {
    int prompt = i / 6, layer = i / 2 % 3, pair = i % 2;
    row[i].layer = layer;
    row[i].in_l2 = 10 * pair + layer;
    row[i].total_l2 = 10 * pair + layer + 1;
    snprintf(row[i].prompt, sizeof row[i].prompt, "p%d", prompt);
    snprintf(row[i].base, sizeof row[i].base, "fp64");
    snprintf(row[i].other, sizeof row[i].other, "m%d", pair);
  }
  cr_expect_null(budget_broken_chain(row, ROWS, &before));
  for (int i = 0; i < ROWS; i++) {
    double was = row[i].in_l2;
    row[i].in_l2 = nextafter(was, INFINITY);
    const Budget *found = budget_broken_chain(row, ROWS, &before);
    cr_expect_eq(found, row[i].layer ? &row[i] : NULL, "row %d", i);
    if (row[i].layer) cr_expect_eq(before, &row[i - 2], "row %d", i);
    row[i].in_l2 = was;
  }
  row[4].in_l2 = row[2].total_l2 = NAN;
  cr_expect_null(budget_broken_chain(row, ROWS, &before), "not finite in, not finite out");
  row[4].in_l2 = 2;
  cr_expect_eq(budget_broken_chain(row, ROWS, &before), &row[4]);
}

/* --- the parts, computed once more ------------------------------------------------------------ */

/* f(x) of a layer: under a mode by its operators one by one, under none by the reference's own
 * block. */
static double *block_at(Shipped *s, int layer, const Mode *mode, const double *x) {
  size_t n = (size_t)TOKENS * (size_t)s->model.D;
  double *y = ARENA_NEW(&s->arena, double, n);
  if (mode) {
    float *narrow = ARENA_NEW(&s->arena, float, n);
    Trace trace;
    for (size_t i = 0; i < n; i++) narrow[i] = (float)x[i];
    Tensor in = tensor_of(narrow, FORMAT_F32, TOKENS, s->model.D, 0);
    block_run(&s->model, layer, mode, &in, &s->arena, &trace);
    for (size_t i = 0; i < n; i++) y[i] = (double)((const float *)trace.t[T_BLOCK_OUT].data)[i];
    return y;
  }
  const Config *c = &s->model.config;
  size_t T = TOKENS, E = (size_t)c->E, N = (size_t)c->N, R = (size_t)c->R;
#define ROOM(count) ARENA_NEW(&s->arena, double, count)
  Block64 out = {.norm = ROOM(n),
                 .in_proj = ROOM(T * 2 * E),
                 .conv1d = ROOM(T * E),
                 .conv1d_silu = ROOM(T * E),
                 .x_proj = ROOM(T * (R + 2 * N)),
                 .dt_proj = ROOM(T * E),
                 .delta = ROOM(T * E),
                 .scan = ROOM(T * E),
                 .gated = ROOM(T * E),
                 .out_proj_in = ROOM(T * E),
                 .out_proj = ROOM(n),
                 .block_out = y,
                 .ssm_state = ROOM(E * N)};
#undef ROOM
  const double *const *w = s->weights.layer[layer];
  const Layer64 one = {w[W_NORM],    w[W_IN_PROJ], w[W_CONV],  w[W_CONV_BIAS], w[W_X_PROJ],
                       w[W_DT_PROJ], w[W_DT_BIAS], w[W_A_LOG], w[W_D],         w[W_OUT_PROJ]};
  const Model64 model = {.D = c->D,
                         .E = c->E,
                         .N = c->N,
                         .R = c->R,
                         .K = c->K,
                         .eps = c->eps,
                         .hadamard = true,
                         .layer = &one};
  block64(&ops64_cpu, &model, 0, x, TOKENS, &out);
  return y;
}

/* Each side's stream after `layers` layers. */
static const double *stream_at(Shipped *s, int layers, const Mode *mode) {
  size_t n = (size_t)TOKENS * (size_t)s->model.D;
  double *x = ARENA_NEW(&s->arena, double, n);
  const EndRows *ends = &s->weights.ends;
  for (int t = 0; t < TOKENS; t++)
    ends->take(ends->context, END_EMBEDDING, s->test[t], 1, x + t * s->model.D);
  for (size_t i = 0; mode && i < n; i++) x[i] = (double)(float)x[i];
  for (int layer = 0; layer < layers; layer++) x = block_at(s, layer, mode, x);
  return x;
}

/* |sum of sign[k] v[k]|, exactly rounded sums in long double. */
static double norm_of(const double *const *v, const int *sign, size_t n) {
  long double sum = 0;
  for (size_t i = 0; i < n; i++) {
    long double d = 0;
    for (int k = 0; k < 4; k++) d += sign[k] * (long double)v[k][i];
    sum += d * d;
  }
  return (double)sqrtl(sum);
}

static void expect_parts(Shipped *s, int layer, const char *base_name, const char *other_name) {
  const Mode *base = base_name ? mode_preset(base_name) : NULL, *other = mode_preset(other_name);
  size_t n = (size_t)TOKENS * (size_t)s->model.D;
  const double *x = stream_at(s, layer, base), *y = stream_at(s, layer, other);
  const double *const f[] = {block_at(s, layer, base, x), block_at(s, layer, other, x),
                             block_at(s, layer, base, y),
                             block_at(s, layer, other, y)}; /* base(x) other(x) base(y) other(y) */
  Budget row[LAYERS];
  PairStats pair[LAYERS];
  walk_budget(s, base, other, row, pair);
  const Budget *b = &row[layer];
  const struct {
    const char *part;
    double got, want;
  } parts[] = {{"total", b->total_l2, norm_of(f, (const int[]){-1, 0, 0, 1}, n)},
               {"local", b->local_l2, norm_of(f, (const int[]){-1, 1, 0, 0}, n)},
               {"inherited", b->inherited_l2, norm_of(f, (const int[]){-1, 0, 1, 0}, n)},
               {"interaction", b->interaction_l2, norm_of(f, (const int[]){1, -1, -1, 1}, n)},
               {"base", b->base_l2, norm_of(f, (const int[]){1, 0, 0, 0}, n)}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    cr_expect_float_eq(parts[i].got / parts[i].want, 1, 1e-12,
                       "%s against %s, layer %d, %s: got %.17g, want %.17g", other_name,
                       base_name ? base_name : "fp64", layer, parts[i].part, parts[i].got,
                       parts[i].want);
}

Test(budget, each_part_is_what_the_blocks_make_of_both_inputs) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 1, 64);
  static const int layers[] = {2, 17};
  for (int i = 0; i < 2; i++) {
    Arena all = s.arena;
    expect_parts(&s, layers[i], NULL, "2-4");
    expect_parts(&s, layers[i], "2-0", "2-4");
    s.arena = all;
  }
}

/* One layer's D is off by a thousandth in the modes and right in the reference. */
Test(budget, a_planted_fault_is_local_in_its_layer_and_inherited_after_it) {
  Shipped s = shipped_load(REWRITE_QUAMBA);
  Budget sound[LAYERS], faulty[LAYERS];
  PairStats pair[LAYERS];
  walk_budget(&s, NULL, mode_preset("fp32"), sound, pair);
  float *D = s.model.layer[PLANTED].f32[W_D].values.data;
  for (int e = 0; e < s.model.config.E; e++) D[e] *= 1.001f;
  walk_budget(&s, NULL, mode_preset("fp32"), faulty, pair);
  for (int layer = 0; layer < LAYERS; layer++) {
    const Budget *b = &faulty[layer];
    if (layer == PLANTED) {
      cr_expect_gt(b->local_l2, 20 * sound[layer].local_l2);
      cr_expect_gt(b->local_share, 0.9);
      cr_expect_gt(b->local_median, 20 * sound[layer].local_median, "every token has it");
      continue;
    }
    /* local is of the reference's input, so the fault elsewhere leaves its every bit */
    cr_expect_eq(b->local_l2, sound[layer].local_l2, "layer %d", layer);
    if (layer < PLANTED) cr_expect_eq(b->total_l2, sound[layer].total_l2, "layer %d", layer);
    if (layer > PLANTED) {
      cr_expect_gt(b->inherited_share, 0.9, "layer %d: %g", layer, b->inherited_share);
      cr_expect_gt(b->total_l2 / b->base_l2, 3 * sound[layer].total_l2 / sound[layer].base_l2,
                   "layer %d", layer);
    }
  }
}

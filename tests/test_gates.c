/* gates: limits against rows made by hand, in both directions, and what may never pass. */
#include "study/gates.h"

#include "family/family.h"
#include "measure/drift.h"
#include "tests/draws.h"
#include "tests/measure_rows.h"

#define TEXT(field, text) snprintf(field, sizeof(field), "%s", text)

enum { LAYERS = 3 };

/* Of three layers: rel_l2 0.01, 0.03, 0.02 of block_out; two prompts on the grid with shares 1 and
 * 0.75 in layer 2. */
typedef struct Rows {
  Drift drift[LAYERS + 1];
  DriftShape shape;
  PairStats pair[LAYERS + 1];
  TensorStats tensor[2];
  Verdict verdict;
  Evaluation evaluation[2];
} Rows;

static Measured rows_made(Rows *r) {
  memset(r, 0, sizeof *r);
  const double size[] = {0.01, 0.03, 0.02, 0.05};
  for (int i = 0; i <= LAYERS; i++) {
    const char *tensor = i < LAYERS ? "block_out" : "logits";
    r->drift[i] = (Drift){.layer = i,
                          .rel_l2 = size[i],
                          .max_abs = 2 * size[i],
                          .sqnr_db = -20 * log10(size[i]),
                          .differing = 1};
    r->pair[i].layer = i;
    TEXT(r->drift[i].base, "2-0"), TEXT(r->drift[i].other, "2-4"), TEXT(r->drift[i].tensor, tensor);
    TEXT(r->pair[i].base, "2-0"), TEXT(r->pair[i].other, "2-4"), TEXT(r->pair[i].tensor, tensor);
  }
  for (int i = 0; i < 2; i++) {
    r->tensor[i] = (TensorStats){.layer = 2, .on_grid = i ? 0.75 : 1};
    TEXT(r->tensor[i].mode, "2-0"), TEXT(r->tensor[i].tensor, "norm");
  }
  r->shape = (DriftShape){
      .growth = 2, .rise = 3, .peak_layer = 1, .step = 1.5, .step_layer = 1, .last_layer = 2};
  TEXT(r->shape.base, "2-0"), TEXT(r->shape.other, "2-4"), TEXT(r->shape.tensor, "block_out");
  TEXT(r->shape.shape, "rises_falls");
  r->verdict = (Verdict){.top1_agreement = 0.98};
  TEXT(r->verdict.base, "2-0"), TEXT(r->verdict.other, "2-4");
  for (int i = 0; i < 2; i++) {
    r->evaluation[i] = (Evaluation){.byte_tokens = 1, .bits = 2 + 0.125 * i};
    TEXT(r->evaluation[i].mode, i ? "2-4" : "2-0");
  }
  return (Measured){.tensor = r->tensor,
                    .tensors = 2,
                    .pair = r->pair,
                    .pairs = LAYERS + 1,
                    .drift = r->drift,
                    .drifts = LAYERS + 1,
                    .shape = &r->shape,
                    .shapes = 1,
                    .verdict = &r->verdict,
                    .verdicts = 1,
                    .evaluation = r->evaluation,
                    .evaluations = 2,
                    .layers = LAYERS,
                    .traced = &families[0]->tensors};
}

static GateRow row_of(const Measured *m, Gate gate) {
  static char room[1 << 14];
  Arena arena = {.next = room, .end = room + sizeof room, .base = room, .exhausted = exhausted};
  if (!gate.mode) gate.pair = (Pair){"2-0", "2-4"};
  Spec spec = {.gates = &gate, .gate_count = 1};
  return *gates_of(&arena, &spec, m);
}

Test(gates, a_limit_that_is_met_exactly_passes_and_the_next_smaller_fails) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row = row_of(&m, (Gate){.tensor = "block_out", .layer = 1, .rel_l2 = {0.03, true}});
  cr_assert(row.passed && row.worst_layer == 1 && !row.at_least);
  SAME(row.measured, 0.03);
  SAME(row.passing, 0.03);
  cr_assert_str_eq(row.layers, "1");
  cr_assert_str_eq(row.measure, "rel_l2");
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = 1, .rel_l2 = {nextafter(0.03, 0), true}});
  cr_assert(!row.passed);
  cr_assert_str_eq(row.reason, "");
}

/* Of the median token: 0.01, 0.005 and 0.015, where all tokens together have 0.01, 0.03 and
 * 0.02. */
Test(gates, the_median_token_has_a_limit_of_its_own) {
  Rows rows;
  Measured m = rows_made(&rows);
  const double median[] = {0.01, 0.005, 0.015};
  for (int i = 0; i < LAYERS; i++) rows.drift[i].token_median = median[i];
  GateRow row =
      row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .token_median = {0.015, true}});
  cr_assert(row.passed && row.worst_layer == 2 && !row.at_least);
  SAME(row.measured, 0.015);
  cr_assert_str_eq(row.measure, "token_median");
  cr_assert(
      !row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_LAST, .token_median = {0.0149, true}})
           .passed);
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = 1, .token_median = {0.006, true}});
  cr_assert(row.passed && row.worst_layer == 1, "all tokens together are at 0.03 there");
  rows.pair[1].nonfinite = 1;
  cr_assert_str_eq(
      row_of(&m, (Gate){.tensor = "block_out", .layer = 1, .token_median = {1, true}}).reason,
      "not_finite");
}

Test(gates, last_is_the_last_layer_and_all_the_worst) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_LAST, .max_abs = {1, true}});
  SAME(row.measured, 0.04);
  SAME(row.worst_layer, 2);
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .max_abs = {1, true}});
  SAME(row.measured, 0.06);
  SAME(row.worst_layer, 1);
  cr_assert_str_eq(row.layers, "all");
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .sqnr_db = {31, true}});
  NEAR(row.measured, 30.457574905606752, 1e-12);
  cr_assert(!row.passed && row.at_least && row.worst_layer == 1);
  SAME(row.passing, 30.4);
}

Test(gates, shares_are_of_the_worst_prompt_and_agreement_of_all) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row = row_of(
      &m, (Gate){.mode = "2-0", .tensor = "norm", .layer = GATE_LAST, .on_grid = {0.8, true}});
  SAME(row.measured, 0.75);
  cr_assert(!row.passed && !*row.base);
  row = row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .top1_agreement = {0.98, true}});
  cr_assert(row.passed && row.worst_layer == -1 && !*row.layers);
  row = row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .rel_l2 = {0.05, true}});
  SAME(row.measured, 0.05);
  cr_assert(row.passed);
}

Test(gates, bits_per_byte_are_of_the_second_less_those_of_the_first) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row =
      row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .bits_per_byte = {0.125, true}});
  SAME(row.measured, 0.125);
  cr_assert(row.passed && !*row.layers);
  cr_assert(
      !row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .bits_per_byte = {0.124, true}})
           .passed);
  rows.evaluation[1].byte_tokens = 0; /* bits of a token that is no byte */
  cr_assert_not(
      row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .bits_per_byte = {9, true}})
          .passed);
  m.evaluations = 0;
  row = row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .bits_per_byte = {9, true}});
  cr_assert_str_eq(row.reason, "not_measured");
}

Test(gates, factors_over_the_layers_are_those_of_the_shape) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .growth = {2, true}});
  cr_assert(row.passed && !row.at_least);
  SAME(row.measured, 2);
  cr_assert(
      !row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .growth = {1.99, true}}).passed);
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .step = {1.25, true}});
  SAME(row.measured, 1.5);
  cr_assert(!row.passed && row.worst_layer == 1);
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .peak = {3, true}});
  SAME(row.measured, 3);
  cr_assert(row.passed);
  cr_assert_str_eq(
      row_of(&m, (Gate){.tensor = "scan", .layer = GATE_ALL, .peak = {9, true}}).reason,
      "not_measured");
}

Test(gates, what_does_not_grow_has_a_factor_of_1_and_what_has_no_shape_none) {
  Rows rows;
  Measured m = rows_made(&rows);
  const Gate growth = {.tensor = "block_out", .layer = GATE_ALL, .growth = {1, true}};
  const Gate step = {.tensor = "block_out", .layer = GATE_ALL, .step = {1, true}};
  rows.shape.step = NAN, rows.shape.step_layer = -1;
  cr_assert(row_of(&m, step).passed, "no layer lies above the one before it");
  rows.shape.growth = NAN;
  cr_assert_str_eq(row_of(&m, step).reason, "no_shape");
  cr_assert_str_eq(row_of(&m, growth).reason, "no_shape");
  TEXT(rows.shape.shape, "identical");
  cr_assert(row_of(&m, growth).passed && row_of(&m, step).passed);
  rows.shape.growth = 0.5, rows.shape.left_out = 1;
  TEXT(rows.shape.shape, "falls");
  cr_assert_str_eq(row_of(&m, growth).reason, "not_finite");
  cr_assert(!row_of(&m, growth).passed);
}

Test(gates, what_is_not_finite_or_not_measured_never_passes) {
  Rows rows;
  Measured m = rows_made(&rows);
  GateRow row = row_of(&m, (Gate){.tensor = "scan", .layer = GATE_LAST, .rel_l2 = {1e300, true}});
  cr_assert_str_eq(row.reason, "not_measured");
  cr_assert(!row.passed);
  SAME(row.passing, NAN);
  rows.pair[1].nonfinite = 1;
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_ALL, .rel_l2 = {1e300, true}});
  cr_assert_str_eq(row.reason, "not_finite");
  cr_assert(!row.passed);
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_LAST, .rel_l2 = {1e300, true}});
  cr_assert(row.passed, "the last layer is finite");
  rows.pair[LAYERS].nonfinite = 1;
  row = row_of(&m, (Gate){.tensor = "logits", .layer = GATE_LAST, .top1_agreement = {0, true}});
  cr_assert_str_eq(row.reason, "not_finite");
  rows.drift[2].rel_l2 = NAN;
  row = row_of(&m, (Gate){.tensor = "block_out", .layer = GATE_LAST, .rel_l2 = {1e300, true}});
  cr_assert_str_eq(row.reason, "not_finite");
}

Test(gates, identical_tensors_pass_a_limit_of_nothing) {
  Rows rows;
  Measured m = rows_made(&rows);
  rows.drift[2].rel_l2 = 0;
  rows.drift[2].sqnr_db = INFINITY;
  cr_assert(row_of(&m, (Gate){.tensor = "block_out", .layer = 2, .rel_l2 = {0, true}}).passed);
  cr_assert(row_of(&m, (Gate){.tensor = "block_out", .layer = 2, .sqnr_db = {1000, true}}).passed);
}

Test(gates, a_share_on_the_grid_passes_only_where_every_value_is_finite) {
  Rows rows;
  Measured m = rows_made(&rows);
  rows.tensor[0].nonfinite = 1;
  GateRow row =
      row_of(&m, (Gate){.mode = "2-0", .tensor = "norm", .layer = GATE_LAST, .on_grid = {0, true}});
  cr_assert(!row.passed);
  cr_assert_str_eq(row.reason, "not_finite");
}

/* From the tensors themselves: 0 beside 0 is no difference. */
Test(gates, identical_tensors_of_zeros_pass_every_limit) {
  float x[6] = {0};
  Tensor t = tensor_of(x, FORMAT_F32, 2, 3, 0);
  PairStats pair = pair_row(&t, &t);
  TEXT(pair.prompt, "p"), TEXT(pair.base, "2-0"), TEXT(pair.other, "2-4"),
      TEXT(pair.tensor, "scan");
  pair.layer = 0;
  Arena arena = new_arena();
  size_t drifts;
  Drift *drift = drift_of(&arena, &families[0]->tensors, &pair, 1, &drifts);
  Measured m = {.pair = &pair,
                .pairs = 1,
                .drift = drift,
                .drifts = drifts,
                .layers = 1,
                .traced = &families[0]->tensors};
  const Gate gate[] = {{.tensor = "scan", .rel_l2 = {0, true}},
                       {.tensor = "scan", .max_abs = {0, true}},
                       {.tensor = "scan", .differing = {0, true}},
                       {.tensor = "scan", .sqnr_db = {1000, true}}};
  for (int i = 0; i < 4; i++) {
    GateRow row = row_of(&m, gate[i]);
    cr_expect(row.passed && !*row.reason, "%s: %g, %s", row.measure, row.measured, row.reason);
  }
}

/* The printed limit must itself pass, whatever way the decimal rounds. */
Test(gates, tightest_limit_of_three_digits_passes_and_is_tight) {
  for (int i = 0; i < 100000; i++) {
    double fraction = ((double)random_bits() * 0x1p-32 + (double)random_bits() * 0x1p-64) * 2 - 1;
    double value = fraction * pow(10, (double)(random_bits() % 41) - 20);
    double most = gates_passing(value, false), least = gates_passing(value, true);
    cr_assert(most >= value && most - value <= fabs(value) * 0.0101, "%a: at most %a", value, most);
    cr_assert(least <= value && value - least <= fabs(value) * 0.0101, "%a: at least %a", value,
              least);
    char text[32];
    snprintf(text, sizeof text, "%.2e", most);
    cr_assert_eq(strtod(text, NULL), most, "%a has more than three digits: %a", value, most);
  }
  SAME(gates_passing(0.03, false), 0.03);
  SAME(gates_passing(0.0301, true), 0.0301);
  SAME(gates_passing(0.99999, false), 1);
  SAME(gates_passing(0, false), 0);
}

#include "study/gates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family/family.h"

/* Where a limit stands in a Gate, and which way it holds. The value is a column of Drift or
 * DriftShape, or found by its own function. */
typedef struct Measure {
  const char *name;
  size_t limit, column;
  bool at_least;
  enum { OF_DRIFT, OF_SHAPE, OF_TENSOR, OF_VERDICT, OF_EVALUATION } of;
} Measure;

static const Measure measures[] = {
    {"rel_l2", offsetof(Gate, rel_l2), offsetof(Drift, rel_l2), false, OF_DRIFT},
    {"token_median", offsetof(Gate, token_median), offsetof(Drift, token_median), false, OF_DRIFT},
    {"max_abs", offsetof(Gate, max_abs), offsetof(Drift, max_abs), false, OF_DRIFT},
    {"sqnr_db", offsetof(Gate, sqnr_db), offsetof(Drift, sqnr_db), true, OF_DRIFT},
    {"differing", offsetof(Gate, differing), offsetof(Drift, differing), false, OF_DRIFT},
    {"growth", offsetof(Gate, growth), offsetof(DriftShape, growth), false, OF_SHAPE},
    {"step", offsetof(Gate, step), offsetof(DriftShape, step), false, OF_SHAPE},
    {"peak", offsetof(Gate, peak), offsetof(DriftShape, rise), false, OF_SHAPE},
    {"on_grid", offsetof(Gate, on_grid), 0, true, OF_TENSOR},
    {"top1_agreement", offsetof(Gate, top1_agreement), 0, true, OF_VERDICT},
    {"bits_per_byte", offsetof(Gate, bits_per_byte), 0, false, OF_EVALUATION},
};

static const Limit *limit_of(const Gate *gate, const Measure *measure) {
  return (const Limit *)((const char *)gate + measure->limit);
}

/* What a gate has seen so far: the worst value, and whether all it looked at was finite. */
typedef struct Sight {
  double worst;
  int layer;
  bool any, finite,
      unshaped; /* unshaped: the pair was compared, and its curve gives no such factor */
} Sight;

static void see(Sight *sight, const Measure *measure, double value, int layer) {
  bool worse = measure->at_least ? value < sight->worst : value > sight->worst;
  if (!sight->any || worse || isnan(value)) sight->worst = value, sight->layer = layer;
  sight->any = true;
  sight->finite &= !isnan(value);
}

/* The tensor that a gate is about. Where every side is made elsewhere (family/generic), tensors
 * have names of their own, and the one of the same role is meant: block_out is what leaves a layer.
 */
static const char *gate_tensor(const Measured *m, const Gate *gate) {
  const Tensors *known = family_tensors_with(gate->tensor);
  if (!known || tensors_find(m->traced, gate->tensor) != ABSENT) return gate->tensor;
  const Role role = known->info[tensors_find(known, gate->tensor)].role;
  const int id = role == ROLE_NONE ? ABSENT : tensors_role(m->traced, role);
  return id == ABSENT ? gate->tensor : m->traced->info[id].name;
}

/* A tensor of the model's ends. */
static bool stands_once(const Measured *m, const char *tensor) {
  return tensors_find(m->traced, tensor) >= m->traced->layer;
}

static bool looks_at(const Measured *m, const Gate *gate, const char *tensor, int layer) {
  if (strcmp(gate_tensor(m, gate), tensor)) return false;
  return stands_once(m, tensor) || gate->layer == GATE_ALL ||
         layer == (gate->layer == GATE_LAST ? m->layers - 1 : gate->layer);
}

static bool is_pair(const Gate *gate, const char *base, const char *other) {
  return !strcmp(gate->pair.base, base) && !strcmp(gate->pair.other, other);
}

static void see_drift(Sight *sight, const Gate *gate, const Measure *measure, const Measured *m) {
  for (size_t i = 0; i < m->drifts; i++) {
    const Drift *row = &m->drift[i];
    if (!is_pair(gate, row->base, row->other) || !looks_at(m, gate, row->tensor, row->layer))
      continue;
    see(sight, measure, table_double(row, measure->column), row->layer);
  }
}

/* Where none goes up, the largest step is a factor of 1. */
static void see_shape(Sight *sight, const Gate *gate, const Measure *measure, const Measured *m) {
  for (size_t i = 0; i < m->shapes; i++) {
    const DriftShape *row = &m->shape[i];
    if (!is_pair(gate, row->base, row->other) || strcmp(row->tensor, gate_tensor(m, gate)))
      continue;
    const bool still =
        !strcmp(row->shape, "identical") || (measure->column == offsetof(DriftShape, step) &&
                                             row->step_layer < 0 && !isnan(row->growth));
    double value = still ? 1 : table_double(row, measure->column);
    int layer = measure->column == offsetof(DriftShape, step)   ? row->step_layer
                : measure->column == offsetof(DriftShape, rise) ? row->peak_layer
                                                                : row->last_layer;
    sight->finite &= row->left_out == 0 && strcmp(row->reason, "not_finite") != 0;
    sight->unshaped |= isnan(value);
    if (!isnan(value) || !sight->finite) see(sight, measure, value, layer);
  }
}

/* Statistics leave out what is not finite; a gate may not. */
static void see_nonfinite(Sight *sight, const Gate *gate, const Measured *m) {
  for (size_t i = 0; i < m->pairs; i++) {
    const PairStats *row = &m->pair[i];
    if (is_pair(gate, row->base, row->other) && looks_at(m, gate, row->tensor, row->layer))
      sight->finite &= row->nonfinite == 0;
  }
}

/* Of several prompts the one with the least share. */
static void see_tensors(Sight *sight, const Gate *gate, const Measure *measure, const Measured *m) {
  for (size_t i = 0; i < m->tensors; i++) {
    const TensorStats *row = &m->tensor[i];
    if (strcmp(row->mode, gate->mode) || !looks_at(m, gate, row->tensor, row->layer)) continue;
    see(sight, measure, row->on_grid, row->layer);
    sight->finite &= row->nonfinite == 0;
  }
}

static void see_verdict(Sight *sight, const Gate *gate, const Measure *measure, const Measured *m) {
  for (size_t i = 0; i < m->verdicts; i++)
    if (is_pair(gate, m->verdict[i].base, m->verdict[i].other))
      see(sight, measure, m->verdict[i].top1_agreement, m->layers);
}

/* Bits of a mode on the evaluated text; NaN where tokens are no bytes, or it was not evaluated. */
static double bits_per_byte(const Measured *m, const char *mode) {
  for (size_t i = 0; i < m->evaluations; i++)
    if (!strcmp(m->evaluation[i].mode, mode))
      return m->evaluation[i].byte_tokens ? m->evaluation[i].bits : NAN;
  return NAN;
}

static void see_evaluation(Sight *sight, const Gate *gate, const Measure *measure,
                           const Measured *m) {
  if (m->evaluations)
    see(sight, measure, bits_per_byte(m, gate->pair.other) - bits_per_byte(m, gate->pair.base),
        m->layers);
}

double gates_passing(double value, bool at_least) {
  if (!isfinite(value) || value == 0) return value;
  double unit = pow(10, floor(log10(fabs(value))) - 2);
  double steps = round(value / unit);
  for (int tries = 0; tries < 3; tries++) { /* the nearest decimal may lie on the wrong side */
    char text[32];
    snprintf(text, sizeof text, "%.2e", steps * unit);
    double limit = strtod(text, NULL);
    if (at_least ? limit <= value : limit >= value) return limit;
    steps += at_least ? -1 : 1;
  }
  return value;
}

static GateRow gate_row(const Gate *gate, const Measure *measure, const Measured *m) {
  Sight sight = {.worst = NAN, .layer = -1, .finite = true};
  if (measure->of == OF_DRIFT) see_drift(&sight, gate, measure, m);
  if (measure->of == OF_SHAPE) see_shape(&sight, gate, measure, m);
  if (measure->of == OF_TENSOR) see_tensors(&sight, gate, measure, m);
  if (measure->of == OF_VERDICT) see_verdict(&sight, gate, measure, m);
  if (measure->of == OF_EVALUATION) see_evaluation(&sight, gate, measure, m);
  if (!gate->mode) see_nonfinite(&sight, gate, m);

  GateRow row = {.at_least = measure->at_least,
                 .limit = limit_of(gate, measure)->value,
                 .measured = sight.worst};
  table_text(row.base, sizeof row.base, gate->mode ? "" : gate->pair.base);
  table_text(row.other, sizeof row.other, gate->mode ? gate->mode : gate->pair.other);
  table_text(row.tensor, sizeof row.tensor, gate_tensor(m, gate));
  table_text(row.measure, sizeof row.measure, measure->name);
  bool once = stands_once(m, row.tensor);
  row.worst_layer = once ? -1 : sight.layer;
  if (!once && gate->layer == GATE_ALL) snprintf(row.layers, sizeof row.layers, "all");
  if (!once && gate->layer != GATE_ALL)
    snprintf(row.layers, sizeof row.layers, "%d",
             gate->layer == GATE_LAST ? m->layers - 1 : gate->layer);
  const char *reason = !sight.any      ? (sight.unshaped ? "no_shape" : "not_measured")
                       : !sight.finite ? "not_finite"
                                       : "";
  table_text(row.reason, sizeof row.reason, reason);
  row.passed = !*reason && (row.at_least ? row.measured >= row.limit : row.measured <= row.limit);
  row.passing = *reason ? NAN : gates_passing(row.measured, row.at_least);
  return row;
}

GateRow *gates_of(Arena *arena, const Spec *spec, const Measured *m) {
  GateRow *row = ARENA_NEW(arena, GateRow, spec->gate_count);
  for (int i = 0; i < spec->gate_count; i++)
    for (size_t k = 0; k < sizeof measures / sizeof *measures; k++)
      if (limit_of(&spec->gates[i], &measures[k])->set)
        row[i] = gate_row(&spec->gates[i], &measures[k], m);
  return row;
}

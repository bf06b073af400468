#include "study/budget.h"

#include "family/block.h"
#include "family/witness.h"
#include "source/ref64.h"

/* A mode takes float32, the reference float64. */
static Tensor as_input(const Mode *mode, const Tensor *x, Arena *arena) {
  Type type = mode ? TYPE_F32 : TYPE_F64;
  if (x->type == type) return *x;
  size_t n = (size_t)x->rows * (size_t)x->cols;
  double *wide = arena_alloc(arena, n, sizeof *wide);
  tensor_values(x, wide);
  if (!mode) return tensor_of(wide, type, x->rows, x->cols, 0);
  float *narrow = arena_alloc(arena, n, sizeof *narrow);
  for (size_t i = 0; i < n; i++) narrow[i] = (float)wide[i];
  return tensor_of(narrow, type, x->rows, x->cols, 0);
}

/* block_out of the layer under `mode` on the input `x` of another side. */
static bool run_on(const Subject *subject, int layer, const Mode *mode, const Tensor *x, Tensor *block_out,
                   Arena *arena, Status *st) {
  Trace trace;
  Tensor in = as_input(mode, x, arena);
  if (mode)
    block_run(&subject->model, layer, mode, &in, arena, &trace);
  else
    trace64_block(&subject->weights, layer, &in, arena, &trace);
  *block_out = trace.t[T_BLOCK_OUT];
  return !mode || witness_check(mode, layer, &trace, st);
}

bool budget_layer(const Subject *subject, int layer, const BudgetSide *base, const BudgetSide *other, Budget *row,
                  Arena scratch, Status *st) {
  const Tensor *base_in = &base->trace->t[T_BLOCK_IN], *other_in = &other->trace->t[T_BLOCK_IN];
  Tensor other_at_base, base_at_other;
  TRY(run_on(subject, layer, other->mode, base_in, &other_at_base, &scratch, st));
  TRY(run_on(subject, layer, base->mode, other_in, &base_at_other, &scratch, st));
  BudgetTensors t = {base_in,        other_in,      &base->trace->t[T_BLOCK_OUT], &other->trace->t[T_BLOCK_OUT],
                     &other_at_base, &base_at_other};
  budget_of(&t, row, scratch);
  return true;
}

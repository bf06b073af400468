#include "study/budget.h"

/* block_out of the layer under a side's mode on the input of another side. */
static bool run_on(const WalkPlace *at, int s, const Tensor *x, Tensor *block_out, Arena *arena,
                   Status *st) {
  const Source *source = &at->side[s].source;
  const Mode *mode = walk_mode(&at->side[s], at->layer);
  Trace trace;
  Tensor in = source_input(source, x, arena);
  source->block(source, mode, at->layer, &in, arena, &trace);
  *block_out = *trace_role(&trace, ROLE_BLOCK_OUT);
  return source->check(source, mode, at->layer, &trace, st);
}

bool budget_layer(const WalkPlace *at, int base, int other, const Trace *trace, Budget *row,
                  Arena scratch, Status *st) {
  const Tensor *base_in = trace_role_of(&trace[base], ROLE_BLOCK_IN),
               *other_in = trace_role_of(&trace[other], ROLE_BLOCK_IN);
  Tensor other_at_base, base_at_other;
  TRY(run_on(at, other, base_in, &other_at_base, &scratch, st));
  TRY(run_on(at, base, other_in, &base_at_other, &scratch, st));
  BudgetTensors t = {base_in,
                     other_in,
                     trace_role_of(&trace[base], ROLE_BLOCK_OUT),
                     trace_role_of(&trace[other], ROLE_BLOCK_OUT),
                     &other_at_base,
                     &base_at_other};
  budget_of(&t, row, scratch);
  return true;
}

/* timing: the median of many runs, beside a plain copy that moves as many bytes on the same
 * threads. Nothing but the table depends on it. */
#include "base/timing.h"

#include "study/micro/rows.h"

static const Repeats repeats = {.warm = 1, .calls = 1, .least = 5, .most = 101, .enough_s = 0.005};

typedef struct Run {
  Operator *o;
  Tensor *out[OPERATOR_OUTPUTS];
  Arena scratch;
} Run;

static void run(void *context) {
  const Run *r = context;
  operator_run(r->o, r->out, r->scratch);
}

/* Half of the bytes are read and the other half written, as an operator reads its inputs and writes
 * its outputs. */
Timing micro_time(Operator *o, Arena scratch) {
  Copy copy = {.bytes = (size_t)(operator_bytes(o) + 1) / 2};
  copy.to = arena_alloc(&scratch, copy.bytes, 1);
  copy.from = arena_alloc(&scratch, copy.bytes, 1);
  Run own = {.o = o, .scratch = scratch};
  for (int i = 0; i < OPERATOR_OUTPUTS; i++) own.out[i] = &o->out[i].got;
  Timed time = timing_repeat((Work){run, &own}, &repeats);
  Timed beside = timing_repeat(copy_work(&copy), &repeats);
  return (Timing){.time_us = 1e6 * time.call_s.median,
                  .mad_us = 1e6 * time.call_s.mad,
                  .copy_us = 1e6 * beside.call_s.median,
                  .runs = time.samples};
}

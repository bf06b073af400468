/* bench: how fast a machine runs the operators and whole passes of the modes. A figure is the
 * median of repeats, warm, with its spread (`mad`: base/quantiles.h); on a device the repeats are
 * graphs, so that no launch is counted. It is held against a copy of as many bytes, timed in the
 * same way, and against the roofline: the larger of bytes at the rate of a large copy and
 * arithmetic at the peak: a device's by its architecture, a CPU's as measured (floors.h). Bytes are
 * inputs, weights and outputs, once each. */
#ifndef DS_COMMAND_BENCH_H
#define DS_COMMAND_BENCH_H
#include "base/progress.h"
#include "command/floors.h"
#include "measure/tables/cost.h"
#include "source/cuda.h"

typedef struct BenchPlan {
  const Mode *mode;
  int modes;
  const int *T; /* for the operators; a whole pass is timed at the first of them */
  int lengths;
  bool operators, passes;
  const char *folder; /* that write(2) is timed in */
} BenchPlan;

/* The layers of a model of this shape with made weights, all of them held, and scales from its own
 * run. Speed does not depend on the values. */
bool bench_model(Arena *arena, const Config *config, Layers *layers, Progress *progress,
                 Status *st);
/* `device` as device_find left it: the CPU where none was found. Operators that two modes share are
 * timed once. */
bool bench_run(Arena *arena, Layers *layers, const BenchPlan *plan, Device *device,
               Progress *progress, Speed **row, size_t *rows, Floors *floors, Status *st);

#endif

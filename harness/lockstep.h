/* lockstep: the state of a run, and its one step: a layer of a prompt under every mode and the reference, run, measured
 * and written as one segment. Shared by experiment.c (the walk), lockstep.c (the step) and finish.c (the end). */
#ifndef DS_LOCKSTEP_H
#define DS_LOCKSTEP_H
#include "experiment.h"
#include "source/cuda.h"
#include "study/cost.h"
#include "study/evaluate.h"
#include "study/restore.h"
#include "study/swap.h"
#include "walk/subject.h"

/* One mode, or the reference, on its way through the layers. */
typedef struct Side {
  const char *name;
  const Mode *mode; /* NULL: the reference */
  Tensor stream;    /* [T, D]: what the next layer takes */
  Trace trace;
  double time_s;
} Side;

typedef struct SidePair {
  int base, other;
} SidePair;

typedef struct Experiment {
  const Spec *spec;
  Subject subject;
  RunKey key;
  Side *side; /* modes as in the spec, then the reference */
  int sides;
  SidePair *pair; /* the spec's pairs, then fp64 against each of compare_all, none twice */
  int pairs;
  Device device; /* where one was found, the modes run there; the lane of side s is lane s */
  EvaluationRows evaluation;
  SwapRows swaps;
  RestoreRows restored;
  CostRows cost;
  Journal journal;
  Progress *progress;
  double stats_s, budget_s, store_s;
  int64_t store_bytes;
} Experiment;

/* Sides and pairs from the spec. */
void lockstep_sides(Arena *arena, Experiment *e);
/* Puts a layer of all modes into the device's queue; lockstep_layer then takes it from there. */
void lockstep_queue(Experiment *e, int layer);
/* Each side's stream in, its trace out; what the layer shows goes into its segment. Traces live in `scratch`. */
bool lockstep_layer(Experiment *e, int prompt, int layer, Arena scratch, Status *st);

/* After the last layer: what follows from all rows, the operators alone, and the results file. finish.c */
bool finish(Arena *arena, Experiment *e, const RunOptions *options, double start_s, Status *st);
int64_t peak_bytes(void);

#endif

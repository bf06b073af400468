/* pairs: what a layer of a prompt shows: the statistics of every tensor of every side and of every
 * pair, what the tokens carry of a pair's difference, what grids clip, the scales that modes took
 * by themselves, and the error budgets that are asked for. */
#ifndef DS_STUDY_PAIRS_H
#define DS_STUDY_PAIRS_H
#include "measure/judge_queue.h"
#include "measure/tables.h"
#include "study/foreign.h"
#include "study/pairs_there.h"
#include "study/study.h"

typedef struct SidePair {
  int base, other;
} SidePair;

typedef struct Pairs {
  const Spec *spec;
  const Subject *subject;
  const Foreign *foreign; /* NULL: no side is made elsewhere */
  WalkSide *side;         /* modes as in the spec, then the reference, then sources: names alone */
  int sides, walked;      /* walked: so many of them, from the first, are computed here */
  Rewrite *rewrite;       /* [sides]: of the weights that made them */
  SidePair *pair;         /* the spec's pairs, then fp64 against each of compare_all, none twice */
  int pairs;
  PairsThere there; /* statistics that a device computes */
  Arena there_scratch;
  JudgeQueue *judge;
  double judged;            /* the share of the rows that GSL computes again */
  double stats_s, budget_s; /* spent so far */
} Pairs;

#define JUDGED_SHARE 0.01

/* Sides and pairs of the spec. `foreign`: its sources, opened; NULL where it has none. */
Pairs pairs_of(Arena *arena, const Spec *spec, const Subject *subject, const Foreign *foreign);
const Tensors *pairs_tensors(const Pairs *pairs); /* of the family that all sides are of */

/* Before the first layer is measured, and after the last, or where something failed between: GSL
 * judges beside it. */
void pairs_begin(Pairs *pairs);
/* `judged`: what no layer's rows have told, in the arena. */
bool pairs_end(Pairs *pairs, JudgedRows *judged, Arena *arena, Status *st);
void pairs_leave(Pairs *pairs);
/* Statistics are computed where all sides are: whether so. pairs_queued is then a walk's `queued`;
 * the device's memory is given back by pairs_there_free. */
bool pairs_on_device(Arena *arena, Pairs *pairs);
void pairs_queued(Pairs *pairs, const WalkPlace *at, const Trace *const *there, TensorSet *back);

typedef struct LayerRows {
  TensorStats *tensor; /* side by side, their tensors in order; digests are for who stores them */
  int tensors;
  PairStats *pair;
  int pairs;
  Budget *budget;
  int budgets;
  ScaleRow *scale;
  int scales;
  Clipping *clipping; /* mode by mode, tensors in order: those that stand on a static grid */
  int clippings;
  TokenErrors *token; /* pair by pair, tokens in order */
  int tokens;
  Undone *undone; /* study/undone.h */
  int undones;
  JudgedRows judged; /* by now: of any layer */
} LayerRows;

/* In the arena; trace [sides]. Fails where a budget's own runs do, and where a row is not what GSL
 * says. */
bool pairs_measure(Pairs *pairs, const WalkPlace *at, const Trace *trace, LayerRows *rows,
                   Arena *arena, Status *st);

#endif

/* verdict: what a pair's rows say: did both modes take effect, where do they first differ, how
 * large is it at the end. */
#ifndef DS_MEASURE_VERDICT_H
#define DS_MEASURE_VERDICT_H
#include "base/arena.h"
#include "family/family.h"
#include "measure/tables/drift.h"
#include "measure/tables/stats.h"
#include "measure/tables/verdict.h"

/* One of a pair. */
typedef struct VerdictSide {
  const char *name;
  const Mode *mode; /* NULL: the reference, or made elsewhere: nobody knows by which kernels */
} VerdictSide;

/* rows: all pair rows of the run; drift: drift_of of them. */
Verdict verdict_of(const Tensors *tensors, VerdictSide base, VerdictSide other,
                   const PairStats *rows, size_t count, const Drift *drift, size_t drift_count,
                   int layers, Arena scratch);
/* The key of the reason why two modes must agree in every tensor bit, or everywhere but at rounding
 * ties, in a model of so many layers: the one that holds in every layer in which they differ; ""
 * where there is none. Derived from the stage settings in which they differ, by their family
 * (`agreement`). */
const char *verdict_reason(const Mode *base, const Mode *other, int layers);
#endif

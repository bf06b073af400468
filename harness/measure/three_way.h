/* three_way: is the difference of two more than their own errors? Both are held against a third
 * that is taken for the truth: float64, or a more precise run of the same. The ratio of their
 * errors is told prompt by prompt, so that it has an interval; the ratio of deviations, the overlap
 * and the worst ratios are the figures that vLLM-Neuron's comparisons gate on. */
#ifndef DS_MEASURE_THREE_WAY_H
#define DS_MEASURE_THREE_WAY_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/tables/sources.h"
#include "measure/tables/stats.h"

/* From all pair rows of a run, in any order, among them those of (against, base) and (against,
 * other): a row a tensor and layer, in the order of the tensors. In the arena. */
ThreeWay *three_way_of(Arena *arena, const Tensors *tensors, const char *base, const char *other,
                       const char *against, const PairStats *rows, size_t count, size_t *made);

#endif

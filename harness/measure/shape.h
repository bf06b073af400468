/* shape: what a pair's difference does over the layers: measured quantities with intervals over
 * prompts, and the shape that they make, or "cannot tell".
 *
 * e_p(l) is the relative error of the median token of prompt p after layer l (token_median of
 * pair_stats): a few tokens with one clipped value carry most of the squared error of whole
 * tensors, so that the relative L2 jumps wherever such a token stands, while the median token's
 * curve is nearly the same on every prompt. The relative L2 stands beside it as `pooled_growth`,
 * and `parting` says by how much it exceeds the median token's.
 *
 * Quantities are factors between layers (the last over the first, the peak, a step), prompt by
 * prompt; the figure is their geometric mean, the interval that of interval_of_logs. Layers that
 * are chosen (peak, largest step) are chosen once, on the mean curve m(l) = mean over prompts of
 * log e_p(l): a mean of each prompt's largest step would be too large.
 *
 * The shape is that of m (measure/curve.h), and with more than one prompt it must also hold in
 * draws of m as other prompts would give it (measure/shape_draws.h).
 *
 * The curve goes from the first layer that differs to the last. No shape:
 *   few_layers    fewer than four layers differ
 *   starts_apart  the median token differs from another layer on in one prompt than in another
 *                 (from first_layer to latest_start): the difference comes in by single events, and
 *                 a mean curve would have no start
 *   zeros         the median token of some prompt is equal again at a later layer, or is nowhere
 *                 different
 *   no_tokens     the tensor's rows are no tokens (ssm_state)
 *   not_finite    no prompt is finite in every layer (such are left out and counted)
 * Where it only starts apart, `last` still stands, since every prompt has it.
 *
 * Measured (make check-words) on 533 windows of 513 bytes of the shipped text as the population, 2,
 * 4, 8, 16 and 32 of them drawn 1,000 times for each pair of nine modes and each mode against fp64:
 * coverage of the 95 % intervals, mean of the pairs, in %:
 *
 *   last     94.9 95.0 94.8 94.7 95.0      fall     95.0 94.9 95.1 95.0 95.2
 *   growth   95.1 95.2 95.0 94.9 95.2      step     94.7 95.0 94.9 94.9 95.1
 *   rise     95.0 95.3 94.9 94.9 95.1      quarter  94.9 94.8 95.1 95.0 95.2
 *
 * pooled_growth: none with 2 and 4 (they would cover 92.6 and 90.3: either a prompt has one of the
 * tokens that carry the error, or it has none), then 93.7 94.5 94.5. Relative L2 of a layer
 * (drift): geometric mean 93.4 92.0 93.3 94.0 94.7; pooled, from 16 prompts on, 93.4 94.2 (drawing
 * prompts again would cover 47.7 76.7 85.9 90.9 93.0). */
#ifndef DS_MEASURE_SHAPE_H
#define DS_MEASURE_SHAPE_H
#include "base/arena.h"
#include "family/trace.h"
#include "measure/curve.h"
#include "measure/shape_draws.h"
#include "measure/tables/drift.h"
#include "measure/tables/stats.h"

enum { SHAPE_POOLED_LEAST = 8 };

/* From all pair rows of a run (any order); one row a pair and tensor of the layers, in the order of
 * drift_of. In the arena. */
DriftShape *shape_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count,
                     int layers, const DriftLimits *limits, int64_t seed, size_t *shapes);

/* Of curves alone: e and pooled [prompts][layers], none of them left out, all finite. Fills all but
 * base, other, tensor and left_out. `draws` of as many prompts. */
void shape_of_curves(const double *e, const double *pooled, int prompts, int layers,
                     const DriftLimits *limits, const ShapeDraws *draws, DriftShape *row,
                     Arena scratch);
#endif

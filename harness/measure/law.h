/* law: by which law the difference of a pair develops over the layers: one verdict a pair and tensor, with its
 * intervals.
 *
 * y_l = log10 of the relative L2 of layer l, prompts pooled, from the first layer that differs to the last; its steps
 * are y_l - y_(l-1). What a layer has, it hands on: y is a sum of steps, and a sum of steps that have no tendency (a
 * random walk) looks like growth or decay; the covariance of a fitted line, which takes the layers for independent, is
 * then far too narrow (it calls some three in four random walks over 24 layers growth). So the question is put to the
 * steps: have they a tendency?
 *
 * Growth is the slope of gsl_fit_linear, which is a weighted mean of the steps, those in the middle weighing most. Its
 * interval holds the middle 95 % of the same mean over random subsets of the steps (typical values; Hartigan 1969):
 * exact where steps are independent and symmetric about their centre, whatever their spread or tails, and too wide
 * rather than too narrow where the layers themselves are independent. Prompts are drawn again with every subset.
 *
 * A jump is one step unlike all others that lasts: its excess over the median step has a p of at most 1 % (Student's t
 * of a step against the others, times their number, since the most unlike was chosen); half of the excess still stands
 * between the median of up to three layers before and after it; it is no part of a bend at an end of the curve; and
 * prompts drawn again leave it (95 %).
 *
 *   identical    no layer differs in any bit
 *   jumps        there is a jump by a factor of at least 1.25, or down by as much
 *   accumulates  the interval of the growth lies above 1, and all layers together grow by a factor of at least 1.25
 *   shrinks      the same below 1
 *   stable       neither, and no layer lies off the median layer by more than a factor of 2
 *   cannot_tell  few_layers: fewer than 8 layers differ, so that no subset could tell
 *                not_finite: values are left out that are not finite on either side
 *                gaps:       a layer after the first that differs is identical, or has no relative size
 *                wanders:    layers lie further off than a factor of 2, by no tendency and no jump
 *
 * On pairs without an effect, "accumulates" comes out in at most 2.5 % and "jumps" in about 1 % (tests/test_law.c). */
#ifndef DS_MEASURE_LAW_H
#define DS_MEASURE_LAW_H
#include "base/arena.h"
#include "measure/resample.h"
#include "measure/tables.h"

/* From all pair rows of a run (any order); one row a pair and tensor of the layers, in the order of drift_of. `draws`:
 * of as many prompts as the rows have and layers - 1 steps. In the arena. */
DriftLaw *law_of(Arena *arena, const PairStats *rows, size_t count, int layers, const Resampling *draws,
                 size_t *law_count);
#endif

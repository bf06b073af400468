/* judge: the rows of measure/stats.h once more, by GSL's own functions on plain arrays of doubles
 * (gsl_vector_long_double_sum, gsl_stats_tss_m, gsl_stats_minmax, gsl_stats_correlation,
 * gsl_stats_select, gsl_stats_quantile_from_sorted_data): slow, and another computation of
 * everything but what a value and a step are. And by how much a row may differ from it: counts,
 * indices, extremes and quantiles not at all; means, deviations and sizes by what their additions
 * may round away (measure/judge_bounds.c). */
#ifndef DS_MEASURE_JUDGE_H
#define DS_MEASURE_JUDGE_H
#include "measure/jobs.h"

/* As stats_tensor and stats_pair fill them; of a pair whose rows are no tokens too. Of parts whose
 * errors are the largest but for a rounding, the one that `claim` names is the worst; NULL: the
 * first. */
void judge_tensor(const Tensor *t, float scale, TensorStats *row, Arena scratch);
void judge_pair(const Tensor *base, const Tensor *other, bool rows_are_tokens,
                const PairStats *claim, PairStats *row, Arena scratch);
/* As stats_top1. */
void judge_top1(const Tensor *a, const Tensor *b, PairStats *row, Arena scratch);
/* Bytes of scratch that either needs for n elements in so many rows and columns together. */
size_t judge_scratch_bytes(size_t n, size_t parts);

/* The same of a job of a tensor or a pair: its row filled by GSL; or, once it is filled, compared.
 * False where a column is too far off: the message names the row, the column and both values. */
bool judge_holds(const StatsJob *job, Arena scratch);
void judge_fill(const StatsJob *job, Arena scratch);
bool judge_job(const StatsJob *job, Arena scratch, Status *st);
#endif

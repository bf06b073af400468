/* judge_bounds: how far a row may be from GSL's. GSL adds n numbers in long double, one after the
 * other, which rounds away up to n 2^-65 of what is summed; lanes add in double, each at most
 * `depth` elements of a block, and each addition rounds by 2^-53 of what is there. So a sum of
 * magnitudes is off by at most (depth + 8) 2^-53 of itself, 8 for the tree over the lanes and what
 * follows, a mean by as much of the root mean square, a figure that is a root by half of it; and a
 * few units of the last place for the divisions. The errors of n tokens or channels are added one
 * after the other, which rounds away up to n 2^-53 more. Random values come a hundred times nearer
 * (tests/test_judge.c). What is a difference of two figures may be off by what both may be. */
#include "measure/judge.h"

#include <math.h>
#include <string.h>

#include "measure/block.h"
#include "measure/compare.h"
#include "measure/stats.h"

/* Units of the last place. */
static double ulps(double count, double x) {
  return isfinite(x) ? count * (nextafter(fabs(x), INFINITY) - fabs(x)) : 0;
}

enum { ULPS = 4 };

/* What sums over a tensor of this shape round away, of themselves; of parts: those of a row, or of
 * a column, which is added row by row. */
typedef struct Loss {
  double sums, parts;
} Loss;

static Loss loss_of(const Tensor *t) {
  const Blocks b = blocks_of((size_t)t->rows, (size_t)t->cols);
  const size_t cols = b.cols < BLOCK_ELEMENTS ? b.cols : BLOCK_ELEMENTS,
               depth = b.a_block * ((cols + SUM_LANES - 1) / SUM_LANES),
               deepest = b.rows > depth + b.pieces ? b.rows : depth + b.pieces;
  const double gsl = (double)(b.rows * b.cols) * 0x1p-65;
  return (Loss){((double)depth + 8) * 0x1p-53 + gsl, ((double)deepest + 8) * 0x1p-53};
}

static double of_size(double part, double x) { return ulps(ULPS, x) + part * fabs(x); }

static double mean_bound(double mean, double std, Loss r) {
  return isfinite(std) ? ulps(ULPS, mean) + r.sums * hypot(mean, std) : 0;
}
static double std_bound(double std, Loss r) { return of_size(r.sums, std); }

/* Of |a - b| / |a|, where a and b may be off by so much. Where a is no more than it may be off, as
 * the mean of what cancels to 0, that is any number or none; not where all is 0, and nothing is
 * rounded. */
static double relative_bound(double a, double b, double off_a, double off_b) {
  if (fabs(a) <= off_a && isnormal(off_a)) return INFINITY;
  if (a == 0) return 0;
  const double relative = fabs(b - a) / fabs(a);
  return (off_a + off_b + relative * off_a) / fabs(a) + ulps(ULPS, relative);
}

static double pair_bound(size_t offset, const PairStats *w, Loss r) {
  const double a = mean_bound(w->mean_base, w->std_base, r),
               b = mean_bound(w->mean_other, w->std_other, r), c = std_bound(w->std_base, r),
               d = std_bound(w->std_other, r);
  switch (offset) {
    case offsetof(PairStats, mean_base): return a;
    case offsetof(PairStats, mean_other): return b;
    case offsetof(PairStats, mean_diff): return a + b + ulps(ULPS, w->mean_diff);
    case offsetof(PairStats, mean_rel): return relative_bound(w->mean_base, w->mean_other, a, b);
    case offsetof(PairStats, std_base): return c;
    case offsetof(PairStats, std_other): return d;
    case offsetof(PairStats, std_diff): return c + d + ulps(ULPS, w->std_diff);
    case offsetof(PairStats, std_rel): return relative_bound(w->std_base, w->std_other, c, d);
    case offsetof(PairStats, mean_abs): return of_size(r.sums, w->mean_abs);
    case offsetof(PairStats, rmse): return of_size(r.sums, w->rmse);
    case offsetof(PairStats, base_l2): return of_size(r.sums, w->base_l2);
    case offsetof(PairStats, mean_rel_error): return of_size(r.sums, w->mean_rel_error);
    case offsetof(PairStats, ulp_mean): return of_size(r.sums, w->ulp_mean);
    case offsetof(PairStats, rel_l2): return of_size(2 * r.sums, w->rel_l2);
    /* 20 / ln 10 times that of rel_l2's logarithm */
    case offsetof(PairStats, sqnr_db):
      return ulps(ULPS, w->sqnr_db) + 8.7 * (2 * r.sums + ULPS * 0x1p-52);
    case offsetof(PairStats, cosine):
    case offsetof(PairStats, pearson): return 2 * r.sums + ULPS * 0x1p-52;
    default: return 0;
  }
}

/* Of the errors of so many tokens or channels, of each of which as much may be lost. */
static double parts_bound(size_t offset, const PartErrors *w, double each, int count) {
  const double sum = count * 0x1p-53;
  switch (offset) {
    case offsetof(PartErrors, median): return of_size(each, w->median);
    case offsetof(PartErrors, p90): return of_size(each, w->p90);
    case offsetof(PartErrors, p99): return of_size(each, w->p99);
    case offsetof(PartErrors, worst_share): return of_size(2 * each + sum, w->worst_share);
    /* the square of one sum over another */
    case offsetof(PartErrors, effective): return of_size(4 * each + 3 * sum, w->effective);
    default: return 0;
  }
}

/* How far a row's column of doubles may be from the judge's, `of` a tensor of this shape. */
static double bound_of(const Table *table, const Column *column, const void *judged,
                       const Tensor *of) {
  const size_t token = offsetof(PairStats, token), channel = offsetof(PairStats, channel);
  const PairStats *pair = judged;
  const TensorStats *tensor = judged;
  const Loss r = loss_of(of);
  if (table == &table_tensor_stats)
    return column->offset == offsetof(TensorStats, mean)  ? mean_bound(tensor->mean, tensor->std, r)
           : column->offset == offsetof(TensorStats, std) ? std_bound(tensor->std, r)
                                                          : 0;
  if (column->offset >= token && column->offset < token + sizeof(PartErrors))
    return parts_bound(column->offset - token, &pair->token, r.parts, of->rows);
  if (column->offset >= channel && column->offset < channel + sizeof(PartErrors))
    return parts_bound(column->offset - channel, &pair->channel, r.parts, of->cols);
  return pair_bound(column->offset, pair, r);
}

static bool is_near(double got, double want, double bound) {
  return (isnan(got) && isnan(want)) || got == want || isinf(bound) || fabs(got - want) <= bound;
}

static bool cell_holds(const Table *table, const Column *column, const void *row,
                       const void *judged, const Tensor *of) {
  const char *got = (const char *)row + column->offset,
             *want = (const char *)judged + column->offset;
  switch (column->type) {
    case COLUMN_TEXT: return !strncmp(got, want, column->size);
    case COLUMN_F64:
      return is_near(table_double(row, column->offset), table_double(judged, column->offset),
                     bound_of(table, column, judged, of));
    default: return !memcmp(got, want, column->size);
  }
}

/* What is no figure of the values. */
static bool is_about_row(const Table *table, size_t offset) {
  if (table == &table_pair_stats) return offset == offsetof(PairStats, checked);
  return offset == offsetof(TensorStats, checked) || offset == offsetof(TensorStats, digest);
}

/* The first column in which a row of `table` (tensor_stats or pair_stats) is farther from the
 * judge's than it may be, digest aside; NULL where none is. */
static const Column *fault_of(const Table *table, const void *row, const void *judged,
                              const Tensor *of) {
  for (int c = table->keys; c < table->columns; c++) {
    const Column *column = &table->column[c];
    if (is_about_row(table, column->offset)) continue;
    if (!cell_holds(table, column, row, judged, of)) return column;
  }
  return NULL;
}

static bool fails(const Table *table, const Column *column, const void *row, const void *judged,
                  Arena scratch, Status *st) {
  return FAIL_CHECK(
      st,
      "%s, %s: %s is %s, and GSL's own functions say %s: this program, or the processor or "
      "device that ran it, computed wrongly",
      table->name, row_name(&scratch, table, row), column->name, cell_text(&scratch, column, row),
      cell_text(&scratch, column, judged));
}

static void judge_pair_job(const StatsJob *job, const PairStats *claim, PairStats *row,
                           Arena scratch) {
  judge_pair(job->base, job->other, job->rows_are_tokens, claim, row, scratch);
  stats_no_top1(row);
  if (job->logits) judge_top1(job->base, job->other, row, scratch);
}

void judge_fill(const StatsJob *job, Arena scratch) {
  if (job->tensor_row) judge_tensor(job->base, job->scale, job->tensor_row, scratch);
  if (job->pair_row) judge_pair_job(job, NULL, job->pair_row, scratch);
}

bool judge_job(const StatsJob *job, Arena scratch, Status *st) {
  if (job->tensor_row) {
    TensorStats want = *job->tensor_row;
    judge_tensor(job->base, job->scale, &want, scratch);
    const Column *column = fault_of(&table_tensor_stats, job->tensor_row, &want, job->base);
    if (column) return fails(&table_tensor_stats, column, job->tensor_row, &want, scratch, st);
  }
  if (job->pair_row) {
    PairStats want = *job->pair_row;
    judge_pair_job(job, job->pair_row, &want, scratch);
    const Column *column = fault_of(&table_pair_stats, job->pair_row, &want, job->base);
    if (column) return fails(&table_pair_stats, column, job->pair_row, &want, scratch, st);
  }
  return true;
}

bool judge_holds(const StatsJob *job, Arena scratch) {
  Status st = {0};
  return judge_job(job, scratch, &st);
}

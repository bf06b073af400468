/* ranges: one list, by "table.column" or by "column" in every table. */
#include "measure/ranges.h"

#include <math.h>
#include <string.h>

#include "base/name.h"
#include "family/trace.h"
#include "measure/tables.h"

/* Elements of a tensor. 2^23 such numbers can be added in 64 bits, and so many rows are no table
 * (ROWS_MOST). */
#define COUNT_MOST 0x1p40
#define BYTES_MOST 0x1p50     /* of memory, weights or files; never added over rows */
#define ONE_ROUNDED 1.0000001 /* sums of shares and cosines, with what rounding leaves above 1 */

enum {
  ROWS_MOST = 1 << 22,
  FEW_MOST = 4096 /* of what a spec lists: modes, at most 256 of its own; gates, 1,024 */
};

/* The first that fits holds, so "table.column" stands above "column". */
static const struct {
  const char *names;
  Range range;
} named[] = {
    {"verdict.first_layer", {-2, LAYERS_MOST}},
    {"swap_effect.order", {1, 2}},
    {"restore.step", {-1, INT32_MAX}},
    {"as_in_run", {-1, 1}},
    {"layer_low layer_high latest_start", {-1, LAYERS_MOST}},
    {"element_token element_channel made_channel", {-1, INT32_MAX}},
    {"clipped asked", {0, 1}},
    {"events.share peak_share repairs.share share_after repair_layers.share event_strip.share",
     {0, ONE_ROUNDED}},
    {"events.error error_median event_strip.error event_map.error last_rel_l2 rel_l2_after "
     "last_rel_l2_after logits_rel_l2_after",
     {0, INFINITY}},
    {"evaluation_tokens.share reach top_share reached_share", {0, ONE_ROUNDED}},
    {"in_reach", {0, 1}},
    {"removed", {-INFINITY, ONE_ROUNDED}},
    {"at_least byte_tokens identical modes_only passed reached same_kernel", {0, 1}},
    {"bytes weight_bytes scale_bytes activation_bytes peak_activation_bytes state_bytes",
     {0, BYTES_MOST}},
    {"on_grid saturated differing misrounded top1_agreement top1_low top1_high top1_accuracy "
     "differing_low differing_high growth_p growth_holm",
     {0, 1}},
    {"evaluation_pairs.p holm block_out_factor_holm token_median_factor_holm kl_factor_holm "
     "bits_change_holm",
     {0, 1}},
    {"agreement told top1_agreement_low top1_agreement_high top1_accuracy_low top1_accuracy_high",
     {0, 1}},
    {"cost.share step_share token_worst_share channel_worst_share", {0, ONE_ROUNDED}},
    {"furthest_token furthest_channel", {-1, INT32_MAX}},
    {"error_share", {0, ONE_ROUNDED}},
    {"clipping.grid_end scale_choices.grid_end furthest rel_l2_clipped rel_l2_rounded",
     {0, INFINITY}},
    {"cosine cosine_min pearson pearson_min memory_correlation lag1", {-ONE_ROUNDED, ONE_ROUNDED}},
    {"std std_base std_other std_want std_got rmse max_abs mean_abs", {0, INFINITY}},
    {"rel_l2 rel_l2_min rel_l2_max rel_l2_low rel_l2_high first_rel_l2 logits_rel_l2",
     {0, INFINITY}},
    {"base_l2 in_l2 total_l2 local_l2 inherited_l2 interaction_l2", {0, INFINITY}},
    {"block_out_first block_out_last block_out_worst swap.block_out swap.moved restore.block_out "
     "pooled",
     {0, INFINITY}},
    {"max_rel_error mean_rel_error ulp_max ulp_mean ulp_first ulp_last used_max used_median",
     {0, INFINITY}},
    {"rel_l2_mean rel_l2_mean_low rel_l2_mean_high token_median token_p90 token_p99 "
     "tokens_effective",
     {0, INFINITY}},
    {"channel_median channel_p90 channel_p99 channels_effective", {0, INFINITY}},
    {"in_median total_median local_median inherited_median interaction_median gain_median "
     "rms_median rel_l2_median rms_median_first rms_median_last",
     {0, INFINITY}},
    {"drift.growth drift_shape.growth pooled_growth rise fall step quarter rate", {0, INFINITY}},
    {"block_out_factor block_out_factor_low block_out_factor_high kl_factor kl_factor_low "
     "kl_factor_high",
     {0, INFINITY}},
    {"token_median_factor token_median_factor_low token_median_factor_high parting_factor",
     {0, INFINITY}},
    {"scale_choices.value mend.value value_before local local_before mend.block_out",
     {0, INFINITY}},
    {"grid.alpha as_alpha own", {0, 1}},
    {"grid.block_out", {0, INFINITY}},
    {"as_f16 as_bf16", {0, 1}},
    {"overlap", {0, ONE_ROUNDED}},
    {"error_base error_other ratio ratio_low ratio_high sigma_ratio worst_l2 worst_max_abs",
     {0, INFINITY}},
    {"grid_scale scale time_s time_us tokens_per_s perplexity samples_needed", {0, INFINITY}},
    {"acc acc_low acc_high acc_norm acc_norm_low acc_norm_high task_pairs.p", {0, 1}},
    {"right right_norm", {-1, 1}},
    {"answer answer_norm", {-1, INT32_MAX}},
    {"task_pairs.diff", {-1, 1}},
    {"log_p", {-INFINITY, 0}},
};

/* Whether one of these words is the column's name, alone or after the table's. */
static bool has_name(const char *names, const Table *table, const Column *column) {
  size_t of_table = strlen(table->name), length;
  for (; *names; names += length, names += *names == ' ') {
    length = strcspn(names, " ");
    bool with_table = !strncmp(names, table->name, of_table) && names[of_table] == '.';
    size_t before = with_table ? of_table + 1 : 0;
    if (strlen(column->name) == length - before &&
        !strncmp(names + before, column->name, length - before))
      return true;
  }
  return false;
}

static bool begins(const char *name, const char *with) {
  return !strncmp(name, with, strlen(with));
}

/* "layer", "worst_layer", "first_index", "token_worst", …: an index may not apply, and is then -1;
 * a count never is. */
static bool is_index(const char *name) {
  return begins(name, "first_") || begins(name, "worst_") || begins(name, "next_") ||
         text_ends(name, "layer") || text_ends(name, "_index") || text_ends(name, "_first") ||
         text_ends(name, "_worst");
}

Range column_range(const Table *table, const Column *column) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (has_name(named[i].names, table, column)) return named[i].range;
  switch (column->type) {
    case COLUMN_I32:
      return (Range){is_index(column->name) ? -1 : 0,
                     text_ends(column->name, "layer") ? LAYERS_MOST : INT32_MAX};
    case COLUMN_I64: return (Range){is_index(column->name) ? -1 : 0, COUNT_MOST};
    default: return (Range){-INFINITY, INFINITY};
  }
}

size_t table_rows_most(const Table *table) {
  const Table *const few[] = {&table_modes, &table_tensors, &table_cost_bytes, &table_evaluation,
                              &table_gates};
  for (size_t i = 0; i < sizeof few / sizeof *few; i++)
    if (table == few[i]) return FEW_MOST;
  return ROWS_MOST;
}

/* Integers of a file are below 2^53 or outside their range, so that a double tells. */
static double number_at(const Column *column, const char *cell) {
  int32_t i32;
  int64_t i64;
  double f64;
  switch (column->type) {
    case COLUMN_I32: return memcpy(&i32, cell, sizeof i32), i32;
    case COLUMN_I64: return memcpy(&i64, cell, sizeof i64), (double)i64;
    default: return memcpy(&f64, cell, sizeof f64), f64;
  }
}

void column_clear(const Table *table, const Column *column, void *row) {
  Range range = column_range(table, column);
  double nearest = fmin(fmax(-1, range.low), range.high);
  char *cell = (char *)row + column->offset;
  switch (column->type) {
    case COLUMN_TEXT: memset(cell, 0, column->size); break;
    case COLUMN_I32: memcpy(cell, &(int32_t){(int32_t)nearest}, sizeof(int32_t)); break;
    case COLUMN_I64: memcpy(cell, &(int64_t){(int64_t)nearest}, sizeof(int64_t)); break;
    case COLUMN_F64: memcpy(cell, &(double){NAN}, sizeof(double)); break;
  }
}

static bool in_range(const Table *table, const Column *column, const char *rows, size_t count,
                     Status *why) {
  Range range = column_range(table, column);
  for (size_t i = 0; i < count; i++) {
    double value = number_at(column, rows + i * table->row_size + column->offset);
    if (isnan(value) || (value >= range.low && value <= range.high)) continue;
    return FAIL(why, "row %zu, column '%s' is %.17g, outside of %.9g to %.9g", i, column->name,
                value, range.low, range.high);
  }
  return true;
}

static bool texts_end(const Table *table, const Column *column, const char *rows, size_t count,
                      Status *why) {
  for (size_t i = 0; i < count; i++)
    if (!memchr(rows + i * table->row_size + column->offset, 0, column->size))
      return FAIL(why, "row %zu, column '%s' has a text without an end", i, column->name);
  return true;
}

bool rows_in_range(const Table *table, const void *rows, size_t count, Status *why) {
  for (int i = 0; i < table->columns; i++)
    TRY((table->column[i].type == COLUMN_TEXT ? texts_end : in_range)(table, &table->column[i],
                                                                      rows, count, why));
  return true;
}

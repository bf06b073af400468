/* tables: the columns of every table, made from the structs themselves: a column's type, place and
 * size are those of the member, so that a description cannot disagree with its row. */
#include "measure/tables.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "family/family.h"

/* clang-format off */
#define MEMBER(row, member) ((row *)0)->member
#define TYPE_OF(row, member) _Generic(&MEMBER(row, member), int32_t *: COLUMN_I32, int64_t *: COLUMN_I64, \
                                      double *: COLUMN_F64, default: COLUMN_TEXT)
#define NAMED(row, name, member) {name, TYPE_OF(row, member), offsetof(row, member), sizeof MEMBER(row, member)}
#define COLUMN(row, member) NAMED(row, #member, member)

/* `keys`: so many columns, from the first, name a row. */
#define TABLE(id, row, keys, title) \
  const Table table_##id = {#id, title, sizeof(row), keys, sizeof columns_##id / sizeof *columns_##id, columns_##id}

#define X(member) COLUMN(TensorStats, member)
#define FIRST(i) NAMED(TensorStats, "first_" #i, first[i])
static const Column columns_tensor_stats[] = {
    X(prompt), X(mode), X(tensor), X(layer), X(rows), X(cols), X(n), X(mean), X(std), X(min), X(max),
    FIRST(0), FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), FIRST(8), FIRST(9),
    X(nonfinite), X(first_nonfinite), X(zeros), X(q8_nans), X(scale), X(on_grid), X(saturated), X(type), X(kernel),
    X(checked), X(digest),
};
TABLE(tensor_stats, TensorStats, 4, "Tensors: one tensor of one mode, layer and prompt");
#undef X
#undef FIRST
_Static_assert(FIRST_VALUES == 10, "the columns first_0 to first_9 are named one by one");

/* Of the errors of a tensor's parts, called `part`. */
#define PART(row, part, member, name) \
    {name, TYPE_OF(PartErrors, member), offsetof(row, part) + offsetof(PartErrors, member), sizeof MEMBER(PartErrors, member)}
#define PARTS(row, part) \
    PART(row, part, median, #part "_median"), PART(row, part, p90, #part "_p90"), PART(row, part, p99, #part "_p99"), \
    PART(row, part, worst, #part "_worst"), PART(row, part, worst_share, #part "_worst_share"), \
    PART(row, part, left_out, #part "s_left_out"), PART(row, part, effective, #part "s_effective")

#define X(member) COLUMN(PairStats, member)
static const Column columns_pair_stats[] = {
    X(prompt), X(base), X(other), X(tensor), X(layer), X(identical), X(same_kernel), X(n),
    X(mean_base), X(mean_other), X(mean_diff), X(mean_rel), X(std_base), X(std_other), X(std_diff), X(std_rel),
    X(min_base), X(min_other), X(min_diff), X(min_rel), X(max_base), X(max_other), X(max_diff), X(max_rel),
    X(max_abs), X(mean_abs), X(rmse), X(rel_l2), X(sqnr_db), X(cosine), X(pearson), X(max_rel_error), X(mean_rel_error),
    X(zero_base), X(ulp_max), X(ulp_mean), X(ulp_type), X(p50), X(p90), X(p95), X(p99), X(p999), X(differing),
    X(first_index), X(worst_index), X(nonfinite), X(top1_agreement), X(top1_rows), X(top1_left_out), X(base_l2),
    X(checked), PARTS(PairStats, token), PARTS(PairStats, channel),
};
TABLE(pair_stats, PairStats, 5, "Pairs: one tensor in two modes, layer by layer");
#undef X

#define X(member) COLUMN(Clipping, member)
static const Column columns_clipping[] = {
    X(prompt), X(mode), X(tensor), X(layer), X(scale), X(grid_end), X(n), X(beyond), X(channels), X(worst_channel),
    X(furthest), X(furthest_token), X(furthest_channel), X(furthest_value), X(error_share), X(rel_l2),
    X(rel_l2_clipped), X(rel_l2_rounded), X(nonfinite),
};
TABLE(clipping, Clipping, 4, "Clipping and rounding: the error of each tensor beyond its grid, and on it");
#undef X

#define X(member) COLUMN(TokenErrors, member)
#define ERROR(i) NAMED(TokenErrors, "error2_" #i, error2[i])
#define BASE(i) NAMED(TokenErrors, "base2_" #i, base2[i])
#define SIXTEEN(Y) Y(0), Y(1), Y(2), Y(3), Y(4), Y(5), Y(6), Y(7), Y(8), Y(9), Y(10), Y(11), Y(12), Y(13), Y(14), Y(15)
static const Column columns_token_errors[] = {
    X(prompt), X(base), X(other), X(layer), X(first), SIXTEEN(ERROR), SIXTEEN(BASE),
};
TABLE(token_errors, TokenErrors, 5, "Tokens: what each carries of a pair's difference after a layer");
#undef X
#undef ERROR
#undef BASE
#undef SIXTEEN
_Static_assert(TOKENS_A_ROW == 16, "the columns of sixteen tokens are named one by one");

#define X(member) COLUMN(JudgedRow, member)
static const Column columns_judged[] = {X(prompt), X(base), X(other), X(tensor), X(layer)};
TABLE(judged, JudgedRow, 5, "Judged: rows that GSL's own functions have computed again");
#undef X

#define X(member) COLUMN(Drift, member)
static const Column columns_drift[] = {
    X(base), X(other), X(tensor), X(layer), X(prompts), X(identical), X(rel_l2), X(rel_l2_min), X(rel_l2_max),
    X(rel_l2_low), X(rel_l2_high), X(growth), X(sqnr_db), X(max_abs), X(cosine_min), X(ulp_mean), X(differing),
    X(differing_low), X(differing_high), X(rel_l2_mean), X(rel_l2_mean_low), X(rel_l2_mean_high), X(token_median), X(token_median_low), X(token_median_high), X(token_p90), X(token_p99), X(token_worst_share),
    X(token_worst), X(tokens_left_out), X(worst_prompt), X(tokens_effective),
    PARTS(Drift, channel), X(n), X(nonfinite),
};
TABLE(drift, Drift, 4, "Drift: how a pair's difference develops over the layers, prompts pooled");
#undef X

#define THREE(row, name) COLUMN(row, name), COLUMN(row, name##_low), COLUMN(row, name##_high)
#define X(member) COLUMN(DriftShape, member)
#define Y(name) THREE(DriftShape, name)
static const Column columns_drift_shape[] = {
    X(base), X(other), X(tensor), X(prompts), X(left_out), X(shape), X(layer), X(layer_low), X(layer_high), X(rival),
    X(rival_layer), X(reason), X(agreement), X(told), X(first_layer), X(last_layer), X(latest_start), X(first),
    Y(last), Y(growth), X(growth_p), X(growth_holm),
    X(peak_layer), Y(rise), Y(fall), X(step_layer), Y(step), X(step_share), X(settled_layer), Y(quarter), X(rate),
    Y(pooled_growth), X(parting), X(parting_layer), X(needed),
};
TABLE(drift_shape, DriftShape, 3, "Shapes of drift: how a pair's difference develops over the layers, with intervals over prompts");
#undef X
#undef Y

#define X(member) COLUMN(Event, member)
static const Column columns_events[] = {
    X(base), X(other), X(prompt), X(token), X(layer), X(piece), X(context), X(last_layer), X(healed_layer), X(rank),
    X(share), X(peak_share), X(peak_layer), X(error), X(error_median), X(grown_layer), X(through), X(origin),
    X(repaired), X(to), X(tensor), X(element_token), X(element_channel), X(value), X(value_to), X(grid_end), X(clipped),
    X(removed), X(made), X(made_channel), X(made_value), X(made_to),
};
TABLE(events, Event, 5, "Events: single tokens that carry much of a layer's squared error, and the values that made them");
#undef X

#define X(member) COLUMN(Repair, member)
static const Column columns_repairs[] = {
    X(base), X(other), X(prompt), X(layer), X(tensor), X(token), X(channel), X(event_token), X(repaired), X(to), X(value), X(value_to),
    X(asked), X(rel_l2), X(rel_l2_after), X(share), X(share_after), X(removed), X(last_rel_l2), X(last_rel_l2_after),
    X(logits_rel_l2), X(logits_rel_l2_after), X(kl), X(kl_after),
};
TABLE(repairs, Repair, 10, "Repairs: a mode run again with one element at the other's value");
#undef X

#define X(member) COLUMN(RepairLayer, member)
static const Column columns_repair_layers[] = {
    X(base), X(other), X(prompt), X(layer), X(tensor), X(token), X(channel), X(event_token), X(repaired), X(to), X(at_layer),
    X(rel_l2), X(rel_l2_after), X(share), X(share_after),
};
TABLE(repair_layers, RepairLayer, 11, "Repairs, layer by layer");
#undef X

#define X(member) COLUMN(EventStrip, member)
static const Column columns_event_strip[] = {
    X(base), X(other), X(prompt), X(layer), X(token), X(tokens), X(piece), X(error), X(share),
};
TABLE(event_strip, EventStrip, 5, "Events: relative error of each token and layer, of one prompt of each pair");
#undef X

#define X(member) COLUMN(EventMap, member)
static const Column columns_event_map[] = {
    X(base), X(other), X(prompt), X(layer), X(tensor), X(token), X(channel), X(tokens), X(channels), X(error),
};
TABLE(event_map, EventMap, 7, "Events: the difference by token and channel where the largest was traced");
#undef X

#define X(member) COLUMN(GateRow, member)
static const Column columns_gates[] = {
    X(base), X(other), X(tensor), X(layers), X(measure), X(at_least), X(limit), X(measured), X(worst_layer), X(passed),
    X(passing), X(reason),
};
TABLE(gates, GateRow, 7, "Gates: limits of the spec, and what was measured");
#undef X

#define X(member) COLUMN(Verdict, member)
static const Column columns_verdict[] = {
    X(base), X(other), X(effect), X(reason), X(tensors), X(tensors_identical), X(tensors_same_kernel), X(first_layer),
    X(first_tensor), X(first_prompt), X(first_rel_l2), X(block_out_first), X(block_out_last), X(worst_layer),
    X(block_out_worst), X(logits_rel_l2), X(nonfinite), X(top1_agreement), X(top1_low),
    X(top1_high), X(top1_rows), X(top1_left_out),
};
TABLE(verdict, Verdict, 2, "Verdicts: did both modes take effect, where do they first differ, how large is it at the end");
#undef X

static Column columns_modes[MODE_COLUMNS + STAGE_COLUMNS] = {COLUMN(ModeRow, mode), COLUMN(ModeRow, first_layer),
                                                             COLUMN(ModeRow, last_layer)};
Table table_modes = {"modes", "Modes: the setting of every stage", sizeof(ModeRow), 2, MODE_COLUMNS, columns_modes};

#define X(member) COLUMN(TensorRow, member)
static const Column columns_tensors[] = {
    X(name), X(long_name), X(place), X(rows), X(cols), X(scale), X(role), X(modes_only),
};
TABLE(tensors, TensorRow, 1, "Names: every tensor, what it is, its dimensions and its scale");
#undef X

#define X(member) COLUMN(ScaleRow, member)
static const Column columns_scales[] = {X(prompt), X(mode), X(layer), X(name), X(statistic), X(scale)};
TABLE(scales, ScaleRow, 4, "Scales: of activations and weights, and those that a mode takes from each prompt");
#undef X

#define X(member) COLUMN(ScaleChoice, member)
static const Column columns_scale_choices[] = {
    X(layer), X(scale), X(tensor), X(choice), X(value), X(grid_end), X(values), X(beyond), X(rel_l2_clipped),
    X(rel_l2_rounded), X(rel_l2),
};
TABLE(scale_choices, ScaleChoice, 4, "Scales that could be: what each does by itself to the calibration's values");
#undef X

#define X(member) COLUMN(Performance, member)
static const Column columns_performance[] = {X(what), X(time_s), X(bytes)};
TABLE(performance, Performance, 1, "Performance: where the time went");
#undef X

#define X(member) COLUMN(Budget, member)
static const Column columns_budget[] = {
    X(prompt), X(base), X(other), X(layer), X(base_l2), X(in_l2), X(total_l2), X(local_l2), X(inherited_l2),
    X(interaction_l2), X(local_share), X(inherited_share), X(interaction_share), X(gain),
    X(in_median), X(total_median), X(local_median), X(inherited_median), X(interaction_median), X(gain_median),
};
TABLE(budget, Budget, 4, "Error budget: what each layer makes by itself, and what it passes on");
#undef X

#define X(member) COLUMN(BudgetLayer, member)
#define Y(name) THREE(BudgetLayer, name)
static const Column columns_budget_layers[] = {
    X(base), X(other), X(layer), X(prompts), X(left_out), Y(in), Y(total), Y(local), Y(inherited), Y(interaction),
    Y(local_share), Y(inherited_share), Y(interaction_share), Y(gain), X(gain_needed),
    Y(in_median), Y(total_median), Y(local_median), Y(inherited_median), Y(interaction_median), Y(gain_median),
    Y(local_parting), Y(gain_parting),
};
TABLE(budget_layers, BudgetLayer, 3, "Error budget over the prompts: what each layer makes and passes on, with intervals");
#undef X
#undef Y

#define X(member) COLUMN(MicroRow, member)
static const Column columns_micro[] = {
    X(item), NAMED(MicroRow, "operator", operator_name), X(setting), X(modes), X(input), X(prompt), X(layer), X(shape),
    X(output), X(type), X(kernel), X(as_in_run), X(n), X(mean_want), X(mean_got), X(mean_diff), X(mean_rel), X(std_want),
    X(std_got), X(std_diff), X(std_rel), X(min_want), X(min_got), X(min_diff), X(min_rel), X(max_want), X(max_got),
    X(max_diff), X(max_rel), X(max_abs), X(mean_abs), X(rmse), X(rel_l2), X(sqnr_db), X(cosine), X(pearson),
    X(max_rel_error), X(mean_rel_error), X(zero_want), X(ulp_max), X(ulp_mean), X(p50), X(p90), X(p95), X(p99), X(p999),
    X(misrounded), X(first_index), X(worst_index), X(nonfinite), X(used_max), X(used_median), X(used_index),
    X(over_bound), X(unbounded), X(time_us), X(time_mad_us), X(runs), X(bytes), X(gb_s), X(copy_ratio),
};
TABLE(micro, MicroRow, 9, "Isolated operators: error against float64 on the same inputs, share of the provable bound, time");
#undef X

#define X(member) COLUMN(MicroBin, member)
static const Column columns_micro_histogram[] = {X(item), X(output), X(kind), X(low), X(high), X(count)};
TABLE(micro_histogram, MicroBin, 4, "Isolated operators: distribution of the error");
#undef X

#define X(member) COLUMN(MicroWorst, member)
static const Column columns_micro_worst[] = {
    X(item), X(output), X(rank), X(row), X(col), X(got), X(want), X(error), X(bound), X(used), X(inputs),
};
TABLE(micro_worst, MicroWorst, 3, "Isolated operators: the worst elements, with their inputs");
#undef X

#define X(member) COLUMN(StateDrift, member)
static const Column columns_state_drift[] = {
    X(item), X(tokens), X(channels), X(states), X(rms_first), X(rms_last), X(max_last), X(power), X(power_low),
    X(power_high), X(power_residual), X(level), X(level_low), X(level_high), X(tokens_to_level), X(level_residual),
    X(law), X(worst_channel), X(worst_state), X(worst_error), X(worst_used), X(worst_decay), X(worst_memory),
    X(memory_correlation), X(pearson_min), X(ulp_first), X(ulp_last), X(used_max), X(over_bound),
    X(rms_median_first), X(rms_median_last),
};
TABLE(state_drift, StateDrift, 1, "The scan's state: how its error develops over the tokens");
#undef X

#define X(member) COLUMN(StateError, member)
static const Column columns_state_error[] = {
    X(item), X(token), X(rms), X(max), X(rms_state), X(rel_l2), X(pearson), X(ulp_mean), X(used_max), X(rms_median),
    X(rel_l2_median),
};
TABLE(state_error, StateError, 2, "The scan's state: its error after each token");
#undef X

#define X(member) COLUMN(Evaluation, member)
#define WITH_SE(member) X(member), X(member##_se)
static const Column columns_evaluation[] = {
    X(mode), X(text), X(windows), X(length), X(left_out), X(disjoint), X(byte_tokens), X(lag1), X(block), WITH_SE(bits), WITH_SE(perplexity), WITH_SE(kl_mean),
    WITH_SE(kl_median), WITH_SE(kl_p99), WITH_SE(kl_max), X(kl_geometric),
    X(kl_geometric_low), X(kl_geometric_high), X(kl_worst), X(kl_token_median), WITH_SE(top1_agreement), WITH_SE(top1_accuracy),
    X(top1_agreement_low), X(top1_agreement_high), X(top1_accuracy_low), X(top1_accuracy_high),
    X(nonfinite),
};
TABLE(evaluation, Evaluation, 1, "Evaluation: how well each mode predicts a text, with standard errors over windows");
#undef X
#undef WITH_SE

#define X(member) COLUMN(EvaluationWindow, member)
static const Column columns_evaluation_windows[] = {
    X(mode), X(window), X(tokens), X(first), X(bits), X(kl_mean), X(kl_median), X(kl_p99), X(kl_max), X(top1_agreement),
    X(top1_accuracy), X(nonfinite),
};
TABLE(evaluation_windows, EvaluationWindow, 2, "Evaluation, window by window");
#undef X

#define X(member) COLUMN(EvaluationPair, member)
static const Column columns_evaluation_pairs[] = {
    X(base), X(other), X(metric), X(answer), X(reason), X(windows), X(left_out), X(diff), X(se), X(low), X(high), X(p),
    X(holm), X(base_value), X(other_value), X(lag1), X(block), X(windows_held), X(windows_needed), X(tokens),
    X(top_share), X(reached_tokens), X(reached_share), X(reached_part), X(apart), X(apart_low), X(apart_high),
};
TABLE(evaluation_pairs, EvaluationPair, 3, "Evaluation of pairs: differences between modes, paired by window");
#undef X

#define X(member) COLUMN(EvaluationToken, member)
static const Column columns_evaluation_tokens[] = {
    X(base), X(other), X(by), X(rank), X(window), X(position), X(at), X(token_id), X(piece), X(context), X(bits_base),
    X(bits_other), X(kl_base), X(kl_other), X(share), X(reach), X(in_reach),
};
TABLE(evaluation_tokens, EvaluationToken, 4, "Evaluation: the tokens that carry most of a difference");
#undef X

#define X(member) COLUMN(TaskScore, member)
static const Column columns_tasks[] = {
    X(task), X(mode), X(kind), X(headline), X(samples), X(left_out), X(truncated), X(acc), X(acc_low), X(acc_high),
    X(acc_norm), X(acc_norm_low), X(acc_norm_high), X(perplexity),
};
TABLE(tasks, TaskScore, 2, "Tasks: how many samples each mode answers right");
#undef X

#define X(member) COLUMN(TaskPair, member)
static const Column columns_task_pairs[] = {
    X(task), X(base), X(other), X(metric), X(answer), X(samples), X(base_only), X(other_only), X(diff), X(p), X(holm),
    X(samples_needed),
};
TABLE(task_pairs, TaskPair, 4, "Tasks: pairs of modes, sample by sample");
#undef X

#define X(member) COLUMN(TaskSample, member)
static const Column columns_task_samples[] = {
    X(task), X(mode), X(sample), X(gold), X(answer), X(answer_norm), X(right), X(right_norm), X(truncated), X(log_p),
    X(margin),
};
TABLE(task_samples, TaskSample, 3, "Tasks, sample by sample");
#undef X

#define X(member) COLUMN(Cost, member)
static const Column columns_cost[] = {
    X(mode), X(backend), NAMED(Cost, "operator", operator_name), X(length), X(repeats), X(calls), X(time_s), X(mad_s), X(share),
    X(tokens_per_s), X(speed_to_fp32), X(bytes), X(time_to_copy),
};
TABLE(cost, Cost, 4, "Cost: time of a prefill and of its operators");
#undef X

#define X(member) COLUMN(CostBytes, member)
static const Column columns_cost_bytes[] = {
    X(mode), X(weight_bytes), X(scale_bytes), X(activation_bytes), X(peak_activation_bytes), X(state_bytes), X(to_fp32),
};
TABLE(cost_bytes, CostBytes, 1, "Cost: bytes that each mode needs");
#undef X

#define X(member) COLUMN(Speed, member)
static const Column columns_speed[] = {
    X(what), X(kernel), X(mode), X(backend), X(T), X(median_s), X(mad_s), X(bytes), X(ratio_copy), X(ratio_roofline),
};
TABLE(speed, Speed, 5, "Speed: operators and whole passes, against a copy of as many bytes and against the roofline");
#undef X

#define CHANGE(row, name) THREE(row, name), COLUMN(row, name##_holm), COLUMN(row, name##_needed)
/* Of END_FIELDS. */
#define END_COLUMNS                                                                                                    \
  X(pooled), Y(block_out), Z(block_out_factor), Y(token_median), Z(token_median_factor), Y(parting_factor), Y(kl),     \
      Z(kl_factor), Y(bits), Z(bits_change)

#define X(member) COLUMN(Swap, member)
#define Y(name) THREE(Swap, name)
#define Z(name) CHANGE(Swap, name)
static const Column columns_swap[] = {
    X(base), X(other), X(start), X(stages), X(count), X(rank), X(refused), X(identical), X(prompts), X(left_out),
    X(moved), END_COLUMNS,
};
TABLE(swap, Swap, 4, "Stage swaps: a mode with some stages set as in the other of its pair");
#undef X
#undef Y
#undef Z

#define X(member) COLUMN(SwapEffect, member)
#define Y(name) THREE(SwapEffect, name)
#define Z(name) CHANGE(SwapEffect, name)
static const Column columns_swap_effect[] = {
    X(base), X(other), X(stages), X(order), X(rank), X(contexts), X(possible), X(prompts), X(left_out),
    Z(block_out_factor), Z(token_median_factor), Y(parting_factor), Z(kl_factor), Z(bits_change),
};
TABLE(swap_effect, SwapEffect, 3, "Effects of stages and of pairs of stages, in the mean over all combinations of the others");
#undef X
#undef Y
#undef Z

#define X(member) COLUMN(Restoration, member)
#define Y(name) THREE(Restoration, name)
static const Column columns_restore[] = {
    X(mode), X(to), X(by), X(step), X(layer), X(stages), X(of), X(limit), X(reached), X(prompts), X(left_out), X(pooled),
    Y(block_out), Y(token_median), Y(block_out_factor), Y(token_median_factor), Y(parting_factor), Y(kl), Y(bits),
    X(candidates), X(next_layer), X(next_stages), X(next_block_out), X(next_token_median), X(first_block_out),
    X(first_token_median),
};
TABLE(restore, Restoration, 4, "Layers that matter: restored one by one until the end comes below a limit");
#undef X
#undef Y

#define X(member) COLUMN(Mend, member)
#define Y(name) THREE(Mend, name)
#define Z(name) CHANGE(Mend, name)
static const Column columns_mend[] = {
    X(mode), X(choice), X(layer), X(scale), X(value_before), X(value), X(local_before), X(local), X(identical),
    X(prompts), X(left_out), END_COLUMNS,
};
TABLE(mend, Mend, 4, "What would mend it: a mode with other activation scales");
#undef X

#define X(member) COLUMN(GridPoint, member)
#undef Y
#undef Z
#define Y(name) THREE(GridPoint, name)
#define Z(name) CHANGE(GridPoint, name)
static const Column columns_grid[] = {
    X(mode), X(alpha), X(length), X(own), X(as_alpha), X(prompts), X(left_out), END_COLUMNS,
};
TABLE(grid, GridPoint, 3, "Modes by alphas of the calibration by lengths of the prompts");
#undef X
#undef Y
#undef Z
#undef END_COLUMNS
#undef CHANGE

#define X(member) COLUMN(MendLayer, member)
static const Column columns_mend_layers[] = {X(mode), X(choice), X(layer), X(scale), X(at_layer), X(rel_l2)};
TABLE(mend_layers, MendLayer, 5, "What would mend it, layer by layer: the error of block_out with other activation scales");
#undef X
#undef THREE

#define X(member) COLUMN(SourceRow, member)
static const Column columns_sources[] = {X(source), X(dump), X(names), X(arrays), X(used), X(layers), X(masked)};
TABLE(sources, SourceRow, 1, "Sources: sides whose tensors were made elsewhere");
#undef X

#define X(member) COLUMN(SourceLeft, member)
static const Column columns_source_left[] = {X(source), X(array), X(type), X(shape)};
TABLE(source_left, SourceLeft, 2, "Sources: arrays that are no tensor of the run");
#undef X

#define X(member) COLUMN(SourceValues, member)
static const Column columns_source_values[] = {
    X(prompt), X(source), X(tensor), X(layer), X(n), X(as_f16), X(as_bf16), X(grid_scale), X(grid_levels),
};
TABLE(source_values, SourceValues, 4, "Sources: of which precision the values are");
#undef X

#define X(member) COLUMN(Undone, member)
static const Column columns_undone[] = {
    X(prompt), X(base), X(other), X(tensor), X(layer), X(cols), X(rewritten), X(side), X(reason), X(back), X(rel_l2),
    X(other_l2),
};
TABLE(undone, Undone, 5, "Sources: tensors of rewritten weights beside plain ones");
#undef X

#define X(member) COLUMN(ThreeWay, member)
static const Column columns_three_way[] = {
    X(base), X(other), X(against), X(tensor), X(layer), X(prompts), X(error_base), X(error_other),
    X(ratio), X(ratio_low), X(ratio_high), X(sigma_ratio), X(overlap), X(worst_l2), X(worst_max_abs),
};
TABLE(three_way, ThreeWay, 5, "Against a third: the errors of two, and their ratio");
#undef X
/* clang-format on */

const Table *const tables[] = {&table_verdict,
                               &table_gates,
                               &table_drift_shape,
                               &table_events,
                               &table_repairs,
                               &table_repair_layers,
                               &table_drift,
                               &table_pair_stats,
                               &table_clipping,
                               &table_tensor_stats,
                               &table_modes,
                               &table_tensors,
                               &table_scales,
                               &table_scale_choices,
                               &table_performance,
                               &table_budget,
                               &table_budget_layers,
                               &table_swap,
                               &table_swap_effect,
                               &table_restore,
                               &table_mend,
                               &table_mend_layers,
                               &table_grid,
                               &table_micro,
                               &table_micro_histogram,
                               &table_micro_worst,
                               &table_state_drift,
                               &table_state_error,
                               &table_evaluation,
                               &table_evaluation_pairs,
                               &table_evaluation_windows,
                               &table_evaluation_tokens,
                               &table_tasks,
                               &table_task_pairs,
                               &table_task_samples,
                               &table_cost,
                               &table_cost_bytes,
                               &table_event_strip,
                               &table_event_map,
                               &table_three_way,
                               &table_sources,
                               &table_source_left,
                               &table_source_values,
                               &table_undone,
                               NULL};

/* The column of a stage; 0 where there is none yet. */
static int column_of_stage(const char *key) {
  for (int i = MODE_COLUMNS; i < table_modes.columns; i++)
    if (!strcmp(columns_modes[i].name, key)) return i;
  return 0;
}

/* The families' tables are no constants of this file, so what is made from them is made when the
 * program starts. */
__attribute__((constructor)) static void name_stages(void) {
  for (const Family *const *family = families; *family; family++)
    for (int s = 0; s < (*family)->stages; s++) {
      const char *key = (*family)->stage[s].key;
      if (column_of_stage(key)) continue;
      const int at = table_modes.columns++;
      assert(at < MODE_COLUMNS + STAGE_COLUMNS);
      columns_modes[at] = (Column)NAMED(ModeRow, key, setting[0]);
      columns_modes[at].offset += (size_t)(at - MODE_COLUMNS) * TEXT_SETTING;
    }
  assert(table_modes.columns == MODE_COLUMNS + STAGE_COLUMNS);
}

ModeRow mode_row(const Mode *mode, int first_layer, int last_layer) {
  const Mode *in = mode_in(mode, last_layer);
  ModeRow row = {.first_layer = first_layer, .last_layer = last_layer};
  table_text(row.mode, sizeof row.mode, mode->name);
  for (int s = 0; s < mode->family->stages; s++)
    table_text(row.setting[column_of_stage(mode->family->stage[s].key) - MODE_COLUMNS],
               TEXT_SETTING, mode_setting_name(in, s));
  return row;
}

void table_text(char *column, size_t size, const char *text) { snprintf(column, size, "%s", text); }

void table_names(char *column, size_t size, const char *const *name, int count) {
  enum { MORE = 24 }; /* " and 4294967295 more" */
  size_t used = 0;
  column[0] = 0;
  for (int i = 0; i < count; i++) {
    size_t left = size - used, length = strlen(name[i]) + (i ? 2 : 0),
           more = i + 1 < count ? MORE : 0;
    if (length + more >= left) {
      snprintf(column + used, left, i ? " and %d more" : "%d of them", count - i);
      return;
    }
    used += (size_t)snprintf(column + used, left, "%s%s", i ? ", " : "", name[i]);
  }
}

double table_double(const void *row, size_t offset) {
  double value;
  memcpy(&value, (const char *)row + offset, sizeof value);
  return value;
}

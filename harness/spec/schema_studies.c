/* schema_studies: what a spec asks of a run, a study an object: the operators alone, the
 * evaluation, swaps, events, gates, … */
#include "spec/defaults.h"
#include "spec/schema_rows.h"
#include "spec/spec.h"

static const Key a_prompt_name = {.kind = KIND_NAME};
static const Key a_shape = {.kind = KIND_SHAPE};
static const Key an_input = {.kind = KIND_WORD,
                             .names = WORDS("captured", "normal", "uniform", "student_t",
                                            "outliers", "ties", "saturating", "denormal", "zero",
                                            "cancellation", "slow_decay")};

static const Key micro_keys[] = {
    {"operator", KIND_WORD, offsetof(Micro, operator_name), .required = true,
     .names = WORDS("conv1d", "scan", "linear", "rmsnorm", "hadamard", "exp", "silu", "softplus"),
     .meaning = "the operator that runs alone"},
    {"inputs", KIND_LIST, offsetof(Micro, inputs), .required = true, .min = 1, .max = 11,
     .item = &an_input, .count_offset = offsetof(Micro, input_count),
     .meaning = "captured from the model, or made from the seed"},
    {"layers", KIND_LIST, offsetof(Micro, layers), .min = 1, .max = 10000, .item = &a_layer,
     .count_offset = offsetof(Micro, layer_count),
     .meaning = "layers whose weights and inputs are captured; left out: the first and the last"},
    {"prompts", KIND_LIST, offsetof(Micro, prompts), .min = 1, .max = PROMPTS_MAX,
     .item = &a_prompt_name, .count_offset = offsetof(Micro, prompt_count),
     .meaning = "prompts at which inputs are captured; left out: the first"},
    {"shapes", KIND_LIST, offsetof(Micro, shapes), .min = 1, .max = 64, .item = &a_shape,
     .count_offset = offsetof(Micro, shape_count),
     .meaning = "shapes of made inputs: tokens x channels (x states of the scan, x outputs of a "
                "linear), each with every input; left out: the model's own (at most 512 tokens) "
                "with every input, and with the first made input also 1, 2, 3, 5 and 33 tokens, "
                "odd widths, those of a 130M model, and 8192 tokens for the scan"},
    {"modes", KIND_LIST, offsetof(Micro, modes), .min = 1, .max = MICRO_MODES_MAX,
     .item = &a_mode_name, .count_offset = offsetof(Micro, mode_count),
     .meaning =
         "modes that the operator runs under, equal computations once; left out: every preset that "
         "has its scales (fp32 for exp, silu and softplus, which no stage touches)"},
};
const Object schema_micro = {sizeof(Micro), micro_keys, COUNT_OF(micro_keys), NULL, NULL};

static const Key a_length = {.kind = KIND_INT, .min = 1, .max = TOKENS_MAX};

static const Key task_keys[] = {
    {"file", KIND_TEXT, offsetof(TaskPlan, file), .required = true, .min = 1,
     .meaning = "JSON lines: {context, target}, {context, choices, gold} or {contexts, target, "
                "gold}"},
    {"kind", KIND_CHOICE, offsetof(TaskPlan, kind), .standard = "by_keys",
     .names = WORDS("by_keys", "target", "choices", "contexts"),
     .meaning = "what a sample asks: whether the target is the likeliest at every token, which "
                "choice is likelier, or behind which context the target is; by_keys: what the "
                "first line's keys say"},
    {"delimiter", KIND_TEXT, offsetof(TaskPlan, delimiter), .min = 0,
     .meaning = "what stands between a context and its continuation; left out: a space, of kind "
                "target nothing"},
    {"max_length", KIND_INT, offsetof(TaskPlan, max_length),
     .standard = DEFAULT_SHOWN(DEFAULT_TASK_LENGTH), .min = 1, .max = TOKENS_MAX,
     .meaning = "tokens of a context with its continuation that are read; longer ones are cut on "
                "the left"},
    {"samples", KIND_INT, offsetof(TaskPlan, samples), .min = 1, .max = 1 << 20,
     .meaning = "the first so many lines; left out: all"},
};
static const Object task = {sizeof(TaskPlan), task_keys, COUNT_OF(task_keys), NULL, NULL};
static const Key a_task = {.kind = KIND_OBJECT, .object = &task};

static const Key evaluation_keys[] = {
    {"text", KIND_TEXT, offsetof(EvaluationPlan, text), .min = 1,
     .meaning = "text that is predicted"},
    {"tokens", KIND_TEXT, offsetof(EvaluationPlan, tokens), .min = 1,
     .meaning =
         "file of token ids that are predicted, in place of text: integers as text, or .npy"},
    {"windows", KIND_INT, offsetof(EvaluationPlan, windows),
     .standard = DEFAULT_SHOWN(DEFAULT_EVAL_WINDOWS), .min = 1, .max = WINDOWS_MAX,
     .meaning = "windows taken from the file, evenly spread; standard errors are over windows"},
    {"length", KIND_INT, offsetof(EvaluationPlan, length),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH), .min = 1, .max = TOKENS_MAX,
     .meaning = "tokens predicted in each window, which has one more in front"},
    {"modes", KIND_LIST, offsetof(EvaluationPlan, modes), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(EvaluationPlan, mode_count),
     .meaning = "modes that are evaluated beside fp64; left out: all modes that run"},
    {"tasks", KIND_LIST, offsetof(EvaluationPlan, tasks), .min = 1, .max = 64, .item = &a_task,
     .count_offset = offsetof(EvaluationPlan, task_count),
     .meaning = "files of samples, of which each mode's share of right answers is told"},
};
const Object schema_evaluation = {sizeof(EvaluationPlan), evaluation_keys,
                                  COUNT_OF(evaluation_keys), NULL,
                                  WORDS("text", "tokens", "tasks")};

static const Key cost_keys[] = {
    {"lengths", KIND_LIST, offsetof(CostPlan, lengths), .required = true, .min = 1,
     .max = COST_LENGTHS_MAX, .item = &a_length, .count_offset = offsetof(CostPlan, length_count),
     .meaning = "tokens of a prefill that is timed"},
    {"repeats", KIND_INT, offsetof(CostPlan, repeats), .standard = "9", .min = 1, .max = 1000,
     .meaning = "how often each is timed; the tables give median and spread"},
    {"modes", KIND_LIST, offsetof(CostPlan, modes), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(CostPlan, mode_count),
     .meaning = "modes that are timed; left out: all modes that run"},
};
const Object schema_cost = {sizeof(CostPlan), cost_keys, COUNT_OF(cost_keys), NULL, NULL};

static const Key swap_keys[] = {
    {"pair", KIND_PAIR, offsetof(SwapPlan, pair), .required = true,
     .meaning = "the two modes, neither of them fp64"},
    {"combinations", KIND_CHOICE, offsetof(SwapPlan, combinations), .standard = "false",
     .names = WORDS("false", "true"),
     .meaning = "also every combination of the stages in which the two differ"},
};
const Object schema_swap = {sizeof(SwapPlan), swap_keys, COUNT_OF(swap_keys), NULL, NULL};

static const Key restore_keys[] = {
    {"mode", KIND_MODE_NAME, offsetof(RestorePlan, mode), .required = true,
     .meaning = "the mode that every layer starts in"},
    {"to", KIND_MODE_NAME, offsetof(RestorePlan, to), .standard = "fp32",
     .meaning = "the mode that layers are restored to"},
    {"limit", KIND_REAL, offsetof(RestorePlan, limit), .required = true, .low = 1e-12, .high = 1,
     .meaning = "relative L2 of the last block_out against fp64 that is to be reached"},
    {"of", KIND_CHOICE, offsetof(RestorePlan, of), .standard = "total",
     .names = WORDS("total", "median_token"),
     .meaning = "whose error that is, and by whose the choice goes: all tokens together, or the "
                "median token"},
    {"by", KIND_CHOICE, offsetof(RestorePlan, by), .standard = "layer",
     .names = WORDS("layer", "stage"),
     .meaning = "what is restored at a time: a whole layer, or a stage of a layer"},
    {"most", KIND_INT, offsetof(RestorePlan, most), .standard = "6", .min = 1, .max = 999,
     .meaning = "layers, or stages of layers, that are restored at most"},
};
const Object schema_restore = {sizeof(RestorePlan), restore_keys, COUNT_OF(restore_keys), NULL,
                               NULL};

static const Key event_keys[] = {
    {"share", KIND_REAL, offsetof(EventPlan, share), .standard = DEFAULT_SHOWN(DEFAULT_EVENT_SHARE),
     .low = 0.01, .high = 1,
     .meaning = "an event is a token with more than this share of a layer's squared error of "
                "block_out, and with more than three tokens' even share"},
    {"repair", KIND_INT, offsetof(EventPlan, repair), .standard = "3", .min = 0, .max = 1000,
     .meaning = "so many of the largest events of each pair are traced to the element where they "
                "begin, and repaired"},
};
const Object schema_events = {sizeof(EventPlan), event_keys, COUNT_OF(event_keys), NULL, NULL};

static const Key repair_keys[] = {
    {"mode", KIND_MODE_NAME, offsetof(RepairPlan, mode), .required = true,
     .meaning = "the mode that is repaired"},
    {"to", KIND_MODE_NAME, offsetof(RepairPlan, to), .standard = MODE_REFERENCE,
     .meaning = "the mode whose value the element is given"},
    {"prompt", KIND_NAME, offsetof(RepairPlan, prompt), .required = true,
     .meaning = "the prompt's name"},
    {"layer", KIND_INT, offsetof(RepairPlan, layer), .required = true, .min = 0, .max = 9999,
     .meaning = "its layer"},
    {"tensor", KIND_TENSOR, offsetof(RepairPlan, tensor), .required = true,
     .meaning = "a tensor of that layer"},
    {"token", KIND_INT, offsetof(RepairPlan, token), .required = true, .min = 0, .max = TOKENS_MAX,
     .meaning = "the element's token, its row"},
    {"channel", KIND_INT, offsetof(RepairPlan, channel), .required = true, .min = 0, .max = 1 << 20,
     .meaning = "the element's channel, its column"},
};
const Object schema_repair = {sizeof(RepairPlan), repair_keys, COUNT_OF(repair_keys), NULL, NULL};

static const Key an_alpha = {.kind = KIND_REAL, .low = 0.5, .high = 1};

static const Key grid_keys[] = {
    {"alpha", KIND_LIST, offsetof(GridPlan, alphas), .min = 1, .max = GRID_ALPHAS_MAX,
     .item = &an_alpha, .count_offset = offsetof(GridPlan, alpha_count),
     .meaning = "alphas of the calibration; left out: its own"},
    {"modes", KIND_LIST, offsetof(GridPlan, modes), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(GridPlan, mode_count),
     .meaning = "modes; left out: all modes that run"},
    {"length", KIND_LIST, offsetof(GridPlan, lengths), .min = 1, .max = 64, .item = &a_length,
     .count_offset = offsetof(GridPlan, length_count),
     .meaning = "so many tokens of every prompt, from its first; left out: whole prompts"},
};
const Object schema_grid = {sizeof(GridPlan), grid_keys, COUNT_OF(grid_keys), NULL,
                            WORDS("alpha", "modes", "length")};

static const Key gate_keys[] = {
    {"pair", KIND_PAIR, offsetof(Gate, pair),
     .meaning = "the two that are compared, as in pairs or as [fp64, MODE]"},
    {"mode", KIND_MODE_NAME, offsetof(Gate, mode), .with = "on_grid",
     .meaning = "the mode whose values lie on a grid"},
    {"tensor", KIND_TENSOR, offsetof(Gate, tensor), .standard = "block_out",
     .meaning = "the tensor that is looked at"},
    {"layer", KIND_INT, offsetof(Gate, layer), .standard = "last", .min = 0, .max = 9999,
     .names = WORDS("last", "all"), .meaning = "its layer; all: the worst of them"},
    {"rel_l2", KIND_LIMIT, offsetof(Gate, rel_l2), .low = 0, .high = 1e300,
     .meaning = "relative L2, at most"},
    {"token_median", KIND_LIMIT, offsetof(Gate, token_median), .low = 0, .high = 1e300,
     .meaning = "relative L2 of the median token, at most"},
    {"max_abs", KIND_LIMIT, offsetof(Gate, max_abs), .low = 0, .high = 1e300,
     .meaning = "largest absolute difference, at most"},
    {"sqnr_db", KIND_LIMIT, offsetof(Gate, sqnr_db), .low = -1000, .high = 1000,
     .meaning = "SQNR in dB, at least"},
    {"differing", KIND_LIMIT, offsetof(Gate, differing), .low = 0, .high = 1,
     .meaning = "share of elements whose bits differ, at most"},
    {"growth", KIND_LIMIT, offsetof(Gate, growth), .low = 0, .high = 1e300,
     .meaning = "factor of the median token's error from the first layer that differs to the last, "
                "at most"},
    {"step", KIND_LIMIT, offsetof(Gate, step), .low = 0, .high = 1e300,
     .meaning = "its largest factor from one layer to the next, at most"},
    {"peak", KIND_LIMIT, offsetof(Gate, peak), .low = 0, .high = 1e300,
     .meaning =
         "factor from the first layer that differs to the layer where it is largest, at most"},
    {"on_grid", KIND_LIMIT, offsetof(Gate, on_grid), .low = 0, .high = 1,
     .meaning = "share of a mode's values that lie on the tensor's INT8 grid, at least"},
    {"top1_agreement", KIND_LIMIT, offsetof(Gate, top1_agreement), .low = 0, .high = 1,
     .meaning = "share of positions at which both choose the same next token, at least"},
    {"bits_per_byte", KIND_LIMIT, offsetof(Gate, bits_per_byte), .low = -1000, .high = 1000,
     .meaning =
         "bits per byte of the second less those of the first, at most; needs an evaluation"},
};
const Object schema_gate = {sizeof(Gate), gate_keys, COUNT_OF(gate_keys),
                            WORDS("rel_l2", "token_median", "max_abs", "sqnr_db", "differing",
                                  "growth", "step", "peak", "on_grid", "top1_agreement",
                                  "bits_per_byte"),
                            NULL};

static const Key drift_keys[] = {
    {"flat", KIND_REAL, offsetof(DriftLimits, flat), .standard = "1.25", .low = 1, .high = 1000,
     .meaning = "flat: all layers lie within this factor"},
    {"turn", KIND_REAL, offsetof(DriftLimits, turn), .standard = "1.1", .low = 1, .high = 1000,
     .meaning = "a fall after a rise, or a rise after a fall, counts from this factor on"},
    {"ripple", KIND_REAL, offsetof(DriftLimits, ripple), .standard = "5", .low = 0, .high = 1000,
     .meaning = "and from so many times the curve's own ripple from layer to layer on"},
    {"jump", KIND_REAL, offsetof(DriftLimits, jump), .standard = "1.25", .low = 1, .high = 1000,
     .meaning = "jumps: one step is at least this factor"},
    {"step_share", KIND_REAL, offsetof(DriftLimits, step_share), .standard = "0.5", .low = 0,
     .high = 1,
     .meaning = "and stands out from its neighbours by more than this share of the whole rise"},
    {"settle", KIND_REAL, offsetof(DriftLimits, settle), .standard = "0.1", .low = 0, .high = 10,
     .meaning = "settled: the curve stays within this share of its end"},
    {"plateau", KIND_REAL, offsetof(DriftLimits, plateau), .standard = "0.333", .low = 0, .high = 1,
     .meaning = "saturates: it is settled over at least this share of the layers"},
    {"agreement", KIND_REAL, offsetof(DriftLimits, agreement), .standard = "0.9", .low = 0,
     .high = 1,
     .meaning = "a shape is told where at least this share of the draws of prompts has it"},
    {"parting", KIND_REAL, offsetof(DriftLimits, parting), .standard = "1.5", .low = 1,
     .high = 1000,
     .meaning = "single tokens carry the error where all tokens together are off the median one by "
                "this factor"},
};
const Object schema_drift = {sizeof(DriftLimits), drift_keys, COUNT_OF(drift_keys), NULL, NULL};

static const Key third_keys[] = {
    {"pair", KIND_PAIR, offsetof(ThirdPlan, pair), .required = true,
     .meaning = "the two whose errors are compared"},
    {"against", KIND_MODE_NAME, offsetof(ThirdPlan, against), .required = true,
     .meaning = "what they are held against: fp64, or a more precise mode or source"},
};
const Object schema_third = {sizeof(ThirdPlan), third_keys, COUNT_OF(third_keys), NULL, NULL};

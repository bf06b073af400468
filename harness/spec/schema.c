/* schema: the table. Its order is the order of the effective spec. */
#include "spec/schema.h"

#include <float.h>
#include <string.h>

#include "family/family.h"
#include "spec/defaults.h"
#include "spec/spec.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const Key a_layer = {.kind = KIND_INT, .min = 0, .max = 9999};
static const Key a_tensor = {.kind = KIND_TENSOR};
static const Key a_mode_name = {.kind = KIND_MODE_NAME};
static const Key a_prompt_name = {.kind = KIND_NAME};
static const Key a_shape = {.kind = KIND_SHAPE};
static const Key a_pair = {.kind = KIND_PAIR};
static const Key an_input = {.kind = KIND_WORD,
                             .names = WORDS("captured", "normal", "uniform", "student_t",
                                            "outliers", "ties", "saturating", "denormal", "zero",
                                            "cancellation", "slow_decay")};

static const Key calibration_keys[] = {
    {"text", KIND_TEXT, offsetof(Calibration, text), .min = 1,
     .meaning = "text whose tokens calibrate the activation scales"},
    {"tokens", KIND_TEXT, offsetof(Calibration, tokens), .min = 1,
     .meaning =
         "file of token ids that calibrate them, in place of text: integers as text, or .npy"},
    {"windows", KIND_INT, offsetof(Calibration, windows),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOWS), .min = 1, .max = 4096,
     .meaning = "windows taken from the file, evenly spread"},
    {"length", KIND_INT, offsetof(Calibration, length),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH), .min = 1, .max = 1 << 20,
     .meaning = "tokens of each window"},
    {"alpha", KIND_REAL, offsetof(Calibration, alpha), .standard = DEFAULT_SHOWN(DEFAULT_ALPHA),
     .low = 0.5, .high = 1,
     .meaning = "quantile of |u| and of the |final state| that the int8 grid still covers"},
};
static const Object calibration = {sizeof(Calibration), calibration_keys,
                                   COUNT_OF(calibration_keys), WORDS("text", "tokens"), NULL};

static const Key prompt_keys[] = {
    {"name", KIND_NAME, offsetof(Prompt, name), .required = true,
     .meaning = "the prompt's name in results and report"},
    {"text", KIND_TEXT, offsetof(Prompt, text), .min = 1,
     .meaning = "text file; its tokens are those of the tokenizer.json beside the checkpoint, else "
                "its bytes"},
    {"offset", KIND_INT64, offsetof(Prompt, offset), .standard = "0", .min = 0, .max = INT64_MAX,
     .with = "text", .or_with = "tokens",
     .meaning = "byte of the text file at which what is read begins, the first of a character; or "
                "first id of the tokens"},
    {"length", KIND_INT, offsetof(Prompt, length), .min = 1, .max = 1 << 20, .with = "text",
     .or_with = "tokens", .meaning = "tokens taken; left out: up to the end of the file"},
    {"windows", KIND_INT, offsetof(Prompt, windows), .min = 1, .max = PROMPTS_MAX, .with = "length",
     .meaning = "so many prompts of that length, evenly spread from offset to the end of the file, "
                "named NAME00, NAME01, …"},
    {"string", KIND_TEXT, offsetof(Prompt, string), .min = 1, .meaning = "the text itself"},
    {"tokens", KIND_TEXT, offsetof(Prompt, tokens), .min = 1,
     .meaning = "file of token ids: integers as text, or .npy of integers in one row"},
};
static const Object prompt = {sizeof(Prompt), prompt_keys, COUNT_OF(prompt_keys),
                              WORDS("text", "string", "tokens"), NULL};
static const Key a_prompt = {.kind = KIND_OBJECT, .object = &prompt};

static const Key keep_keys[] = {
    {"tensors", KIND_LIST, offsetof(Keep, tensors), .standard = "all", .min = 1, .item = &a_tensor,
     .count_offset = offsetof(Keep, tensor_count), .all_offset = offsetof(Keep, all_tensors),
     .names = WORDS("all", "none"), .meaning = "tensors that the results file keeps"},
    {"layers", KIND_LIST, offsetof(Keep, layers), .standard = "all", .min = 1, .max = 10000,
     .item = &a_layer, .count_offset = offsetof(Keep, layer_count),
     .all_offset = offsetof(Keep, all_layers), .names = WORDS("all"),
     .meaning = "layers whose tensors the results file keeps, from 0"},
    {"f16_as", KIND_CHOICE, offsetof(Keep, f16_as), .standard = "f32", .names = WORDS("f32", "f16"),
     .meaning = "how float16 values are stored; netCDF, xarray and HDFView read f32 only"},
};
static const Object keep = {sizeof(Keep), keep_keys, COUNT_OF(keep_keys), NULL, NULL};

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
    {"prompts", KIND_LIST, offsetof(Micro, prompts), .min = 1, .max = 4096, .item = &a_prompt_name,
     .count_offset = offsetof(Micro, prompt_count),
     .meaning = "prompts at which inputs are captured; left out: the first"},
    {"shapes", KIND_LIST, offsetof(Micro, shapes), .min = 1, .max = 64, .item = &a_shape,
     .count_offset = offsetof(Micro, shape_count),
     .meaning = "shapes of made inputs: tokens x channels (x states of the scan, x outputs of a "
                "linear), each with every "
                "input; left out: the model's own (at most 512 tokens) with every input, and with "
                "the first made input "
                "also 1, 2, 3, 5 and 33 tokens, odd widths, those of a 130M model, and 8192 tokens "
                "for the scan"},
    {"modes", KIND_LIST, offsetof(Micro, modes), .min = 1, .max = MICRO_MODES_MAX,
     .item = &a_mode_name, .count_offset = offsetof(Micro, mode_count),
     .meaning = "modes that the operator runs under, equal computations once; left out: every "
                "preset that has its "
                "scales (fp32 for exp, silu and softplus, which no stage touches)"},
};
static const Object micro = {sizeof(Micro), micro_keys, COUNT_OF(micro_keys), NULL, NULL};
static const Key a_micro = {.kind = KIND_OBJECT, .object = &micro};

static const Key a_length = {.kind = KIND_INT, .min = 1, .max = 1 << 20};

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
     .standard = DEFAULT_SHOWN(DEFAULT_TASK_LENGTH), .min = 1, .max = 1 << 20,
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
     .standard = DEFAULT_SHOWN(DEFAULT_EVAL_WINDOWS), .min = 1, .max = 4096,
     .meaning = "windows taken from the file, evenly spread; standard errors are over windows"},
    {"length", KIND_INT, offsetof(EvaluationPlan, length),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH), .min = 1, .max = 1 << 20,
     .meaning = "tokens predicted in each window, which has one more in front"},
    {"modes", KIND_LIST, offsetof(EvaluationPlan, modes), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(EvaluationPlan, mode_count),
     .meaning = "modes that are evaluated beside fp64; left out: all modes that run"},
    {"tasks", KIND_LIST, offsetof(EvaluationPlan, tasks), .min = 1, .max = 64, .item = &a_task,
     .count_offset = offsetof(EvaluationPlan, task_count),
     .meaning = "files of samples, of which each mode's share of right answers is told"},
};
static const Object evaluation = {sizeof(EvaluationPlan), evaluation_keys,
                                  COUNT_OF(evaluation_keys), NULL,
                                  WORDS("text", "tokens", "tasks")};

static const Key cost_keys[] = {
    {"lengths", KIND_LIST, offsetof(CostPlan, lengths), .required = true, .min = 1, .max = 16,
     .item = &a_length, .count_offset = offsetof(CostPlan, length_count),
     .meaning = "tokens of a prefill that is timed"},
    {"repeats", KIND_INT, offsetof(CostPlan, repeats), .standard = "9", .min = 1, .max = 1000,
     .meaning = "how often each is timed; the tables give median and spread"},
    {"modes", KIND_LIST, offsetof(CostPlan, modes), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(CostPlan, mode_count),
     .meaning = "modes that are timed; left out: all modes that run"},
};
static const Object cost = {sizeof(CostPlan), cost_keys, COUNT_OF(cost_keys), NULL, NULL};

static const Key swap_keys[] = {
    {"pair", KIND_PAIR, offsetof(SwapPlan, pair), .required = true,
     .meaning = "the two modes, neither of them fp64"},
    {"combinations", KIND_CHOICE, offsetof(SwapPlan, combinations), .standard = "false",
     .names = WORDS("false", "true"),
     .meaning = "also every combination of the stages in which the two differ"},
};
static const Object swap = {sizeof(SwapPlan), swap_keys, COUNT_OF(swap_keys), NULL, NULL};
static const Key a_swap = {.kind = KIND_OBJECT, .object = &swap};

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
static const Object restore = {sizeof(RestorePlan), restore_keys, COUNT_OF(restore_keys), NULL,
                               NULL};
static const Key a_restore = {.kind = KIND_OBJECT, .object = &restore};

static const Key event_keys[] = {
    {"share", KIND_REAL, offsetof(EventPlan, share), .standard = DEFAULT_SHOWN(DEFAULT_EVENT_SHARE),
     .low = 0.01, .high = 1,
     .meaning = "an event is a token with more than this share of a layer's squared error of "
                "block_out, and with more "
                "than three tokens' even share"},
    {"repair", KIND_INT, offsetof(EventPlan, repair), .standard = "3", .min = 0, .max = 1000,
     .meaning = "so many of the largest events of each pair are traced to the element where they "
                "begin, and repaired"},
};
static const Object events = {sizeof(EventPlan), event_keys, COUNT_OF(event_keys), NULL, NULL};

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
    {"token", KIND_INT, offsetof(RepairPlan, token), .required = true, .min = 0, .max = 1 << 20,
     .meaning = "the element's token, its row"},
    {"channel", KIND_INT, offsetof(RepairPlan, channel), .required = true, .min = 0, .max = 1 << 20,
     .meaning = "the element's channel, its column"},
};
static const Object repair = {sizeof(RepairPlan), repair_keys, COUNT_OF(repair_keys), NULL, NULL};
static const Key a_repair = {.kind = KIND_OBJECT, .object = &repair};

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
static const Object grid = {sizeof(GridPlan), grid_keys, COUNT_OF(grid_keys), NULL,
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
static const Object gate = {sizeof(Gate), gate_keys, COUNT_OF(gate_keys),
                            WORDS("rel_l2", "token_median", "max_abs", "sqnr_db", "differing",
                                  "growth", "step", "peak", "on_grid", "top1_agreement",
                                  "bits_per_byte"),
                            NULL};
static const Key a_gate = {.kind = KIND_OBJECT, .object = &gate};

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
static const Object drift = {sizeof(DriftLimits), drift_keys, COUNT_OF(drift_keys), NULL, NULL};

static const Key an_order = {.kind = KIND_TEXT, .offset = offsetof(Said, text), .min = 1};
/* What a float32 above 0 can be. */
static const Key a_scale = {
    .kind = KIND_REAL, .offset = offsetof(Said, number), .low = 0x1p-149, .high = FLT_MAX};

static const Key source_keys[] = {
    {"dump", KIND_TEXT, offsetof(SourcePlan, dump), .required = true, .min = 1,
     .meaning = "file or folder of tensors that another program wrote: .safetensors, .npy, .npz, "
                "torch.save's, HDF5"},
    {"names", KIND_TEXT, offsetof(SourcePlan, names), .min = 1,
     .meaning = "which array is which tensor: a pattern such as layers.{layer}.{tensor}, or who "
                "wrote it; left out, or auto: found out from the names"},
    {"axes", KIND_SAID, offsetof(SourcePlan, axes), .max = 1024, .item = &an_order,
     .count_offset = offsetof(SourcePlan, axes_count), .single = true,
     .meaning = "what the axes of its arrays are, such as batch,channel,token, or a map from names "
                "of tensors (or patterns, or default) to that; left out: the last is the channels, "
                "all before it tokens"},
    {"batch", KIND_INT, offsetof(SourcePlan, batch), .standard = "all", .min = 0, .max = 1 << 20,
     .names = WORDS("all"), .meaning = "which of a batch is taken; all: one behind the other"},
    {"mask", KIND_TEXT, offsetof(SourcePlan, mask), .min = 1,
     .meaning = "its array of bools or whole numbers, [tokens] or [batch, tokens], that is 0 where "
                "a token is padding, whose rows are left out; none; left out: attention_mask, "
                "where it has one"},
    {"scales", KIND_SAID, offsetof(SourcePlan, scales), .max = 1 << 16, .item = &a_scale,
     .count_offset = offsetof(SourcePlan, scale_count),
     .meaning =
         "of int8 tensors with no scale beside them: a map from their names (or patterns, or "
         "default) to it"},
    {"rewrite", KIND_CHOICE, offsetof(SourcePlan, rewrite), .standard = "none",
     .names = WORDS("quamba", "none"),
     .meaning =
         "how its program rewrote the weights; beside a side whose weights are as they are it is "
         "undone, where it can be"},
    {"inputs", KIND_CHOICE, offsetof(SourcePlan, any_inputs), .standard = "same",
     .names = WORDS("same", "any"),
     .meaning = "any: that it was given other tokens is said, and no failure"},
    {"stream", KIND_TEXT, offsetof(SourcePlan, stream), .min = 1,
     .meaning = "without a model: the tensor that leaves a layer and enters the next; left out: "
                "found out"},
};
static const Object source = {sizeof(SourcePlan), source_keys, COUNT_OF(source_keys), NULL, NULL};

static const Key third_keys[] = {
    {"pair", KIND_PAIR, offsetof(ThirdPlan, pair), .required = true,
     .meaning = "the two whose errors are compared"},
    {"against", KIND_MODE_NAME, offsetof(ThirdPlan, against), .required = true,
     .meaning = "what they are held against: fp64, or a more precise mode or source"},
};
static const Object third = {sizeof(ThirdPlan), third_keys, COUNT_OF(third_keys), NULL, NULL};
static const Key a_third = {.kind = KIND_OBJECT, .object = &third};

static const Key spec_keys[] = {
    {"title", KIND_TEXT, offsetof(Spec, title), .required = true, .min = 1, .max = 200,
     .meaning = "what the report is headed with"},
    {"question", KIND_TEXT, offsetof(Spec, question), .standard = "", .max = 2000,
     .meaning = "what the experiment is to answer"},
    {"model", KIND_TEXT, offsetof(Spec, model), .min = 1,
     .meaning = "folder of an unquantised Hugging Face checkpoint, or OWNER/NAME of one in the "
                "hub's cache on this machine; needed by all but sources"},
    {"tokenizer", KIND_TEXT, offsetof(Spec, tokenizer), .min = 1,
     .meaning = "tokenizer.json that text goes through; left out: the one beside the checkpoint, "
                "and without one text is bytes where the vocabulary is 256"},
    {"add_bos", KIND_WORD, offsetof(Spec, add_bos), .names = WORDS("false", "true"),
     .meaning = "whether every text begins with the tokens that its tokenizer puts in front, such "
                "as <s>; must be said where it has such"},
    {"ignore_unused", KIND_CHOICE, offsetof(Spec, ignore_unused), .standard = "false",
     .names = WORDS("false", "true"),
     .meaning = "weights of the checkpoint that the model does not use are recorded; false: they "
                "are an error"},
    {"rewrite", KIND_CHOICE, offsetof(Spec, rewrite), .standard = DEFAULT_REWRITE,
     .names = WORDS("quamba", "none"),
     .meaning = "function-preserving rewrite of the weights before quantisation"},
    {"calibration", KIND_OBJECT, offsetof(Spec, calibration), .object = &calibration,
     .meaning = "where the activation scales come from; needed by every mode with an int8 stage"},
    {"prompts", KIND_LIST, offsetof(Spec, given_prompts), .min = 1, .max = PROMPTS_MAX,
     .item = &a_prompt, .count_offset = offsetof(Spec, given_prompt_count),
     .meaning = "what the model reads; needed by all but sources"},
    {"modes", KIND_MODES, offsetof(Spec, own_modes), .max = 256,
     .count_offset = offsetof(Spec, own_mode_count),
     .meaning = "own modes: a base, preset or own, and the stages and layers that differ from it"},
    {"sources", KIND_NAMED, offsetof(Spec, sources), .max = 64,
     .count_offset = offsetof(Spec, source_count), .object = &source,
     .meaning = "sides made elsewhere: a name each, and where the tensors are that it stands for"},
    {"pairs", KIND_LIST, offsetof(Spec, pairs), .min = 1, .max = 1024, .item = &a_pair,
     .count_offset = offsetof(Spec, pair_count),
     .meaning = "pairs of modes and sources to compare; the first is the base"},
    {"three_way", KIND_LIST, offsetof(Spec, thirds), .min = 1, .max = 256, .item = &a_third,
     .count_offset = offsetof(Spec, third_count), .single = true,
     .meaning = "pairs whose errors against a third are compared: is the difference more than that "
                "of the precision?"},
    {"compare_all", KIND_LIST, offsetof(Spec, compare_all), .min = 1, .max = 1024,
     .item = &a_mode_name, .count_offset = offsetof(Spec, compare_all_count),
     .meaning = "modes that are each compared with fp64; left out: all modes of the pairs"},
    {"budget", KIND_LIST, offsetof(Spec, budget), .standard = "none", .min = 1, .max = 256,
     .item = &a_mode_name, .count_offset = offsetof(Spec, budget_count),
     .all_offset = offsetof(Spec, budget_all), .names = WORDS("all", "none"),
     .meaning = "error budget, layer by layer: of all pairs, or of these modes against fp64 and "
                "the pairs between them"},
    {"swaps", KIND_LIST, offsetof(Spec, swaps), .min = 1, .max = 64, .item = &a_swap,
     .count_offset = offsetof(Spec, swap_count), .single = true,
     .meaning = "pairs whose stages are swapped one by one, from both ends: what each does to the "
                "end of the model"},
    {"restore", KIND_LIST, offsetof(Spec, restore), .min = 1, .max = 64, .item = &a_restore,
     .count_offset = offsetof(Spec, restore_count), .single = true,
     .meaning = "which few layers of a mode to run under another, so that the last block_out comes "
                "below a limit"},
    {"events", KIND_OBJECT, offsetof(Spec, events), .object = &events,
     .meaning =
         "which single tokens count as events, and how many of them are traced and repaired"},
    {"repair", KIND_LIST, offsetof(Spec, repairs), .min = 1, .max = 64, .item = &a_repair,
     .count_offset = offsetof(Spec, repair_count), .single = true,
     .meaning = "elements that are given another mode's value: what that changes, layer by layer "
                "and at the end"},
    {"mend", KIND_LIST, offsetof(Spec, mend), .min = 1, .max = 64, .item = &a_mode_name,
     .count_offset = offsetof(Spec, mend_count),
     .meaning = "modes that are tried with other activation scales: at other quantiles, at the "
                "least squared error"},
    {"grid", KIND_OBJECT, offsetof(Spec, grid), .object = &grid,
     .meaning = "a table of every mode with every alpha of the calibration at every length of the "
                "prompts: the end of each against the reference"},
    {"gate", KIND_LIST, offsetof(Spec, gates), .min = 1, .max = 1024, .item = &a_gate,
     .count_offset = offsetof(Spec, gate_count), .single = true,
     .meaning = "limits that the results must keep, or the run ends with status 1"},
    {"drift", KIND_OBJECT, offsetof(Spec, drift), .object = &drift,
     .meaning =
         "what flat, accumulates, jumps, saturates, falls back and cannot tell mean in the report"},
    {"keep", KIND_OBJECT, offsetof(Spec, keep), .object = &keep,
     .meaning = "what the results file keeps; statistics are always of everything"},
    {"micro", KIND_LIST, offsetof(Spec, micro), .min = 1, .max = 64, .item = &a_micro,
     .count_offset = offsetof(Spec, micro_count), .meaning = "operators that also run alone"},
    {"evaluation", KIND_OBJECT, offsetof(Spec, evaluation), .object = &evaluation,
     .meaning = "how well each mode predicts a text, and how far its predictions are from fp64's"},
    {"cost", KIND_OBJECT, offsetof(Spec, cost), .object = &cost,
     .meaning = "speed of each mode and operator, and the bytes that each mode needs"},
    {"backend", KIND_CHOICE, offsetof(Spec, backend), .standard = DEFAULT_BACKEND,
     .names = WORDS("auto", "cpu", "cuda"),
     .meaning = "where the kernels run; their bits do not depend on it"},
    {"threads", KIND_INT, offsetof(Spec, threads), .standard = DEFAULT_SHOWN(DEFAULT_THREADS),
     .min = 0, .max = 1024, .meaning = "0: all there are"},
    {"memory", KIND_BYTES, offsetof(Spec, memory), .min = DEFAULT_LEAST_MEMORY,
     .meaning = "that a run takes at most, such as 8 GB; left out: most of what is free"},
    {"seed", KIND_INT64, offsetof(Spec, seed), .standard = DEFAULT_SHOWN(DEFAULT_SEED), .min = 0,
     .max = INT64_MAX, .meaning = "of made inputs and of draws of prompts"},
    {"statistics", KIND_CHOICE, offsetof(Spec, statistics), .standard = "lanes",
     .names = WORDS("lanes", "gsl"),
     .meaning =
         "gsl: the rows of tensors and pairs by GSL's own functions, a hundred times slower; "
         "lanes: those compute a sample of the rows again, and a row that differs is an "
         "error"},
    {"durability", KIND_CHOICE, offsetof(Spec, durability), .standard = "kill",
     .names = WORDS("kill", "power"),
     .meaning = "what finished layers survive: the end of the process, or a loss of power"},
};
const Object schema_spec = {sizeof(Spec), spec_keys, COUNT_OF(spec_keys), NULL,
                            WORDS("pairs", "compare_all", "three_way")};

/* A key a stage, for the settings at this place. */
static void put_stages(const Family *family, size_t settings, Key *keys) {
  for (int i = 0; i < family->stages; i++)
    keys[i] = (Key){family->stage[i].key, KIND_CHOICE, settings + (size_t)i * sizeof(int),
                    .names = family->stage[i].values, .meaning = family->stage[i].meaning};
}

static const Object *object_of(Arena *arena, size_t size, const Key *keys, int count) {
  Object *object = ARENA_NEW(arena, Object, 1);
  *object = (Object){size, keys, count, NULL, NULL};
  return object;
}

const Object *schema_own_mode(Arena *arena) {
  const Family *family = families[0];
  Key *keys = ARENA_NEW(arena, Key, family->stages + 2);
  keys[0] = (Key){"base", KIND_MODE_NAME, offsetof(OwnMode, base), .required = true,
                  .meaning = "the mode that it starts from: a preset or another own mode"};
  put_stages(family, offsetof(OwnMode, mode.setting), keys + 1);
  keys[family->stages + 1] = (Key){"layers", KIND_LAYERS, offsetof(OwnMode, layers),
                                   .count_offset = offsetof(OwnMode, layer_count),
                                   .meaning = "layers, one such as 17 or a range such as 0-3, that "
                                              "run as another mode, or with these stages"};
  return object_of(arena, sizeof(OwnMode), keys, family->stages + 2);
}

const Object *schema_own_layers(Arena *arena) {
  const Family *family = families[0];
  Key *keys = ARENA_NEW(arena, Key, family->stages);
  put_stages(family, offsetof(OwnLayers, set.setting), keys);
  return object_of(arena, sizeof(OwnLayers), keys, family->stages);
}

const char *schema_word(const Key *key, int i) {
  if (key->kind == KIND_TENSOR) return family_tensor_name(i);
  return key->names ? key->names[i] : NULL;
}

int64_t schema_items_most(const Key *list) {
  int names = 0;
  if (list->item->kind != KIND_TENSOR) return list->max;
  while (family_tensor_name(names)) names++;
  return names;
}

size_t schema_item_size(const Key *list) {
  if (list->kind == KIND_MODES) return sizeof(OwnMode);
  if (list->kind == KIND_NAMED) return list->object->size;
  if (list->kind == KIND_SAID) return sizeof(Said);
  switch (list->item->kind) {
    case KIND_INT: return sizeof(int);
    case KIND_REAL: return sizeof(double);
    case KIND_PAIR: return sizeof(Pair);
    case KIND_OBJECT: return list->item->object->size;
    default: return sizeof(const char *);
  }
}

const char *schema_former(const Object *object, const char *key) {
  return object == &keep && !strcmp(key, "deflate")
             ? "compress the finished file: h5repack -f GZIP=4 IN.h5 OUT.h5"
             : NULL;
}

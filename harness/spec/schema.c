/* schema: the table of what runs, with the spec's own keys. Its order is the order of the effective
 * spec. */
#include "spec/schema.h"

#include <float.h>
#include <string.h>

#include "family/family.h"
#include "spec/defaults.h"
#include "spec/schema_rows.h"
#include "spec/spec.h"

static const Key calibration_keys[] = {
    {"text", KIND_TEXT, offsetof(Calibration, text), .min = 1,
     .meaning = "text whose tokens calibrate the activation scales"},
    {"tokens", KIND_TEXT, offsetof(Calibration, tokens), .min = 1,
     .meaning =
         "file of token ids that calibrate them, in place of text: integers as text, or .npy"},
    {"windows", KIND_INT, offsetof(Calibration, windows),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOWS), .min = 1, .max = WINDOWS_MAX,
     .meaning = "windows taken from the file, evenly spread"},
    {"length", KIND_INT, offsetof(Calibration, length),
     .standard = DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH), .min = 1, .max = TOKENS_MAX,
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
    {"length", KIND_INT, offsetof(Prompt, length), .min = 1, .max = TOKENS_MAX, .with = "text",
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

static const Key a_pair = {.kind = KIND_PAIR};
static const Key a_micro = {.kind = KIND_OBJECT, .object = &schema_micro};
static const Key a_swap = {.kind = KIND_OBJECT, .object = &schema_swap};
static const Key a_restore = {.kind = KIND_OBJECT, .object = &schema_restore};
static const Key a_repair = {.kind = KIND_OBJECT, .object = &schema_repair};
static const Key a_gate = {.kind = KIND_OBJECT, .object = &schema_gate};
static const Key a_third = {.kind = KIND_OBJECT, .object = &schema_third};

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
    {"events", KIND_OBJECT, offsetof(Spec, events), .object = &schema_events,
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
    {"grid", KIND_OBJECT, offsetof(Spec, grid), .object = &schema_grid,
     .meaning = "a table of every mode with every alpha of the calibration at every length of the "
                "prompts: the end of each against the reference"},
    {"gate", KIND_LIST, offsetof(Spec, gates), .min = 1, .max = 1024, .item = &a_gate,
     .count_offset = offsetof(Spec, gate_count), .single = true,
     .meaning = "limits that the results must keep, or the run ends with status 1"},
    {"drift", KIND_OBJECT, offsetof(Spec, drift), .object = &schema_drift,
     .meaning =
         "what flat, accumulates, jumps, saturates, falls back and cannot tell mean in the report"},
    {"keep", KIND_OBJECT, offsetof(Spec, keep), .object = &keep,
     .meaning = "what the results file keeps; statistics are always of everything"},
    {"micro", KIND_LIST, offsetof(Spec, micro), .min = 1, .max = 64, .item = &a_micro,
     .count_offset = offsetof(Spec, micro_count), .meaning = "operators that also run alone"},
    {"evaluation", KIND_OBJECT, offsetof(Spec, evaluation), .object = &schema_evaluation,
     .meaning = "how well each mode predicts a text, and how far its predictions are from fp64's"},
    {"cost", KIND_OBJECT, offsetof(Spec, cost), .object = &schema_cost,
     .meaning = "speed of each mode and operator, and the bytes that each mode needs"},
    {"backend", KIND_CHOICE, offsetof(Spec, backend), .standard = DEFAULT_BACKEND,
     .names = WORDS("auto", "cpu", "cuda"),
     .meaning = "where the kernels run; their bits do not depend on it"},
    {"threads", KIND_INT, offsetof(Spec, threads), .standard = DEFAULT_SHOWN(DEFAULT_THREADS),
     .min = 0, .max = THREADS_MAX, .meaning = "0: all there are"},
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

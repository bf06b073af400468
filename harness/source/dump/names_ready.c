/* names_ready: layouts that programs write, by their names' parts. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/name.h"
#include "source/dump/names_parts.h"

/* --- parts ------------------------------------------------------------------------------------ */

static bool is_digit(char c) { return isdigit((unsigned char)c); }
static bool is_letter(char c) { return isalpha((unsigned char)c); }

static const char *part(Arena *arena, const char *from, const char *to) {
  return arena_printf(arena, "%.*s", (int)(to - from), from);
}

/* The key in the file; "" where the file has none. */
static const char *key_of(const DumpArray *array, const char *stem) {
  return strcmp(array->name, stem) == 0 ? "" : array->name;
}

static const char *with_key(Arena *arena, const char *text, const char *key) {
  return *key ? arena_printf(arena, "%s.%s", text, key) : text;
}

/* "backbone.layers.3.mixer.norm": the first part that is a number is the layer. The layer itself
 * is called as what stands before its number. */
static void read_module(Arena *arena, const char *module, Named *named) {
  named->tensor = module;
  named->layer = -1;
  for (const char *at = module; *at;) {
    const char *end = at + strcspn(at, ".");
    const int layer = layer_number(at, end);
    if (layer >= 0 && at > module) {
      named->layer = layer;
      named->before = part(arena, module, at - 1);
      named->tensor = *end ? end + 1 : text_last_part(named->before);
      return;
    }
    at = *end ? end + 1 : end;
  }
}

/* A number that stands for itself, as in layer_3: not the 1 of conv1d. Else the first behind
 * letters, as in h3.out. */
static const char *first_number(const char *name) {
  const char *behind_letters = NULL;
  for (const char *at = name; *at;) {
    if (!is_digit(*at)) {
      at++;
      continue;
    }
    const size_t length = strspn(at, "0123456789");
    const bool after = at > name && is_letter(at[-1]);
    if (!is_letter(at[length]) && !after) return at;
    if (!is_letter(at[length]) && !behind_letters) behind_letters = at;
    at += length;
  }
  return behind_letters;
}

static void read_number(Arena *arena, const char *name, Named *named) {
  const char *at = first_number(name);
  named->tensor = name;
  named->layer = -1;
  if (!at) return;
  const char *before = part(arena, name, at), *behind = at + strspn(at, "0123456789");
  const size_t n = strlen(before);
  const int separator = n && !is_letter(before[n - 1]); /* "layer_3_x" is "layer_x" */
  named->layer = layer_number(at, behind);
  if (named->layer < 0) return;
  named->tensor = arena_printf(arena, "%.*s%s", (int)n - separator, before, behind);
  if (n == 0 && *behind && !is_letter(*behind)) named->tensor = behind + 1;
  if (!*named->tensor) named->tensor = name;
}

/* Groups of HDF5 and folders of an archive are parts of a name as a module's are: "layers/0/x" is
 * "layers.0.x". */
static const char *with_dots(Arena *arena, const char *name) {
  char *text = arena_printf(arena, "%s", name);
  for (char *slash = text; (slash = strchr(slash, '/'));) *slash = '.';
  return text;
}

/* --- the layouts ------------------------------------------------------------------------------ */

/* "step=0___rank=0___dump_index=7___name=N___layer_id=3". */
static const char *field(Arena *arena, const char *stem, const char *key) {
  static const char between[] = "___";
  for (const char *at = stem; at;) {
    const char *next = strstr(at, between), *end = next ? next : at + strlen(at);
    const size_t n = strlen(key);
    if ((size_t)(end - at) > n && !strncmp(at, key, n) && at[n] == '=')
      return part(arena, at + n + 1, end);
    at = next ? next + sizeof between - 1 : NULL;
  }
  return NULL;
}

static bool read_sglang(Arena *arena, const DumpArray *array, Named *named) {
  const char *stem = file_name(path_without_end(arena, array->file)), *key = key_of(array, stem);
  const char *name = field(arena, stem, "name"), *layer = field(arena, stem, "layer_id");
  if (!name || !strstr(stem, "___")) return false;
  const char *step = field(arena, stem, "step");
  *named = (Named){.tensor = with_key(arena, name, strcmp(key, "value") ? key : ""),
                   .pass = step ? step : field(arena, stem, "forward_pass_id"),
                   .layer = layer ? layer_number(layer, layer + strlen(layer)) : -1};
  return true;
}

/* TP0_PP0_Rank0_pid1/Pass00000.pt, {module: tensor or list}. */
static bool read_sglang_hook(Arena *arena, const DumpArray *array, Named *named) {
  const char *stem = file_name(path_without_end(arena, array->file));
  if (strncmp(stem, "Pass", 4) != 0 || layer_number(stem + 4, stem + strlen(stem)) < 0)
    return false;
  *named = (Named){.pass = arena_printf(arena, "%d", layer_number(stem + 4, stem + strlen(stem)))};
  read_module(arena, array->name, named);
  return true;
}

/* step0/rank0/dump_tensor_data/Module.NAME.CLASS.forward.0.output.0.pt: of a function that is no
 * module the number is that of the call. */
static bool read_msprobe(Arena *arena, const DumpArray *array, Named *named) {
  const char *path = path_without_end(arena, array->file), *stem = file_name(path);
  const char *key = key_of(array, stem);
  if (!*stem) stem = array->name, key = "";
  if (!strstr(stem, ".forward.") && !strstr(stem, ".backward.")) return false;
  *named = (Named){.layer = -1, .tensor = with_key(arena, stem, key)};
  if (!strncmp(path, "step", 4))
    named->pass = part(arena, path + 4, path + 4 + strspn(path + 4, "0123456789"));
  if (named->pass && !*named->pass) named->pass = NULL;
  if (!strncmp(stem, "Module.", 7) || !strncmp(stem, "Cell.", 5))
    read_module(arena, with_key(arena, strchr(stem, '.') + 1, key), named);
  return true;
}

/* dp0/prefill_s2048_0/MODULE/rank0.pt. */
static bool read_neuron(Arena *arena, const DumpArray *array, Named *named) {
  const char *path = path_without_end(arena, array->file), *stem = file_name(path);
  const char *folder = path_folder(arena, path), *phase = file_name(path_folder(arena, folder));
  if (strncmp(stem, "rank", 4) != 0 || layer_number(stem + 4, stem + strlen(stem)) < 0 || !*phase)
    return false;
  *named = (Named){.pass = phase};
  read_module(arena, with_key(arena, file_name(folder), key_of(array, stem)), named);
  return true;
}

/* tensor_dumps/rank_0/LAYER_TENSOR_iter_000001.pt, {high_precision, quantized}, "_" for every dot.
 */
static bool read_transformer_engine(Arena *arena, const DumpArray *array, Named *named) {
  const char *stem = file_name(path_without_end(arena, array->file)), *key = key_of(array, stem);
  if (!*stem) stem = array->name, key = "";
  const char *iter = strstr(stem, "_iter_");
  if (!iter || layer_number(iter + 6, stem + strlen(stem)) < 0) return false;
  *named = (Named){.pass = arena_printf(arena, "%d", layer_number(iter + 6, stem + strlen(stem)))};
  read_number(arena, with_key(arena, part(arena, stem, iter), key), named);
  return true;
}

/* CLASS.MODULE_outputs.safetensors, key "data". */
static bool read_debugger(Arena *arena, const DumpArray *array, Named *named) {
  const char *stem = file_name(path_without_end(arena, array->file));
  const char *side = text_ends(stem, "_outputs")  ? "_outputs"
                     : text_ends(stem, "_inputs") ? "_inputs"
                                                  : NULL;
  if (!side || strcmp(array->name, "data") != 0) return false;
  *named = (Named){0};
  read_module(arena, part(arena, stem, stem + strlen(stem) - strlen(side)), named);
  named->tensor = arena_printf(arena, "%s%s", named->tensor, side);
  return true;
}

static bool read_modules(Arena *arena, const DumpArray *array, Named *named) {
  const char *name = with_dots(arena, array->name), *first = first_number(name);
  *named = (Named){0};
  read_module(arena, name, named);
  /* "block_3.mlp.0": the 0 is a module, and no layer's. */
  return named->layer < 0 || first == name + strlen(named->before) + 1;
}

static bool is_one_of(const char *word, size_t length, const char *const *words) {
  for (; *words; words++)
    if (strlen(*words) == length && !strncasecmp(*words, word, length)) return true;
  return false;
}

static const char separators[] = "._-";

static size_t letters_of(const char *text) {
  size_t n = 0;
  while (is_letter(text[n])) n++;
  return n;
}

/* Where a layer's word with its number stands in a name, "layers.3" or "layer_3", at the start of a
 * word: its digits; NULL: nowhere. What follows the word at once is the number, or it is another
 * word, such as that of layer_norm1. */
static const char *layer_digits(const char *name) {
  static const char *const layers[] = {"layers", "layer", "blocks", "block", "h", NULL};
  for (const char *at = name; *at;) {
    const size_t word = letters_of(at);
    const char *digits = at + word + (at[word] && strchr(separators, at[word]));
    if (is_one_of(at, word, layers) && is_digit(*digits) &&
        !is_letter(digits[strspn(digits, "0123456789")]))
      return digits;
    at += word ? word : 1;
  }
  return NULL;
}

/* "step_7.model.layers.3.mixer", "prompt/0/layer/3/x", "pass2_layer0_x": the first word and its
 * number name the pass, and a layer is what a name says to be one. */
static bool read_passes(Arena *arena, const DumpArray *array, Named *named) {
  static const char *const passes[] = {"pass",   "step",    "iter", "iteration", "call",  "prompt",
                                       "sample", "forward", "run",  "batch",     "token", NULL};
  const char *name = with_dots(arena, array->name), *digits = name + letters_of(name);
  if (!is_one_of(name, letters_of(name), passes)) return false;
  if (*digits && strchr(separators, *digits)) digits++;
  const char *end = digits + strspn(digits, "0123456789"), *rest = end + 1;
  if (end == digits || !*end || !strchr(separators, *end) || !*rest) return false;
  *named = (Named){.tensor = rest, .layer = -1, .pass = part(arena, digits, end)};
  const char *layer = layer_digits(rest);
  if (!layer) return true;
  const char *behind = layer + strspn(layer, "0123456789");
  named->layer = layer_number(layer, behind);
  named->before = part(arena, rest, layer - (strchr(separators, layer[-1]) != NULL));
  named->tensor = *behind && behind[1] ? behind + 1 : text_last_part(named->before);
  return named->layer >= 0;
}

const ReadyNames ready_names[] = {
    {"quamba", "Quamba-SE: mode_2-0_layer_0_conv1d_output.npy", NULL,
     "mode_*_layer_{layer}_{tensor}"},
    {"driftscope", "a results file of one mode: prompts/P/MODE/layer_00/conv1d", NULL,
     "prompts/{pass}/*/layer_{layer}/{tensor}|prompts/{pass}/*/{tensor}"},
    {"sglang", "SGLang's dumper: step=0___rank=0___name=N___layer_id=3.pt", read_sglang, NULL},
    {"sglang-hook", "SGLang's hook: TP0_PP0_Rank0_pid1/Pass00000.pt", read_sglang_hook, NULL},
    {"msprobe", "msProbe: step0/rank0/dump_tensor_data/Module.NAME.CLASS.forward.0.output.0.pt",
     read_msprobe, NULL},
    {"vllm-neuron", "vLLM-Neuron: dp0/prefill_s2048_0/MODULE/rank0.pt", read_neuron, NULL},
    {"transformer-engine", "TransformerEngine: rank_0/LAYER_TENSOR_iter_000001.pt",
     read_transformer_engine, NULL},
    {"transformers", "transformers' model debugger: CLASS.MODULE_outputs.safetensors",
     read_debugger, NULL},
    {"passes", "a pass, then its layers: step_7.model.layers.0.mixer", read_passes, NULL},
    {"modules", "modules of PyTorch: model.layers.0.mixer", read_modules, NULL},
    {0}};

const char *dump_names_ready(int i, const char **of) {
  *of = ready_names[i].of;
  return ready_names[i].name;
}

bool names_first_number(Arena *arena, const DumpArray *array, Named *named) {
  *named = (Named){0};
  read_number(arena, with_dots(arena, array->name), named);
  return true;
}

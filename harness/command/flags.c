#include "command/flags.h"

#include <string.h>

#include "micro/inputs.h"
#include "micro/operator.h"
#include "model/rewrite.h"

const char *flags_folder(Arena *arena, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  return arena_printf(arena, "results/%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

static bool read_backend(const char *name, Spec *spec, Status *st) {
  static const char *const names[] = {[BACKEND_AUTO] = "auto", [BACKEND_CPU] = "cpu", [BACKEND_CUDA] = "cuda"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(name, names[i])) return spec->backend = (Backend)i, true;
  return FAIL(st, "--backend: expected auto, cpu or cuda, found '%.40s'", name);
}

static bool read_rewrite(const char *name, Spec *spec, Status *st) {
  if (strcmp(name, "quamba") != 0 && strcmp(name, "none") != 0)
    return FAIL(st, "--rewrite: expected quamba or none, found '%.40s'", name);
  spec->rewrite = strcmp(name, "none") ? REWRITE_QUAMBA : REWRITE_NONE;
  return true;
}

bool flags_apply(const Options *o, Spec *spec, Status *st) {
  if (o->threads >= 0) spec->threads = o->threads;
  if (o->seed >= 0) spec->seed = o->seed;
  if (o->ignore_unused) spec->ignore_unused = true;
  return !o->backend || read_backend(o->backend, spec, st);
}

bool flags_compare(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char *a = o->argument[0], *b = o->argument[1];
  Prompt prompt = {.name = "text", .text = o->text, .offset = o->offset, .length = o->length};
  Pair pair = {a, b};
  Spec flags = {.path = "compare",
                .folder = ".",
                .title = arena_printf(arena, "Mode %s against mode %s", a, b),
                .question = "Do the two modes differ, where first, and how far does it grow?",
                .model = o->model,
                .calibration = {o->calibration, o->windows, o->window_length, o->alpha},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .pairs = &pair,
                .pair_count = 1,
                .keep = {.all_tensors = true, .all_layers = true},
                .seed = 1};
  TRY(read_rewrite(o->rewrite, &flags, st));
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "compare", text, strlen(text), spec, st);
}

bool flags_micro(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char *op = o->argument[0], *mode = "fp32", *inputs[INPUT_COUNT];
  Prompt prompt = {.name = "text", .text = o->text, .offset = o->offset, .length = o->length};
  Micro micro = {.operator_name = op, .inputs = inputs};
  for (int i = 0; i < INPUT_COUNT; i++)
    if (i != INPUT_SLOW_DECAY || micro_op_of(op) == MICRO_SCAN) inputs[micro.input_count++] = micro_input_names[i];
  Spec flags = {.title = arena_printf(arena, "%s alone", op),
                .question = "How wrong is the operator, where, and is that allowed?",
                .model = o->model,
                .calibration = {o->calibration, o->windows, o->window_length, o->alpha},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .compare_all = &mode,
                .compare_all_count = 1,
                .keep = {.all_layers = true}, /* and no tensors */
                .micro = &micro,
                .micro_count = 1,
                .seed = 1};
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "micro", text, strlen(text), spec, st);
}

int flags_modes(Arena *arena, const Options *o, const char ***names) {
  int count = 0, room = mode_preset_count;
  for (int i = 0; i < o->modes; i++) room += 1 + (int)strlen(o->mode[i]);
  *names = ARENA_NEW(arena, const char *, room);
  for (int i = 0; i < o->modes; i++) {
    char *rest = NULL, *text = arena_printf(arena, "%s", o->mode[i]);
    for (char *name = strtok_r(text, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) (*names)[count++] = name;
  }
  for (int i = 0; count == 0 && i < mode_preset_count; i++) (*names)[i] = mode_presets[i].name;
  return count ? count : mode_preset_count;
}

/* Its prompt only serves to prove the rewrite. */
bool flags_eval(Arena *arena, const Options *o, Spec *spec, Status *st) {
  Prompt prompt = {.name = "text", .text = o->text, .length = 1};
  Spec flags = {.title = "Evaluation",
                .question = "",
                .model = o->model,
                .calibration = {o->calibration, DEFAULT_WINDOWS, DEFAULT_WINDOW_LENGTH, DEFAULT_ALPHA},
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .evaluation = {.text = o->text, .windows = o->eval_windows, .length = o->eval_length},
                .keep = {.all_layers = true},
                .seed = 1};
  flags.compare_all_count = flags_modes(arena, o, &flags.compare_all);
  TRY(read_rewrite(o->rewrite, &flags, st));
  const char *text = spec_print(arena, &flags);
  return spec_parse(arena, "eval", text, strlen(text), spec, st);
}

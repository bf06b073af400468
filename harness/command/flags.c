#include "command/flags.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "model/config.h"
#include "model/hub.h"
#include "model/npy.h"
#include "source/dump/names.h"
#include "study/micro/inputs.h"
#include "study/micro/operator.h"

const char *flags_folder(Arena *arena, const char *path) {
  const char *stem = file_stem(arena, path);
  const bool dots = strspn(stem, ".") == strlen(stem); /* they name a folder above */
  return arena_printf(arena, "results/%s", dots ? "" : stem);
}

static bool read_backend(const char *name, Spec *spec, Status *st) {
  static const char *const names[] = {
      [BACKEND_AUTO] = "auto", [BACKEND_CPU] = "cpu", [BACKEND_CUDA] = "cuda"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(name, names[i]))
      return spec->backend = (Backend)i, spec->backend_place = "--backend", true;
  return FAIL(st, "--backend: expected auto, cpu or cuda, found '%.40s'", name);
}

static bool read_rewrite(const char *name, Spec *spec, Status *st) {
  if (strcmp(name, "quamba") != 0 && strcmp(name, "none") != 0)
    return FAIL(st, "--rewrite: expected quamba or none, found '%.40s'", name);
  spec->rewrite = strcmp(name, "none") ? REWRITE_QUAMBA : REWRITE_NONE;
  return true;
}

bool flags_bos(const Options *o, Bos *bos, Status *st) {
  if (o->add_bos && o->no_bos) return FAIL(st, "--no-bos stands beside --add-bos");
  *bos = o->add_bos ? BOS_ADDED : o->no_bos ? BOS_LEFT_OUT : BOS_NOT_SAID;
  return true;
}

bool flags_apply(const Options *o, Spec *spec, Status *st) {
  if (o->threads >= 0) spec->threads = o->threads;
  if (o->memory) spec->memory = o->memory, spec->memory_place = "--memory";
  if (o->seed >= 0) spec->seed = o->seed;
  if (o->ignore_unused) spec->ignore_unused = true;
  return !o->backend || read_backend(o->backend, spec, st);
}

/* How the model reads text, as far as its config.json tells; what is wrong with it is said where it
 * is opened. */
static TextReader reader_of(Arena *arena, const Options *o) {
  Config config = {.vocab = BYTE_VOCAB};
  bool conv_bias;
  Status passed_over = {0};
  TextReader reader = {.path = o->tokenizer, .vocab = BYTE_VOCAB};
  if (hub_resolve(arena, ".", o->model, &reader.folder, &passed_over) &&
      config_read(arena, arena_printf(arena, "%s/config.json", reader.folder), &config, &conv_bias,
                  &passed_over))
    reader.vocab = config.vocab;
  return reader;
}

/* Whether text goes through a tokenizer. */
static bool tokenized(Arena *arena, const TextReader *reader) {
  TextReader without_bytes = *reader;
  without_bytes.vocab = 0;
  return text_reader_can(arena, &without_bytes);
}

/* Whether a file that may be text or token ids is ids: .npy, or nothing but integers. What reads no
 * text, or reads it as bytes, need not ask. */
static bool holds_ids(const char *path) {
  enum { LOOKED_AT = 1 << 16 };
  static const char integers[] = "0123456789, \t\r\n";
  Status unread = {0};
  Bytes file;
  if (!file_map(path, &file, &unread)) return false;
  const size_t most = file.count < LOOKED_AT ? file.count : LOOKED_AT;
  size_t i = 0;
  while (i < most && file.data[i] && strchr(integers, file.data[i])) i++;
  const bool ids = npy_is(file) || (most > 0 && i == most);
  file_unmap(&file);
  return ids;
}

/* `may_be_ids`: a file of integers would else be read as text. */
static Calibration calibration_of(const Options *o, const char *standard, bool may_be_ids) {
  const char *text = o->calibration ? o->calibration : standard;
  const bool ids = o->calibration && may_be_ids && holds_ids(o->calibration);
  return (Calibration){ids ? NULL : text, o->windows, o->window_length, o->alpha,
                       ids ? text : NULL};
}

/* What is run, where a text is, and what scales are taken from, where they are: as given, else the
 * default texts, where the model reads text. */
static bool read_inputs(Arena *arena, const Options *o, bool text, bool scales, Prompt *prompt,
                        Calibration *c, Status *st) {
  const TextReader reader = reader_of(arena, o);
  const bool reads = text_reader_can(arena, &reader), own = o->text || o->tokens;
  const bool lacks_tokens = text && !reads && !o->tokens,
             lacks_scales = !reads && scales && !o->calibration;
  if (o->text && o->tokens)
    return FAIL(st, "--tokens stands beside --text: only one of the two can be run");
  if (lacks_tokens || lacks_scales)
    return FAIL(st,
                "%s: no tokenizer.json stands beside the checkpoint, and its vocabulary is %d, not "
                "256, so that it reads no text: give --tokenizer FILE, or %s%s%s, %s "
                "token ids as integers in a text file or in .npy",
                o->model, reader.vocab, lacks_tokens ? "--tokens FILE" : "",
                lacks_tokens && lacks_scales ? " and " : "",
                lacks_scales ? "--calibration FILE" : "",
                lacks_tokens && lacks_scales ? "both" : "a file of");
  *prompt = (Prompt){.name = "text",
                     .text = own ? o->text : DEFAULT_TEXT,
                     .tokens = o->tokens,
                     .offset = o->offset >= 0 ? o->offset
                               : own          ? 0
                                              : DEFAULT_OFFSET,
                     .length = o->length};
  /* a tokenizer may have no token for what the default text holds: it is read where it is needed */
  const bool defaults = reads && (scales || !tokenized(arena, &reader));
  *c = calibration_of(o, defaults ? DEFAULT_CALIBRATION : NULL, tokenized(arena, &reader));
  return true;
}

/* Which flags say how a text is read. */
static bool read_reader(const Options *o, Spec *spec, Status *st) {
  Bos bos;
  TRY(flags_bos(o, &bos, st));
  spec->tokenizer = o->tokenizer;
  spec->add_bos = bos == BOS_ADDED ? "true" : bos == BOS_LEFT_OUT ? "false" : NULL;
  return true;
}

/* As a spec file would say it, with every check of one. */
static bool read_again(Arena *arena, const char *name, const Options *o, Spec *flags, Spec *spec,
                       Status *st) {
  TRY(read_reader(o, flags, st));
  const char *text = spec_print(arena, flags);
  return spec_parse_made(arena, name, text, spec, st);
}

static bool needs_scales(const char *const *modes, int count) {
  for (int i = 0; i < count; i++)
    if (mode_preset(modes[i]) && mode_needs_scales(mode_preset(modes[i]))) return true;
  return false;
}

/* "dumps/a" and "a.npz", and no mistyped mode such as "2.4". */
static bool is_path(const char *argument) {
  const char *dot = strrchr(argument, '.');
  return strchr(argument, '/') || (dot && isalpha((unsigned char)dot[1]));
}

/* What is no mode and is there, or is called as only files are, is a dump. */
static bool is_dump(const char *argument) {
  return !mode_preset(argument) && strcmp(argument, MODE_REFERENCE) != 0 &&
         (is_path(argument) || file_exists(argument));
}

/* "mode24" of "dumps/mode24/" or "dumps/mode24.npz". */
static const char *dump_name(Arena *arena, const char *path) {
  char *name = arena_printf(arena, "%s", path);
  for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--) name[n - 1] = 0;
  name = arena_printf(arena, "%s", file_name(name));
  char *dot = strrchr(name, '.');
  if (dot && dot > name) *dot = 0;
  if (strlen(name) > NAME_BYTES_MAX) name[NAME_BYTES_MAX] = 0;
  text_make_plain(name, "");
  return mode_preset(name) || mode_name_reserved(name) || !name_valid(name)
             ? arena_printf(arena, "dump %.30s", name)
             : name;
}

static const char *compare_title(Arena *arena, int sources, const Pair *pair) {
  return sources ? arena_printf(arena, "%s against %s", pair->base, pair->other)
                 : arena_printf(arena, "Mode %s against mode %s", pair->base, pair->other);
}

bool flags_names(Arena scratch, const Options *o, Status *st) {
  for (int i = 0; i < o->dumps_named; i++)
    if (!dump_names_check(scratch, o->names[i], st)) return status_lead(st, "--names: "), false;
  return true;
}

/* What says how a model runs, where nothing does. */
static bool check_dumps(Arena scratch, const Options *o, int dumps, Status *st) {
  const int *of_model =
      OPTION_KEYS(OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS, OPT_TEXT,
                  OPT_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS,
                  OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_REWRITE, OPT_BACKEND);
  if (dumps == 2)
    TRY(options_refuse(o, of_model, "two dumps are compared as they stand: no model runs", st));
  if (dumps < o->dumps_named)
    return FAIL(st, dumps ? "--names: given twice, and there is one dump"
                          : "--names: neither side is a dump");
  return flags_names(scratch, o, st);
}

bool flags_compare(Arena *arena, const Options *o, Spec *spec, Status *st) {
  SourcePlan source[2] = {{0}};
  Pair pair = {o->argument[0], o->argument[1]};
  const char **side[] = {&pair.base, &pair.other};
  int sources = 0;
  for (int i = 0; i < 2; i++) {
    if (!is_dump(o->argument[i])) continue;
    *side[i] = dump_name(arena, o->argument[i]);
    source[sources] = (SourcePlan){.name = *side[i],
                                   .dump = o->argument[i],
                                   .names = o->names[o->dumps_named > 1 ? sources : 0],
                                   .batch = -1,
                                   .rewrite = REWRITE_NONE};
    sources++;
  }
  TRY(check_dumps(*arena, o, sources, st));
  if (sources == 2 && !strcmp(pair.base, pair.other))
    for (int i = 0; i < 2; i++)
      *side[i] = source[i].name = arena_printf(arena, "%.36s %c", *side[i], 'a' + i);
  Prompt prompt;
  Calibration calibration = {0};
  if (sources < 2)
    TRY(read_inputs(arena, o, true, needs_scales(o->argument, 2), &prompt, &calibration, st));
  Spec flags = {.path = "compare",
                .folder = ".",
                .title = compare_title(arena, sources, &pair),
                .question = sources ? "Do the two differ, where first, and how far does it grow?"
                                    : "Do the two modes differ, where first, and how far does it "
                                      "grow?",
                .model = sources < 2 ? o->model : NULL,
                .calibration = calibration,
                .given_prompts = &prompt,
                .given_prompt_count = sources < 2,
                .sources = source,
                .source_count = sources,
                .pairs = &pair,
                .pair_count = 1,
                .keep = {.all_tensors = sources < 2, .all_layers = true},
                .seed = DEFAULT_SEED};
  TRY(read_rewrite(o->rewrite, &flags, st));
  if (sources && !o->given[OPT_REWRITE])
    flags.rewrite = REWRITE_NONE; /* as a dump is of a model as it is */
  return read_again(arena, "compare", o, &flags, spec, st);
}

bool flags_micro(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char *op = o->argument[0], *mode = "fp32", *inputs[INPUT_COUNT];
  Prompt prompt;
  Calibration calibration;
  /* of a function of one number no stage has a scale */
  TRY(read_inputs(arena, o, true, micro_op_of(op) < MICRO_EXP, &prompt, &calibration, st));
  Micro micro = {.operator_name = op, .inputs = inputs};
  for (int i = 0; i < INPUT_COUNT; i++)
    if (i != INPUT_SLOW_DECAY || micro_op_of(op) == MICRO_SCAN)
      inputs[micro.input_count++] = micro_input_names[i];
  Spec flags = {.title = arena_printf(arena, "%s alone", op),
                .question = "How wrong is the operator, where, and is that allowed?",
                .model = o->model,
                .calibration = calibration,
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .compare_all = &mode,
                .compare_all_count = 1,
                .keep = {.all_layers = true}, /* and no tensors */
                .micro = &micro,
                .micro_count = 1,
                .seed = DEFAULT_SEED};
  return read_again(arena, "micro", o, &flags, spec, st);
}

int flags_modes(Arena *arena, const Options *o, const char ***names) {
  int count = 0, room = families[0]->presets;
  for (int i = 0; i < o->modes; i++) room += 1 + (int)strlen(o->mode[i]);
  *names = ARENA_NEW(arena, const char *, room);
  for (int i = 0; i < o->modes; i++) {
    char *rest = NULL, *text = arena_printf(arena, "%s", o->mode[i]);
    for (char *name = strtok_r(text, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
      (*names)[count++] = name;
  }
  for (int i = 0; count == 0 && i < families[0]->presets; i++)
    (*names)[i] = families[0]->preset[i].name;
  return count ? count : families[0]->presets;
}

/* The prompt only serves to prove the rewrite. Where tasks are asked, a text is predicted only if
 * it was named; without one there is no prompt (texts_make), though a spec must name one.
 */
bool flags_eval(Arena *arena, const Options *o, Spec *spec, Status *st) {
  const char **modes;
  const int count = flags_modes(arena, o, &modes);
  Prompt prompt;
  Calibration calibration;
  TaskPlan task[TASKS_MAX] = {0};
  const bool of_text = o->text || o->tokens || !o->tasks;
  if (!of_text)
    TRY(options_refuse(o, OPTION_KEYS(OPT_EVAL_WINDOWS, OPT_EVAL_LENGTH),
                       "is of a text, and beside --task none is predicted but one that --text or "
                       "--tokens names",
                       st));
  TRY(read_inputs(arena, o, of_text, needs_scales(modes, count), &prompt, &calibration, st));
  for (int i = 0; i < o->tasks; i++)
    task[i] = (TaskPlan){.file = o->task[i], .max_length = DEFAULT_TASK_LENGTH};
  prompt.offset = 0;
  prompt.length = 1;
  if (!of_text) prompt = (Prompt){.name = "text", .string = "x"};
  Spec flags = {.title = "Evaluation",
                .question = "",
                .model = o->model,
                .calibration = calibration,
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .compare_all = modes,
                .compare_all_count = count,
                .evaluation = {.text = prompt.text,
                               .tokens = prompt.tokens,
                               .windows = o->eval_windows,
                               .length = o->eval_length,
                               .tasks = task,
                               .task_count = o->tasks},
                .keep = {.all_layers = true},
                .seed = DEFAULT_SEED};
  TRY(read_rewrite(o->rewrite, &flags, st));
  TRY(read_again(arena, "eval", o, &flags, spec, st));
  if (!of_text) spec->prompt_count = 0;
  return true;
}

bool flags_calibrate(Arena *arena, const Options *o, Spec *spec, Status *st) {
  Options inputs = *o;
  Prompt prompt;
  Calibration calibration;
  if (!o->text && !o->tokens) inputs.text = DEFAULT_CALIBRATION;
  TRY(read_inputs(arena, &inputs, true, false, &prompt, &calibration, st));
  calibration.text = prompt.text;
  calibration.tokens = prompt.tokens;
  prompt.length = 1;
  const char *mode = "0";
  Spec flags = {.title = "Calibration",
                .question = "",
                .model = o->model,
                .calibration = calibration,
                .given_prompts = &prompt,
                .given_prompt_count = 1,
                .compare_all = &mode,
                .compare_all_count = 1,
                .mend = &mode,
                .mend_count = o->choices,
                .keep = {.all_layers = true},
                .seed = DEFAULT_SEED};
  TRY(read_rewrite(o->rewrite, &flags, st));
  return read_again(arena, "calibrate", o, &flags, spec, st);
}

/* No text is needed: what is not given is made (texts_make), so nothing is read again as a
 * spec. */
bool flags_verify(Arena *arena, const Options *o, Spec *spec, Status *st) {
  Prompt *prompt = ARENA_NEW(arena, Prompt, 1);
  Mode *modes = ARENA_NEW(arena, Mode, families[0]->presets);
  const TextReader reader = reader_of(arena, o);
  if (o->text && o->tokens)
    return FAIL(st, "--tokens stands beside --text: only one of the two can be run");
  memcpy(modes, families[0]->preset, (size_t)families[0]->presets * sizeof *modes);
  *prompt = (Prompt){.name = "text",
                     .text = o->text,
                     .tokens = o->tokens,
                     .offset = o->offset >= 0 ? o->offset : 0,
                     .length = o->length};
  *spec = (Spec){.path = "verify",
                 .folder = ".",
                 .model = o->model,
                 .calibration = calibration_of(o, NULL, tokenized(arena, &reader)),
                 .prompts = prompt,
                 .prompt_count = o->text || o->tokens,
                 .modes = modes,
                 .mode_count = families[0]->presets,
                 .seed = DEFAULT_SEED};
  return read_reader(o, spec, st) && read_rewrite(o->rewrite, spec, st);
}

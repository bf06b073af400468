#include "command/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct argp_option every_option[] = {
    {"output", OPT_OUTPUT, "DIR", 0,
     "folder that is written to, and nothing elsewhere (default: results/NAME; of a report beside "
     "its file)",
     0},
    {"fresh", OPT_FRESH, NULL, 0, "start anew: replaces what an earlier run left in DIR", 0},
    {"dry-run", OPT_DRY_RUN, NULL, 0, "say what would run, with every default, and stop", 0},
    {"threads", OPT_THREADS, "N", 0, "threads; 0: every core (default: the spec's, which is 0)", 0},
    {"memory", OPT_MEMORY, "SIZE", 0,
     "bytes taken at most, such as 8 GB or 512MiB (default: the spec's, which is most of what is "
     "free)",
     0},
    {"backend", OPT_BACKEND, "NAME", 0, "auto, cpu or cuda (default: the spec's, which is auto)",
     0},
    {"quiet", OPT_QUIET, NULL, 0, "no progress on standard error", 0},
    {"model", OPT_MODEL, "DIR", 0,
     "Hugging Face mamba checkpoint, or OWNER/NAME in the hub's cache (default: " DEFAULT_MODEL ")",
     0},
    {"ignore-unused", OPT_IGNORE_UNUSED, NULL, 0,
     "run though the checkpoint holds weights that the model does not use", 0},
    {"text", OPT_TEXT, "FILE", 0, "text to run (default: " DEFAULT_TEXT ")", 0},
    {"tokens", OPT_TOKENS, "FILE", 0,
     "token ids to run, in place of a text: integers as text, or .npy", 0},
    {"text", OPT_SCALES_TEXT, "FILE", 0,
     "text that scales are taken from (default: " DEFAULT_CALIBRATION ")", 0},
    {"tokens", OPT_SCALES_TOKENS, "FILE", 0,
     "token ids that scales are taken from, in place of a text: integers as text, or .npy", 0},
    {"text", OPT_OWN_TEXT, "FILE", 0, "text to run (default: token ids made from the seed)", 0},
    {"tokens", OPT_OWN_TOKENS, "FILE", 0,
     "token ids to run: integers as text, or .npy (default: made from the seed)", 0},
    {"calibration", OPT_OWN_CALIBRATION, "FILE", 0,
     "text or token ids that scales are taken from (default: ids made from the seed)", 0},
    {"offset", OPT_OFFSET, "N", 0,
     "first byte of the text, or first token (default: " DEFAULT_SHOWN(
         DEFAULT_OFFSET) " of the default text, 0 of others)",
     0},
    {"length", OPT_LENGTH, "N", 0, "tokens to run (default: " DEFAULT_SHOWN(DEFAULT_LENGTH) ")", 0},
    {"length", OPT_BENCH_LENGTH, "N", 0,
     "tokens to run (default: 171 and 512; on a device 2048 and 8192 too)", 0},
    {"model", OPT_BENCH_MODEL, "DIR", 0,
     "the shape of this checkpoint, or of OWNER/NAME in the hub's cache, in place of --shape: its "
     "config.json alone is read",
     0},
    {"whole-job", OPT_JOB, NULL, 0,
     "time `run` itself, part by part, on a made checkpoint: modes 2-0 and 2-4 and the reference, "
     "every tensor kept",
     0},
    {"growth", OPT_GROWTH, NULL, 0,
     "how time and memory of `run` grow with the length of a prompt, layers, modes and prompts: on "
     "made checkpoints of a small shape",
     0},
    {"against", OPT_AGAINST, "NAME", 0,
     "the same beside what a user would do instead, in turns: transformers, a hook on every "
     "module, by DRIFTSCOPE_PYTHON or python3",
     0},
    {"output", OPT_BENCH_OUTPUT, "DIR", 0,
     "folder that files are made in and removed from again (default: $TMPDIR, else /tmp)", 0},
    {"calibration", OPT_CALIBRATION, "FILE", 0,
     "text or token ids that scales are taken from (default: " DEFAULT_CALIBRATION ")", 0},
    {"windows", OPT_WINDOWS, "N", 0,
     "calibration windows (default: " DEFAULT_SHOWN(DEFAULT_WINDOWS) ")", 0},
    {"window-length", OPT_WINDOW_LENGTH, "N", 0,
     "tokens in each (default: " DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH) ")", 0},
    {"alpha", OPT_ALPHA, "A", 0,
     "quantile that s_u and s_h take (default: " DEFAULT_SHOWN(DEFAULT_ALPHA) ")", 0},
    {"rewrite", OPT_REWRITE, "NAME", 0, "quamba or none (default: " DEFAULT_REWRITE ")", 0},
    {"vectors", OPT_VECTORS, "FILE", 0,
     "stored inputs and outputs to compare with, in place of a model: .h5, .safetensors, .npz, .pt "
     "or a folder of .npy, of any types",
     0},
    {"mode", OPT_VECTORS_MODE, "M", 0,
     "with --vectors: the preset whose setting of the operator runs (default: the one of the "
     "stored types)",
     0},
    {"axes", OPT_AXES, "ORDER", 0,
     "with --vectors: token-first ([token, channel]) or token-last, where the file does not tell "
     "(default: what fits)",
     0},
    {"min-equal", OPT_MIN_EQUAL, "SHARE", 0,
     "share of stored outputs that must be equal (default: all within what float32 can make of the "
     "inputs; of int8 conv1d " DEFAULT_SHOWN(DEFAULT_EQUAL_CONV1D) ", of int8 scan " DEFAULT_SHOWN(
         DEFAULT_EQUAL_SCAN) ")",
     0},
    {"seed", OPT_SEED, "N", 0, "of made inputs (default: the spec's, which is 1)", 0},
    {"mode", OPT_MODE, "M[,M...]", 0,
     "modes; may be given more than once (default: $QUAMBA_MODE, else all presets)", 0},
    {"windows", OPT_EVAL_WINDOWS, "N", 0,
     "windows of the text, evenly spread (default: " DEFAULT_SHOWN(DEFAULT_EVAL_WINDOWS) ")", 0},
    {"window-length", OPT_EVAL_LENGTH, "L", 0,
     "tokens predicted in each (default: " DEFAULT_SHOWN(DEFAULT_WINDOW_LENGTH) ")", 0},
    {"task", OPT_TASK, "FILE", 0,
     "samples to answer, JSON lines of {context, target}, {context, choices, gold} or {contexts, "
     "target, gold}; may be given more than once; a text is then predicted only where --text or "
     "--tokens names one",
     0},
    {"json", OPT_JSON, NULL, 0, "JSON instead of text", 0},
    {"choices", OPT_CHOICES, NULL, 0,
     "Other scales beside the calibrated ones, and what each clips and rounds", 0},
    {"strict", OPT_STRICT, NULL, 0, "values that are not finite are a failure: exit status 1", 0},
    {"shape", OPT_SHAPE, "NAME", 0,
     "mamba-130m, mamba-370m, mamba-790m, mamba-1.4b, mamba-2.8b, falcon-mamba-7b or "
     "falcon-mamba-small, which nobody published (default: mamba-130m)",
     0},
    {"tokenizer", OPT_TOKENIZER, "FILE", 0,
     "tokenizer.json that text goes through (default: the one beside the checkpoint, else text is "
     "bytes, for a vocabulary of 256)",
     0},
    {"add-bos", OPT_ADD_BOS, NULL, 0,
     "put the tokens in front of a text that its tokenizer names, such as <s>", 0},
    {"no-bos", OPT_NO_BOS, NULL, 0, "leave them out", 0},
    {"pieces", OPT_PIECES, NULL, 0, "a line a token: its id and its piece of the text", 0},
    {"text", OPT_READ_TEXT, "FILE", 0, "text whose token ids are asked for", 0},
    {"output", OPT_FILE, "FILE.npy", 0, "write the ids there, int32, in place of standard output",
     0},
    {"names", OPT_NAMES, "NAMES", 0,
     "how arrays are called: a pattern such as layers.{layer}.mixer.{tensor}, or one of quamba, "
     "driftscope, sglang, sglang-hook, msprobe, vllm-neuron, transformer-engine, transformers, "
     "passes and modules (default: auto: the one that fits, else the first number in a name is its "
     "layer); given twice, the first is of the first dump and the second of the second",
     0},
    {"shard", OPT_SHARD, "I/N", 0,
     "make the I-th of N parts of the study, which `merge` puts together: every N-th prompt; auto: "
     "those of this SLURM array job, auto/N: of N by JOB_COMPLETION_INDEX",
     0},
    {"share-device", OPT_SHARE_DEVICE, NULL, 0, "several ranks may run on one device", 0},
    {"type", OPT_TYPE, "NAME", 0, "of the weights: f32, bf16 or f16 (default: f32)", 0},
    {"lang", OPT_LANGUAGE, "LANGUAGE", 0,
     "of the report and the lines on the terminal: en or zh (default: en)", 0},
};
enum { OPTION_COUNT = sizeof every_option / sizeof *every_option };

typedef struct Parse {
  const Usage *usage;
  Options options;
} Parse;

static int64_t whole_number(struct argp_state *state, const char *flag, const char *text,
                            int64_t least, int64_t most) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno || value < least || value > most)
    argp_error(state, "--%s: expected an integer from %lld to %lld, found '%.40s'", flag,
               (long long)least, (long long)most, text);
  return value;
}

static int64_t size(struct argp_state *state, const char *flag, const char *text) {
  int64_t bytes;
  char least[MEMORY_SIZE_TEXT];
  if (!memory_size(text, &bytes) || bytes < DEFAULT_LEAST_MEMORY)
    argp_error(state,
               "--%s: expected bytes, at least %s, such as 8 GB, 512 MB or 1.5 GiB, found '%.40s'",
               flag, memory_size_text(DEFAULT_LEAST_MEMORY, least), text);
  return bytes;
}

static double fraction(struct argp_state *state, const char *flag, const char *text, double least,
                       double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || !(value >= least && value <= most))
    argp_error(state, "--%s: expected a number from %g to %g, found '%.40s'", flag, least, most,
               text);
  return value;
}

static bool number_of(const char *name, long *number) {
  const char *text = getenv(name);
  char *end;
  if (!text || !*text) return false;
  errno = 0;
  *number = strtol(text, &end, 10);
  return !*end && !errno && *number >= -INT_MAX && *number <= INT_MAX;
}

/* I/N; or which task of an array of jobs this is, as its scheduler says. */
static Shard shard(struct argp_state *state, const char *text) {
  long at = 0, count = 0, first, step;
  int end = 0;
  if (sscanf(text, "%9ld/%9ld%n", &at, &count, &end) == 2) {
    if (text[end]) count = 0;
  } else if (!strcmp(text, "auto")) {
    if (!number_of("SLURM_ARRAY_TASK_ID", &at) || !number_of("SLURM_ARRAY_TASK_COUNT", &count))
      argp_error(state, "--shard auto: SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT are not set: "
                        "this is no task of a SLURM array");
    if (!number_of("SLURM_ARRAY_TASK_MIN", &first)) first = 0;
    if (!number_of("SLURM_ARRAY_TASK_STEP", &step) || step < 1) step = 1;
    at = (at - first) / step + 1;
  } else if (sscanf(text, "auto/%9ld%n", &count, &end) == 1 && !text[end]) {
    if (!number_of("JOB_COMPLETION_INDEX", &at))
      argp_error(state, "--shard %s: JOB_COMPLETION_INDEX is not set: this is no indexed job",
                 text);
    at++;
  }
  if (count < 1 || count > SHARDS_MOST || at < 1 || at > count)
    argp_error(state, "--shard: expected I/N with 1 <= I <= N <= %d, auto or auto/N, found '%.40s'",
               SHARDS_MOST, text);
  return (Shard){.shard = (int)at, .shards = (int)count};
}

static error_t take_argument(Parse *parse, struct argp_state *state, const char *text) {
  int most = parse->usage->wanted;
  for (const char *c = parse->usage->arguments; *c; c++) most += *c == '[';
  if (strstr(parse->usage->arguments, "…")) most = ARGUMENTS_MAX;
  if (parse->options.arguments >= most) argp_error(state, "'%.100s': one argument too many", text);
  parse->options.argument[parse->options.arguments++] = text;
  return 0;
}

static error_t take(int key, char *text, struct argp_state *state) {
  Parse *parse = state->input;
  Options *o = &parse->options;
  if (key > 0 && key < OPT_COUNT) o->given[key] = true;
  switch (key) {
    case OPT_OUTPUT: /* and OPT_FILE */
    case OPT_BENCH_OUTPUT:
      if (!*text) argp_error(state, "--output: expected a folder or a file, found nothing");
      o->folder = text;
      break;
    case OPT_BENCH_LENGTH:
      o->bench_length = (int)whole_number(state, "length", text, 1, TOKENS_MAX);
      break;
    case OPT_BENCH_MODEL: o->bench_model = text; break;
    case OPT_JOB: o->job = true; break;
    case OPT_GROWTH: o->growth = true; break;
    case OPT_AGAINST: o->against = text; break;
    case OPT_FRESH: o->fresh = true; break;
    case OPT_DRY_RUN: o->dry_run = true; break;
    case OPT_QUIET: o->quiet = true; break;
    case OPT_STRICT: o->strict = true; break;
    case OPT_IGNORE_UNUSED: o->ignore_unused = true; break;
    case OPT_JSON: o->json = true; break;
    case OPT_CHOICES: o->choices = true; break;
    case OPT_PIECES: o->pieces = true; break;
    case OPT_ADD_BOS: o->add_bos = true; break;
    case OPT_NO_BOS: o->no_bos = true; break;
    case OPT_TOKENIZER: o->tokenizer = text; break;
    case OPT_SHAPE: o->shape = text; break;
    case OPT_TYPE: o->type = text; break;
    case OPT_SHARE_DEVICE: o->share_device = true; break;
    case OPT_SHARD: o->shard = shard(state, text); break;
    case OPT_NAMES:
      if (o->dumps_named == DUMPS_MOST)
        argp_error(state, "--names: given more than %d times", DUMPS_MOST);
      o->names[o->dumps_named++] = text;
      break;
    case OPT_MODEL:
      o->model = text;
      o->model_given = true;
      break;
    case OPT_OWN_TEXT:
    case OPT_READ_TEXT:
    case OPT_TEXT:
    case OPT_SCALES_TEXT: o->text = text; break;
    case OPT_OWN_TOKENS:
    case OPT_TOKENS:
    case OPT_SCALES_TOKENS: o->tokens = text; break;
    case OPT_OWN_CALIBRATION:
    case OPT_CALIBRATION: o->calibration = text; break;
    case OPT_REWRITE: o->rewrite = text; break;
    case OPT_BACKEND: o->backend = text; break;
    case OPT_THREADS: o->threads = (int)whole_number(state, "threads", text, 0, THREADS_MAX); break;
    case OPT_MEMORY: o->memory = size(state, "memory", text); break;
    case OPT_OFFSET: o->offset = whole_number(state, "offset", text, 0, INT64_MAX); break;
    case OPT_LENGTH: o->length = (int)whole_number(state, "length", text, 1, TOKENS_MAX); break;
    case OPT_WINDOWS: o->windows = (int)whole_number(state, "windows", text, 1, WINDOWS_MAX); break;
    case OPT_WINDOW_LENGTH:
      o->window_length = (int)whole_number(state, "window-length", text, 1, TOKENS_MAX);
      break;
    case OPT_ALPHA: o->alpha = fraction(state, "alpha", text, 0.5, 1); break;
    case OPT_VECTORS: o->vectors = text; break;
    case OPT_VECTORS_MODE: o->vectors_mode = text; break;
    case OPT_AXES:
      o->token_axis = !strcmp(text, "token-first")  ? TOKENS_FIRST
                      : !strcmp(text, "token-last") ? TOKENS_LAST
                                                    : TOKENS_UNTOLD;
      if (o->token_axis == TOKENS_UNTOLD)
        argp_error(state, "--axes: expected token-first or token-last, found '%.40s'", text);
      break;
    case OPT_MIN_EQUAL: o->min_equal = fraction(state, "min-equal", text, 0, 1); break;
    case OPT_SEED: o->seed = whole_number(state, "seed", text, 0, INT64_MAX); break;
    case OPT_EVAL_WINDOWS:
      o->eval_windows = (int)whole_number(state, "windows", text, 1, WINDOWS_MAX);
      break;
    case OPT_EVAL_LENGTH:
      o->eval_length = (int)whole_number(state, "window-length", text, 1, TOKENS_MAX);
      break;
    case OPT_LANGUAGE:
      if (!language_find(text, &o->language))
        argp_error(state, "--lang: expected en or zh, found '%.40s'", text);
      break;
    case OPT_MODE:
      if (!text[strspn(text, ",")])
        argp_error(state, "--mode: expected modes, found none in '%.40s'", text);
      if (o->modes == MODES_MAX) argp_error(state, "--mode: given more than %d times", MODES_MAX);
      o->mode[o->modes++] = text;
      break;
    case OPT_TASK:
      if (o->tasks == TASKS_MAX) argp_error(state, "--task: given more than %d times", TASKS_MAX);
      o->task[o->tasks++] = text;
      break;
    case ARGP_KEY_ARG: return take_argument(parse, state, text);
    case ARGP_KEY_END:
      if (o->arguments < parse->usage->wanted)
        argp_error(state, "expected %s", parse->usage->arguments);
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

_Static_assert((int)OPTION_COUNT < (int)OPTIONS_MOST, "options_of has no room for every option");

void options_of(const Usage *usage, struct argp_option option[OPTIONS_MOST]) {
  int count = 0;
  memset(option, 0, OPTIONS_MOST * sizeof *option);
  for (const int *key = usage->keys; *key; key++)
    for (int i = 0; i < OPTION_COUNT; i++)
      if (every_option[i].key == *key) option[count++] = every_option[i];
  for (int i = 0; i < count; i++)
    if (option[i].key == OPT_FILE) option[i].key = OPT_OUTPUT; /* -o is its letter too */
}

bool options_refuse(const Options *o, const int *keys, const char *why, Status *st) {
  for (; *keys; keys++)
    for (int i = 0; o->given[*keys] && i < OPTION_COUNT; i++)
      if (every_option[i].key == *keys) return FAIL(st, "--%s: %s", every_option[i].name, why);
  return true;
}

Options options_parse(const Usage *usage, int argc, char **argv) {
  struct argp_option mine[OPTIONS_MOST];
  options_of(usage, mine);
  Parse parse = {usage,
                 {.threads = -1,
                  .seed = -1,
                  .min_equal = -1,
                  .model = DEFAULT_MODEL,
                  .rewrite = DEFAULT_REWRITE,
                  .offset = -1,
                  .length = DEFAULT_LENGTH,
                  .windows = DEFAULT_WINDOWS,
                  .window_length = DEFAULT_WINDOW_LENGTH,
                  .alpha = DEFAULT_ALPHA,
                  .eval_windows = DEFAULT_EVAL_WINDOWS,
                  .eval_length = DEFAULT_WINDOW_LENGTH}};
  struct argp argp = {
      .options = mine, .parser = take, .args_doc = usage->arguments, .doc = usage->doc};
  char name[64];
  snprintf(name, sizeof name, "driftscope %s", usage->name);
  argv[0] = name; /* what argp calls the program in its messages */
  argp_err_exit_status = 2;
  const int error = argp_parse(&argp, argc, argv, 0, NULL, &parse);
  if (error) { /* argp's own words want memory */
    fprintf(stderr, "driftscope: the command line: %s\n", strerror(error));
    exit(argp_err_exit_status);
  }
  const char *environment = getenv("QUAMBA_MODE");
  if (parse.options.modes == 0 && environment && *environment)
    parse.options.mode[parse.options.modes++] = environment;
  return parse.options;
}

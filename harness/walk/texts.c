#include "walk/texts.h"

#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "model/tokens.h"
#include "walk/prompt.h"

/* How the model reads text; a tokenizer that the spec names is read in any case. */
static bool open_reader(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  subject->reader = (TextReader){
      .folder = subject->checkpoint.folder,
      .path = spec->tokenizer ? file_resolve(arena, spec->folder, spec->tokenizer) : NULL,
      .vocab = subject->checkpoint.config.vocab,
      .bos = !spec->add_bos                  ? BOS_NOT_SAID
             : strcmp(spec->add_bos, "true") ? BOS_LEFT_OUT
                                             : BOS_ADDED};
  return !spec->tokenizer ||
         spec_blame(spec, spec, "tokenizer", st, text_reader_need(arena, &subject->reader, st));
}

/* --- prompts ---------------------------------------------------------------------------------- */

static bool read_prompt(Arena *arena, const Spec *spec, int p, Subject *subject, Digest *digest,
                        Status *st) {
  const Prompt *prompt = &spec->prompts[p];
  const char *key = prompt->tokens ? "tokens" : prompt->text ? "text" : "string";
  int32_t *token;
  int T;
  TRY(spec_blame(spec, prompt->given, key, st,
                 prompt_tokens(arena, prompt, spec->folder, &subject->reader, &token, &T, st)));
  subject->prompt[p] = (PromptShape){.name = prompt->name, .token = token, .T = T};
  *digest = digest_of(token, (size_t)T * sizeof *token);
  return true;
}

static const char *file_of(const Prompt *p) { return p->text ? p->text : p->tokens; }

/* Whether all prompts come from one file, read in one way. */
static bool is_of_one_file(const Spec *spec) {
  const Prompt *prompt = spec->prompts;
  for (int i = 0; i < spec->prompt_count; i++)
    if (!file_of(&prompt[i]) || strcmp(file_of(&prompt[i]), file_of(prompt)) != 0 ||
        !prompt[i].text != !prompt->text)
      return false;
  return spec->prompt_count > 0;
}

/* Where a prompt begins in its text of `count` tokens. What a byte offset leaves of them is known
 * of the text that was read from there on. */
static int64_t start_in_text(const Subject *subject, const Prompt *prompt, const char *path,
                             int64_t count) {
  Prompt behind = *prompt;
  for (const TextRead *read = subject->reader.read; prompt->text && read; read = read->next)
    if (!strcmp(read->path, path) && read->offset == prompt->offset) {
      behind.offset = count > read->ids.count ? count - read->ids.count : 0;
      break;
    }
  return prompt_start(&behind, count);
}

/* The one file that all prompts come from, how much of it they span, and how many of their length
 * it holds: what is said of these prompts is said of that text. Where each begins, in the arena;
 * NULL, and nothing is told, where there is no such file, or it cannot be read whole. */
static int64_t *find_in_text(Arena *arena, const Spec *spec, Subject *subject) {
  const Prompt *prompt = spec->prompts;
  TokenSource source;
  int64_t first = INT64_MAX, last = 0, longest = 1;
  Status unread = {0};
  if (!is_of_one_file(spec) || !tokens_open(arena, &subject->reader, prompt->text, prompt->tokens,
                                            spec->folder, &source, &unread))
    return NULL;
  tokens_close(&source);
  int64_t *starts = ARENA_NEW(arena, int64_t, spec->prompt_count);
  for (int i = 0; i < spec->prompt_count; i++) {
    int64_t start = start_in_text(subject, &prompt[i], source.path, source.count),
            T = subject->prompt[i].T;
    starts[i] = start;
    if (start < first) first = start;
    if (start + T > last) last = start + T;
    if (T > longest) longest = T;
  }
  subject->prompt_text = file_name(file_of(prompt));
  subject->prompts_held = source.count / longest;
  subject->prompts_span = (double)(last - first) / (double)source.count;
  return starts;
}

/* Prompts that have the same tokens as an earlier one, or overlap with it in their text. `starts`:
 * NULL where that is not known. */
static void find_repeated(const Spec *spec, const Digest *tokens, const int64_t *starts,
                          Subject *subject) {
  const PromptShape *prompt = subject->prompt;
  for (int i = 1; i < spec->prompt_count; i++)
    for (int j = 0; j < i; j++) {
      const bool same = !strcmp(tokens[i].hex, tokens[j].hex),
                 overlaps = starts && starts[i] < starts[j] + prompt[j].T &&
                            starts[j] < starts[i] + prompt[i].T;
      if (!same && !overlaps) continue;
      if (!subject->repeated++)
        subject->repeated_one = prompt[i].name, subject->repeated_other = prompt[j].name;
      break;
    }
}

static bool read_prompts(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                         Status *st) {
  subject->prompt = ARENA_NEW(arena, PromptShape, spec->prompt_count);
  for (int p = 0; p < spec->prompt_count; p++)
    TRY(read_prompt(arena, spec, p, subject, &digest[p], st));
  find_repeated(spec, digest, find_in_text(arena, spec, subject), subject);
  return true;
}

/* --- windows of a text ------------------------------------------------------------------------ */

/* So many of so many tokens each, evenly spread over a text that a part of the spec names. */
typedef struct Windows {
  const void *of; /* the part */
  const char *text, *tokens;
  int windows, length;
  const char *few;  /* what is said where it has not even one: behind "has 12 tokens, " */
  const char *path; /* set: */
  int64_t count;    /* of the whole text */
  int32_t *token;   /* back to back */
  Digest digest;    /* of the whole text */
} Windows;

static bool read_windows(Arena *arena, const Spec *spec, TextReader *reader, Windows *w,
                         Status *st) {
  const char *key = w->tokens ? "tokens" : "text";
  TokenSource source;
  TRY(spec_blame(spec, w->of, key, st,
                 tokens_open(arena, reader, w->text, w->tokens, spec->folder, &source, st)));
  w->path = source.path;
  w->count = source.count;
  const bool ok =
      source.count >= w->length
          ? spec_blame(spec, w->of, key, st,
                       tokens_take(arena, &source, w->windows, w->length, &w->token, st))
          : spec_blame(spec, w->of, "length", st,
                       FAIL(st, "%s: has %lld token%s, %s", source.path, (long long)source.count,
                            plural(source.count), w->few));
  if (ok) w->digest = tokens_digest(&source);
  tokens_close(&source);
  return ok;
}

static void add_need(void *context, const Mode *mode) {
  bool *needed = context;
  *needed |= mode_needs_scales(mode);
}

/* Operators that run alone do so under every preset that the spec has scales for. */
static bool calibrates(const Spec *spec) {
  bool needed = spec->micro_count > 0;
  spec_each_mode(spec, add_need, &needed);
  return needed && spec_calibrated(spec);
}

static bool read_calibration(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                             Status *st) {
  const Calibration *c = &spec->calibration;
  if (!calibrates(spec)) return true;
  Windows w = {.of = c,
               .text = c->text,
               .tokens = c->tokens,
               .windows = c->windows,
               .length = c->length,
               .few =
                   arena_printf(arena, "fewer than the %d of one calibration window", c->length)};
  TRY(read_windows(arena, spec, &subject->reader, &w, st));
  subject->calibration_path = w.path;
  subject->calibration_count = (int64_t)c->windows * c->length;
  subject->calibration_token = w.token;
  *digest = subject->calibration_text = w.digest;
  return true;
}

/* Of each token that is predicted the one in front is read too. */
static bool read_evaluation(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                            Status *st) {
  const EvaluationPlan *plan = &spec->evaluation;
  const int read = plan->length + 1;
  if (!spec_evaluates(spec)) return true;
  Windows w = {.of = plan,
               .text = plan->text,
               .tokens = plan->tokens,
               .windows = plan->windows,
               .length = read,
               .few = arena_printf(arena, "and a window of %d with one in front needs %d",
                                   plan->length, read)};
  TRY(read_windows(arena, spec, &subject->reader, &w, st));
  subject->evaluation_path = w.path;
  subject->evaluation_count = w.count;
  subject->evaluation_token = w.token;
  *digest = w.digest;
  return true;
}

/* --- all -------------------------------------------------------------------------------------- */

static bool read_tasks(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                       Status *st) {
  const EvaluationPlan *plan = &spec->evaluation;
  subject->tasks = plan->task_count;
  subject->task = ARENA_NEW(arena, TaskSet, plan->task_count);
  for (int t = 0; t < plan->task_count; t++) {
    TRY(spec_blame(spec, &plan->tasks[t], "file", st,
                   task_set_read(arena, &plan->tasks[t], spec->folder, &subject->reader,
                                 subject->checkpoint.config.start, &subject->task[t], st)));
    for (int other = 0; other < t; other++)
      if (!strcmp(subject->task[other].name, subject->task[t].name))
        return spec_blame(spec, &plan->tasks[t], "file", st,
                          FAIL(st, "%s: a task before it is called '%s' too: rename the file",
                               plan->tasks[t].file, subject->task[t].name));
    digest[t] = subject->task[t].digest;
  }
  return true;
}

bool texts_read(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  const int prompts = spec->prompt_count, tasks = spec->evaluation.task_count;
  int digests = prompts + 2 + tasks;
  Digest *digest = ARENA_NEW(arena, Digest, digests + 1);
  TRY(open_reader(arena, spec, subject, st));
  TRY(read_prompts(arena, spec, subject, digest, st));
  TRY(read_calibration(arena, spec, subject, &digest[prompts], st));
  TRY(read_evaluation(arena, spec, subject, &digest[prompts + 1], st));
  TRY(read_tasks(arena, spec, subject, &digest[prompts + 2], st));
  if (subject->reader.used) digest[digests++] = tokenizer_digest(subject->reader.tokenizer);
  subject->text = digest_join(digest, (size_t)digests);
  text_reader_want(arena, &subject->reader);
  return true;
}

void texts_make(Arena *arena, const Spec *spec, int T, Subject *subject) {
  const int vocab = subject->checkpoint.config.vocab;
  const Calibration *c = &spec->calibration;
  if (!spec->prompt_count) {
    subject->prompt = ARENA_NEW(arena, PromptShape, 1);
    subject->prompt[0] =
        (PromptShape){.name = "made", .token = tokens_made(arena, spec->seed, vocab, T), .T = T};
  }
  if (subject->calibration_token) return;
  subject->calibration_path =
      arena_printf(arena, "token ids made from seed %lld", (long long)spec->seed);
  subject->calibration_count = (int64_t)c->windows * c->length;
  subject->calibration_token = tokens_made(arena, spec->seed, vocab, subject->calibration_count);
  subject->calibration_text =
      digest_of(subject->calibration_token, (size_t)subject->calibration_count * sizeof(int32_t));
}

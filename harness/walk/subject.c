#include "walk/subject.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/process.h"
#include "base/ranks.h"
#include "family/block.h"
#include "model/hub.h"
#include "model/rewrite.h"
#include "model/tokens.h"
#include "model/weight.h"
#include "reference/model64.h"
#include "walk/prompt.h"
#include "walk/there.h"

static const double proof_limit =
    1e-10; /* float64 rounding through all layers stays some 1e4 below */

/* fp64 among them needs none. */
static bool any_needs_scales(const Spec *spec, const char *const *modes, int count) {
  for (int i = 0; i < count; i++) {
    const Mode *mode = spec_mode(spec, modes[i]);
    if (mode && mode_needs_scales(mode)) return true;
  }
  return false;
}

/* Operators that run alone do so under every preset that the spec has scales for. */
static bool any_mode_needs_scales(const Spec *spec) {
  for (int i = 0; i < spec->mode_count; i++)
    if (mode_needs_scales(&spec->modes[i])) return true;
  for (int i = 0; i < spec->swap_count; i++) {
    const char *const pair[] = {spec->swaps[i].pair.base, spec->swaps[i].pair.other};
    if (any_needs_scales(spec, pair, 2)) return true;
  }
  for (int i = 0; i < spec->restore_count; i++) {
    const char *const modes[] = {spec->restore[i].mode, spec->restore[i].to};
    if (any_needs_scales(spec, modes, 2)) return true;
  }
  for (int i = 0; i < spec->repair_count; i++) {
    const char *const modes[] = {spec->repairs[i].mode, spec->repairs[i].to};
    if (any_needs_scales(spec, modes, 2)) return true;
  }
  return any_needs_scales(spec, spec->evaluation.modes, spec->evaluation.mode_count) ||
         any_needs_scales(spec, spec->cost.modes, spec->cost.mode_count) ||
         any_needs_scales(spec, spec->mend, spec->mend_count) ||
         any_needs_scales(spec, spec->grid.modes, spec->grid.mode_count) ||
         (spec->micro_count && spec_calibrated(spec));
}

static bool has_tensor(const Config *config, const char *name, Status *st) {
  return tensors_find(&config->family->tensors, name) != ABSENT ||
         FAIL(st, "'%s' is no tensor of this model, whose model_type is \"%s\"", name,
              config->family->model_type);
}

/* A spec is read before its model, and may name the tensors of any model. */
static bool check_tensors(const Spec *spec, const Config *config, Status *st) {
  for (int i = 0; i < spec->keep.tensor_count; i++)
    TRY(spec_blame(spec, &spec->keep.tensors[i], NULL, st,
                   has_tensor(config, spec->keep.tensors[i], st)));
  for (int i = 0; i < spec->repair_count; i++)
    TRY(spec_blame(spec, &spec->repairs[i], "tensor", st,
                   has_tensor(config, spec->repairs[i].tensor, st)));
  for (int i = 0; i < spec->gate_count; i++)
    if (!has_tensor(config, spec->gates[i].tensor, st)) {
      status_lead(st, "%s: key 'gate': ", spec->gates[i].place);
      return false;
    }
  return true;
}

static bool check_layers(const Spec *spec, const Subject *subject, Status *st) {
  for (int i = 0; i < spec->keep.layer_count; i++)
    if (spec->keep.layers[i] >= subject->checkpoint.config.layers)
      return spec_blame(spec, &spec->keep.layers[i], NULL, st,
                        FAIL(st, "layer %d: the model has layers 0 to %d", spec->keep.layers[i],
                             subject->checkpoint.config.layers - 1));
  for (int i = 0; i < spec->gate_count; i++)
    if (spec->gates[i].layer >= subject->checkpoint.config.layers)
      return FAIL(st, "%s: key 'gate': layer %d: the model has layers 0 to %d",
                  spec->gates[i].place, spec->gates[i].layer,
                  subject->checkpoint.config.layers - 1);
  return spec_check_layers(spec, subject->checkpoint.config.layers, st);
}

static bool read_evaluation(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                            Status *st) {
  const EvaluationPlan *plan = &spec->evaluation;
  const char *key = plan->tokens ? "tokens" : "text";
  TokenSource source;
  if (!spec_evaluates(spec)) return true;
  TRY(spec_blame(
      spec, plan, key, st,
      tokens_open(arena, &subject->reader, plan->text, plan->tokens, spec->folder, &source, st)));
  subject->evaluation_path = source.path;
  subject->evaluation_count = source.count;
  const bool ok =
      source.count > plan->length
          ? spec_blame(spec, plan, key, st,
                       tokens_take(arena, &source, plan->windows, plan->length + 1,
                                   &subject->evaluation_token, st))
          : spec_blame(spec, plan, "length", st,
                       FAIL(st,
                            "%s: has %lld token%s, and a window of %d with one in front needs %d",
                            source.path, (long long)source.count, plural(source.count),
                            plan->length, plan->length + 1));
  if (ok) *digest = tokens_digest(&source);
  tokens_close(&source);
  return ok;
}

static bool read_calibration(Arena *arena, const Spec *spec, Subject *subject, Digest *digest,
                             Status *st) {
  const Calibration *c = &spec->calibration;
  const char *key = c->tokens ? "tokens" : "text";
  TokenSource source;
  if (!any_mode_needs_scales(spec) || !spec_calibrated(spec)) return true;
  TRY(spec_blame(
      spec, c, key, st,
      tokens_open(arena, &subject->reader, c->text, c->tokens, spec->folder, &source, st)));
  const bool ok =
      source.count >= c->length
          ? spec_blame(
                spec, c, key, st,
                tokens_take(arena, &source, c->windows, c->length, &subject->calibration_token, st))
          : spec_blame(spec, c, "length", st,
                       FAIL(st, "%s: has %lld token%s, fewer than the %d of one calibration window",
                            source.path, (long long)source.count, plural(source.count), c->length));
  subject->calibration_path = source.path;
  subject->calibration_count = (int64_t)c->windows * c->length;
  if (ok) *digest = subject->calibration_text = tokens_digest(&source);
  tokens_close(&source);
  return ok;
}

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

static const char *file_of(const Prompt *p) { return p->text ? p->text : p->tokens; }

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
static int64_t *read_prompt_text(Arena *arena, const Spec *spec, Subject *subject) {
  const Prompt *prompt = spec->prompts;
  const char *name = spec->prompt_count ? file_of(prompt) : NULL;
  TokenSource source;
  int64_t first = INT64_MAX, last = 0, longest = 1;
  Status unread = {0};
  for (int i = 0; i < spec->prompt_count; i++)
    if (!name || !file_of(&prompt[i]) || strcmp(file_of(&prompt[i]), name) ||
        !prompt[i].text != !prompt->text)
      return NULL;
  if (!name || !tokens_open(arena, &subject->reader, prompt->text, prompt->tokens, spec->folder,
                            &source, &unread))
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
  const char *slash = strrchr(name, '/');
  subject->prompt_text = slash ? slash + 1 : name;
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

/* A model run without weights that its checkpoint holds may not be the model that was saved. */
static bool check_unused(const Spec *spec, const Checkpoint *c, Status *st) {
  return !c->unused || spec->ignore_unused ||
         FAIL(st,
              "%s: holds %zu tensor%s that this model does not use: %.400s; if config.json is "
              "right, run without %s with "
              "--ignore-unused (in a spec: ignore_unused: true), which is recorded",
              c->unused_path, c->unused, c->unused == 1 ? "" : "s", c->unused_names,
              c->unused == 1 ? "it" : "them");
}

/* How it reads text; a tokenizer that the spec names is read in any case. */
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

Pieces subject_pieces(const Subject *subject) {
  const TextReader *reader = &subject->reader;
  return (Pieces){reader->tokenizer, !reader->tokenizer && reader->vocab == BYTE_VOCAB};
}

static bool check_all(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  const char *folder;
  subject->text = digest_of("", 0);
  if (!spec->model) return true;
  TRY(spec_blame(spec, spec, "model", st,
                 hub_resolve(arena, spec->folder, spec->model, &folder, st) &&
                     checkpoint_open(arena, folder, &subject->checkpoint, st)));
  TRY(check_unused(spec, &subject->checkpoint, st));
  const int count = spec->prompt_count;
  TRY(check_tensors(spec, &subject->checkpoint.config, st));
  TRY(check_layers(spec, subject, st));
  TRY(open_reader(arena, spec, subject, st));
  Digest *text = ARENA_NEW(arena, Digest, count + 3 + spec->evaluation.task_count);
  subject->prompt = ARENA_NEW(arena, PromptShape, count);
  for (int i = 0; i < count; i++) {
    int32_t *token;
    const Prompt *prompt = &spec->prompts[i];
    const char *key = prompt->tokens ? "tokens" : prompt->text ? "text" : "string";
    TRY(spec_blame(spec, prompt->given, key, st,
                   prompt_tokens(arena, prompt, spec->folder, &subject->reader, &token,
                                 &subject->prompt[i].T, st)));
    subject->prompt[i].name = spec->prompts[i].name;
    subject->prompt[i].token = token;
    text[i] = digest_of(token, (size_t)subject->prompt[i].T * sizeof *token);
  }
  find_repeated(spec, text, read_prompt_text(arena, spec, subject), subject);
  TRY(read_calibration(arena, spec, subject, &text[count], st));
  TRY(read_evaluation(arena, spec, subject, &text[count + 1], st));
  TRY(read_tasks(arena, spec, subject, &text[count + 2], st));
  int digests = count + 2 + subject->tasks;
  if (subject->reader.used) text[digests++] = tokenizer_digest(subject->reader.tokenizer);
  subject->text = digest_join(text, (size_t)digests);
  text_reader_want(arena, &subject->reader);
  return true;
}

bool subject_check(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  const double start = clock_s();
  *subject = (Subject){0};
  const bool ok = check_all(arena, spec, subject, st);
  text_reader_close(&subject->reader);
  subject->load_s = clock_s() - start;
  return ok;
}

void subject_make_tokens(Arena *arena, const Spec *spec, int T, Subject *subject) {
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

/* --- the rewrite's proof ---------------------------------------------------------------------- */

/* Sides of the walk: the weights as they are, and rewritten. */
enum { PLAIN, REWRITTEN, PROVED };

/* A rider: both forms of the reference on the head of the first prompt, to the last layer; the
 * head behind it on this host, also where there is a device. */
typedef struct Proof {
  Subject *subject;
  Arena arena, scratch;
  Weights64 plain;            /* of one layer at a time */
  double *room[WEIGHTS_MOST]; /* here; where there is a device, they are made there: */
  MadeLayers made;
  Device64 there;
  WalkSide side[PROVED];
  PromptShape head;
  Visitor visitor;
  Walk walk;
  WalkRun *run;
} Proof;

/* ||a - b|| / ||a||; 0 where they are equal, also to 0. Not a number stays what it is. */
static double difference(const double *a, const double *b, size_t n) {
  double error = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  return error > 0 ? sqrt(error / size) : error;
}

static bool prove(const Subject *subject, double found, const char *what, const WalkPlace *at,
                  Status *st) {
  if (isnan(found))
    return FAIL(st,
                "%s: the rewrite cannot be proved: the float64 %s of the first %d tokens of prompt "
                "'%s' is not finite",
                subject->checkpoint.folder, what, at->shape->T, at->shape->name);
  return found <= proof_limit ||
         FAIL(st,
              "%s: the rewrite changes the model: the float64 %s of the first %d token%s of prompt "
              "'%s' differ "
              "by %.3g relative with and without it; at most %.0e is rounding",
              subject->checkpoint.folder, what, at->shape->T, plural(at->shape->T), at->shape->name,
              found, proof_limit);
}

/* How far the rewritten tensor is from the plain one, undone as the family says of it. */
static double undone_difference(Basis basis, const Tensor *plain, const Tensor *rewritten,
                                Arena scratch) {
  const size_t n = (size_t)plain->rows * (size_t)plain->cols;
  if (basis == BASIS_KEPT) return difference(plain->data, rewritten->data, n);
  double *back = memcpy(ARENA_NEW(&scratch, double, n), rewritten->data, n * sizeof(double));
  hadamard64_back(back, plain->rows, plain->cols);
  return difference(plain->data, back, n);
}

/* Every tensor of the rewritten model is the plain one, or that rotated: x' = x H / sqrt(columns),
 * but for norms, whose gain is elsewhere. */
static bool prove_tensors(Subject *subject, const WalkPlace *at, const Trace *plain,
                          const Trace *rewritten, Arena scratch, Status *st) {
  const Tensors *tensors = &subject->checkpoint.config.family->tensors;
  for (int id = 0; id < tensors->count; id++) {
    const TensorInfo *info = &tensors->info[id];
    const Tensor *a = &plain->t[id], *b = &rewritten->t[id];
    if (!a->data || !b->data || info->basis == BASIS_FOLDED) continue;
    const double found = undone_difference(info->basis, a, b, scratch);
    if (info->role == ROLE_LOGITS) subject->rewrite_proof = found;
    TRY(prove(subject, found,
              id < tensors->layer ? arena_printf(&scratch, "%s of layer %d", info->name, at->layer)
                                  : info->name,
              at, st));
  }
  return true;
}

static bool prove_layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                        Status *st) {
  Proof *proof = context;
  Subject *subject = proof->subject;
  TRY(prove_tensors(subject, at, &trace[PLAIN], &trace[REWRITTEN], scratch, st));
  if (at->layer + 1 < subject->model.layers) return true;
  Trace end[PROVED] = {{0}, {0}};
  const Source host[PROVED] = {source_ref64(&proof->plain), source_ref64(&subject->weights)};
  for (int s = 0; s < PROVED; s++)
    host[s].head(&host[s], trace_role_of(&trace[s], ROLE_BLOCK_OUT), &scratch, &end[s]);
  return prove_tensors(subject, at, &end[PLAIN], &end[REWRITTEN], scratch, st);
}

static bool ride_proof(void *context, int layer, Status *st) {
  Proof *proof = context;
  const Checkpoint *checkpoint = &proof->subject->checkpoint;
  const bool there = proof->subject->device != NULL;
  const double start = clock_s();
  if (!there)
    TRY(rewrite_layer(checkpoint, REWRITE_NONE, layer, proof->room, proof->plain.layer[layer], st));
  TRY(walk_layer(proof->run, layer, proof->scratch, st));
  memset(proof->plain.layer[layer], 0, sizeof *proof->plain.layer);
  if (layer == checkpoint->config.layers - 1) {
    if (there) device64_free(&proof->there), made_free(&proof->made);
    arena_give_back(&proof->arena);
  }
  proof->subject->proof_s += clock_s() - start;
  return true;
}

static void plain_rows(const void *context, int end, int first, int rows, double *out) {
  rewrite_rows(context, REWRITE_NONE, NULL, end, first, rows, out);
}

/* The weights as they stand in the checkpoint, but for those of layers. */
static Weights64 plain_weights(Arena *arena, const Checkpoint *checkpoint) {
  const Weight *norm = &checkpoint->end[END_NORM];
  double *gain = ARENA_NEW(arena, double, norm->count);
  weight_range_to_f64(norm, 0, norm->count, gain);
  Weights64 plain = {.ops = &ops64_cpu,
                     .config = checkpoint->config,
                     .norm_f = gain,
                     .ends = {checkpoint, plain_rows}};
  plain.layer = arena_alloc(arena, (size_t)checkpoint->config.layers, sizeof *plain.layer);
  return plain;
}

static int proof_tokens(const Subject *subject) {
  return subject->prompt[0].T < PROOF_TOKENS ? subject->prompt[0].T : PROOF_TOKENS;
}

/* A layer and some rows of the head in float64, both sides' traces and streams. */
static size_t proof_bytes(const Config *c, int T) {
  return family_layer_values(c) * sizeof(double) + block_logits64_bytes(c) +
         2 * (size_t)c->D * sizeof(double) + (size_t)T * (size_t)family_widest(c) * sizeof(double) +
         walk_bytes(2 * block_bytes(c, T), T, c->D, PROVED, PROVED) +
         (size_t)c->layers * sizeof(double *[WEIGHTS_MOST]) + ((size_t)1 << 16);
}

size_t proof_there_bytes(const Config *c) {
  return made_bytes(c, 1) + device64_bytes(c, false) +
         PROVED * lane_bytes(c, FORMAT_F64, PROOF_TOKENS);
}

/* Who computes it; the plain weights are made where it does. */
static bool prove_there(Arena *arena, Proof *proof, Status *st) {
  Subject *subject = proof->subject;
  const Config *c = &subject->checkpoint.config;
  proof->side[PLAIN] = proof->side[REWRITTEN] = (WalkSide){.layers = c->layers};
  proof->side[PLAIN].source = source_ref64(&proof->plain);
  proof->side[REWRITTEN].source = subject_reference(subject);
  if (!subject->device) {
    for (int w = 0; w < c->family->weights; w++)
      proof->room[w] =
          arena_room(&proof->scratch, weight_values(c, &c->family->weight[w]), sizeof(double));
    return true;
  }
  TRY(made_open(arena, &subject->device->maker, REWRITE_NONE, 1, &proof->made, st));
  TRY(device64_load(subject->device, &proof->plain, &proof->made, false, &proof->there, st));
  proof->side[PLAIN].source = source_cuda64(&proof->there);
  return true;
}

/* By the first prompt, or where tasks stand alone by a made token. */
static bool is_proved(const Spec *spec) {
  return spec->rewrite != REWRITE_NONE && (spec->prompt_count || spec->evaluation.task_count);
}

static bool ride_along(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  if (!is_proved(spec)) return true;
  const Config *c = &subject->checkpoint.config;
  Proof *proof = ARENA_NEW(arena, Proof, 1);
  *proof = (Proof){.subject = subject, .head = subject->prompt[0]};
  proof->head.T = proof_tokens(subject);
  proof->scratch = proof->arena = arena_carve(arena, proof_bytes(c, proof->head.T));
  proof->plain = plain_weights(&proof->scratch, &subject->checkpoint);
  TRY(prove_there(arena, proof, st));
  proof->visitor = (Visitor){.context = proof, .layer = prove_layer};
  proof->walk = subject_walk(subject, proof->side, PROVED, &proof->head, 1);
  proof->walk.visitor = &proof->visitor;
  proof->walk.visitors = 1;
  const Forms forms = {.f64 = !subject->device};
  layers_ride(subject->layers, &(Rider){.context = proof, .forms = forms, .ride = ride_proof});
  return walk_begin(&proof->scratch, &proof->walk, &proof->run, st);
}

/* --- walks ------------------------------------------------------------------------------------ */

static int batch_of(const Subject *subject, int sides, const PromptShape *prompt, int prompts) {
  size_t bytes = 0;
  int64_t tokens = 0;
  int batch = 0;
  if (layers_stay(subject->layers)) return 1;
  for (; batch < prompts && tokens < SUBJECT_BATCH_TOKENS; batch++) {
    bytes += walk_stream_bytes(prompt[batch].T, subject->model.D, sides);
    tokens += (int64_t)prompt[batch].T * sides;
    if (batch > 0 && bytes > subject->streams) break;
  }
  return batch > 1 ? batch : 1;
}

Walk subject_walk(const Subject *subject, WalkSide *side, int sides, const PromptShape *prompt,
                  int prompts) {
  return (Walk){.layers = subject->model.layers,
                .width = subject->model.D,
                .weights = subject->layers,
                .batch = subject->layers ? batch_of(subject, sides, prompt, prompts) : 1,
                .side = side,
                .sides = sides,
                .prompt = prompt,
                .prompts = prompts};
}

/* --- loading ---------------------------------------------------------------------------------- */

/* Where a thread's stack finds no room, the run ends without a line: so the room is looked at
 * before. */
static bool check_threads(const Spec *spec, Arena scratch, Status *st) {
  const size_t libraries = (size_t)64 << 20, room = process_room(), one = process_stack();
  size_t threads = (size_t)omp_get_max_threads(),
         fit = room > libraries ? (room - libraries) / one : 0;
  if (fit >= threads) return true;
  const char *advice = fit ? arena_printf(&scratch, "--threads %zu fits", fit) : "raise the limit";
  return FAIL(st,
              "%s: %zu thread%s %zu MB beside the tensors, and %zu MB are left under the limit of "
              "this process "
              "(ulimit -v): %s",
              spec->path, threads, threads == 1 ? " needs" : "s need",
              (threads * one + libraries) >> 20, room >> 20, advice);
}

static void add_forms(void *context, const Mode *mode) {
  Forms *forms = context;
  *forms = forms_of_both(*forms, forms_of_mode(mode));
}

Forms subject_forms(const Spec *spec, const Config *config) {
  Forms forms = {.f64 = true, .head = true};
  spec_each_mode(spec, add_forms, &forms);
  if (spec->cost.length_count) add_forms(&forms, config->family->plain);
  return forms;
}

size_t subject_bytes(const Spec *spec, const Config *config) {
  return is_proved(spec) ? proof_bytes(config, PROOF_TOKENS) : 0;
}

bool subject_load(Arena *arena, const Spec *spec, const LayersPlan *plan, Progress *progress,
                  Subject *subject, Status *st) {
  omp_set_num_threads(ranks_threads(spec->threads, omp_get_num_procs()));
  const Config *c = &subject->checkpoint.config;
  const double start = clock_s();
  TRY(check_threads(spec, *arena, st));
  subject->layers = ARENA_NEW(arena, Layers, 1);
  TRY(layers_open(arena, &subject->checkpoint, spec->rewrite, plan, subject->layers, st));
  subject->weights = subject->layers->weights;
  subject->model = subject->layers->model;
  TRY(there_load(arena, spec, subject, st));
  TRY(ride_along(arena, spec, subject, st));
  subject->load_s += clock_s() - start;
  progress_tell(progress, "load", subject->load_s, "%s: %s, D %d, E %d, N %d",
                subject->checkpoint.folder, progress_count(progress, c->layers, "layer").text, c->D,
                c->E, c->N);
  if (subject->checkpoint.unused)
    progress_say(progress, "%s: not used, as asked: %s", subject->checkpoint.unused_path,
                 subject->checkpoint.unused_names);
  prompt_tell_texts(&subject->reader, progress);
  for (int t = 0; t < subject->tasks; t++)
    task_set_tell(&subject->task[t], &subject->reader, progress);
  return true;
}

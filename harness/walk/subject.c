#include "walk/subject.h"

#include <omp.h>

#include "base/number.h"
#include "base/process.h"
#include "base/ranks.h"
#include "model/hub.h"
#include "walk/prompt.h"
#include "walk/proof.h"
#include "walk/texts.h"
#include "walk/there.h"

/* --- what the spec names ---------------------------------------------------------------------- */

static bool has_tensor(const Config *config, const char *name, Status *st) {
  return tensors_find(&config->family->tensors, name) != ABSENT ||
         FAIL(st, "'%s' is no tensor of this model, whose model_type is \"%s\"", name,
              config->family->model_type);
}

static bool blame_gate(const Gate *gate, Status *st, bool ok) {
  if (!ok) status_lead(st, "%s: key 'gate': ", gate->place);
  return ok;
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
    TRY(blame_gate(&spec->gates[i], st, has_tensor(config, spec->gates[i].tensor, st)));
  return true;
}

static bool has_layer(int layers, int layer, Status *st) {
  return layer < layers || FAIL(st, "layer %d: the model has layers 0 to %d", layer, layers - 1);
}

static bool check_layers(const Spec *spec, int layers, Status *st) {
  for (int i = 0; i < spec->keep.layer_count; i++)
    TRY(spec_blame(spec, &spec->keep.layers[i], NULL, st,
                   has_layer(layers, spec->keep.layers[i], st)));
  for (int i = 0; i < spec->gate_count; i++)
    TRY(blame_gate(&spec->gates[i], st, has_layer(layers, spec->gates[i].layer, st)));
  return spec_check_layers(spec, layers, st);
}

/* A model run without weights that its checkpoint holds may not be the model that was saved. */
static bool check_unused(const Spec *spec, const Checkpoint *c, Status *st) {
  return !c->unused || spec->ignore_unused ||
         FAIL(st,
              "%s: holds %zu tensor%s that this model does not use: %.400s; if config.json is "
              "right, run without %s with --ignore-unused (in a spec: ignore_unused: true), which "
              "is recorded",
              c->unused_path, c->unused, plural((int64_t)c->unused), c->unused_names,
              c->unused == 1 ? "it" : "them");
}

static bool check_all(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  const char *folder;
  subject->text = digest_of("", 0);
  if (!spec->model) return true;
  TRY(spec_blame(spec, spec, "model", st,
                 hub_resolve(arena, spec->folder, spec->model, &folder, st) &&
                     checkpoint_open(arena, folder, &subject->checkpoint, st)));
  TRY(check_unused(spec, &subject->checkpoint, st));
  TRY(check_tensors(spec, &subject->checkpoint.config, st));
  TRY(check_layers(spec, subject->checkpoint.config.layers, st));
  return texts_read(arena, spec, subject, st);
}

bool subject_check(Arena *arena, const Spec *spec, Subject *subject, Status *st) {
  const double start = clock_s();
  *subject = (Subject){0};
  const bool ok = check_all(arena, spec, subject, st);
  text_reader_close(&subject->reader);
  subject->load_s = clock_s() - start;
  return ok;
}

Pieces subject_pieces(const Subject *subject) {
  const TextReader *reader = &subject->reader;
  return (Pieces){reader->tokenizer, !reader->tokenizer && reader->vocab == BYTE_VOCAB};
}

/* --- walks ------------------------------------------------------------------------------------ */

int subject_longest(const Spec *spec, const Subject *subject) {
  int longest = 0;
  for (int p = 0; p < spec->prompt_count; p++)
    if (subject->prompt[p].T > longest) longest = subject->prompt[p].T;
  return longest;
}

TensorSet subject_ends(const Subject *subject) {
  return tensors_in(&subject->model.config.family->tensors, ROLE_BLOCK_OUT, ROLE_LOGITS);
}

Source subject_modes(const Subject *subject) {
  return subject->device ? source_cuda(subject->device) : source_cpu(&subject->model);
}

Source subject_reference(const Subject *subject) {
  return subject->device64 ? source_cuda64(subject->device64) : source_ref64(&subject->weights);
}

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
              "this process (ulimit -v): %s",
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
  TRY(proof_ride(arena, spec, subject, st));
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

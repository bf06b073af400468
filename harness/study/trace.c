#include "study/trace.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/workers.h"
#include "measure/events.h"
#include "study/trace_event.h"

WalkSide trace_side(const Study *study, const char *name) {
  const Mode *mode = spec_mode(study->spec, name);
  return (WalkSide){.name = name,
                    .source = mode ? source_cpu(&study->subject->model)
                                   : source_ref64(&study->subject->weights),
                    .mode = mode,
                    .stored = name};
}

int trace_find_side(const Study *study, WalkSide *side, int *sides, const char *name) {
  for (int i = 0; i < *sides; i++)
    if (!strcmp(side[i].name, name)) return i;
  side[*sides] = trace_side(study, name);
  return (*sides)++;
}

/* --- maps ------------------------------------------------------------------------------------- */

enum { MAP_TOKENS = 48, MAP_CHANNELS = 64 };

static int piece_length(int n, int most) { return (n + most - 1) / most; }

/* A map's pieces, row by row. */
static size_t put_pieces(const Scene *s, int id, int tokens, int channels, EventMap *row) {
  const Tensor *base = &s->base->t[id];
  size_t count = 0;
  EventMap of = {.layer = s->at->layer};
  table_text(of.base, sizeof of.base, s->suspect->base);
  table_text(of.other, sizeof of.other, s->suspect->other);
  table_text(of.prompt, sizeof of.prompt, s->at->shape->name);
  table_text(of.tensor, sizeof of.tensor, scene_tensors(s)->info[id].name);
  for (int t = 0; t < base->rows; t += tokens)
    for (int c = 0; c < base->cols; c += channels) {
      of.token = t, of.channel = c;
      of.tokens = t + tokens < base->rows ? tokens : base->rows - t;
      of.channels = c + channels < base->cols ? channels : base->cols - c;
      row[count++] = of;
    }
  return count;
}

static size_t add_map(const Scene *s, int id, EventMap *row, Arena scratch) {
  const Tensor *base = &s->base->t[id], *other = &s->other->t[id];
  const int tokens = piece_length(base->rows, MAP_TOKENS),
            channels = piece_length(base->cols, MAP_CHANNELS),
            across = (base->cols + channels - 1) / channels;
  double *a = ARENA_NEW(&scratch, double, base->cols), *b = ARENA_NEW(&scratch, double, base->cols),
         sum = 0;
  const size_t count = put_pieces(s, id, tokens, channels, row);
  for (int t = 0; t < base->rows; t++) {
    Tensor x = tensor_rows(base, t, 1), y = tensor_rows(other, t, 1);
    tensor_values(&x, a);
    tensor_values(&y, b);
    EventMap *of = row + t / tokens * across;
    for (int c = 0; c < base->cols; of++) {
      for (const int end = c + of->channels; c < end; c++) {
        const double error = fabs(b[c] - a[c]);
        sum += a[c] * a[c];
        if (error > of->error) of->error = error; /* passes over NaN */
      }
    }
  }
  const double rms = sqrt(sum / ((double)base->rows * (double)base->cols));
  for (size_t i = 0; i < count; i++) row[i].error = row[i].error == 0 ? 0 : row[i].error / rms;
  return count;
}

/* --- the walk --------------------------------------------------------------------------------- */

typedef struct Tracer {
  const Study *study;
  double share;
  Suspect *suspect;
  int suspects;
  WalkSide *side;
  int sides;
  const int *prompt; /* of the subject, by the walk's */
  TraceMaps *maps;
} Tracer;

static bool is_here(const Tracer *t, const Suspect *suspect, int prompt, int layer) {
  return suspect->prompt == t->prompt[prompt] && suspect->layer == layer;
}

static bool looks(void *context, int prompt, int side, int layer) {
  const Tracer *t = context;
  const char *name = t->side[side].name;
  bool looked = false;
  for (int i = 0; i < t->suspects; i++)
    looked |= is_here(t, &t->suspect[i], prompt, layer) &&
              (!strcmp(t->suspect[i].base, name) || !strcmp(t->suspect[i].other, name));
  return looked;
}

static Scene scene_of(Tracer *t, const WalkPlace *at, const Trace *trace, Suspect *suspect) {
  const int base = trace_find_side(t->study, t->side, &t->sides, suspect->base),
            other = trace_find_side(t->study, t->side, &t->sides, suspect->other);
  return (Scene){.study = t->study,
                 .at = at,
                 .suspect = suspect,
                 .base_side = &t->side[base],
                 .other_side = &t->side[other],
                 .base = &trace[base],
                 .other = &trace[other],
                 .limit = event_limit(t->share, at->shape->T)};
}

/* So many at a time, each on a thread and in scratch of its own: what an operator does for one
 * token is little for all of them. */
static const size_t abreast_bytes = (size_t)256 << 20;

static int abreast_of(const Config *config, int T) {
  const size_t fit = abreast_bytes / trace_event_bytes(config, T);
  const int threads = omp_get_max_threads();
  return fit < 1 ? 1 : fit < (size_t)threads ? (int)fit : threads;
}

/* Where they are few beside the threads, one after the other, all threads in each. */
static void trace_events(const Scene *scene, int scenes, const Config *config, Arena scratch) {
  const int most = scenes < 2 ? 1 : abreast_of(config, scene->at->shape->T),
            abreast = scenes < most ? scenes : most;
  if (abreast < 2 || 4 * scenes < omp_get_max_threads()) {
    for (int i = 0; i < scenes; i++) trace_event(&scene[i], scratch);
    return;
  }
  Arena *own = ARENA_NEW(&scratch, Arena, abreast);
  for (int i = 0; i < abreast; i++)
    own[i] = arena_carve(&scratch, trace_event_bytes(config, scene->at->shape->T));
  int next = 0;
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < abreast; worker++)
    for (int i; (i = workers_next(&next, scenes)) >= 0;) trace_event(&scene[i], own[worker]);
}

static void add_maps(const Scene *s, TraceMaps *maps, Arena scratch) {
  const Event *event = s->suspect->event;
  if (event->rank != 1 || s->suspect->tensor == ABSENT) return;
  const int made = tensors_find(scene_tensors(s), event->made);
  maps->maps += add_map(s, s->suspect->tensor, maps->map + maps->maps, scratch);
  if (made != ABSENT) maps->maps += add_map(s, made, maps->map + maps->maps, scratch);
}

static bool look(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                 Status *st) {
  (void)st;
  Tracer *t = context;
  Scene *scene = ARENA_NEW(&scratch, Scene, t->suspects);
  int scenes = 0;
  for (int i = 0; i < t->suspects; i++) {
    if (!is_here(t, &t->suspect[i], at->prompt, at->layer)) continue;
    const Scene s = scene_of(t, at, trace, &t->suspect[i]);
    if (s.suspect->event)
      scene[scenes++] = s;
    else
      trace_values(&s);
  }
  trace_events(scene, scenes, &t->study->subject->model.config, scratch);
  for (int i = 0; i < scenes; i++) add_maps(&scene[i], t->maps, scratch);
  return true;
}

bool trace_run(Arena *arena, const Study *study, double share, Suspect *suspect, int suspects,
               TraceMaps *maps, Status *st) {
  *maps = (TraceMaps){0};
  if (!suspects) return true;
  size_t largest = 0;
  for (int i = 0; i < suspects; i++) largest += suspect[i].event && suspect[i].event->rank == 1;
  maps->map = arena_room(arena, 2 * largest * MAP_TOKENS * MAP_CHANNELS, sizeof *maps->map);
  Arena scratch = *arena;
  WalkSide *side = ARENA_NEW(
      &scratch, WalkSide, study->spec->mode_count + study->spec->own_mode_count + 2 * suspects + 1);
  PromptShape *shape = ARENA_NEW(&scratch, PromptShape, suspects);
  int *prompt = ARENA_NEW(&scratch, int, suspects);
  int sides = 0, prompts = 0, layers = 0;
  for (int i = 0; i < suspects; i++) {
    trace_find_side(study, side, &sides, suspect[i].base);
    trace_find_side(study, side, &sides, suspect[i].other);
    layers = suspect[i].layer + 1 > layers ? suspect[i].layer + 1 : layers;
    int k = 0;
    while (k < prompts && prompt[k] != suspect[i].prompt) k++;
    if (k < prompts) continue;
    prompt[prompts] = suspect[i].prompt;
    shape[prompts++] = study->subject->prompt[suspect[i].prompt];
  }
  for (int i = 0; i < sides; i++) side[i].layers = layers;
  Tracer tracer = {study, share, suspect, suspects, side, sides, prompt, maps};
  Visitor visitor = {.context = &tracer, .looks = looks, .computes = true, .layer = look};
  return study_walk(study, side, sides, shape, prompts, &visitor, false, NULL, scratch, st);
}

size_t trace_bytes(const Config *config, int T) {
  return (size_t)abreast_of(config, T) * trace_event_bytes(config, T) + ((size_t)1 << 20);
}

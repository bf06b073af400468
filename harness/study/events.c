#include "study/events.h"

#include <math.h>
#include <string.h>

#include "family/block.h"
#include "measure/events.h"
#include "model/piece.h"
#include "study/repairs.h"

bool events_check(const Spec *spec, const Subject *subject, Status *st) {
  const Config *config = &subject->checkpoint.config;
  const Tensors *tensors = &config->family->tensors;
  for (int i = 0; i < spec->repair_count; i++) {
    const RepairPlan *plan = &spec->repairs[i];
    const int cols =
        config->family->width(config, tensors->info[tensors_find(tensors, plan->tensor)].cols);
    int T = 0;
    for (int p = 0; p < spec->prompt_count; p++)
      if (!strcmp(spec->prompts[p].name, plan->prompt)) T = subject->prompt[p].T;
    if (plan->layer >= config->layers)
      return spec_blame(spec, plan, "layer", st,
                        FAIL(st, "the model has layers 0 to %d", config->layers - 1));
    if (plan->token >= T)
      return spec_blame(spec, plan, "token", st,
                        FAIL(st, "prompt '%s' has tokens 0 to %d", plan->prompt, T - 1));
    if (plan->channel >= cols)
      return spec_blame(spec, plan, "channel", st,
                        FAIL(st, "%s has channels 0 to %d", plan->tensor, cols - 1));
  }
  return true;
}

/* --- whom to suspect -------------------------------------------------------------------------- */

static int prompt_of(const Subject *subject, const Spec *spec, const char *name) {
  int p = 0;
  while (p + 1 < spec->prompt_count && strcmp(subject->prompt[p].name, name) != 0) p++;
  return p;
}

/* The largest events of each pair, then the elements that the spec names; by prompt. */
static Suspect *suspects_of(Arena *arena, const Study *study, Event *event, size_t events,
                            int *count) {
  const Spec *spec = study->spec;
  Suspect *suspect = ARENA_NEW(arena, Suspect, events + (size_t)spec->repair_count);
  *count = 0;
  for (int p = 0; p < spec->prompt_count; p++) {
    for (size_t i = 0; i < events; i++) {
      Event *e = &event[i];
      if (e->rank > spec->events.repair || prompt_of(study->subject, spec, e->prompt) != p ||
          spec_source(spec, e->base) || spec_source(spec, e->other))
        continue; /* what was made elsewhere cannot be run again */
      suspect[(*count)++] = (Suspect){.base = e->base,
                                      .other = e->other,
                                      .prompt = p,
                                      .layer = e->grown_layer,
                                      .token = e->token,
                                      .event = e,
                                      .tensor = ABSENT,
                                      .value = NAN,
                                      .value_to = NAN};
    }
    for (int i = 0; i < spec->repair_count; i++) {
      const RepairPlan *plan = &spec->repairs[i];
      if (prompt_of(study->subject, spec, plan->prompt) != p) continue;
      suspect[(*count)++] = (Suspect){
          .base = plan->to,
          .other = plan->mode,
          .prompt = p,
          .asked = true,
          .layer = plan->layer,
          .token = plan->token,
          .tensor = tensors_find(&study->subject->model.config.family->tensors, plan->tensor),
          .row = plan->token,
          .col = plan->channel};
    }
  }
  return suspect;
}

static void put_text(const Study *study, Event *event, size_t events, EventStrip *strip,
                     size_t strips) {
  const Pieces pieces = subject_pieces(study->subject);
  for (size_t i = 0; i < events; i++) {
    Event *e = &event[i];
    const PromptShape *shape =
        &study->subject->prompt[prompt_of(study->subject, study->spec, e->prompt)];
    if (!shape->token) continue;
    piece_of(pieces, shape->token, shape->T, e->token, e->piece, sizeof e->piece);
    piece_around(pieces, shape->token, shape->T, e->token, e->context, sizeof e->context);
  }
  for (size_t i = 0; i < strips; i++) {
    const PromptShape *shape =
        &study->subject->prompt[prompt_of(study->subject, study->spec, strip[i].prompt)];
    if (shape->token)
      piece_of(pieces, shape->token, shape->T, strip[i].token, strip[i].piece,
               sizeof strip[i].piece);
  }
}

/* --- whom to repair --------------------------------------------------------------------------- */

static bool same_element(const Suspect *a, const Suspect *b) {
  return a->prompt == b->prompt && !strcmp(a->base, b->base) && !strcmp(a->other, b->other) &&
         a->of_base == b->of_base && a->layer == b->layer && a->tensor == b->tensor &&
         a->row == b->row && a->col == b->col && a->token == b->token;
}

/* An element that is named and cannot be repaired is not passed over in silence. */
static void tell_left_out(const Study *study, const Suspect *s) {
  if (s->event || (isfinite(s->value) && isfinite(s->value_to))) return;
  progress_clear(study->progress);
  progress_say(study->progress,
               "%s: %s[%d, %d] of layer %d is not finite, or not made, in %s or %s: not repaired",
               s->other, study->subject->model.config.family->tensors.info[s->tensor].name, s->row,
               s->col, s->layer, s->other, s->base);
}

/* Those that are repaired, to the front: with an element that can be, each once. */
static int to_repair(const Study *study, Suspect *suspect, int count) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    tell_left_out(study, &suspect[i]);
    bool can = suspect[i].tensor != ABSENT && isfinite(suspect[i].value) &&
               isfinite(suspect[i].value_to) &&
               (!suspect[i].event || !strcmp(suspect[i].event->origin, "element"));
    for (int k = 0; can && k < kept; k++) {
      if (!same_element(&suspect[k], &suspect[i])) continue;
      suspect[k].asked |= suspect[i].asked;
      can = false;
    }
    if (can) suspect[kept++] = suspect[i];
  }
  return kept;
}

/* --- the study -------------------------------------------------------------------------------- */

bool events_run(Arena *arena, const Study *study, const TokenErrors *rows, size_t count,
                EventRows *events, Status *st) {
  const Spec *spec = study->spec;
  *events = (EventRows){0};
  size_t courses;
  const TokenCourse *course =
      token_courses(arena, rows, count, study->subject->prompt, spec->prompt_count,
                    study->subject->model.layers, &courses);
  events->event = events_of(arena, course, courses, spec->events.share, &events->events);
  events->strip =
      event_strips(arena, course, courses, events->event, events->events, &events->strips);
  put_text(study, events->event, events->events, events->strip, events->strips);
  int suspects;
  Suspect *suspect = suspects_of(arena, study, events->event, events->events, &suspects);
  TraceMaps maps = {0};
  if (!suspects) return true;
  progress_phase(study->progress, "events", suspects);
  TRY(trace_run(arena, study, spec->events.share, suspect, suspects, &maps, st));
  events->map = maps.map;
  events->maps = maps.maps;
  suspects = to_repair(study, suspect, suspects);
  TRY(repairs_run(arena, study, suspect, suspects, events, st));
  progress_done(study->progress, "%s standing out, %s repaired",
                progress_count(study->progress, (long)events->events, "token").text,
                progress_count(study->progress, (long)events->repairs, "element").text);
  return true;
}

static bool repairs_any(const Spec *spec) { return spec->events.repair || spec->repair_count; }

size_t events_pinned_bytes(const Spec *spec, const Config *config, int T) {
  return T && repairs_any(spec) ? repairs_pinned_bytes(config, T) : 0;
}

size_t events_bytes(const Spec *spec, const Config *config, int T) {
  if (!T || !repairs_any(spec)) return 0;
  const int plain = spec->mode_count + 1;
  const size_t repairing = repairs_bytes(spec, config, T);
  size_t tracing =
      walk_bytes(block_bytes(config, T), T, config->D, plain, plain + 1) + trace_bytes(config, T);
  return repairing > tracing ? repairing : tracing;
}

#include "study/events.h"

#include <math.h>
#include <string.h>

#include "family/block.h"
#include "measure/ends.h"
#include "measure/evaluation.h"
#include "measure/events.h"
#include "measure/row_error.h"
#include "model/piece.h"
#include "source/repaired.h"
#include "study/trace.h"

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

/* --- repairing -------------------------------------------------------------------------------- */

enum { REPAIRED_MOST = 8 }; /* sides of a walk: each has a trace in memory */
static const size_t repaired_bytes = (size_t)128 << 20; /* that their traces may take */

/* So many elements are repaired in one walk, which makes no figure another. */
static int repaired_at_once(const Config *config, int T) {
  const size_t fit = repaired_bytes / block_bytes(config, T);
  return fit < 1 ? 1 : fit > REPAIRED_MOST ? REPAIRED_MOST : (int)fit;
}

/* A layer, or behind the last of them the logits, before and after. */
typedef struct Step {
  double error2, after2,
      size2; /* sums of squares: of other - base, of the same repaired, of the base */
  double token2, token_after2; /* of the token */
  double kl, kl_after;         /* of the logits */
} Step;

/* One walk: a prompt, and some of its suspects, each with a side of its own behind the plain
 * ones. */
typedef struct Repairing {
  const Study *study;
  const Suspect *suspect;
  int suspects, layers;
  WalkSide *side;
  int plain, sides;
  Step *step; /* [suspects][layers + 1] */
} Repairing;

/* Indices of two sides. */
typedef struct Both {
  int base, other;
} Both;

static int find_plain(const Repairing *r, const char *name) {
  int i = 0;
  while (strcmp(r->side[i].name, name) != 0) i++;
  return i;
}

/* The pair of a suspect, with its repaired side in place of the plain one where `repaired`. */
static Both pair_of(const Repairing *r, int suspect, bool repaired) {
  const Suspect *s = &r->suspect[suspect];
  Both pair = {find_plain(r, s->base), find_plain(r, s->other)};
  if (repaired) *(s->of_base ? &pair.base : &pair.other) = r->plain + suspect;
  return pair;
}

static void add_squares(const Tensor *base, const Tensor *other, int token, double *error2,
                        double *size2, double *token2, Arena scratch) {
  PartSquares tokens = part_squares(&scratch, (size_t)base->rows);
  row_squares(base, other, tokens);
  for (int t = 0; t < base->rows; t++) {
    if (!isfinite(tokens.error2[t]) || !isfinite(tokens.base2[t]))
      continue; /* left out, as everywhere */
    *error2 += tokens.error2[t], *size2 += tokens.base2[t];
  }
  *token2 += tokens.error2[token];
}

static bool see_layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                      Status *st) {
  (void)st;
  Repairing *r = context;
  for (int i = 0; i < r->suspects; i++) {
    Step *step = &r->step[i * (r->layers + 1) + at->layer];
    const Both plain = pair_of(r, i, false), mended = pair_of(r, i, true);
    const int token = r->suspect[i].token;
    *step = (Step){0};
    add_squares(trace_role_of(&trace[plain.base], ROLE_BLOCK_OUT),
                trace_role_of(&trace[plain.other], ROLE_BLOCK_OUT), token, &step->error2,
                &step->size2, &step->token2, scratch);
    double size2 = 0;
    add_squares(trace_role_of(&trace[mended.base], ROLE_BLOCK_OUT),
                trace_role_of(&trace[mended.other], ROLE_BLOCK_OUT), token, &step->after2, &size2,
                &step->token_after2, scratch);
  }
  return true;
}

static double kl_of(const WalkEnd *base, const WalkEnd *other, const int32_t *token,
                    Arena scratch) {
  EndSums sums =
      ends_of(&base->block_out, &base->logits, &other->block_out, &other->logits, token, scratch);
  return sums.kl / sums.tokens;
}

static bool see_end(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                    Status *st) {
  (void)st;
  Repairing *r = context;
  if (side < r->plain) return true;
  const int i = side - r->plain;
  Step *step = &r->step[i * (r->layers + 1) + r->layers];
  const Both plain = pair_of(r, i, false), mended = pair_of(r, i, true);
  const int token = r->suspect[i].token;
  double size2 = 0;
  *step = (Step){0};
  add_squares(&end[plain.base].logits, &end[plain.other].logits, token, &step->error2, &step->size2,
              &step->token2, scratch);
  add_squares(&end[mended.base].logits, &end[mended.other].logits, token, &step->after2, &size2,
              &step->token_after2, scratch);
  step->kl = kl_of(&end[plain.base], &end[plain.other], at->shape->token, scratch);
  step->kl_after = kl_of(&end[mended.base], &end[mended.other], at->shape->token, scratch);
  return true;
}

static void *left(void *context, int prompt, size_t *bytes) {
  (void)prompt;
  Repairing *r = context;
  *bytes = (size_t)r->suspects * (size_t)(r->layers + 1) * sizeof *r->step;
  return r->step;
}

static bool repair_some(const Study *study, const Suspect *suspect, int count, const char *name,
                        Step *step, Arena scratch, Status *st) {
  const Subject *subject = study->subject;
  Repairing r = {.study = study,
                 .suspect = suspect,
                 .suspects = count,
                 .layers = subject->model.layers,
                 .step = step};
  r.side = ARENA_NEW(&scratch, WalkSide, 3 * count);
  for (int i = 0; i < count; i++) {
    trace_find_side(study, r.side, &r.plain, suspect[i].base);
    trace_find_side(study, r.side, &r.plain, suspect[i].other);
  }
  for (int i = 0; i < r.plain; i++) r.side[i].keep = true;
  r.sides = r.plain;
  for (int i = 0; i < count; i++) {
    const Suspect *s = &suspect[i];
    const Element element = {s->tensor, s->row, s->col, (float)s->value_to};
    WalkSide *side = &r.side[r.sides++];
    *side = trace_side(study, s->of_base ? s->base : s->other);
    side->source = source_repaired(&scratch, &subject->model, s->layer, &element, 1);
  }
  Visitor visitor = {.context = &r, .layer = see_layer, .end = see_end, .left = left};
  return study_walk(study, r.side, r.sides, &subject->prompt[suspect->prompt], 1, &visitor, false,
                    name, scratch, st);
}

/* --- rows ------------------------------------------------------------------------------------- */

static double ratio(double error2, double size2) { return error2 == 0 ? 0 : sqrt(error2 / size2); }
static double share(double part, double all) { return all == 0 ? 0 : part / all; }

static void put_rows(const Study *study, const Suspect *s, const Step *step, EventRows *rows) {
  const Tensors *tensors = &study->subject->model.config.family->tensors;
  const int layers = study->subject->model.layers;
  const Step *own = &step[s->layer], *last = &step[layers - 1], *logits = &step[layers];
  Repair *repair = &rows->repair[rows->repairs++];
  *repair = (Repair){.layer = s->layer,
                     .token = s->row,
                     .channel = s->col,
                     .event_token = s->token,
                     .value = s->value,
                     .value_to = s->value_to,
                     .asked = s->asked,
                     .rel_l2 = ratio(own->error2, own->size2),
                     .rel_l2_after = ratio(own->after2, own->size2),
                     .share = share(own->token2, own->error2),
                     .share_after = share(own->token_after2, own->after2),
                     .removed = own->token2 == 0 ? NAN : 1 - own->token_after2 / own->token2,
                     .last_rel_l2 = ratio(last->error2, last->size2),
                     .last_rel_l2_after = ratio(last->after2, last->size2),
                     .logits_rel_l2 = ratio(logits->error2, logits->size2),
                     .logits_rel_l2_after = ratio(logits->after2, logits->size2),
                     .kl = logits->kl,
                     .kl_after = logits->kl_after};
  table_text(repair->base, sizeof repair->base, s->base);
  table_text(repair->other, sizeof repair->other, s->other);
  table_text(repair->prompt, sizeof repair->prompt, study->subject->prompt[s->prompt].name);
  table_text(repair->tensor, sizeof repair->tensor, tensors->info[s->tensor].name);
  table_text(repair->repaired, sizeof repair->repaired, s->of_base ? s->base : s->other);
  table_text(repair->to, sizeof repair->to, s->of_base ? s->other : s->base);
  for (int layer = 0; layer < layers; layer++) {
    RepairLayer *row = &rows->layer[rows->layers++];
    *row = (RepairLayer){.layer = s->layer,
                         .token = s->row,
                         .channel = s->col,
                         .event_token = s->token,
                         .at_layer = layer,
                         .rel_l2 = ratio(step[layer].error2, step[layer].size2),
                         .rel_l2_after = ratio(step[layer].after2, step[layer].size2),
                         .share = share(step[layer].token2, step[layer].error2),
                         .share_after = share(step[layer].token_after2, step[layer].after2)};
    memcpy(row->base, repair->base, sizeof row->base);
    memcpy(row->other, repair->other, sizeof row->other);
    memcpy(row->prompt, repair->prompt, sizeof row->prompt);
    memcpy(row->tensor, repair->tensor, sizeof row->tensor);
    memcpy(row->repaired, repair->repaired, sizeof row->repaired);
    memcpy(row->to, repair->to, sizeof row->to);
  }
}

/* ---  ----------------------------------------------------------------------------------------- */

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

static bool repair_all(Arena *arena, const Study *study, Suspect *suspect, int count,
                       EventRows *rows, Status *st) {
  const int layers = study->subject->model.layers;
  rows->repair = ARENA_NEW(arena, Repair, count);
  rows->layer = ARENA_NEW(arena, RepairLayer, (size_t)count * (size_t)layers);
  for (int first = 0, next; first < count; first = next) {
    Arena scratch = *arena;
    const int T = study->subject->prompt[suspect[first].prompt].T,
              most = repaired_at_once(&study->subject->model.config, T);
    for (next = first; next < count && next - first < most; next++)
      if (suspect[next].prompt != suspect[first].prompt) break;
    Step *step = ARENA_NEW(&scratch, Step, (size_t)(next - first) * (size_t)(layers + 1));
    const char *name = arena_printf(&scratch, "events.from_%d", first);
    TRY(repair_some(study, &suspect[first], next - first, name, step, scratch, st));
    for (int i = first; i < next; i++)
      put_rows(study, &suspect[i], step + (i - first) * (layers + 1), rows);
    progress_step(study->progress, next);
  }
  return true;
}

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
  TRY(repair_all(arena, study, suspect, suspects, events, st));
  progress_done(study->progress, "%s standing out, %s repaired",
                progress_count(study->progress, (long)events->events, "token").text,
                progress_count(study->progress, (long)events->repairs, "element").text);
  return true;
}

size_t events_bytes(const Spec *spec, const Config *config, int T) {
  if (!spec->events.repair && !spec->repair_count) return 0;
  const int plain = spec->mode_count + 1, sides = plain + repaired_at_once(config, T);
  size_t ends = (size_t)plain * (size_t)T * (size_t)(config->vocab + config->D) * sizeof(double);
  size_t repairing = walk_bytes(block_bytes(config, T), T, config->D, sides, sides + 1) + ends +
                     evaluation_window_bytes(T, config->vocab) +
                     source_repaired_bytes(config, T, 1);
  size_t tracing = walk_bytes(block_bytes(config, T), T, config->D, plain, plain + 1) +
                   trace_bytes(config, T) + source_repaired_bytes(config, T, 1);
  return repairing > tracing ? repairing : tracing;
}

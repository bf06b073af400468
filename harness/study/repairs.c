#include "study/repairs.h"

#include <math.h>
#include <string.h>

#include "family/block.h"
#include "measure/evaluation.h"
#include "measure/row_error.h"
#include "source/repaired.h"

enum { REPAIRED_MOST = 16 };                            /* sides of a walk */
static const size_t repaired_bytes = (size_t)128 << 20; /* that their streams may take */
static const size_t pinned_bytes = (size_t)512 << 20;   /* and what comes back of a device's */

/* So many elements are repaired in one walk, which makes no figure another. */
static int repaired_at_once(const Config *config, int T) {
  const size_t fit = repaired_bytes / walk_stream_bytes(T, config->D, 1);
  return fit < 1 ? 1 : fit > REPAIRED_MOST ? REPAIRED_MOST : (int)fit;
}

static TensorSet seen(const Config *config) {
  return tensors_in(&config->family->tensors, ROLE_BLOCK_OUT, ROLE_LOGITS);
}

/* On a device, where each has a lane. */
static int repaired_there_at_once(const Config *config, int T) {
  const size_t fit = pinned_bytes / lane_pinned_bytes(config, FORMAT_F32, T, seen(config));
  const int most = repaired_at_once(config, T);
  return fit < 1 ? 1 : fit < (size_t)most ? (int)fit : most;
}

/* Of the sides as they are: the reference's is twice as large. */
static int plain_lanes(const Study *study, const Suspect *suspect, int count, Arena scratch) {
  WalkSide *side = ARENA_NEW(&scratch, WalkSide, 2 * count);
  int sides = 0, lanes = 0;
  for (int i = 0; i < count; i++) {
    trace_find_side(study, side, &sides, suspect[i].base);
    trace_find_side(study, side, &sides, suspect[i].other);
  }
  for (int s = 0; s < sides; s++) lanes += side[s].mode ? 1 : 2;
  return lanes;
}

/* Of these suspects of one prompt; 0: there is no device, or no room on it beside the plain
 * sides. */
static int repaired_there(const Study *study, const Suspect *suspect, int count, Arena scratch) {
  const Config *config = &study->subject->model.config;
  const int T = study->subject->prompt[suspect->prompt].T, most = repaired_there_at_once(config, T);
  Device *device = study->subject->device;
  if (!device) return 0;
  const int left = device_lanes_left(device, config, FORMAT_F32, T, seen(config)) -
                   plain_lanes(study, suspect, count, scratch);
  return left < 0 ? 0 : left < most ? left : most;
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
  const Suspect *suspect;
  int suspects, layers;
  WalkSide *side;
  int plain, sides;
  Tensor *out; /* [plain]: what left the layer, of the plain sides that have run it */
  Step *step;  /* [suspects][layers + 1] */
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

static Both pair_of(const Repairing *r, int suspect) {
  const Suspect *s = &r->suspect[suspect];
  return (Both){find_plain(r, s->base), find_plain(r, s->other)};
}

/* The pair with its repaired side in place of the plain one. */
static Both mended_pair(const Repairing *r, int suspect) {
  Both pair = pair_of(r, suspect);
  *(r->suspect[suspect].of_base ? &pair.base : &pair.other) = r->plain + suspect;
  return pair;
}

static Step *step_of(const Repairing *r, int suspect, int layer) {
  return &r->step[suspect * (r->layers + 1) + layer];
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

static void put_plain(const Tensor *base, const Tensor *other, int token, Step *step,
                      Arena scratch) {
  *step = (Step){0};
  add_squares(base, other, token, &step->error2, &step->size2, &step->token2, scratch);
  step->after2 = step->error2; /* as long as nothing is repaired */
  step->token_after2 = step->token2;
}

static void put_mended(const Tensor *base, const Tensor *other, int token, Step *step,
                       Arena scratch) {
  double size2 = 0;
  step->after2 = step->token_after2 = 0;
  add_squares(base, other, token, &step->after2, &size2, &step->token_after2, scratch);
}

static void keep_out(Tensor *kept, const Tensor *out) {
  void *data = kept->data;
  memcpy(data, out->data, tensor_bytes(out));
  *kept = *out;
  kept->data = data;
}

/* By the sides whose tensors theirs are in a layer. */
static Both run_by(const WalkPlace *at, Both pair) {
  return (Both){walk_whose(at, pair.base), walk_whose(at, pair.other)};
}

/* Whatever a side has in common with an earlier one is seen of that one alone: a repaired side's
 * layers before its own. */
static bool see_side(void *context, const WalkPlace *at, int side, const Trace *trace,
                     Arena scratch, Status *st) {
  (void)st;
  Repairing *r = context;
  const Tensor *out = trace_role_of(trace, ROLE_BLOCK_OUT);
  if (side >= r->plain) {
    const int i = side - r->plain;
    const Both pair = run_by(at, mended_pair(r, i));
    put_mended(pair.base == side ? out : &r->out[pair.base],
               pair.other == side ? out : &r->out[pair.other], r->suspect[i].token,
               step_of(r, i, at->layer), scratch);
    return true;
  }
  keep_out(&r->out[side], out);
  for (int i = 0; i < r->suspects; i++) {
    const Both pair = run_by(at, pair_of(r, i));
    if (side == (pair.base > pair.other ? pair.base : pair.other))
      put_plain(&r->out[pair.base], &r->out[pair.other], r->suspect[i].token,
                step_of(r, i, at->layer), scratch);
  }
  return true;
}

/* Of a token: the mean of a window, rounded as ends_of rounds it, which adds tokens up and divides
 * by their number again. */
static double kl_of(const Tensor *base, const Tensor *other, const int32_t *token, Arena scratch) {
  EvaluationWindow window;
  Tensor p = *base, q = *other;
  if (q.rows < 2) return NAN; /* nothing is predicted */
  p.rows = q.rows = q.rows - 1;
  evaluation_window(&p, &q, token + 1, NULL, &window, scratch);
  return window.kl_mean * q.rows / q.rows;
}

/* That of the pair as it is, which an earlier suspect may have. */
static double plain_kl(const Repairing *r, int suspect, const WalkEnd *end, const int32_t *token,
                       Arena scratch) {
  const Both pair = pair_of(r, suspect);
  for (int i = 0; i < suspect; i++) {
    const Both earlier = pair_of(r, i);
    if (earlier.base == pair.base && earlier.other == pair.other)
      return step_of(r, i, r->layers)->kl;
  }
  return kl_of(&end[pair.base].logits, &end[pair.other].logits, token, scratch);
}

static bool see_end(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                    Status *st) {
  (void)st;
  Repairing *r = context;
  if (side < r->plain) return true;
  const int i = side - r->plain, token = r->suspect[i].token;
  const Both plain = pair_of(r, i), mended = mended_pair(r, i);
  Step *step = step_of(r, i, r->layers);
  put_plain(&end[plain.base].logits, &end[plain.other].logits, token, step, scratch);
  put_mended(&end[mended.base].logits, &end[mended.other].logits, token, step, scratch);
  step->kl = plain_kl(r, i, end, at->shape->token, scratch);
  step->kl_after =
      kl_of(&end[mended.base].logits, &end[mended.other].logits, at->shape->token, scratch);
  return true;
}

static void *left(void *context, int prompt, size_t *bytes) {
  (void)prompt;
  Repairing *r = context;
  *bytes = (size_t)r->suspects * (size_t)(r->layers + 1) * sizeof *r->step;
  return r->step;
}

static void add_plain_sides(const Study *study, Repairing *r, bool there, int T, Arena *arena) {
  for (int i = 0; i < r->suspects; i++) {
    trace_find_side(study, r->side, &r->plain, r->suspect[i].base);
    trace_find_side(study, r->side, &r->plain, r->suspect[i].other);
  }
  r->out = ARENA_NEW(arena, Tensor, r->plain);
  for (int i = 0; i < r->plain; i++) {
    if (there)
      r->side[i].source =
          r->side[i].mode ? subject_modes(study->subject) : subject_reference(study->subject);
    r->side[i].keep = true;
    r->out[i].data = arena_room(arena, (size_t)T * (size_t)study->subject->model.D,
                                format_size(r->side[i].source.stream));
  }
  r->sides = r->plain;
}

/* `there`: on the device. */
static bool repair_some(const Study *study, const Suspect *suspect, int count, bool there,
                        const char *name, Step *step, Arena scratch, Status *st) {
  const Subject *subject = study->subject;
  const PromptShape *prompt = &subject->prompt[suspect->prompt];
  Repairing r = {
      .suspect = suspect, .suspects = count, .layers = subject->model.layers, .step = step};
  r.side = ARENA_NEW(&scratch, WalkSide, 3 * count);
  add_plain_sides(study, &r, there, prompt->T, &scratch);
  const Source modes = there ? subject_modes(subject) : source_cpu(&subject->model);
  for (int i = 0; i < count; i++) {
    const Suspect *s = &suspect[i];
    const Element element = {s->tensor, s->row, s->col, (float)s->value_to};
    WalkSide *side = &r.side[r.sides++];
    *side = trace_side(study, s->of_base ? s->base : s->other);
    side->stored = NULL;
    side->source = source_repaired(&scratch, &subject->model, &modes, s->layer, &element, 1);
  }
  Visitor visitor = {.context = &r,
                     .looks_at = seen(&subject->model.config),
                     .side = see_side,
                     .end = see_end,
                     .left = left};
  return study_walk(study, r.side, r.sides, prompt, 1, &visitor, false, name, scratch, st);
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

/* --- the study -------------------------------------------------------------------------------- */

bool repairs_run(Arena *arena, const Study *study, const Suspect *suspect, int count,
                 EventRows *rows, Status *st) {
  const int layers = study->subject->model.layers;
  rows->repair = ARENA_NEW(arena, Repair, count);
  rows->layer = ARENA_NEW(arena, RepairLayer, (size_t)count * (size_t)layers);
  for (int first = 0, next; first < count; first = next) {
    Arena scratch = *arena;
    const int T = study->subject->prompt[suspect[first].prompt].T;
    for (next = first; next < count && suspect[next].prompt == suspect[first].prompt;) next++;
    const int there = repaired_there(study, &suspect[first], next - first, scratch),
              most = there ? there : repaired_at_once(&study->subject->model.config, T);
    if (next - first > most) next = first + most;
    Step *step = ARENA_NEW(&scratch, Step, (size_t)(next - first) * (size_t)(layers + 1));
    const char *name = arena_printf(&scratch, "events.from_%d", first);
    TRY(repair_some(study, &suspect[first], next - first, there > 0, name, step, scratch, st));
    for (int i = first; i < next; i++)
      put_rows(study, &suspect[i], step + (i - first) * (layers + 1), rows);
    progress_step(study->progress, next);
  }
  return true;
}

size_t repairs_bytes(const Spec *spec, const Config *config, int T) {
  const int plain = spec->mode_count + 1, sides = plain + repaired_at_once(config, T);
  const size_t streams = walk_stream_bytes(T, config->D, plain) / 2,
               ends = (size_t)plain * (size_t)T * (size_t)(config->vocab + config->D) *
                      sizeof(double); /* the ends of plain sides stay, in float64 */
  return walk_bytes(block_bytes(config, T), T, config->D, sides, plain + 2) + streams + ends +
         evaluation_window_bytes(T, config->vocab) + source_repaired_bytes(config, T, 1);
}

size_t repairs_pinned_bytes(const Config *config, int T) {
  return (size_t)repaired_there_at_once(config, T) *
         lane_pinned_bytes(config, FORMAT_F32, T, seen(config));
}

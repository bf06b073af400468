#include "study/trace_event.h"

#include <math.h>

#include "family/block.h"
#include "measure/row_error.h"
#include "source/repaired.h"

/* --- what is looked at ------------------------------------------------------------------------ */

enum { OWN_TOKEN = 2, EARLIER = 2, CANDIDATES = OWN_TOKEN + EARLIER }; /* of a tensor */

/* An element that differs much. */
typedef struct Candidate {
  int tensor, row, col;
  double size; /* |difference| */
} Candidate;

static const char *name_of(const Scene *s, int id) { return scene_tensors(s)->info[id].name; }

/* A tensor of tokens that both sides have. */
static bool is_compared(const Scene *s, int id) {
  return scene_tensors(s)->info[id].rows == DIM_TOKEN && s->base->t[id].data &&
         s->other->t[id].data;
}

static double value_at(const Tensor *t, int row, int col) {
  return tensor_value(t, (size_t)row * (size_t)t->cols + (size_t)col);
}

/* --- candidates ------------------------------------------------------------------------------- */

/* Keeps the `most` largest, the first of equal ones. */
static void keep_largest(Candidate *kept, int most, Candidate c) {
  for (int i = 0; i < most; i++)
    if (c.size > kept[i].size) {
      Candidate moved = kept[i];
      kept[i] = c;
      c = moved;
    }
}

/* The difference of a tensor in its tokens up to the suspect's [rows, cols], and its root mean
 * square over all; what is not finite counts as none. */
static double difference_of(const Scene *s, int id, double *d, Arena scratch) {
  const Tensor *base = &s->base->t[id], *other = &s->other->t[id];
  size_t cols = (size_t)base->cols;
  double *a = ARENA_NEW(&scratch, double, cols), *b = ARENA_NEW(&scratch, double, cols), sum = 0;
  for (int r = 0; r < base->rows; r++) {
    Tensor x = tensor_rows(base, r, 1), y = tensor_rows(other, r, 1);
    tensor_values(&x, a);
    tensor_values(&y, b);
    for (size_t c = 0; c < cols; c++) {
      double one = b[c] - a[c];
      if (!isfinite(one)) one = 0;
      sum += one * one;
      if (r <= s->suspect->token) d[(size_t)r * cols + c] = fabs(one);
    }
  }
  return sqrt(sum / ((double)base->rows * (double)cols));
}

/* Those of a tensor. */
static int find_candidates(const Scene *s, int id, Candidate candidate[CANDIDATES], Arena scratch) {
  int count = 0;
  const int token = s->suspect->token, cols = s->base->t[id].cols;
  double *d = ARENA_NEW(&scratch, double, (size_t)(token + 1) * (size_t)cols);
  const double least = TRACE_STANDS_OUT * difference_of(s, id, d, scratch);
  Candidate own[OWN_TOKEN] = {0}, earlier[EARLIER] = {0};
  for (int r = 0; r <= token; r++)
    for (int c = 0; c < cols; c++) {
      Candidate one = {id, r, c, d[(size_t)r * (size_t)cols + (size_t)c]};
      if (one.size > least)
        keep_largest(r == token ? own : earlier, r == token ? OWN_TOKEN : EARLIER, one);
    }
  for (int i = 0; i < OWN_TOKEN; i++)
    if (own[i].size > 0) candidate[count++] = own[i];
  for (int i = 0; i < EARLIER; i++)
    if (earlier[i].size > 0) candidate[count++] = earlier[i];
  return count;
}

/* --- what an element made --------------------------------------------------------------------- */

/* Whether this side's element is clipped: it has the last value of its grid, and the other side's
 * lies beyond; the grid's end on that side. */
static bool is_clipped(const Scene *s, const WalkSide *side, int id, double value, double value_to,
                       double *grid_end) {
  const Model *model = &s->study->subject->model;
  const Family *family = model->config.family;
  const Mode *mode = walk_mode(side, s->at->layer);
  *grid_end = NAN;
  if (!mode || !family->grid(mode, id)) return false;
  const double scale = (double)model->scales[s->at->layer].scale[family->tensors.info[id].scale];
  *grid_end = value_to < 0 ? -128 * scale : 127 * scale;
  return fabs(value_to) > fabs(*grid_end) && fabs(value - *grid_end) < scale / 2;
}

/* The base is repaired where it alone is clipped, or where the other has no mode. */
static bool repairs_base(const Scene *s, const Candidate *c) {
  double in_base = value_at(&s->base->t[c->tensor], c->row, c->col),
         in_other = value_at(&s->other->t[c->tensor], c->row, c->col), end;
  if (!s->base_side->mode || !s->other_side->mode) return !s->other_side->mode;
  return !is_clipped(s, s->other_side, c->tensor, in_other, in_base, &end) &&
         is_clipped(s, s->base_side, c->tensor, in_base, in_other, &end);
}

/* |other - base|^2 of the token's row of block_out. */
static double token_error2(const Tensor *base, const Tensor *other, int token) {
  double error2 = 0;
  for (int c = 0; c < base->cols; c++) {
    double d = value_at(other, token, c) - value_at(base, token, c);
    error2 += d * d;
  }
  return error2;
}

/* Whether a side takes a scale from all tokens of a tensor together: those are not stored
 * (ScaleRow). */
static bool looks_ahead(const Scene *s, const WalkSide *side) {
  const Family *family = s->study->subject->model.config.family;
  const Mode *mode = walk_mode(side, s->at->layer);
  Format format;
  bool any = false;
  for (int id = family->tensors.count; mode && id < family->tensors.all; id++)
    any |= family->format(mode, id, &format);
  return any;
}

/* Whether it can make anything of the token's error. */
static bool reaches(const Scene *s, const WalkSide *side, const Candidate *c) {
  const Reach reach = scene_tensors(s)->info[c->tensor].reach;
  return reach == REACHES_LATER ||
         (reach == REACHES_OWN && (c->row == s->suspect->token || looks_ahead(s, side)));
}

/* What share of the token's squared error goes with the element: of the tokens up to it, nothing
 * behind matters but where a scale is made from all. */
static double removed_by(const Scene *s, const Candidate *c, Arena scratch) {
  const Subject *subject = s->study->subject;
  const int token = s->suspect->token;
  const bool of_base = repairs_base(s, c);
  const WalkSide *side = of_base ? s->base_side : s->other_side;
  const Trace *own = of_base ? s->base : s->other, *to = of_base ? s->other : s->base;
  const Element element = {c->tensor, c->row, c->col,
                           (float)value_at(&to->t[c->tensor], c->row, c->col)};
  if (!reaches(s, side, c)) return 0;
  const Source plain = source_cpu(&subject->model);
  Source repaired = source_repaired(&scratch, &subject->model, &plain, s->at->layer, &element, 1);
  const Tensor *in = trace_role_of(own, ROLE_BLOCK_IN);
  Tensor x = tensor_rows(in, 0, looks_ahead(s, side) ? in->rows : token + 1);
  Trace again;
  repaired.block(&repaired, walk_mode(side, s->at->layer), s->at->layer, &x, &scratch, &again);
  double before =
      token_error2(trace_role_of(own, ROLE_BLOCK_OUT), trace_role_of(to, ROLE_BLOCK_OUT), token);
  double after =
      token_error2(trace_role_of(&again, ROLE_BLOCK_OUT), trace_role_of(to, ROLE_BLOCK_OUT), token);
  return 1 - after / before;
}

/* --- the origin ------------------------------------------------------------------------------- */

static bool is_traced(const Scene *s, int id) {
  return is_compared(s, id) && scene_tensors(s)->info[id].role != ROLE_BLOCK_IN;
}

/* A value that was set is handed on as it is, past every grid behind it (source/repair.h). So where
 * an element makes enough and is not clipped itself, a tensor behind it that is the same in another
 * format may be what clips it: that one, where it makes enough by itself. */
static Candidate clipped_behind(const Scene *s, Candidate c, double *removed, Arena scratch) {
  const TensorInfo *info = scene_tensors(s)->info;
  const bool of_base = repairs_base(s, &c);
  const WalkSide *side = of_base ? s->base_side : s->other_side;
  const Trace *own = of_base ? s->base : s->other, *to = of_base ? s->other : s->base;
  for (int id = c.tensor; id < tensors_role(scene_tensors(s), ROLE_ADDED); id++) {
    if (info[id].scale == ABSENT || info[id].scale != info[c.tensor].scale || !is_traced(s, id))
      continue;
    double end, value = value_at(&own->t[id], c.row, c.col),
                value_to = value_at(&to->t[id], c.row, c.col);
    const Candidate one = {id, c.row, c.col, fabs(value_to - value)};
    if (!is_clipped(s, side, id, value, value_to, &end)) continue;
    const double removes = id == c.tensor ? *removed : removed_by(s, &one, scratch);
    if (removes >= TRACE_MAKES) return *removed = removes, one;
  }
  return c;
}

/* The first in the order of computation that makes enough; where none does, the one that makes
 * most, and where none makes any `removed` is 0. */
static Candidate find_origin(const Scene *s, double *removed, Arena scratch) {
  Candidate candidate[CANDIDATES], most = {.tensor = ABSENT};
  *removed = 0;
  for (int id = 0; id < tensors_role(scene_tensors(s), ROLE_ADDED); id++) {
    const int candidates = is_traced(s, id) ? find_candidates(s, id, candidate, scratch) : 0;
    for (int i = 0; i < candidates; i++) {
      const double removes = removed_by(s, &candidate[i], scratch);
      if (!(removes > *removed)) continue;
      *removed = removes;
      most = candidate[i];
      if (removes >= TRACE_MAKES) return clipped_behind(s, most, removed, scratch);
    }
  }
  return most;
}

/* Of those that are finite. */
static double sum_of(const double *value, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++)
    if (isfinite(value[i])) sum += value[i];
  return sum;
}

/* Where the token's error is most in one channel, among the tensors behind the origin that feed the
 * stream; error2: of each tensor, of all tokens. */
static void find_made(const Scene *s, Event *event, const double *error2) {
  const Tensors *tensors = scene_tensors(s);
  const int added = tensors_role(tensors, ROLE_ADDED), token = event->token;
  double most = 0;
  for (int id = s->suspect->tensor + 1; id < added; id++) {
    if (!is_traced(s, id)) continue;
    const Tensor *base = &s->base->t[id], *other = &s->other->t[id];
    for (int c = 0; c < base->cols; c++) {
      double d = value_at(other, token, c) - value_at(base, token, c), share = d * d / error2[id];
      if (!(share > most)) continue;
      most = share;
      event->made_channel = c;
      table_text(event->made, sizeof event->made, name_of(s, id));
      event->made_value = value_at(s->suspect->of_base ? base : other, token, c);
      event->made_to = value_at(s->suspect->of_base ? other : base, token, c);
    }
  }
}

/* Leaves the squared error of each tensor, of all tokens. */
static void find_through(const Scene *s, Event *event, double error2[TENSORS_MOST], Arena scratch) {
  const Tensors *tensors = scene_tensors(s);
  const char *name[TENSORS_MOST];
  int count = 0;
  for (int id = 0; id < tensors->layer; id++) {
    if (!is_traced(s, id)) continue;
    Arena own = scratch;
    const Tensor *base = &s->base->t[id];
    const PartSquares tokens = part_squares(&own, (size_t)base->rows);
    row_squares(base, &s->other->t[id], tokens);
    error2[id] = sum_of(tokens.error2, base->rows);
    if (tokens.error2[event->token] > s->limit * error2[id]) name[count++] = name_of(s, id);
  }
  table_names(event->through, sizeof event->through, name, count);
}

void trace_values(const Scene *s) {
  Suspect *of = s->suspect;
  const Tensor *own = &(of->of_base ? s->base : s->other)->t[of->tensor],
               *to = &(of->of_base ? s->other : s->base)->t[of->tensor];
  of->value = own->data ? value_at(own, of->row, of->col) : NAN;
  of->value_to = to->data ? value_at(to, of->row, of->col) : NAN;
}

void trace_event(const Scene *s, Arena scratch) {
  Suspect *suspect = s->suspect;
  Event *event = suspect->event;
  double removed, error2[TENSORS_MOST];
  find_through(s, event, error2, scratch);
  table_text(event->origin, sizeof event->origin, "spread");
  const Candidate c = find_origin(s, &removed, scratch);
  if (c.tensor == ABSENT) return;
  suspect->tensor = c.tensor;
  suspect->row = c.row;
  suspect->col = c.col;
  suspect->of_base = repairs_base(s, &c);
  trace_values(s);
  if (removed >= TRACE_MAKES) table_text(event->origin, sizeof event->origin, "element");
  table_text(event->repaired, sizeof event->repaired,
             suspect->of_base ? suspect->base : suspect->other);
  table_text(event->to, sizeof event->to, suspect->of_base ? suspect->other : suspect->base);
  table_text(event->tensor, sizeof event->tensor, name_of(s, c.tensor));
  event->element_token = c.row;
  event->element_channel = c.col;
  event->value = suspect->value;
  event->value_to = suspect->value_to;
  event->clipped = is_clipped(s, suspect->of_base ? s->base_side : s->other_side, c.tensor,
                              suspect->value, suspect->value_to, &event->grid_end);
  event->removed = removed;
  find_made(s, event, error2);
}

/* Of one event: what is computed again, and a tensor's differences. */
size_t trace_event_bytes(const Config *config, int T) {
  return block_bytes(config, T) * 3 + (size_t)T * (size_t)family_widest(config) * sizeof(double) +
         source_repaired_bytes(config, T, 1) + 4096;
}

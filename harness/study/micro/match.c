#include "study/micro/match.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family/trace.h"
#include "kernels/f16.h"
#include "kernels/q8.h"
#include "measure/stats.h"

/* Of one output: the derived ones and each preset's. */
enum { SETTINGS_MOST = 32, NAMES_MOST = sizeof((Match *)NULL)->modes };

typedef struct Matching {
  const Vectors *v;
  const VectorCase *c;
  const VectorLayout *layout;
  const Mode *mode;
  VectorData data;
  bool i8_in, i8_rest, f16_in; /* as the inputs are stored */
  bool rounds;                 /* float64 that no float32 is stands among them */
  Match *match;
  int count;
} Matching;

/* --- one output ------------------------------------------------------------------------------- */

/* How stored values are held against ours. */
typedef struct Steps {
  const FormatInfo *format; /* NULL: int8 */
  float scale;              /* of int8 */
} Steps;

static Steps steps_of(const DumpArray *a) {
  if (a->type == DUMP_I8) return (Steps){NULL, a->scale};
  return (Steps){a->type == DUMP_F64 ? &format_info[FORMAT_F32] : dump_float(a->type), 0};
}

/* The code of x in the stored type, rounded once. */
static uint64_t code_of(const Steps *s, double x) {
  if (s->format == &format_info[FORMAT_F32]) return bits_of_f32((float)x);
  if (s->format == &format_info[FORMAT_F16]) return f16_of((float)x);
  return format_encode(s->format, x, 0);
}

/* The place in the order of all values of the type; both zeros at 0, NaN far off. x of int8: the
 * whole number. */
static int64_t place_of(const Steps *s, double x) {
  if (isnan(x)) return INT64_MAX;
  if (!s->format) return (int64_t)x;
  const uint64_t code = code_of(s, x), sign = (uint64_t)1 << (s->format->bits - 1);
  const int64_t size = (int64_t)(code & (sign - 1));
  return code & sign ? -size : size;
}

static double rounded_to(const Steps *s, double x) {
  return s->format && !isnan(x) ? format_decode(s->format, code_of(s, x), 0) : x;
}

/* What stands there: of int8 the whole number. */
static void stand(const Tensor *t, double *value) {
  Tensor whole = *t;
  if (t->format == FORMAT_I8) whole.scale.value = 1;
  tensor_values(&whole, value);
}

static void compare(const Steps *s, const double *ours, const double *theirs, Match *m) {
  m->first = -1;
  for (size_t i = 0; i < m->n; i++) {
    const double a = rounded_to(s, ours[i]), b = theirs[i];
    const int64_t x = place_of(s, a), y = place_of(s, b);
    const int64_t off = x == y ? 0 : x == INT64_MAX || y == INT64_MAX ? INT64_MAX : llabs(x - y);
    m->equal += off == 0;
    m->largest = off > m->largest ? off : m->largest;
    if (off && m->first < 0) m->first = (ptrdiff_t)i, m->got = a, m->want = b;
  }
}

/* Whether a stored value lies within what float32 may give, rounded to its type: rounding keeps the
 * order. */
static bool within(const Steps *s, const BoundOut *ref, size_t i, double theirs, bool own_type) {
  if (isinf(ref->bound[i])) return true;
  if (own_type) return bound_used(ref, i, theirs) <= 1;
  double low = ref->want[i] - ref->bound[i], high = ref->want[i] + ref->bound[i];
  if (!s->format)
    return theirs >= (double)q8_away((float)low, s->scale) &&
           theirs <= (double)q8_away((float)high, s->scale);
  const int64_t at = place_of(s, theirs);
  return at >= place_of(s, low) && at <= place_of(s, high);
}

static void look_beyond(const Steps *s, const BoundOut *ref, const double *theirs, bool own_type,
                        Match *m) {
  m->beyond_first = -1;
  for (size_t i = 0; i < m->n; i++) {
    if (within(s, ref, i, theirs[i], own_type)) continue;
    if (m->beyond++ > 0) continue;
    m->beyond_first = (ptrdiff_t)i;
    m->beyond_got = theirs[i] * (s->format ? 1 : (double)s->scale);
    m->beyond_want = ref->want[i];
  }
}

static double relative_l2(const double *base, const double *other, int rows, int cols,
                          Arena scratch) {
  const Tensor a = tensor_of((void *)base, FORMAT_F64, rows, cols, 0),
               b = tensor_of((void *)other, FORMAT_F64, rows, cols, 0);
  PairStats row = {0};
  stats_pair(&a, &b, &row, scratch);
  return row.rel_l2;
}

/* Of one output of an operator that has run, against row `array` of the layout. */
static void match_output(Matching *m, const Operator *o, int array, const Match *label,
                         Arena scratch) {
  const VectorInfo *info = &m->layout->array[array];
  const Tensor *theirs = &m->data.t[array];
  const Output *out = &o->out[info->place];
  const Steps s = steps_of(m->c->array[array]);
  const size_t n = tensor_elements(theirs);
  double *ours_stand = ARENA_NEW(&scratch, double, n),
         *theirs_stand = ARENA_NEW(&scratch, double, n);
  Tensor got = out->got;
  if (info->take == GIVE_QUANTISED) {
    got = tensor_of(ARENA_NEW(&scratch, int8_t, n), FORMAT_I8, got.rows, got.cols, s.scale);
    quantise(&out->got, ROUND_AWAY, &got);
  }
  stand(&got, ours_stand);
  stand(theirs, theirs_stand);
  assert(m->count < MATCHES_MOST);
  Match *match = &m->match[m->count++];
  *match = *label;
  match->array = array;
  match->n = n;
  match->cols = theirs->cols;
  compare(&s, ours_stand, theirs_stand, match);
  const bool own_type = info->take != GIVE_QUANTISED &&
                        (theirs->format == out->got.format ||
                         (theirs->format == FORMAT_F64 && out->got.format == FORMAT_F32)) &&
                        (s.format == NULL || s.format == &format_info[out->got.format]);
  look_beyond(&s, &out->ref, theirs_stand, own_type, match);
  tensor_values(&got, ours_stand);
  tensor_values(theirs, theirs_stand);
  match->theirs_l2 = relative_l2(out->ref.want, theirs_stand, theirs->rows, theirs->cols, scratch);
  match->ours_l2 = relative_l2(out->ref.want, ours_stand, theirs->rows, theirs->cols, scratch);
  for (size_t i = 0; i < n; i++) ours_stand[i] = rounded_to(&s, ours_stand[i]);
  match->rel_l2 = relative_l2(theirs_stand, ours_stand, theirs->rows, theirs->cols, scratch);
  match->exact = label->exact && info->take != GIVE_FLOAT &&
                 (theirs->format == FORMAT_I8 || theirs->format == FORMAT_F16);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static bool is_float32(const Tensor *t) {
  const size_t n = tensor_elements(t);
  for (size_t i = 0; t->format == FORMAT_F64 && i < n; i++) {
    const double x = tensor_value(t, i);
    if ((double)(float)x != x) return false;
  }
  return true;
}

static void look_at_inputs(Matching *m) {
  m->i8_in = m->i8_rest = true;
  for (int i = 0; i < m->layout->arrays; i++) {
    const VectorInfo *info = &m->layout->array[i];
    const Tensor *t = &m->data.t[i];
    if (!t->data || vector_is_output(info)) continue;
    if (info->take == TAKE_SETTING_IN) {
      m->i8_in = m->i8_in && t->format == FORMAT_I8;
      m->f16_in = t->format == FORMAT_F16;
    }
    if (info->take == TAKE_SETTING_REST) m->i8_rest = m->i8_rest && t->format == FORMAT_I8;
    m->rounds = m->rounds || !is_float32(t);
  }
  m->i8_in = m->i8_in && (m->layout->takes & VECTOR_I8);
  m->f16_in = m->f16_in && (m->layout->takes & VECTOR_F16);
}

static Tensor as_float32(Arena *arena, const Tensor *t) {
  if (t->format == FORMAT_F32) return *t;
  const size_t n = tensor_elements(t);
  float *value = ARENA_NEW(arena, float, n);
  Tensor f = tensor_of(value, FORMAT_F32, t->rows, t->cols, 0);
  if (t->format != FORMAT_F64) return dequantise(t, &f), f;
  for (size_t i = 0; i < n; i++) value[i] = (float)((const double *)t->data)[i];
  return f;
}

/* The operator with what it takes; `wide`: float64 stays, for the reference alone. */
static Operator operator_with(Arena *arena, const Matching *m, const MicroSetting *setting,
                              bool wide) {
  Operator o = {.op = m->v->op, .setting = *setting, .eps = m->data.eps};
  for (int i = 0; i < m->layout->arrays; i++) {
    const VectorInfo *info = &m->layout->array[i];
    const Tensor *t = &m->data.t[i];
    if (!t->data || vector_is_output(info) || info->take == TAKE_NUMBER) continue;
    const Format format = info->take == TAKE_SETTING_IN     ? setting->in
                          : info->take == TAKE_SETTING_REST ? setting->rest
                                                            : FORMAT_F32;
    const bool stays = t->format == format || (wide && t->format == FORMAT_F64);
    o.in[info->place] = stays ? *t : as_float32(arena, t);
  }
  return o;
}

/* --- settings --------------------------------------------------------------------------------- */

typedef struct Settings {
  MicroSetting one[SETTINGS_MOST];
  char modes[SETTINGS_MOST][NAMES_MOST];
  int derived, count; /* the derived ones stand first */
} Settings;

static Format out_of(const Matching *m, const Tensor *y) {
  const bool gives = y->format != FORMAT_F64 && (m->layout->gives & (1U << y->format));
  return gives ? y->format : FORMAT_F32;
}

static bool is_possible(const Matching *m, const MicroSetting *s, Format out) {
  return s->out == out && (s->in != FORMAT_I8 || m->i8_in) && (s->in != FORMAT_F16 || m->f16_in) &&
         (m->v->op != MICRO_SCAN || s->rest != FORMAT_I8 || m->i8_rest);
}

static void name_mode(char modes[NAMES_MOST], const char *name) {
  const size_t used = strlen(modes), length = strlen(name);
  for (const char *at = modes; (at = strstr(at, name)); at += length)
    if ((at == modes || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return;
  if (used + length + 2 <= NAMES_MOST)
    strcat(strcat(modes, used ? " " : ""), name); /* NOLINT: there is room */
}

static void add_setting(Settings *list, MicroOp op, const MicroSetting *s, const char *name) {
  int i = 0;
  while (i < list->count && !micro_setting_equal(op, &list->one[i], s)) i++;
  if (i == SETTINGS_MOST) return;
  if (i == list->count) list->one[list->count++] = *s;
  if (*name) name_mode(list->modes[i], name);
}

static void add_mode(const Matching *m, const Mode *mode, Format out, Settings *list) {
  MicroSetting setting[OP_TYPES_MOST];
  const int count = micro_settings(m->v->op, families[0], mode, setting);
  for (int i = 0; i < count; i++)
    if (is_possible(m, &setting[i], out)) add_setting(list, m->v->op, &setting[i], mode->name);
}

static void add_derived(const Matching *m, Format out, Settings *list) {
  const bool functions = m->v->op >= MICRO_EXP, scan = m->v->op == MICRO_SCAN;
  MicroSetting s = {.in = m->i8_in    ? FORMAT_I8
                          : m->f16_in ? FORMAT_F16
                                      : FORMAT_F32,
                    .rest = scan && m->i8_rest ? FORMAT_I8 : FORMAT_F32,
                    .out = out,
                    .order = scan ? SCAN_BLOCKED : SCAN_SEQUENTIAL};
  if (functions) s = (MicroSetting){0};
  add_setting(list, m->v->op, &s, "");
  s.order = SCAN_SEQUENTIAL;
  if (scan) add_setting(list, m->v->op, &s, "");
}

static const char *mode_has(const Matching *m, Arena *arena) {
  MicroSetting setting[OP_TYPES_MOST];
  const int count = micro_settings(m->v->op, families[0], m->mode, setting);
  const char *text = "";
  for (int i = 0; i < count; i++)
    text = arena_printf(arena, "%s%s%s", text, i ? ", " : "",
                        micro_setting_text(arena, m->v->op, &setting[i]));
  return *text ? text : "no such operator";
}

/* The settings for an output that is stored as `y`. */
static bool find_settings(const Matching *m, int array, Settings *list, Arena scratch, Status *st) {
  const Format out = array < 0 ? FORMAT_F32 : out_of(m, &m->data.t[array]);
  *list = (Settings){0};
  if (m->mode) {
    add_mode(m, m->mode, out, list);
    if (!list->count && out == FORMAT_F16) add_mode(m, m->mode, FORMAT_F32, list);
    list->derived = list->count;
    return list->count ||
           FAIL(st, "%s: %.200s%smode %s has %s, which the types of these arrays are not",
                m->v->dump->path, m->c->name, *m->c->name ? ": " : "", m->mode->name,
                mode_has(m, &scratch));
  }
  add_derived(m, out, list);
  list->derived = list->count;
  for (int i = 0; i < families[0]->presets; i++) add_mode(m, &families[0]->preset[i], out, list);
  return true;
}

/* --- a case ----------------------------------------------------------------------------------- */

/* What float64 makes of the inputs as they are stored, and how far float32 may be from it. */
static void reference(Arena *arena, const Matching *m, Operator *o) {
  operator_reference(arena, o);
  if (!m->rounds) return;
  Operator wide = operator_with(arena, m, &o->setting, true);
  float scale = 0;
  for (int i = 0; i < o->outs; i++)
    if (o->out[i].got.format == FORMAT_I8) scale = o->out[i].got.scale.value;
  operator_prepare(arena, &wide, scale);
  operator_reference(arena, &wide);
  for (int i = 0; i < o->outs; i++) {
    BoundOut *ref = &o->out[i].ref, *from = &wide.out[i].ref;
    const size_t n = (size_t)o->out[i].got.rows * (size_t)o->out[i].got.cols;
    for (size_t k = 0; k < n; k++) {
      const double moved = fabs(from->want[k] - ref->want[k]);
      ref->bound[k] += moved;
      if (ref->low) ref->low[k] -= ceil(moved / ref->scale);
      if (ref->high) ref->high[k] += ceil(moved / ref->scale);
      ref->want[k] = from->want[k];
    }
  }
}

static bool same_bits(const Operator *a, const Operator *b) {
  for (int i = 0; i < a->outs; i++) {
    const Tensor *x = &a->out[i].got, *y = &b->out[i].got;
    if (x->format != y->format || !tensor_identical(x, y)) return false;
  }
  return true;
}

/* Whether this output is compared with what runs for output `array`: the same format and scale. */
static bool goes_with(const Matching *m, int array, int other, bool first) {
  const VectorInfo *info = &m->layout->array[other];
  if (!m->data.t[other].data || !vector_is_output(info)) return false;
  if (info->take != GIVE_SETTING) return first;
  if (array < 0) return false;
  const Tensor *a = &m->data.t[array], *b = &m->data.t[other];
  return out_of(m, a) == out_of(m, b) && a->scale.value == b->scale.value;
}

/* Runs every setting for output `array` (-1: there are float32 ones alone), and compares all
 * outputs that go with it. */
static bool match_group(Matching *m, int array, bool first, Arena scratch, Status *st) {
  Settings *list = ARENA_NEW(&scratch, Settings, 1);
  TRY(find_settings(m, array, list, scratch, st));
  Operator *ran = ARENA_NEW(&scratch, Operator, list->count);
  int *as = ARENA_NEW(&scratch, int, list->count);
  for (int k = 0; k < list->count; k++) {
    ran[k] = operator_with(&scratch, m, &list->one[k], false);
    operator_prepare(&scratch, &ran[k], array < 0 ? 0 : m->data.t[array].scale.value);
    operator_run_own(&ran[k], scratch);
    as[k] = k;
    for (int i = 0; i < k && k >= list->derived && as[k] == k; i++)
      if (as[i] == i && same_bits(&ran[i], &ran[k])) as[k] = i;
    if (as[k] == k) continue;
    char names[NAMES_MOST], *rest = NULL;
    strcpy(names, list->modes[k]);
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
      name_mode(list->modes[as[k]], name);
  }
  for (int k = 0; k < list->count; k++) {
    if (as[k] != k) continue;
    Arena room = scratch;
    const MicroSetting *s = &list->one[k];
    const bool scan = m->v->op == MICRO_SCAN;
    Match label = {.order = !scan                      ? ""
                            : s->order == SCAN_BLOCKED ? "blocked"
                                                       : "sequential",
                   .derived = k < list->derived,
                   .exact = s->in == FORMAT_I8 && (!scan || s->rest == FORMAT_I8) &&
                            (scan || m->v->op == MICRO_CONV1D)};
    table_text(label.setting, sizeof label.setting, micro_setting_text(&room, m->v->op, s));
    table_text(label.modes, sizeof label.modes, list->modes[k]);
    reference(&room, m, &ran[k]);
    for (int i = 0; i < m->layout->arrays; i++)
      if (goes_with(m, array, i, first)) match_output(m, &ran[k], i, &label, room);
  }
  return true;
}

/* Whether an earlier output took this one along. */
static bool is_done(const Matching *m, int array) {
  for (int i = 0; i < array; i++)
    if (m->layout->array[i].take == GIVE_SETTING && m->data.t[i].data &&
        goes_with(m, i, array, false))
      return true;
  return false;
}

bool match_case(Arena scratch, const Vectors *v, const VectorCase *c, const Mode *mode,
                Match *matches, int *count, Status *st) {
  Matching m = {.v = v, .c = c, .layout = &vector_layout[v->op], .mode = mode, .match = matches};
  bool first = true;
  TRY(vectors_read(&scratch, v, c, &m.data, st));
  look_at_inputs(&m);
  for (int i = 0; i < m.layout->arrays; i++) {
    if (m.layout->array[i].take != GIVE_SETTING || !m.data.t[i].data || is_done(&m, i)) continue;
    TRY(match_group(&m, i, first, scratch, st));
    first = false;
  }
  if (first) TRY(match_group(&m, -1, true, scratch, st));
  *count = m.count;
  return true;
}

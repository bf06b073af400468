#include "command/vectors.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/q8.h"
#include "store/vectors.h"
#include "study/micro/operator.h"

/* A comparison of one output: int8, or float16 in steps between neighbours. */
typedef struct Match {
  size_t n, equal;
  int largest;      /* step difference; INT_MAX where one side is NaN */
  ptrdiff_t first;  /* -1: none */
  double got, want; /* there */
} Match;

/* The place of a half in the order of all halves; both zeros at 0, NaN far off. */
static int half_place(uint16_t h) {
  int size = h & 0x7fff;
  return size > 0x7c00 ? INT_MAX : h & 0x8000 ? -size : size;
}

static int place_of(const Tensor *t, size_t i) {
  return t->format == FORMAT_I8 ? ((const int8_t *)t->data)[i]
                                : half_place(((const uint16_t *)t->data)[i]);
}

/* What stands there: a whole number, or a half. */
static double value_of(const Tensor *t, size_t i) {
  return t->format == FORMAT_I8 ? ((const int8_t *)t->data)[i]
                                : (double)f32_of_f16(((const uint16_t *)t->data)[i]);
}

static Match match(const Tensor *got, const Tensor *want) {
  Match m = {.n = (size_t)want->rows * (size_t)want->cols, .first = -1};
  for (size_t i = 0; i < m.n; i++) {
    int a = place_of(got, i), b = place_of(want, i);
    int off = a == b ? 0 : a == INT_MAX || b == INT_MAX ? INT_MAX : abs(a - b);
    m.equal += off == 0;
    m.largest = off > m.largest ? off : m.largest;
    if (off && m.first < 0)
      m.first = (ptrdiff_t)i, m.got = value_of(got, i), m.want = value_of(want, i);
  }
  return m;
}

typedef struct Say {
  Arena *arena;
  const char *path, *op;
  double least;
  const char *text, *shares;
  Status *st;
  bool ok;
} Say;

/* Rounded down: a share that is not 1 never reads 1. */
static double shown(double share) { return floor(share * 1e6) / 1e6; }

static void say(Say *s, const VectorCase *c, const char *output, const char *order,
                const Tensor *got, const Tensor *want) {
  Match m = match(got, want);
  double share = (double)m.equal / (double)m.n;
  const char *name = arena_printf(s->arena, "%s%s%s", output, *order ? " " : "", order);
  const char *where = m.first < 0
                          ? "none"
                          : arena_printf(s->arena, "[%td, %td]: got %.6g, want %.6g",
                                         m.first / want->cols, m.first % want->cols, m.got, m.want);
  const char *largest = m.largest == INT_MAX ? "NaN" : arena_printf(s->arena, "%d", m.largest);
  s->text = arena_printf(
      s->arena, "%s%-24s %-24s equal %.6f (%zu of %zu), largest step %s, first difference %s\n",
      s->text, c->name, name, shown(share), m.equal, m.n, largest, where);
  s->shares = arena_printf(s->arena, "%s%s%s %s %.6f", s->shares, *s->shares ? "; " : "", c->name,
                           name, shown(share));
  if (share >= s->least) return;
  s->ok = FAIL_CHECK(s->st, "%s: %s/%s/%s: %.6f of the values are equal, below %.6g", s->path,
                     c->name, s->op, name, shown(share), s->least);
}

static void run_conv1d(Say *s, const VectorCase *c) {
  for (int y = CONV_Y; y <= CONV_Y_IEEE; y++) {
    if (!c->t[y].data) continue;
    Operator o = {.op = MICRO_CONV1D, .setting = {.in = FORMAT_I8, .out = FORMAT_I8}};
    o.in[X] = c->t[CONV_X];
    o.in[WEIGHT] = c->t[CONV_WEIGHT];
    o.in[BIAS] = c->t[CONV_BIAS];
    operator_prepare(s->arena, &o, c->t[y].scale.value);
    operator_run_own(&o, *s->arena);
    say(s, c, vectors_name(s->op, y), "", &o.out[1].got, &c->t[y]);
  }
}

static void run_scan(Say *s, const VectorCase *c) {
  static const char *const order_name[] = {
      [SCAN_SEQUENTIAL] = "sequential", [SCAN_BLOCKED] = "blocked"};
  static const int input[SCAN_INPUTS] = {
      [SCAN_U] = SSM_U, [SCAN_DT] = SSM_DT,       [SCAN_B] = SSM_B, [SCAN_C] = SSM_C,
      [SCAN_Z] = SSM_Z, [SCAN_A_LOG] = SSM_A_LOG, [SCAN_D] = SSM_D, [SCAN_BIAS] = SSM_DT_BIAS};
  for (int k = 0; k < 2; k++) {
    ScanOrder order = k == 0 ? SCAN_BLOCKED : SCAN_SEQUENTIAL;
    Operator o = {
        .op = MICRO_SCAN,
        .setting = {.in = FORMAT_I8, .rest = FORMAT_I8, .out = FORMAT_F16, .order = order}};
    for (int i = 0; i < SCAN_INPUTS; i++) o.in[i] = c->t[input[i]];
    operator_prepare(s->arena, &o, 0);
    operator_run_own(&o, *s->arena);
    for (int y = SSM_Y; y <= SSM_Y_IEEE; y++)
      if (c->t[y].data)
        say(s, c, vectors_name(s->op, y), order_name[order], &o.out[2].got, &c->t[y]);
    const Tensor *state = &c->t[SSM_STATE_Q8];
    if (!state->data) continue;
    Tensor q = tensor_of(ARENA_NEW(s->arena, int8_t, (size_t)state->rows * (size_t)state->cols),
                         FORMAT_I8, state->rows, state->cols, state->scale.value);
    quantise(&o.out[3].got, ROUND_AWAY, &q);
    say(s, c, vectors_name(s->op, SSM_STATE_Q8), order_name[order], &q, state);
  }
}

bool micro_vectors(Arena *arena, const char *path, const char *op, double least, const char **text,
                   Status *st) {
  VectorCase *cases;
  int count;
  const bool is_scan = !strcmp(op, micro_op_names[MICRO_SCAN]);
  *text = NULL;
  TRY(vectors_read(arena, path, op, &cases, &count, st));
  Say s = {arena, path, op, least, "", "", st, true};
  for (int i = 0; i < count; i++)
    if (!is_scan && cases[i].t[CONV_WEIGHT].cols > CONV1D_MAX_TAPS)
      return FAIL(st, "%s: %s/conv1d/weight: has %d taps, at most %d", path, cases[i].name,
                  cases[i].t[CONV_WEIGHT].cols, CONV1D_MAX_TAPS);
  for (int i = 0; i < count; i++)
    if (is_scan)
      run_scan(&s, &cases[i]);
    else
      run_conv1d(&s, &cases[i]);
  *text = arena_printf(arena, "%s%s: %s\n", s.text, op, s.shares);
  return s.ok;
}

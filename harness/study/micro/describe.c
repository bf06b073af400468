/* describe: the inputs of one element in words, so that a worst case can be taken up by hand. int8
 * values stand as they are, their scale behind them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "family/trace.h"
#include "study/micro/operator.h"

typedef struct Words {
  char *text;
  size_t size, used;
} Words;

static void say(Words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(Words *w, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int count = vsnprintf(w->text + w->used, w->size - w->used, format, args);
  va_end(args);
  w->used += (size_t)count < w->size - w->used ? (size_t)count : w->size - w->used - 1;
}

static void say_value(Words *w, const Tensor *t, int row, int col) {
  Tensor plain = *t;
  if (t->format == FORMAT_I8) plain.scale.value = 1;
  say(w, " %.9g", tensor_value(&plain, (size_t)row * (size_t)t->cols + (size_t)col));
}

static void say_scale(Words *w, const Tensor *t) {
  if (t->format == FORMAT_I8) say(w, " (scale %.9g)", (double)t->scale.value);
}

static void say_one(Words *w, const char *name, const Tensor *t, int row, int col) {
  say(w, "%s%s =", w->used ? "; " : "", name);
  say_value(w, t, row, col);
  say_scale(w, t);
}

static double row_max(const Tensor *t, int row) {
  double most = 0;
  for (int c = 0; c < t->cols; c++)
    most = fmax(most, fabs(tensor_value(t, (size_t)row * (size_t)t->cols + (size_t)c)));
  return most;
}

static void describe_conv1d(const Operator *o, int t, int e, Words *w) {
  const Tensor *in = o->in;
  int taps = in[WEIGHT].cols, first = t - taps + 1 < 0 ? 0 : t - taps + 1;
  say(w, "x[%d..%d] =", first, t);
  for (int i = first; i <= t; i++) say_value(w, &in[X], i, e);
  say_scale(w, &in[X]);
  say(w, "; w =");
  for (int k = taps - (t - first + 1); k < taps; k++) say_value(w, &in[WEIGHT], e, k);
  say_scale(w, &in[WEIGHT]);
  say_one(w, "b", &in[BIAS], 0, e);
}

static void describe_scan(const Operator *o, int t, int e, Words *w) {
  const Tensor *in = o->in;
  say_one(w, "u", &in[SCAN_U], t, e);
  say_one(w, "dt", &in[SCAN_DT], t, e);
  say_one(w, "dt_bias", &in[SCAN_BIAS], 0, e);
  say_one(w, "z", &in[SCAN_Z], t, e);
  say_one(w, "D", &in[SCAN_D], 0, e);
}

static void describe_state(const Operator *o, int e, int n, Words *w) {
  const Tensor *in = o->in;
  int last = in[SCAN_U].rows - 1;
  say_one(w, "A_log", &in[SCAN_A_LOG], e, n);
  say_one(w, "dt_bias", &in[SCAN_BIAS], 0, e);
  say_one(w, "last u", &in[SCAN_U], last, e);
  say_one(w, "dt", &in[SCAN_DT], last, e);
  say_one(w, "B", &in[SCAN_B], last, n);
}

void operator_describe(const Operator *o, int which, int row, int col, char *text, size_t size) {
  Words w = {text, size, 0};
  *text = 0;
  const Tensor *x = &o->in[X];
  switch (o->op) {
    case MICRO_CONV1D: describe_conv1d(o, row, col, &w); break;
    case MICRO_SCAN:
      which == 3 ? describe_state(o, row, col, &w) : describe_scan(o, row, col, &w);
      break;
    case MICRO_LINEAR:
      say(&w, "row %d of x, largest |x| %.9g; row %d of W, largest |w| %.9g", row, row_max(x, row),
          col, row_max(&o->in[WEIGHT], col));
      break;
    case MICRO_RMSNORM:
    case MICRO_HADAMARD:
      say_one(&w, "x", x, row, col);
      say(&w, "; row %d, largest |x| %.9g", row, row_max(x, row));
      break;
    default:
      say(&w, "x = %.9g (%a)", tensor_value(x, (size_t)row * (size_t)x->cols + (size_t)col),
          tensor_value(x, (size_t)row * (size_t)x->cols + (size_t)col));
  }
}

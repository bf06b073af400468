#include "measure/scale_choice.h"

#include <math.h>

#include "kernels/math32.h"

const char *const scale_choice_names[SCALE_CHOICES] = {
    "calibrated", "0.999", "0.9999", "0.99999", "1", "least", "per_channel"};
const double scale_choice_quantiles[CHOICE_QUANTILES] = {0.999, 0.9999, 0.99999, 1};

/* Where a bin begins; the first holds what counts as 0. */
static double edge(int bin) {
  return bin == 0 ? 0 : ldexp(1 + (bin & 127) / 128.0, MAGNITUDE_LOWEST + (bin >> 7));
}

/* And where it ends: behind the largest there is nothing. */
static double bin_end(const Magnitudes *m, int bin) {
  return fmax(edge(bin), fmin(edge(bin + 1), m->largest));
}

static int bin_of(double magnitude) { return magnitude_bin(bits_of_f32((float)magnitude)); }

Magnitudes magnitudes_of(Arena *arena, const uint64_t *count, double largest) {
  Magnitudes m = {.count = count, .largest = largest};
  m.below = ARENA_NEW(arena, double, MAGNITUDE_BINS + 1);
  m.sum = ARENA_NEW(arena, double, MAGNITUDE_BINS + 1);
  m.squares = ARENA_NEW(arena, double, MAGNITUDE_BINS + 1);
  for (int i = 0; i < MAGNITUDE_BINS; i++) {
    double n = (double)count[i], a = edge(i), b = i ? bin_end(&m, i) : 0;
    m.below[i + 1] = m.below[i] + n;
    m.sum[i + 1] = m.sum[i] + n * (a + b) / 2;
    m.squares[i + 1] = m.squares[i] + n * (a * a + a * b + b * b) / 3;
  }
  return m;
}

double magnitudes_number(const Magnitudes *m) { return m->below[MAGNITUDE_BINS]; }
double magnitudes_squares(const Magnitudes *m) { return m->squares[MAGNITUDE_BINS]; }

/* Integral from 0 to u of (t - rint(t))^2. */
static double sawtooth(double u) {
  double whole = rint(u), rest = u - whole;
  return whole / 12 + rest * rest * rest / 3;
}

/* Mean of (t - rint(t))^2 over t evenly spread from u to v. */
static double sawtooth_mean(double u, double v) {
  double rest = u - rint(u);
  return v > u ? (sawtooth(v) - sawtooth(u)) / (v - u) : rest * rest;
}

/* Of the bins first … last - 1, none of which ends at the largest, in squares of a step; neighbours
 * share an edge. */
static double rounded_bins(const Magnitudes *m, int first, int last, double scale) {
  double sum = 0, u = edge(first) / scale, begin = sawtooth(u);
  for (int i = first; i < last; i++) {
    double v = edge(i + 1) / scale, end = sawtooth(v);
    sum += (double)m->count[i] * (end - begin) / (v - u);
    u = v, begin = end;
  }
  return sum;
}

/* Where what is clipped alone is more than `most`, what is rounded is left out. */
static ScaleError error_up_to(const Magnitudes *m, double scale, double most) {
  double end = 127 * scale;
  if (fabs(end - m->largest) <= 0x1p-22 * m->largest)
    end = m->largest; /* the rounding of the scale to float32 */
  const int first = bin_of(scale / 2), top = bin_of(m->largest);
  int last = bin_of(end);
  const double square = scale * scale;
  if (last > top) last = top;                    /* the grid holds all */
  ScaleError e = {.rounded = m->squares[first]}; /* below half a step all is rounded to 0 */
  double a = edge(last), b = bin_end(m, last), n = (double)m->count[last];
  double over = b > end ? (b - fmax(a, end)) / (b > a ? b - a : 1) : 0;
  e.beyond = n * over + m->below[MAGNITUDE_BINS] - m->below[last + 1];
  double sum = m->sum[MAGNITUDE_BINS] - m->sum[last + 1],
         squares = m->squares[MAGNITUDE_BINS] - m->squares[last + 1];
  double behind =
      squares - 2 * end * sum + end * end * (m->below[MAGNITUDE_BINS] - m->below[last + 1]);
  e.clipped = fmax(behind, 0) + n * over * (b - end) * (b - end) / 3;
  if (e.clipped > most) return e;
  e.rounded += square * rounded_bins(m, first, last, scale);
  if (last >= first)
    e.rounded += square * n * (1 - over) * sawtooth_mean(a / scale, fmin(b, end) / scale);
  return e;
}

ScaleError scale_error(const Magnitudes *m, double scale) {
  return error_up_to(m, scale, INFINITY);
}

double magnitudes_quantile(const Magnitudes *m, double f) {
  double rank = f * magnitudes_number(m);
  if (f >= 1) return m->largest;
  int i = 0;
  while (i < MAGNITUDE_BINS - 1 && m->below[i + 1] < rank) i++;
  if (!m->count[i]) return edge(i);
  return edge(i) + (rank - m->below[i]) / (double)m->count[i] * (bin_end(m, i) - edge(i));
}

/* The best of some ends, beginnings of bins; the larger of equal ones. */
static int best_end(const Magnitudes *m, int from, int to, int step) {
  int best = from;
  double least = INFINITY;
  for (int i = from; i >= to; i -= step) {
    ScaleError e = error_up_to(m, edge(i) / 127, least);
    if (e.clipped + e.rounded < least) least = e.clipped + e.rounded, best = i;
  }
  return best;
}

double scale_least_end(const Magnitudes *m) {
  enum { OCTAVES_DOWN = 8, COARSE = 8 };
  int top = bin_of(m->largest), low = top - OCTAVES_DOWN * 128;
  if (!(m->largest > 0)) return 0;
  low = low > 1 ? low : 1;
  int coarse = best_end(m, top, low, COARSE), from = coarse + COARSE, to = coarse - COARSE;
  int best = best_end(m, from < top ? from : top, to > low ? to : low, 1);
  ScaleError inside = scale_error(m, edge(best) / 127), whole = scale_error(m, m->largest / 127);
  return whole.clipped + whole.rounded < inside.clipped + inside.rounded ? m->largest : edge(best);
}

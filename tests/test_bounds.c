/* bounds: no kernel ever leaves its bound, over random cases of every operator, setting and kind of
 * input; and the float64 results that the bounds stand around are those of the reference's
 * operators. */
#include "reference/model64.h"
#include "reference/operators64.h"
#include "tests/bounds_cases.h"
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <omp.h>

enum { CASES = 12000, MAX_USED = 1 << 22 };

/* One row of the printed table: an output of an operator, in one type. */
typedef struct Row {
  const char *name;
  Op op;
  int output;
  Format format;
  enum { EITHER, SEQUENTIAL, BLOCKED } order; /* of the scan */
} Row;

static const Row row[] = {
    {"exp", OP_EXP, 0, FORMAT_F32, EITHER},
    {"log1p", OP_LOG1P, 0, FORMAT_F32, EITHER},
    {"softplus", OP_SOFTPLUS, 0, FORMAT_F32, EITHER},
    {"silu", OP_SILU, 0, FORMAT_F32, EITHER},
    {"quantise i8", OP_QUANTISE, 0, FORMAT_I8, EITHER},
    {"linear f32", OP_LINEAR, 0, FORMAT_F32, EITHER},
    {"linear f16", OP_LINEAR, 0, FORMAT_F16, EITHER},
    {"linear i8", OP_LINEAR, 0, FORMAT_I8, EITHER},
    {"rmsnorm f32", OP_RMSNORM, 0, FORMAT_F32, EITHER},
    {"rmsnorm i8", OP_RMSNORM, 0, FORMAT_I8, EITHER},
    {"hadamard f32", OP_HADAMARD, 0, FORMAT_F32, EITHER},
    {"hadamard i8", OP_HADAMARD, 0, FORMAT_I8, EITHER},
    {"conv1d pre", OP_CONV1D, C_PRE, FORMAT_F32, EITHER},
    {"conv1d silu f32", OP_CONV1D, C_SILU, FORMAT_F32, EITHER},
    {"conv1d silu i8", OP_CONV1D, C_SILU, FORMAT_I8, EITHER},
    {"scan delta", OP_SCAN, S_DELTA, FORMAT_F32, EITHER},
    {"scan y sequential", OP_SCAN, S_Y, FORMAT_F32, SEQUENTIAL},
    {"scan y blocked", OP_SCAN, S_Y, FORMAT_F32, BLOCKED},
    {"scan gated f32", OP_SCAN, S_GATED, FORMAT_F32, EITHER},
    {"scan gated f16", OP_SCAN, S_GATED, FORMAT_F16, EITHER},
    {"scan state sequential", OP_SCAN, S_STATE, FORMAT_F32, SEQUENTIAL},
    {"scan state blocked", OP_SCAN, S_STATE, FORMAT_F32, BLOCKED},
};
enum { ROWS = sizeof row / sizeof *row };

typedef struct Tally {
  double *used; /* of elements whose bound is above 0 and finite */
  size_t count, unbounded, cases;
} Tally;

static void describe(const Case *c, char text[200]) {
  snprintf(text, 200, "%s, %s, T %d, n %d, m %d%s%s%s", op_name[c->op], dist_name[c->dist], c->T,
           c->n, c->m, c->i8 ? ", int8" : "",
           c->op == OP_SCAN && c->order == SCAN_BLOCKED ? ", blocked" : "",
           c->rounding == ROUND_EVEN ? ", half-even" : "");
}

static void tally_output(const Case *c, int o, int number, Tally *tally) {
  const BoundOut *b = &c->bound[o];
  tally->cases++;
  for (size_t i = 0; i < elements(&c->out[o]); i++) {
    double got = element(&c->out[o], i), used = bound_used(b, i, got);
    if (!(used <= 1)) {
      char text[200];
      describe(c, text);
      cr_expect(false, "case %d (%s), output %d, element %zu: got %a, want %a, bound %a: %g of it",
                number, text, o, i, got, b->want[i], b->bound[i], used);
      return;
    }
    if (b->bound[i] == INFINITY) { /* by overflow alone */
      cr_expect(fabs(b->want[i]) > 0x1.ffffffp127,
                "case %d, element %zu: nothing is promised of %a", number, i, b->want[i]);
      tally->unbounded++;
    } else if (b->bound[i] > 0 && tally->count < MAX_USED)
      tally->used[tally->count++] = used;
  }
}

static bool belongs(const Case *c, const Row *r) {
  return r->op == c->op && r->format == c->out[r->output].format &&
         (r->order == EITHER || (r->order == BLOCKED) == (c->order == SCAN_BLOCKED));
}

static void tally_case(const Case *c, int number, Tally tally[ROWS]) {
  for (int r = 0; r < ROWS; r++)
    if (belongs(c, &row[r])) tally_output(c, row[r].output, number, &tally[r]);
}

static double print_row(int r, Tally *t) {
  gsl_sort(t->used, 1, t->count);
  double most = t->used[t->count - 1];
  cr_log_info("%-21s %6zu cases, %8zu elements: error/bound at most %.3f, median %.3f; nothing "
              "promised for %zu\n",
              row[r].name, t->cases, t->count, most,
              gsl_stats_median_from_sorted_data(t->used, 1, t->count), t->unbounded);
  return most;
}

Test(bounds, are_never_exceeded_by_any_kernel) {
  Tally tally[ROWS] = {{0}};
  size_t cases = 0;
  for (int r = 0; r < ROWS; r++)
    cr_assert_not_null(tally[r].used = malloc(MAX_USED * sizeof(double)));
  omp_set_num_threads(1);
  for (int i = 0; i < CASES; i++) {
    Case c = random_case((Op)(i % OPS), (Dist)(i / OPS % DISTS));
    run_kernel(&c);
    compute_bounds(&c);
    tally_case(&c, i, tally);
  }
  for (int r = 0; r < ROWS; r++) {
    cr_assert(tally[r].count > 0, "%s: no case", row[r].name);
    double most = print_row(r, &tally[r]);
    cases += row[r].output == 0 ? tally[r].cases : 0;
    cr_expect(most > 0.2, "%s: never more than %g of its bound is used: is it one?", row[r].name,
              most);
    free(tally[r].used);
  }
  cr_expect(cases >= 10000, "%zu cases", cases);
}

Test(bounds, are_the_same_for_any_number_of_threads) {
  for (int op = 0; op < OPS; op++) {
    Case c = random_case((Op)op, NORMAL);
    omp_set_num_threads(1);
    compute_bounds(&c);
    Case again = c;
    omp_set_num_threads(3);
    compute_bounds(&again);
    for (int o = 0; o < c.outputs; o++) {
      size_t bytes = elements(&c.out[o]) * sizeof(double);
      cr_expect(!memcmp(c.bound[o].want, again.bound[o].want, bytes) &&
                    !memcmp(c.bound[o].bound, again.bound[o].bound, bytes),
                "%s, output %d", op_name[op], o);
    }
  }
}

/* --- the float64 results against the reference's operators, which go another way -------------- */

/* Values of an input: dequantised in double. */
static double *values(const Tensor *t) {
  double *v = take(elements(t) * sizeof *v);
  for (size_t i = 0; i < elements(t); i++)
    v[i] = element(t, i) * (t->format == FORMAT_I8 ? (double)t->scale.value : 1);
  return v;
}

/* Float64 itself rounds, 2^-29 as much as float32. */
static void expect_same(const Case *c, int o, const double *want) {
  const BoundOut *b = &c->bound[o];
  for (size_t i = 0; i < elements(&c->out[o]); i++)
    if (b->bound[i] < INFINITY && !isinf(b->want[i]))
      cr_assert(fabs(b->want[i] - want[i]) <= 1e-5 * b->bound[i],
                "%s, %s, output %d, element %zu: got %a, want %a", op_name[c->op],
                dist_name[c->dist], o, i, b->want[i], want[i]);
}

static void expect_scan_same(const Case *c) {
  double *out[MAX_OUT];
  for (int o = 0; o < c->outputs; o++) out[o] = take(elements(&c->out[o]) * sizeof(double));
  scan64(&(Scan64){.T = c->T,
                   .E = c->n,
                   .N = c->m,
                   .u = values(&c->in[S_U]),
                   .dt = values(&c->in[S_DT]),
                   .B = values(&c->in[S_B]),
                   .C = values(&c->in[S_C]),
                   .BC_stride = c->m,
                   .z = values(&c->in[S_Z]),
                   .z_stride = c->n,
                   .A_log = values(&c->in[S_A_LOG]),
                   .D = values(&c->in[S_D]),
                   .dt_bias = values(&c->in[S_BIAS]),
                   .delta = out[S_DELTA],
                   .y = out[S_Y],
                   .gated = out[S_GATED],
                   .state = out[S_STATE]});
  for (int o = 0; o < c->outputs; o++) expect_same(c, o, out[o]);
}

Test(bounds, stand_around_the_results_of_the_reference_operators) {
  omp_set_num_threads(1);
  for (int i = 0; i < 1500; i++) {
    Case c = random_case((Op)(OP_LINEAR + i % 5), (Dist)(i / 5 % DISTS));
    compute_bounds(&c);
    double *x = values(&c.in[X]), *y = take(elements(&c.out[0]) * sizeof *y);
    switch (c.op) {
      case OP_LINEAR: linear64(x, c.n, c.T, c.n, values(&c.in[W]), c.m, y, c.m); break;
      case OP_RMSNORM:
        rmsnorm64(x, c.n, c.gain ? values(&c.in[W]) : NULL, c.eps, c.T, c.n, y, c.n);
        break;
      case OP_HADAMARD:
        memcpy(y, x, elements(&c.in[X]) * sizeof *y);
        hadamard64(y, c.T, c.n);
        break;
      case OP_CONV1D: {
        double *silu = take(elements(&c.out[C_SILU]) * sizeof *silu);
        conv1d64(x, c.n, c.T, c.n, c.m, values(&c.in[W]), values(&c.in[BIAS]), y, silu);
        expect_same(&c, C_SILU, silu);
        break;
      }
      default: expect_scan_same(&c); continue;
    }
    expect_same(&c, 0, y);
  }
}

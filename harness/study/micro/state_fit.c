/* state_fit: growth of an error over tokens, as a power and as a saturation, both fitted to its
 * logarithm: an error is as far off by a factor at its start as at its end. */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>

#include "measure/interval.h"
#include "study/micro/state.h"

enum { POINTS_LEAST = 8, STEPS_MOST = 200 };

typedef struct Points {
  const double *token, *log_rms; /* log10 */
  size_t n;
} Points;

static double student(size_t n) {
  return gsl_cdf_tdist_Pinv((1 + interval_level) / 2, (double)(n - 2));
}

static void fit_power(const Points *p, Arena scratch, StateLaw *law) {
  double *x = ARENA_NEW(&scratch, double, p->n), c0, cov00, cov01, cov11, squares;
  for (size_t i = 0; i < p->n; i++) x[i] = log10(p->token[i]);
  gsl_fit_linear(x, 1, p->log_rms, 1, p->n, &c0, &law->power, &cov00, &cov01, &cov11, &squares);
  double half = student(p->n) * sqrt(cov11);
  law->power_low = law->power - half;
  law->power_high = law->power + half;
  law->power_residual = sqrt(squares / (double)p->n);
}

/* Parameters: log10 of the level, ln of the tokens to it. */
static int residuals(const gsl_vector *parameter, void *data, gsl_vector *f) {
  const Points *p = data;
  double level = gsl_vector_get(parameter, 0), tokens = exp(gsl_vector_get(parameter, 1));
  for (size_t i = 0; i < p->n; i++)
    gsl_vector_set(f, i, level + log10(-expm1(-p->token[i] / tokens)) - p->log_rms[i]);
  return GSL_SUCCESS;
}

static void fit_level(Points *p, StateLaw *law) {
  gsl_multifit_nlinear_parameters settings = gsl_multifit_nlinear_default_parameters();
  gsl_multifit_nlinear_workspace *w =
      gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &settings, p->n, 2);
  gsl_multifit_nlinear_fdf system = {.f = residuals, .n = p->n, .p = 2, .params = p};
  double start[] = {p->log_rms[p->n - 1], log(p->token[p->n - 1] / 4)}, squares = INFINITY;
  gsl_vector_view first = gsl_vector_view_array(start, 2);
  int info, failed = gsl_multifit_nlinear_init(&first.vector, &system, w);
  failed = failed || gsl_multifit_nlinear_driver(STEPS_MOST, 1e-10, 1e-10, 0, NULL, NULL, &info, w);
  gsl_blas_ddot(w->f, w->f, &squares);
  double cov[4];
  gsl_matrix_view matrix = gsl_matrix_view_array(cov, 2, 2);
  failed = failed || gsl_multifit_nlinear_covar(w->J, 0, &matrix.matrix);
  if (!failed && isfinite(squares)) {
    double level = gsl_vector_get(w->x, 0),
           half = student(p->n) * sqrt(cov[0] * squares / (double)(p->n - 2));
    law->level = pow(10, level);
    law->level_low = pow(10, level - half);
    law->level_high = pow(10, level + half);
    law->tokens_to_level = exp(gsl_vector_get(w->x, 1));
    law->level_residual = sqrt(squares / (double)p->n);
  }
  gsl_multifit_nlinear_free(w);
}

StateLaw state_fit(const double *token, const double *rms, size_t n, Arena scratch) {
  StateLaw law = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, "none"};
  double *x = ARENA_NEW(&scratch, double, n), *y = ARENA_NEW(&scratch, double, n);
  Points p = {x, y, 0};
  for (size_t i = 0; i < n; i++)
    if (rms[i] > 0 && isfinite(rms[i])) x[p.n] = token[i], y[p.n++] = log10(rms[i]);
  if (p.n < POINTS_LEAST) return law;
  fit_power(&p, scratch, &law);
  fit_level(&p, &law);
  law.law = law.level_residual < law.power_residual ? "saturation" : "power";
  return law;
}

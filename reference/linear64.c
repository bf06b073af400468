/* linear64: y [T, out] = x W^T in float64, x [T, in], W [out, in], by GSL's BLAS interface on OpenBLAS.
 *
 * Neither the number of OpenMP threads nor the number of OpenBLAS's own may show in a result: the rows are cut into
 * panels of a fixed height, each is one product, and OpenBLAS runs each on one thread. The bits still belong to
 * OpenBLAS's kernel for the machine's type of processor. */
#include <assert.h>
#include <dlfcn.h>
#include <gsl/gsl_blas.h>

#include "reference/model64.h"
#include "reference/operators64.h"

/* Rows of a panel. Each panel packs the whole weight again, which 32 rows of arithmetic outweigh; a text of 512 tokens
 * still makes 16 of them, enough to keep that many threads busy. */
enum { PANEL = 32 };

/* OpenBLAS's own, absent (NULL) under any other BLAS. */
extern char *openblas_get_config(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));

/* OpenBLAS may be loaded while the products go elsewhere: libgslcblas defines the same names, and the one that was
 * linked first serves. So its products must come from the file that its configuration comes from. */
static bool products_are_openblas(void) {
  Dl_info product, config;
  return openblas_get_config && dladdr((void *)cblas_dgemm, &product) && dladdr((void *)openblas_get_config, &config) &&
         product.dli_fbase == config.dli_fbase;
}

const char *blas64_name(void) {
  if (!products_are_openblas()) return NULL;
  openblas_set_num_threads(1);
  return openblas_get_config();
}

void linear64(const double *x, int stride, int T, int in, const double *weight, int out, double *y, int y_stride) {
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  const gsl_matrix_const_view W = gsl_matrix_const_view_array(weight, (size_t)out, (size_t)in);
#pragma omp parallel for schedule(static)
  for (int first = 0; first < T; first += PANEL) {
    const size_t rows = (size_t)(T - first < PANEL ? T - first : PANEL);
    const gsl_matrix_const_view X =
        gsl_matrix_const_view_array_with_tda(x + (size_t)first * (size_t)stride, rows, (size_t)in, (size_t)stride);
    gsl_matrix_view Y =
        gsl_matrix_view_array_with_tda(y + (size_t)first * (size_t)y_stride, rows, (size_t)out, (size_t)y_stride);
    const int failed = gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &X.matrix, &W.matrix, 0, &Y.matrix);
    assert(!failed);
    (void)failed;
  }
}

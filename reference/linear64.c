/* linear64: y [T, out] = x W^T in float64, x [T, in], W [out, in], by GSL's BLAS interface on
 * OpenBLAS.
 *
 * Neither the number of OpenMP threads nor the number of OpenBLAS's own may show in a result: the
 * rows are cut into panels of a fixed height and their columns into blocks of a fixed width, each
 * is one product, and OpenBLAS runs each on one thread. The bits still belong to OpenBLAS's kernel
 * for the machine's type of processor. */
#include <assert.h>
#include <dlfcn.h>
#include <gsl/gsl_blas.h>
#include <stdbool.h>

#include "reference/model64.h"
#include "reference/operators64.h"

/* Rows of a panel. Each panel packs the whole weight again, which 32 rows of arithmetic outweigh; a
 * text of 512 tokens still makes 16 of them, enough to keep that many threads busy. */
enum { PANEL = 32 };
/* Columns of a product, so that a short text gives work to every thread too; the last one takes
 * what is left over. A product below so many multiplications is not cut: OpenBLAS has other
 * kernels, of other bits, for small ones. */
enum { COLUMNS = 1024, WORTH = 1 << 20 };

static int smaller(int a, int b) { return a < b ? a : b; }

/* OpenBLAS's own, absent (NULL) under any other BLAS. */
extern char *openblas_get_config(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));

/* OpenBLAS may be loaded while the products go elsewhere: libgslcblas defines the same names, and
 * the one that was linked first serves. So its products must come from the file that its
 * configuration comes from. */
static bool products_are_openblas(void) {
  Dl_info product, config;
  return openblas_get_config && dladdr((void *)cblas_dgemm, &product) &&
         dladdr((void *)openblas_get_config, &config) && product.dli_fbase == config.dli_fbase;
}

const char *blas64_name(void) {
  if (!products_are_openblas()) return NULL;
  openblas_set_num_threads(1);
  return openblas_get_config();
}

void linear64(const double *x, int stride, int T, int in, const double *weight, int out, double *y,
              int y_stride) {
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  const int blocks = out < COLUMNS ? 1 : out / COLUMNS;
#pragma omp parallel for collapse(2) schedule(static)
  for (int row = 0; row < T; row += PANEL)
    for (int block = 0; block < blocks; block++) {
      const size_t rows = (size_t)smaller(PANEL, T - row);
      const bool whole = rows * COLUMNS * (size_t)in < WORTH;
      if (whole && block > 0) continue;
      const int col = block * COLUMNS;
      const size_t cols = (size_t)(whole || block + 1 == blocks ? out - col : COLUMNS);
      const gsl_matrix_const_view X = gsl_matrix_const_view_array_with_tda(
                                      x + (size_t)row * (size_t)stride, rows, (size_t)in,
                                      (size_t)stride),
                                  W = gsl_matrix_const_view_array(weight + (size_t)col * (size_t)in,
                                                                  cols, (size_t)in);
      gsl_matrix_view Y = gsl_matrix_view_array_with_tda(y + (size_t)row * (size_t)y_stride + col,
                                                         rows, cols, (size_t)y_stride);
      const int failed =
          gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &X.matrix, &W.matrix, 0, &Y.matrix);
      assert(!failed);
      (void)failed;
    }
}

/* linear64 on a device: y [T, out] = x W^T, each output the sum over k = 0 … in - 1 in that order.
 *
 * A block of threads makes a tile of BM tokens x BN outputs, a thread TM x TN of them in registers.
 * Both matrices stand with their k side by side; DEPTH k of the tile's rows at a time are copied to
 * shared memory and turned there, [k][row], while the products of the DEPTH before are added. Rows
 * are one number longer than they need be, so that the 16 k of a row, which 16 lanes copy, fall
 * into different banks. A thread's rows, and its columns, are spread evenly over the tile, so that
 * neighbouring lanes read neighbouring numbers and write neighbouring outputs.
 * Shared memory: 2 stages of DEPTH (BM + BN + 2) numbers: 33 KiB for 64 x 64.
 * The last k of a sum are counted, not padded: adding 0 x 0 makes 0 of -0. */
#include <assert.h>
#include <cuda_pipeline.h>

#include "reference/device64.cuh"

enum { DEPTH = 16 };

typedef struct Product {
  const double *x, *weight;
  double *y;
  int stride, T, in, out, y_stride;
} Product;

/* Numbers first … first + DEPTH - 1 of ROWS rows, turned into to [DEPTH][ROWS + 1]. Of what is not
 * there nothing is copied: it is never read, or goes into a sum that is not stored. */
template <int ROWS, int THREADS>
__device__ static void fetch(const double *from, int step, int rows, int first, int in,
                             double (*to)[ROWS + 1]) {
  const int k = (int)threadIdx.x % DEPTH;
  if (first + k >= in) return;
#pragma unroll
  for (int row = (int)threadIdx.x / DEPTH; row < ROWS; row += THREADS / DEPTH)
    if (row < rows)
      __pipeline_memcpy_async(&to[k][row], from + (size_t)row * (size_t)step + first + k,
                              sizeof(double));
}

template <int BM, int BN> struct Stage { double x[DEPTH][BM + 1], w[DEPTH][BN + 1]; };

/* One k of all sums of a thread. */
template <int BM, int BN, int TM, int TN>
__device__ static void add_products(const Stage<BM, BN> &stage, int k, int tx, int ty,
                                    double (*sum)[TN]) {
  double x[TM], w[TN];
#pragma unroll
  for (int i = 0; i < TM; i++) x[i] = stage.x[k][ty + i * (BM / TM)];
#pragma unroll
  for (int j = 0; j < TN; j++) w[j] = stage.w[k][tx + j * (BN / TN)];
#pragma unroll
  for (int i = 0; i < TM; i++)
#pragma unroll
    for (int j = 0; j < TN; j++) sum[i][j] = linear64_add(sum[i][j], x[i], w[j]);
}

template <int BM, int BN, int TM, int TN>
__global__ static void __launch_bounds__(BM / TM * BN / TN) linear_kernel(Product p) {
  enum { THREADS = BM / TM * BN / TN };
  static_assert(THREADS % DEPTH == 0, "a row's k are copied by neighbouring threads");
  __shared__ Stage<BM, BN> stage[2];
  const int tx = (int)threadIdx.x % (BN / TN), ty = (int)threadIdx.x / (BN / TN);
  const int row = (int)blockIdx.x * BM, col = (int)blockIdx.y * BN;
  const double *x = p.x + (size_t)row * (size_t)p.stride,
               *w = p.weight + (size_t)col * (size_t)p.in;
  auto load = [&](Stage<BM, BN> &to, int first) {
    fetch<BM, THREADS>(x, p.stride, p.T - row, first, p.in, to.x);
    fetch<BN, THREADS>(w, p.in, p.out - col, first, p.in, to.w);
    __pipeline_commit();
  };
  double sum[TM][TN] = {};
  load(stage[0], 0);
  for (int first = 0, now = 0; first < p.in; first += DEPTH, now ^= 1) {
    load(stage[now ^ 1], first + DEPTH); /* past the end: an empty copy */
    __pipeline_wait_prior(1);
    __syncthreads();
    const int rest = p.in - first;
    if (rest >= DEPTH) {
#pragma unroll
      for (int k = 0; k < DEPTH; k++) add_products<BM, BN, TM, TN>(stage[now], k, tx, ty, sum);
    } else {
      for (int k = 0; k < rest; k++) add_products<BM, BN, TM, TN>(stage[now], k, tx, ty, sum);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < TM; i++)
#pragma unroll
    for (int j = 0; j < TN; j++) {
      const int t = row + ty + i * (BM / TM), o = col + tx + j * (BN / TN);
      if (t < p.T && o < p.out) p.y[(size_t)t * (size_t)p.y_stride + (size_t)o] = sum[i][j];
    }
}

typedef struct Tile {
  int rows, cols;
  double cost; /* of an output, beside the widest tile's: what smaller tiles read more often */
  void (*launch)(const Product *p, cudaStream_t stream);
} Tile;

template <int BM, int BN, int TM, int TN>
static void launch(const Product *p, cudaStream_t stream) {
  const dim3 grid((unsigned)parts64(p->T, BM), (unsigned)parts64(p->out, BN));
  linear_kernel<BM, BN, TM, TN><<<grid, BM / TM * BN / TN, 0, stream>>>(*p);
}

static const Tile tiles[] = {{64, 64, 1.0, launch<64, 64, 8, 4>},
                             {32, 32, 1.25, launch<32, 32, 4, 2>},
                             {16, 16, 2.0, launch<16, 16, 2, 1>}};

/* Rounds of one tile a multiprocessor, each as long as its outputs take. */
static double time_of(const Tile *tile, const Product *p, int processors) {
  const double blocks = (double)parts64(p->T, tile->rows) * parts64(p->out, tile->cols);
  return ceil(blocks / processors) * tile->rows * tile->cols * tile->cost;
}

void linear64_cuda(void *context, const double *x, int stride, int T, int in, const double *weight,
                   int out, double *y, int y_stride) {
  Cuda64 *cuda = (Cuda64 *)context;
  const Product p = {x, weight, y, stride, T, in, out, y_stride};
  const int processors = cuda->processors > 0 ? cuda->processors : 1;
  assert(in > 0);
  const Tile *best = &tiles[0];
  for (const Tile *tile = tiles + 1; tile < tiles + sizeof tiles / sizeof *tiles; tile++)
    if (time_of(tile, &p, processors) < time_of(best, &p, processors)) best = tile;
  if (T > 0 && out > 0) best->launch(&p, stream64(cuda));
  launched64(cuda, "linear64", T, out);
}

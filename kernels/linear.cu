/* linear: a block makes a tile of y. x and W come through shared memory, DEPTH k at a time and
 * STAGES deep, copied in the background while the stages before are multiplied.
 *   float: each thread keeps TM x TN sums in registers and goes through k in order, as the header
 *   says; no sum is
 * split. int8:  tensor cores; int32 sums are exact in any order.
 *
 * Panels on the device. Float: as linear_pack makes them, [panel][k][COLS], so that one k of a tile
 * is whole lines. Int8: row-major [out rounded up to COLS][in rounded up to DEPTH8], zeros past the
 * ends: the k of an output side by side, as the tensor cores' B operand is read. */
#include "kernels/device.cuh"
#include <cuda_pipeline.h>
#include <string.h>

enum { COLS = 32, DEPTH8 = 64, STAGES8 = 4, PIECE = 16 };

static size_t padded(int n, int multiple) {
  return (size_t)ceil_div(n, multiple) * (size_t)multiple;
}

size_t linear_cuda_packed_bytes(int out, int in, Format format) {
  return format == FORMAT_F32 ? linear_packed_bytes(out, in, format)
                              : padded(out, COLS) * padded(in, DEPTH8);
}

void linear_cuda_pack(const Linear *cpu, void *panels) {
  if (cpu->format == FORMAT_F32) {
    memcpy(panels, cpu->panels, linear_packed_bytes(cpu->out, cpu->in, FORMAT_F32));
    return;
  }
  memset(panels, 0, linear_cuda_packed_bytes(cpu->out, cpu->in, FORMAT_I8));
  for (int row = 0; row < cpu->out; row++)
    linear_unpack(cpu, row, (int8_t *)panels + (size_t)row * padded(cpu->in, DEPTH8));
}

/* A thread's share of copying a stage of ROWS x PIECES pieces of PIECE bytes: one piece of every
 * APART-th row. What can be known of the places is known before the loop over k. */
template <int ROWS, int PIECES, int PITCH, int THREADS> struct Copier {
  enum { APART = THREADS / PIECES, COUNT = ROWS / APART };
  static_assert(THREADS % PIECES == 0 && ROWS % APART == 0,
                "a stage is whole rounds of the threads");
  const char *from; /* this thread's first piece, of the first stage */
  size_t step;      /* from one of its rows to the next */
  int row, to;      /* its first row; where its first piece goes */

  /* origin: the first byte of the first stage, in rows of `pitch` bytes. */
  __device__ Copier(const void *origin, size_t pitch) {
    int piece = (int)threadIdx.x % PIECES * PIECE;
    row = (int)threadIdx.x / PIECES;
    from = (const char *)origin + (size_t)row * pitch + piece;
    step = (size_t)APART * pitch;
    to = row * PITCH + piece;
  }

  /* Bytes `first` on of every row. There are `rows` rows, and `valid` bytes in each from this
   * thread's piece on; the rest becomes zero. `unit`: PIECE, or 4 or 1 where rows are not aligned
   * to that. */
  __device__ void copy(void *stage, size_t first, int rows, int valid, int unit) const {
    char *at = (char *)stage + to;
    valid = min(max(valid, 0), (int)PIECE);
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const char *piece = from + first + (size_t)i * step;
      int here = row + i * APART < rows ? valid : 0;
      char *put = at + i * APART * PITCH;
      if (unit == PIECE)
        __pipeline_memcpy_async(put, here ? piece : from, PIECE, (size_t)(PIECE - here));
      else if (unit == 4)
        for (int j = 0; j < PIECE; j += 4)
          __pipeline_memcpy_async(put + j, j < here ? piece + j : from, 4, j < here ? 0 : 4);
      else
        for (int j = 0; j < PIECE; j++) put[j] = j < here ? piece[j] : (char)0;
    }
  }
};

/* The widest unit that the rows of x are aligned to. */
__device__ static int unit_of(const Tensor &x, int size) {
  return ((uintptr_t)x.data | (uintptr_t)x.stride * (uintptr_t)size) % PIECE == 0 ? (int)PIECE
                                                                                  : size;
}

/* Four neighbouring outputs. */
__device__ static int store_four(const Linear &w, const Tensor &y, int t, int col,
                                 const float *value) {
  float *to = (float *)y.data + at(y, t, col);
  if (y.format == FORMAT_F32 && col + 4 <= w.out && (uintptr_t)to % 16 == 0) {
    *(float4 *)to = make_float4(value[0], value[1], value[2], value[3]);
    return 0;
  }
  int nans = 0;
  for (int j = 0; j < 4 && col + j < w.out; j++) nans += store(y, t, col + j, value[j], ROUND_EVEN);
  return nans;
}

/* One stage of float. Rows of x are padded so that 16-byte pieces of neighbouring rows fall into
 * different banks. */
template <int BM, int BN, int DEPTH> struct Stage { float x[BM][DEPTH + 4], w[DEPTH][BN]; };

/* A thread's rows are ty, ty + BM / TM, …; its columns are pieces of four, spread evenly over the
 * tile. So the 32 lanes, 4 x 8, read whole lines, each once. */
template <int BM, int BN, int TM, int TN, int DEPTH, int STAGES, int AHEAD>
__global__ static void __launch_bounds__(BM / TM * BN / TN)
    linear_f32_kernel(Linear w, Tensor x, Tensor y) {
  enum {
    THREADS = BM / TM * BN / TN,
    WARPS_X = BN / TN / 8,
    ROWS_APART = BM / TM,
    COLS_APART = BN * 4 / TN
  };
  typedef Stage<BM, BN, DEPTH> Tile;
  extern __shared__ __align__(16) unsigned char memory[];
  Tile *stage = (Tile *)memory;
  int row = (int)blockIdx.x * BM, col = (int)blockIdx.y * BN;
  const float *x_tile = (const float *)x.data + at(x, row, 0);
  Copier<BM, DEPTH / 4, sizeof(Tile().x[0]), THREADS> copy_x(x_tile,
                                                             (size_t)x.stride * sizeof(float));
  /* W's rows are lines of COLS of one panel: a thread's piece is in one panel for all k. */
  int my_col = (int)threadIdx.x % (BN / 4) * 4, panel = (col + my_col) / COLS,
      in_panel = (col + my_col) % COLS;
  const float *panels =
      (const float *)w.panels + (size_t)panel * (size_t)w.in * COLS + in_panel - my_col;
  Copier<DEPTH, BN / 4, sizeof(Tile().w[0]), THREADS> copy_w(panels, COLS * sizeof(float));
  int my_k = (int)threadIdx.x % (DEPTH / 4) * 4, unit = unit_of(x, sizeof(float));
  auto load = [&](Tile *to, int first) {
    copy_x.copy(to->x, (size_t)first * sizeof(float), x.rows - row,
                (w.in - first - my_k) * (int)sizeof(float), unit);
    copy_w.copy(to->w, (size_t)first * COLS * sizeof(float), w.in - first,
                col + my_col < w.out ? (int)PIECE : 0, PIECE);
  };
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  int tx = warp % WARPS_X * 8 + lane % 8, ty = warp / WARPS_X * 4 + lane / 8;
  float sum[TM][TN] = {};
  /* Four k of x, and AHEAD (1 or 4) of W, are read ahead of their use. */
  float4 a[2][TM];
  float b[2][AHEAD][TN];
  auto read_a = [&](const Tile &from, int k, float4 *to) {
#pragma unroll
    for (int i = 0; i < TM; i++) to[i] = *(const float4 *)&from.x[ty + i * ROWS_APART][k];
  };
  auto read_b = [&](const Tile &from, int k, float *to) {
#pragma unroll
    for (int j = 0; j < TN; j += 4) {
      float4 v = *(const float4 *)&from.w[k][j / 4 * COLS_APART + tx * 4];
      to[j] = v.x, to[j + 1] = v.y, to[j + 2] = v.z, to[j + 3] = v.w;
    }
  };
  auto add = [&](const float4 *a, int part, const float *b) {
#pragma unroll
    for (int i = 0; i < TM; i++) {
      float xk = part == 0 ? a[i].x : part == 1 ? a[i].y : part == 2 ? a[i].z : a[i].w;
#pragma unroll
      for (int j = 0; j < TN; j++) sum[i][j] = linear_add(sum[i][j], xk, b[j]);
    }
  };
  for (int s = 0; s < STAGES - 1; s++) {
    if (s * DEPTH < w.in) load(&stage[s], s * DEPTH);
    __pipeline_commit();
  }
  __pipeline_wait_prior(STAGES - 2);
  __syncthreads();
  read_a(stage[0], 0, a[0]);
#pragma unroll
  for (int k = 0; k < AHEAD; k++) read_b(stage[0], k, b[0][k]);
  int now = 0, first = 0;
  for (; first + DEPTH <= w.in; first += DEPTH) {
    int next = first + (STAGES - 1) * DEPTH, after = now + 1 == STAGES ? 0 : now + 1;
    if (next < w.in) load(&stage[now == 0 ? STAGES - 1 : now - 1], next);
    __pipeline_commit();
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      if (k ==
          DEPTH -
              AHEAD) { /* the stage after this one is there for all, and this one was read by all */
        __pipeline_wait_prior(STAGES - 2);
        __syncthreads();
        read_a(stage[after], 0, a[0]);
      }
      if (k % 4 == 0 && k + 4 < DEPTH) read_a(stage[now], k + 4, a[(k / 4 + 1) % 2]);
#pragma unroll
      for (int j = 0; j < AHEAD && k % AHEAD == 0; j++)
        read_b(stage[k + AHEAD < DEPTH ? now : after], (k + AHEAD) % DEPTH + j,
               b[(k / AHEAD + 1) % 2][j]);
      add(a[k / 4 % 2], k % 4, b[k / AHEAD % 2][k % AHEAD]);
    }
    now = after;
  }
  for (int k = 0; first + k < w.in; k++) { /* the last few */
    read_b(stage[now], k, b[0][0]);
    for (int i = 0; i < TM; i++) a[0][i].x = stage[now].x[ty + i * ROWS_APART][k];
    add(a[0], 0, b[0][0]);
  }
  int nans = 0;
#pragma unroll
  for (int i = 0; i < TM; i++) {
    int t = row + ty + i * ROWS_APART;
#pragma unroll
    for (int j = 0; j < TN; j += 4)
      if (t < x.rows) nans += store_four(w, y, t, col + j / 4 * COLS_APART + tx * 4, &sum[i][j]);
  }
  count_nans(y, nans);
}

/* Rows of DEPTH8 bytes, padded so that the words of 8 rows fall into different banks. */
enum { ROW8 = DEPTH8 + PIECE };
template <int BM, int BN> struct Stage8 { int8_t x[BM][ROW8], w[BN][ROW8]; };

/* acc += a b on the tensor cores, 16 x 8 outputs, 32 k: a thread's words are rows lane / 4 and + 8
 * of x (or column lane / 4 of W), k from lane % 4 * 4 and + 16 on; its outputs are columns lane % 4
 * * 2 and + 1 of those rows. */
__device__ static void multiply8(int32_t acc[4], const uint32_t a[4], const uint32_t b[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, "
      "%9}, {%0, %1, %2, %3};"
      : "+r"(acc[0]), "+r"(acc[1]), "+r"(acc[2]), "+r"(acc[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else /* in quarters */
  for (int half_k = 0; half_k < 2; half_k++)
    for (int half_m = 0; half_m < 2; half_m++)
      asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
          : "+r"(acc[half_m * 2]), "+r"(acc[half_m * 2 + 1])
          : "r"(a[half_k * 2 + half_m]), "r"(b[half_k]));
#endif
}

__device__ static uint32_t word(const int8_t *at) { return *(const uint32_t *)at; }

/* 2 x 2 warps, each TILES_M x TILES_N tiles of 16 x 8. */
template <int BM, int BN>
__global__ static void __launch_bounds__(128) linear_i8_kernel(Linear w, Tensor x, Tensor y) {
  enum { THREADS = 128, TILES_M = BM / 2 / 16, TILES_N = BN / 2 / 8 };
  extern __shared__ __align__(16) unsigned char memory[];
  Stage8<BM, BN> *stage = (Stage8<BM, BN> *)memory;
  int row = (int)blockIdx.x * BM, col = (int)blockIdx.y * BN;
  size_t depth = (size_t)(ceil_div(w.in, DEPTH8) * DEPTH8);
  const int8_t *x_tile = (const int8_t *)x.data + at(x, row, 0),
               *w_tile = (const int8_t *)w.panels + (size_t)col * depth;
  Copier<BM, DEPTH8 / PIECE, ROW8, THREADS> copy_x(x_tile, (size_t)x.stride);
  Copier<BN, DEPTH8 / PIECE, ROW8, THREADS> copy_w(w_tile, depth);
  int out_padded = ceil_div(w.out, COLS) * COLS;
  int my_k = (int)threadIdx.x % (DEPTH8 / PIECE) * PIECE, unit = unit_of(x, sizeof(int8_t));
  auto load = [&](Stage8<BM, BN> *to, int first) {
    copy_x.copy(to->x, (size_t)first, x.rows - row, w.in - first - my_k, unit);
    copy_w.copy(to->w, (size_t)first, out_padded - col, PIECE, PIECE);
  };
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  int m = warp / 2 * (BM / 2) + lane / 4, n = warp % 2 * (BN / 2) + lane / 4, word_k = lane % 4 * 4;
  int32_t acc[TILES_M][TILES_N][4] = {};
  for (int s = 0; s < STAGES8 - 1; s++) {
    if (s * DEPTH8 < w.in) load(&stage[s], s * DEPTH8);
    __pipeline_commit();
  }
  for (int first = 0, now = 0; first < w.in; first += DEPTH8, now = (now + 1) % STAGES8) {
    __pipeline_wait_prior(STAGES8 - 2);
    __syncthreads(); /* as for float */
    int next = first + (STAGES8 - 1) * DEPTH8;
    if (next < w.in) load(&stage[(now + STAGES8 - 1) % STAGES8], next);
    __pipeline_commit();
#pragma unroll
    for (int k32 = 0; k32 < DEPTH8; k32 += 32) {
      int k = k32 + word_k;
      uint32_t a[TILES_M][4], b[TILES_N][2];
#pragma unroll
      for (int i = 0; i < TILES_M; i++)
#pragma unroll
        for (int part = 0; part < 4; part++)
          a[i][part] = word(&stage[now].x[m + i * 16 + part % 2 * 8][k + part / 2 * 16]);
#pragma unroll
      for (int j = 0; j < TILES_N; j++)
#pragma unroll
        for (int part = 0; part < 2; part++)
          b[j][part] = word(&stage[now].w[n + j * 8][k + part * 16]);
#pragma unroll
      for (int i = 0; i < TILES_M; i++)
#pragma unroll
        for (int j = 0; j < TILES_N; j++) multiply8(acc[i][j], a[i], b[j]);
    }
  }
  int nans = 0;
  float scale = scale_of(x);
#pragma unroll
  for (int i = 0; i < TILES_M; i++)
#pragma unroll
    for (int j = 0; j < TILES_N; j++)
#pragma unroll
      for (int part = 0; part < 4; part++) {
        int t = row + m + i * 16 + part / 2 * 8;
        int out = col + warp % 2 * (BN / 2) + j * 8 + lane % 4 * 2 + part % 2;
        float value = linear_dequantise(acc[i][j][part], scale, w.scale);
        if (t < x.rows && out < w.out) nans += store(y, t, out, value, ROUND_EVEN);
      }
  count_nans(y, nans);
}

template <int BM, int BN, int TM, int TN, int DEPTH, int STAGES, int AHEAD>
static void launch_f32(Cuda *cuda, const Linear *w, const Tensor *x, const Tensor *y) {
  auto *kernel = linear_f32_kernel<BM, BN, TM, TN, DEPTH, STAGES, AHEAD>;
  size_t shared = STAGES * sizeof(Stage<BM, BN, DEPTH>);
  dim3 grid((unsigned)ceil_div(x->rows, BM), (unsigned)ceil_div(w->out, BN));
  device_shared(cuda, kernel, shared, "linear f32");
  kernel<<<grid, BM / TM * BN / TN, shared, device_stream(cuda)>>>(*w, *x, *y);
}

template <int BM, int BN>
static void launch_i8(Cuda *cuda, const Linear *w, const Tensor *x, const Tensor *y) {
  size_t shared = STAGES8 * sizeof(Stage8<BM, BN>);
  dim3 grid((unsigned)ceil_div(x->rows, BM), (unsigned)ceil_div(w->out, BN));
  device_shared(cuda, linear_i8_kernel<BM, BN>, shared, "linear i8");
  linear_i8_kernel<BM, BN><<<grid, 128, shared, device_stream(cuda)>>>(*w, *x, *y);
}

/* The tile, by how many of them there are: large tiles read less, but the last round of blocks over
 * the processors must not be the only one. The limits are measured, at 132 processors
 * (build/check-gpu times linear). */
static void launch(Cuda *cuda, const Linear *w, const Tensor *x, const Tensor *y) {
  int T = x->rows, enough = cuda->processors * 5 / 2;
  auto tiles = [&](int rows, int cols) { return (long)ceil_div(T, rows) * ceil_div(w->out, cols); };
  if (w->format == FORMAT_F32) {
    if (tiles(64, 128) >= enough)
      launch_f32<64, 128, 8, 8, 16, 4, 1>(cuda, w, x, y);
    else if (tiles(64, 64) >= enough)
      launch_f32<64, 64, 8, 4, 32, 4, 4>(cuda, w, x, y);
    else if (tiles(16, 64) >= enough)
      launch_f32<16, 64, 4, 4, 32, 4, 4>(cuda, w, x, y);
    else
      launch_f32<16, 32, 2, 4, 64, 4, 4>(cuda, w, x, y);
  } else if (tiles(128, 64) >= enough)
    launch_i8<128, 64>(cuda, w, x, y);
  else if (tiles(64, 64) >= enough)
    launch_i8<64, 64>(cuda, w, x, y);
  else
    launch_i8<32, 32>(cuda, w, x, y);
}

void linear_cuda(Cuda *cuda, const Linear *w, const Tensor *x, Tensor *y) {
  assert(x->format == w->format && x->cols == w->in);
  assert(y->format != FORMAT_F64 && y->rows == x->rows && y->cols == w->out);
  launch(cuda, w, x, y);
  device_launched(cuda, w->format == FORMAT_I8 ? "linear i8" : "linear f32", x->rows, w->out);
  y->nans = 0;
  y->kernel = linear_witness(w->format, y->format, BACKEND_CUDA);
}

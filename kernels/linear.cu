/* linear: a block makes a tile of y, rows x cols of kernels/tiles.h, and goes through all k: no sum
 * is split. x and W come through shared memory, `depth` k at a time and `stages` of them deep,
 * copied in the background while the stages before are multiplied: bytes of the tile's rows of x
 * and of its columns of W, times depth, times stages (linear_f32_shared, linear_i8_shared).
 *   float: a thread keeps each_rows x each_cols sums in registers (Sums) and goes through k in
 *          order, as the header says: load a stage far ahead (Loader), multiply this one, then the
 *          next.
 *   int8:  tensor cores; int32 sums are exact in any order.
 *
 * Panels on the device. Float: as linear_pack makes them, [panel][k][COLS], so that one k of a tile
 * is whole lines. Int8: row-major [out rounded up to COLS][in rounded up to DEPTH8], zeros past the
 * ends: the k of an output side by side, as the tensor cores' B operand is read. */
#include "kernels/device.cuh"
#include "kernels/tiles.h"
#include <cuda_pipeline.h>
#include <string.h>

enum { COLS = LINEAR_PANEL, DEPTH8 = LINEAR_I8_DEPTH, STAGES8 = LINEAR_I8_STAGES, PIECE = 16 };

static size_t padded(int n, int multiple) {
  return (size_t)ceil_div(n, multiple) * (size_t)multiple;
}

size_t linear_cuda_packed_bytes(int out, int in, Format format) {
  return format == FORMAT_F32 ? linear_packed_bytes(out, in, format)
                              : padded(out, COLS) * padded(in, DEPTH8);
}

/* By all threads of the host: one alone makes 1.7 GB/s (2.8B shape), a tenth of what the way to the
 * device takes. */
void linear_cuda_pack(const Linear *cpu, void *panels) {
  const bool f32 = cpu->format == FORMAT_F32;
  const size_t pitch = padded(cpu->in, DEPTH8),
               panel = f32 ? linear_packed_bytes(COLS, cpu->in, FORMAT_F32) : COLS * pitch;
#pragma omp parallel for
  for (int first = 0; first < cpu->out; first += COLS) {
    char *to = (char *)panels + (size_t)(first / COLS) * panel;
    if (f32) {
      memcpy(to, (const char *)cpu->panels + (size_t)(first / COLS) * panel, panel);
      continue;
    }
    memset(to, 0, panel);
    for (int row = first; row < first + COLS && row < cpu->out; row++, to += pitch)
      linear_unpack(cpu, row, to);
  }
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
    if (unit == PIECE && rows >= ROWS && valid >= PIECE) { /* nearly always: nothing is asked */
#pragma unroll
      for (int i = 0; i < COUNT; i++)
        __pipeline_memcpy_async(at + i * APART * PITCH, from + first + (size_t)i * step, PIECE);
      return;
    }
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

/* COUNT neighbouring outputs. */
template <int COUNT>
__device__ static int store_some(const Linear &w, const Tensor &y, int t, int col,
                                 const float *value) {
  float *to = (float *)y.data + at(y, t, col);
  if (COUNT == 4 && y.format == FORMAT_F32 && col + 4 <= w.out && (uintptr_t)to % 16 == 0) {
    *(float4 *)to = make_float4(value[0], value[1], value[2], value[3]);
    return 0;
  }
  int nans = 0;
  for (int j = 0; j < COUNT && col + j < w.out; j++)
    nans += store(y, t, col + j, value[j], ROUND_EVEN);
  return nans;
}

/* --- float ------------------------------------------------------------------------------------ */

/* Neighbouring columns of one k, as one piece of shared memory. */
template <int COUNT> struct Columns;
template <> struct Columns<1> { float of[1]; };
template <> struct __align__(8) Columns<2> { float of[2]; };
template <> struct __align__(16) Columns<4> { float of[4]; };

/* The shape of a block: row WHICH of the table. A thread's rows are ty, ty + ROWS_APART, …; its
 * columns are pieces of four, or of the fewer that it has, spread evenly over the tile. The 32
 * lanes of a warp are 4 x 8, in an order in which either half reads all eight columns, and every
 * second lane what its neighbour reads: so a piece of 16 bytes a lane comes in two passes of shared
 * memory, not in four. */
template <int WHICH> struct Shape {
  static constexpr LinearTile tile = linear_f32_tile[WHICH];
  enum {
    ROWS = tile.rows,
    COLS_HERE = tile.cols,
    TM = tile.each_rows,
    TN = tile.each_cols,
    DEPTH = tile.depth,
    STAGES = tile.stages,
    AHEAD = tile.ahead,
    FOURS = (AHEAD + 3) / 4,
    THREADS = linear_f32_threads(tile),
    WARPS_X = COLS_HERE / TN / 8,
    ROWS_APART = ROWS / TM,
    BESIDE = TN < 4 ? TN : 4,
    COLS_APART = COLS_HERE * BESIDE / TN
  };
  struct Stage {
    float x[ROWS][linear_f32_pitch(DEPTH)], w[DEPTH][COLS_HERE];
  };
};

/* A thread's share of bringing a stage. */
template <int WHICH> struct Loader {
  typedef Shape<WHICH> S;
  Copier<S::ROWS, S::DEPTH / 4, sizeof(S::Stage::x[0]), S::THREADS> x;
  Copier<S::DEPTH, S::COLS_HERE / 4, sizeof(S::Stage::w[0]), S::THREADS> w;
  int in, rows, w_valid, my_k, unit;

  /* W's rows are lines of COLS of one panel: a thread's piece is in one panel for all k. */
  __device__ static const float *first_of_panel(const Linear &w, int col, int my_col) {
    int panel = (col + my_col) / COLS, in_panel = (col + my_col) % COLS;
    return (const float *)w.panels + (size_t)panel * (size_t)w.in * COLS + in_panel - my_col;
  }
  __device__ static int my_col() { return (int)threadIdx.x % (S::COLS_HERE / 4) * 4; }

  __device__ Loader(const Linear &weight, const Tensor &of, int row, int col)
      : x((const float *)of.data + at(of, row, 0), (size_t)of.stride * sizeof(float)),
        w(first_of_panel(weight, col, my_col()), COLS * sizeof(float)), in(weight.in),
        rows(of.rows - row), w_valid(col + my_col() < weight.out ? (int)PIECE : 0),
        my_k((int)threadIdx.x % (S::DEPTH / 4) * 4), unit(unit_of(of, sizeof(float))) {}

  __device__ void load(typename S::Stage *to, int first) const {
    x.copy(to->x, (size_t)first * sizeof(float), rows, (in - first - my_k) * (int)sizeof(float),
           unit);
    w.copy(to->w, (size_t)first * COLS * sizeof(float), in - first, w_valid, PIECE);
  }
};

/* A thread's outputs, and what it has read ahead for them: AHEAD k of its columns of W, as many of
 * its rows of x but whole fours, each twice: one to use, one on its way. */
template <int WHICH> struct Sums {
  typedef Shape<WHICH> S;
  typedef typename S::Stage Stage;
  int tx, ty;
  float sum[S::TM][S::TN] = {};
  float4 x[2][S::FOURS][S::TM];
  float w[2][S::AHEAD][S::TN];

  __device__ Sums() {
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    tx = warp % S::WARPS_X * 8 + lane / 2 % 8;
    ty = warp / S::WARPS_X * 4 + lane / 16 * 2 + lane % 2;
  }
  __device__ int row(int i) const { return ty + i * S::ROWS_APART; }
  __device__ int col(int j) const { return j / S::BESIDE * S::COLS_APART + tx * S::BESIDE; }

  __device__ void read_x(const Stage &from, int k, float4 (*to)[S::TM]) const {
#pragma unroll
    for (int four = 0; four < S::FOURS; four++)
#pragma unroll
      for (int i = 0; i < S::TM; i++) to[four][i] = *(const float4 *)&from.x[row(i)][k + four * 4];
  }
  __device__ void read_w(const Stage &from, int k, float *to) const {
#pragma unroll
    for (int j = 0; j < S::TN; j += S::BESIDE) {
      const auto piece = *(const Columns<S::BESIDE> *)&from.w[k][col(j)];
#pragma unroll
      for (int i = 0; i < S::BESIDE; i++) to[j + i] = piece.of[i];
    }
  }
  /* One k: word `part` of what is read of x. */
  __device__ void add(const float4 *from_x, int part, const float *from_w) {
#pragma unroll
    for (int i = 0; i < S::TM; i++) {
      float4 four = from_x[i];
      float xk = part == 0 ? four.x : part == 1 ? four.y : part == 2 ? four.z : four.w;
#pragma unroll
      for (int j = 0; j < S::TN; j++) sum[i][j] = linear_add(sum[i][j], xk, from_w[j]);
    }
  }
  __device__ void start(const Stage &first) {
    read_x(first, 0, x[0]);
#pragma unroll
    for (int k = 0; k < S::AHEAD; k++) read_w(first, k, w[0][k]);
  }
  /* A whole stage; what the next one starts with is read before the last k are added. */
  __device__ void multiply(const Stage &now, const Stage &next) {
    enum { X_AHEAD = S::FOURS * 4 };
    static_assert(S::DEPTH / X_AHEAD % 2 == 0 && S::DEPTH / S::AHEAD % 2 == 0,
                  "a stage ends on what was read second");
#pragma unroll
    for (int k = 0; k < S::DEPTH; k++) {
      if (k == S::DEPTH - S::AHEAD) { /* `next` is there for all, and `now` was read by all */
        __pipeline_wait_prior(S::STAGES - 2);
        __syncthreads();
        read_x(next, 0, x[0]);
      }
      if (k % X_AHEAD == 0 && k + X_AHEAD < S::DEPTH)
        read_x(now, k + X_AHEAD, x[(k / X_AHEAD + 1) % 2]);
#pragma unroll
      for (int j = 0; j < S::AHEAD && k % S::AHEAD == 0; j++)
        read_w(k + S::AHEAD < S::DEPTH ? now : next, (k + S::AHEAD) % S::DEPTH + j,
               w[(k / S::AHEAD + 1) % 2][j]);
      add(x[k / X_AHEAD % 2][k % X_AHEAD / 4], k % 4, w[k / S::AHEAD % 2][k % S::AHEAD]);
    }
  }
  /* The last few k, fewer than a stage. */
  __device__ void multiply_rest(const Stage &now, int count) {
    for (int k = 0; k < count; k++) {
      read_w(now, k, w[0][0]);
      for (int i = 0; i < S::TM; i++) x[0][0][i].x = now.x[row(i)][k];
      add(x[0][0], 0, w[0][0]);
    }
  }
  __device__ void store(const Linear &weight, const Tensor &y, int first_row, int first_col) const {
    int nans = 0;
#pragma unroll
    for (int i = 0; i < S::TM; i++)
#pragma unroll
      for (int j = 0; j < S::TN; j += S::BESIDE)
        if (first_row + row(i) < y.rows)
          nans +=
              store_some<S::BESIDE>(weight, y, first_row + row(i), first_col + col(j), &sum[i][j]);
    count_nans(y, nans);
  }
};

template <int WHICH>
__global__ static void __launch_bounds__(Shape<WHICH>::THREADS)
    linear_f32_kernel(Linear w, Tensor x, Tensor y) {
  typedef Shape<WHICH> S;
  extern __shared__ __align__(16) unsigned char memory[];
  typename S::Stage *stage = (typename S::Stage *)memory;
  int row = (int)blockIdx.x * S::ROWS, col = (int)blockIdx.y * S::COLS_HERE;
  Loader<WHICH> loader(w, x, row, col);
  Sums<WHICH> sums;
  for (int s = 0; s < S::STAGES - 1; s++) {
    if (s * S::DEPTH < w.in) loader.load(&stage[s], s * S::DEPTH);
    __pipeline_commit();
  }
  __pipeline_wait_prior(S::STAGES - 2);
  __syncthreads();
  sums.start(stage[0]);
  int now = 0, first = 0;
  for (; first + S::DEPTH <= w.in; first += S::DEPTH) {
    int far = first + (S::STAGES - 1) * S::DEPTH, next = now + 1 == S::STAGES ? 0 : now + 1;
    if (far < w.in) loader.load(&stage[now == 0 ? S::STAGES - 1 : now - 1], far);
    __pipeline_commit();
    sums.multiply(stage[now], stage[next]);
    now = next;
  }
  sums.multiply_rest(stage[now], w.in - first);
  sums.store(w, y, row, col);
}

/* --- int8 ------------------------------------------------------------------------------------- */

/* Rows of DEPTH8 bytes, padded so that the words of 8 rows fall into different banks. */
enum { ROW8 = linear_i8_pitch() };
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

/* --- launches --------------------------------------------------------------------------------- */

static dim3 grid_of(int T, int out, int rows, int cols) {
  return dim3((unsigned)ceil_div(T, rows), (unsigned)ceil_div(out, cols));
}

template <int WHICH>
static void launch_f32(Cuda *cuda, const Linear *w, const Tensor *x, const Tensor *y) {
  typedef Shape<WHICH> S;
  static_assert(S::STAGES * sizeof(typename S::Stage) == linear_f32_shared(S::tile), "as chosen");
  size_t shared = linear_f32_shared(S::tile);
  device_shared(cuda, linear_f32_kernel<WHICH>, shared, "linear f32");
  linear_f32_kernel<WHICH><<<grid_of(x->rows, w->out, S::ROWS, S::COLS_HERE), S::THREADS, shared,
                             device_stream(cuda)>>>(*w, *x, *y);
}

template <int WHICH>
static void launch_i8(Cuda *cuda, const Linear *w, const Tensor *x, const Tensor *y) {
  constexpr LinearTile8 tile = linear_i8_tile[WHICH];
  static_assert(STAGES8 * sizeof(Stage8<tile.rows, tile.cols>) == linear_i8_shared(tile),
                "as chosen");
  size_t shared = linear_i8_shared(tile);
  auto *kernel = linear_i8_kernel<tile.rows, tile.cols>;
  device_shared(cuda, kernel, shared, "linear i8");
  kernel<<<grid_of(x->rows, w->out, tile.rows, tile.cols), 128, shared, device_stream(cuda)>>>(
      *w, *x, *y);
}

typedef void Launch(Cuda *, const Linear *, const Tensor *, const Tensor *);
static Launch *const of_f32[] = {launch_f32<0>, launch_f32<1>, launch_f32<2>,
                                 launch_f32<3>, launch_f32<4>, launch_f32<5>,
                                 launch_f32<6>, launch_f32<7>, launch_f32<8>},
                     *const of_i8[] = {launch_i8<0>, launch_i8<1>, launch_i8<2>};
static_assert(sizeof of_f32 / sizeof *of_f32 == LINEAR_F32_TILES, "a line for every tile");
static_assert(sizeof of_i8 / sizeof *of_i8 == LINEAR_I8_TILES, "a line for every tile");

int linear_choice(const Cuda *cuda, const Linear *w, int T) {
  return w->format == FORMAT_F32 ? linear_f32_choice(T, w->out, &cuda->card)
                                 : linear_i8_choice(T, w->out, &cuda->card);
}

void linear_launch(Cuda *cuda, int which, const Linear *w, const Tensor *x, Tensor *y) {
  assert(x->format == w->format && x->cols == w->in);
  assert(y->format != FORMAT_F64 && y->rows == x->rows && y->cols == w->out);
  (w->format == FORMAT_F32 ? of_f32 : of_i8)[which](cuda, w, x, y);
  device_launched(cuda, w->format == FORMAT_I8 ? "linear i8" : "linear f32", x->rows, w->out);
  y->nans = 0;
  y->kernel = linear_witness(w->format, y->format, BACKEND_CUDA);
}

void linear_cuda(Cuda *cuda, const Linear *w, const Tensor *x, Tensor *y) {
  linear_launch(cuda, linear_choice(cuda, w, x->rows), w, x, y);
}

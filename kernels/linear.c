/* linear: packing and loops. x [T, in] times a panel of COLS outputs, ROWS tokens at a time, all
 * sums in registers.
 *
 * Panels, one after the other, columns past `out` zero:
 *   float: [in][COLS] float, so that one k of all columns is two vector loads;
 *   int8:  Panel8, four k of a column together as vpdpbusd reads them, k past `in` zero.
 *
 * ROWS x COLS = 8 x 32 float sums are 16 of AVX-512's 32 registers; of AVX2's they spill, and were
 * still faster (196 GFLOP/s on two cores) than every smaller tile. A strip of 64 rows reuses its
 * panel from the first-level cache. */
#include "kernels/linear.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/q8.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(DS_SANITIZE)
#define HAVE_VNNI_TILE
#include <immintrin.h>
#endif

enum {
  ROWS = 8,
  COLS = 32,
  STRIP = 64,
  GROUP = 4,
  EXACT_GROUPS = 1024 / GROUP,
  BLOCK = 16 /* floats: a cache line */
};

typedef struct Panel8 {
  int32_t unsigned_start[COLS]; /* -128 * the sum of the column: see vnni_tile */
  int8_t weight[][COLS][GROUP]; /* [ceil(in / 4)] */
} Panel8;

static int panels_of(int out) { return (out + COLS - 1) / COLS; }
static int groups_of(int in) { return (in + GROUP - 1) / GROUP; }
static int smaller(int a, int b) { return a < b ? a : b; }

static size_t panel_bytes(int in, Format format) {
  return format == FORMAT_F32
             ? (size_t)in * COLS * sizeof(float)
             : sizeof(Panel8) + (size_t)groups_of(in) * COLS * GROUP * sizeof(int8_t);
}

size_t linear_packed_bytes(int out, int in, Format format) {
  return (size_t)panels_of(out) * panel_bytes(in, format);
}

/* BLOCK of k at a time, so that the line of each row that they stand in is read once. */
ROOM_CLONES static void pack_f32(const float *weight, int cols, int in, float *panel) {
  if (cols < COLS) memset(panel, 0, panel_bytes(in, FORMAT_F32));
  for (int first = 0; first < in; first += BLOCK) {
    int last = smaller(first + BLOCK, in);
    for (int j = 0; j < cols; j++)
      for (int k = first; k < last; k++) panel[(size_t)k * COLS + j] = weight[(size_t)j * in + k];
  }
}

ROOM_CLONES static int32_t sum_i8(const int8_t *value, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; i++) sum += value[i];
  return sum;
}

static void pack_i8(const int8_t *weight, int cols, int in, Panel8 *panel) {
  int whole = in / GROUP, rest = in % GROUP;
  if (cols < COLS || rest) memset(panel, 0, panel_bytes(in, FORMAT_I8));
  for (int first = 0; first < whole; first += BLOCK) {
    int last = smaller(first + BLOCK, whole);
    for (int j = 0; j < cols; j++)
      for (int g = first; g < last; g++)
        memcpy(panel->weight[g][j], &weight[(size_t)j * in + g * GROUP], GROUP);
  }
  for (int j = 0; j < cols; j++) {
    const int8_t *row = weight + (size_t)j * in;
    for (int k = 0; k < rest; k++) panel->weight[whole][j][k] = row[whole * GROUP + k];
    panel->unsigned_start[j] = -128 * sum_i8(row, in);
  }
}

Linear linear_pack(const void *weight, int out, int in, Format format, float scale, void *panels) {
  assert(format == FORMAT_F32 || (format == FORMAT_I8 && in <= LINEAR_I8_MAX_IN));
#pragma omp parallel for
  for (int p = 0; p < panels_of(out); p++) {
    const void *from = (const char *)weight + (size_t)p * COLS * (size_t)in * format_size(format);
    void *to = (char *)panels + (size_t)p * panel_bytes(in, format);
    int cols = smaller(COLS, out - p * COLS);
    if (format == FORMAT_F32)
      pack_f32(from, cols, in, to);
    else
      pack_i8(from, cols, in, to);
  }
  return (Linear){.out = out, .in = in, .format = format, .scale = scale, .panels = panels};
}

void linear_unpack(const Linear *w, int row, void *values) {
  const char *at = (const char *)w->panels + (size_t)(row / COLS) * panel_bytes(w->in, w->format);
  const float *f32 = (const void *)at;
  const Panel8 *i8 = (const void *)at;
  for (int k = 0; k < w->in; k++)
    if (w->format == FORMAT_F32)
      ((float *)values)[k] = f32[(size_t)k * COLS + row % COLS];
    else
      ((int8_t *)values)[k] = i8->weight[k / GROUP][row % COLS][k % GROUP];
}

ROOM_CLONES static void tile_f32(const float *const x[ROWS], const float *panel, int in,
                                 float y[ROWS][COLS]) {
  float sum[ROWS][COLS] = {0};
  for (int k = 0; k < in; k++)
    for (int r = 0; r < ROWS; r++)
      for (int j = 0; j < COLS; j++)
        sum[r][j] = linear_add(sum[r][j], x[r][k], panel[k * COLS + j]);
  memcpy(y, sum, sizeof sum);
}

/* Adds `groups` groups of k, at most EXACT_GROUPS, to acc. */
typedef void Tile8(const int8_t *const x[ROWS], const int8_t (*weight)[COLS][GROUP], int groups,
                   int32_t acc[ROWS][COLS]);

/* Whole numbers up to 2^24 are exact in float32, so the float unit makes exact sums of 1024
 * products of at most 2^14: 120 G operations/s on two AVX-512 cores, where vnni_tile makes 1260 and
 * tile_f32 510. */
ROOM_CLONES static void tile_i8(const int8_t *const x[ROWS], const int8_t (*weight)[COLS][GROUP],
                                int groups, int32_t acc[ROWS][COLS]) {
  float sum[ROWS][COLS] = {0};
  for (int g = 0; g < groups; g++) {
    float w[GROUP][COLS];
    for (int k = 0; k < GROUP; k++)
      for (int j = 0; j < COLS; j++) w[k][j] = (float)weight[g][j][k];
    for (int k = 0; k < GROUP; k++)
      for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < COLS; j++)
          sum[r][j] = fmaf((float)x[r][g * GROUP + k], w[k][j], sum[r][j]);
  }
  for (int r = 0; r < ROWS; r++)
    for (int j = 0; j < COLS; j++) acc[r][j] += (int32_t)sum[r][j];
}

#ifdef HAVE_VNNI_TILE
/* vpdpbusd multiplies unsigned by signed bytes: x + 128 is x with its top bit flipped, and the 128
 * * sum of w that this adds is what unsigned_start took away before. Sums wrap on the way, and end
 * where the exact sum is. */
__attribute__((target("avx512vnni"))) static void vnni_tile(const int8_t *const x[ROWS],
                                                            const int8_t (*weight)[COLS][GROUP],
                                                            int groups, int32_t acc[ROWS][COLS]) {
  const __m512i top_bits = _mm512_set1_epi32((int)0x80808080u);
  __m512i sum[ROWS][2];
  for (int r = 0; r < ROWS; r++)
    for (int half = 0; half < 2; half++) sum[r][half] = _mm512_loadu_si512(&acc[r][half * 16]);
  for (int g = 0; g < groups; g++) {
    __m512i w0 = _mm512_loadu_si512(weight[g][0]), w1 = _mm512_loadu_si512(weight[g][16]);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      int32_t four;
      memcpy(&four, &x[r][g * GROUP], sizeof four);
      __m512i flipped = _mm512_xor_si512(_mm512_set1_epi32(four), top_bits);
      sum[r][0] = _mm512_dpbusd_epi32(sum[r][0], flipped, w0);
      sum[r][1] = _mm512_dpbusd_epi32(sum[r][1], flipped, w1);
    }
  }
  for (int r = 0; r < ROWS; r++)
    for (int half = 0; half < 2; half++) _mm512_storeu_si512(&acc[r][half * 16], sum[r][half]);
}
#endif

static void sums_i8(const int8_t *const x[ROWS], const Panel8 *panel, int in,
                    int32_t acc[ROWS][COLS]) {
  Tile8 *add = tile_i8;
  memset(acc, 0, sizeof(int32_t[ROWS][COLS]));
#ifdef HAVE_VNNI_TILE
  if (__builtin_cpu_supports("avx512vnni")) {
    add = vnni_tile;
    for (int r = 0; r < ROWS; r++) memcpy(acc[r], panel->unsigned_start, sizeof acc[r]);
  }
#endif
  int whole = in / GROUP, rest = in % GROUP;
  for (int g = 0; g < whole; g += EXACT_GROUPS) {
    const int8_t *from[ROWS];
    for (int r = 0; r < ROWS; r++) from[r] = x[r] + (size_t)g * GROUP;
    add(from, &panel->weight[g], smaller(EXACT_GROUPS, whole - g), acc);
  }
  if (rest) { /* the last group by itself: x may end there */
    int8_t last[ROWS][GROUP] = {{0}};
    const int8_t *from[ROWS];
    for (int r = 0; r < ROWS; r++)
      from[r] = memcpy(last[r], x[r] + (size_t)whole * GROUP, (size_t)rest);
    add(from, &panel->weight[whole], 1, acc);
  }
}

ROOM_CLONES static void dequantise_tile(int32_t acc[ROWS][COLS], float scale_x, float scale_w,
                                        float y[ROWS][COLS]) {
  for (int r = 0; r < ROWS; r++)
    for (int j = 0; j < COLS; j++) y[r][j] = linear_dequantise(acc[r][j], scale_x, scale_w);
}

/* One row of a tile to y; returns how many NaNs q8 met. */
ROOM_CLONES static int store_row(const float *value, int cols, Format format, float scale,
                                 void *y) {
  int nans = 0;
  if (format == FORMAT_F32)
    memcpy(y, value, (size_t)cols * sizeof *value);
  else if (format == FORMAT_F16)
    for (int j = 0; j < cols; j++) ((uint16_t *)y)[j] = f16_of(value[j]);
  else
    for (int j = 0; j < cols; j++) {
      ((int8_t *)y)[j] = q8_even(value[j], scale);
      nans += value[j] != value[j];
    }
  return nans;
}

static void *at(const Tensor *t, int row, int col) {
  return (char *)t->data + ((size_t)row * (size_t)t->stride + (size_t)col) * format_size(t->format);
}

/* Rows row … row + rows - 1, at most ROWS, of panel p; a missing row repeats the last one and is
 * not stored. */
static int tile(const Linear *w, const Tensor *x, Tensor *y, int row, int rows, int p) {
  const void *panel = (const char *)w->panels + (size_t)p * panel_bytes(w->in, w->format);
  float value[ROWS][COLS];
  if (w->format == FORMAT_F32) {
    const float *from[ROWS];
    for (int r = 0; r < ROWS; r++) from[r] = at(x, row + smaller(r, rows - 1), 0);
    tile_f32(from, panel, w->in, value);
  } else {
    const int8_t *from[ROWS];
    int32_t acc[ROWS][COLS];
    for (int r = 0; r < ROWS; r++) from[r] = at(x, row + smaller(r, rows - 1), 0);
    sums_i8(from, panel, w->in, acc);
    dequantise_tile(acc, x->scale.value, w->scale, value);
  }
  int col = p * COLS, nans = 0;
  for (int r = 0; r < rows; r++)
    nans += store_row(value[r], smaller(COLS, w->out - col), y->format, y->scale.value,
                      at(y, row + r, col));
  return nans;
}

const char *linear_witness(Format w, Format y, Backend backend) {
#define OUTPUTS(name)                                                                              \
  {                                                                                                \
    [FORMAT_F32] = WITNESS(name "->f32"), [FORMAT_F16] = WITNESS(name "->f16"),                    \
    [FORMAT_I8] = WITNESS(name "->i8 half-even")                                                   \
  }
  static const char *const name[2][FORMAT_COUNT][BACKEND_COUNT] = {OUTPUTS("linear f32*f32"),
                                                                   OUTPUTS("linear i8*i8")};
#undef OUTPUTS
  return name[w == FORMAT_I8][y][backend];
}

void linear(const Linear *w, const Tensor *x, Tensor *y) {
  assert(x->format == w->format && x->cols == w->in);
  assert(y->format != FORMAT_F64 && y->rows == x->rows && y->cols == w->out);
  int64_t nans = 0;
  /* Strips and panels both, so that a short prompt or a narrow output still gives work to every
   * thread. */
#pragma omp parallel for collapse(2) schedule(dynamic) reduction(+ : nans)
  for (int strip = 0; strip < x->rows; strip += STRIP)
    for (int p = 0; p < panels_of(w->out); p++)
      for (int row = strip; row < smaller(strip + STRIP, x->rows); row += ROWS)
        nans += tile(w, x, y, row, smaller(ROWS, x->rows - row), p);
  y->nans = nans;
  y->kernel = linear_witness(w->format, y->format, BACKEND_CPU);
}

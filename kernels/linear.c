/* linear: packing and loops. x [T, in] times a panel of COLS outputs, a few tokens at a time, all
 * sums in registers (tile_f32.h, tile_i8.h).
 *
 * Panels, one after the other, columns past `out` zero:
 *   float: [in][COLS] float, so that one k of all columns is a few vector loads;
 *   int8:  Panel8, four k of a column together, k past `in` zero.
 * A task is a strip of rows and one panel, or a few: a panel comes from memory once for 256 rows,
 * and a short prompt or a narrow output still gives work to every thread. */
#include "kernels/linear.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "kernels/f16.h"
#include "kernels/level.h"
#include "kernels/q8.h"
#include "kernels/tile_f32.h"
#include "kernels/tile_i8.h"

enum {
  COLS = 32,
  BLOCK = 16,         /* floats: a cache line */
  STRIP_F32 = 256,    /* rows: 768 KiB of x where in is 768, in the second-level cache */
  STRIP_I8 = 48,      /* rows, prepared once for */
  PANELS_I8 = 4,      /* so many panels, */
  CHUNK_GROUPS = 256, /* so many groups of k at a time */
  TASKS = 8 /* for each thread, where there are rows enough: the last one is a small part */
};

typedef struct Panel8 {
  int32_t start[COLS];          /* where a sum starts: 0, or what an unsigned x adds, taken away */
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

#ifdef ROOM_ONCE
size_t linear_packed_bytes(int out, int in, Format format) {
  return (size_t)panels_of(out) * panel_bytes(in, format);
}

void linear_unpack(const Linear *w, int row, void *values) {
  const char *at = (const char *)w->panels + (size_t)(row / COLS) * panel_bytes(w->in, w->format);
  const float *f32 = (const void *)at;
  const Panel8 *i8 = (const void *)at;
  const int column = row % COLS;
  if (w->format == FORMAT_F32) {
    for (int k = 0; k < w->in; k++) ((float *)values)[k] = f32[(size_t)k * COLS + (size_t)column];
    return;
  }
  for (int k = 0; k < w->in; k += GROUP)
    memcpy((int8_t *)values + k, i8->weight[k / GROUP][column], (size_t)smaller(GROUP, w->in - k));
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
#endif

/* BLOCK of k at a time, so that the line of each row that they stand in is read once. */
static void pack_f32(const float *weight, int cols, int in, float *panel) {
  if (cols < COLS) memset(panel, 0, panel_bytes(in, FORMAT_F32));
  for (int first = 0; first < in; first += BLOCK) {
    int last = smaller(first + BLOCK, in);
    for (int j = 0; j < cols; j++)
      for (int k = first; k < last; k++)
        panel[(size_t)k * COLS + (size_t)j] = weight[(size_t)j * (size_t)in + (size_t)k];
  }
}

static int32_t sum_i8(const int8_t *value, int n) {
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
        memcpy(panel->weight[g][j], &weight[(size_t)j * (size_t)in + (size_t)(g * GROUP)], GROUP);
  }
  for (int j = 0; j < cols; j++) {
    const int8_t *row = weight + (size_t)j * (size_t)in;
    for (int k = 0; k < rest; k++) panel->weight[whole][j][k] = row[whole * GROUP + k];
    panel->start[j] = UNSIGNED_X ? -128 * sum_i8(row, in) : 0;
  }
}

Linear ROOM_LEVEL(linear_pack)(const void *weight, int out, int in, Format format, float scale,
                               void *panels) {
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

static void *at(const Tensor *t, int row, int col) {
  return (char *)t->data + ((size_t)row * (size_t)t->stride + (size_t)col) * format_size(t->format);
}

static const void *panel_of(const Linear *w, int p) {
  return (const char *)w->panels + (size_t)p * panel_bytes(w->in, w->format);
}

/* Some columns of a row to y; returns how many NaNs q8 met. */
static int store_row(const float *value, int cols, Format format, float scale, void *y) {
  int nans = 0;
  if (format == FORMAT_F32)
    memcpy(y, value, (size_t)cols * sizeof *value);
  else if (format == FORMAT_F16)
    f16_of_all(value, cols, y);
  else
    for (int j = 0; j < cols; j++) {
      ((int8_t *)y)[j] = q8_even(value[j], scale);
      nans += value[j] != value[j];
    }
  return nans;
}

/* --- float32 ---------------------------------------------------------------------------------- */

/* Columns col … of a panel: so many vectors of them, x and y from row `row` on. Returns how many
 * rows it did. */
ROOM_FN int rows_f32(int vectors, const float *x, size_t x_stride, const float *panel, int in,
                     int rows, float *y, size_t y_stride) {
#define ROWS_OF(count)                                                                             \
  if (rows >= (count))                                                                             \
  return tile_f32_of(count, vectors, x, x_stride, panel, COLS, in, y, y_stride), count
  ROWS_OF(ROWS_F32);
  ROWS_OF(4);
  ROWS_OF(2);
  ROWS_OF(1);
#undef ROWS_OF
  return 0;
}

/* Rows row … end - 1 of one or two vectors of columns from `col` on. Whole vectors of float32 go
 * straight to y. */
ROOM_FN int columns_f32(int vectors, const Linear *w, const Tensor *x, Tensor *y, int row, int end,
                        int col) {
  const float *panel = panel_of(w, col / COLS);
  panel += col % COLS;
  int cols = smaller(vectors * LANES, w->out - col), nans = 0;
  bool straight = y->format == FORMAT_F32 && cols == vectors * LANES;
  while (row < end) {
    float value[ROWS_F32][MOST_COLS_F32];
    float *to = straight ? at(y, row, col) : value[0];
    int rows = rows_f32(vectors, at(x, row, 0), (size_t)x->stride, panel, w->in, end - row, to,
                        straight ? (size_t)y->stride : MOST_COLS_F32);
    for (int r = 0; !straight && r < rows; r++)
      nans += store_row(value[r], cols, y->format, y->scale.value, at(y, row + r, col));
    row += rows;
  }
  return nans;
}

static int one_vector(const Linear *w, const Tensor *x, Tensor *y, int row, int end, int col) {
  return columns_f32(1, w, x, y, row, end, col);
}
static int two_vectors(const Linear *w, const Tensor *x, Tensor *y, int row, int end, int col) {
  return columns_f32(2, w, x, y, row, end, col);
}

static int task_f32(const Linear *w, const Tensor *x, Tensor *y, int row, int end, int panel) {
  int nans = 0, past = smaller((panel + 1) * COLS, w->out);
  for (int col = panel * COLS; col < past; col += MOST_COLS_F32)
    nans += (past - col > LANES ? two_vectors : one_vector)(w, x, y, row, end, col);
  return nans;
}

/* --- int8 ------------------------------------------------------------------------------------- */

/* Groups first … first + groups - 1 of a row, as tile_i8_of takes them. x may end in the last. */
static void prepare_row(const int8_t *x, int in, int first, int groups, XGroup *to) {
  int whole = smaller(groups, in / GROUP - first);
  for (int g = 0; g < whole; g++) to[g] = x_group(x + (size_t)(first + g) * GROUP);
  if (whole < groups) {
    int8_t last[GROUP] = {0};
    memcpy(last, x + (size_t)(first + whole) * GROUP, (size_t)(in % GROUP));
    to[whole] = x_group(last);
  }
}

static int rows_i8(const XGroup *x, const int8_t *weight, int groups, int rows, int32_t *acc) {
#define ROWS_OF(count)                                                                             \
  if (rows >= (count))                                                                             \
  return tile_i8_of(count, x, CHUNK_GROUPS, weight, COLS, groups, acc, PANELS_I8 * COLS), count
  ROWS_OF(ROWS_I8);
  ROWS_OF(4);
  ROWS_OF(2);
  ROWS_OF(1);
#undef ROWS_OF
  return 0;
}

/* Adds groups first … of all k to the sums of one panel. */
static void panel_i8(const XGroup (*x)[CHUNK_GROUPS], const Panel8 *panel, int first, int groups,
                     int rows, int32_t *acc) {
  for (int col = 0; col < COLS; col += COLS_I8)
    for (int row = 0; row < rows;)
      row += rows_i8(x[row], panel->weight[first][col], groups, rows - row,
                     acc + row * PANELS_I8 * COLS + col);
}

static int task_i8(const Linear *w, const Tensor *x, Tensor *y, int row, int end, int panel) {
  XGroup prepared[STRIP_I8][CHUNK_GROUPS];
  int32_t acc[STRIP_I8][PANELS_I8 * COLS];
  int rows = end - row, panels = smaller(PANELS_I8, panels_of(w->out) - panel), nans = 0;
  for (int p = 0; p < panels; p++) {
    const Panel8 *from = panel_of(w, panel + p);
    for (int r = 0; r < rows; r++) memcpy(&acc[r][p * COLS], from->start, sizeof from->start);
  }
  for (int first = 0; first < groups_of(w->in); first += CHUNK_GROUPS) {
    int groups = smaller(CHUNK_GROUPS, groups_of(w->in) - first);
    for (int r = 0; r < rows; r++)
      prepare_row(at(x, row + r, 0), w->in, first, groups, prepared[r]);
    for (int p = 0; p < panels; p++)
      panel_i8(prepared, panel_of(w, panel + p), first, groups, rows, &acc[0][p * COLS]);
  }
  int cols = smaller(panels * COLS, w->out - panel * COLS);
  for (int r = 0; r < rows; r++) {
    float value[PANELS_I8 * COLS];
    for (int j = 0; j < cols; j++)
      value[j] = linear_dequantise(acc[r][j], x->scale.value, w->scale);
    nans += store_row(value, cols, y->format, y->scale.value, at(y, row + r, panel * COLS));
  }
  return nans;
}

/* --- both ------------------------------------------------------------------------------------- */

/* Rows of a task, where `across` tasks stand beside each other. */
static int strip_rows(int T, int across, int most) {
  enum { STEP = 8 };
  int64_t wanted = (int64_t)T * across / ((int64_t)TASKS * omp_get_max_threads());
  int rows = wanted < most ? (int)wanted : most;
  return rows < STEP ? STEP : rows / STEP * STEP;
}

void ROOM_LEVEL(linear)(const Linear *w, const Tensor *x, Tensor *y) {
  assert(x->format == w->format && x->cols == w->in);
  assert(y->format != FORMAT_F64 && y->rows == x->rows && y->cols == w->out);
  const bool f32 = w->format == FORMAT_F32;
  const int panels = f32 ? 1 : PANELS_I8, all = panels_of(w->out);
  const int rows = strip_rows(x->rows, (all + panels - 1) / panels, f32 ? STRIP_F32 : STRIP_I8);
  int64_t nans = 0;
#pragma omp parallel for collapse(2) schedule(dynamic) reduction(+ : nans)
  for (int row = 0; row < x->rows; row += rows)
    for (int p = 0; p < all; p += panels)
      nans += (f32 ? task_f32 : task_i8)(w, x, y, row, smaller(row + rows, x->rows), p);
  y->nans = nans;
  y->kernel = linear_witness(w->format, y->format, BACKEND_CPU);
}

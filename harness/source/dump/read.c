/* read: an array's bytes as a matrix. What stands in the file as it is wanted goes straight into
 * its place; rows whose elements are neighbours go by pieces; what is turned around is read whole
 * and gathered. */
#include "source/dump/parts.h"

enum { PIECE = 1 << 20 };

typedef struct Reading {
  const DumpArray *array;
  const Way *way;
  AxisPlan plan;
  BlobReader *reader;
  int rows, cols, kept;
  const bool *keep;
  size_t size, out; /* bytes of an element in the file and in the tensor */
} Reading;

static bool takes(const Reading *r, int row) { return !r->keep || r->keep[row]; }

/* In elements from the way's first. */
static int64_t row_at(const Reading *r, int row) {
  return r->plan.first + axes_offset(&r->plan.row, row);
}

/* By how many elements the run moves at each step; -1 where not always by the same. */
static int64_t step_of(const AxisRun *run) {
  int64_t step = 0, length = 1;
  for (int i = run->axes - 1; i >= 0; i--) {
    if (run->size[i] == 1) continue;
    if (step && run->stride[i] != step * length) return -1;
    if (!step) step = run->stride[i];
    if (!step) return -1;
    length *= run->size[i];
  }
  return step ? step : 1;
}

static void swap(void *elements, size_t count, size_t size) {
  unsigned char *at = elements;
  for (size_t i = 0; i < count; i++, at += size)
    for (size_t b = 0; b < size / 2; b++) {
      const unsigned char low = at[b];
      at[b] = at[size - 1 - b];
      at[size - 1 - b] = low;
    }
}

/* `count` neighbours in the file, from element `first` on. */
static bool take_run(const Reading *r, int64_t first, size_t count, void *raw, Status *st) {
  TRY(blob_read(r->reader, r->way->first + (uint64_t)first * r->size, count * r->size, raw, st));
  if (r->way->swapped) swap(raw, count, r->size);
  return true;
}

/* Rows from `row` on that stand one behind the other in the file and are taken, as many as are in
 * `most` bytes; at least one. */
static int rows_together(const Reading *r, int row, size_t most) {
  const size_t bytes = (size_t)r->cols * r->size;
  int count = 1;
  while (row + count < r->rows && takes(r, row + count) && (size_t)(count + 1) * bytes <= most &&
         row_at(r, row + count) == row_at(r, row) + (int64_t)count * r->cols)
    count++;
  return count;
}

/* Each row's elements are neighbours, in a file that can be read anywhere. */
static bool by_rows(const Reading *r, Arena scratch, char *to, Status *st) {
  const bool converts = !elements_are_kept(r->array);
  const size_t row_bytes = (size_t)r->cols * r->size,
               piece = row_bytes > PIECE ? row_bytes : (size_t)PIECE;
  char *raw = converts ? arena_room(&scratch, piece, 1) : NULL;
  for (int row = 0; row < r->rows; row++) {
    if (!takes(r, row)) continue;
    const int count = rows_together(r, row, converts ? piece : SIZE_MAX);
    const size_t elements = (size_t)count * (size_t)r->cols;
    TRY(take_run(r, row_at(r, row), elements, converts ? raw : to, st));
    if (converts) TRY(elements_of(r->array, raw, elements, to, st));
    to += elements * r->out;
    row += count - 1;
  }
  return true;
}

static void gather(const Reading *r, const char *raw, int64_t first, const int64_t *col_at,
                   char *to) {
#define GATHER(type)                                                                               \
  for (int c = 0; c < r->cols; c++) ((type *)to)[c] = ((const type *)raw)[first + col_at[c]]
  switch (r->size) {
    case 1: GATHER(uint8_t); break;
    case 2: GATHER(uint16_t); break;
    case 4: GATHER(uint32_t); break;
    default: GATHER(uint64_t); break;
  }
}

/* The elements that it has from the first to the last in the file. */
static int64_t extent(const DumpArray *array, const Way *way) {
  int64_t last = 0;
  for (int i = 0; i < array->rank; i++) last += (array->size[i] - 1) * way->stride[i];
  return last + 1;
}

static bool by_elements(const Reading *r, Arena scratch, char *to, Status *st) {
  const size_t count = (size_t)extent(r->array, r->way);
  char *raw = arena_room(&scratch, count, r->size);
  char *row_raw = arena_room(&scratch, (size_t)r->cols, r->size);
  int64_t *col_at = arena_room(&scratch, (size_t)r->cols, sizeof *col_at);
  TRY(take_run(r, 0, count, raw, st));
  for (int c = 0; c < r->cols; c++) col_at[c] = axes_offset(&r->plan.col, c);
  for (int row = 0; row < r->rows; row++) {
    if (!takes(r, row)) continue;
    gather(r, raw, row_at(r, row), col_at, row_raw);
    TRY(elements_of(r->array, row_raw, (size_t)r->cols, to, st));
    to += (size_t)r->cols * r->out;
  }
  return true;
}

/* What the ways above take at most, looked at before any of it is. */
static bool has_room(const Reading *r, const Arena *arena, Status *st) {
  const double room = (double)(arena->end - arena->next),
               bytes = (double)r->kept * r->cols * (double)r->out;
  const double raw = (double)extent(r->array, r->way) * (double)r->size,
               one = (double)r->cols * (double)(2 * r->size + 8) + PIECE + BLOB_SCRATCH + 4096;
  const bool whole = r->way->blob.kind != BLOB_PLAIN || step_of(&r->plan.col) != 1;
  if (bytes + one + (whole ? raw : 0) <= room) return true;
  return FAIL(st,
              ARRAY_AT "has %.0f bytes as %d x %d numbers, more than the memory there is for it",
              ARRAY_IN(r->array), bytes, r->kept, r->cols);
}

bool dump_read(Arena *arena, const Dump *dump, const DumpArray *array, const DumpAxes *axes,
               const bool *keep, Tensor *t, Status *st) {
  const Format format = dump_format(array);
  Reading r = {.array = array,
               .way = array->way,
               .keep = keep,
               .size = dump_type_bytes(array->type),
               .out = format_size(format)};
  (void)dump;
  TRY(axes_plan(array, axes, &r.plan, &r.rows, &r.cols, st));
  r.kept = keep ? 0 : r.rows; /* which may be more than can be counted one by one */
  for (int row = 0; keep && row < r.rows; row++) r.kept += keep[row];
  if (!r.kept) return FAIL(st, ARRAY_AT "no token of it is taken", ARRAY_IN(array));
  TRY(has_room(&r, arena, st));
  BlobReader reader;
  TRY(blob_open(arena, &r.way->blob, &reader, st));
  r.reader = &reader;
  char *to = arena_room(arena, (size_t)r.kept * (size_t)r.cols, r.out);
  bool ok = step_of(&r.plan.col) == 1 && r.way->blob.kind == BLOB_PLAIN
                ? by_rows(&r, *arena, to, st)
                : by_elements(&r, *arena, to, st);
  ok = ok && blob_prove(*arena, &reader, st);
  blob_close(&reader);
  const float as_it_is = 1;
  *t = tensor_of(to, format, r.kept, r.cols,
                 format != FORMAT_I8 ? 0
                 : array->scale > 0  ? array->scale
                                     : as_it_is);
  return ok;
}

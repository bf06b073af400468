/* csv: one table, one file; rows become text in pieces, several at once. */
#include "report/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/abreast.h"
#include "base/child.h"

static void write_text(FILE *out, const char *text, size_t length) {
  bool formula = length && strchr("=+-@\t\r", *text);
  bool quoted = memchr(text, ',', length) || memchr(text, '"', length) ||
                memchr(text, '\n', length) || memchr(text, '\r', length);
  if (quoted) fputc('"', out);
  if (formula) fputc('\'', out);
  for (const char *quote; (quote = memchr(text, '"', length));) {
    const size_t until = (size_t)(quote + 1 - text);
    fwrite(text, 1, until, out);
    fputc('"', out);
    text += until, length -= until;
  }
  fwrite(text, 1, length, out);
  if (quoted) fputc('"', out);
}

static size_t element_size(const Column *column) {
  return column->type == COLUMN_TEXT  ? column->size
         : column->type == COLUMN_I32 ? sizeof(int32_t)
                                      : sizeof(int64_t);
}

static void write_cell(FILE *out, const Column *column, const char *at) {
  int32_t i32;
  int64_t i64;
  double f64;
  switch (column->type) {
    case COLUMN_TEXT: write_text(out, at, strnlen(at, column->size)); break;
    case COLUMN_I32: fprintf(out, "%" PRId32, (memcpy(&i32, at, sizeof i32), i32)); break;
    case COLUMN_I64: fprintf(out, "%" PRId64, (memcpy(&i64, at, sizeof i64), i64)); break;
    case COLUMN_F64:
      memcpy(&f64, at, sizeof f64);
      if (!isnan(f64)) fprintf(out, "%.17g", f64);
      break;
  }
}

static void write_header(FILE *out, const Table *table) {
  for (int c = 0; c < table->columns; c++) {
    const Column *column = &table->column[c];
    size_t elements = column->size / element_size(column);
    for (size_t e = 0; e < elements; e++) {
      if (c || e) fputc(',', out);
      fputs(column->name, out);
      if (elements > 1) fprintf(out, "_%zu", e);
    }
  }
  fputs("\r\n", out);
}

static void write_row(FILE *out, const Table *table, const char *row) {
  for (int c = 0; c < table->columns; c++) {
    const Column *column = &table->column[c];
    size_t size = element_size(column), elements = column->size / size;
    for (size_t e = 0; e < elements; e++) {
      if (c || e) fputc(',', out);
      write_cell(out, column, row + column->offset + e * size);
    }
  }
  fputs("\r\n", out);
}

/* --- pieces ----------------------------------------------------------------------------------- */

enum { PIECE_ROWS = 256, PIECES = 256 /* that stand in memory at once */ };

typedef struct Piece {
  char *text; /* NULL: no memory for it */
  size_t bytes;
} Piece;

typedef struct Pieces {
  const Table *table;
  const char *rows;
  size_t count;
  Piece piece[PIECES];
} Pieces;

static void write_rows(FILE *out, const Pieces *p, int piece) {
  const size_t first = (size_t)piece * PIECE_ROWS;
  for (size_t i = first; i < p->count && i < first + PIECE_ROWS; i++)
    write_row(out, p->table, p->rows + i * p->table->row_size);
}

static void make_piece(void *context, int number) {
  Pieces *p = context;
  Piece *piece = &p->piece[number];
  *piece = (Piece){0};
  FILE *out = open_memstream(&piece->text, &piece->bytes);
  if (!out) return;
  write_rows(out, p, number);
  const bool whole = !ferror(out);
  if (fclose(out) || !whole) {
    free(piece->text);
    piece->text = NULL;
  }
}

static void write_pieces(FILE *out, Pieces *p) {
  const int pieces = (int)((p->count + PIECE_ROWS - 1) / PIECE_ROWS);
  abreast(child_threads(), pieces, make_piece, p);
  for (int i = 0; i < pieces; i++) {
    if (p->piece[i].text)
      fwrite(p->piece[i].text, 1, p->piece[i].bytes, out);
    else
      write_rows(out, p, i);
    free(p->piece[i].text);
  }
}

void csv_write(FILE *out, const Table *table, const void *rows, size_t count) {
  const size_t most = (size_t)PIECES * PIECE_ROWS;
  write_header(out, table);
  for (size_t at = 0; at < count; at += most) {
    Pieces p = {.table = table,
                .rows = (const char *)rows + at * table->row_size,
                .count = count - at < most ? count - at : most};
    write_pieces(out, &p);
  }
}

/* csv: one table, one file. */
#include "report/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static void write_text(FILE *out, const char *text, size_t length) {
  bool formula = length && strchr("=+-@\t\r", *text);
  bool quoted = memchr(text, ',', length) || memchr(text, '"', length) ||
                memchr(text, '\n', length) || memchr(text, '\r', length);
  if (quoted) fputc('"', out);
  if (formula) fputc('\'', out);
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '"') fputc('"', out);
    fputc(text[i], out);
  }
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

void csv_write(FILE *out, const Table *table, const void *rows, size_t count) {
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
  for (size_t i = 0; i < count; i++) {
    const char *row = (const char *)rows + i * table->row_size;
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
}

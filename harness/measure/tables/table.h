/* table: what the rows that a run says have in common: one struct a table, one description for all
 * that write or read it (results file, CSV, report). Text is UTF-8, NUL-padded; a double that does
 * not apply is NaN; an index that does not apply is -1. `layer`: 0 … layers-1; -1 for embedding;
 * `layers` for norm_f and logits. `mad`, the spread of times, is in every table 1.4826 times the
 * median absolute deviation: that of normal values is their standard deviation. */
#ifndef DS_MEASURE_TABLES_TABLE_H
#define DS_MEASURE_TABLES_TABLE_H
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

/* Bytes of text columns. */
enum {
  TEXT_NAME = NAME_BYTES_MAX + 1,
  TEXT_TENSOR = NAME_BYTES_MAX + 1, /* as long as what others call theirs */
  TEXT_WEIGHT = 24,                 /* or a tensor's name */
  TEXT_LONG_NAME = 96,
  TEXT_TYPE = 8,
  TEXT_KERNEL = 96,
  TEXT_DIGEST = 40,
  TEXT_STAGES = 160,
  TEXT_REASON = 160,
  TEXT_SETTING = 16,
  TEXT_PIECE = 16,            /* a character, or a token's id */
  TEXT_CONTEXT = 48,          /* with what stands around it */
  TEXT_MODES = 64 * TEXT_NAME /* as many as a micro section may list */
};

typedef enum ColumnType { COLUMN_TEXT, COLUMN_I32, COLUMN_I64, COLUMN_F64 } ColumnType;
typedef struct Column {
  const char *name;
  ColumnType type;
  size_t offset, size;
} Column;
typedef struct Table {
  const char *name, *title; /* e.g. "pair_stats" */
  size_t row_size;
  int keys; /* the first so many columns name a row */
  int columns;
  const Column *column;
} Table;
typedef struct TableRows {
  const Table *table;
  const void *rows;
  size_t count;
} TableRows;

/* Fills a text column, cut to its size. */
void table_text(char *column, size_t size, const char *text);
/* Fills a text column with names, as many as it holds: "p2, p7 and 3 more". */
void table_names(char *column, size_t size, const char *const *name, int count);
/* Into every column of doubles: it does not apply. */
void table_no_doubles(const Table *table, void *row);
/* The number in a column of doubles, by its offset. */
double table_double(const void *row, size_t offset);
#endif

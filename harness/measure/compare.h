/* compare: the rows of one table in two files, cell by cell: a row of the one is looked up in the
 * other by its key (Table.keys, those that both files have), and every cell but those that a clock
 * or the machine's memory filled must be the same: equal texts and integers, equal bits of doubles,
 * or NaN on both sides. */
#ifndef DS_MEASURE_COMPARE_H
#define DS_MEASURE_COMPARE_H
#include <stdbool.h>

#include "base/arena.h"
#include "measure/tables/table.h"

/* One cell that differs. */
typedef struct CellChange {
  const void *before, *after; /* the rows */
  const Column *column;
} CellChange;

/* One side. */
typedef struct TableSide {
  const void *rows;
  size_t count;
  const bool *there; /* [columns]: which of the table's columns the file has; NULL: all */
} TableSide;

typedef struct TableChanges {
  size_t rows, rows_changed;      /* in both files; of these with a cell that differs */
  size_t only_before, only_after; /* rows */
  const Column **column_before;   /* [columns_before]: in the first file alone */
  const Column **column_after;    /* [columns_after]: in the second alone */
  int columns_before, columns_after;
  CellChange *cell; /* the first of each row that changed, and no more than CHANGES_LISTED */
  int cells;
} TableChanges;
enum { CHANGES_LISTED = 12 };

/* In the arena. Both hold rows of `table`, in any order. */
TableChanges table_changes(Arena *arena, const Table *table, const TableSide *before,
                           const TableSide *after);

/* "address / 2-0 / scan / 3": what names a row. In the arena. */
const char *row_name(Arena *arena, const Table *table, const void *row);
/* A cell as text, whole. In the arena. */
const char *cell_text(Arena *arena, const Column *column, const void *row);
/* Does the column hold what a clock measured, or memory in use: other in every run? */
bool column_is_clock(const Table *table, const Column *column);
#endif

#include "measure/tables/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Some thousand times a layer of a prompt: snprintf takes eight times as long. */
void table_text(char *column, size_t size, const char *text) {
  const size_t length = strnlen(text, size - 1);
  memcpy(column, text, length);
  column[length] = 0;
}

void table_names(char *column, size_t size, const char *const *name, int count) {
  enum { MORE = 24 }; /* " and 4294967295 more" */
  size_t used = 0;
  column[0] = 0;
  for (int i = 0; i < count; i++) {
    size_t left = size - used, length = strlen(name[i]) + (i ? 2 : 0),
           more = i + 1 < count ? MORE : 0;
    if (length + more >= left) {
      snprintf(column + used, left, i ? " and %d more" : "%d of them", count - i);
      return;
    }
    used += (size_t)snprintf(column + used, left, "%s%s", i ? ", " : "", name[i]);
  }
}

void table_no_doubles(const Table *table, void *row) {
  const double nothing = NAN;
  for (int i = 0; i < table->columns; i++)
    if (table->column[i].type == COLUMN_F64)
      memcpy((char *)row + table->column[i].offset, &nothing, sizeof nothing);
}

double table_double(const void *row, size_t offset) {
  double value;
  memcpy(&value, (const char *)row + offset, sizeof value);
  return value;
}

#include "command/json_rows.h"

#include <math.h>

static json_t *value_of(const Column *column, const char *at) {
  switch (column->type) {
    case COLUMN_TEXT: return json_string(at);
    case COLUMN_I32: return json_integer(*(const int32_t *)(const void *)at);
    case COLUMN_I64: return json_integer(*(const int64_t *)(const void *)at);
    case COLUMN_F64: break;
  }
  double number = *(const double *)(const void *)at;
  return isfinite(number) ? json_real(number) : json_null();
}

json_t *json_rows(const Table *table, const void *rows, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_t *row = json_object();
    for (int c = 0; c < table->columns; c++)
      json_object_set_new(row, table->column[c].name,
                          value_of(&table->column[c], (const char *)rows + i * table->row_size +
                                                          table->column[c].offset));
    json_array_append_new(list, row);
  }
  return list;
}

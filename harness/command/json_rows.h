/* json_rows: a table's rows as JSON objects whose keys are the columns. */
#ifndef DS_COMMAND_JSON_ROWS_H
#define DS_COMMAND_JSON_ROWS_H
#include <jansson.h>

#include "measure/tables/table.h"

/* An array, owned by the caller; a number that is not finite becomes null. */
json_t *json_rows(const Table *table, const void *rows, size_t count);

#endif

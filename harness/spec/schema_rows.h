/* schema_rows: what the rows of the schema are written with, and the objects of schema_studies.c;
 * internal to the schema. */
#ifndef DS_SPEC_SCHEMA_ROWS_H
#define DS_SPEC_SCHEMA_ROWS_H
#include "spec/schema.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Items of lists. */
static const Key a_layer = {.kind = KIND_INT, .min = 0, .max = 9999};
static const Key a_tensor = {.kind = KIND_TENSOR};
static const Key a_mode_name = {.kind = KIND_MODE_NAME};

extern const Object schema_micro, schema_evaluation, schema_cost, schema_swap, schema_restore,
    schema_events, schema_repair, schema_grid, schema_gate, schema_drift, schema_third;
#endif

/* run: rows of the run itself: its modes, the tensors of its model, where the time went. */
#ifndef DS_MEASURE_TABLES_RUN_H
#define DS_MEASURE_TABLES_RUN_H
#include "family/mode.h"
#include "measure/tables/table.h"

/* A mode's stage settings, in words, in layers that are all alike: a row a part of a mode that
 * differs by layer. */
typedef struct ModeRow {
  char mode[TEXT_NAME];
  int32_t first_layer, last_layer;
  char setting[STAGE_COLUMNS][TEXT_SETTING]; /* a column a stage of any family, by its key; "": not
                                                of this mode's */
} ModeRow;

/* A tensor that the run's model makes, in the order of its family: what names, dimensions and roles
 * mean in a file. */
typedef struct TensorRow {
  char name[TEXT_TENSOR];
  char long_name[TEXT_LONG_NAME];
  char place[8];                             /* "layer": in every layer; "end": once */
  char rows[TEXT_TENSOR], cols[TEXT_TENSOR]; /* names of dimensions */
  char scale[TEXT_TENSOR]; /* the static scale that its grid belongs to; "": none */
  char role[TEXT_TENSOR];  /* what it is for (family/trace.h); "": nobody asks */
  int32_t modes_only;      /* 1: the float64 reference has none */
} TensorRow;

/* Where the time went. */
typedef struct Performance {
  char what[TEXT_NAME]; /* "load", "prepare", "rewrite proof", "calibrate", each side's name
                         * ("2-0", "fp64"), "statistics", "read sources", "error budget",
                         * "store", "total" */
  double time_s;
  int64_t bytes; /* total: peak resident memory; store: of the layers' files that this run wrote;
                    else 0 */
} Performance;

enum { MODE_COLUMNS = 3 }; /* of table_modes, before the stages */
extern Table
    table_modes; /* its columns are the families' stages: they are there before main begins */
extern const Table table_tensors, table_performance;

/* The settings of a mode, each in its stage's column, in these layers and in the last of them,
 * which are all alike. */
ModeRow mode_row(const Mode *mode, int first_layer, int last_layer);
#endif

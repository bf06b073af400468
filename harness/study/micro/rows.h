/* rows: the rows that isolated operators say, in lists of fixed room; measured from an operator
 * that has run and whose reference stands. */
#ifndef DS_STUDY_MICRO_ROWS_H
#define DS_STUDY_MICRO_ROWS_H
#include "measure/tables.h"
#include "study/micro/operator.h"

/* Rows an output, or an operator, at most. */
enum { WORST = 10, BINS_MAX = 64, STATE_TOKENS = 256 };
enum { MICRO_TABLES = 5 };

typedef struct MicroRows {
  MicroRow *micro;
  MicroBin *bin;
  MicroWorst *worst;
  StateDrift *drift;
  StateError *state;
  size_t micros, bins, worsts, drifts, states;
  int items, items_max;
} MicroRows;

MicroRows micro_rows_new(Arena *arena, int items_max);
/* The five tables, for whoever stores them. */
void micro_rows_tables(const MicroRows *rows, TableRows table[MICRO_TABLES]);
/* Rows that are kept, table by table behind those that are there: of each from `from`, so many
 * there are, up to `to`. micro_rows_fit: whether `size` bytes are those rows, and there is room for
 * them. */
bool micro_rows_fit(const MicroRows *rows, size_t size, const size_t from[MICRO_TABLES],
                    const size_t to[MICRO_TABLES]);
void micro_rows_append(MicroRows *rows, const char *bytes, const size_t from[MICRO_TABLES],
                       const size_t to[MICRO_TABLES]);

typedef struct Timing {
  double time_us, mad_us, copy_us; /* medians */
  int runs;
} Timing;
/* Runs the operator many times over into its own outputs. */
Timing micro_time(Operator *o, Arena scratch);

/* Rows of every output. `label`: item, names and place; in_run: the full run's tensors, NULL
 * entries where there is none. */
void micro_measure(MicroRows *rows, const MicroRow *label, const Operator *o,
                   const Tensor *const *in_run, const Timing *timing, Arena scratch);
/* Steps of `ref`'s output type at the value `want`: the unit of the last place, or an int8 output's
 * scale. */
double micro_ulp(const BoundOut *ref, double want);

#endif

/* tables: all rows that a run says. Who speaks of some includes the room of those: the struct of
 * a row stands in tables/NAME.h with what each of its fields means, its columns in tables/NAME.c,
 * what all tables share in tables/table.h. */
#ifndef DS_MEASURE_TABLES_H
#define DS_MEASURE_TABLES_H
#include "measure/tables/budget.h"
#include "measure/tables/cost.h"
#include "measure/tables/drift.h"
#include "measure/tables/ends.h"
#include "measure/tables/evaluation.h"
#include "measure/tables/events.h"
#include "measure/tables/micro.h"
#include "measure/tables/run.h"
#include "measure/tables/scales.h"
#include "measure/tables/sources.h"
#include "measure/tables/stats.h"
#include "measure/tables/tasks.h"
#include "measure/tables/verdict.h"

extern const Table
    *const tables[]; /* all that are stored, in the order of the report; ends with NULL */
#endif

/* microtest: the isolated-operator driver. Runs the operators that a spec's `micro` section names, each alone, under
 * every distinct setting of the modes, on captured and on made inputs; measures each against float64 and its provable
 * bound. The same computation is done once, and filed under all modes that make it. */
#ifndef DS_MICROTEST_H
#define DS_MICROTEST_H
#include "base/progress.h"
#include "micro/rows.h"
#include "setup.h"

/* What the spec's micro section asks for must be there: layers, prompts, inputs and shapes that the operator has. */
bool micro_check(const Spec *spec, const Setup *setup, Arena scratch, Status *st);
/* Rows in the arena; setup is loaded. Fails where an operator alone gives other bits than it gave in the full run;
 * bounds that are exceeded are counted in the rows. */
bool micro_run(Arena *arena, const Spec *spec, const Setup *setup, Progress *progress, MicroRows *rows, Status *st);

/* A spec's micro section alone, to FOLDER/results.h5 (tables and provenance). `lock` is the folder's, the caller's to
 * give back (folder_unlock), after the report. */
bool micro_run_alone(Arena *arena, const Spec *spec, const char *folder, const char *command, bool fresh,
                     Progress *progress, const char **results, int *lock, Status *st);

#endif

/* provenance: what a results file says of itself, so that a reader can judge and repeat it:
 * program, commit, compiler and flags, machine and device, date, command, spec, model, tokenizer
 * and prompts. */
#ifndef DS_EXPERIMENT_PROVENANCE_H
#define DS_EXPERIMENT_PROVENANCE_H
#include "source/cuda.h"
#include "store/store.h"
#include "walk/subject.h"

#define DRIFTSCOPE_VERSION "driftscope 0.1.0"

/* In the arena, with room for PROVENANCE_MORE behind them. */
enum { PROVENANCE_MORE = 4 };
Attribute *provenance_attributes(Arena *arena, const Spec *spec, const Subject *subject,
                                 const Device *device, const char *command, int *count);

#endif

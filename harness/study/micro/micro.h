/* micro: the isolated-operator driver. Runs the operators that a spec's `micro` section names,
 * each alone, under every distinct setting of the modes, on captured and on made inputs; measures
 * each against float64 and its provable bound. The same computation is done once, and filed under
 * all modes that make it. */
#ifndef DS_STUDY_MICRO_MICRO_H
#define DS_STUDY_MICRO_MICRO_H
#include "study/micro/rows.h"
#include "study/study.h"

/* What the spec's micro section asks for must be there: layers, prompts, inputs and shapes that the
 * operator has. */
bool micro_check(const Spec *spec, const Subject *subject, Arena scratch, Status *st);
/* Bytes that micro_run takes, about; after subject_check. */
size_t micro_bytes(const Spec *spec, const Subject *subject, Arena scratch);
/* Rows in the arena; subject is loaded. Fails where an operator alone gives other bits than it gave
 * in the full run; bounds that are exceeded are counted in the rows. */
bool micro_run(Arena *arena, const Study *study, MicroRows *rows, Status *st);

#endif

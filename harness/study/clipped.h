/* clipped: the rows of the table of clipping: those that a run's layers left, and behind them what int8 makes of each
 * weight that some mode of the spec takes so. */
#ifndef DS_STUDY_CLIPPED_H
#define DS_STUDY_CLIPPED_H
#include "measure/tables.h"
#include "walk/subject.h"

/* After subject_load; own [owns]: of all prompts and layers. A weight that the checkpoint lacks has no row. In the
 * arena. */
TableRows clipped_rows(Arena *arena, const Spec *spec, const Subject *subject, const Clipping *own, size_t owns);
#endif

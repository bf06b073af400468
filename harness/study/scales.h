/* scales: the rows of the table of scales: the static ones of a model under the modes of a spec,
 * and behind them those that modes took from each prompt by themselves. */
#ifndef DS_STUDY_SCALES_H
#define DS_STUDY_SCALES_H
#include "measure/tables.h"
#include "walk/subject.h"

/* Whether some mode of the spec takes it as int8 in this layer. */
bool scales_weight_used(const Spec *spec, const WeightInfo *weight, int layer);
/* After subject_load; own [owns]: of all prompts and layers, as the run's layers left them. In the
 * arena. */
TableRows scales_of(Arena *arena, const Spec *spec, const Subject *subject, const ScaleRow *own,
                    size_t owns);
#endif

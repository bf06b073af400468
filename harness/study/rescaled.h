/* rescaled: a model beside the subject's with other activation scales, and which of them a mode
 * depends on at all. The weights do not depend on these scales, so both share them, also where
 * layers do not stay. */
#ifndef DS_STUDY_RESCALED_H
#define DS_STUDY_RESCALED_H
#include "walk/subject.h"

/* Shares all but its layers' scales, which lie in the arena and are those of `model` at first. */
Model rescaled_model(const Model *model, Arena *arena);
/* used [scales]: whether anything that a block leaves under this mode depends on the scale: tried
 * with one three times as large, at the first layer of those that the mode runs alike, on the first
 * tokens of the text. Holds these layers. */
bool rescaled_used(const Subject *subject, const Mode *mode, bool used[SCALES_MOST], Arena scratch,
                   Status *st);

#endif

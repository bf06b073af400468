/* texts: the token ids that a spec's studies are about: of its prompts, of what calibrates, of what
 * is evaluated and of tasks; and how the prompts lie in the text that they come from. */
#ifndef DS_WALK_TEXTS_H
#define DS_WALK_TEXTS_H
#include "walk/subject.h"

/* Reads all that the spec names, of an opened checkpoint. */
bool texts_read(Arena *arena, const Spec *spec, Subject *subject, Status *st);
/* Where the spec names no prompt, one of T tokens made from its seed, and where nothing calibrates,
 * made tokens too: for what needs a model's arithmetic and no text. After subject_check. */
void texts_make(Arena *arena, const Spec *spec, int T, Subject *subject);

#endif

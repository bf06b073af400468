/* prompt: the token ids of a spec's prompt: a part of a text, of a file of ids, or an inline
 * string. */
#ifndef DS_WALK_PROMPT_H
#define DS_WALK_PROMPT_H
#include "spec/spec.h"

/* Ids of one prompt; paths are resolved against `folder`. Refused: an empty prompt, a range past
 * the end of the file, an id outside 0 … vocab-1 (with its position). */
bool prompt_tokens(Arena *arena, const Prompt *prompt, const char *folder, int vocab,
                   int32_t **token, int *T, Status *st);
/* Where a prompt begins in a text of `total` tokens; windows are spread as those of calibration:
 * the first at offset, the last ends with the text. */
int64_t prompt_start(const Prompt *prompt, int64_t total);

#endif

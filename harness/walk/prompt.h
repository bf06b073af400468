/* prompt: the token ids of a spec's prompt: a part of a text, of a file of ids, or an inline
 * string. */
#ifndef DS_WALK_PROMPT_H
#define DS_WALK_PROMPT_H
#include "base/progress.h"
#include "model/text.h"
#include "spec/spec.h"

/* Ids of one prompt; paths are resolved against `folder`. Of a text that goes through a tokenizer
 * the offset is a byte, at which its tokens begin, and the length a number of tokens. Refused: an
 * empty prompt, a range past the end of the file, an id outside the reader's vocabulary (with its
 * position). */
bool prompt_tokens(Arena *arena, const Prompt *prompt, const char *folder, TextReader *reader,
                   int32_t **token, int *T, Status *st);
/* Where a prompt begins in a text of `total` tokens, of which the first `offset` stand before it;
 * windows are spread as those of calibration: the first at offset, the last ends with the text. */
int64_t prompt_start(const Prompt *prompt, int64_t total);

/* Says of each text that was read, and is not what its tokens decode to, where that begins. */
void prompt_tell_texts(const TextReader *reader, const Progress *progress);

#endif

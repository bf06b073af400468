/* vectors: an operator on stored INT8 inputs, its outputs against stored ones. */
#ifndef DS_COMMAND_VECTORS_H
#define DS_COMMAND_VECTORS_H
#include "base/arena.h"

/* conv1d or scan (in both orders), every case and every stored output. `text`: a line an output,
 * and one of all shares, NULL where the file is refused. False also where a share of equal values
 * is below `least` (a failed check). */
bool micro_vectors(Arena *arena, const char *path, const char *op, double least, const char **text,
                   Status *st);

#endif

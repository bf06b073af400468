/* growth: how time, memory and bytes of a whole job grow: `run` itself on made checkpoints of one
 * small shape, where the length of the prompt, the layers, the modes or the prompts grow and all
 * else stays. Of each point the least of several rounds, since whatever else runs can only slow it
 * down; the rounds go over all points in turn, so that what changes on the machine meets all.
 * Exponents and fixed parts: measure/power_law.h. */
#ifndef DS_COMMAND_GROWTH_H
#define DS_COMMAND_GROWTH_H
#include "base/arena.h"
#include "base/progress.h"
#include "command/options.h"

/* Prints what it finds on standard output. Makes a folder in o->folder, else own_temporary, and
 * removes it again; the largest results file in it takes 1.6 GB. */
bool growth_run(Arena *arena, const Options *o, const char *where, Progress *progress, Status *st);
#endif

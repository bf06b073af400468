/* job: the whole job, timed as a user meets it: `run` itself in a process of its own, on a made
 * checkpoint of a published shape, modes 2-0 and 2-4 and the reference, every tensor kept, scales
 * cached; and, in turns with it, what a user would do instead (experiments/peer_transformers.py).
 *
 * The sum of the floors is what the same work takes at the rates that floors.h measures: the
 * checkpoint's bytes read at the rate of a copy, products of the modes and of the float64 reference
 * at the peaks, exps at theirs, the results file's bytes at the rate of write(2). Statistics and
 * rewriting have no floor in it. */
#ifndef DS_COMMAND_JOB_H
#define DS_COMMAND_JOB_H
#include "base/progress.h"
#include "command/options.h"
#include "model/synth.h"

/* Prints what it finds on standard output. Makes a folder in o->folder, else own_temporary, and
 * removes it again. */
bool job_run(Arena *arena, const Options *o, const SynthShape *shape, const char *where,
             Progress *progress, Status *st);
#endif

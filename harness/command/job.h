/* job: the whole job, timed as a user meets it: `run` itself in a process of its own, on a made
 * checkpoint of a published shape, modes 2-0 and 2-4 and the reference, every tensor kept, scales
 * cached; and, in turns with it, what a user would do instead (experiments/peer_transformers.py).
 *
 * On a CPU each part is held against the least that it could take at the rates that floors.h
 * measures:
 * - prepare: weights read in float32 and written in the modes' formats, int8 in a layer and float32
 *   in the head, at the rate of a copy;
 * - rewrite proof, fp64: products, and exps, in float64 at their peaks;
 * - a mode: int8 products, the head's in float32, and exps;
 * - statistics: every value read once, at the rate of a copy; store: written, at that of write(2).
 * What a machine does beside these, such as norms, rotations, digests and quantiles, has no floor
 * in it. */
#ifndef DS_COMMAND_JOB_H
#define DS_COMMAND_JOB_H
#include "base/progress.h"
#include "command/options.h"
#include "model/synth.h"

/* Prints what it finds on standard output. Makes a folder in o->folder, else own_temporary, and
 * removes it again. */
bool job_run(Arena *arena, const Options *o, const SynthShape *shape, const char *where,
             bool on_device, Progress *progress, Status *st);
#endif

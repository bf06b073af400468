/* flags: the specs that command lines without a spec file stand for. Each is written out and read
 * again, so that it is checked like any other. */
#ifndef DS_COMMAND_FLAGS_H
#define DS_COMMAND_FLAGS_H
#include "command/options.h"
#include "model/text.h"
#include "spec/spec.h"

/* results/NAME, from the name of a spec file; never a folder above. */
const char *flags_folder(Arena *arena, const char *path);
/* Flags override the spec: threads, memory, seed, backend, ignore_unused. */
bool flags_apply(const Options *o, Spec *spec, Status *st);
/* Whether --add-bos or --no-bos was given; both are refused. */
bool flags_bos(const Options *o, Bos *bos, Status *st);
/* Whether what --names says can be how arrays are called. */
bool flags_names(Arena scratch, const Options *o, Status *st);
/* `compare A B` */
bool flags_compare(Arena *arena, const Options *o, Spec *spec, Status *st);
/* `micro OPERATOR`: every input that the operator has, and what a spec may leave out. */
bool flags_micro(Arena *arena, const Options *o, Spec *spec, Status *st);
/* The names that --mode or QUAMBA_MODE give, apart at their commas; else every preset. */
int flags_modes(Arena *arena, const Options *o, const char ***names);
bool flags_eval(Arena *arena, const Options *o, Spec *spec, Status *st);
bool flags_calibrate(Arena *arena, const Options *o, Spec *spec, Status *st);
/* Not read again as a spec: it may lack prompt and calibration. */
bool flags_verify(Arena *arena, const Options *o, Spec *spec, Status *st);

#endif

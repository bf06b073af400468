/* own_run: the program's own `run` in a process of its own, as a user starts it, and what it took;
 * other processes whose words are read; and the folder for what they read and write. */
#ifndef DS_COMMAND_OWN_RUN_H
#define DS_COMMAND_OWN_RUN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/arena.h"

/* $TMPDIR, else /tmp. */
const char *own_temporary(void);
/* A new folder in `in` (NULL: own_temporary), and all of it removed again (NULL: nothing). */
bool own_folder(Arena *arena, const char *in, const char **folder, Status *st);
void own_folder_remove(const char *folder);

/* What `argv` says on descriptor `from` until it ends, in words [room], which it is cut to; how it
 * ended, -1 where it could not be started. What it says on the other one of output and error is
 * dropped. `used` (NULL: not wanted): by it and what it waited for. */
int process_words(char *const argv[], int from, char *words, size_t room, struct rusage *used);

typedef struct OwnRun {
  double wall_s, processor_s, peak_bytes;
} OwnRun;

/* `run SPEC -o OUT --fresh`. */
bool own_run(const char *spec, const char *out, OwnRun *run, Status *st);

#endif

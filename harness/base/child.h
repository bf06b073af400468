/* child: what reads a file of somebody else goes on in a child process, and so does what libraries
 * do that end the process where memory fails them. HDF5 and the libraries behind it were not
 * written for hostile files, nor cmark for a machine without memory: a child that dies costs one
 * line, not the program. */
#ifndef DS_BASE_CHILD_H
#define DS_BASE_CHILD_H
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

enum { CHILD_HERE = -1, CHILD_NONE = -2 };

/* Before any thread is started, and before anything is printed. Returns CHILD_HERE in the child,
 * which goes on with the work: without core files, with 2 GiB of address space beyond what is
 * reserved already, and with a limit of processor time that grows with the files. In the parent it
 * waits for the child and returns the child's exit status, or CHILD_NONE with the message of its
 * death. `files`: one or two that are read. */
int child_start(const char *const *files, int count, Status *st);

/* In the child: the file is read, so that what ends it from here on is no fault of HDF5's. */
void child_has_read(void);
/* In the child: what follows may take as long as it likes. */
void child_take_time(void);

/* Work that is done in a child, which has a copy of all that this process has at that moment; what
 * it writes to `out` is what it is asked for. */
typedef bool (*ChildWork)(FILE *out, void *context, Status *st);
/* `*text` of `*count` bytes, followed by a NUL, in the arena; none where the child died. False: the
 * work failed, or the child died, which is then said of `what` was made, with the last line that it
 * wrote to standard error. Where no child can be had the work is done here. The child has this
 * thread alone. */
bool child_work(Arena *arena, const char *what, ChildWork work, void *context, const char **text,
                size_t *count, Status *st);
/* The same in two: it is begun, and this process does something else, by itself, until it waits
 * for it. Both call with what child_work takes; `begun` is theirs. */
typedef struct ChildBegun {
  int from, words; /* descriptors of what it writes, and of its standard error */
  char *reads;
  int child; /* -1: none can be had, and the work is done where it is waited for */
} ChildBegun;
ChildBegun child_begin(ChildWork work, void *context);
bool child_end(Arena *arena, const char *what, ChildWork work, void *context, ChildBegun begun,
               const char **text, size_t *count, Status *st);
/* It is ended, wherever it stands. */
void child_leave(ChildBegun begun);
/* How many threads this process, or in such work its parent, was told to take: what the child may
 * start of its own (base/abreast.h). */
int child_threads(void);
/* In such work: a file of somebody else is read now, within the limits of child_start, and until
 * child_has_read the child's death is that file's. Signals that end a process do so, whoever
 * handled them before. */
void child_limit(const char *file);
#endif

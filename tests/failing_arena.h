/* failing_arena: the program's own main, in which one piece of memory that is asked of an arena
 * (base/arena.h) finds no room, whatever room there is. For a child process: it leaves. The linker
 * puts the counting before the arena's functions, of the tests alone. */
#ifndef DS_TESTS_FAILING_ARENA_H
#define DS_TESTS_FAILING_ARENA_H
#include <stdatomic.h>

extern long failing_arena_at;            /* which, from 1; 0: none */
extern atomic_long *failing_arena_count; /* how many were asked for; NULL: nothing is counted */

/* harness/main.c's. */
int program_main(int argc, char **argv);
#endif

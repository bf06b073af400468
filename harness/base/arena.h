/* arena: the memory of a run. One reservation, handed out front to back; nothing is freed one by
 * one. A parameter `Arena *` means: the result stays with the caller. `Arena` by value means
 * scratch: gone on return. Pages are reserved without being committed, so a large reservation costs
 * only what is touched. */
#ifndef DS_BASE_ARENA_H
#define DS_BASE_ARENA_H
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct Arena {
  char *next, *end;
  char *base;
  void (*exhausted)(size_t wanted, size_t reserved); /* must not return; main's prints and exits */
} Arena;

/* Reserves `bytes` of address space (0: as much as the machine has memory, and under a limit of the
 * process half of what it leaves: the rest is for libraries, threads and mapped files); halves it
 * until the system agrees. */
bool arena_reserve(Arena *arena, size_t bytes, void (*exhausted)(size_t wanted, size_t reserved),
                   Status *st);
void arena_release(Arena *arena);

/* `count * size` zeroed bytes, aligned to 64. Never NULL: where there is no room, `exhausted` is
 * called. */
void *arena_alloc(Arena *arena, size_t count, size_t size);
/* The same as it is, for what is written whole before it is read; touches nothing, so an arena may
 * carve a device's memory. */
void *arena_room(Arena *arena, size_t count, size_t size);
/* Bytes up to a whole number of lines of 64: what begins one behind the other is aligned as above.
 */
static inline size_t arena_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
char *arena_printf(Arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull));
/* A piece of its own, of so many bytes. */
Arena arena_carve(Arena *arena, size_t bytes);
/* As scratch, all that is left, in equal pieces for so many threads: for fewer where a piece would
 * have less than ARENA_PIECE bytes, and for one at least. */
#define ARENA_PIECE ((size_t)64 << 20)
Arena *arena_split(Arena arena, int *pieces);
/* All of a piece that nobody uses any more: the memory is the system's again, and zero when it is
 * used once more. */
void arena_give_back(const Arena *piece);
#define ARENA_NEW(arena, type, count) ((type *)arena_alloc((arena), (size_t)(count), sizeof(type)))

#endif

#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/poison.h"
#include "base/process.h"

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

/* Bytes between two pieces, beside those that alignment takes: none, since sums of pieces are
 * counted exactly; some where parsers alone are built, for the address sanitizer to guard. */
#ifndef ARENA_GAP
#define ARENA_GAP 0
#endif

bool arena_reserve(Arena *arena, size_t bytes, void (*exhausted)(size_t wanted, size_t reserved),
                   Status *st) {
  const size_t smallest = (size_t)1 << 24, room = process_room();
  if (bytes == 0) {
    bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    if (bytes > room / 2) bytes = room / 2;
    if (bytes < smallest)
      return FAIL(st,
                  "memory: %zu MB can be had under the limit of this process (ulimit -v), at least "
                  "%zu are needed",
                  room >> 20, 2 * smallest >> 20);
  }
  for (;; bytes /= 2) {
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base != MAP_FAILED) {
      madvise(base, bytes, MADV_HUGEPAGE); /* one fault for 512 pages; refused, nothing is lost */
      *arena =
          (Arena){.next = base, .end = (char *)base + bytes, .base = base, .exhausted = exhausted};
      return true;
    }
    if (bytes / 2 < smallest)
      return FAIL(st, "memory: cannot reserve %zu bytes: %s", bytes, strerror(errno));
  }
}

void arena_release(Arena *arena) {
  if (arena->base) munmap(arena->base, (size_t)(arena->end - arena->base));
  *arena = (Arena){0};
}

static size_t padding_of(const Arena *arena) {
  return (-(uintptr_t)arena->next & (ALIGNMENT - 1)) + ARENA_GAP;
}

/* The piece may be touched, what stands between it and the next one not. */
static void guard(const Arena *arena, const char *piece) {
  const size_t behind = padding_of(arena), room = (size_t)(arena->end - arena->next);
  unpoison(piece, (size_t)(arena->next - piece));
  poison(arena->next, behind < room ? behind : room);
}

void *arena_room(Arena *arena, size_t count, size_t size) {
  size_t padding = padding_of(arena);
  size_t room = (size_t)(arena->end - arena->next);
  if (padding > room || (size && count > (room - padding) / size)) {
    arena->exhausted(size && count > SIZE_MAX / size ? SIZE_MAX : count * size,
                     (size_t)(arena->end - arena->base));
    abort();
  }
  char *result = arena->next + padding;
  arena->next = result + count * size;
  guard(arena, result);
  return result;
}

/* Memory may have been used by scratch that is gone, so it is cleared here, not once by the
 * system. */
void *arena_alloc(Arena *arena, size_t count, size_t size) {
  return memset(arena_room(arena, count, size), 0, count * size);
}

char *arena_printf(Arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = arena_alloc(arena, (size_t)length + 1, 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

Arena arena_carve(Arena *arena, size_t bytes) {
  Arena piece = *arena;
  piece.base = piece.next = arena_room(arena, bytes, 1);
  piece.end = piece.base + bytes;
  return piece;
}

Arena *arena_split(Arena arena, int *pieces) {
  Arena *own = ARENA_NEW(&arena, Arena, *pieces);
  const size_t left = (size_t)(arena.end - arena.next), most = left / ARENA_PIECE,
               beside = ALIGNMENT + ARENA_GAP;
  if (most < (size_t)*pieces) *pieces = most < 1 ? 1 : (int)most;
  const size_t each = left / (size_t)*pieces;
  for (int i = 0; i < *pieces; i++) own[i] = arena_carve(&arena, each > beside ? each - beside : 0);
  return own;
}

void arena_give_back(const Arena *piece) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE),
               start = ((size_t)piece->base + page - 1) / page * page,
               end = (size_t)piece->end / page * page;
  if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}

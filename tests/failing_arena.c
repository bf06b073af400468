#include "tests/failing_arena.h"

#define main program_main
#include "harness/main.c"

long failing_arena_at;
atomic_long *failing_arena_count;

/* ld's --wrap: who asks for NAME gets __wrap_NAME, and __real_NAME is what it asked for. Within
 * arena.c nothing is wrapped, so each piece counts once. */
void *__real_arena_alloc(Arena *arena, size_t count, size_t size);
void *__real_arena_room(Arena *arena, size_t count, size_t size);
Arena __real_arena_carve(Arena *arena, size_t bytes);
void *__wrap_arena_alloc(Arena *arena, size_t count, size_t size);
void *__wrap_arena_room(Arena *arena, size_t count, size_t size);
Arena __wrap_arena_carve(Arena *arena, size_t bytes);
char *__wrap_arena_printf(Arena *arena, const char *format, ...);

static void count_piece(const Arena *arena, size_t bytes) {
  if (failing_arena_count && atomic_fetch_add(failing_arena_count, 1) + 1 == failing_arena_at)
    arena->exhausted(bytes, (size_t)(arena->end - arena->base));
}

void *__wrap_arena_alloc(Arena *arena, size_t count, size_t size) {
  count_piece(arena, count * size);
  return __real_arena_alloc(arena, count, size);
}

void *__wrap_arena_room(Arena *arena, size_t count, size_t size) {
  count_piece(arena, count * size);
  return __real_arena_room(arena, count, size);
}

Arena __wrap_arena_carve(Arena *arena, size_t bytes) {
  count_piece(arena, bytes);
  return __real_arena_carve(arena, bytes);
}

char *__wrap_arena_printf(Arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = __wrap_arena_alloc(arena, (size_t)length + 1, 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

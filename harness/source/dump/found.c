/* found: the list of arrays as readers add to it. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "model/safetensors.h"
#include "source/dump/parts.h"

void way_whole(Way *way, int rank, const int64_t *size, bool first_fastest) {
  int64_t stride = 1;
  for (int k = 0; k < rank; k++) {
    const int i = first_fastest ? k : rank - 1 - k;
    way->stride[i] = stride;
    if (__builtin_mul_overflow(stride, size[i] ? size[i] : 1, &stride)) stride = INT64_MAX;
  }
}

/* Bytes from the first element to behind the last; none where there is no element. False where no
 * int64_t holds that, or the number of elements. */
static bool extent(const DumpArray *array, const Way *way, int64_t *bytes) {
  int64_t count = 1, last = 0;
  for (int i = 0; i < array->rank; i++)
    if (array->size[i] == 0) return *bytes = 0, true;
  for (int i = 0; i < array->rank; i++) {
    int64_t part;
    if (__builtin_mul_overflow(count, array->size[i], &count) ||
        __builtin_mul_overflow(array->size[i] - 1, way->stride[i], &part) ||
        __builtin_add_overflow(last, part, &last))
      return false;
  }
  return last < INT64_MAX &&
         !__builtin_mul_overflow(last + 1, (int64_t)dump_type_bytes(array->type), bytes);
}

static const char *plain(Arena *arena, const char *name) {
  char *copy = arena_printf(arena, "%s", name);
  text_make_plain(copy, "");
  return copy;
}

bool found_add(Found *found, const char *name, DumpType type, int rank, const int64_t *size,
               const Way *way, Status *st) {
  struct FoundArray *new = ARENA_NEW(found->arena, struct FoundArray, 1);
  DumpArray *array = &new->array;
  Way *kept = ARENA_NEW(found->arena, Way, 1);
  char shape[SHAPE_TEXT];
  int64_t bytes;
  if (found->arrays == ARRAYS_MOST)
    return FAIL(st, "%s: has more than %d arrays", way->blob.file->path, ARRAYS_MOST);
  *kept = *way;
  *array = (DumpArray){.name = plain(found->arena, name),
                       .file = way->blob.file->shown,
                       .type = type,
                       .rank = rank,
                       .way = kept};
  memcpy(array->size, size, (size_t)rank * sizeof *size);
  if (!extent(array, way, &bytes))
    return FAIL(st, ARRAY_AT "its shape %s is of more elements than can be counted",
                ARRAY_IN(array), shape_print(size, rank, shape));
  if (way->first > way->blob.bytes || (uint64_t)bytes > way->blob.bytes - way->first)
    return FAIL(st, ARRAY_AT "%s %s reaches byte %llu of its %llu", ARRAY_IN(array),
                dump_type_name[type], shape_print(size, rank, shape),
                (unsigned long long)(way->first + (uint64_t)bytes),
                (unsigned long long)way->blob.bytes);
  new->keyless = found->keyless;
  *found->last = found->added = new;
  found->last = &new->next;
  found->arrays++;
  return true;
}

void found_pass(Found *found, const DumpFile *file, const char *name, const char *why, ...) {
  struct FoundPassed *new = ARENA_NEW(found->arena, struct FoundPassed, 1);
  char text[512];
  va_list args;
  va_start(args, why);
  vsnprintf(text, sizeof text, why, args);
  va_end(args);
  new->passed = (DumpPassed){
      .file = file->shown, .name = plain(found->arena, name), .why = plain(found->arena, text)};
  *found->passed_last = new;
  found->passed_last = &new->next;
  found->passed++;
}

bool found_other(Found *found, const DumpFile *file, Status *st, const char *why, ...) {
  char text[512];
  va_list args;
  va_start(args, why);
  vsnprintf(text, sizeof text, why, args);
  va_end(args);
  if (!found->in_folder) return FAIL(st, "%s: %s", file->path, text);
  return found_pass(found, file, "", "%s", text), true;
}

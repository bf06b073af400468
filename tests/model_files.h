/* model_files: what the tests of harness/model share: a folder of their own, an arena, files
 * written from code, and the question whether a refusal says what it must. */
#ifndef DS_TESTS_MODEL_FILES_H
#define DS_TESTS_MODEL_FILES_H
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "tests/exhausted.h"
#include "tests/folder.h"

static char test_folder[FOLDER_NAME];
static Arena test_arena;

static inline void test_files_begin(void) {
  Status st = {0};
  folder_make(test_folder);
  cr_assert(arena_reserve(&test_arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
}

static inline int test_remove(const char *path, const struct stat *info, int type,
                              struct FTW *ftw) {
  (void)info, (void)type, (void)ftw;
  return remove(path);
}

static inline void test_files_end(void) {
  arena_release(&test_arena);
  nftw(test_folder, test_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *test_path(const char *name) {
  return arena_printf(&test_arena, "%s/%s", test_folder, name);
}

static inline const char *test_write(const char *name, const void *bytes, size_t count) {
  const char *path = test_path(name);
  unlink(path); /* ext4 waits for the disk where a file is cut to nothing and written again */
  FILE *f = fopen(path, "wb");
  cr_assert(f && fwrite(bytes, 1, count, f) == count && fclose(f) == 0, "cannot write %s", path);
  return path;
}

/* A safetensors file: length, header, data. */
static inline const char *test_write_safetensors(const char *name, const char *header,
                                                 const void *data, size_t count) {
  size_t n = strlen(header);
  unsigned char *file = arena_alloc(&test_arena, 8 + n + count, 1);
  for (int i = 0; i < 8; i++) file[i] = (unsigned char)((uint64_t)n >> 8 * i);
  memcpy(file + 8, header, n);
  if (count) memcpy(file + 8 + n, data, count);
  return test_write(name, file, 8 + n + count);
}

/* A refusal is one line that begins with a place and holds every word of a list ended by NULL. */
static inline void test_refused(bool accepted, const Status *st, const char *const *words) {
  cr_assert(!accepted, "accepted; expected a refusal that mentions '%s'", words[0]);
  cr_assert(st->failed && st->text[0], "refused without a message");
  cr_assert(!strchr(st->text, '\n'), "more than one line: %s", st->text);
  for (; *words; words++)
    cr_expect(strstr(st->text, *words), "message lacks '%s': %s", *words, st->text);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#endif

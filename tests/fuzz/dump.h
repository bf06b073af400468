/* dump: a file of a dump, written anew for every input, and what is read out of it. */
#ifndef DS_TESTS_FUZZ_DUMP_H
#define DS_TESTS_FUZZ_DUMP_H
#include "folder.h"
#include "source/dump/dump.h"

/* Every array as its matrix, or refused; and not one row more than its sizes say. */
static inline void dump_read_all(Arena arena, const Dump *dump, const char *path) {
  const DumpAxes axes = {.batch = -1};
  for (int i = 0; i < dump->arrays; i++) {
    Status st = {0};
    Tensor t;
    int rows = 0, cols = 0;
    Arena scratch = arena;
    const bool sized = dump_sizes(dump, &dump->array[i], &axes, &rows, &cols, &st);
    if (!sized || !dump_read(&scratch, dump, &dump->array[i], &axes, NULL, &t, &st)) {
      fuzz_refused(&st, path);
      continue;
    }
    FUZZ_CHECK(t.rows == rows && t.cols == cols && rows > 0 && cols > 0, "%d x %d of %d x %d",
               t.rows, t.cols, rows, cols);
    volatile unsigned char last =
        ((const unsigned char *)t.data)[(size_t)rows * (size_t)cols * format_size(t.format) - 1];
    (void)last;
  }
}

/* File i of the folder, of any kind. */
static inline bool dump_of_file(Folder *folder, int i, Bytes content) {
  char path[128];
  Dump dump;
  Status st = {0};
  Arena arena = fuzz_arena(content.count, 1 << 20);
  folder_make(folder);
  folder_write(folder, i, content);
  snprintf(path, sizeof path, "%s/%s", folder->path, folder->name[i]);
  const bool ok = dump_open(&arena, path, &dump, &st);
  if (ok)
    dump_read_all(arena, &dump, path);
  else
    fuzz_refused(&st, path);
  return ok;
}
#endif

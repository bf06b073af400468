/* Inputs: a .npy file; a .npz file; a pickle beside a storage of 64 bytes, called "0"; and names, a
 * line a name behind a line of the pattern. What is accepted is read whole. */
#include "dump.h"

#include "source/dump/names.h"
#include "source/dump/parts.h"
#include "source/dump/pickle.h"

static Folder files = {.name = {"d.npy", "d.npz", "d.pt"}};

static void leave(void) { folder_remove(&files); }

/* Once: the folder goes when the process ends. */
static void begin(void) {
  static bool begun;
  if (!begun) atexit(leave);
  begun = true;
}

/* Only what begins as such a file gets past the first look. */
static bool begins(const uint8_t *data, size_t count, const char *with) {
  return count >= strlen(with) && !memcmp(data, with, strlen(with));
}

bool fuzz_npy(const uint8_t *data, size_t count) {
  begin();
  return begins(data, count, "\x93NUMPY") &&
         dump_of_file(&files, 0, (Bytes){(const char *)data, count});
}

bool fuzz_npz(const uint8_t *data, size_t count) {
  begin();
  return begins(data, count, "PK") && dump_of_file(&files, 1, (Bytes){(const char *)data, count});
}

/* --- a pickle --------------------------------------------------------------------------------- */

enum { STORAGE = 64 };

bool fuzz_pickle(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, (size_t)1 << 28);
  Found found = {.arena = &arena};
  Status st = {0};
  char path[128];
  begin();
  folder_make(&files);
  char *both = malloc(count + STORAGE);
  if (count) memcpy(both, data, count);
  for (int i = 0; i < STORAGE; i++) both[count + (size_t)i] = (char)i;
  folder_write(&files, 2, (Bytes){both, count + STORAGE});
  free(both);
  snprintf(path, sizeof path, "%s/%s", files.path, files.name[2]);
  const DumpFile file = {.path = path, .shown = "", .stem = "d", .mark = file_mark(path)};
  ZipMember member[] = {
      {"data.pkl", {.file = &file, .stored = count, .bytes = count}},
      {"data/0", {.file = &file, .at = count, .stored = STORAGE, .bytes = STORAGE}}};
  const ZipMember *by_name[] = {&member[0], &member[1]}; /* and so they stand in the alphabet */
  ZipList list = {.member = member, .count = 2, .by_name = by_name};
  found.last = &found.first;
  found.passed_last = &found.passed_first;
  if (!find_torch(&found, &file, &list, member, &st)) return fuzz_refused(&st, path), false;
  for (struct FoundArray *a = found.first; a; a = a->next) {
    const Dump dump = {.path = path, .array = &a->array, .arrays = 1};
    if (found.arrays < 100) dump_read_all(arena, &dump, path);
  }
  return true;
}

/* --- names ------------------------------------------------------------------------------------ */

static Bytes next_line(Bytes *rest) {
  const char *end = rest->count ? memchr(rest->data, '\n', rest->count) : NULL;
  const Bytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->count};
  const size_t taken = line.count + (end != NULL);
  *rest = (Bytes){rest->data + taken, rest->count - taken};
  return line;
}

static void check_layout(const Dump *dump, const DumpLayout *l) {
  FUZZ_CHECK(l->entries + l->lefts == dump->arrays && l->entries > 0, "%d and %d of %d", l->entries,
             l->lefts, dump->arrays);
  for (int i = 0; i < l->entries; i++) {
    const DumpEntry *e = &l->entry[i];
    FUZZ_CHECK(e->pass >= 0 && e->pass < l->passes, "pass %d of %d", e->pass, l->passes);
    FUZZ_CHECK(e->layer >= -2 && e->layer < l->layers, "layer %d of %d", e->layer, l->layers);
    bool listed = e->layer < 0;
    for (int t = 0; t < l->tensors; t++) listed |= !strcmp(l->tensor[t], e->tensor);
    FUZZ_CHECK(listed, "tensor '%s' is not listed", e->tensor);
    if (i == 0) continue;
    const DumpEntry *before = &l->entry[i - 1];
    FUZZ_CHECK(before->pass <= e->pass, "pass %d behind %d", e->pass, before->pass);
    FUZZ_CHECK(before->pass < e->pass || before->layer != e->layer ||
                   strcmp(before->tensor, e->tensor) != 0,
               "'%s' of layer %d twice", e->tensor, e->layer);
  }
}

/* "FILE<tab>NAME", or a name alone. */
bool fuzz_names(const uint8_t *data, size_t count) {
  enum { ARRAYS = 64 };
  Arena arena = fuzz_arena(count, 1 << 20);
  DumpArray array[ARRAYS] = {0};
  Dump dump = {.path = "d", .array = array};
  DumpLayout layout;
  Status st = {0};
  Bytes rest = {(const char *)data, count};
  const Bytes first = next_line(&rest);
  const char *pattern = arena_printf(&arena, "%.*s", (int)first.count, first.data);
  while (rest.count && dump.arrays < ARRAYS) {
    const Bytes line = next_line(&rest);
    const char *text = arena_printf(&arena, "%.*s", (int)line.count, line.data);
    const char *tab = strchr(text, '\t');
    array[dump.arrays].file = tab ? arena_printf(&arena, "%.*s", (int)(tab - text), text) : "";
    array[dump.arrays++].name = tab ? tab + 1 : text;
  }
  if (!dump.arrays) return false;
  const bool ok = dump_layout(&arena, &dump, *pattern ? pattern : NULL, &layout, &st);
  if (ok)
    check_layout(&dump, &layout);
  else
    fuzz_refused(&st, NULL);
  return ok;
}

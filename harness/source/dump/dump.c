/* dump: which files a dump is, which container each of them is, and what stands beside what. */
#include "source/dump/dump.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/name.h"
#include "source/dump/parts.h"

enum { FILES_MOST = 100000, DEPTH_MOST = 8, HEAD = 16 };

/* --- containers ------------------------------------------------------------------------------- */

static bool has_end(const char *path, const char *end) {
  const size_t n = strlen(path), m = strlen(end);
  return n > m && !strcmp(path + n - m, end);
}

static const struct {
  const char *end;
} known_ends[] = {{".safetensors"}, {".npy"}, {".npz"}, {".pt"},
                  {".pth"},         {".bin"}, {".h5"},  {".hdf5"}};

static const char *known_end(const char *name) {
  for (size_t i = 0; i < sizeof known_ends / sizeof *known_ends; i++)
    if (has_end(name, known_ends[i].end)) return known_ends[i].end;
  return NULL;
}

#define BEGINS(head, text)                                                                         \
  ((head).count >= sizeof(text) - 1 && !memcmp((head).data, text, sizeof(text) - 1))

/* By what it begins with; its name decides nothing but which words a refusal has. */
static bool find_in_file(Found *found, const DumpFile *file, Status *st) {
  Bytes head;
  Arena scratch = *found->arena;
  TRY(file_head(&scratch, file, HEAD, &head, st));
  if (head.count == 0) return FAIL(st, "%s: is empty", file->path);
  if (BEGINS(head, "\x93NUMPY")) return find_npy(found, file, st);
  if (BEGINS(head, "PK\3\4") || BEGINS(head, "PK\5\6")) return find_zip(found, file, st);
  if (BEGINS(head, "\x89HDF\r\n\x1a\n")) return find_hdf5(found, file, st);
  if (BEGINS(head, "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))
    return FAIL(st,
                "%s: was written by torch.save as before PyTorch 1.6; save it again: "
                "torch.save(torch.load(FILE), FILE)",
                file->path);
  if (head.count > 2 && BEGINS(head, "\x80") && head.data[1] >= 2 && head.data[1] <= 5)
    return found_other(found, file, st,
                       "is a Python pickle, of which nothing is executed; save its arrays with "
                       "numpy.savez or torch.save");
  if (has_end(file->path, ".safetensors") || (head.count > 8 && head.data[8] == '{'))
    return find_safetensors(found, file, st);
  return found_other(found, file, st,
                     "begins as no file that is read: .safetensors, .npy, .npz, .pt, .h5");
}

/* --- files ------------------------------------------------------------------------------------ */

typedef struct Listing {
  Arena *arena;
  Found *found;
  DumpFile *file;
  int count, room;
} Listing;

static void list_add(Listing *l, const char *path, const char *shown, const FileMark *mark) {
  if (l->count == l->room) {
    DumpFile *larger = ARENA_NEW(l->arena, DumpFile, 2 * l->room + 16);
    if (l->count) memcpy(larger, l->file, (size_t)l->count * sizeof *larger);
    l->file = larger;
    l->room = 2 * l->room + 16;
  }
  const char *name = file_name(path), *end = known_end(name);
  const size_t length = strlen(name) - (end ? strlen(end) : 0);
  char *plain = arena_printf(l->arena, "%s", shown);
  text_make_plain(plain, "");
  l->file[l->count++] = (DumpFile){.path = path,
                                   .shown = plain,
                                   .stem = arena_printf(l->arena, "%.*s", (int)length, name),
                                   .mark = *mark};
}

static bool list_folder(Listing *l, const char *path, const char *shown, int depth, Status *st);

/* Links to files are followed, links to folders are not: they can go round in circles. */
static bool list_entry(Listing *l, const char *path, const char *shown, int depth, Status *st) {
  struct stat info, link;
  if (lstat(path, &link) != 0 || stat(path, &info) != 0)
    return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
  if (S_ISDIR(link.st_mode)) return list_folder(l, path, shown, depth + 1, st);
  if (!S_ISREG(info.st_mode) || !known_end(path)) {
    const DumpFile other = {.path = path, .shown = shown};
    found_pass(l->found, &other, "",
               S_ISREG(info.st_mode)   ? "is no file that is read by its name"
               : S_ISDIR(info.st_mode) ? "is a link to a folder"
                                       : "is not a regular file");
    return true;
  }
  const FileMark mark = file_mark(path);
  if (l->count == FILES_MOST)
    return FAIL(st, "%s: is one more than the %d files that are read", path, FILES_MOST);
  list_add(l, path, shown, &mark);
  return true;
}

/* 2 before 10: what was made first is mostly the one with the smaller number. */
static int by_version(const struct dirent **a, const struct dirent **b) {
  const int order = strverscmp((*a)->d_name, (*b)->d_name);
  return order ? order : strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static bool list_folder(Listing *l, const char *path, const char *shown, int depth, Status *st) {
  struct dirent **entry;
  if (depth > DEPTH_MOST)
    return FAIL(st, "%s: is a folder %d deep in others, at most %d are looked into", path, depth,
                DEPTH_MOST);
  const int count = scandir(path, &entry, is_shown, by_version);
  if (count < 0) return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
  bool ok = true;
  for (int i = 0; i < count; i++) {
    const char *name = entry[i]->d_name;
    ok = ok &&
         list_entry(l, arena_printf(l->arena, "%s/%s", path, name),
                    arena_printf(l->arena, "%s%s%s", shown, *shown ? "/" : "", name), depth, st);
    free(entry[i]);
  }
  free(entry);
  return ok;
}

static bool list_files(Listing *l, const char *path, Status *st) {
  struct stat info;
  if (stat(path, &info) != 0) return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
  l->found->in_folder = S_ISDIR(info.st_mode);
  if (l->found->in_folder) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    TRY(list_folder(l, arena_printf(l->arena, "%.*s", (int)length, path), "", 0, st));
    return l->count || FAIL(st,
                            "%s: holds no file that is read: .safetensors, .npy, .npz, .pt, "
                            ".pth, .bin, .h5 or .hdf5",
                            path);
  }
  if (!S_ISREG(info.st_mode)) return FAIL(st, "%s: is not a regular file", path);
  const FileMark mark = file_mark(path);
  return list_add(l, arena_printf(l->arena, "%s", path), "", &mark), true;
}

/* --- scales and names ------------------------------------------------------------------------- */

/* What an array is called among all of a dump: in a file without keys by the folder that it lies
 * in. */
typedef struct Called {
  const char *name;
  struct FoundArray *of;
} Called;

static int by_name(const void *a, const void *b) {
  return strcmp(((const Called *)a)->name, ((const Called *)b)->name);
}

static const char *called(Arena *arena, const struct FoundArray *a) {
  const char *file = a->array.file, *name = a->array.name, *slash = strrchr(file, '/');
  if (!a->keyless) return arena_printf(arena, "%s:%s", file, name);
  return arena_printf(arena, "%.*s%s", slash ? (int)(slash + 1 - file) : 0, file, name);
}

/* Whether it can be a scale: a float, one of them. */
static bool is_one_float(const DumpArray *array) {
  for (int i = 0; i < array->rank; i++)
    if (array->size[i] != 1) return false;
  return array->type <= DUMP_F8_E5M2;
}

static bool read_scale(Arena scratch, const DumpArray *from, DumpArray *to, Status *st) {
  const DumpAxes axes = {.batch = -1};
  double value;
  Tensor t;
  TRY(dump_read(&scratch, NULL, from, &axes, NULL, &t, st));
  value = format_decode(&format_info[t.format], format_load(&format_info[t.format], t.data, 0), 0);
  to->scale = (float)value;
  return (isfinite(to->scale) && to->scale > 0) ||
         FAIL(st, ARRAY_AT "is the scale %g, which is not finite and above 0", ARRAY_IN(from),
              value);
}

/* int8 arrays take theirs, which are then no arrays of their own. */
static bool take_scales(Arena scratch, const Called *all, int count, Status *st) {
  for (int i = 0; i < count; i++) {
    DumpArray *array = &all[i].of->array;
    if (array->type != DUMP_I8) continue;
    const Called key = {.name = arena_printf(&scratch, "%s" SCALE_OF, all[i].name)};
    const Called *beside = bsearch(&key, all, (size_t)count, sizeof key, by_name);
    if (!beside) continue;
    if (!is_one_float(&beside->of->array)) {
      all[i].of->unread = "is int8 with a scale that is not one float, and not read";
      beside->of->unread = "is such a scale";
      continue;
    }
    TRY(read_scale(scratch, &beside->of->array, array, st));
    beside->of->is_scale = true;
  }
  return true;
}

static bool look_at_names(Arena scratch, const Found *found, Status *st) {
  Called *all = ARENA_NEW(&scratch, Called, found->arrays);
  int count = 0;
  for (struct FoundArray *a = found->first; a; a = a->next)
    all[count++] = (Called){called(&scratch, a), a};
  qsort(all, (size_t)count, sizeof *all, by_name);
  for (int i = 1; i < count; i++)
    if (!strcmp(all[i].name, all[i - 1].name))
      return FAIL(st, ARRAY_AT "there are two of that name", ARRAY_IN(&all[i].of->array));
  return take_scales(scratch, all, count, st);
}

static void keep(Arena *arena, const Found *found, Dump *dump) {
  DumpArray *array = ARENA_NEW(arena, DumpArray, found->arrays);
  DumpPassed *passed = ARENA_NEW(arena, DumpPassed, found->passed + found->arrays);
  for (const struct FoundArray *a = found->first; a; a = a->next) {
    if (!a->is_scale && !a->unread) array[dump->arrays++] = a->array;
    if (a->unread)
      passed[dump->passed_over++] = (DumpPassed){a->array.file, a->array.name, a->unread};
  }
  for (const struct FoundPassed *p = found->passed_first; p; p = p->next)
    passed[dump->passed_over++] = p->passed;
  dump->array = array;
  dump->passed = dump->passed_over ? passed : NULL;
}

bool dump_open(Arena *arena, const char *path, Dump *dump, Status *st) {
  Found found = {.arena = arena};
  found.last = &found.first;
  found.passed_last = &found.passed_first;
  Listing files = {.arena = arena, .found = &found};
  *dump = (Dump){.path = arena_printf(arena, "%s", path)};
  TRY(list_files(&files, path, st));
  for (int i = 0; i < files.count; i++) TRY(find_in_file(&found, &files.file[i], st));
  TRY(look_at_names(*arena, &found, st));
  keep(arena, &found, dump);
  if (dump->arrays) return true;
  const DumpPassed *p = dump->passed; /* the first is mostly the only one */
  return p ? FAIL(st, "%s: holds no array that is read: '%.100s' %s", path,
                  *p->name ? p->name : p->file, p->why)
           : FAIL(st, "%s: holds no array that is read", path);
}

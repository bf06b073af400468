/* arrays: a walk through a file's groups, and a dataset's bytes, each in a child. */
#include "store/arrays.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/child.h"
#include "store/dataset.h"

enum { DEPTH_MOST = 16, LINKS_MOST = 200000 };

/* --- the walk, in the child ------------------------------------------------------------------- */

typedef struct Walk {
  FILE *out;
  const char *path;
  bool of_results; /* the file is driftscope's own */
  int links;
  Status *st;
} Walk;

/* As the parent takes it: the array with the lengths of its texts, and these. */
typedef struct Record {
  StoredArray array;
  size_t name, why;
} Record;

static void tell(const Walk *w, const StoredArray *a) {
  Record record = {.array = *a, .name = strlen(a->name), .why = a->why ? strlen(a->why) : 0};
  record.array.name = record.array.why = NULL;
  fwrite(&record, sizeof record, 1, w->out);
  fwrite(a->name, 1, record.name, w->out);
  if (a->why) fwrite(a->why, 1, record.why, w->out);
}

static void look_at_dataset(const Walk *w, hid_t at, const char *link, const char *name) {
  Status why = {0};
  StoredArray a = {.name = name};
  if (!dataset_describe(at, link, &a, &why))
    a.why = why.text;
  else if (w->of_results)
    dataset_proof(at, link, &a);
  tell(w, &a);
}

static int by_version(const void *a, const void *b) {
  const char *x = *(const char *const *)a, *y = *(const char *const *)b;
  const int order = strverscmp(x, y);
  return order ? order : strcmp(x, y);
}

typedef struct Links {
  Arena *arena;
  char **name;
  hsize_t count, room;
} Links;

static herr_t take_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  Links *links = data;
  (void)group, (void)info;
  if (links->count == links->room) return -1;
  links->name[links->count++] = arena_printf(links->arena, "%s", name);
  return 0;
}

/* The names of a group's links. */
static bool link_names(Arena *arena, Walk *w, hid_t group, char ***name, int *count) {
  H5G_info_t info;
  Status reason = {0}, *why = &reason;
  if (!H5(H5Gget_info(group, &info)))
    return FAIL(w->st, "%s: cannot be read: %s", w->path, why->text);
  if (info.nlinks > (hsize_t)(LINKS_MOST - w->links))
    return FAIL(w->st, "%s: has more than %d links", w->path, LINKS_MOST);
  w->links += (int)info.nlinks;
  const bool tracked = (h5_link_order(group) & H5P_CRT_ORDER_INDEXED) != 0;
  Links links = {
      .arena = arena, .name = ARENA_NEW(arena, char *, info.nlinks), .room = info.nlinks};
  if (!H5(H5Literate(group, tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, NULL,
                     take_link, &links)))
    return FAIL(w->st, "%s: cannot be read: %s", w->path, why->text);
  *name = links.name;
  *count = (int)links.count;
  if (!tracked) qsort(*name, links.count, sizeof **name, by_version);
  return true;
}

static bool walk(Arena scratch, Walk *w, hid_t group, const char *prefix, int depth);

static bool look_at_link(Arena scratch, Walk *w, hid_t group, const char *link, const char *name,
                         int depth) {
  Status reason = {0}, *why = &reason;
  H5O_info_t info;
  hid_t inside;
  if (h5_has(group, link, why) <= 0 ||
      !H5(H5Oget_info_by_name2(group, link, &info, H5O_INFO_BASIC, H5P_DEFAULT))) {
    tell(w, &(StoredArray){.name = name, .why = why->text});
    return true;
  }
  if (info.type == H5O_TYPE_DATASET) return look_at_dataset(w, group, link, name), true;
  if (info.type != H5O_TYPE_GROUP) return true;
  if (depth == DEPTH_MOST)
    return FAIL(w->st, "%s: %.200s: groups are nested deeper than %d", w->path, name, DEPTH_MOST);
  if (!H5(inside = H5Gopen2(group, link, H5P_DEFAULT)))
    return FAIL(w->st, "%s: %.200s: cannot be read: %s", w->path, name, why->text);
  const bool ok = walk(scratch, w, inside, name, depth + 1);
  h5_close(inside, why);
  return ok;
}

static bool walk(Arena scratch, Walk *w, hid_t group, const char *prefix, int depth) {
  char **link;
  int links;
  TRY(link_names(&scratch, w, group, &link, &links));
  for (int i = 0; i < links; i++)
    TRY(look_at_link(scratch, w, group, link[i],
                     arena_printf(&scratch, "%s%s%s", prefix, *prefix ? "/" : "", link[i]), depth));
  return true;
}

static bool open_file(const char *path, hid_t *file, Status *st) {
  Status reason = {0}, *why = &reason;
  if (!h5_start(why) || !H5(*file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)))
    return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  return true;
}

typedef struct ListWork {
  Arena scratch;
  const char *path;
} ListWork;

static bool list_work(FILE *out, void *context, Status *st) {
  const ListWork *work = context;
  Walk w = {.out = out, .path = work->path, .st = st};
  Status ignored = {0};
  hid_t file;
  child_limit(work->path);
  TRY(open_file(work->path, &file, st));
  w.of_results = dataset_is_results(file);
  const bool ok = walk(work->scratch, &w, file, "", 0);
  h5_close(file, &ignored);
  return ok;
}

/* --- the parent ------------------------------------------------------------------------------- */

static bool is_truth(const bool *value) {
  unsigned char byte;
  memcpy(&byte, value, 1);
  return byte <= 1;
}

/* What a child that broke may have written is looked at as well. */
static bool take_record(Arena *arena, const char **at, const char *end, StoredArray *a) {
  Record record;
  if ((size_t)(end - *at) < sizeof record) return false;
  memcpy(&record, *at, sizeof record);
  *at += sizeof record;
  const size_t left = (size_t)(end - *at);
  if (record.name > left || record.why > left - record.name ||
      !is_truth(&record.array.big_endian) || !is_truth(&record.array.of_f16) ||
      !is_truth(&record.array.has_axes))
    return false;
  *a = record.array;
  a->name = arena_printf(arena, "%.*s", (int)record.name, *at);
  a->why = record.why ? arena_printf(arena, "%.*s", (int)record.why, *at + record.name) : NULL;
  *at += record.name + record.why;
  a->proof[sizeof a->proof - 1] = a->axes[sizeof a->axes - 1] = 0;
  return a->rank >= 0 && a->rank <= ARRAYS_RANK_MOST;
}

bool arrays_list(Arena *arena, const char *path, StoredArray **array, int *count, Status *st) {
  /* The child's scratch is not the parent's: what either writes, the other does not see. */
  ListWork work = {.scratch = *arena, .path = path};
  const char *text;
  size_t bytes;
  TRY(child_work(arena, path, list_work, &work, &text, &bytes, st));
  const size_t most = bytes / sizeof(Record);
  *array = ARENA_NEW(arena, StoredArray, most);
  *count = 0;
  for (const char *at = text; at < text + bytes;) {
    if ((size_t)*count == most || !take_record(arena, &at, text + bytes, &(*array)[*count]))
      return FAIL(st, "%s: HDF5 failed to read it", path);
    (*count)++;
  }
  return true;
}

typedef struct ReadWork {
  const char *path, *name;
  size_t bytes;
  void *to; /* memory that both processes see */
} ReadWork;

static bool read_dataset(const ReadWork *work, hid_t file, Status *why) {
  StoredArray a = {.name = work->name};
  hid_t dataset = -1, type = -1;
  hsize_t bytes;
  TRY(dataset_describe(file, work->name, &a, why)); /* as it was when the file was listed */
  bytes = (hsize_t)a.bytes;
  for (int i = 0; i < a.rank; i++) bytes *= (hsize_t)a.size[i];
  if (bytes != work->bytes) return FAIL(why, "was changed while it was read");
  bool ok = H5(dataset = H5Dopen2(file, work->name, H5P_DEFAULT)) &&
            H5(type = H5Dget_type(dataset)) &&
            H5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, work->to));
  Status ignored = {0};
  h5_close(type, &ignored);
  h5_close(dataset, &ignored);
  return ok;
}

static bool read_work(FILE *out, void *context, Status *st) {
  const ReadWork *work = context;
  Status why = {0}, ignored = {0};
  hid_t file;
  (void)out;
  child_limit(work->path);
  TRY(open_file(work->path, &file, st));
  const bool ok = read_dataset(work, file, &why);
  h5_close(file, &ignored);
  return ok || FAIL(st, "%s: '%.100s': %s", work->path, work->name, why.text);
}

bool arrays_read(Arena scratch, const char *path, const char *name, size_t bytes, void *to,
                 Status *st) {
  void *shared =
      bytes ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : NULL;
  if (shared == MAP_FAILED)
    return FAIL(st, "%s: '%.100s': has %zu bytes, for which there is no memory: %s", path, name,
                bytes, strerror(errno));
  ReadWork work = {.path = path, .name = name, .bytes = bytes, .to = shared};
  const char *nothing;
  size_t none;
  const bool ok = child_work(&scratch, path, read_work, &work, &nothing, &none, st);
  if (ok && bytes) memcpy(to, shared, bytes);
  if (bytes) munmap(shared, bytes);
  return ok;
}

/* arrays: a walk through a file's groups, and a dataset's bytes, each in a child. */
#include "store/arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/child.h"
#include "store/hdf5.h"

enum { DEPTH_MOST = 16, LINKS_MOST = 200000 };

/* --- what a dataset is ------------------------------------------------------------------------ */

/* Of h5py: an enumeration of FALSE and TRUE in one byte. */
static bool is_bool(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  char *no = H5Tget_member_name(type, 0), *yes = H5Tget_member_name(type, 1);
  const bool is = no && yes && !strcmp(no, "FALSE") && !strcmp(yes, "TRUE");
  H5free_memory(no);
  H5free_memory(yes);
  return is;
}

/* Sign, exponent and fraction side by side, with the bias that IEEE has for as many bits. */
static bool is_plain_float(hid_t type, int bytes, int *exponent) {
  size_t sign, at, bits, fraction_at, fraction;
  if (H5Tget_fields(type, &sign, &at, &bits, &fraction_at, &fraction) < 0) return false;
  *exponent = (int)bits;
  return bits >= 2 && bits <= 11 && sign == (size_t)(8 * bytes - 1) && at == fraction &&
         fraction_at == 0 && bits + fraction + 1 == (size_t)(8 * bytes) &&
         H5Tget_norm(type) == H5T_NORM_IMPLIED &&
         H5Tget_ebias(type) == ((size_t)1 << (bits - 1)) - 1;
}

static bool get_type(hid_t type, StoredArray *a, Status *why) {
  const H5T_class_t class = H5Tget_class(type);
  const size_t bytes = H5Tget_size(type);
  if (class == H5T_STRING || (class == H5T_VLEN)) return FAIL(why, "holds text, or lists");
  if (class == H5T_COMPOUND) return FAIL(why, "holds records");
  if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
    return FAIL(why, "has elements of %zu bytes", bytes);
  a->bytes = (int)bytes;
  a->kind = class == H5T_ENUM                                           ? ARRAY_BOOL
            : class == H5T_FLOAT                                        ? ARRAY_FLOAT
            : class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE ? ARRAY_UNSIGNED
                                                                        : ARRAY_SIGNED;
  if (class == H5T_ENUM) return is_bool(type) || FAIL(why, "is an enumeration");
  if (class != H5T_FLOAT && class != H5T_INTEGER)
    return FAIL(why, "holds neither floats nor whole numbers");
  const H5T_order_t order = H5Tget_order(type);
  a->big_endian = order == H5T_ORDER_BE;
  if ((order != H5T_ORDER_LE && order != H5T_ORDER_BE) || H5Tget_precision(type) != 8 * bytes ||
      H5Tget_offset(type) != 0 ||
      (class == H5T_FLOAT && !is_plain_float(type, a->bytes, &a->exponent)))
    return FAIL(why, "has elements of %zu bytes that are laid out in another way than is read",
                bytes);
  return true;
}

static bool get_size(hid_t dataset, StoredArray *a, Status *why) {
  hsize_t dims[H5S_MAX_RANK] = {0};
  hid_t space;
  if (!H5(space = H5Dget_space(dataset))) return false;
  const H5S_class_t class = H5Sget_simple_extent_type(space);
  const int rank =
      class == H5S_SIMPLE || class == H5S_SCALAR ? H5Sget_simple_extent_ndims(space) : -1;
  if (rank >= 0) H5Sget_simple_extent_dims(space, dims, NULL);
  TRY(h5_close(space, why));
  if (rank < 0) return FAIL(why, "holds nothing");
  if (rank > ARRAYS_RANK_MOST)
    return FAIL(why, "has %d dimensions, at most %d are read", rank, ARRAYS_RANK_MOST);
  a->rank = rank;
  for (int i = 0; i < rank; i++) {
    if (dims[i] > INT64_MAX)
      return FAIL(why, "has a dimension of %llu", (unsigned long long)dims[i]);
    a->size[i] = (int64_t)dims[i];
  }
  return true;
}

/* Where the bytes are; none that no file of this size can hold. */
static bool get_place(hid_t dataset, hid_t list, bool deflated, hsize_t file_bytes, StoredArray *a,
                      Status *why) {
  hsize_t bytes = (hsize_t)a->bytes;
  errno = 0;
  const hsize_t storage = H5Dget_storage_size(dataset);
  const haddr_t at = H5Dget_offset(dataset);
  for (int i = 0; i < a->rank; i++)
    if (__builtin_mul_overflow(bytes, (hsize_t)a->size[i], &bytes))
      return FAIL(why, "is of more elements than can be counted");
  if (bytes && !storage) return FAIL(why, "holds no data");
  if (bytes / (deflated ? H5_DEFLATE_MOST : 1) > (storage < file_bytes ? storage : file_bytes))
    return FAIL(why, "claims %llu bytes, but %llu are stored", (unsigned long long)bytes,
                (unsigned long long)storage);
  a->at = H5Pget_layout(list) == H5D_CONTIGUOUS && at != HADDR_UNDEF && at <= INT64_MAX
              ? (int64_t)at
              : -1;
  return true;
}

/* A float of 32 or 64 bits, or whatever of them the file's conversion makes of it. */
static void get_scale(hid_t dataset, StoredArray *a) {
  static const char *const names[] = {"scale_factor", "scale"};
  for (int i = 0; i < 2 && a->scale == 0; i++) {
    Status ignored = {0};
    float narrow;
    if (H5Aexists(dataset, names[i]) <= 0) continue;
    if (h5_get_scalar(dataset, names[i], H5T_IEEE_F32LE, &narrow, &ignored))
      a->scale = (double)narrow;
    else if (!h5_get_scalar(dataset, names[i], H5T_IEEE_F64LE, &a->scale, &ignored))
      a->scale = NAN; /* it is there, and no scale */
    if (a->scale == 0) a->scale = NAN;
  }
}

enum { TEXT_MOST = 64 };

/* A text of fewer bytes, into room of its own; "" where there is none, or another. */
static const char *small_text(hid_t object, const char *name, char room[4 * TEXT_MOST]) {
  Arena small = {.next = room, .end = room + (size_t)4 * TEXT_MOST, .base = room};
  Status ignored = {0};
  const char *text;
  if (H5Aexists(object, name) <= 0) return "";
  return h5_get_text(&small, object, name, TEXT_MOST, &text, &ignored) ? text : "";
}

static void get_axes(hid_t dataset, StoredArray *a) {
  char room[4 * TEXT_MOST];
  Arena small = {.next = room, .end = room + sizeof room, .base = room};
  Status ignored = {0};
  const char *text;
  a->has_axes = H5Aexists(dataset, "axes") > 0;
  if (a->has_axes && h5_get_any_text(&small, dataset, "axes", sizeof a->axes, &text, &ignored))
    snprintf(a->axes, sizeof a->axes, "%s", text);
}

static bool is_results(hid_t file) {
  static const char own[] = "driftscope ";
  char room[4 * TEXT_MOST];
  return !strncmp(small_text(file, "program", room), own, sizeof own - 1);
}

/* What is called a digest and is none is that of no bytes. */
static void get_proof(hid_t at, const char *link, StoredArray *a) {
  char room[4 * TEXT_MOST];
  Status ignored = {0};
  hid_t dataset = H5Dopen2(at, link, H5P_DEFAULT);
  if (dataset < 0) return;
  a->of_f16 = a->kind == ARRAY_FLOAT && a->bytes == 4 &&
              !strcmp(small_text(dataset, "format", room), "float16");
  if (H5Aexists(dataset, "digest") > 0)
    snprintf(a->proof, sizeof a->proof, "%s.", small_text(dataset, "digest", room));
  h5_close(dataset, &ignored);
}

static bool describe(hid_t at, const char *name, StoredArray *a, Status *why) {
  hid_t dataset = -1, list = -1, type = -1, file = -1;
  hsize_t file_bytes = 0;
  bool deflated = false;
  bool ok = H5(dataset = H5Dopen2(at, name, H5P_DEFAULT)) &&
            H5(list = H5Dget_create_plist(dataset)) && h5_check_layout(list, &deflated, why) &&
            H5(type = H5Dget_type(dataset)) && get_type(type, a, why) &&
            get_size(dataset, a, why) && H5(file = H5Iget_file_id(at)) &&
            H5(H5Fget_filesize(file, &file_bytes)) &&
            get_place(dataset, list, deflated, file_bytes, a, why);
  if (ok) get_scale(dataset, a);
  if (ok) get_axes(dataset, a);
  Status ignored = {0};
  h5_close(file, &ignored);
  h5_close(type, &ignored);
  h5_close(list, &ignored);
  h5_close(dataset, &ignored);
  return ok;
}

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
  if (!describe(at, link, &a, &why))
    a.why = why.text;
  else if (w->of_results)
    get_proof(at, link, &a);
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
  w.of_results = is_results(file);
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
  TRY(describe(file, work->name, &a, why)); /* as it was when the file was listed */
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

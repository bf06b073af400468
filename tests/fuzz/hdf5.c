/* Two inputs: a structure, of which HDF5 makes a file: datasets of every type, layout, shape,
 * scale, digest and format, and links of every kind; and what the child that lists a file tells,
 * behind the bytes of the file, of which a child that broke may have made anything. Every dataset
 * that can be stands there twice, in a row and in packed chunks, and has the same values both ways.
 * What otherwise a child does is done here (the Makefile wraps child_work): what is looked for are
 * our own defects, and HDF5 makes sound files. */
#include <hdf5.h>

#include "base/child.h"
#include "base/digest.h"
#include "dump.h"
#include "store/store.h"

static Folder files = {.name = {"s.h5", "t.h5"}};

static void leave(void) { folder_remove(&files); }

static const char *begin(int i, char path[128]) {
  static bool begun;
  if (!begun) atexit(leave), store_start();
  begun = true;
  folder_make(&files);
  snprintf(path, 128, "%s/%s", files.path, files.name[i]);
  return path;
}

/* --- the work of children --------------------------------------------------------------------- */

/* `here`: it is done in this process, which tells `told` where that has data, and keeps in `heard`
 * what was told last. */
static bool here;
static Bytes told;
static char heard[1 << 16];
static size_t heard_bytes;

bool __real_child_work(Arena *arena, const char *what, ChildWork work, void *context,
                       const char **text, size_t *count, Status *st);
bool __wrap_child_work(Arena *arena, const char *what, ChildWork work, void *context,
                       const char **text, size_t *count, Status *st);
bool __wrap_child_work(Arena *arena, const char *what, ChildWork work, void *context,
                       const char **text, size_t *count, Status *st) {
  char *room = NULL;
  size_t bytes = 0;
  if (!here) return __real_child_work(arena, what, work, context, text, count, st);
  FILE *out = open_memstream(&room, &bytes);
  if (told.data) fwrite(told.data, 1, told.count, out);
  const bool ok = told.data || work(out, context, st);
  told = (Bytes){0};
  fclose(out);
  *text = memcpy(arena_alloc(arena, bytes + 1, 1), room, bytes);
  *count = bytes;
  heard_bytes = bytes < sizeof heard ? bytes : 0;
  memcpy(heard, room, heard_bytes);
  free(room);
  return ok;
}

/* --- a structure ------------------------------------------------------------------------------ */

typedef struct Input {
  const uint8_t *at, *end;
} Input;

static unsigned next(Input *in) { return in->at < in->end ? *in->at++ : 0; }

static hid_t odd_float(size_t bytes, size_t exponent, size_t bias) {
  hid_t type = H5Tcopy(H5T_IEEE_F64LE);
  const size_t fraction = 8 * bytes - 1 - exponent;
  H5Tset_fields(type, 8 * bytes - 1, fraction, exponent, 0, fraction);
  H5Tset_size(type, bytes);
  H5Tset_ebias(type, bias);
  return type;
}

static hid_t truth(const char *no) {
  hid_t type = H5Tenum_create(H5T_STD_I8LE);
  H5Tenum_insert(type, no, &(int8_t){0});
  H5Tenum_insert(type, "TRUE", &(int8_t){1});
  return type;
}

static hid_t record(void) {
  hid_t type = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(type, "a", 0, H5T_STD_I32LE);
  return type;
}

static hid_t text(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, 4);
  return type;
}

static hid_t short_integer(void) {
  hid_t type = H5Tcopy(H5T_STD_I16LE);
  H5Tset_precision(type, 11);
  return type;
}

/* The caller closes it. */
static hid_t made_type(unsigned which) {
  switch (which % 24) {
    case 0: return H5Tcopy(H5T_IEEE_F32LE);
    case 1: return H5Tcopy(H5T_IEEE_F64LE);
    case 2: return H5Tcopy(H5T_IEEE_F32BE);
    case 3: return H5Tcopy(H5T_IEEE_F64BE);
    case 4: return H5Tcopy(H5T_STD_I8LE);
    case 5: return H5Tcopy(H5T_STD_U8LE);
    case 6: return H5Tcopy(H5T_STD_I16BE);
    case 7: return H5Tcopy(H5T_STD_U16LE);
    case 8: return H5Tcopy(H5T_STD_I32LE);
    case 9: return H5Tcopy(H5T_STD_U32BE);
    case 10: return H5Tcopy(H5T_STD_I64LE);
    case 11: return H5Tcopy(H5T_STD_U64LE);
    case 12: return odd_float(2, 5, 15);
    case 13: return odd_float(2, 8, 127);
    case 14: return odd_float(1, 5, 15);
    case 15: return odd_float(1, 4, 7);
    case 16: return odd_float(2, 6, 31);
    case 17: return odd_float(4, 8, 100);
    case 18: return truth("FALSE");
    case 19: return truth("NO");
    case 20: return record();
    case 21: return text();
    case 22: return short_integer();
    default: return H5Tcopy(H5T_STD_I8BE);
  }
}

static void put_text(hid_t object, const char *name, const char *value) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(value) ? strlen(value) : 1);
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, value);
  H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
}

static void put_number(hid_t object, const char *name, hid_t type, double value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value);
  H5Aclose(attribute), H5Sclose(space);
}

static void put_attributes(hid_t dataset, unsigned which, const void *data, size_t bytes) {
  static const double scales[] = {0.5, 0, -1, 1e300, 1e-300, 1.0 / 3};
  const char *const digests[] = {digest_of(data, bytes).hex, "0123456789abcdef0123456789abcdef", "",
                                 "not thirty-two"};
  const unsigned scale = which % 16, digest = which / 16 % 8, format = which / 128;
  if (scale < 6) put_number(dataset, "scale_factor", H5T_IEEE_F32LE, scales[scale]);
  if (scale > 9) put_number(dataset, "scale", H5T_IEEE_F64BE, scales[scale - 10]);
  if (digest < 4) put_text(dataset, "digest", digests[digest]);
  if (format) put_text(dataset, "format", "float16");
}

enum { DIMS = 3, DIM_MOST = 7, BYTES_MOST = DIM_MOST * DIM_MOST * DIM_MOST * 8 };

typedef struct Plan {
  unsigned type, layout, attributes;
  int rank;
  hsize_t dims[DIMS];
  unsigned char data[BYTES_MOST];
} Plan;

static void next_plan(Input *in, Plan *plan) {
  *plan = (Plan){.type = next(in), .layout = next(in), .attributes = next(in)};
  plan->rank = (int)(next(in) % (DIMS + 1));
  for (int i = 0; i < plan->rank; i++) plan->dims[i] = next(in) % (DIM_MOST + 1);
  const unsigned first = next(in), step = next(in);
  for (unsigned i = 0; i < BYTES_MOST; i++)
    plan->data[i] = (unsigned char)(first + step * i + (i >> 3) * 7);
}

/* In chunks of at most 2 each way, packed; else as the plan says. */
static hid_t made_list(const Plan *plan, bool packed) {
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[DIMS];
  for (int i = 0; i < plan->rank; i++) chunk[i] = plan->dims[i] < 2 ? 1 : 2;
  if (packed) {
    H5Pset_chunk(list, plan->rank, chunk);
    if (plan->layout & 8) H5Pset_shuffle(list);
    if (plan->layout & 16) H5Pset_deflate(list, 1);
    if (plan->layout & 32) H5Pset_fletcher32(list);
  } else if (plan->layout % 4 == 1) {
    H5Pset_layout(list, H5D_COMPACT);
  }
  return list;
}

/* False where the name is taken. */
static bool put_dataset(hid_t file, const char *name, const Plan *plan, bool packed) {
  hid_t type = made_type(plan->type), list = made_list(plan, packed),
        links = H5Pcreate(H5P_LINK_CREATE);
  hid_t space = plan->layout % 64 == 63 ? H5Screate(H5S_NULL)
                : plan->rank            ? H5Screate_simple(plan->rank, plan->dims, NULL)
                                        : H5Screate(H5S_SCALAR);
  size_t bytes = H5Tget_size(type);
  H5Pset_create_intermediate_group(links, 1);
  for (int i = 0; i < plan->rank; i++) bytes *= plan->dims[i];
  hid_t dataset = H5Dcreate2(file, name, type, space, links, list, H5P_DEFAULT);
  if (dataset >= 0) {
    if (plan->layout % 4 != 3) H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, plan->data);
    put_attributes(dataset, plan->attributes, plan->data, bytes);
    H5Dclose(dataset);
  }
  H5Sclose(space), H5Pclose(links), H5Pclose(list), H5Tclose(type);
  return dataset >= 0;
}

static void put_link(hid_t file, unsigned which, const char *name) {
  if (which == 0) H5Lcreate_soft("/elsewhere", file, name, H5P_DEFAULT, H5P_DEFAULT);
  if (which == 1) H5Lcreate_external("x.h5", "/x", file, name, H5P_DEFAULT, H5P_DEFAULT);
  if (which == 2) H5Lcreate_hard(file, "/", file, name, H5P_DEFAULT, H5P_DEFAULT);
  if (which == 3) H5Lcreate_hard(file, "layers.0.x", file, name, H5P_DEFAULT, H5P_DEFAULT);
}

static const char *const names[] = {
    "layers.0.x", "layers.1.x",     "q",         "q.scale",
    "a/b",        "a/b.scale",      "a/b/c",     "prompts/p/2-0/embedding",
    "n\n\x1b",    "attention_mask", "input_ids", "layers.0.x.scale"};
enum { NAMES = sizeof names / sizeof *names, DATASETS_MOST = 16 };

static void make_file(Input *in, const char *path) {
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  FUZZ_CHECK(file >= 0, "%s cannot be made", path);
  put_text(file, "program", next(in) % 2 ? "driftscope 0.1.0" : "another");
  for (int i = 0; i < DATASETS_MOST && in->at < in->end; i++) {
    const unsigned which = next(in);
    const char *name = names[which % NAMES];
    char again[64];
    Plan plan;
    if (which / NAMES > 16) {
      put_link(file, which / NAMES - 17, name);
      continue;
    }
    next_plan(in, &plan);
    bool whole = put_dataset(file, name, &plan, false) && plan.rank > 0;
    for (int k = 0; k < plan.rank; k++) whole = whole && plan.dims[k] > 0;
    snprintf(again, sizeof again, "%s_packed", name);
    if (whole) put_dataset(file, again, &plan, true);
  }
  H5Fclose(file);
}

static const DumpArray *find(const Dump *dump, const char *name) {
  for (int i = 0; i < dump->arrays; i++)
    if (!strcmp(dump->array[i].name, name)) return &dump->array[i];
  return NULL;
}

static void check_same(Arena arena, const Dump *dump) {
  const DumpAxes axes = {.batch = -1};
  for (int i = 0; i < dump->arrays; i++) {
    const DumpArray *a = &dump->array[i],
                    *b = find(dump, arena_printf(&arena, "%s_packed", a->name));
    Arena scratch = arena;
    Tensor x, y;
    Status st = {0}, other = {0};
    if (!b) continue;
    const bool read = dump_read(&scratch, dump, a, &axes, NULL, &x, &st),
               also = dump_read(&scratch, dump, b, &axes, NULL, &y, &other);
    FUZZ_CHECK(read == also, "%s: '%s' / '%s'", a->name, st.text, other.text);
    FUZZ_CHECK(
        !read || (x.rows == y.rows && x.cols == y.cols && x.format == y.format &&
                  !memcmp(x.data, y.data, (size_t)x.rows * (size_t)x.cols * format_size(x.format))),
        "%s: other values in chunks", a->name);
  }
}

static bool open_here(Arena *arena, const char *path, Dump *dump) {
  Status st = {0};
  here = true;
  const bool ok = dump_open(arena, path, dump, &st);
  if (ok)
    dump_read_all(*arena, dump, path);
  else
    fuzz_refused(&st, path);
  return ok;
}

bool fuzz_hdf5(const uint8_t *data, size_t count) {
  Input in = {data, data + count};
  Arena arena = fuzz_arena(count, (size_t)1 << 24);
  Dump dump;
  char path[128];
  make_file(&in, begin(0, path));
  const bool ok = open_here(&arena, path, &dump);
  if (ok) check_same(arena, &dump);
  here = false;
  return ok;
}

/* Of results: float32 in a row, with its right digest; and int8 with its scale. */
Bytes made_hdf5(Arena *arena) {
  static const unsigned char input[] = {1, 0, 0, 0, 6, 2, 3, 4, 9, 5, 2, 4, 24, 0, 2, 5, 2, 7, 1};
  return (Bytes){memcpy(arena_alloc(arena, sizeof input, 1), input, sizeof input), sizeof input};
}

/* --- what a child tells ----------------------------------------------------------------------- */

/* As this program tells of the file of made_hdf5. */
Bytes made_listing(Arena *arena) {
  Arena scratch = *arena;
  const Bytes input = made_hdf5(arena);
  Input in = {(const uint8_t *)input.data, (const uint8_t *)input.data + input.count};
  Dump dump;
  Status st = {0};
  char path[128];
  make_file(&in, begin(0, path));
  here = true;
  FUZZ_CHECK(dump_open(&scratch, path, &dump, &st), "%s", st.text);
  here = false;
  return (Bytes){memcpy(arena_alloc(arena, heard_bytes, 1), heard, heard_bytes), heard_bytes};
}

/* Behind a file of HDF5's signature and nothing that HDF5 could read. */
bool fuzz_listing(const uint8_t *data, size_t count) {
  enum { FILE_BYTES = 1 << 12 };
  static const char signature[] = "\x89HDF\r\n\x1a\n";
  char path[128], content[FILE_BYTES] = {0};
  Arena arena = fuzz_arena(count, (size_t)1 << 24);
  Dump dump;
  begin(1, path);
  memcpy(content, signature, sizeof signature - 1);
  folder_write(&files, 1, (Bytes){content, sizeof content});
  told = (Bytes){(const char *)data, count};
  const bool ok = open_here(&arena, path, &dump);
  told = (Bytes){0};
  here = false;
  return ok;
}

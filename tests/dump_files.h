/* dump_files: files as other programs write them, and what is read out of them again. */
#ifndef DS_TESTS_DUMP_FILES_H
#define DS_TESTS_DUMP_FILES_H
#include <math.h>
#include <sys/stat.h>
#include <zlib.h>

#include "source/dump/dump.h"
#include "tests/model_files.h"

typedef struct Made {
  unsigned char *bytes;
  size_t count;
} Made;

static inline void made_put(Made *m, const void *bytes, size_t count) {
  unsigned char *larger = arena_alloc(&test_arena, m->count + count + 1, 1);
  if (m->count) memcpy(larger, m->bytes, m->count);
  if (count) memcpy(larger + m->count, bytes, count);
  *m = (Made){larger, m->count + count};
}

static inline void made_number(Made *m, uint64_t value, int bytes) {
  unsigned char byte[8];
  for (int i = 0; i < bytes; i++) byte[i] = (unsigned char)(value >> 8 * i);
  made_put(m, byte, (size_t)bytes);
}

/* A .npy file with this dictionary for a header, which ends at a multiple of 64. */
static inline Made made_npy(const char *dictionary, const void *data, size_t bytes) {
  Made m = {0};
  const size_t length = strlen(dictionary), head = (10 + length + 1 + 63) / 64 * 64;
  made_put(&m, "\x93NUMPY\1\0", 8);
  made_number(&m, head - 10, 2);
  made_put(&m, dictionary, length);
  while (m.count < head - 1) made_put(&m, " ", 1);
  made_put(&m, "\n", 1);
  made_put(&m, data, bytes);
  return m;
}
#define NPY(descr, order, shape)                                                                   \
  "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

typedef enum ZipHow { ZIP_STORED, ZIP_DEFLATED, ZIP_64 } ZipHow;
typedef struct ZipPart {
  const char *name;
  Made content;
} ZipPart;

static inline Made deflated(Made content) {
  Made out = {arena_alloc(&test_arena, compressBound(content.count) + 64, 1), 0};
  z_stream stream = {.next_in = content.bytes,
                     .avail_in = (uInt)content.count,
                     .next_out = out.bytes,
                     .avail_out = (uInt)compressBound(content.count) + 64};
  cr_assert(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  cr_assert(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.count = stream.total_out;
  deflateEnd(&stream);
  return out;
}

/* What of a part's header stands in the directory too: from the version on, to the lengths. */
static inline void zip_fields(Made *m, const ZipPart *part, ZipHow how, size_t stored,
                              size_t extra) {
  const uint32_t crc = (uint32_t)crc32(0, part->content.bytes, (uInt)part->content.count);
  made_number(m, 20, 2);
  made_number(m, 0, 2);
  made_number(m, how == ZIP_DEFLATED ? 8 : 0, 2);
  made_number(m, 0, 4);
  made_number(m, crc, 4);
  made_number(m, how == ZIP_64 ? UINT32_MAX : stored, 4);
  made_number(m, how == ZIP_64 ? UINT32_MAX : part->content.count, 4);
  made_number(m, strlen(part->name), 2);
  made_number(m, extra, 2);
}

/* ZIP_64: every number stands where wide ones do. */
static inline Made made_zip(const ZipPart *part, int parts, ZipHow how) {
  Made m = {0}, directory = {0};
  for (int i = 0; i < parts; i++) {
    const Made stored = how == ZIP_DEFLATED ? deflated(part[i].content) : part[i].content;
    const size_t local = m.count, wide = how == ZIP_64 ? 28 : 0;
    made_number(&m, 0x04034b50, 4);
    zip_fields(&m, &part[i], how, stored.count, 0);
    made_put(&m, part[i].name, strlen(part[i].name));
    made_put(&m, stored.bytes, stored.count);
    made_number(&directory, 0x02014b50, 4);
    made_number(&directory, 20, 2);
    zip_fields(&directory, &part[i], how, stored.count, wide);
    made_number(&directory, 0, 8); /* comment, disk and attributes */
    made_number(&directory, 0, 2);
    made_number(&directory, how == ZIP_64 ? UINT32_MAX : local, 4);
    made_put(&directory, part[i].name, strlen(part[i].name));
    if (!wide) continue;
    made_number(&directory, 1, 2);
    made_number(&directory, 24, 2);
    made_number(&directory, part[i].content.count, 8);
    made_number(&directory, stored.count, 8);
    made_number(&directory, local, 8);
  }
  const size_t at = m.count, end64 = at + directory.count;
  made_put(&m, directory.bytes, directory.count);
  if (how == ZIP_64) {
    made_number(&m, 0x06064b50, 4);
    made_number(&m, 44, 8);
    made_number(&m, 0, 4);
    made_number(&m, 0, 8);
    made_number(&m, (uint64_t)parts, 8);
    made_number(&m, (uint64_t)parts, 8);
    made_number(&m, directory.count, 8);
    made_number(&m, at, 8);
    made_number(&m, 0x07064b50, 4);
    made_number(&m, 0, 4);
    made_number(&m, end64, 8);
    made_number(&m, 1, 4);
  }
  made_number(&m, 0x06054b50, 4);
  made_number(&m, 0, 4);
  made_number(&m, how == ZIP_64 ? 0xffff : (uint64_t)parts, 2);
  made_number(&m, how == ZIP_64 ? 0xffff : (uint64_t)parts, 2);
  made_number(&m, how == ZIP_64 ? UINT32_MAX : directory.count, 4);
  made_number(&m, how == ZIP_64 ? UINT32_MAX : at, 4);
  made_number(&m, 0, 2);
  return m;
}

static inline const char *write_made(const char *name, Made m) {
  return test_write(name, m.bytes, m.count);
}

static inline const char *make_folder(const char *name) {
  const char *path = test_path(name);
  cr_assert(mkdir(path, 0700) == 0, "%s", path);
  return path;
}

/* --- read again ------------------------------------------------------------------------------- */

static inline Dump opened(const char *path) {
  Dump dump;
  Status st = {0};
  memset(&dump, 0xa5, sizeof dump);
  cr_assert(dump_open(&test_arena, path, &dump, &st), "%s", st.text);
  return dump;
}

static inline const DumpArray *array_of(const Dump *dump, const char *name) {
  for (int i = 0; i < dump->arrays; i++)
    if (!strcmp(dump->array[i].name, name)) return &dump->array[i];
  cr_assert(false, "no array '%s'", name);
  return NULL;
}

/* Memory that an array is read into holds junk before; under AddressSanitizer it is the arena's,
 * and not to be touched. */
static inline void spoil_arena(void) {
#ifndef __SANITIZE_ADDRESS__
  memset(test_arena.next, 0xa5, (size_t)1 << 16);
#endif
}

static inline Tensor read_as(const Dump *dump, const DumpArray *array, const char *order,
                             int batch) {
  const DumpAxes axes = {order, batch};
  Status st = {0};
  Tensor t;
  int rows, cols;
  spoil_arena();
  cr_assert(dump_sizes(dump, array, &axes, &rows, &cols, &st), "%s", st.text);
  cr_assert(dump_read(&test_arena, dump, array, &axes, NULL, &t, &st), "%s", st.text);
  cr_assert(t.rows == rows && t.cols == cols && t.stride == cols && t.format == dump_format(array));
  return t;
}

static inline double element(const Tensor *t, int row, int col) {
  const FormatInfo *format = &format_info[t->format];
  const size_t at = (size_t)row * (size_t)t->stride + (size_t)col;
  return format_decode(format, format_load(format, t->data, at), t->scale.value);
}

static inline void expect_values(const Tensor *t, int rows, int cols, const double *want) {
  cr_assert(t->rows == rows && t->cols == cols, "is %d x %d, not %d x %d", t->rows, t->cols, rows,
            cols);
  for (int i = 0; i < rows * cols; i++) {
    const double got = element(t, i / cols, i % cols);
    cr_expect(got == want[i] || (isnan(got) && isnan(want[i])), "[%d, %d] is %a, not %a", i / cols,
              i % cols, got, want[i]);
  }
}
#define VALUES(...) ((const double[]){__VA_ARGS__})

static inline void refuse_dump(const char *path, const char *const *words) {
  Dump dump;
  Status st = {0};
  test_refused(dump_open(&test_arena, path, &dump, &st), &st, words);
}
#endif

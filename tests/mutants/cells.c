/* cells: the rows of a table and the attributes of the root, with values of no sense, and digests
 * that are right. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

/* A table in memory, as the file has it. */
typedef struct Rows {
  hid_t type;
  size_t size, count; /* bytes of a row, rows */
  unsigned char *data;
} Rows;

static bool rows_read(hid_t file, const char *path, Rows *rows) {
  hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  if (dataset < 0) return false; /* an earlier change took it away */
  hid_t space = H5Dget_space(dataset);
  rows->type = H5Dget_type(dataset);
  rows->size = H5Tget_size(rows->type);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  bool ok = H5Tget_class(rows->type) == H5T_COMPOUND && count > 0 && count < 1 << 20;
  rows->count = ok ? (size_t)count : 0;
  rows->data = malloc(rows->size * (rows->count + 1));
  ok = ok && H5Dread(dataset, rows->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows->data) >= 0;
  H5Sclose(space);
  H5Dclose(dataset);
  if (!ok) H5Tclose(rows->type), free(rows->data);
  return ok;
}

/* In place of the table that was there. */
static void rows_write(hid_t file, const char *path, Rows *rows) {
  hsize_t count = rows->count;
  hid_t space = H5Screate_simple(1, &count, NULL);
  H5Ldelete(file, path, H5P_DEFAULT);
  hid_t dataset = H5Dcreate2(file, path, rows->type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (dataset >= 0) {
    if (count) H5Dwrite(dataset, rows->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows->data);
    put_digest(dataset);
    H5Dclose(dataset);
  }
  H5Sclose(space);
  H5Tclose(rows->type);
  free(rows->data);
}

static void put_double(Draws *d, unsigned char *cell, size_t size) {
  static const double some[] = {NAN,  INFINITY, -INFINITY, 1e308, -1e308, 5e-324,
                                -0.0, 0,        -1,        1,     1e18,   0.5};
  const double value = some[draw(d, sizeof some / sizeof *some)];
  if (size == sizeof value) memcpy(cell, &value, size);
}

static void put_integer(Draws *d, unsigned char *cell, size_t size) {
  static const int64_t some[] = {-2,
                                 -1,
                                 0,
                                 1,
                                 2,
                                 7,
                                 63,
                                 64,
                                 65,
                                 1000,
                                 1023,
                                 1024,
                                 1025,
                                 999999,
                                 INT32_MAX,
                                 INT32_MIN,
                                 INT64_MAX,
                                 INT64_MIN,
                                 (int64_t)1 << 40};
  const int64_t value = some[draw(d, sizeof some / sizeof *some)];
  memcpy(cell, &value, size < sizeof value ? size : sizeof value);
}

/* Once in twenty without an end. */
static void put_letters(Draws *d, unsigned char *cell, size_t size) {
  size_t bytes;
  const char *text = draw_text(d, &bytes);
  const size_t most = draw(d, 20) ? size - 1 : size;
  memset(cell, 0, size);
  memcpy(cell, text, bytes < most ? bytes : most);
}

/* One cell, a column's in every row, or a copy of the same column's cell of another row. */
static void change_column(Draws *d, Rows *rows) {
  const unsigned column = draw(d, (unsigned)H5Tget_nmembers(rows->type));
  hid_t member = H5Tget_member_type(rows->type, column);
  const size_t offset = H5Tget_member_offset(rows->type, column), size = H5Tget_size(member);
  const H5T_class_t class = H5Tget_class(member);
  const bool all = draw(d, 2);
  const size_t first = all ? 0 : draw(d, (unsigned)rows->count),
               last = all ? rows->count : first + 1;
  unsigned char *cell = rows->data + first * rows->size + offset;
  char *name = H5Tget_member_name(rows->type, column);
  if (!draw(d, 6))
    memcpy(cell, rows->data + draw(d, (unsigned)rows->count) * rows->size + offset, size);
  else
    (class == H5T_FLOAT     ? put_double
     : class == H5T_INTEGER ? put_integer
                            : put_letters)(d, cell, size);
  for (size_t r = first + 1; r < last; r++)
    memcpy(rows->data + r * rows->size + offset, cell, size);
  say_done(d, ".%s%s ", name, all ? " in all rows" : "");
  H5free_memory(name);
  H5Tclose(member);
}

static void change_rows(Draws *d, Rows *rows) {
  const size_t count = rows->count;
  switch (draw(d, 4)) {
    case 0:
      rows->count = draw(d, (unsigned)count + 1);
      say_done(d, " cut to %zu ", rows->count);
      break;
    case 1:
      rows->count = 2 * count;
      rows->data = realloc(rows->data, rows->size * rows->count);
      memcpy(rows->data + rows->size * count, rows->data, rows->size * count);
      say_done(d, " doubled ");
      break;
    case 2:
      for (size_t i = count; i > 1; i--) {
        const size_t j = draw(d, (unsigned)i);
        for (size_t b = 0; b < rows->size; b++) {
          unsigned char *x = rows->data + (i - 1) * rows->size + b,
                        *y = rows->data + j * rows->size + b, kept = *x;
          *x = *y, *y = kept;
        }
      }
      say_done(d, " shuffled ");
      break;
    default:
      memmove(rows->data, rows->data + draw(d, (unsigned)count) * rows->size, rows->size);
      rows->count = 1;
      say_done(d, " one row ");
  }
}

static void change_attribute(Draws *d, hid_t file) {
  char name[128];
  H5O_info_t info;
  size_t bytes;
  if (H5Oget_info(file, &info) < 0 || !info.num_attrs) return;
  if (H5Aget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, draw(d, (unsigned)info.num_attrs),
                         name, sizeof name, H5P_DEFAULT) < 0)
    return;
  say_done(d, "attribute %s ", name);
  if (draw(d, 3)) {
    const char *text = draw_text(d, &bytes);
    put_text_attribute(file, name, text, bytes);
    return;
  }
  double value = 0;
  hid_t space = H5Screate(H5S_SCALAR);
  put_double(d, (unsigned char *)&value, sizeof value);
  put_attribute(file, name, H5T_IEEE_F64LE, space, &value);
  H5Sclose(space);
}

void mutate_cells(Draws *d, const Seed *seed, hid_t file) {
  Rows rows;
  if (!draw(d, 10) || !seed->tables) {
    change_attribute(d, file);
    return;
  }
  const char *path = seed->object[draw(d, (unsigned)seed->tables)].path;
  if (!rows_read(file, path, &rows)) return;
  say_done(d, "%s", path + strlen("tables/"));
  if (draw(d, 5))
    change_column(d, &rows);
  else
    change_rows(d, &rows);
  rows_write(file, path, &rows);
}

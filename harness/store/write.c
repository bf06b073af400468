/* write: groups, attributes, arrays, tensors and tables into an open HDF5 file. Every call is
 * checked, the closing ones too: a full disk shows itself in H5Dclose for small datasets (sieve
 * buffer) and for chunks (chunk cache). */
#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>

#include "store/hdf5.h"

/* A property list of a class, with the two settings that equal runs need: no times, and links in
 * their order. */
static bool properties(hid_t class, hid_t *list, Status *why) {
  return H5(*list = H5Pcreate(class)) && H5(H5Pset_obj_track_times(*list, false)) &&
         (class == H5P_DATASET_CREATE ||
          H5(H5Pset_link_creation_order(*list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)));
}

/* Format 1.8: its metadata carries checksums, older readers understand it, and no flag stays set in
 * a killed writer's file. */
hid_t h5_create_file(const char *path, Status *why) {
  hid_t access = -1, creation = -1, file = -1;
  bool ok = h5_start(why) && H5(access = H5Pcreate(H5P_FILE_ACCESS)) &&
            properties(H5P_FILE_CREATE, &creation, why) &&
            H5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18)) &&
            H5(file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access));
  ok = h5_close(creation, why) && ok;
  ok = h5_close(access, why) && ok;
  if (ok || file < 0) return file;
  H5Fclose(file);
  return -1;
}

hid_t h5_open_file_to_change(const char *path, Status *why) {
  hid_t access = -1, file = -1;
  bool ok = h5_start(why) && H5(access = H5Pcreate(H5P_FILE_ACCESS)) &&
            H5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18)) &&
            H5(file = H5Fopen(path, H5F_ACC_RDWR, access));
  ok = h5_close(access, why) && ok;
  if (ok || file < 0) return file;
  H5Fclose(file);
  return -1;
}

bool h5_make_path(hid_t file, const char *path, hid_t *group, Status *why) {
  char part[256];
  *group = -1;
  bool ok = H5(*group = H5Gopen2(file, "/", H5P_DEFAULT));
  while (ok && *path) {
    size_t length = strcspn(path, "/");
    snprintf(part, sizeof part, "%.*s", (int)length, path);
    path += length + (path[length] == '/');
    htri_t there = H5Lexists(*group, part, H5P_DEFAULT);
    hid_t list = -1, link = -1, next = -1;
    ok = h5_ok(there >= 0, why) && properties(H5P_GROUP_CREATE, &list, why) &&
         H5(link = H5Pcreate(H5P_LINK_CREATE)) && H5(H5Pset_char_encoding(link, H5T_CSET_UTF8)) &&
         H5(next = there ? H5Gopen2(*group, part, H5P_DEFAULT)
                         : H5Gcreate2(*group, part, link, list, H5P_DEFAULT));
    ok = h5_close(list, why) && ok;
    ok = h5_close(link, why) && ok;
    ok = h5_close(*group, why) && ok;
    *group = next;
  }
  return ok;
}

bool h5_put_scalar(hid_t object, const char *name, hid_t type, const void *value, Status *why) {
  hid_t space = -1, attribute = -1;
  bool ok = H5(space = H5Screate(H5S_SCALAR)) &&
            H5(attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT)) &&
            H5(H5Awrite(attribute, type, value));
  ok = h5_close(attribute, why) && ok;
  return h5_close(space, why) && ok;
}

/* An empty text is one NUL: HDF5 has no string of length 0. */
bool h5_put_text(hid_t object, const char *name, const char *text, Status *why) {
  hid_t type = -1;
  bool ok = H5(type = h5_text_type(*text ? strlen(text) : 1)) &&
            h5_put_scalar(object, name, type, text, why);
  return h5_close(type, why) && ok;
}

/* `early`: its storage is taken now, and written by others. */
static bool make_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims,
                       bool early, hid_t *dataset, Status *why) {
  hid_t space = -1, list = -1;
  *dataset = -1;
  bool ok = H5(space = H5Screate_simple(rank, dims, NULL)) &&
            properties(H5P_DATASET_CREATE, &list, why) &&
            (!early || (H5(H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY)) &&
                        H5(H5Pset_fill_time(list, H5D_FILL_TIME_NEVER)))) &&
            H5(*dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT));
  ok = h5_close(list, why) && ok;
  return h5_close(space, why) && ok;
}

bool h5_put_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims,
                  const void *data, hid_t *dataset, Status *why) {
  return make_array(group, name, type, rank, dims, false, dataset, why) &&
         (!data || H5(H5Dwrite(*dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data)));
}

bool h5_make_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims,
                   hid_t *dataset, Status *why) {
  return make_array(group, name, type, rank, dims, true, dataset, why);
}

/* Chunks of about 256 KiB: tables are read whole. */
bool h5_put_rows(hid_t group, const Table *table, const void *rows, size_t count, Status *why) {
  enum { CHUNK_BYTES = 1 << 18 };
  const char *names[COLUMNS_MOST];
  size_t offsets[COLUMNS_MOST];
  hid_t types[COLUMNS_MOST], dataset = -1;
  if (table->columns > COLUMNS_MOST)
    return FAIL(why, "%d columns, at most %d", table->columns, COLUMNS_MOST);
  bool ok = true;
  for (int i = 0; i < table->columns; i++) {
    names[i] = table->column[i].name;
    offsets[i] = table->column[i].offset;
    ok = H5(types[i] = h5_column_type(&table->column[i])) && ok;
  }
  size_t chunk = CHUNK_BYTES / table->row_size;
  if (chunk > count) chunk = count;
  if (chunk < 1) chunk = 1;
  Digest digest = digest_of(rows, count * table->row_size);
  ok = ok &&
       H5(H5TBmake_table(table->title, group, table->name, (hsize_t)table->columns, count,
                         table->row_size, names, offsets, types, chunk, NULL, 0, rows)) &&
       H5(dataset = H5Dopen2(group, table->name, H5P_DEFAULT)) &&
       h5_put_text(dataset, "digest", digest.hex, why);
  ok = h5_close(dataset, why) && ok;
  for (int i = 0; i < table->columns; i++) ok = h5_close(types[i], why) && ok;
  return ok;
}

/* --- made first, filled later ----------------------------------------------------------------- */

enum { ROOM_MOST = 256 }; /* bytes of a text that is filled in later */

bool h5_put_room(hid_t object, const char *name, size_t bytes, Status *why) {
  static const char nothing[ROOM_MOST];
  hid_t type = -1;
  if (bytes > ROOM_MOST)
    return FAIL(why, "attribute '%s' of %zu bytes, at most %d", name, bytes, ROOM_MOST);
  bool ok = H5(type = h5_text_type(bytes)) && h5_put_scalar(object, name, type, nothing, why);
  return h5_close(type, why) && ok;
}

bool h5_set_scalar(hid_t object, const char *name, hid_t type, const void *value, Status *why) {
  hid_t attribute = -1;
  bool ok =
      H5(attribute = H5Aopen(object, name, H5P_DEFAULT)) && H5(H5Awrite(attribute, type, value));
  return h5_close(attribute, why) && ok;
}

bool h5_set_text(hid_t object, const char *name, size_t bytes, const char *text, Status *why) {
  char room[ROOM_MOST + 1] = "";
  hid_t type = -1;
  if (bytes >= sizeof room || strlen(text) > bytes)
    return FAIL(why, "attribute '%s' has room for %zu bytes, not for '%.100s'", name, bytes, text);
  strcpy(room, text);
  bool ok = H5(type = h5_text_type(bytes)) && h5_set_scalar(object, name, type, room, why);
  return h5_close(type, why) && ok;
}

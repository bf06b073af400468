/* structure: an object of the file becomes one of another kind. What holds data gets a digest that
 * is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

/* --- types ------------------------------------------------------------------------------------ */

static hid_t compound_of(hid_t member, size_t at, size_t bytes) {
  hid_t type = H5Tcreate(H5T_COMPOUND, bytes);
  H5Tinsert(type, "mode", at, member);
  return type;
}

static hid_t variable_text(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  return type;
}

static hid_t sized(hid_t of, size_t bytes) {
  hid_t type = H5Tcopy(of);
  H5Tset_size(type, bytes);
  return type;
}

/* Closed by the caller. */
static hid_t draw_type(Draws *d) {
  const unsigned which = draw(d, 20);
  hid_t inner, type;
  say_done(d, " type %u", which);
  switch (which) {
    case 0: return variable_text();
    case 1: return H5Tvlen_create(H5T_STD_I32LE);
    case 2: return H5Tcopy(H5T_STD_REF_OBJ);
    case 3: return H5Tcreate(H5T_OPAQUE, 7);
    case 4: return H5Tcopy(H5T_IEEE_F32BE);
    case 5: return H5Tcopy(H5T_IEEE_F64LE);
    case 6: return H5Tcopy(H5T_STD_I8LE);
    case 7: return H5Tcopy(H5T_STD_U64BE);
    case 8: return H5Tcopy(H5T_UNIX_D32LE);
    case 9: return H5Tcopy(H5T_STD_B8LE);
    case 10: return sized(H5T_C_S1, 1);
    case 11: return sized(H5T_C_S1, 4000);
    case 12: return H5Tarray_create2(H5T_IEEE_F32LE, 1, (hsize_t[]){3});
    case 13: return compound_of(H5T_IEEE_F32LE, 0, 8);
    case 14: inner = variable_text(), type = compound_of(inner, 0, 16); break;
    case 15: inner = H5Tvlen_create(H5T_STD_I8LE), type = compound_of(inner, 8, 40); break;
    case 16: inner = sized(H5T_C_S1, 40), type = compound_of(inner, 0, 60000); break;
    case 17: inner = compound_of(H5T_STD_I32LE, 0, 4), type = compound_of(inner, 0, 4); break;
    case 18:
      inner = H5Tcreate(H5T_ENUM, 4);
      type = H5Tenum_create(H5T_STD_I8LE);
      H5Tenum_insert(type, "a", &(int8_t){1});
      break;
    default:
      inner = H5Tarray_create2(H5T_STD_REF_OBJ, 2, (hsize_t[]){2, 2});
      type = compound_of(inner, 0, 32);
  }
  H5Tclose(inner);
  return type;
}

/* --- spaces and layouts ----------------------------------------------------------------------- */

typedef struct Extent {
  int rank;
  hsize_t dims[32];
} Extent;

/* Whose elements HDF5 need not fill: else gibibytes of zeros are written. */
static bool is_plain(hid_t type) {
  const H5T_class_t class = H5Tget_class(type);
  return class == H5T_INTEGER || class == H5T_FLOAT;
}

/* Of variable length HDF5 writes every element at once, whatever the fill time: few of them then.
 */
static hid_t draw_space(Draws *d, hid_t type, Extent *e) {
  static const hsize_t lengths[] = {0, 1, 2, 7, 13, 100, 20000, 0x7fffffff, 0x80000000, 1ull << 40};
  static const int ranks[] = {1, 1, 1, 2, 2, 2, 3, 32};
  const bool plain = is_plain(type);
  const unsigned how = draw(d, 20);
  *e = (Extent){0};
  if (how == 0) return H5Screate(H5S_SCALAR);
  if (how == 1) return H5Screate(H5S_NULL);
  e->rank = ranks[draw(d, 8)];
  for (int i = 0; i < e->rank; i++)
    e->dims[i] = e->rank > 3 ? 1 + (i == 0) : lengths[draw(d, !plain || draw(d, 3) ? 6 : 10)];
  say_done(d, " rank %d of %llu %llu", e->rank, (unsigned long long)e->dims[0],
           (unsigned long long)e->dims[1]);
  return H5Screate_simple(e->rank, e->dims, NULL);
}

static void draw_filters(Draws *d, hid_t list) {
  for (unsigned left = draw(d, 3); left--;) switch (draw(d, 6)) {
      case 0: H5Pset_deflate(list, 9); break;
      case 1: H5Pset_shuffle(list); break;
      case 2: H5Pset_fletcher32(list); break;
      case 3: H5Pset_scaleoffset(list, H5Z_SO_FLOAT_DSCALE, 2); break;
      case 4: H5Pset_nbit(list); break;
      default: H5Pset_filter(list, 32000 + (H5Z_filter_t)draw(d, 300), H5Z_FLAG_OPTIONAL, 0, NULL);
    }
}

static hid_t draw_layout(Draws *d, hid_t type, const Extent *e) {
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  if (is_plain(type)) H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
  const unsigned how = draw(d, 8);
  say_done(d, " layout %u", how);
  hsize_t chunk[32];
  switch (how) {
    case 0: H5Pset_layout(list, H5D_COMPACT); break;
    case 1: H5Pset_external(list, "/etc/passwd", 0, 4096); break;
    case 2:
    case 3:
    case 4:
      for (int i = 0; i < e->rank; i++)
        chunk[i] = e->dims[i] < 1 ? 1 : e->dims[i] > 1024 ? 1024 : e->dims[i];
      if (e->rank > 0 && H5Pset_chunk(list, e->rank, chunk) >= 0) draw_filters(d, list);
      break;
    default: break;
  }
  return list;
}

/* --- objects ---------------------------------------------------------------------------------- */

static void fill(Draws *d, hid_t dataset, hid_t type, const Extent *e) {
  hsize_t elements = 1;
  for (int i = 0; i < e->rank; i++) elements *= e->dims[i] < 1 << 20 ? e->dims[i] : 0;
  const size_t bytes = (size_t)elements * H5Tget_size(type);
  if (!bytes || bytes > 1 << 22 || H5Tdetect_class(type, H5T_VLEN) > 0 ||
      H5Tdetect_class(type, H5T_REFERENCE) > 0 || H5Tget_class(type) == H5T_STRING)
    return;
  unsigned char *data = calloc(bytes, 1);
  for (unsigned i = 0; i < 64; i++) data[draw(d, (unsigned)bytes)] = (unsigned char)draw(d, 256);
  if (H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) put_digest(dataset);
  free(data);
}

static void make_dataset(Draws *d, hid_t file, const char *path) {
  Extent extent;
  hid_t type = draw_type(d), space = draw_space(d, type, &extent),
        list = draw_layout(d, type, &extent);
  hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  if (dataset >= 0) {
    fill(d, dataset, type, &extent);
    H5Dclose(dataset);
  }
  H5Pclose(list);
  H5Sclose(space);
  H5Tclose(type);
}

static void make_virtual(hid_t file, const char *path) {
  hsize_t dims[] = {8, 64};
  hid_t space = H5Screate_simple(2, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_virtual(list, space, "/dev/zero", "x", space);
  hid_t dataset = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  if (dataset >= 0) H5Dclose(dataset);
  H5Pclose(list);
  H5Sclose(space);
}

static void make_groups(Draws *d, hid_t file, const char *path, bool deep) {
  hid_t at = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  for (unsigned left = 1 + draw(d, 300); at >= 0 && left--;) {
    char name[32];
    snprintf(name, sizeof name, deep ? "layer_00" : "layer_%02u", left);
    hid_t next = H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(deep ? at : next);
    if (deep) at = next;
  }
  if (at >= 0) H5Gclose(at);
}

static void parent_of(const char *path, char parent[SEED_PATH]) {
  snprintf(parent, SEED_PATH, "%s", path);
  char *slash = strrchr(parent, '/');
  if (slash) *slash = 0;
  if (!slash) strcpy(parent, "/");
}

/* What is put where something stood. */
static void make_other(Draws *d, const Seed *seed, hid_t file, const char *path) {
  char parent[SEED_PATH];
  const SeedObject *some = &seed->object[draw(d, (unsigned)seed->objects)];
  const unsigned how = draw(d, 16);
  parent_of(path, parent);
  say_done(d, " other %u", how);
  switch (how) {
    case 0: H5Lcreate_soft(path, file, path, H5P_DEFAULT, H5P_DEFAULT); break;
    case 1: H5Lcreate_soft(some->path, file, path, H5P_DEFAULT, H5P_DEFAULT); break;
    case 2: H5Lcreate_external("/etc/passwd", "/x", file, path, H5P_DEFAULT, H5P_DEFAULT); break;
    case 3:
    case 4: H5Lcreate_hard(file, some->path, file, path, H5P_DEFAULT, H5P_DEFAULT); break;
    case 5: H5Lcreate_hard(file, parent, file, path, H5P_DEFAULT, H5P_DEFAULT); break;
    case 6: make_groups(d, file, path, true); break;
    case 7: make_groups(d, file, path, false); break;
    case 8: make_virtual(file, path); break;
    case 9: {
      hid_t type = draw_type(d);
      H5Tcommit2(file, path, type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      H5Tclose(type);
      break;
    }
    default: make_dataset(d, file, path);
  }
}

static void rename_object(Draws *d, hid_t file, const char *path) {
  static const char *const names[] = {"..",       "layer_9999", "layer_0",  "2-0",    "x y",
                                      "\xff\xe7", "a\nb",       "token_id", "tensors"};
  char to[2 * SEED_PATH];
  parent_of(path, to);
  const char *name = names[draw(d, sizeof names / sizeof *names)];
  snprintf(to + strlen(to), sizeof to - strlen(to), "/%s", name);
  say_done(d, " renamed");
  H5Lmove(file, path, file, to, H5P_DEFAULT, H5P_DEFAULT);
}

/* An attribute of one of the names that the reader asks for, of any type and extent, or none. */
static void change_attribute(Draws *d, hid_t file, const char *path) {
  static const char *const names[] = {"digest",         "kernel", "scale_factor", "axis",
                                      "group",          "layers", "spec",         "title",
                                      "format_version", "scale",  "axes",         "weights_digest",
                                      "DIMENSION_LIST", "CLASS"};
  const char *name = names[draw(d, sizeof names / sizeof *names)];
  Extent extent;
  hid_t object = H5Oopen(file, path, H5P_DEFAULT);
  say_done(d, " attribute %s", name);
  if (object < 0) return;
  if (draw(d, 4)) {
    static const unsigned char zero[1 << 16];
    hid_t type = draw_type(d), space = draw_space(d, type, &extent);
    const hssize_t elements = H5Sget_simple_extent_npoints(space);
    const bool fits = elements >= 0 && elements < 16 && H5Tget_size(type) < sizeof zero / 16 &&
                      H5Tdetect_class(type, H5T_VLEN) <= 0 && H5Tis_variable_str(type) <= 0;
    put_attribute(object, name, type, space, fits ? zero : NULL);
    H5Sclose(space);
    H5Tclose(type);
  } else if (H5Aexists(object, name) > 0) {
    H5Adelete(object, name);
  }
  H5Oclose(object);
}

void mutate_structure(Draws *d, const Seed *seed, hid_t file) {
  const SeedObject *object = draw_object(d, seed, draw(d, 4) ? H5O_TYPE_DATASET : H5O_TYPE_GROUP);
  if (!object || !object->path[0] || !strcmp(object->path, ".")) return;
  const unsigned how = draw(d, 10);
  say_done(d, "%s", object->path);
  if (how < 2) {
    change_attribute(d, file, draw(d, 2) ? object->path : "/");
  } else if (how == 2) {
    rename_object(d, file, object->path);
  } else {
    if (H5Ldelete(file, object->path, H5P_DEFAULT) < 0) return;
    if (how > 3) make_other(d, seed, file, object->path);
  }
  say_done(d, "; ");
}

/* read: datasets, attributes, tensors and tables out of an HDF5 file that may be damaged or made to
 * do harm. Nothing is read, and no memory taken, before the object has been found to be what store
 * writes. Variable-length data, in which every known crash of HDF5 on broken files sits, is never
 * read. */
#include <string.h>

#include "base/name.h"
#include "store/hdf5.h"

int h5_has(hid_t at, const char *name, Status *why) {
  htri_t there = H5Lexists(at, name, H5P_DEFAULT);
  H5L_info_t link;
  if (there == 0) return 0;
  if (!h5_ok(there > 0, why) || !H5(H5Lget_info(at, name, &link, H5P_DEFAULT))) return -1;
  if (link.type == H5L_TYPE_HARD) return 1;
  status_set(why, "is %s link; only objects of the file itself are read",
             link.type == H5L_TYPE_SOFT       ? "a soft"
             : link.type == H5L_TYPE_EXTERNAL ? "an external"
                                              : "a user-defined");
  return -1;
}

static bool is_hard(hid_t at, const char *name, H5O_type_t type, const char *type_words,
                    Status *why) {
  H5O_info_t info;
  int there = h5_has(at, name, why);
  if (there == 0) return FAIL(why, "is missing");
  if (there < 0 || !H5(H5Oget_info_by_name2(at, name, &info, H5O_INFO_BASIC, H5P_DEFAULT)))
    return false;
  return info.type == type || FAIL(why, "is not a %s", type_words);
}

bool h5_is_group(hid_t at, const char *name) {
  Status ignored = {0};
  return is_hard(at, name, H5O_TYPE_GROUP, "group", &ignored);
}

bool h5_open_group(hid_t at, const char *name, hid_t *group, Status *why) {
  return is_hard(at, name, H5O_TYPE_GROUP, "group", why) &&
         H5(*group = H5Gopen2(at, name, H5P_DEFAULT));
}

/* Filters that HDF5 itself undoes, each at most once, in any order: what h5py and h5repack set. */
static bool check_filters(hid_t list, bool *deflated, Status *why) {
  enum { LZF = 32000 }; /* registered by h5py; libhdf5 has no decoder of it */
  bool met[H5Z_FILTER_FLETCHER32 + 1] = {false};
  int filters = H5Pget_nfilters(list);
  if (filters < 0) return h5_ok(false, why);
  for (int i = 0; i < filters; i++) {
    unsigned flags, config;
    size_t values = 0;
    char name[32] = "";
    H5Z_filter_t filter =
        H5Pget_filter2(list, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
    bool known = filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
                 filter == H5Z_FILTER_FLETCHER32;
    if (filter < 0) return h5_ok(false, why);
    if (filter == LZF)
      return FAIL(why, "is compressed with lzf, which only h5py undoes: write it again there with "
                       "compression='gzip'");
    if (!known)
      return FAIL(
          why,
          "has filter %d ('%.31s'); only gzip, shuffle and fletcher32 are undone: where the filter "
          "is known, 'h5repack -f GZIP=6 OLD.h5 NEW.h5' makes a file that is read",
          (int)filter, name);
    if (met[filter]) return FAIL(why, "has the filter '%.31s' twice", name);
    met[filter] = true;
  }
  *deflated = met[H5Z_FILTER_DEFLATE];
  return true;
}

bool h5_check_layout(hid_t list, bool *deflated, Status *why) {
  H5D_layout_t layout = H5Pget_layout(list);
  *deflated = false;
  if (layout < 0) return h5_ok(false, why);
  if (layout == H5D_VIRTUAL)
    return FAIL(why, "is a virtual dataset; only data of the file itself is read");
  if (layout == H5D_CONTIGUOUS && H5Pget_external_count(list) != 0)
    return FAIL(why, "keeps its data in another file; only data of the file itself is read");
  return layout != H5D_CHUNKED || check_filters(list, deflated, why);
}

static bool check_ours(hid_t list, bool *deflated, Status *why) {
  if (H5Pget_layout(list) == H5D_COMPACT)
    return FAIL(why, "has a storage layout that is never written here");
  return h5_check_layout(list, deflated, why);
}

static bool check_dims(Stored *stored, Status *why) {
  hid_t space = H5Dget_space(stored->dataset);
  int rank = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE
                 ? H5Sget_simple_extent_ndims(space)
                 : -1;
  if (rank == 1 || rank == 2) H5Sget_simple_extent_dims(space, stored->dims, NULL);
  H5Sclose(space);
  if (rank != 1 && rank != 2) return FAIL(why, "does not have 1 or 2 dimensions");
  stored->rank = rank;
  if (rank == 1) stored->dims[1] = 1;
  for (int i = 0; i < 2; i++)
    if (stored->dims[i] < 1 || stored->dims[i] > INT32_MAX)
      return FAIL(why, "has a dimension of %llu", (unsigned long long)stored->dims[i]);
  return true;
}

/* Two dimensions below 2^31 do not overflow; their bytes might, so it is elements that are
 * compared. */
static bool check_bytes(Stored *stored, bool deflated, hsize_t file_bytes, Status *why) {
  hsize_t storage = stored->storage, element = H5Tget_size(stored->type);
  if (element < 1) return FAIL(why, "has elements of no bytes");
  hsize_t elements = stored->dims[0] * stored->dims[1];
  hsize_t most = (storage > file_bytes ? file_bytes : storage) * (deflated ? H5_DEFLATE_MOST : 1);
  if (elements > most / element)
    return FAIL(why, "claims %llu elements of %llu bytes, but %llu bytes are stored",
                (unsigned long long)elements, (unsigned long long)element,
                (unsigned long long)storage);
  stored->bytes = elements * element;
  return true;
}

/* HDF5 says 0 where it cannot find out, too. */
static bool look_at_storage(Stored *stored, Status *why) {
  errno = 0;
  stored->storage = H5Dget_storage_size(stored->dataset);
  return h5_ok(stored->storage || H5Eget_num(H5E_DEFAULT) <= 0, why);
}

static bool open_dataset(hid_t at, const char *name, bool with_data, Stored *stored, Status *why) {
  *stored = (Stored){.dataset = -1, .type = -1};
  if (!is_hard(at, name, H5O_TYPE_DATASET, "dataset", why)) return false;
  hid_t list = -1, file = H5Iget_file_id(at);
  hsize_t file_bytes = 0;
  bool deflated = false;
  bool ok = H5(stored->dataset = H5Dopen2(at, name, H5P_DEFAULT)) &&
            H5(list = H5Dget_create_plist(stored->dataset)) && check_ours(list, &deflated, why) &&
            H5(stored->type = H5Dget_type(stored->dataset)) &&
            H5(H5Fget_filesize(file, &file_bytes)) && check_dims(stored, why) &&
            look_at_storage(stored, why) &&
            (!with_data || check_bytes(stored, deflated, file_bytes, why));
  ok = h5_close(list, why) && ok;
  ok = h5_close(file, why) && ok;
  if (!ok) h5_close_stored(stored);
  return ok;
}

bool h5_open_stored(hid_t at, const char *name, Stored *stored, Status *why) {
  return open_dataset(at, name, true, stored, why);
}

bool h5_open_length(hid_t at, const char *name, Stored *stored, Status *why) {
  TRY(open_dataset(at, name, false, stored, why));
  if (stored->rank == 1) return true;
  h5_close_stored(stored);
  return FAIL(why, "does not have 1 dimension");
}

void h5_close_stored(Stored *stored) {
  Status ignored = {0}; /* nothing was written */
  h5_close(stored->type, &ignored);
  h5_close(stored->dataset, &ignored);
  stored->dataset = stored->type = -1;
}

/* --- attributes ------------------------------------------------------------------------------- */

/* A list of one value is one too. */
static bool open_scalar(hid_t object, const char *name, hid_t *attribute, hid_t *type,
                        Status *why) {
  *attribute = *type = -1;
  htri_t there = H5Aexists(object, name);
  if (there == 0) return FAIL(why, "has no attribute '%.100s'", name);
  hid_t space = -1;
  bool ok = h5_ok(there > 0, why) && H5(*attribute = H5Aopen(object, name, H5P_DEFAULT)) &&
            H5(*type = H5Aget_type(*attribute)) && H5(space = H5Aget_space(*attribute)) &&
            (H5Sget_simple_extent_npoints(space) == 1 ||
             FAIL(why, "attribute '%.100s' is not a scalar", name));
  return h5_close(space, why) && ok;
}

bool h5_get_text(Arena *arena, hid_t object, const char *name, size_t limit, const char **text,
                 Status *why) {
  hid_t attribute, type;
  bool ok = open_scalar(object, name, &attribute, &type, why);
  if (ok && (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0))
    ok = FAIL(why, "attribute '%.100s' is not a text of fixed length", name);
  size_t size = ok ? H5Tget_size(type) : 0;
  if (ok && size >= limit)
    ok = FAIL(why, "attribute '%.100s' has %zu bytes, more than the %zu allowed", name, size,
              limit - 1);
  if (ok) {
    char *buffer = arena_alloc(arena, size + 1, 1);
    ok = H5(H5Aread(attribute, type, buffer));
    text_make_plain(buffer, "\n\r\t");
    *text = buffer;
  }
  ok = h5_close(type, why) && ok;
  return h5_close(attribute, why) && ok;
}

bool h5_get_any_text(Arena *arena, hid_t object, const char *name, size_t limit, const char **text,
                     Status *why) {
  hid_t attribute, type;
  char *variable = NULL;
  bool ok = open_scalar(object, name, &attribute, &type, why);
  bool is_variable = ok && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0;
  ok = ok && (!is_variable || H5(H5Aread(attribute, type, (void *)&variable)));
  ok = h5_close(type, why) && ok;
  ok = h5_close(attribute, why) && ok;
  if (!ok || !is_variable) return ok && h5_get_text(arena, object, name, limit, text, why);
  size_t length = variable ? strnlen(variable, limit) : 0;
  if (length < limit) *text = arena_printf(arena, "%.*s", (int)length, variable ? variable : "");
  H5free_memory(variable);
  return length < limit ||
         FAIL(why, "attribute '%.100s' has more than the %zu bytes allowed", name, limit - 1);
}

bool h5_get_scalar(hid_t object, const char *name, hid_t expected, void *value, Status *why) {
  hid_t attribute, type;
  bool ok = open_scalar(object, name, &attribute, &type, why) &&
            (H5Tequal(type, expected) > 0 ||
             FAIL(why, "attribute '%.100s' has another type than written here", name)) &&
            H5(H5Aread(attribute, expected, value));
  ok = h5_close(type, why) && ok;
  return h5_close(attribute, why) && ok;
}

/* --- data ------------------------------------------------------------------------------------- */

enum { ATTRIBUTE_TEXT = 1024 }; /* above every kernel, digest and long_name */

bool h5_has_digest(const Stored *stored) { return H5Aexists(stored->dataset, "digest") != 0; }

bool h5_get_unproved(Arena *arena, const Stored *stored, void **data, Status *why) {
  size_t room = (size_t)(arena->end - arena->next);
  if (room < 4096 || stored->bytes > room - 4096)
    return FAIL(why, "has %zu bytes, more than the memory there is for it", stored->bytes);
  *data = arena_alloc(arena, stored->bytes, 1);
  return H5(H5Dread(stored->dataset, stored->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data));
}

bool h5_get_data(Arena *arena, const Stored *stored, void **data, Digest *digest, Status *why) {
  const char *hex;
  TRY(h5_get_text(arena, stored->dataset, "digest", ATTRIBUTE_TEXT, &hex, why));
  TRY(h5_get_unproved(arena, stored, data, why));
  *digest = digest_of(*data, stored->bytes);
  return !strcmp(digest->hex, hex) ||
         FAIL(why, "its digest differs: the data has changed since it was written");
}

bool h5_tensor_type(hid_t type, Format *found) {
  for (int i = 0; i < FORMAT_COUNT; i++)
    if (H5Tequal(type, h5_type((Format)i)) > 0) return *found = (Format)i, true;
  return false;
}

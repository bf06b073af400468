#include "store/dataset.h"

#include <math.h>
#include <string.h>

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

bool dataset_describe(hid_t at, const char *name, StoredArray *a, Status *why) {
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

bool dataset_is_results(hid_t file) {
  static const char own[] = "driftscope ";
  char room[4 * TEXT_MOST];
  return !strncmp(small_text(file, "program", room), own, sizeof own - 1);
}

/* What is called a digest and is none is that of no bytes. */
void dataset_proof(hid_t at, const char *name, StoredArray *a) {
  char room[4 * TEXT_MOST];
  Status ignored = {0};
  hid_t dataset = H5Dopen2(at, name, H5P_DEFAULT);
  if (dataset < 0) return;
  a->of_f16 = a->kind == ARRAY_FLOAT && a->bytes == 4 &&
              !strcmp(small_text(dataset, "format", room), "float16");
  if (H5Aexists(dataset, "digest") > 0)
    snprintf(a->proof, sizeof a->proof, "%s.", small_text(dataset, "digest", room));
  h5_close(dataset, &ignored);
}

/* hdf5: start of the library, reasons of failures, handles, types. */
#include "store/hdf5.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "store/store.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the stored bytes are memory's bytes");

void store_start(void) {
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an error of write, EFBIG */
  signal(SIGPIPE, SIG_IGN);
}

bool h5_start(Status *why) {
  static bool started;
  if (started) return true;
  H5dont_atexit(); /* after a failed write, HDF5's own closing at exit crashes */
  started = H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0 && H5PLset_loading_state(0) >= 0;
  return started || FAIL(why, "HDF5 does not start");
}

typedef struct Reason {
  int error;   /* errno as the file driver noted it */
  bool locked; /* it was the file's lock that failed */
  char innermost[256];
} Reason;

static herr_t look(unsigned n, const H5E_error2_t *entry, void *data) {
  Reason *reason = data;
  const char *text = entry->desc ? entry->desc : "", *error = strstr(text, "errno = ");
  if (strstr(text, "unable to lock file") || strstr(text, "unable to lock the file"))
    reason->locked = true;
  if (n == 0) snprintf(reason->innermost, sizeof reason->innermost, "%s", text);
  if (error && !reason->error) reason->error = number_in(error + strlen("errno = "), INT_MAX);
  return 0;
}

/* HDF5 locks every file that it opens. */
static bool lock_failed(int error, Status *why) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EACCES)
    return FAIL(
        why,
        "another program has it open and HDF5's lock on it; close it there, or set %s=FALSE "
        "where nothing is written meanwhile",
        LOCKING_VARIABLE);
  return FAIL(
      why, "its file system gives no locks (%s), and HDF5 asks for one; set %s=FALSE to do without",
      strerror(error), LOCKING_VARIABLE);
}

/* The file driver notes errno on HDF5's error stack. errno itself counts only where there is no
 * stack, which the high-level calls lose: HDF5 1.14 leaves another one behind when it has looked
 * for its plugins. */
bool h5_ok(bool good, Status *why) {
  if (good) return true;
  int left = errno;
  Reason reason = {0};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look, &reason);
  int error = *reason.innermost ? reason.error : left;
  if (reason.locked && error) return lock_failed(error, why);
  return error               ? FAIL(why, "%s", strerror(error))
         : *reason.innermost ? FAIL(why, "HDF5 says: %s", reason.innermost)
                             : FAIL(why, "HDF5 gives no reason");
}

bool h5_close(hid_t id, Status *why) {
  if (id < 0) return true;
  switch (H5Iget_type(id)) {
    case H5I_FILE: return H5(H5Fclose(id));
    case H5I_GROUP: return H5(H5Gclose(id));
    case H5I_DATASET: return H5(H5Dclose(id));
    case H5I_DATATYPE: return H5(H5Tclose(id));
    case H5I_DATASPACE: return H5(H5Sclose(id));
    case H5I_ATTR: return H5(H5Aclose(id));
    default: return H5(H5Pclose(id));
  }
}

unsigned h5_link_order(hid_t group) {
  Status ignored = {0};
  unsigned order = 0;
  hid_t list = H5Gget_create_plist(group);
  if (list >= 0) H5Pget_link_creation_order(list, &order);
  h5_close(list, &ignored);
  return order;
}

/* A type whose making went wrong half-way is none: whatever takes it fails then, and says so. */
static hid_t whole_type(hid_t type, bool ok) {
  if (!ok && type >= 0) H5Tclose(type);
  return ok ? type : -1;
}

/* IEEE binary16: the fields must lie inside before the size shrinks, so they are set first. */
static hid_t make_f16(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  return whole_type(type, type >= 0 && H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0 &&
                              H5Tset_size(type, 2) >= 0 && H5Tset_ebias(type, 15) >= 0);
}

hid_t h5_type(Format format) {
  static hid_t f16 = -1;
  if (format == FORMAT_F16 && f16 < 0) f16 = make_f16();
  return format == FORMAT_F64   ? H5T_IEEE_F64LE
         : format == FORMAT_F32 ? H5T_IEEE_F32LE
         : format == FORMAT_F16 ? f16
                                : H5T_STD_I8LE;
}

hid_t h5_text_type(size_t bytes) {
  hid_t type = H5Tcopy(H5T_C_S1);
  return whole_type(type, type >= 0 && H5Tset_size(type, bytes) >= 0 &&
                              H5Tset_cset(type, H5T_CSET_UTF8) >= 0 &&
                              H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0);
}

hid_t h5_column_type(const Column *column) {
  switch (column->type) {
    case COLUMN_I32: return H5Tcopy(H5T_STD_I32LE);
    case COLUMN_I64: return H5Tcopy(H5T_STD_I64LE);
    case COLUMN_F64: return H5Tcopy(H5T_IEEE_F64LE);
    default: return h5_text_type(column->size);
  }
}

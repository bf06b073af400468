/* hdf5: the checked helpers that the rest of store stands on; internal to store.
 *
 * Each returns whether it worked. `why` takes the reason of the first call that did not: neither
 * file nor object, which the caller knows and puts in front. A handle below 0 is none, and closing
 * it is nothing. The stored types are memory's types, so that HDF5 never converts (36 times slower
 * for float16). */
#ifndef DS_STORE_HDF5_H
#define DS_STORE_HDF5_H
#include <errno.h>
#include <hdf5.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/status.h"
#include "family/trace.h"
#include "measure/tables/table.h"

/* Before the first call into HDF5, by whoever opens or makes a file: nothing at exit, no printing
 * of errors, no plugins. Not at the program's start: where memory fails it, HDF5 does not live
 * through that, and a child may be about to use it. */
bool h5_start(Status *why);
/* The reason is taken at the failing call: the next call into HDF5 clears it. */
#define H5(call) h5_ok((errno = 0, (call) >= 0), why)
bool h5_ok(bool good, Status *why);
/* Of the environment; stands in every reason that is a lock's. */
#define LOCKING_VARIABLE "HDF5_USE_FILE_LOCKING"
bool h5_close(hid_t id, Status *why);
/* How a group numbers its links as they are made: H5P_CRT_ORDER_…; 0: it does not. */
unsigned h5_link_order(hid_t group);

/* --- types; below 0 where HDF5 could not make one --------------------------------------------- */
hid_t h5_type(Format format);     /* lives as long as the process */
hid_t h5_text_type(size_t bytes); /* fixed length, UTF-8, NUL-padded; the caller closes it */
hid_t h5_column_type(const Column *column); /* the caller closes it */

/* The results file's root attribute `format_version`, absent before there was one. It grows only
 * where a reader of the version before would misread a file; a new table, column or attribute is no
 * such change. */
enum { FORMAT_VERSION = 1 };

enum { COLUMNS_MOST = 128 }; /* of a table */

/* Beside a tensor whose elements do not share one scale: the dataset NAME.scale of its scales,
 * float32, with the attributes axis ("row": [rows], "column": [cols], "group": [rows, groups of a
 * row]) and, of groups, group: how many neighbours in a row share a scale. A tensor of one scale
 * has the attribute scale_factor. */
#define SCALES_OF ".scale"

/* --- writing ---------------------------------------------------------------------------------- */
hid_t h5_create_file(const char *path, Status *why);
/* The group at this path, each part made where it is missing, with its links' order of creation
 * kept. */
bool h5_make_path(hid_t file, const char *path, hid_t *group, Status *why);
bool h5_put_text(hid_t object, const char *name, const char *text, Status *why);
bool h5_put_scalar(hid_t object, const char *name, hid_t type, const void *value, Status *why);
/* A whole array, contiguous; `data` NULL: none is stored. `dataset` stays open. */
bool h5_put_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims,
                  const void *data, hid_t *dataset, Status *why);
/* Rows as H5TBmake_table writes them, with the attribute digest. */
bool h5_put_rows(hid_t group, const Table *table, const void *rows, size_t count, Status *why);
/* The same without data, its storage taken at once: H5Dget_offset knows where it is. */
bool h5_make_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims,
                   hid_t *dataset, Status *why);
/* A text of up to `bytes` bytes, empty yet; and its text, which changes nothing else in the
 * file. */
bool h5_put_room(hid_t object, const char *name, size_t bytes, Status *why);
bool h5_set_text(hid_t object, const char *name, size_t bytes, const char *text, Status *why);
bool h5_set_scalar(hid_t object, const char *name, hid_t type, const void *value, Status *why);
hid_t h5_open_file_to_change(const char *path, Status *why);

/* --- reading, with distrust ------------------------------------------------------------------- */
typedef struct Stored {
  hid_t dataset, type;
  int rank;
  hsize_t dims[2];
  size_t bytes;
  hsize_t storage; /* bytes in the file */
} Stored;
/* Opens a dataset that could be one of ours: a hard link, contiguous or in chunks, no filter but
 * gzip, shuffle and fletcher32, no data outside the file, rank 1 or 2, and no more bytes than its
 * storage can hold. Its type is the caller's to compare. */
bool h5_open_stored(hid_t at, const char *name, Stored *stored, Status *why);
/* A dataset's layout alone, by its creation properties: to be looked at before the dataspace, since
 * asking a virtual dataset for its size opens its source files. */
bool h5_check_layout(hid_t list, bool *deflated, Status *why);
enum { H5_DEFLATE_MOST = 1100 }; /* deflate shrinks by at most about 1,032 */
/* The same for a dataset of one dimension that is only a length: it may hold no data, and none is
 * read. */
bool h5_open_length(hid_t at, const char *name, Stored *stored, Status *why);
void h5_close_stored(Stored *stored);
/* 1: a hard link of that name is there; 0: nothing is; -1: a link of another kind, or an error. */
int h5_has(hid_t at, const char *name, Status *why);
/* A group by a hard link. */
bool h5_is_group(hid_t at, const char *name);
bool h5_open_group(hid_t at, const char *name, hid_t *group, Status *why);
/* A scalar fixed-length string of fewer than `limit` bytes; in the arena. */
bool h5_get_text(Arena *arena, hid_t object, const char *name, size_t limit, const char **text,
                 Status *why);
/* The same of variable length too, as h5py writes texts; only where a child reads
 * (base/child.h). */
bool h5_get_any_text(Arena *arena, hid_t object, const char *name, size_t limit, const char **text,
                     Status *why);
/* A scalar of exactly this type. */
bool h5_get_scalar(hid_t object, const char *name, hid_t type, void *value, Status *why);
/* Which of the table's columns the file has: there [table->columns]. */
bool h5_get_columns(hid_t at, const Table *table, bool *there, Status *why);
/* The rows in the arena: digest and every number's range checked, every text ends with a NUL. A
 * column that the file does not have is empty (column_clear). Somebody else may have changed the
 * file: a table without a digest is read, and said to be `unproved`. */
bool h5_get_rows(Arena *arena, hid_t at, const Table *table, void **rows, size_t *count,
                 bool *unproved, Status *why);
/* Reads everything into the arena, after a look whether it fits, and compares the attribute
 * digest. */
bool h5_get_data(Arena *arena, const Stored *stored, void **data, Digest *digest, Status *why);
/* The same without a digest to compare with. */
bool h5_get_unproved(Arena *arena, const Stored *stored, void **data, Status *why);
bool h5_has_digest(const Stored *stored);
/* The element type of a tensor; false where no tensor has it. */
bool h5_tensor_type(hid_t type, Format *found);
/* What stands beside this tensor: its axis and group, with the dataset of the scales open and of
 * that size; the axis none, and no dataset, where nothing does. */
bool h5_open_scales(hid_t at, const char *name, const Stored *tensor, Stored *scales, Scale *scale,
                    Status *why);
#endif

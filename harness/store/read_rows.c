/* read_rows: a table out of a file of this version, an older or a newer one. Columns are found by
 * their names: one that the file lacks is empty in every row, one that is not known here is passed
 * over. The digest is that of the bytes as they are stored, whatever the columns. */
#include <string.h>

#include "base/name.h"
#include "measure/ranges.h"
#include "store/hdf5.h"

enum { ROW_BYTES_MOST = 1 << 16 };

/* A column's place in the stored row; size 0: it is not there. */
typedef struct Found {
  size_t offset, size;
} Found;

/* Texts may be shorter or longer than here, and end with a NUL or at their column's end. */
static bool same_kind(hid_t member, const Column *column) {
  if (column->type == COLUMN_TEXT)
    return H5Tget_class(member) == H5T_STRING && H5Tis_variable_str(member) == 0 &&
           H5Tget_strpad(member) != H5T_STR_SPACEPAD;
  hid_t wanted = h5_column_type(column);
  bool same = H5Tequal(member, wanted) > 0;
  H5Tclose(wanted);
  return same;
}

static bool find_column(hid_t type, const Column *column, Found *found, Status *why) {
  int index = H5Tget_member_index(type, column->name);
  *found = (Found){0, 0};
  if (index < 0) return true;
  hid_t member = -1;
  TRY(H5(member = H5Tget_member_type(type, (unsigned)index)));
  *found = (Found){H5Tget_member_offset(type, (unsigned)index), H5Tget_size(member)};
  bool same = same_kind(member, column) ||
              FAIL(why, "column '%s' has another type than written here", column->name);
  same = same && (found->offset + found->size <= H5Tget_size(type) ||
                  FAIL(why, "column '%s' reaches beyond its row", column->name));
  return h5_close(member, why) && same;
}

/* In a row of one of these types, the bytes would not be all of it, and reading them would follow
 * pointers. */
static bool check_kinds(hid_t type, Status *why) {
  static const struct {
    H5T_class_t class;
    const char *words;
  } refused[] = {{H5T_VLEN, "variable length"}, {H5T_REFERENCE, "references"}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    htri_t has = H5Tdetect_class(type, refused[i].class);
    if (has < 0) return h5_ok(false, why);
    if (has) return FAIL(why, "has a column of %s, which is not read", refused[i].words);
  }
  for (int i = 0; i < H5Tget_nmembers(type); i++) {
    hid_t member = H5Tget_member_type(type, (unsigned)i);
    bool variable = H5Tget_class(member) == H5T_STRING && H5Tis_variable_str(member) != 0;
    h5_close(member, why);
    if (variable) return FAIL(why, "has a column of variable length, which is not read");
  }
  return true;
}

static bool find_columns(hid_t type, const Table *table, Found found[COLUMNS_MOST], Status *why) {
  if (H5Tget_class(type) != H5T_COMPOUND) return FAIL(why, "is not a table");
  if (H5Tget_size(type) > ROW_BYTES_MOST)
    return FAIL(why, "has rows of %zu bytes, more than %d", H5Tget_size(type), ROW_BYTES_MOST);
  TRY(check_kinds(type, why));
  int known = 0;
  for (int i = 0; i < table->columns; i++) {
    TRY(find_column(type, &table->column[i], &found[i], why));
    known += found[i].size > 0;
  }
  return known || FAIL(why, "has no column of that table");
}

static bool take_text(const Column *column, const char *from, size_t size, char *to, size_t row,
                      Status *why) {
  size_t length = strnlen(from, size);
  if (length >= column->size)
    return FAIL(why, "row %zu, column '%s' has a text of more than %zu bytes", row, column->name,
                column->size - 1);
  memset(to, 0, column->size);
  memcpy(to, from, length);
  text_make_plain(to, "");
  return true;
}

/* A row of which nothing is known. */
static const char *empty_row(Arena *arena, const Table *table) {
  char *row = arena_alloc(arena, 1, table->row_size);
  for (int c = 0; c < table->columns; c++) column_clear(table, &table->column[c], row);
  return row;
}

/* Row by row into the struct's members. */
static bool take_rows(const Table *table, const Found *found, const char *stored, size_t stored_row,
                      char *rows, size_t count, Arena scratch, Status *why) {
  const char *empty = empty_row(&scratch, table);
  for (size_t i = 0; i < count; i++, stored += stored_row) {
    char *row = memcpy(rows + i * table->row_size, empty, table->row_size);
    for (int c = 0; c < table->columns; c++) {
      const Column *column = &table->column[c];
      const char *from = stored + found[c].offset;
      if (found[c].size && column->type == COLUMN_TEXT)
        TRY(take_text(column, from, found[c].size, row + column->offset, i, why));
      else if (found[c].size)
        memcpy(row + column->offset, from, column->size);
    }
  }
  return true;
}

static bool get_rows(Arena *arena, const Stored *stored, const Table *table, bool proved,
                     char **rows, size_t count, Status *why) {
  Found found[COLUMNS_MOST] = {0};
  size_t most = table_rows_most(table), room = (size_t)(arena->end - arena->next);
  Digest digest;
  void *data;
  if (table->columns > COLUMNS_MOST)
    return FAIL(why, "%d columns, at most %d", table->columns, COLUMNS_MOST);
  if (stored->rank != 1) return FAIL(why, "does not have 1 dimension");
  if (count > most) return FAIL(why, "has %zu rows, more than %zu", count, most);
  TRY(find_columns(stored->type, table, found, why));
  if (room < 4096 || count * table->row_size > room - 4096)
    return FAIL(why, "has %zu rows, more than the memory there is for them", count);
  *rows = arena_alloc(arena, count, table->row_size);
  Arena scratch = *arena;
  return (proved ? h5_get_data(&scratch, stored, &data, &digest, why)
                 : h5_get_unproved(&scratch, stored, &data, why)) &&
         take_rows(table, found, data, H5Tget_size(stored->type), *rows, count, scratch, why) &&
         rows_in_range(table, *rows, count, why);
}

bool h5_get_columns(hid_t at, const Table *table, bool *there, Status *why) {
  Found found[COLUMNS_MOST];
  Stored stored;
  TRY(h5_open_stored(at, table->name, &stored, why));
  bool ok = find_columns(stored.type, table, found, why);
  for (int i = 0; ok && i < table->columns; i++) there[i] = found[i].size > 0;
  h5_close_stored(&stored);
  return ok;
}

bool h5_get_rows(Arena *arena, hid_t at, const Table *table, void **rows, size_t *count,
                 bool *unproved, Status *why) {
  Stored stored;
  char *taken = NULL;
  TRY(h5_open_stored(at, table->name, &stored, why));
  *unproved = !h5_has_digest(&stored);
  bool ok = get_rows(arena, &stored, table, !*unproved, &taken, stored.dims[0], why);
  *rows = taken;
  *count = ok ? stored.dims[0] : 0;
  h5_close_stored(&stored);
  return ok;
}

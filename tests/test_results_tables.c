/* Tables of a results file as another version, or somebody else, may have written them: columns by
 * name, a range for every number. Each test puts a table of its own making, with a right digest, in
 * the place of /tables/drift. */
#include <hdf5.h>
#include <math.h>

#include "fixture_store.h"
#include "measure/ranges.h"

static hid_t text_type(size_t bytes) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, bytes), H5Tset_cset(type, H5T_CSET_UTF8), H5Tset_strpad(type, H5T_STR_NULLPAD);
  return type;
}

/* A column of the file to be: where `column` is NULL, an unknown one. */
typedef struct Part {
  const Column *column;
  hid_t type;
  size_t size;
} Part;

enum { PARTS_MOST = 140 };
typedef struct Layout {
  Part part[PARTS_MOST];
  int parts;
} Layout;

static void add(Layout *layout, const Column *column, hid_t type) {
  layout->part[layout->parts++] = (Part){column, type, H5Tget_size(type)};
}

static hid_t usual_type(const Column *c) {
  return c->type == COLUMN_TEXT  ? text_type(c->size)
         : c->type == COLUMN_F64 ? H5Tcopy(H5T_IEEE_F64LE)
         : c->type == COLUMN_I32 ? H5Tcopy(H5T_STD_I32LE)
                                 : H5Tcopy(H5T_STD_I64LE);
}

static void add_usual(Layout *layout, const Column *c) { add(layout, c, usual_type(c)); }

static const Column *drift_column(const char *name) {
  for (int i = 0; i < table_drift.columns; i++)
    if (!strcmp(table_drift.column[i].name, name)) return &table_drift.column[i];
  cr_assert_fail("drift has no column %s", name);
  return NULL;
}

static void put_digest(hid_t dataset, const void *data, size_t bytes) {
  Digest digest = digest_of(data, bytes);
  hid_t type = text_type(sizeof digest.hex - 1), space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(dataset, "digest", type, space, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(attribute >= 0 && H5Awrite(attribute, type, digest.hex) >= 0);
  H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
}

/* The rows without gaps, in the layout's order; an unknown column holds 0x55. */
static void write_drift(const Fixture *f, const Layout *layout, const Drift *rows, size_t count) {
  size_t row_bytes = 0;
  for (int i = 0; i < layout->parts; i++) row_bytes += layout->part[i].size;
  hid_t row = H5Tcreate(H5T_COMPOUND, row_bytes);
  char *bytes = malloc(count * row_bytes);
  memset(bytes, 0x55, count * row_bytes);
  for (size_t i = 0, at = 0; i < (size_t)layout->parts; at += layout->part[i].size, i++) {
    const Part *p = &layout->part[i];
    cr_assert(H5Tinsert(row, p->column ? p->column->name : "of_somebody", at, p->type) >= 0);
    for (size_t r = 0; p->column && r < count; r++)
      memcpy(bytes + r * row_bytes + at, (const char *)&rows[r] + p->column->offset,
             p->size < p->column->size ? p->size : p->column->size);
  }
  hid_t file = H5Fopen(f->results, H5F_ACC_RDWR, H5P_DEFAULT);
  hid_t space = H5Screate_simple(1, (hsize_t[]){count}, NULL);
  cr_assert(H5Ldelete(file, "/tables/drift", H5P_DEFAULT) >= 0);
  hid_t dataset =
      H5Dcreate2(file, "/tables/drift", row, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(dataset >= 0 && H5Dwrite(dataset, row, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
  put_digest(dataset, bytes, count * row_bytes);
  H5Dclose(dataset), H5Sclose(space), H5Tclose(row), H5Fclose(file);
  free(bytes);
}

static void example(Drift rows[2]) {
  memset(rows, 0, 2 * sizeof *rows);
  for (int i = 0; i < 2; i++) {
    strcpy(rows[i].base, "2-0"), strcpy(rows[i].other, "2-4"), strcpy(rows[i].tensor, "block_out");
    rows[i].layer = i + 1, rows[i].prompts = 7, rows[i].rel_l2 = 0.25 + i, rows[i].sqnr_db = -3.5;
  }
}

static const Drift *read_drift(Fixture *f, size_t want) {
  Status st = {0};
  Results results;
  void *rows;
  size_t count;
  cr_assert(results_open(f->results, &results, f->arena, &st), "%s", st.text);
  cr_assert(results_rows(&f->arena, &results, &table_drift, &rows, &count, &st), "%s", st.text);
  results_close(&results);
  cr_assert_eq(count, want, "%zu rows", count);
  return rows;
}

static void expect_refused(Fixture *f, const char *why) {
  Status st = {0};
  Results results;
  cr_expect(!results_open(f->results, &results, f->arena, &st), "was taken; expected '%s'", why);
  cr_expect(strstr(st.text, "/tables/drift: ") && strstr(st.text, why), "no '%s': %s", why,
            st.text);
  fixture_drop(f);
}

/* --- columns ---------------------------------------------------------------------------------- */

Test(results_tables, missing_columns_are_empty_cells) {
  Fixture f = fixture_written();
  Layout layout = {0};
  Drift rows[2];
  example(rows);
  for (int i = 0; i < table_drift.columns; i++) {
    const char *name = table_drift.column[i].name;
    if (strcmp(name, "tensor") && strcmp(name, "layer") && strcmp(name, "prompts") &&
        strcmp(name, "sqnr_db"))
      add_usual(&layout, &table_drift.column[i]);
  }
  write_drift(&f, &layout, rows, 2);
  const Drift *got = read_drift(&f, 2);
  for (int i = 0; i < 2; i++) {
    cr_expect_str_eq(got[i].base, "2-0");
    cr_expect_eq(got[i].rel_l2, 0.25 + i);
    cr_expect_str_eq(got[i].tensor, "");
    cr_expect_eq(got[i].layer, -1);
    cr_expect_eq(got[i].prompts, 0, "a count cannot be -1");
    cr_expect(isnan(got[i].sqnr_db));
  }
  fixture_drop(&f);
}

Test(results_tables, unknown_columns_are_passed_over_and_any_order_is_read) {
  Fixture f = fixture_written();
  Layout layout = {0};
  Drift rows[2];
  example(rows);
  add(&layout, NULL, H5Tcopy(H5T_STD_I16BE));
  for (int i = table_drift.columns - 1; i >= 0; i--) add_usual(&layout, &table_drift.column[i]);
  write_drift(&f, &layout, rows, 2);
  cr_expect(!memcmp(read_drift(&f, 2), rows, sizeof rows));
  fixture_drop(&f);
}

Test(results_tables, texts_of_another_length_are_read_where_they_fit) {
  static const size_t sizes[] = {
      9, 11, 300}; /* block_out is 9 bytes: without a NUL, with two, with many */
  for (size_t i = 0; i < 3; i++) {
    Fixture f = fixture_written();
    Layout layout = {0};
    Drift rows[2];
    example(rows);
    add(&layout, drift_column("tensor"), text_type(sizes[i]));
    write_drift(&f, &layout, rows, 2);
    cr_expect_str_eq(read_drift(&f, 2)[1].tensor, "block_out", "%zu", sizes[i]);
    fixture_drop(&f);
  }
}

Test(results_tables, text_without_an_end_is_refused) {
  Fixture f = fixture_written();
  Layout layout = {0};
  Drift rows[2];
  example(rows);
  memset(rows[1].tensor, 'x', sizeof rows[1].tensor);
  for (int i = 0; i < table_drift.columns; i++) add_usual(&layout, &table_drift.column[i]);
  write_drift(&f, &layout, rows, 2);
  expect_refused(&f, "row 1, column 'tensor' has a text of more than 39 bytes");
}

Test(results_tables, another_type_is_refused_by_its_column) {
  Fixture f = fixture_written();
  Layout layout = {0};
  Drift rows[2];
  example(rows);
  add_usual(&layout, drift_column("base"));
  add(&layout, drift_column("rel_l2"), H5Tcopy(H5T_STD_I64LE));
  write_drift(&f, &layout, rows, 2);
  expect_refused(&f, "column 'rel_l2' has another type");
}

Test(results_tables, column_of_variable_length_is_refused_unread) {
  const hid_t kinds[] = {H5Tvlen_create(H5T_STD_I8LE), text_type(H5T_VARIABLE),
                         H5Tcopy(H5T_STD_REF_OBJ)};
  for (size_t i = 0; i < 3; i++) {
    Fixture f = fixture_written();
    Layout layout = {0};
    Drift rows[2];
    example(rows);
    add_usual(&layout, drift_column("base"));
    /* Written as empty: the bytes of a pointer would not be 0x55. */
    hid_t file = H5Fopen(f.results, H5F_ACC_RDWR, H5P_DEFAULT), row = H5Tcreate(H5T_COMPOUND, 64);
    H5Tinsert(row, "base", 0, layout.part[0].type), H5Tinsert(row, "mine", 40, kinds[i]);
    hid_t space = H5Screate_simple(1, (hsize_t[]){2}, NULL);
    H5Ldelete(file, "/tables/drift", H5P_DEFAULT);
    hid_t dataset =
        H5Dcreate2(file, "/tables/drift", row, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    static const char nothing[128] = {0};
    cr_assert(H5Dwrite(dataset, row, H5S_ALL, H5S_ALL, H5P_DEFAULT, nothing) >= 0);
    put_digest(dataset, nothing, sizeof nothing);
    H5Dclose(dataset), H5Sclose(space), H5Tclose(row), H5Fclose(file);
    expect_refused(&f, i == 2 ? "a column of references" : "a column of variable length");
  }
}

Test(results_tables, table_without_any_of_its_columns_is_refused) {
  Fixture f = fixture_written();
  Layout layout = {0};
  Drift rows[2];
  example(rows);
  add(&layout, NULL, H5Tcopy(H5T_STD_I64LE));
  write_drift(&f, &layout, rows, 2);
  expect_refused(&f, "has no column of that table");
}

/* --- ranges ----------------------------------------------------------------------------------- */

Test(results_tables, number_outside_its_range_is_refused_by_row_and_column) {
  static const struct {
    int layer;
    double differing;
    const char *why;
  } bad[] = {{1025, 0, "row 1, column 'layer' is 1025, outside of -1 to 1024"},
             {INT32_MIN, 0, "row 1, column 'layer' is -2147483648, outside of -1 to 1024"},
             {3, 1.5, "row 1, column 'differing' is 1.5, outside of 0 to 1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Fixture f = fixture_written();
    Layout layout = {0};
    Drift rows[2];
    example(rows);
    rows[1].layer = bad[i].layer, rows[1].differing = bad[i].differing;
    for (int c = 0; c < table_drift.columns; c++) add_usual(&layout, &table_drift.column[c]);
    write_drift(&f, &layout, rows, 2);
    expect_refused(&f, bad[i].why);
  }
}

static void set_number(const Column *c, void *row, double value) {
  char *cell = (char *)row + c->offset;
  if (c->type == COLUMN_I32) memcpy(cell, &(int32_t){(int32_t)value}, 4);
  if (c->type == COLUMN_I64) memcpy(cell, &(int64_t){(int64_t)value}, 8);
  if (c->type == COLUMN_F64) memcpy(cell, &value, 8);
}

/* The ends of a range belong to it, what lies beyond does not, and an empty cell is in it: for
 * every column. */
Test(results_tables, every_column_has_a_range_that_holds_its_ends_and_its_empty_cell) {
  Fixture f = fixture_make();
  for (const Table *const *t = tables; *t; t++) {
    char *row = arena_alloc(&f.arena, 1, (*t)->row_size);
    for (int c = 0; c < (*t)->columns; c++) column_clear(*t, &(*t)->column[c], row);
    Status st = {0};
    cr_expect(rows_in_range(*t, row, 1, &st), "%s: %s", (*t)->name, st.text);
    for (int c = 0; c < (*t)->columns; c++) {
      const Column *column = &(*t)->column[c];
      if (column->type == COLUMN_TEXT) continue;
      Range range = column_range(*t, column);
      bool whole = column->type != COLUMN_F64;
      cr_expect(!whole || (isfinite(range.low) && isfinite(range.high) && range.low >= -2), "%s.%s",
                (*t)->name, column->name);
      const double inside[] = {range.low, range.high}, outside[] = {range.low - 1, range.high + 1};
      for (int i = 0; i < 2; i++) {
        Status good = {0}, bad = {0};
        set_number(column, row, inside[i]);
        cr_expect(rows_in_range(*t, row, 1, &good), "%s: %s", (*t)->name, good.text);
        if (isinf(outside[i]) || (column->type == COLUMN_I32 && outside[i] > INT32_MAX)) continue;
        set_number(column, row, outside[i]);
        cr_expect(!rows_in_range(*t, row, 1, &bad) && strstr(bad.text, column->name),
                  "%s.%s took %g", (*t)->name, column->name, outside[i]);
      }
      column_clear(*t, column, row);
    }
  }
  fixture_drop(&f);
}

/* --- versions --------------------------------------------------------------------------------- */

static void set_version(const Fixture *f, int32_t version) {
  hid_t file = H5Fopen(f->results, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
  cr_assert(H5Adelete(file, "format_version") >= 0, "a written file has a version");
  if (version >= 0) {
    hid_t a = H5Acreate2(file, "format_version", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_INT32, &version);
    H5Aclose(a);
  }
  H5Sclose(space), H5Fclose(file);
}

Test(results_tables, file_from_before_versions_is_read_and_one_of_a_later_version_is_refused) {
  Fixture f = fixture_written();
  set_version(&f, -1);
  read_drift(&f, 2);
  fixture_drop(&f);
  f = fixture_written();
  set_version(&f, 1000);
  Status st = {0};
  Results results;
  cr_expect(!results_open(f.results, &results, f.arena, &st));
  cr_expect(strstr(st.text, "has format version 1000; this driftscope reads up to 1"), "%s",
            st.text);
  fixture_drop(&f);
}

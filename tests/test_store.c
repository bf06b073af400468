/* The writing side: what is written comes back bit for bit, and what is damaged is not believed. */
#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>

#ifdef DS_SANITIZE
#include <sanitizer/lsan_interface.h>
#endif

#include "family/family.h"
#include "family/mamba1.h"
#include "fixture_store.h"

/* --- what is in a file, by plain HDF5 --------------------------------------------------------- */

/* The bytes of a dataset as they are stored. */
static size_t stored_bytes(const char *file_name, const char *path, void *bytes, size_t limit) {
  hid_t file = H5Fopen(file_name, H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, path, H5P_DEFAULT);
  cr_assert(dataset >= 0, "%s: %s: cannot be opened", file_name, path);
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  size_t size = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
  cr_assert(size <= limit, "%s: %zu bytes", path, size);
  memset(bytes, 0xa5, limit);
  cr_assert(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0, "%s", path);
  H5Sclose(space), H5Tclose(type), H5Dclose(dataset), H5Fclose(file);
  return size;
}

static const char *part_path(const Fixture *f, int prompt, int layer, const char *kind) {
  static char path[256];
  snprintf(path, sizeof path, "%s.parts/%s.layer_%02d.%s", f->results, f->shape.prompt[prompt].name,
           layer, kind);
  return path;
}

/* --- bit for bit ------------------------------------------------------------------------------ */

static void check_equal(const char *path, const Tensor *t, const void *stored) {
  for (int r = 0; r < t->rows; r++)
    for (int c = 0; c < t->cols; c++) {
      size_t size = format_size(t->format), at = (size_t)(r * t->cols + c);
      uint64_t want = 0, got = 0;
      memcpy(&want, (const char *)t->data + (size_t)(r * t->stride + c) * size, size);
      memcpy(&got, (const char *)stored + at * size, size);
      if (at == 1 && t->format == FORMAT_F64) want = 0x7ff8000000000000u;
      if (at == 1 && t->format == FORMAT_F32) want = 0x7fc00000u;
      if (at == 1 && t->format == FORMAT_F16) want = 0x7e00u;
      cr_assert(got == want, "%s [%d, %d]: got %llx, want %llx", path, r, c,
                (unsigned long long)got, (unsigned long long)want);
    }
}

static bool has_text(hid_t file, const char *path, const char *name, const char *want) {
  char got[256] = "";
  if (H5Aexists_by_name(file, path, name, H5P_DEFAULT) <= 0) return false;
  hid_t attribute = H5Aopen_by_name(file, path, name, H5P_DEFAULT, H5P_DEFAULT),
        type = H5Aget_type(attribute);
  cr_assert(H5Tget_size(type) < sizeof got && H5Aread(attribute, type, got) >= 0);
  H5Tclose(type), H5Aclose(attribute);
  return !strcmp(got, want);
}

static void check_every_tensor(const Fixture *f) {
  static char bytes[1 << 16];
  int checked = 0;
  for (int p = 0; p < PROMPTS; p++)
    for (int layer = 0; layer < LAYERS; layer++)
      for (int m = 0; m < MODES; m++)
        for (int id = 0; id < T_COUNT; id++) {
          Arena scratch = f->arena;
          char path[160], block[32];
          if (!fixture_has(layer, m, id)) continue;
          Tensor t = fixture_tensor(&scratch, &f->shape, p, layer, m, id);
          snprintf(block, sizeof block, "layer_%02d/", layer);
          snprintf(path, sizeof path, "/prompts/%s/%s/%s%s", f->shape.prompt[p].name,
                   f->shape.side[m].name, id < T_LAYER_COUNT ? block : "",
                   family_mamba1.tensors.info[id].name);
          size_t size = stored_bytes(f->results, path, bytes, sizeof bytes);
          cr_assert(size == (size_t)(t.rows * t.cols) * format_size(t.format), "%s: %zu bytes",
                    path, size);
          check_equal(path, &t, bytes);
          hid_t file = H5Fopen(f->results, H5F_ACC_RDONLY, H5P_DEFAULT);
          cr_assert(has_text(file, path, "kernel", t.kernel), "%s", path);
          H5Fclose(file);
          checked++;
        }
  cr_assert(checked == PROMPTS * (LAYERS * (3 * 16 + 1) + 3 * 3), "%d tensors", checked);
}

Test(store, every_tensor_comes_back_bit_for_bit_with_canonical_nan) {
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  check_every_tensor(&f);
  cr_expect(!fixture_there(&f, ".parts"), "the journal is still there");
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL & ~H5F_OBJ_DATATYPE) == 0,
            "handles are left open");
  fixture_drop(&f);
}

/* Closed before anything was written, while it is made or when it is there: as if it had not been
 * opened. */
Test(store, file_that_nothing_was_written_to_leaves_nothing) {
  static const char *const until[] = {".partial", ".parts/structure.bin"};
  for (int i = 0; i < 2; i++) {
    Fixture f = fixture_make();
    Status st = {0};
    Store *store;
    cr_assert(store_open(&f.arena, f.results, &f.key, &f.shape, false, false, &store, &st), "%s",
              st.text);
    for (int ms = 0; ms < 20000 && !fixture_there(&f, until[i]); ms++) usleep(1000);
    cr_assert(fixture_there(&f, until[i]), "%s is not made", until[i]);
    store_close(store);
    cr_expect(!fixture_there(&f, ".partial") && !fixture_there(&f, ".parts/run.json") &&
                  !fixture_there(&f, ".parts/structure.bin"),
              "after %s", until[i]);
    fixture_drop(&f);
  }
}

Test(store, syncing_changes_no_digest) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert(fixture_run_with(&f, true, &st), "%s", st.text);
  Digest got = fixture_content(&f);
  cr_expect_str_eq(got.hex, want.hex);
  fixture_drop(&f);
}

Test(store, layer_written_later_from_a_copy_changes_no_digest) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  f.shape.later = true;
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  Digest got = fixture_content(&f);
  cr_expect_str_eq(got.hex, want.hex);
  fixture_drop(&f);
}

/* The digests are computed here from bytes written out by hand: the tensor's own in its row,
 * whatever is kept of it, and in the file those of the stored bytes. `digested`: the rows have them
 * before, and what is not kept is not here. */
static void check_float16(bool widen, bool later, bool digested) {
  enum { N = 7 * 6 };
  Fixture f = fixture_make();
  Status st = {0};
  static bool kept[T_COUNT];
  memset(kept, 0, sizeof kept);
  kept[T_GATED] = kept[T_X_PROJ_IN] = true;
  const StoreMade made = {.makes = {[T_GATED] = true, [T_OUT_PROJ] = true, [T_X_PROJ_IN] = true},
                          .format = {[T_GATED] = FORMAT_F16, [T_OUT_PROJ] = FORMAT_F16}};
  const StoreSide side = {.name = "2-0", .layer = &made};
  f.shape.layers = f.shape.prompts = f.shape.sides = f.shape.streams = 1;
  f.shape.side = &side, f.shape.kept = kept, f.shape.f16_as_f32 = widen, f.shape.later = later;
  uint16_t h[N], canonical[N];
  float wide[N];
  for (int i = 0; i < N; i++)
    h[i] = canonical[i] = (uint16_t)(0x3c00 + i), wide[i] = 1.0f + (float)i * 0x1p-10f;
  h[3] = 0xfdab, canonical[3] = 0x7e00;
  memcpy(&wide[3], &(uint32_t){0x7fc00000u}, 4);
  Tensor half = tensor_of(h, FORMAT_F16, 7, 6, 0), narrow = half,
         plain = tensor_of(wide, FORMAT_F32, 7, 6, 0);
  narrow.cols = 4; /* out_proj is [T, D], a view of it here */
  TensorStats rows[3] = {{.nonfinite = 1}, {.nonfinite = 1}, {.nonfinite = 1}};
  TableRows table = {&table_tensor_stats, rows, 3};
  const StoreTensor list[] = {{0, T_GATED, &half, 0, digested},
                              {0, T_OUT_PROJ, &narrow, 1, digested},
                              {0, T_X_PROJ_IN, &plain, 2, digested}};
  StoreLayer what = {list, 3, NULL, &table, 1};
  const Digest want16 = digest_of(canonical, sizeof canonical),
               want32 = digest_of(wide, sizeof wide);
  uint16_t packed[7 * 4];
  for (int r = 0; r < 7; r++) memcpy(packed + 4 * r, canonical + 6 * r, 4 * sizeof *packed);
  const Digest want_narrow = digest_of(packed, sizeof packed);
  if (digested) {
    strcpy(rows[0].digest, want16.hex), strcpy(rows[1].digest, want_narrow.hex);
    strcpy(rows[2].digest, want32.hex);
    narrow.data = NULL;
  }
  Store *store = fixture_start(&f);
  cr_assert(store_put_layer(store, 0, 0, &what, &st), "%s", st.text);
  StoredRows stored = {.table = &table_tensor_stats};
  cr_assert(store_rows(&f.arena, store, &stored, 1, &st) && stored.count == 3, "%s", st.text);
  const TensorStats *got = stored.rows;
  cr_expect_str_eq(got[0].digest, want16.hex);
  cr_expect_str_eq(got[2].digest, want32.hex);
  cr_expect_str_eq(got[1].digest, want_narrow.hex, "what is not kept has a digest too");
  cr_expect(h[3] == 0xfdab, "the caller's tensor was changed");
  cr_assert(store_finish(store, NULL, 0, NULL, 0, f.arena, &st), "%s", st.text);
  store_close(store);
  char bytes[sizeof wide];
  size_t size = stored_bytes(f.results, "/prompts/address/2-0/layer_00/gated", bytes, sizeof bytes);
  cr_expect_eq(size, widen ? sizeof wide : sizeof canonical);
  cr_expect(!memcmp(bytes, widen ? (void *)wide : (void *)canonical, size));
  hid_t file = H5Fopen(f.results, H5F_ACC_RDONLY, H5P_DEFAULT),
        layer = H5Gopen2(file, "/prompts/address/2-0/layer_00", H5P_DEFAULT);
  cr_expect(H5Lexists(layer, "out_proj", H5P_DEFAULT) == 0,
            "a tensor that is not kept was written");
  cr_expect(has_text(layer, "gated", "digest", widen ? want32.hex : want16.hex));
  cr_expect(has_text(layer, "x_proj_in", "digest", want32.hex));
  cr_expect(has_text(layer, "gated", "format", "float16"));
  cr_expect(H5Aexists_by_name(layer, "x_proj_in", "format", H5P_DEFAULT) == 0,
            "float32 called float16");
  H5Gclose(layer), H5Fclose(file);
  fixture_drop(&f);
}

Test(store, float16_as_it_is_says_so_and_its_own_digest_stays) {
  check_float16(false, false, false);
  check_float16(false, true, false);
}
Test(store, float16_widened_says_so_and_its_own_digest_stays) {
  check_float16(true, false, false);
  check_float16(true, true, false);
}
Test(store, what_is_digested_before_is_stored_the_same_and_need_not_be_here) {
  for (int how = 0; how < 4; how++) check_float16(how & 1, how & 2, true);
}

static bool is_there(hid_t file, const char *path) {
  return H5Lexists(file, path, H5P_DEFAULT) > 0;
}

Test(store, sides_and_layers_of_which_nothing_is_kept_have_no_group) {
  Fixture f = fixture_make();
  Status st = {0};
  Results results;
  static bool kept[LAYERS * T_COUNT];
  kept[1 * T_COUNT + T_SSM_STATE_Q8] = true; /* which 2-0 alone makes */
  f.shape.kept = kept;
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  cr_assert(store_finish(store, NULL, 0, NULL, 0, f.arena, &st), "%s", st.text);
  store_close(store);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_expect(is_there(results.file, "prompts/address/2-0/layer_01/ssm_state_q8"));
  cr_expect(!is_there(results.file, "prompts/address/2-0/layer_00") &&
            !is_there(results.file, "prompts/address/2-4"));
  cr_expect(is_there(results.file, "prompts/odd_1-x/token_id") &&
            !is_there(results.file, "tables"));
  results_close(&results);
  fixture_drop(&f);
}

Test(store, run_without_prompts_is_a_file_of_tables_alone) {
  Fixture f = fixture_make();
  Status st = {0};
  Results results;
  MicroRow row = {.layer = -1, .n = 10};
  TableRows rows = {&table_micro, &row, 1};
  f.shape = (StoreShape){.layers = 24};
  Store *store = fixture_start(&f);
  cr_assert(store_finish(store, NULL, 0, &rows, 1, f.arena, &st), "%s", st.text);
  store_close(store);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_expect(is_there(results.file, "tables/micro") && !is_there(results.file, "prompts"));
  results_close(&results);
  cr_expect(!fixture_there(&f, ".parts") && !fixture_there(&f, ".partial"));
  fixture_drop(&f);
}

Test(store, stream_of_the_last_finished_layer_comes_back_with_its_very_bits_and_its_witness) {
  Fixture f = fixture_make();
  Status st = {0};
  fixture_leave(&f, 2);
  cr_expect(!file_exists(part_path(&f, 0, 0, "streams")),
            "streams that nobody starts from are left");
  Store *store = fixture_start(&f);
  cr_assert_eq(store_layers_done(store, 0, f.arena), 2);
  for (int m = 0; m < MODES; m++) {
    Tensor got, want = fixture_tensor(&f.arena, &f.shape, 0, 1, m, T_BLOCK_OUT);
    cr_assert(store_read_stream(&f.arena, store, 0, 1, m, &got, &st), "%s", st.text);
    cr_expect(got.format == want.format && got.rows == want.rows && got.cols == want.cols &&
              got.stride == want.cols);
    cr_expect(
        !memcmp(got.data, want.data, (size_t)(want.rows * want.cols) * format_size(want.format)),
        "side %d", m);
    cr_expect_str_eq(got.kernel, want.kernel);
  }
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  store_close(store);
  cr_expect(!file_exists(part_path(&f, 0, 1, "streams")) &&
                !file_exists(part_path(&f, 0, 2, "streams")),
            "a finished prompt has streams");
  fixture_drop(&f);
}

static void expect_stream(Fixture *f, const Store *store, int prompt, int layer, int side) {
  Status st = {0};
  Tensor got, want = fixture_tensor(&f->arena, &f->shape, prompt, layer, side, T_BLOCK_OUT);
  cr_assert(store_holds_stream(store, prompt, layer), "layer %d", layer);
  cr_assert(store_read_stream(&f->arena, store, prompt, layer, side, &got, &st), "%s", st.text);
  cr_expect(got.format == want.format && got.rows == want.rows && got.cols == want.cols);
  cr_expect(
      !memcmp(got.data, want.data, (size_t)(want.rows * want.cols) * format_size(want.format)),
      "layer %d, side %d", layer, side);
}

/* Also behind the last layer, and in a run that goes on; what is damaged is not held any more. */
Test(store, streams_that_stay_are_read_alone_until_the_run_is_finished) {
  Fixture f = fixture_make();
  Status st = {0};
  Tensor none;
  f.shape.streams_stay = true;
  Store *store = fixture_start(&f);
  cr_expect(!store_holds_stream(store, 0, 0));
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  cr_assert(store_settle(store, false, &st), "%s", st.text);
  for (int i = 0; i < PROMPTS * LAYERS * MODES; i++)
    expect_stream(&f, store, i / (LAYERS * MODES), i / MODES % LAYERS, i % MODES);
  store_close(store);
  const char *damaged = arena_printf(&f.arena, "%s", part_path(&f, 0, 1, "streams"));
  Bytes bytes;
  cr_assert(file_read(&f.arena, damaged, 1 << 20, &bytes, &st), "%s", st.text);
  char *last =
      (char *)(uintptr_t)bytes.data + bytes.count - sizeof(Digest) - 1; /* of the last side's */
  *last ^= 1;
  cr_assert(file_write(damaged, bytes.data, bytes.count, false, &st), "%s", st.text);
  store = fixture_start(&f);
  expect_stream(&f, store, 0, 1, 0);
  cr_expect(!store_read_stream(&f.arena, store, 0, 1, MODES - 1, &none, &st) &&
                strstr(st.text, "address.layer_01.streams: its digest differs"),
            "%s", st.text);
  cr_expect_eq(store_layers_done(store, 0, f.arena), LAYERS);
  cr_expect(!store_holds_stream(store, 0, 1));
  expect_stream(&f, store, 0, 0, 1);
  expect_stream(&f, store, 0, 2, MODES - 1);
  st = (Status){0};
  cr_assert(fixture_finish(&f, store, &st), "%s", st.text);
  store_close(store);
  cr_expect(!fixture_there(&f, ".parts"));
  fixture_drop(&f);
}

Test(store, rows_come_back_in_the_order_of_prompt_and_layer_with_digests_filled_in) {
  Fixture f = fixture_make();
  Status st = {0};
  Store *store = fixture_start(&f);
  for (int p = PROMPTS - 1; p >= 0; p--)
    for (int layer = 0; layer < LAYERS; layer++)
      cr_assert(fixture_layer(&f, store, p, layer, &st), "%s", st.text);
  StoredRows stored[] = {{.table = &table_pair_stats}, {.table = &table_tensor_stats}};
  cr_assert(store_rows(&f.arena, store, stored, 2, &st), "%s", st.text);
  cr_expect(stored[0].count == 0);
  cr_assert(stored[1].count == PROMPTS * LAYERS * MODES, "%zu rows", stored[1].count);
  for (int i = 0; i < (int)stored[1].count; i++) {
    TensorStats want[MODES];
    const int m = i % MODES;
    fixture_rows(&f.shape, i / (LAYERS * MODES), i / MODES % LAYERS, want);
    cr_expect(!memcmp((TensorStats *)stored[1].rows + i, &want[m], sizeof *want), "row %d", i);
  }
  store_close(store);
  fixture_drop(&f);
}

Test(store, notes_stand_until_they_are_damaged) {
  Fixture f = fixture_make();
  Status st = {0};
  const void *bytes;
  size_t count;
  Store *store = fixture_start(&f);
  store_noted(&f.arena, store, "swap_0.prompt_0001", &bytes, &count);
  cr_expect_null(bytes);
  cr_assert(store_note(store, "swap_0.prompt_0001", "some rows", 10, &st), "%s", st.text);
  cr_assert(store_note(store, "cost", NULL, 0, &st), "%s", st.text);
  store_close(store);
  store = fixture_start(&f);
  store_noted(&f.arena, store, "swap_0.prompt_0001", &bytes, &count);
  cr_assert(bytes && count == 10);
  cr_expect_str_eq(bytes, "some rows");
  store_noted(&f.arena, store, "cost", &bytes, &count);
  cr_expect(bytes && count == 0, "a note of nothing is a note");
  char from[256], to[256];
  snprintf(from, sizeof from, "%s.parts/study.swap_0.prompt_0001.note", f.results);
  snprintf(to, sizeof to, "%s.parts/study.swap_0.prompt_0002.note", f.results);
  cr_assert(rename(from, to) == 0);
  store_noted(&f.arena, store, "swap_0.prompt_0002", &bytes, &count);
  cr_expect_null(bytes, "another note's content");
  store_close(store);
  fixture_drop(&f);
}

Test(store, what_has_been_written_is_counted) {
  Fixture f = fixture_make();
  Status st = {0};
  Store *store = fixture_start(&f);
  const int64_t begun = store_written(store).bytes;
  uint64_t tensors = 0;
  for (int m = 0; m < MODES; m++)
    for (int id = 0; id < T_COUNT; id++) {
      Arena scratch = f.arena;
      if (!fixture_has(0, m, id)) continue;
      Tensor t = fixture_tensor(&scratch, &f.shape, 0, 0, m, id);
      tensors += (uint64_t)(t.rows * t.cols) * format_size(t.format);
      if (t.scale.axis != SCALE_NONE)
        tensors += scale_count(&t.scale, t.rows, t.cols) * sizeof(float);
    }
  cr_assert(fixture_layer(&f, store, 0, 0, &st), "%s", st.text);
  struct stat entry, streams;
  const int64_t written = store_written(store).bytes - begun;
  cr_assert(stat(part_path(&f, 0, 0, "entry"), &entry) == 0 &&
            stat(part_path(&f, 0, 0, "streams"), &streams) == 0);
  cr_expect_eq(written, (int64_t)tensors + entry.st_size + streams.st_size, "%lld bytes",
               (long long)written);
  store_close(store);
  fixture_drop(&f);
}

/* What store_size says is what is taken: of the file never less, and little more. */
Test(store, size_of_a_shape_is_that_of_its_file) {
  Fixture f = fixture_make();
  const StoreSize size = store_size(&f.shape);
  struct stat info;
  char path[160];
  fixture_leave(&f, 1);
  snprintf(path, sizeof path, "%s.partial", f.results);
  cr_assert(stat(path, &info) == 0);
  /* Of what a dataset's headers are given here, HDF5 1.10 leaves 212 bytes; 1.14's are shorter. */
  const uint64_t spare = size.file_bytes - (uint64_t)info.st_size;
  cr_expect(size.file_bytes >= (uint64_t)info.st_size && spare < 300 * (uint64_t)size.tensors,
            "said %llu, is %lld", (unsigned long long)size.file_bytes, (long long)info.st_size);
  cr_expect_eq(size.tensors, PROMPTS * (LAYERS * (3 * 16 + 1) + 3 * 3 + FIXTURE_SCALES));
  struct stat structure;
  snprintf(path, sizeof path, "%s.parts/structure.bin", f.results);
  cr_assert(stat(part_path(&f, 0, 0, "streams"), &info) == 0 && stat(path, &structure) == 0);
  uint64_t beside = 2 * (uint64_t)info.st_size + (uint64_t)structure.st_size;
  cr_expect(size.journal_bytes >= beside && size.journal_bytes < 2 * beside,
            "said %llu, is up to %llu", (unsigned long long)size.journal_bytes,
            (unsigned long long)beside);
  fixture_drop(&f);
}

Test(store, texts_of_a_mebibyte_are_attributes_like_others) {
  Fixture f = fixture_make();
  Status st = {0};
  Results results;
  char *spec = arena_alloc(&f.arena, (1 << 20) + 1, 1);
  for (int i = 0; i < 1 << 20; i++) spec[i] = "title: long\n"[i % 12];
  Attribute attributes[] = {
      {"spec_raw", spec, 0}, {"empty", "", 0}, {"threads", NULL, 3}, {"alpha", NULL, 0.1}};
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  cr_assert(store_finish(store, attributes, 4, NULL, 0, f.arena, &st), "%s", st.text);
  store_close(store);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  const struct {
    const char *name, *want;
  } texts[] = {{"spec_raw", spec},
               {"empty", ""},
               {"threads", "3"},
               {"alpha", "0.10000000000000001"},
               {"absent", NULL}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const char *text = "junk";
    cr_assert(results_text(&f.arena, &results, texts[i].name, &text, &st), "%s", st.text);
    cr_expect(texts[i].want ? text && !strcmp(text, texts[i].want) : !text, "%s", texts[i].name);
  }
  RunKey key;
  cr_assert(results_key(&results, &key, &st), "%s", st.text);
  cr_expect_null(run_key_difference(&key, &f.key));
  results_close(&results);
  fixture_drop(&f);
}

/* The journal: what is written comes back bit for bit, and no fault costs a finished layer. */
#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>

#ifdef DS_SANITIZE
#include <sanitizer/lsan_interface.h>
#endif

#include "fixture_store.h"

/* ---- what is in a file, by plain HDF5 ---- */

/* The bytes of a dataset as they are stored. */
static size_t stored_bytes(const char *file_name, const char *path, void *bytes, size_t limit) {
  hid_t file = H5Fopen(file_name, H5F_ACC_RDONLY, H5P_DEFAULT), dataset = H5Dopen2(file, path, H5P_DEFAULT);
  cr_assert(dataset >= 0, "%s: %s: cannot be opened", file_name, path);
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  size_t size = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
  cr_assert(size <= limit, "%s: %zu bytes", path, size);
  memset(bytes, 0xa5, limit);
  cr_assert(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0, "%s", path);
  H5Sclose(space), H5Tclose(type), H5Dclose(dataset), H5Fclose(file);
  return size;
}

static const char *segment_path(const Fixture *f, int prompt, int layer) {
  static char path[256];
  snprintf(path, sizeof path, "%s.parts/%s.layer_%02d.h5", f->results, f->shape.prompt[prompt].name, layer);
  return path;
}

static void touch(const Fixture *f, const char *name, const char *text) {
  char path[160];
  Status st = {0};
  snprintf(path, sizeof path, "%s%s", f->results, name);
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
}

/* ---- bit for bit ---- */

static void check_equal(const char *path, const Tensor *t, const void *stored) {
  for (int r = 0; r < t->rows; r++)
    for (int c = 0; c < t->cols; c++) {
      size_t size = type_size(t->type), at = (size_t)(r * t->cols + c);
      uint64_t want = 0, got = 0;
      memcpy(&want, (const char *)t->data + (size_t)(r * t->stride + c) * size, size);
      memcpy(&got, (const char *)stored + at * size, size);
      if (at == 1 && t->type == TYPE_F64) want = 0x7ff8000000000000u;
      if (at == 1 && t->type == TYPE_F32) want = 0x7fc00000u;
      if (at == 1 && t->type == TYPE_F16) want = 0x7e00u;
      cr_assert(got == want, "%s [%d, %d]: got %llx, want %llx", path, r, c, (unsigned long long)got,
                (unsigned long long)want);
    }
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
          snprintf(path, sizeof path, "/prompts/%s/%s/%s%s", f->shape.prompt[p].name, f->shape.mode[m],
                   id < T_LAYER_COUNT ? block : "", tensor_info[id].name);
          size_t size = stored_bytes(f->results, path, bytes, sizeof bytes);
          cr_assert(size == (size_t)(t.rows * t.cols) * type_size(t.type), "%s: %zu bytes", path, size);
          check_equal(path, &t, bytes);
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
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL & ~H5F_OBJ_DATATYPE) == 0, "handles are left open");
  fixture_drop(&f);
}

Test(store, deflate_and_sync_change_no_digest) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert(fixture_run_with(&f, true, 4, &st), "%s", st.text);
  check_every_tensor(&f);
  Digest got = fixture_content(&f);
  cr_expect_str_eq(got.hex, want.hex);
  fixture_drop(&f);
}

static bool has_text(hid_t file, const char *path, const char *name, const char *want) {
  char got[64] = "";
  if (H5Aexists_by_name(file, path, name, H5P_DEFAULT) <= 0) return false;
  hid_t attribute = H5Aopen_by_name(file, path, name, H5P_DEFAULT, H5P_DEFAULT), type = H5Aget_type(attribute);
  cr_assert(H5Tget_size(type) < sizeof got && H5Aread(attribute, type, got) >= 0);
  H5Tclose(type), H5Aclose(attribute);
  return !strcmp(got, want);
}

/* The digests are computed here from bytes written out by hand: the tensor's own, whatever is kept of it, and in the
 * file those of the stored bytes. */
Test(store, float16_is_widened_or_not_and_says_so_and_its_own_digest_stays) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  Segment segment;
  enum { N = 7 * 6 };
  uint16_t h[N], canonical[N];
  float widened[N];
  for (int i = 0; i < N; i++) h[i] = canonical[i] = (uint16_t)(0x3c00 + i), widened[i] = 1.0f + (float)i * 0x1p-10f;
  h[3] = 0xfdab, canonical[3] = 0x7e00;
  memcpy(&widened[3], &(uint32_t){0x7fc00000u}, 4);
  Tensor t = tensor_of(h, TYPE_F16, 7, 6, 0);
  float f32[N];
  memcpy(f32, widened, sizeof f32);
  Tensor plain = tensor_of(f32, TYPE_F32, 7, 6, 0);
  Digest kept, dropped, wide, f32_digest, want16 = digest_of(canonical, sizeof canonical),
                                          want32 = digest_of(widened, sizeof widened);
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(segment_create(&journal, 0, 0, &segment, &st), "%s", st.text);
  cr_assert(segment_put_tensor(&segment, "2-0", T_GATED, &t, true, false, &kept, f.arena, &st), "%s", st.text);
  cr_assert(segment_put_tensor(&segment, "2-0", T_SCAN, &t, false, false, &dropped, f.arena, &st), "%s", st.text);
  cr_assert(segment_put_tensor(&segment, "2-0", T_CONV1D, &t, true, true, &wide, f.arena, &st), "%s", st.text);
  cr_assert(segment_put_tensor(&segment, "2-0", T_X_PROJ_IN, &plain, true, true, &f32_digest, f.arena, &st));
  cr_assert(segment_commit(&segment, &st), "%s", st.text);
  cr_expect_str_eq(kept.hex, want16.hex);
  cr_expect_str_eq(dropped.hex, want16.hex);
  cr_expect_str_eq(wide.hex, want16.hex);
  cr_expect_str_eq(f32_digest.hex, want32.hex);
  cr_expect(h[3] == 0xfdab, "the caller's tensor was changed");
  float got[N];
  cr_expect(stored_bytes(segment_path(&f, 0, 0), "/modes/2-0/conv1d", got, sizeof got) == sizeof got);
  cr_expect(!memcmp(got, widened, sizeof got));
  hid_t file = H5Fopen(segment_path(&f, 0, 0), H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_expect(H5Lexists(file, "/modes/2-0/scan", H5P_DEFAULT) == 0, "a tensor that is not kept was written");
  cr_expect(has_text(file, "/modes/2-0/gated", "digest", want16.hex));
  cr_expect(has_text(file, "/modes/2-0/conv1d", "digest", want32.hex));
  cr_expect(has_text(file, "/modes/2-0/gated", "format", "float16"));
  cr_expect(has_text(file, "/modes/2-0/conv1d", "format", "float16"));
  cr_expect(H5Aexists_by_name(file, "/modes/2-0/x_proj_in", "format", H5P_DEFAULT) == 0, "float32 called float16");
  H5Fclose(file);
  journal_close(&journal);
  fixture_drop(&f);
}

static bool is_there(hid_t file, const char *path) { return H5Lexists(file, path, H5P_DEFAULT) > 0; }

Test(store, layers_of_which_nothing_is_kept_have_no_group) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  Results results;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  for (int p = 0; p < PROMPTS; p++)
    for (int layer = 0; layer < LAYERS; layer++) {
      Segment segment;
      Digest digest;
      Tensor t = fixture_tensor(&f.arena, &f.shape, p, layer, 1, T_SCAN);
      cr_assert(segment_create(&journal, p, layer, &segment, &st), "%s", st.text);
      cr_assert(segment_put_tensor(&segment, "2-4", T_SCAN, &t, p == 0 && layer == 1, false, &digest, f.arena, &st),
                "%s", st.text);
      cr_assert(segment_commit(&segment, &st), "%s", st.text);
    }
  cr_assert(journal_join(&journal, NULL, 0, NULL, 0, f.arena, &st), "%s", st.text);
  journal_close(&journal);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_expect(is_there(results.file, "prompts/address/2-4/layer_01/scan"));
  cr_expect(!is_there(results.file, "prompts/address/2-4/layer_00") && !is_there(results.file, "prompts/address/2-0"));
  cr_expect(is_there(results.file, "prompts/odd_1-x/token_id") && !is_there(results.file, "prompts/odd_1-x/2-4"));
  cr_expect(!is_there(results.file, "tables"));
  results_close(&results);
  fixture_drop(&f);
}

Test(store, stream_comes_back_with_its_very_bits_and_its_witness) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
  for (int m = 0; m < MODES; m++) {
    Tensor got, want = fixture_tensor(&f.arena, &f.shape, 1, 2, m, T_BLOCK_OUT);
    cr_assert(journal_read_stream(&f.arena, &journal, 1, 2, f.shape.mode[m], &got, &st), "%s", st.text);
    cr_expect(got.type == want.type && got.rows == want.rows && got.cols == want.cols && got.stride == want.cols);
    cr_expect(!memcmp(got.data, want.data, (size_t)(want.rows * want.cols) * type_size(want.type)), "%s",
              f.shape.mode[m]);
    cr_expect_str_eq(got.kernel, want.kernel);
  }
  journal_close(&journal);
  fixture_drop(&f);
}

Test(store, rows_come_back_in_the_order_of_prompt_and_layer) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  void *rows;
  size_t count;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  for (int p = PROMPTS - 1; p >= 0; p--)
    for (int layer = LAYERS - 1; layer >= 0; layer--)
      cr_assert(fixture_segment(&f, &journal, p, layer, &st), "%s", st.text);
  cr_assert(journal_read_rows(&f.arena, &journal, &table_tensor_stats, &rows, &count, &st), "%s", st.text);
  cr_assert(count == PROMPTS * LAYERS * MODES, "%zu rows", count);
  for (size_t i = 0; i < count; i++) {
    TensorStats want[MODES];
    fixture_rows(&f.shape, (int)i / (LAYERS * MODES), (int)i / MODES % LAYERS, want);
    cr_expect(!memcmp((TensorStats *)rows + i, &want[i % MODES], sizeof *want), "row %zu", i);
  }
  cr_assert(journal_read_rows(&f.arena, &journal, &table_pair_stats, &rows, &count, &st), "%s", st.text);
  cr_expect(count == 0);
  journal_close(&journal);
  fixture_drop(&f);
}

/* ---- going on ---- */

static void overwrite(const char *path, off_t at, const void *bytes, size_t count) {
  int fd = open(path, O_WRONLY);
  cr_assert(fd >= 0 && pwrite(fd, bytes, count, at) == (ssize_t)count, "%s", path);
  close(fd);
}

Test(store, a_segment_says_how_many_bytes_it_wrote) {
  Fixture f = fixture_make();
  Journal journal;
  Segment segment;
  Status st = {0};
  struct stat info;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(segment_create(&journal, 0, 0, &segment, &st), "%s", st.text);
  cr_assert(segment_commit(&segment, &st), "%s", st.text);
  cr_assert_eq(stat(segment_path(&f, 0, 0), &info), 0);
  cr_expect(segment.bytes > 0 && segment.bytes == (int64_t)info.st_size, "got %lld, want %lld",
            (long long)segment.bytes, (long long)info.st_size);
  journal_close(&journal);
  fixture_drop(&f);
}

Test(store, truncated_empty_or_missing_segment_ends_what_is_done) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  for (int kind = 0; kind < 4; kind++) {
    cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
    cr_expect(journal_layers_done(&journal, 1, f.arena) == LAYERS);
    const char *path = segment_path(&f, 1, 1);
    struct stat info;
    stat(path, &info);
    if (kind < 3) cr_assert(truncate(path, kind == 0 ? 0 : kind == 1 ? info.st_size / 2 : info.st_size - 1) == 0);
    if (kind == 3) unlink(path);
    cr_expect(journal_layers_done(&journal, 1, f.arena) == 1, "kind %d", kind);
    cr_expect(!file_exists(path), "kind %d: an invalid segment was left", kind);
    cr_expect(journal_layers_done(&journal, 0, f.arena) == LAYERS);
  }
  journal_close(&journal);
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  Digest got = fixture_content(&f);
  cr_expect_str_eq(got.hex, want.hex);
  fixture_drop(&f);
}

/* A byte may lie where nothing does; all that is read must then be as before. */
Test(store, flipped_byte_in_a_segment_is_found_or_harmless) {
  enum { STEP = 151 };
#ifdef DS_SANITIZE
  __lsan_disable(); /* HDF5 1.10.8 itself loses memory where the checksum of its metadata is wrong */
#endif
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  Bytes whole;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_segment(&f, &journal, 0, 0, &st), "%s", st.text);
  const char *path = segment_path(&f, 0, 0);
  cr_assert(file_read(&f.arena, path, 1 << 24, &whole, &st), "%s", st.text);
  int found = 0, tried = 0;
  for (size_t at = 0; at < whole.count; at += STEP, tried++) {
    char flipped = (char)(whole.data[at] ^ (1 << (at % 8)));
    overwrite(path, (off_t)at, &flipped, 1);
    if (journal_layers_done(&journal, 0, f.arena) == 0) {
      found++;
      cr_assert(file_write(path, whole.data, whole.count, false, &st), "%s", st.text);
      continue;
    }
    for (int m = 0; m < MODES; m++)
      for (int id = 0; id < T_LAYER_COUNT; id++) {
        static char bytes[1 << 12];
        char name[64];
        Arena scratch = f.arena;
        if (!fixture_has(0, m, id)) continue;
        Tensor t = fixture_tensor(&scratch, &f.shape, 0, 0, m, id);
        snprintf(name, sizeof name, "/modes/%s/%s", f.shape.mode[m], tensor_info[id].name);
        stored_bytes(path, name, bytes, sizeof bytes);
        check_equal(name, &t, bytes);
      }
    overwrite(path, (off_t)at, &whole.data[at], 1);
  }
  cr_expect(found > tried / 4, "only %d of %d flips were found", found, tried);
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL & ~H5F_OBJ_DATATYPE) == 0, "handles are left open");
  journal_close(&journal);
  fixture_drop(&f);
}

Test(store, journal_of_another_run_is_refused_and_named_unless_fresh) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
  journal_close(&journal);
  RunKey other = f.key;
  other.weights = digest_of("other", 5);
  cr_assert(!journal_open(&f.arena, f.results, &other, &f.shape, false, false, 0, &journal, &st));
  cr_expect(strstr(st.text, "r.h5.parts: ") && strstr(st.text, "weights") && !strstr(st.text, "spec"), "%s", st.text);
  st = (Status){0};
  cr_assert(journal_open(&f.arena, f.results, &other, &f.shape, true, false, 0, &journal, &st), "%s", st.text);
  cr_expect(journal_layers_done(&journal, 0, f.arena) == 0);
  cr_expect(!file_exists(segment_path(&f, 1, 2)));
  journal_close(&journal);
  cr_expect(!journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st));
  fixture_drop(&f);
}

Test(store, segments_without_run_json_are_not_taken_for_this_runs) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, 2, &st), "%s", st.text);
  journal_close(&journal);
  touch(&f, ".parts/address.layer_07.h5.tmp", "half");
  touch(&f, ".parts/notes.txt", "mine");
  touch(&f, ".parts/a.b.layer_00.h5", "mine");
  touch(&f, ".partial", "stale");
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_expect(journal_layers_done(&journal, 0, f.arena) == 2);
  cr_expect(!fixture_there(&f, ".parts/address.layer_07.h5.tmp") && !fixture_there(&f, ".partial"),
            "temporary files are left");
  journal_close(&journal);
  char path[160];
  snprintf(path, sizeof path, "%s.parts/run.json", f.results);
  unlink(path);
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_expect(journal_layers_done(&journal, 0, f.arena) == 0);
  cr_assert(fixture_layers(&f, &journal, -1, &st) && fixture_join(&f, &journal, &st), "%s", st.text);
  journal_close(&journal);
  cr_expect(fixture_there(&f, ".parts/notes.txt") && fixture_there(&f, ".parts/a.b.layer_00.h5"),
            "a file of someone else was removed");
  cr_expect(!fixture_there(&f, ".parts/run.json") && !fixture_there(&f, ".parts/address.layer_00.h5"),
            "the journal is still there");
  touch(&f, ".parts/run.json", "{\"spec\": 1}");
  cr_expect(!journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st));
  cr_expect(strstr(st.text, "run.json: 'spec' is not a digest"), "%s", st.text);
  fixture_drop(&f);
}

Test(store, what_a_killed_removal_left_is_discarded_only_for_the_same_run) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  RunKey other = f.key;
  other.text = digest_of("other", 5);
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, 1, &st), "%s", st.text);
  journal_discard(f.arena, f.results, &f.key);
  cr_expect(fixture_there(&f, ".parts/run.json"), "removed though another run holds it");
  journal_close(&journal);
  journal_discard(f.arena, f.results, &other);
  cr_expect(fixture_there(&f, ".parts/run.json"), "removed though it is another run's");
  journal_discard(f.arena, f.results, &f.key);
  cr_expect(!fixture_there(&f, ".parts"));
  journal_discard(f.arena, f.results, &f.key);
  fixture_drop(&f);
}

Test(store, damaged_segment_stops_the_join_and_nothing_is_lost) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
  hid_t file = H5Fopen(segment_path(&f, 1, 1), H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, "modes/2-4/scan", H5P_DEFAULT);
  off_t at = (off_t)H5Dget_offset(dataset) + 9;
  H5Dclose(dataset), H5Fclose(file);
  overwrite(segment_path(&f, 1, 1), at, "?", 1);
  cr_expect(!fixture_join(&f, &journal, &st));
  cr_expect(strstr(st.text, "odd_1-x.layer_01.h5: scan: its digest differs"), "%s", st.text);
  cr_expect(!fixture_there(&f, "") && !fixture_there(&f, ".partial") &&
            fixture_there(&f, ".parts/odd_1-x.layer_02.h5"));
  journal_close(&journal);
  st = (Status){0};
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  check_every_tensor(&f);
  fixture_drop(&f);
}

Test(store, folder_that_cannot_be_made_is_one_clear_error) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  touch(&f, ".parts", "a file where the folder should be");
  cr_expect(!journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st));
  cr_expect(strstr(st.text, "r.h5.parts: ") && !strchr(st.text, '\n'), "%s", st.text);
  cr_expect(journal.lock == -1);
  fixture_drop(&f);
}

Test(store, texts_of_a_mebibyte_are_attributes_like_others) {
  Fixture f = fixture_make();
  Status st = {0};
  Journal journal;
  Results results;
  char *spec = arena_alloc(&f.arena, (1 << 20) + 1, 1);
  for (int i = 0; i < 1 << 20; i++) spec[i] = "title: long\n"[i % 12];
  Attribute attributes[] = {{"spec_raw", spec, 0}, {"empty", "", 0}, {"threads", NULL, 3}, {"alpha", NULL, 0.1}};
  cr_assert(journal_open(&f.arena, f.results, &f.key, &f.shape, false, false, 0, &journal, &st), "%s", st.text);
  cr_assert(fixture_layers(&f, &journal, -1, &st), "%s", st.text);
  cr_assert(journal_join(&journal, attributes, 4, NULL, 0, f.arena, &st), "%s", st.text);
  journal_close(&journal);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  const struct {
    const char *name, *want;
  } texts[] = {{"spec_raw", spec}, {"empty", ""}, {"threads", "3"}, {"alpha", "0.10000000000000001"}, {"absent", NULL}};
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

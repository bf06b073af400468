/* The reader of results files: it takes what the store wrote, passes over what has another name,
 * and refuses by name what is of another kind. Each test spoils one thing in a good file with plain
 * HDF5 calls. */
#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>

#include "base/file.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "fixture_store.h"

#define SCAN "/prompts/address/2-0/layer_01/scan"

/* The reader's error must say where and why, on one line, and leave nothing open. */
static void check_refused(Fixture *f, const char *where, const char *why) {
  Status st = {0};
  Results results;
  cr_expect(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE) == 0, "the test left the file open");
  cr_assert(!results_open(f->results, &results, f->arena, &st), "%s: was taken", where);
  cr_expect(!strncmp(st.text, f->results, strlen(f->results)), "no file: %s", st.text);
  cr_expect(strstr(st.text, where), "no '%s': %s", where, st.text);
  cr_expect(strstr(st.text, why), "no '%s': %s", why, st.text);
  cr_expect(results.file == -1 &&
            H5Fget_obj_count((hid_t)H5F_OBJ_ALL,
                             H5F_OBJ_FILE | H5F_OBJ_GROUP | H5F_OBJ_DATASET | H5F_OBJ_ATTR) == 0);
}

static void expect_refused(Fixture *f, const char *where, const char *why) {
  check_refused(f, where, why);
  fixture_drop(f);
}

/* A dataset in place of another, contiguous unless `list` says else. */
static hid_t replace(hid_t file, const char *path, hid_t type, hsize_t rows, hsize_t cols,
                     hid_t list) {
  hid_t space = H5Screate_simple(2, (hsize_t[]){rows, cols}, NULL);
  cr_assert(H5Ldelete(file, path, H5P_DEFAULT) >= 0);
  hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  cr_assert(dataset >= 0);
  H5Sclose(space);
  return dataset;
}

Test(results, tables_texts_and_key_come_back) {
  Fixture f = fixture_written();
  Status st = {0};
  Results results;
  void *rows;
  size_t count;
  RunKey key;
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_assert(results_rows(&f.arena, &results, &table_tensor_stats, &rows, &count, &st), "%s",
            st.text);
  cr_expect(count == PROMPTS * LAYERS * MODES, "%zu rows", count);
  for (size_t i = 0; i < count; i++) {
    TensorStats want[MODES];
    fixture_rows(&f.shape, (int)i / (LAYERS * MODES), (int)i / MODES % LAYERS, want);
    cr_expect(!memcmp((TensorStats *)rows + i, &want[i % MODES], sizeof *want), "row %zu", i);
  }
  cr_assert(results_rows(&f.arena, &results, &table_drift, &rows, &count, &st), "%s", st.text);
  uint64_t bits;
  memcpy(&bits, &((Drift *)rows)[1].growth, sizeof bits);
  cr_expect(count == 2 && ((Drift *)rows)[1].layer == 1 && bits == 0x7ff8000000000000u,
            "%zu rows, growth %llx", count, (unsigned long long)bits);
  cr_assert(results_rows(&f.arena, &results, &table_verdict, &rows, &count, &st), "%s", st.text);
  cr_expect(count == 0);
  const char *title;
  cr_assert(results_text(&f.arena, &results, "title", &title, &st), "%s", st.text);
  cr_expect_str_eq(title, "An answer, in UTF-8: \xc3\xa9");
  cr_assert(results_key(&results, &key, &st), "%s", st.text);
  cr_expect_null(run_key_difference(&key, &f.key));
  results_close(&results);
  fixture_drop(&f);
}

Test(results, order_of_creation_is_that_of_the_run) {
  Fixture f = fixture_written();
  hid_t file = H5Fopen(f.results, H5F_ACC_RDONLY, H5P_DEFAULT);
  static const struct {
    const char *group, *first[4];
  } order[] = {
      {"/prompts", {"address", "odd_1-x"}},
      {"/prompts/odd_1-x/2-0", {"embedding", "layer_00", "layer_01", "layer_02"}},
      {"/prompts/odd_1-x/fp64/layer_02", {"block_in", "norm", "in_proj", "conv1d"}},
  };
  for (size_t g = 0; g < sizeof order / sizeof *order; g++)
    for (hsize_t i = 0; i < 4 && order[g].first[i]; i++) {
      char name[64] = "";
      H5Lget_name_by_idx(file, order[g].group, H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name,
                         sizeof name, H5P_DEFAULT);
      cr_expect_str_eq(name, order[g].first[i]);
    }
  H5Fclose(file);
  fixture_drop(&f);
}

/* --- links and foreign objects ---------------------------------------------------------------- */

Test(results, soft_link_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Ldelete(file, SCAN, H5P_DEFAULT);
  H5Lcreate_soft("/prompts/address/2-4/layer_01/scan", file, SCAN, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  expect_refused(&f, SCAN, "is a soft link");
}

Test(results, external_link_under_a_known_name_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Ldelete(file, "/tables", H5P_DEFAULT);
  H5Lcreate_external("/etc/passwd", "/x", file, "/tables", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  expect_refused(&f, "/tables", "is an external link");
}

static void expect_read(Fixture *f, int unproved) {
  Status st = {0};
  Results results;
  cr_assert(results_open(f->results, &results, f->arena, &st), "%s", st.text);
  cr_expect_eq(results.unproved, unproved, "%d, first %s", results.unproved,
               results.first_unproved);
  results_close(&results);
  fixture_drop(f);
}

/* What somebody adds is theirs. Each of these would be refused or followed into another file, were
 * it opened. */
Test(results, unknown_objects_and_links_are_passed_over_unopened) {
  static const char *const groups[] = {"/",
                                       "/tables",
                                       "/prompts",
                                       "/prompts/address",
                                       "/prompts/address/2-0",
                                       "/prompts/address/2-0/layer_01"};
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), space = H5Screate_simple(3, (hsize_t[]){1, 1, 1}, NULL),
        text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    hid_t group = H5Gopen2(file, groups[i], H5P_DEFAULT);
    H5Dclose(H5Dcreate2(group, "note", text, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Gclose(H5Gcreate2(group, "mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_soft("/nowhere", group, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/etc/passwd", "/x", group, "external", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
  }
  H5Gclose(
      H5Gcreate2(file, "/prompts/address/2-0/layer_99999", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Tclose(text), H5Sclose(space), H5Fclose(file);
  expect_read(&f, 0);
}

Test(results, second_name_of_an_object_is_read_and_a_circle_ends) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Lcreate_hard(file, "/prompts/address", file, "/prompts/again", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "/tables/drift", file, "/best", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "/prompts", file, "/prompts/address/circle", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "/prompts/address", file, "/prompts/address/2-0/layer_02/circle",
                 H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  expect_read(&f, 0);
}

/* 10,000 prompts of 30 kB each in a file that is not much larger than one. */
Test(results, small_file_cannot_hold_much_work_by_many_names_of_an_object) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  for (int i = 0; i < 10000; i++) {
    char name[32];
    snprintf(name, sizeof name, "/prompts/p%d", i);
    H5Lcreate_hard(file, "/prompts/odd_1-x", file, name, H5P_DEFAULT, H5P_DEFAULT);
  }
  H5Fclose(file);
  expect_refused(&f, "/prompts/p", "the file has the same objects under too many names");
}

Test(results, dataset_where_a_group_belongs_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Dclose(replace(file, "/prompts/address/2-0/layer_01", H5T_IEEE_F32LE, 7, 6, H5P_DEFAULT));
  H5Fclose(file);
  expect_refused(&f, "/prompts/address/2-0/layer_01", "is not a group");
}

/* --- data that is elsewhere, or is not there -------------------------------------------------- */

Test(results, virtual_dataset_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), list = H5Pcreate(H5P_DATASET_CREATE),
        space = H5Screate_simple(2, (hsize_t[]){7, 6}, NULL);
  H5Pset_virtual(list, space, "/etc/passwd", "/x", space);
  H5Dclose(replace(file, SCAN, H5T_IEEE_F32LE, 7, 6, list));
  H5Pclose(list), H5Sclose(space), H5Fclose(file);
  expect_refused(&f, SCAN, "is a virtual dataset");
}

Test(results, external_storage_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), list = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(list, "/etc/passwd", 0, 7 * 6 * 4);
  H5Dclose(replace(file, SCAN, H5T_IEEE_F32LE, 7, 6, list));
  H5Pclose(list), H5Fclose(file);
  expect_refused(&f, SCAN, "keeps its data in another file");
}

Test(results, claim_of_a_tebibyte_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Dclose(replace(file, SCAN, H5T_IEEE_F32LE, (hsize_t)1 << 20, (hsize_t)1 << 18, H5P_DEFAULT));
  H5Fclose(file);
  expect_refused(&f, SCAN, "claims 274877906944 elements of 4 bytes, but 0 bytes are stored");
}

Test(results, deflated_claim_of_a_tebibyte_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), list = H5Pcreate(H5P_DATASET_CREATE),
        memory = H5Screate_simple(2, (hsize_t[]){1, 64}, NULL);
  H5Pset_chunk(list, 2, (hsize_t[]){1, 64});
  H5Pset_deflate(list, 9);
  hid_t dataset = replace(file, SCAN, H5T_IEEE_F32LE, (hsize_t)1 << 20, (hsize_t)1 << 18, list),
        space = H5Dget_space(dataset);
  float row[64] = {0};
  H5Sselect_hyperslab(space, H5S_SELECT_SET, (hsize_t[]){5, 0}, NULL, (hsize_t[]){1, 64}, NULL);
  cr_assert(H5Dwrite(dataset, H5T_IEEE_F32LE, memory, space, H5P_DEFAULT, row) >= 0);
  H5Sclose(space), H5Sclose(memory), H5Dclose(dataset), H5Pclose(list), H5Fclose(file);
  expect_refused(&f, SCAN, "claims 274877906944 elements");
}

Test(results, length_beyond_int_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), space = H5Screate_simple(1, (hsize_t[]){(hsize_t)1 << 32}, NULL);
  H5Ldelete(file, "/prompts/address/vocab", H5P_DEFAULT);
  H5Dclose(H5Dcreate2(file, "/prompts/address/vocab", H5T_IEEE_F32LE, space, H5P_DEFAULT,
                      H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space), H5Fclose(file);
  expect_refused(&f, "/prompts/address/vocab", "has a dimension of 4294967296");
}

/* /prompts/address/2-0/layer_01/scan again, in chunks, with these filters. */
static void filter_scan(Fixture *f, const H5Z_filter_t filter[3]) {
  Arena scratch = f->arena;
  Tensor t = fixture_tensor(&scratch, &f->shape, 0, 1, 0, T_SCAN);
  ((uint32_t *)t.data)[1] = 0x7fc00000u;
  Digest digest = digest_of(t.data, sizeof(float[7 * 6]));
  hid_t file = fixture_change(f), list = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(list, 2, (hsize_t[]){4, 6});
  for (int i = 0; i < 3 && filter[i]; i++)
    cr_assert(H5Pset_filter(list, filter[i], H5Z_FLAG_OPTIONAL, filter[i] == H5Z_FILTER_DEFLATE,
                            (unsigned[]){6}) >= 0);
  hid_t dataset = replace(file, SCAN, H5T_IEEE_F32LE, 7, 6, list), type = H5Tcopy(H5T_C_S1),
        space = H5Screate(H5S_SCALAR);
  cr_assert(H5Dwrite(dataset, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, t.data) >= 0);
  H5Tset_size(type, 32);
  hid_t attribute = H5Acreate2(dataset, "digest", type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, digest.hex);
  H5Aclose(attribute), H5Tclose(type), H5Sclose(space), H5Dclose(dataset), H5Pclose(list),
      H5Fclose(file);
}

Test(results, gzip_shuffle_and_fletcher32_are_read_in_any_order) {
  enum { GZIP = H5Z_FILTER_DEFLATE, SHUFFLE = H5Z_FILTER_SHUFFLE, SUM = H5Z_FILTER_FLETCHER32 };
  static const H5Z_filter_t good[][3] = {{GZIP},   {SHUFFLE, GZIP},      {SHUFFLE, GZIP, SUM},
                                         {SUM},    {SUM, GZIP, SHUFFLE}, {GZIP, SHUFFLE},
                                         {SHUFFLE}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    Fixture f = fixture_written();
    filter_scan(&f, good[i]);
    expect_read(&f, 0);
  }
}

Test(results, other_filters_are_refused_by_name_with_what_to_do) {
  enum { LZF = 32000, ZSTD = 32015 };
  static const struct {
    H5Z_filter_t filter[3];
    const char *why;
  } bad[] = {{{LZF},
              "is compressed with lzf, which only h5py undoes: write it again there with "
              "compression='gzip'"},
             {{ZSTD},
              "has filter 32015 (''); only gzip, shuffle and fletcher32 are undone: where the "
              "filter is known, 'h5repack -f GZIP=6 OLD.h5 NEW.h5' makes a file that is read"},
             {{H5Z_FILTER_DEFLATE, H5Z_FILTER_DEFLATE}, "has the filter 'deflate' twice"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Fixture f = fixture_written();
    filter_scan(&f, bad[i].filter);
    expect_refused(&f, SCAN, bad[i].why);
  }
}

/* --- types and lengths ------------------------------------------------------------------------ */

Test(results, variable_length_data_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), type = H5Tvlen_create(H5T_IEEE_F32LE);
  hid_t dataset = replace(file, SCAN, type, 1, 1, H5P_DEFAULT);
  hvl_t value = {1, &(float){1}};
  cr_assert(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
  H5Dclose(dataset), H5Tclose(type), H5Fclose(file);
  expect_refused(&f, SCAN, "has an element type that no tensor has");
}

Test(results, big_endian_data_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), dataset = replace(file, SCAN, H5T_IEEE_F32BE, 7, 6, H5P_DEFAULT);
  float zeros[42] = {0};
  H5Dwrite(dataset, H5T_IEEE_F32BE, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros);
  H5Dclose(dataset), H5Fclose(file);
  expect_refused(&f, SCAN, "has an element type that no tensor has");
}

static void spoil_text(Fixture *f, const char *object, const char *attribute, bool is_variable) {
  hid_t file = fixture_change(f), type = H5Tcopy(H5T_C_S1),
        space = H5Screate_simple(1, (hsize_t[]){2}, NULL), scalar = H5Screate(H5S_SCALAR);
  const char *texts[2] = {"variable", "x"};
  H5Tset_size(type, is_variable ? H5T_VARIABLE : 4);
  if (H5Aexists_by_name(file, object, attribute, H5P_DEFAULT) > 0)
    H5Adelete_by_name(file, object, attribute, H5P_DEFAULT);
  hid_t id = H5Acreate_by_name(file, object, attribute, type, is_variable ? scalar : space,
                               H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  cr_assert(id >= 0 && H5Awrite(id, type, is_variable ? (const void *)texts : "fixelen") >= 0);
  H5Aclose(id), H5Tclose(type), H5Sclose(space), H5Sclose(scalar), H5Fclose(file);
}

Test(results, digest_of_another_kind_is_refused) {
  Fixture f = fixture_written();
  spoil_text(&f, SCAN, "digest", true);
  expect_refused(&f, SCAN, "attribute 'digest' is not a text of fixed length");
  f = fixture_written();
  spoil_text(&f, SCAN, "digest", false);
  expect_refused(&f, SCAN, "attribute 'digest' is not a scalar");
}

/* A text that h5py adds is of variable length: what nobody asks for is not looked at. */
Test(results, unknown_attribute_is_passed_over_and_a_known_one_of_another_kind_refused) {
  Fixture f = fixture_written();
  Status st = {0};
  Results results;
  const char *text;
  spoil_text(&f, "/", "checked", true);
  spoil_text(&f, "/", "title", true);
  cr_assert(results_open(f.results, &results, f.arena, &st), "%s", st.text);
  cr_expect(results_text(&f.arena, &results, "seed", &text, &st), "%s", st.text);
  cr_expect(!results_text(&f.arena, &results, "title", &text, &st));
  cr_expect(strstr(st.text, f.results) &&
                strstr(st.text, "attribute 'title' is not a text of fixed length"),
            "%s", st.text);
  results_close(&results);
  fixture_drop(&f);
}

Test(results, objects_without_a_digest_are_counted) {
  static const char *const objects[] = {SCAN, "/prompts/address/token_id", "/tables/drift"};
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  for (int i = 0; i < 3; i++)
    cr_assert(H5Adelete_by_name(file, objects[i], "digest", H5P_DEFAULT) >= 0);
  H5Fclose(file);
  expect_read(&f, 3);
}

Test(results, every_attribute_of_a_tensor_may_be_absent) {
  static const char *const names[] = {"kernel", "long_name", "units", "DIMENSION_LIST",
                                      "DIMENSION_LABELS"};
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  for (int i = 0; i < 5; i++)
    cr_assert(H5Adelete_by_name(file, SCAN, names[i], H5P_DEFAULT) >= 0, "%s", names[i]);
  cr_assert(H5Adelete_by_name(file, "/prompts/address/2-0/layer_01/scan_in", "scale_factor",
                              H5P_DEFAULT) >= 0);
  H5Fclose(file);
  expect_read(&f, 0);
}

Test(results, tensor_of_other_length_than_its_scales_is_refused) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  cr_assert(H5Lmove(file, "/prompts/address/2-4/layer_01/scan", file,
                    "/prompts/address/2-4/layer_01/ssm_state_q8", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  expect_refused(&f, "/prompts/address/2-4/layer_01/ssm_state_q8",
                 "does not have the lengths of its dimension scales");
}

Test(results, without_a_scale_its_length_is_not_compared) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f);
  H5Ldelete(file, "/prompts/odd_1-x/d_state", H5P_DEFAULT);
  H5Fclose(file);
  expect_read(&f, 0);
}

/* Deflated zeros of 90 MB: what the scales do not say is refused before its data is read. */
Test(results, lengths_are_compared_before_data_is_read) {
  Fixture f = fixture_written();
  hid_t file = fixture_change(&f), list = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(list, 2, (hsize_t[]){2250, 1000});
  H5Pset_deflate(list, 9);
  hid_t dataset = replace(file, SCAN, H5T_IEEE_F32LE, 22500, 1000, list);
  float *zeros = calloc(22500 * 1000, sizeof *zeros);
  cr_assert(H5Dwrite(dataset, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >= 0);
  free(zeros);
  H5Dclose(dataset), H5Pclose(list), H5Fclose(file);
  spoil_text(&f, SCAN, "digest", true); /* read it, and another fault is found */
  expect_refused(&f, SCAN, "does not have the lengths of its dimension scales");
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void flip_data(const Fixture *f, const char *path) {
  hid_t file = H5Fopen(f->results, H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, path, H5P_DEFAULT);
  off_t at = (off_t)H5Dget_offset(dataset) + 5;
  H5Dclose(dataset), H5Fclose(file);
  int fd = open(f->results, O_RDWR);
  char byte;
  cr_assert(pread(fd, &byte, 1, at) == 1);
  byte ^= 1;
  cr_assert(pwrite(fd, &byte, 1, at) == 1);
  close(fd);
}

Test(results, changed_byte_of_a_tensor_is_named) {
  static const char *const paths[] = {SCAN, "/prompts/odd_1-x/fp64/logits",
                                      "/prompts/odd_1-x/2-0/layer_02/gated",
                                      "/prompts/odd_1-x/token_id"};
  for (int i = 0; i < 4; i++) {
    Fixture f = fixture_written();
    flip_data(&f, paths[i]);
    expect_refused(&f, paths[i], "its digest differs");
  }
}

Test(results, truncated_file_is_refused_at_every_length) {
  Fixture f = fixture_written();
  struct stat info;
  stat(f.results, &info);
  for (int part = 64; part >= 0; part--) {
    cr_assert(truncate(f.results, part == 64 ? info.st_size - 1 : info.st_size * part / 64) == 0);
    check_refused(&f, "", part == 0 ? "is not an HDF5 file" : "truncated file");
  }
  fixture_drop(&f);
}

Test(results, other_files_are_refused) {
  Fixture f = fixture_make();
  Status st = {0};
  file_write(f.results, "title: not HDF5\n", 16, false, &st);
  expect_refused(&f, "", "is not an HDF5 file");
  f = fixture_make();
  mkfifo(f.results, 0600);
  expect_refused(&f, "", "is not a regular file");
  f = fixture_make();
  expect_refused(&f, "", "No such file or directory");
}

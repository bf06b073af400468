/* Going on with what stands: whose run it is, what of it holds, what is somebody else's. */
#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>

#include "fixture_store.h"

static const char *parts(const Fixture *f, const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s.parts/%s", f->results, name);
  return path;
}

static void touch(const Fixture *f, const char *name, const char *text) {
  char path[160];
  Status st = {0};
  snprintf(path, sizeof path, "%s%s", f->results, name);
  cr_assert(file_write(path, text, strlen(text), false, &st), "%s", st.text);
}

/* How many layers of a prompt a start of the run finds. */
static int found(Fixture *f, int prompt) {
  Store *store = fixture_start(f);
  int done = store_layers_done(store, prompt, f->arena);
  store_close(store);
  return done;
}

static void expect_ends_as(Fixture *f, const Digest *want) {
  Status st = {0};
  cr_assert(fixture_run(f, &st), "%s", st.text);
  Digest got = fixture_content(f);
  cr_expect_str_eq(got.hex, want->hex);
}

Test(store_resume, truncated_empty_or_missing_entry_ends_what_is_done) {
  Digest want = fixture_undisturbed();
  for (int kind = 0; kind < 4; kind++) {
    Fixture f = fixture_make();
    struct stat info;
    fixture_leave(&f, PROMPTS * LAYERS - 1); /* the second prompt lacks its last layer */
    const char *path = parts(&f, "odd_1-x.layer_01.entry");
    cr_assert(stat(path, &info) == 0);
    if (kind < 3)
      cr_assert(truncate(path, kind == 0   ? 0
                               : kind == 1 ? info.st_size / 2
                                           : info.st_size - 1) == 0);
    if (kind == 3) unlink(path);
    /* layer 0 stands, but the streams that layer 1 starts from went when layer 1 stood */
    cr_expect(found(&f, 1) == 0, "kind %d", kind);
    cr_expect(!file_exists(path), "kind %d: an invalid entry was left", kind);
    cr_expect(found(&f, 0) == LAYERS, "kind %d", kind);
    expect_ends_as(&f, &want);
    fixture_drop(&f);
  }
}

Test(store_resume, damaged_streams_send_the_prompt_back) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  fixture_leave(&f, 2);
  cr_expect_eq(found(&f, 0), 2);
  cr_assert(truncate(parts(&f, "address.layer_01.streams"), 100) == 0);
  cr_expect_eq(found(&f, 0), 0);
  cr_expect_eq(found(&f, 1), 0);
  expect_ends_as(&f, &want);
  fixture_drop(&f);
}

static void flip(const char *path, off_t at) {
  int fd = open(path, O_RDWR);
  char byte;
  cr_assert(fd >= 0 && pread(fd, &byte, 1, at) == 1, "%s", path);
  byte = (char)(byte ^ (1 << (at % 8)));
  cr_assert(pwrite(fd, &byte, 1, at) == 1);
  close(fd);
}

static off_t size_of(const char *path) {
  struct stat info;
  cr_assert(stat(path, &info) == 0, "%s", path);
  return info.st_size;
}

Test(store_resume, every_flipped_byte_of_an_entry_or_of_streams_is_found) {
  enum { STEP = 97 };
  static const char *const kinds[] = {"address.layer_00.entry", "address.layer_00.streams"};
  for (int kind = 0; kind < 2; kind++) {
    Fixture f = fixture_make();
    Status st = {0};
    fixture_leave(&f, 1);
    const char *path = parts(&f, kinds[kind]);
    off_t size = size_of(path);
    for (off_t at = kind; at < size; at += STEP) {
      Bytes entry, streams;
      Arena scratch = f.arena;
      cr_assert(file_read(&scratch, parts(&f, kinds[0]), 1 << 20, &entry, &st) &&
                    file_read(&scratch, parts(&f, kinds[1]), 1 << 20, &streams, &st),
                "%s", st.text);
      flip(parts(&f, kinds[kind]), at);
      Fixture again = f;
      again.arena = scratch;
      cr_assert(found(&again, 0) == 0, "%s: byte %lld", kinds[kind], (long long)at);
      cr_assert(file_write(parts(&f, kinds[0]), entry.data, entry.count, false, &st) &&
                file_write(parts(&f, kinds[1]), streams.data, streams.count, false, &st));
    }
    cr_assert(found(&f, 0) == 1, "the files as they were");
    fixture_drop(&f);
  }
}

/* Outside the tensors the file is put back as it was made; inside, digests tell. */
Test(store_resume, flipped_byte_of_the_file_is_found_or_mended) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  char partial[160];
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  fixture_leave(&f, -1);
  const off_t size = size_of(partial);
  int flips = 0;
  for (off_t at = 11; at < size; at += size / 40, flips++) flip(partial, at);
  cr_assert(truncate(partial, size + 1000) == 0);
  int stands = found(&f, 0) + found(&f, 1);
  cr_expect(flips >= 40 && stands < PROMPTS * LAYERS, "%d flips, %d layers stand", flips, stands);
  expect_ends_as(&f, &want);
  fixture_drop(&f);
}

Test(store_resume, removed_file_is_made_again_and_its_layers_too) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  char partial[160];
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  fixture_leave(&f, 4);
  unlink(partial);
  cr_assert(symlink("/etc/hostname", partial) == 0, "a link in its place is not followed");
  cr_expect_eq(found(&f, 0), 0);
  expect_ends_as(&f, &want);
  fixture_drop(&f);
}

Test(store_resume, damaged_structure_is_named_with_the_way_out) {
  Fixture f = fixture_make();
  Status st = {0};
  fixture_leave(&f, 1);
  flip(parts(&f, "structure.bin"), 300);
  cr_expect_null(fixture_open(&f, &st));
  cr_expect(strstr(st.text, "r.h5.parts/structure.bin: its digest differs") &&
                strstr(st.text, "--fresh"),
            "%s", st.text);
  fixture_drop(&f);
}

Test(store_resume, journal_of_another_run_is_refused_and_named_unless_fresh) {
  Fixture f = fixture_make();
  Status st = {0};
  Store *store;
  fixture_leave(&f, -1);
  RunKey other = f.key;
  other.weights = digest_of("other", 5);
  cr_assert(!store_open(&f.arena, f.results, &other, &f.shape, false, false, &store, &st) &&
            !store);
  cr_expect(strstr(st.text, "r.h5.parts: ") && strstr(st.text, "weights") &&
                !strstr(st.text, "spec"),
            "%s", st.text);
  st = (Status){0};
  cr_assert(store_open(&f.arena, f.results, &other, &f.shape, true, false, &store, &st), "%s",
            st.text);
  cr_expect(store_layers_done(store, 0, f.arena) == 0);
  cr_expect(store_settle(store, false, &st), "%s", st.text);
  cr_expect(!file_exists(parts(&f, "odd_1-x.layer_02.entry")));
  store_close(store);
  cr_expect_null(fixture_open(&f, &st));
  fixture_drop(&f);
}

Test(store_resume, entries_without_run_json_are_not_taken_for_this_runs) {
  Fixture f = fixture_make();
  Status st = {0};
  fixture_leave(&f, 2);
  touch(&f, ".parts/address.layer_07.entry.tmp", "half");
  touch(&f, ".parts/address.layer_01.h5", "a segment of the first version");
  static const char *const others[] = {".parts/notes.txt", ".parts/a.b.layer_00.entry",
                                       ".parts/mine.tmp", ".parts/shopping.note"};
  for (int i = 0; i < 4; i++) touch(&f, others[i], "mine");
  cr_expect_eq(found(&f, 0), 2);
  cr_expect(!fixture_there(&f, ".parts/address.layer_07.entry.tmp"), "temporary files are left");
  unlink(parts(&f, "run.json"));
  cr_expect_eq(found(&f, 0), 0);
  cr_expect(!fixture_there(&f, ".parts/address.layer_01.h5"));
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  for (int i = 0; i < 4; i++)
    cr_expect(fixture_there(&f, others[i]), "%s of someone else was removed", others[i]);
  cr_expect(!fixture_there(&f, ".parts/run.json") && !fixture_there(&f, ".parts/structure.bin") &&
                !fixture_there(&f, ".parts/address.layer_00.entry"),
            "the journal is still there");
  touch(&f, ".parts/run.json", "{\"spec\": 1}");
  cr_expect_null(fixture_open(&f, &st));
  cr_expect(strstr(st.text, "run.json: 'spec' is not a digest"), "%s", st.text);
  fixture_drop(&f);
}

Test(store_resume, run_json_that_has_no_end_is_refused_and_not_waited_for, .timeout = 30) {
  for (int kind = 0; kind < 2; kind++) {
    Fixture f = fixture_make();
    Status st = {0};
    fixture_leave(&f, 1);
    const char *path = parts(&f, "run.json");
    unlink(path);
    cr_assert_eq(kind ? symlink("/dev/zero", path) : mkfifo(path, 0666), 0);
    cr_expect_null(fixture_open(&f, &st));
    cr_expect(strstr(st.text, "run.json: is not a regular file") && strstr(st.text, "--fresh"),
              "%s", st.text);
    fixture_drop(&f);
  }
}

/* What the refusals promise. */
Test(store_resume, fresh_run_begins_where_empty_folders_have_the_journals_names) {
  static const char *const names[] = {".partial", ".parts/run.json", ".parts/structure.bin",
                                      ".parts/study.cost.note"};
  Digest want = fixture_undisturbed();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    Fixture f = fixture_make();
    Status st = {0};
    char path[256];
    Store *store;
    fixture_leave(&f, 1);
    snprintf(path, sizeof path, "%s%s", f.results, names[i]);
    unlink(path);
    cr_assert_eq(mkdir(path, 0777), 0);
    cr_assert(store_open(&f.arena, f.results, &f.key, &f.shape, true, false, &store, &st), "%s: %s",
              names[i], st.text);
    store_close(store);
    expect_ends_as(&f, &want);
    fixture_drop(&f);
  }
}

Test(store_resume, result_that_cannot_get_its_name_is_told_before_the_run) {
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert_eq(mkdir(f.results, 0777), 0);
  cr_expect_null(fixture_open(&f, &st));
  cr_expect(strstr(st.text, "r.h5: is a folder"), "%s", st.text);
  cr_expect(!fixture_there(&f, ".partial"));
  fixture_drop(&f);
}

/* Its seal holds, and its name is one of this run. */
Test(store_resume, piece_that_another_run_left_is_not_taken) {
  Fixture one = fixture_make(), other = fixture_make();
  other.key.spec = digest_of("other", 5);
  char command[1024];
  Status st = {0};
  Store *store = fixture_open(&other, &st);
  cr_assert(store && store_note(store, "cost", "theirs", 6, &st), "%s", st.text);
  cr_assert(fixture_layers(&other, store, 1, &st), "%s", st.text);
  store_close(store);
  fixture_leave(&one, 0);
  snprintf(command, sizeof command,
           "cp %s.parts/study.cost.note %s.parts/*.entry %s.parts/*.streams %s.parts/",
           other.results, other.results, other.results, one.results);
  cr_assert_eq(system(command), 0);
  cr_assert(fixture_there(&one, ".parts/study.cost.note") &&
            fixture_there(&one, ".parts/address.layer_00.entry"));
  store = fixture_start(&one);
  const void *note;
  size_t size;
  store_noted(&one.arena, store, "cost", &note, &size);
  cr_expect_null(note, "a note of another run was taken");
  cr_expect_eq(store_layers_done(store, 0, one.arena), 0);
  store_close(store);
  fixture_drop(&one);
  fixture_drop(&other);
}

Test(store_resume, what_a_killed_removal_left_is_discarded_only_for_the_same_run) {
  Fixture f = fixture_make();
  Status st = {0};
  RunKey other = f.key;
  other.text = digest_of("other", 5);
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, 1, &st), "%s", st.text);
  store_discard(f.arena, f.results, &f.key);
  cr_expect(fixture_there(&f, ".parts/run.json"), "removed though another run holds it");
  store_close(store);
  store_discard(f.arena, f.results, &other);
  cr_expect(fixture_there(&f, ".parts/run.json"), "removed though it is another run's");
  store_discard(f.arena, f.results, &f.key);
  cr_expect(!fixture_there(&f, ".parts"));
  store_discard(f.arena, f.results, &f.key);
  fixture_drop(&f);
}

/* The digests are looked at once more before the file gets its name. */
Test(store_resume, tensor_that_changed_after_it_was_written_stops_the_end_and_is_made_again) {
  Digest want = fixture_undisturbed();
  Fixture f = fixture_make();
  Status st = {0};
  char partial[160];
  snprintf(partial, sizeof partial, "%s.partial", f.results);
  Store *store = fixture_start(&f);
  cr_assert(fixture_layers(&f, store, -1, &st), "%s", st.text);
  store_written(store); /* waits */
  hid_t file = H5Fopen(partial, H5F_ACC_RDONLY, H5P_DEFAULT),
        dataset = H5Dopen2(file, "prompts/odd_1-x/2-4/layer_01/scan", H5P_DEFAULT);
  off_t at = (off_t)H5Dget_offset(dataset) + 9;
  H5Dclose(dataset), H5Fclose(file);
  flip(partial, at);
  cr_expect(!fixture_finish(&f, store, &st));
  cr_expect(strstr(st.text, "r.h5.partial: prompt odd_1-x, layer 1: scan: its digest differs"),
            "%s", st.text);
  cr_expect(!fixture_there(&f, "") && fixture_there(&f, ".parts/odd_1-x.layer_02.entry"));
  store_close(store);
  cr_expect_eq(found(&f, 0), LAYERS);
  expect_ends_as(&f, &want);
  fixture_drop(&f);
}

Test(store_resume, folder_that_cannot_be_made_is_one_clear_error) {
  Fixture f = fixture_make();
  Status st = {0};
  touch(&f, ".parts", "a file where the folder should be");
  cr_expect_null(fixture_open(&f, &st));
  cr_expect(strstr(st.text, "r.h5.parts: ") && !strchr(st.text, '\n'), "%s", st.text);
  fixture_drop(&f);
}

Test(store_resume, folder_that_is_a_link_is_refused) {
  Fixture f = fixture_make();
  Status st = {0};
  char folder[160], target[160];
  snprintf(folder, sizeof folder, "%s.parts", f.results);
  snprintf(target, sizeof target, "%s/elsewhere", f.folder);
  cr_assert(mkdir(target, 0777) == 0 && symlink(target, folder) == 0);
  cr_expect_null(fixture_open(&f, &st));
  cr_expect(strstr(st.text, "is a symbolic link"), "%s", st.text);
  cr_expect(!fixture_there(&f, ".partial"), "written before the lock was had");
  fixture_drop(&f);
}

Test(store_resume, what_stands_of_a_run_is_counted_and_another_run_is_refused) {
  Fixture f = fixture_make();
  Status st = {0};
  uint64_t before, after, anew;
  cr_assert(store_standing(f.results, &f.key, false, &before, f.arena, &st), "%s", st.text);
  cr_expect_eq(before, 0);
  fixture_leave(&f, -1);
  cr_assert(store_standing(f.results, &f.key, false, &after, f.arena, &st), "%s", st.text);
  char line[512];
  snprintf(line, sizeof line, "cat %s.partial $(ls -d %s.parts/* | grep -v run.json) | wc -c",
           f.results, f.results);
  FILE *pipe = popen(line, "r");
  unsigned long long bytes = 0;
  cr_assert(pipe && fscanf(pipe, "%llu", &bytes) == 1);
  pclose(pipe);
  cr_expect_eq(after, bytes, "%llu of %llu", (unsigned long long)after, bytes);
  RunKey other = f.key;
  other.spec = digest_of("other", 5);
  cr_assert(store_standing(f.results, &other, true, &anew, f.arena, &st), "%s", st.text);
  cr_expect_eq(anew, bytes, "what --fresh removes makes room");
  cr_expect(!store_standing(f.results, &other, false, &anew, f.arena, &st) &&
                strstr(st.text, "other spec"),
            "%s", st.text);
  fixture_drop(&f);
}

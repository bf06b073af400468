/* hub: a name is looked up in the cache as the hub's client lays it out, and never beyond it. */
#include "model/hub.h"

#include <sys/stat.h>

#include "tests/made_model.h"

static void begin(void) {
  test_files_begin();
  unsetenv("HF_HUB_CACHE");
  setenv("HF_HOME", test_path("hf"), 1);
  for (const char *const *folder =
           WORDS("hf", "hf/hub", "hf/hub/models--own--tiny", "hf/hub/models--own--tiny/refs",
                 "hf/hub/models--own--tiny/snapshots", "hf/hub/models--own--tiny/snapshots/abc123",
                 "hf/hub/models--own--tiny/blobs");
       *folder; folder++)
    cr_assert_eq(mkdir(test_path(*folder), 0777), 0);
  test_write("hf/hub/models--own--tiny/refs/main", "abc123\n", 7);
}

TestSuite(hub, .init = begin, .fini = test_files_end);

static const char *found(const char *model) {
  const char *path;
  Status st = {0};
  cr_assert(hub_resolve(&test_arena, test_folder, model, &path, &st), "%s", st.text);
  return path;
}

static void not_found(const char *model, const char *const *words) {
  const char *path;
  Status st = {0};
  test_refused(hub_resolve(&test_arena, test_folder, model, &path, &st), &st, words);
}

Test(hub, a_name_is_the_snapshot_of_its_main_revision) {
  const char *want = test_path("hf/hub/models--own--tiny/snapshots/abc123");
  cr_expect_str_eq(found("own/tiny"), want);
  setenv("HF_HUB_CACHE", test_path("hf/hub"), 1);
  setenv("HF_HOME", "/nowhere", 1);
  cr_expect_str_eq(found("own/tiny"), want);
  unsetenv("HF_HUB_CACHE");
  unsetenv("HF_HOME");
  setenv("HOME", test_folder, 1);
  mkdir(test_path(".cache"), 0777);
  mkdir(test_path(".cache/huggingface"), 0777);
  cr_assert_eq(rename(test_path("hf/hub"), test_path(".cache/huggingface/hub")), 0);
  cr_expect_str_eq(found("own/tiny"),
                   test_path(".cache/huggingface/hub/models--own--tiny/snapshots/abc123"));
}

Test(hub, a_folder_that_is_there_comes_before_the_cache) {
  mkdir(test_path("own"), 0777);
  mkdir(test_path("own/tiny"), 0777);
  cr_expect_str_eq(found("own/tiny"), test_path("own/tiny"));
}

Test(hub, what_is_no_name_of_the_hub_is_left_to_whoever_opens_it) {
  for (const char *const *name = WORDS("tiny", "/nowhere/tiny", "a/b/c", "../tiny", "own/.tiny",
                                       "own/ti ny", "own/", "/tiny");
       *name; name++)
    cr_expect_str_eq(found(*name), *name);
}

Test(hub, what_the_cache_lacks_is_named) {
  not_found("own/other", WORDS("own/other: ", "no folder here", "models--own--other"));
  test_write("hf/hub/models--own--tiny/refs/main", "def456", 6);
  not_found("own/tiny", WORDS("own/tiny: ", "revision", "snapshots/def456"));
  test_write("hf/hub/models--own--tiny/refs/main", "../../x", 7);
  not_found("own/tiny", WORDS("refs/main: ", "no name of a revision"));
  unlink(test_path("hf/hub/models--own--tiny/refs/main"));
  not_found("own/tiny", WORDS("refs/main: ", "cannot be opened"));
}

Test(hub, a_checkpoint_of_links_into_blobs_opens_by_its_name) {
  Model *m = model_of("F16");
  Checkpoint c;
  Status st = {0};
  write_shard(m, "hf/hub/models--own--tiny/blobs/1111", 0, false);
  CONFIG();
  cr_assert_eq(rename(test_path("config.json"), test_path("hf/hub/models--own--tiny/blobs/2222")),
               0);
  const char *snapshot = "hf/hub/models--own--tiny/snapshots/abc123";
  cr_assert_eq(symlink("../../blobs/1111",
                       test_path(arena_printf(&test_arena, "%s/model.safetensors", snapshot))),
               0);
  cr_assert_eq(
      symlink("../../blobs/2222", test_path(arena_printf(&test_arena, "%s/config.json", snapshot))),
      0);
  cr_assert(checkpoint_open(&test_arena, found("own/tiny"), &c, &st), "%s", st.text);
  cr_expect_eq(c.config.layers, 2);
}

/* test_shards: where the tensors of a checkpoint stand and what they are called there: prefixes,
 * what is not used, an index with its shards, links. */
#include <limits.h>

#include "family/mamba1.h"
#include "tests/made_weights.h"

TestSuite(shards, .init = test_files_begin, .fini = test_files_end);

/* Of any type, known or not; an empty one holds nothing that could be used. */
Test(shards, tensors_that_are_not_used_are_counted_and_named) {
  Model *m = model_of("F16");
  Checkpoint c;
  add(m, "F16", "backbone.layers.7.norm.weight", 1, 4, 0, 0);
  add(m, "I32", "backbone.layers.0.mixer.seen", 1, 1, 0, 0);
  add(m, "I8", "mask", 1, 3, 0, 0);
  add(m, "F6_E3M2", "odd", 1, 3, 0, 0);
  add(m, "F32", "nothing", 2, 2, 0, 0);
  CONFIG();
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect_eq(c.unused, 4, "%zu", c.unused);
  cr_expect_str_eq(c.unused_names,
                   "backbone.layers.0.mixer.seen, backbone.layers.7.norm.weight, mask, odd");
  cr_expect(strstr(c.unused_path, "/model.safetensors"), "%s", c.unused_path);
}

Test(shards, of_many_unused_tensors_the_first_sixteen_are_named) {
  Checkpoint c;
  CONFIG("num_hidden_layers", "1");
  Model *m = model_of("F16");
  for (int i = 0; i < 7; i++) add(m, "F16", arena_printf(&test_arena, "x%d", i), 1, 1, 0, 0);
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect_eq(c.unused, 17, "%zu", c.unused);
  const char *end = strstr(c.unused_names, "x5, …");
  cr_expect(end && !strstr(c.unused_names, "x6"), "%s", c.unused_names);
}

Test(shards, prefixes_of_wrappers_and_a_missing_backbone_are_seen_through) {
  const char *const prefixes[][2] = {{"_orig_mod.backbone.", "_orig_mod."},
                                     {"module.backbone.", "module."},
                                     {"module._orig_mod.backbone.", "module._orig_mod."},
                                     {"backbone._orig_mod.", ""},
                                     {"", ""},
                                     {"_orig_mod.", "_orig_mod."}};
  Checkpoint plain, c;
  CONFIG("tie_word_embeddings", "false");
  Model *m = model_of("F16");
  add(m, "F16", "lm_head.weight", 2, 6, 4, 0);
  write_shard(m, "model.safetensors", 0, false);
  open_good(&plain);
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    Model *other = model_of("F16");
    add(other, "F16", "lm_head.weight", 2, 6, 4, 0);
    for (int t = 0; t < other->count; t++) {
      const char *name = m->tensor[t].name, *dot = strncmp(name, "backbone.", 9) ? NULL : name + 9;
      snprintf(other->tensor[t].name, sizeof other->tensor[t].name, "%s%s",
               prefixes[i][dot ? 0 : 1], dot ? dot : name);
    }
    write_shard(other, "model.safetensors", 0, false);
    open_good(&c);
    cr_expect_str_eq(c.digest.hex, plain.digest.hex, "%s", prefixes[i][0]);
    cr_expect(c.unused == 0 && !strcmp(c.layer[1][W_A_LOG].name, other->tensor[18].name), "%s",
              c.layer[1][W_A_LOG].name);
    other->tensor[18].shard = 0;
    refuse_model(other, WORDS(arena_printf(&test_arena, "'%slayers.1.mixer.A_log' is missing",
                                           prefixes[i][0])));
  }
}

Test(shards, a_prefix_inside_a_layer_is_seen_through) {
  Checkpoint c;
  CONFIG();
  Model *m = model_of("F16");
  strcpy(tensor(m, "backbone.layers.1.norm.weight")->name,
         "backbone.layers.1._orig_mod.norm.weight");
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
}

Test(shards, two_tensors_of_one_plain_name_are_refused) {
  CONFIG();
  Model *m = model_of("F16");
  add(m, "F16", "module.norm_f.weight", 1, 4, 0, 0);
  refuse_model(m,
               WORDS("'backbone.norm_f.weight'", "'module.norm_f.weight'", "both 'norm_f.weight'"));
}

/* Indexes: two good shards, and an index that says something else. */
static void refuse_index(const char *text, const char *const *words) {
  CONFIG();
  write_two_shards(model_of("F16"));
  test_write("model.safetensors.index.json", text, strlen(text));
  refuse(words);
}

Test(shards, an_index_that_is_malformed_is_refused) {
  refuse_index("{", WORDS("index.json: ", "not valid JSON"));
  refuse_index("{\"metadata\":{}}", WORDS("index.json: ", "weight_map is not an object"));
  refuse_index("{\"weight_map\":[]}", WORDS("index.json: ", "weight_map is not an object"));
  refuse_index("{\"weight_map\":{\"a\":1}}", WORDS("index.json: ", "'a' is not a string"));
  refuse_index("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", WORDS("index.json: ", "duplicate"));
  refuse_index("{\"weight_map\":{}}", WORDS("index.json", "0 shards", "missing"));
}

Test(shards, an_index_that_leads_out_of_the_folder_is_refused) {
  refuse_index("{\"weight_map\":{\"a\":\"../one.safetensors\"}}",
               WORDS("index.json: ", "'../one.safetensors'", "plain file name"));
  refuse_index("{\"weight_map\":{\"a\":\"/etc/passwd\"}}",
               WORDS("'/etc/passwd'", "plain file name"));
  refuse_index("{\"weight_map\":{\"a\":\"sub/one.safetensors\"}}",
               WORDS("'sub/one.safetensors'", "plain file name"));
  refuse_index("{\"weight_map\":{\"a\":\"..\"}}", WORDS("'..'", "plain file name"));
  refuse_index("{\"weight_map\":{\"a\":\"\"}}", WORDS("''", "plain file name"));
  refuse_index("{\"weight_map\":{\"a\":\".\"}}", WORDS("'.'"));
}

Test(shards, an_index_of_more_shards_than_are_opened_and_of_a_path_too_long_is_refused) {
  enum { MANY = 1025 };
  char *json = arena_alloc(&test_arena, MANY * 48, 1),
       *end = json + sprintf(json, "{\"weight_map\":{"), shard[96];
  for (int i = 0; i < MANY; i++) {
    end += sprintf(end, "%s\"t%d\":\"%d.safetensors\"", i ? "," : "", i, i);
    uint64_t bytes = (uint64_t)snprintf(
        shard + 8, sizeof shard - 8,
        "{\"t%d\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}xx", i);
    bytes -= 2;
    memcpy(shard, &bytes, sizeof bytes);
    test_write(arena_printf(&test_arena, "%d.safetensors", i), shard, 8 + bytes + 2);
  }
  strcpy(end, "}}");
  refuse_index(json, WORDS("index.json: ", "names more than 1024 shards"));
  char *longer = arena_alloc(&test_arena, PATH_MAX + 1, 1);
  memset(longer, 'x', PATH_MAX);
  refuse_index(arena_printf(&test_arena, "{\"weight_map\":{\"a\":\"%s\"}}", longer),
               WORDS("index.json: weight_map names 'xxx", "whose path is too long"));
}

Test(shards, a_shard_that_is_a_link_out_of_the_folder_is_refused) {
  Model *m = model_of("F16");
  Checkpoint c;
  CONFIG();
  write_two_shards(m);
  mkdir(test_path("inside"), 0777);
  cr_assert_eq(rename(test_path("two.safetensors"), test_path("inside/two")), 0);
  cr_assert_eq(symlink("inside/two", test_path("two.safetensors")), 0);
  open_good(&c); /* a link that stays inside */
  char outside[] = "/tmp/driftscope-outside-XXXXXX";
  int fd = mkstemp(outside);
  cr_assert(fd >= 0);
  close(fd);
  unlink(test_path("two.safetensors"));
  cr_assert_eq(symlink(outside, test_path("two.safetensors")), 0);
  refuse(WORDS("index.json: ", "'two.safetensors'", "out of the folder", "copy the files"));
  unlink(outside);
  refuse(WORDS("index.json: ", "'two.safetensors'", "cannot be opened", "No such file"));
}

/* models--NAME/snapshots/REVISION holds links to models--NAME/blobs/DIGEST. */
Test(shards, shards_of_a_hub_cache_are_links_into_its_blobs) {
  Model *m = model_of("F16");
  Checkpoint c;
  Status st = {0};
  for (const char *const *folder =
           WORDS("blobs", "other", "snapshots", "snapshots/abc", "copies", "copies/abc");
       *folder; folder++)
    mkdir(test_path(*folder), 0777);
  write_shard(m, "blobs/1111", 1, false);
  write_shard(m, "other/2222", 2, false);
  CONFIG();
  write_index(m, "two.safetensors");
  for (const char *const *name = WORDS("config.json", "model.safetensors.index.json"); *name;
       name++)
    cr_assert_eq(
        rename(test_path(*name), test_path(arena_printf(&test_arena, "snapshots/abc/%s", *name))),
        0);
  cr_assert_eq(symlink("../../blobs/1111", test_path("snapshots/abc/one.safetensors")), 0);
  cr_assert_eq(symlink("../../other/2222", test_path("snapshots/abc/two.safetensors")), 0);
  const char *snapshot = test_path("snapshots/abc");
  test_refused(checkpoint_open(&test_arena, snapshot, &c, &st), &st,
               WORDS("'two.safetensors'", "out of the folder"));
  cr_assert_eq(rename(test_path("other/2222"), test_path("blobs/2222")), 0);
  unlink(test_path("snapshots/abc/two.safetensors"));
  cr_assert_eq(symlink("../../blobs/2222", test_path("snapshots/abc/two.safetensors")), 0);
  st = (Status){0};
  cr_assert(checkpoint_open(&test_arena, snapshot, &c, &st), "%s", st.text);
  check_all(&c, m, "backbone.embeddings.weight");
  cr_assert_eq(symlink("snapshots/abc", test_path("main")), 0);
  cr_expect(checkpoint_open(&test_arena, test_path("main"), &c, &st), "through a link: %s",
            st.text);
  cr_assert_eq(rmdir(test_path("copies/abc")), 0);
  cr_assert_eq(rename(snapshot, test_path("copies/abc")), 0);
  test_refused(checkpoint_open(&test_arena, test_path("copies/abc"), &c, &st), &st,
               WORDS("out of the folder"));
}

Test(shards, a_single_file_may_be_a_link) {
  Model *m = model_of("F16");
  Checkpoint c;
  CONFIG();
  mkdir(test_path("blobs"), 0777);
  write_shard(m, "blobs/abc", 0, false);
  cr_assert_eq(symlink("blobs/abc", test_path("model.safetensors")), 0);
  open_good(&c);
  check_all(&c, m, "backbone.embeddings.weight");
}

Test(shards, a_shard_missing_or_cut_off_is_named) {
  CONFIG();
  write_two_shards(model_of("F16"));
  struct stat info;
  cr_assert_eq(stat(test_path("two.safetensors"), &info), 0);
  cr_assert_eq(truncate(test_path("two.safetensors"), info.st_size - 1), 0);
  refuse(WORDS("/two.safetensors: ", "truncated"));
  unlink(test_path("two.safetensors"));
  refuse(WORDS("index.json: ", "'two.safetensors'", "cannot be opened"));
}

Test(shards, index_and_shards_must_agree) {
  Model *m = model_of("F16");
  CONFIG();
  write_two_shards(m);
  add(m, "F16", "extra", 1, 4, 0, 0)->shard = 1; /* only in the index */
  write_index(m, "two.safetensors");
  refuse(WORDS("index.json: ", "'extra'", "'one.safetensors'", "does not hold it"));
  m->count--;
  write_index(m, "two.safetensors"); /* only in the shard */
  m->count++;
  write_shard(m, "one.safetensors", 1, false);
  refuse(WORDS("/one.safetensors: ", "'extra'", "index.json places it nowhere"));
  tensor(m, "extra")->shard = 2; /* in both, twice */
  write_shard(m, "two.safetensors", 2, false);
  write_index(m, "two.safetensors");
  refuse(WORDS("/one.safetensors: ", "'extra'", "places it in two.safetensors"));
}

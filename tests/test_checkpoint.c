/* test_checkpoint: the shipped model is read as it is, small models written from code are read in
 * every type and layout, and whatever does not fit is refused with the file and the fault. */
#include "family/mamba1.h"
#include "tests/draws.h"
#include "tests/made_weights.h"

TestSuite(checkpoint, .init = test_files_begin, .fini = test_files_end);

/* Reads a tensor of the shipped model by looking for its name in the header's text. */
static size_t read_plainly(const char *path, const char *name, unsigned char *out, size_t room) {
  FILE *f = fopen(path, "rb");
  cr_assert(f, "%s", path);
  unsigned char prefix[8];
  cr_assert_eq(fread(prefix, 1, 8, f), 8);
  size_t n = prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16, begin, end;
  char *header = arena_alloc(&test_arena, n + 1, 1);
  cr_assert_eq(fread(header, 1, n, f), n);
  char *at = strstr(header, arena_printf(&test_arena, "\"%s\"", name));
  cr_assert(at, "%s", name);
  cr_assert_eq(sscanf(strstr(at, "data_offsets"), "data_offsets\":%*[ [] %zu , %zu", &begin, &end),
               2);
  cr_assert(end - begin <= room);
  cr_assert_eq(fseek(f, (long)(8 + n + begin), SEEK_SET), 0);
  cr_assert_eq(fread(out, 1, end - begin, f), end - begin);
  fclose(f);
  return end - begin;
}

Test(checkpoint, the_shipped_model_opens_with_its_config) {
  Checkpoint c;
  Status st = {0};
  memset(&c, 0xa5, sizeof c);
  cr_assert(checkpoint_open(&test_arena, "data/mamba-bytes-10m", &c, &st), "%s", st.text);
  cr_expect(c.config.D == 256 && c.config.E == 512 && c.config.N == 16 && c.config.R == 16 &&
            c.config.K == 4);
  cr_expect(c.config.layers == 24 && c.config.vocab == 256 && c.config.tied &&
            c.config.eps == 1e-5);
  cr_expect_eq(c.unused, 0, "%s", c.unused_names);
  cr_expect_eq(c.end[END_HEAD].data, c.end[END_EMBEDDING].data, "a tied head is the embedding");
  size_t values = c.end[END_EMBEDDING].count + c.end[END_NORM].count;
  for (int l = 0; l < 24; l++) {
    for (int w = 0; w < W_COUNT; w++) values += c.layer[l][w].count;
  }
  cr_expect_eq(values, 10578176, "%zu weights", values);
}

Test(checkpoint, values_of_the_shipped_model_equal_those_read_plainly) {
  Checkpoint c;
  Status st = {0};
  cr_assert(checkpoint_open(&test_arena, "data/mamba-bytes-10m", &c, &st), "%s", st.text);
  const struct {
    const Weight *w;
    int shard;
    const char *name;
  } list[] = {{&c.end[END_EMBEDDING], 1, "backbone.embeddings.weight"},
              {&c.layer[0][W_CONV], 1, "backbone.layers.0.mixer.conv1d.weight"},
              {&c.layer[12][W_D], 2, "backbone.layers.12.mixer.D"},
              {&c.layer[23][W_A_LOG], 2, "backbone.layers.23.mixer.A_log"},
              {&c.layer[23][W_OUT_PROJ], 2, "backbone.layers.23.mixer.out_proj.weight"},
              {&c.end[END_NORM], 2, "backbone.norm_f.weight"}};
  for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
    const size_t room = 1 << 20;
    uint16_t *bits = arena_alloc(&test_arena, room, 1);
    const char *path = arena_printf(
        &test_arena, "data/mamba-bytes-10m/model-0000%d-of-00002.safetensors", list[k].shard);
    size_t count = read_plainly(path, list[k].name, (unsigned char *)bits, room) / 2;
    cr_assert_eq(list[k].w->count, count);
    double *got = ARENA_NEW(&test_arena, double, count);
    memset(got, 0xff, count * sizeof *got);
    weight_to_f64(list[k].w, got);
    for (size_t i = 0; i < count; i++) {
      double want = value_of_16_bits(bits[i], 10, 15, 31);
      cr_assert(got[i] == want, "%s [%zu]: got %a, want %a", list[k].name, i, got[i], want);
    }
  }
}

static void expect_largest(const Weight *w) {
  double most = 0, value[MAX_VALUES];
  weight_to_f64(w, value);
  for (size_t i = 0; i < w->count; i++) most = fmax(most, fabs(value[i]));
  cr_expect(w->most == most && most > 0, "%s: largest %a, want %a", w->name, w->most, most);
}

Test(checkpoint, weights_of_every_type_are_read_exactly) {
  Digest seen[4];
  const char *const types[] = {"F16", "BF16", "F32", "F64"};
  for (int i = 0; i < 4; i++) {
    Model *m = model_of(types[i]);
    Checkpoint c;
    write_shard(m, "model.safetensors", 0, false);
    CONFIG();
    open_good(&c);
    cr_expect_eq(c.end[END_EMBEDDING].type, (WeightType)i);
    cr_expect_eq(c.unused, 0);
    check_all(&c, m, "backbone.embeddings.weight");
    expect_largest(&c.end[END_EMBEDDING]), expect_largest(&c.layer[1][W_IN_PROJ]),
        expect_largest(&c.end[END_HEAD]);
    seen[i] = c.digest;
    for (int k = 0; k < i; k++)
      cr_expect_str_neq(seen[i].hex, seen[k].hex, "%s and %s", types[i], types[k]);
  }
}

Test(checkpoint, all_16_bit_patterns_widen_exactly) {
  uint16_t *bits = ARENA_NEW(&test_arena, uint16_t, 65536);
  double *got = ARENA_NEW(&test_arena, double, 65536);
  for (int i = 0; i < 65536; i++) bits[i] = (uint16_t)i;
  for (int type = 0; type < 2; type++) {
    Weight w = {.name = "x", .type = type ? WEIGHT_BF16 : WEIGHT_F16, .data = bits, .count = 65536};
    memset(got, 0xa5, 65536 * sizeof *got);
    weight_to_f64(&w, got);
    for (int i = 0; i < 65536; i++) {
      double want = type ? value_of_16_bits(i, 7, 127, 255) : value_of_16_bits(i, 10, 15, 31);
      bool same = isnan(want) ? isnan(got[i]) : memcmp(&got[i], &want, sizeof want) == 0;
      cr_assert(same, "%s %04x: got %a, want %a", type ? "BF16" : "F16", i, got[i], want);
    }
  }
}

Test(checkpoint, both_names_of_the_embedding_are_known) {
  Model *m = model_of("F16");
  Checkpoint a, b;
  CONFIG();
  write_shard(m, "model.safetensors", 0, false);
  open_good(&a);
  strcpy(tensor(m, "backbone.embeddings.weight")->name, "backbone.embedding.weight");
  write_shard(m, "model.safetensors", 0, false);
  open_good(&b);
  check_all(&b, m, "backbone.embedding.weight");
  cr_expect_eq(b.unused, 0);
  cr_expect_str_eq(a.digest.hex, b.digest.hex, "a name is no value");
}

Test(checkpoint, one_file_and_two_shards_have_one_digest) {
  Model *m = model_of("BF16");
  Checkpoint one, two;
  CONFIG();
  write_two_shards(m);
  open_good(&two);
  check_all(&two, m, "backbone.embeddings.weight");
  write_shard(m, "model.safetensors", 0, false);
  open_good(&one);
  cr_expect_str_eq(one.digest.hex, two.digest.hex);
}

Test(checkpoint, the_digest_follows_weights_and_config) {
  Model *m = model_of("F16");
  Checkpoint c;
  CONFIG();
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  Digest base = c.digest;
  CONFIG("bos_token_id", "0");
  open_good(&c);
  cr_expect_str_eq(c.digest.hex, base.hex, "a key that no arithmetic uses");
  CONFIG("layer_norm_epsilon", "1e-5");
  open_good(&c);
  cr_expect_str_neq(c.digest.hex, base.hex, "eps");
  CONFIG();
  tensor(m, "backbone.layers.1.mixer.D")->value[7] += 1;
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect_str_neq(c.digest.hex, base.hex, "a weight");
}

Test(checkpoint, unaligned_tensors_are_copied_to_aligned_memory) {
  const char *const types[] = {"F16", "F32", "F64"};
  for (int i = 0; i < 3; i++) {
    Model *m = model_of(types[i]);
    Checkpoint c;
    write_shard(m, "model.safetensors", 0, true);
    CONFIG();
    open_good(&c);
    check_all(&c, m, "backbone.embeddings.weight");
    cr_expect_eq((uintptr_t)c.layer[1][W_IN_PROJ].data % (2u << i), 0, "%s", types[i]);
    cr_expect(c.unused == 1 && !strcmp(c.unused_names, "pad"), "%s", c.unused_names);
  }
}

Test(checkpoint, a_squeezed_conv_weight_is_the_same_weight) {
  Model *m = model_of("F16");
  Made *t = tensor(m, "backbone.layers.0.mixer.conv1d.weight");
  t->rank = 2, t->shape[1] = 4;
  Checkpoint c;
  write_shard(m, "model.safetensors", 0, false);
  CONFIG();
  open_good(&c);
  check_all(&c, m, "backbone.embeddings.weight");
}

Test(checkpoint, without_conv_bias_there_is_none) {
  Model *m = model_of("F16");
  Checkpoint c;
  CONFIG("use_conv_bias", "false");
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect_eq(c.unused, 2);
  cr_expect_str_eq(c.unused_names,
                   "backbone.layers.0.mixer.conv1d.bias, backbone.layers.1.mixer.conv1d.bias");
  for (int l = 0; l < 2; l++)
    tensor(m, arena_printf(&test_arena, "backbone.layers.%d.mixer.conv1d.bias", l))->shard = 0;
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect(c.layer[0][W_CONV_BIAS].data == NULL && c.layer[1][W_CONV_BIAS].data == NULL &&
            c.unused == 0);
  CONFIG();
  refuse(WORDS("model.safetensors", "backbone.layers.0.mixer.conv1d.bias", "missing"));
}

Test(checkpoint, a_tied_head_beside_the_embedding_must_equal_it) {
  Model *m = model_of("F16");
  Checkpoint c;
  Made *head = add(m, "F32", "lm_head.weight", 2, 6, 4, 0);
  memcpy(head->value, tensor(m, "backbone.embeddings.weight")->value, sizeof head->value);
  CONFIG();
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect(c.end[END_HEAD].data == c.end[END_EMBEDDING].data && c.unused == 0);
  head->value[23] = nextafter(head->value[23], 2); /* less than a float's step */
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  head->value[23] += 0x1p-20;
  refuse_model(
      m, WORDS("lm_head.weight", "differs", "element 23", "tie_word_embeddings", "config.json"));
}

Test(checkpoint, an_untied_head_is_read_and_must_be_there) {
  Model *m = model_of("F16");
  Checkpoint c;
  CONFIG("tie_word_embeddings", "false");
  refuse_model(m, WORDS("model.safetensors: ", "lm_head.weight", "missing"));
  Made *head = add(m, "F16", "lm_head.weight", 2, 6, 4, 0);
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
  cr_expect(!c.config.tied);
  check_weight(&c.end[END_HEAD], head);
}

Test(checkpoint, a_missing_tensor_is_named_with_the_files_searched) {
  Model *m = model_of("F16");
  CONFIG();
  tensor(m, "backbone.layers.1.mixer.A_log")->shard = 0;
  refuse_model(m, WORDS("/model.safetensors: ", "'backbone.layers.1.mixer.A_log' is missing"));
  unlink(test_path("model.safetensors"));
  Made *last = tensor(m, "backbone.layers.1.mixer.A_log");
  *last = m->tensor[--m->count];
  write_two_shards(m);
  refuse(WORDS("index.json (with its 2 shards)", "'backbone.layers.1.mixer.A_log' is missing"));
}

Test(checkpoint, every_wrong_shape_is_refused_with_what_was_expected) {
  for (int i = 0;; i++) {
    Model *m = model_of("F16");
    if (i == m->count) break;
    Made *t = &m->tensor[i];
    CONFIG();
    t->shape[t->rank - 1]++;
    refuse_model(m, WORDS(t->name, "shape [", "expected [", "config.json"));
  }
  Model *m = model_of("F16");
  Made *t = tensor(m, "backbone.layers.0.mixer.dt_proj.weight"); /* the same values, transposed */
  t->shape[0] = 1, t->shape[1] = 8;
  refuse_model(m, WORDS(t->name, "[1, 8]", "expected [8, 1]"));
  CONFIG("vocab_size", "8");
  refuse_model(model_of("F16"), WORDS("backbone.embeddings.weight", "[6, 4]", "expected [8, 4]"));
}

Test(checkpoint, nan_and_infinity_are_refused_with_their_place) {
  const char *const types[] = {"F16", "BF16", "F32", "F64"};
  const double bad[] = {NAN, INFINITY, -INFINITY};
  CONFIG();
  for (int i = 0; i < 12; i++) {
    Model *m = model_of(types[i % 4]);
    tensor(m, "backbone.layers.1.mixer.x_proj.weight")->value[39] = bad[i % 3];
    tensor(m, "backbone.norm_f.weight")->value[0] =
        NAN; /* later in the order, so not the one that is named */
    refuse_model(m, WORDS("/model.safetensors: ", "'backbone.layers.1.mixer.x_proj.weight'",
                          "element 39", "NaN or infinite"));
  }
}

Test(checkpoint, a_value_that_is_not_finite_is_named_wherever_it_stands) {
  const char *const types[] = {"F16", "BF16", "F32", "F64"};
  const double bad[] = {NAN, INFINITY, -INFINITY};
  gsl_rng *draws = draws_from(43);
  CONFIG();
  for (int i = 0; i < 200; i++) {
    Model *m = model_of(types[gsl_rng_uniform_int(draws, 4)]);
    Made *t = &m->tensor[gsl_rng_uniform_int(draws, (unsigned long)m->count)];
    const int at = (int)gsl_rng_uniform_int(draws, (unsigned long)made_count(t));
    char name[128], element[32];
    t->value[at] = bad[gsl_rng_uniform_int(draws, 3)];
    snprintf(name, sizeof name, "'%s'", t->name);
    snprintf(element, sizeof element, "element %d ", at);
    refuse_model(m, WORDS("/model.safetensors: ", name, element, "NaN or infinite"));
  }
}

Test(checkpoint, weights_that_are_no_floats_are_refused) {
  Model *m = model_of("F16");
  CONFIG();
  tensor(m, "backbone.layers.0.mixer.D")->dtype = "I32";
  refuse_model(m, WORDS("backbone.layers.0.mixer.D", "is I32", "expected F16, BF16, F32 or F64"));
}

Test(checkpoint, a_weight_that_float32_cannot_hold_is_named) {
  CONFIG();
  Model *m = model_of("F64");
  tensor(m, "backbone.layers.1.mixer.D")->value[3] = -1e300;
  refuse_model(m, WORDS("/model.safetensors: ", "'backbone.layers.1.mixer.D'", "element 3",
                        "is -1.0000000000000001e+300", "float32 cannot hold"));
  tensor(m, "backbone.layers.1.mixer.D")->value[3] =
      0x1.ffffffp127; /* halfway to 2^128: rounds to infinity */
  refuse_model(m, WORDS("element 3", "float32 cannot hold"));
  tensor(m, "backbone.layers.1.mixer.D")->value[3] =
      0x1.fffffefp127; /* the largest float32, after rounding */
  Checkpoint c;
  write_shard(m, "model.safetensors", 0, false);
  open_good(&c);
}

Test(checkpoint, an_untied_head_without_the_key_is_told_what_is_missing) {
  Model *m = model_of("F16");
  add(m, "F16", "lm_head.weight", 2, 6, 4, 0);
  CONFIG();
  refuse_model(m, WORDS("'lm_head.weight'", "element 0", "config.json does not say",
                        "\"tie_word_embeddings\": false"));
  CONFIG("tie_word_embeddings", "true");
  refuse_model(m, WORDS("'lm_head.weight'", "tie_word_embeddings is true in ", "config.json"));
}

Test(checkpoint, quantised_tensors_are_refused) {
  Model *m = model_of("F16");
  CONFIG();
  tensor(m, "backbone.layers.0.mixer.out_proj.weight")->dtype = "I8";
  refuse_model(m, WORDS("backbone.layers.0.mixer.out_proj.weight", "I8", instead));
  m = model_of("F16");
  add(m, "F32", "backbone.layers.0.mixer.in_proj.weight_scale", 1, 1, 0, 0);
  refuse_model(m, WORDS("weight_scale", instead));
  m = model_of("F16");
  add(m, "I32", "backbone.layers.0.mixer.in_proj.qweight", 1, 1, 0, 0);
  refuse_model(m, WORDS("qweight", instead));
}

Test(checkpoint, pytorch_files_are_refused_by_name) {
  for (const char *const *name = WORDS("pytorch_model.bin", "mamba.pt", "consolidated.pth"); *name;
       name++) {
    CONFIG();
    test_write(*name, "x", 1);
    refuse(WORDS(*name, "PyTorch files are not read", "python3 -c \"", "save_file("));
    unlink(test_path(*name));
  }
}

Test(checkpoint, a_folder_without_weights_says_what_it_lacks) {
  refuse(WORDS("neither model.safetensors nor model.safetensors.index.json"));
  write_shard(model_of("F16"), "model.safetensors", 0, false);
  refuse(WORDS("config.json", "cannot be opened"));
}

Test(checkpoint, a_missing_folder_is_named) {
  Checkpoint c;
  Status st = {0};
  test_refused(checkpoint_open(&test_arena, "/nowhere/at-all", &c, &st), &st,
               WORDS("/nowhere/at-all", "folder"));
}

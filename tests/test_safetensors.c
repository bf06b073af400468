/* test_safetensors: what a safetensors file may say, and what is refused with which words. */
#include "model/safetensors.h"
#include "tests/model_files.h"

TestSuite(safetensors, .init = test_files_begin, .fini = test_files_end);

/* Opens a file made of this header and `count` bytes of data. */
static bool open_made(const char *header, size_t count, SafeTensors *file, Status *st) {
  unsigned char *data = arena_alloc(&test_arena, count + 1, 1);
  for (size_t i = 0; i < count; i++) data[i] = (unsigned char)(i + 1);
  const char *path = test_write_safetensors("made.safetensors", header, data, count);
  memset(file, 0xa5, sizeof *file);
  return safetensors_open(&test_arena, path, file, st);
}

static void refuse(const char *header, size_t count, const char *const *words) {
  SafeTensors file;
  Status st = {0};
  test_refused(open_made(header, count, &file, &st), &st, words);
  cr_expect(strstr(st.text, "made.safetensors: ") == st.text + strlen(test_folder) + 1,
            "the file is not named first: %s", st.text);
}

static void refuse_file(const void *bytes, size_t count, const char *const *words) {
  SafeTensors file;
  Status st = {0};
  const char *path = test_write("raw.safetensors", bytes, count);
  test_refused(safetensors_open(&test_arena, path, &file, &st), &st, words);
  cr_expect(strstr(st.text, "raw.safetensors"), "the file is not named: %s", st.text);
}

Test(safetensors, views_point_to_the_bytes_of_each_tensor) {
  SafeTensors file;
  Status st = {0};
  cr_assert(open_made("{\"__metadata__\":{\"format\":\"pt\"},"
                      "\"b\":{\"dtype\":\"F16\",\"shape\":[2,1,3],\"data_offsets\":[5,17]},"
                      "\"a\":{\"data_offsets\":[0,5],\"dtype\":\"U8\",\"shape\":[5]},"
                      "\"c\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[17,25]}}   ",
                      25, &file, &st),
            "%s", st.text);
  cr_assert_eq(file.count, 3);
  const SafeTensor *a = safetensors_find(&file, "a"), *b = safetensors_find(&file, "b"),
                   *c = safetensors_find(&file, "c");
  cr_assert(a && b && c);
  cr_expect_eq(safetensors_find(&file, "__metadata__"), NULL);
  cr_expect_eq(safetensors_find(&file, "d"), NULL);
  cr_expect(a == &file.tensor[0] && b == &file.tensor[1] && c == &file.tensor[2],
            "not sorted by name");
  cr_expect(a->data[0] == 1 && a->data[4] == 5 && a->bytes == 5);
  cr_expect(b->data[0] == 6 && b->data[11] == 17 && b->bytes == 12);
  cr_expect(c->data[0] == 18 && c->data[7] == 25 && c->bytes == 8 && c->rank == 0);
  cr_expect(b->rank == 3 && b->shape[0] == 2 && b->shape[1] == 1 && b->shape[2] == 3);
  cr_expect_str_eq(b->dtype, "F16");
}

Test(safetensors, every_dtype_has_its_size) {
  const struct {
    const char *name;
    int bytes;
  } types[] = {{"BOOL", 1}, {"U8", 1},   {"I8", 1},  {"I16", 2},     {"U16", 2},
               {"F16", 2},  {"BF16", 2}, {"I32", 4}, {"U32", 4},     {"F32", 4},
               {"F64", 8},  {"I64", 8},  {"U64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    for (int off = -1; off <= 1; off++) { /* three elements, and a byte too few or too many */
      int bytes = 3 * types[i].bytes + off;
      SafeTensors file;
      Status st = {0};
      const char *header = arena_printf(
          &test_arena, "{\"x\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}",
          types[i].name, bytes);
      bool ok = open_made(header, (size_t)bytes, &file, &st);
      cr_expect_eq(ok, off == 0, "%s with %d bytes: %s", types[i].name, bytes,
                   ok ? "accepted" : st.text);
    }
}

/* One finding a line: header, bytes of data, words of the refusal. */
#define REFUSED(finding, header, bytes, ...)                                                       \
  Test(safetensors, finding) { refuse(header, bytes, WORDS(__VA_ARGS__)); }
#define ENTRY(name, dtype, shape, begin, end)                                                      \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]" \
  "}"

Test(safetensors, empty_tensors_and_unknown_dtypes_are_listed) {
  SafeTensors file;
  Status st = {0};
  cr_assert(open_made("{" ENTRY("z", "F32", "[2,0]", "0", "0") "," ENTRY(
                          "a", "U8", "[3]", "0",
                          "3") "," ENTRY("w", "F32", "[9223372036854775807,16,0]", "3",
                                         "3") "," ENTRY("f", "F6_E2M3", "[4]", "3", "6") "}",
                      6, &file, &st),
            "%s", st.text);
  cr_assert_eq(file.count, 4);
  const SafeTensor *z = safetensors_find(&file, "z"), *f = safetensors_find(&file, "f");
  cr_expect(z->bytes == 0 && z->rank == 2 && z->shape[1] == 0);
  cr_expect_str_eq(f->dtype, "F6_E2M3");
  cr_expect_eq(f->bytes, 3, "%zu", f->bytes);
}

REFUSED(text_that_is_not_json_is_refused_with_its_place, "{\"x\":\n  {]}", 0, "not valid JSON",
        "line 2, column 4")
REFUSED(json_cut_off_is_refused, "{" ENTRY("x", "U8", "[1]", "0", "1"), 1, "not valid JSON",
        "line 1")
REFUSED(text_after_the_json_is_refused, "{} {}", 0, "not valid JSON", "end of file")
REFUSED(a_list_is_refused, "[]", 0, "not a JSON object")
REFUSED(an_empty_header_is_refused, "", 0, "not a JSON object")
REFUSED(leading_space_is_refused, " {}", 0, "not a JSON object")
REFUSED(invalid_utf8_is_refused, "{\"\xff\":1}", 0, "not valid JSON")
REFUSED(a_nul_inside_a_name_is_refused, "{\"a\\u0000b\":1}", 0, "is not read", "a NUL character")
REFUSED(duplicate_names_are_refused,
        "{" ENTRY("x", "U8", "[1]", "0", "1") "," ENTRY("x", "U8", "[1]", "1", "2") "}", 2,
        "duplicate", "\"x\"")
REFUSED(duplicate_keys_of_an_entry_are_refused,
        "{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
        "duplicate", "dtype")
REFUSED(nesting_of_nine_is_refused, "{\"x\":[[[[[[[[]]]]]]]]}", 0, "nested deeper than 8")
REFUSED(nesting_of_eight_is_left_to_the_other_checks, "{\"x\":[[[[[[[\"[{[{[{[{\\\"[\"]]]]]]]}", 0,
        "'x'", "not an object")
REFUSED(a_gap_is_refused,
        "{" ENTRY("x", "U8", "[1]", "0", "1") "," ENTRY("y", "U8", "[1]", "2", "3") "}", 3, "'y'",
        "a gap", "byte 2", "ends at 1")
REFUSED(a_gap_at_the_start_is_refused, "{" ENTRY("x", "U8", "[1]", "1", "2") "}", 2, "'x'", "a gap",
        "byte 1")
REFUSED(an_overlap_is_refused,
        "{" ENTRY("x", "U8", "[2]", "0", "2") "," ENTRY("y", "U8", "[2]", "1", "3") "}", 3, "'y'",
        "an overlap")
REFUSED(two_tensors_in_one_place_are_refused,
        "{" ENTRY("x", "U8", "[2]", "0", "2") "," ENTRY("y", "U8", "[2]", "0", "2") "}", 2,
        "an overlap")
REFUSED(a_file_too_short_is_refused, "{" ENTRY("x", "F32", "[2]", "0", "8") "}", 7, "'x'",
        "truncated", "byte 8", "holds 7")
REFUSED(trailing_bytes_are_refused, "{" ENTRY("x", "F32", "[2]", "0", "8") "}", 9, "'x'",
        "1 trailing byte")
REFUSED(data_without_tensors_is_refused, "{}", 4, "4 trailing byte")
REFUSED(a_span_that_is_not_dtype_times_shape_is_refused,
        "{" ENTRY("x", "F32", "[2,3]", "0", "20") "}", 20, "'x'", "F32 [2, 3]", "24 bytes",
        "span 20")
REFUSED(a_shape_whose_product_wraps_to_the_span_is_refused,
        "{" ENTRY("x", "U8", "[4294967297,4294967296,1]", "0", "4294967296") "}", 4, "'x'",
        "overflows", "4294967297")
REFUSED(a_product_that_wraps_to_four_is_refused,
        "{" ENTRY("x", "F32", "[4611686018427387905]", "0", "4") "}", 4, "'x'", "overflows")
REFUSED(an_empty_tensor_with_bytes_is_refused, "{" ENTRY("x", "F32", "[2,0]", "0", "4") "}", 4,
        "'x'", "needs 0 bytes", "span 4")
REFUSED(an_empty_tensor_amid_another_is_refused,
        "{" ENTRY("x", "U8", "[4]", "0", "4") "," ENTRY("y", "F32", "[0]", "2", "2") "}", 4, "'y'",
        "an overlap")
REFUSED(nine_dimensions_are_refused, "{" ENTRY("x", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1,
        "'x'", "9 dimensions")
REFUSED(a_negative_dimension_is_refused, "{" ENTRY("x", "U8", "[-1,-1]", "0", "1") "}", 1, "'x'",
        "shape", "negative", "-1")
REFUSED(a_fractional_dimension_is_refused, "{" ENTRY("x", "U8", "[1.0]", "0", "1") "}", 1, "'x'",
        "shape", "not an integer")
REFUSED(a_dimension_in_quotes_is_refused, "{" ENTRY("x", "U8", "[\"1\"]", "0", "1") "}", 1, "'x'",
        "not an integer")
REFUSED(a_dimension_of_twenty_digits_is_refused,
        "{" ENTRY("x", "U8", "[18446744073709551617]", "0", "1") "}", 1, "not valid JSON",
        "too big")
REFUSED(a_shape_that_is_a_number_is_refused, "{" ENTRY("x", "U8", "1", "0", "1") "}", 1, "'x'",
        "shape is not a list")
REFUSED(a_negative_offset_is_refused, "{" ENTRY("x", "U8", "[1]", "-1", "0") "}", 1, "'x'",
        "data_offsets", "negative")
REFUSED(a_fractional_offset_is_refused, "{" ENTRY("x", "U8", "[1]", "0", "1e0") "}", 1, "'x'",
        "data_offsets", "not an integer")
REFUSED(offsets_that_run_backwards_are_refused, "{" ENTRY("x", "U8", "[1]", "1", "0") "}", 1, "'x'",
        "backwards")
REFUSED(three_offsets_are_refused, "{" ENTRY("x", "U8", "[1]", "0", "1,1") "}", 1, "'x'",
        "data_offsets", "two numbers")
REFUSED(an_unknown_dtype_still_covers_its_bytes,
        "{" ENTRY("x", "F4", "[2]", "0", "1") "," ENTRY("y", "U8", "[1]", "2", "3") "}", 3, "'y'",
        "a gap")
REFUSED(a_dtype_that_is_no_string_is_refused,
        "{\"x\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "'x'",
        "dtype is not a string")
REFUSED(an_unknown_key_is_refused,
        "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"stride\":1}}", 1, "'x'",
        "unknown key 'stride'")
REFUSED(a_missing_key_is_refused, "{\"x\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "'x'",
        "data_offsets is missing")
REFUSED(an_entry_that_is_no_object_is_refused, "{\"x\":7}", 0, "'x'", "not an object")
REFUSED(metadata_that_is_a_list_is_refused, "{\"__metadata__\":[]}", 0,
        "__metadata__ is not an object")
REFUSED(metadata_with_a_number_is_refused, "{\"__metadata__\":{\"format\":\"pt\",\"step\":7}}", 0,
        "__metadata__", "'step'", "not a string")

Test(safetensors, a_file_under_eight_bytes_is_refused) {
  refuse_file("\2\0\0\0\0\0\0", 7, WORDS("7 bytes", "too few"));
  refuse_file("\2", 1, WORDS("has 1 byte,", "too few"));
}

Test(safetensors, an_empty_file_is_refused) { refuse_file("", 0, WORDS("0 bytes", "too few")); }

Test(safetensors, a_header_longer_than_the_file_is_refused) {
  refuse_file("\3\0\0\0\0\0\0\0{}", 10, WORDS("header length 3", "only 2 bytes follow:"));
  refuse_file("\3\0\0\0\0\0\0\0{", 9, WORDS("header length 3", "only 1 byte follows:"));
}

Test(safetensors, a_header_over_100000000_bytes_is_refused) {
  refuse_file("\x01\xe1\xf5\x05\0\0\0\0{}", 10,
              WORDS("header length 100000001", "at most 100000000"));
  refuse_file("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10,
              WORDS("header length 18446744073709551615"));
}

Test(safetensors, a_missing_file_is_named) {
  SafeTensors file;
  Status st = {0};
  test_refused(safetensors_open(&test_arena, test_path("none.safetensors"), &file, &st), &st,
               WORDS("none.safetensors", "cannot be opened"));
}

/* `count` tensors of one byte. */
static char *many_tensors(int count) {
  char *header = arena_alloc(&test_arena, (size_t)count * 80 + 3, 1), *at = header;
  for (int i = 0; i < count; i++)
    at += sprintf(
        at, "%c\"t%d\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[%d,%d]}",
        i ? ',' : '{', i, i, i + 1);
  strcpy(at, "}");
  return header;
}

Test(safetensors, a_hundred_thousand_tensors_are_read_and_one_more_is_refused) {
  SafeTensors file;
  Status st = {0};
  cr_assert(open_made(many_tensors(100000), 100000, &file, &st), "%s", st.text);
  cr_expect_eq(file.count, 100000);
  const SafeTensor *t = safetensors_find(&file, "t54321");
  cr_expect(t && t->data[0] == (unsigned char)(54321 + 1));
  refuse(many_tensors(100001), 100001, WORDS("100001 tensors", "at most 100000"));
}

Test(safetensors, millions_of_values_are_refused_before_they_are_parsed) {
  const size_t n = 4000000;
  char *header = arena_alloc(&test_arena, 2 * n + 64, 1);
  size_t at = (size_t)sprintf(header, "{\"x\":{\"dtype\":\"U8\",\"shape\":[");
  for (size_t i = 0; i < n; i++) memcpy(header + at + 2 * i, "1,", 2);
  strcpy(header + at + 2 * n, "1]}}");
  refuse(header, 0, WORDS("more than 1500000 values"));
}

Test(safetensors, a_million_brackets_are_refused_at_the_ninth) {
  char *header = arena_alloc(&test_arena, 1000001, 1);
  memset(header, '[', 1000000);
  memcpy(header, "{\"x\":", 5);
  refuse(header, 0, WORDS("nested deeper than 8", "byte 12"));
}

/* A small generator of its own (Vigna's splitmix64), so that a failure can be repeated from its
 * number. */
static uint64_t random_next(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* One change of the file: a byte of note, a digit, a flipped bit, a lost byte, a doubled stretch,
 * or an end cut off. */
static size_t mutate(unsigned char *file, size_t count, size_t header, uint64_t *state) {
  size_t at = random_next(state) % 8 ? 8 + random_next(state) % header : random_next(state) % count;
  if (at >= count) return count;
  uint64_t r = random_next(state);
  switch (random_next(state) % 7) {
    case 0: file[at] = (unsigned char)"{}[],:\"\\-.e0\0\xff"[r % 14]; break;
    case 1:
    case 2:
    case 3:
      while (at < count && (file[at] < '0' || file[at] > '9')) at++;
      if (at < count) file[at] = (unsigned char)('0' + r % 10);
      break;
    case 4: file[at] ^= (unsigned char)(1u << r % 8); break;
    case 5: memmove(file + at, file + at + 1, count - at - 1); return count - 1;
    case 6: return r % 4 ? count : r / 4 % count;
  }
  return count;
}

/* What an accepted header must fulfil, told by other means than the reader's: 128-bit products, and
 * every byte read. */
static void check_accepted(const SafeTensors *file, int trial) {
  const struct {
    const char *name;
    unsigned bytes;
  } types[] = {{"BOOL", 1}, {"U8", 1},   {"I8", 1},  {"I16", 2},     {"U16", 2},
               {"F16", 2},  {"BF16", 2}, {"I32", 4}, {"U32", 4},     {"F32", 4},
               {"F64", 8},  {"I64", 8},  {"U64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  uintptr_t begin = (uintptr_t)file->map.data + 8,
            end = (uintptr_t)file->map.data + file->map.count;
  size_t total = 0;
  for (size_t i = 0; i < file->count; i++) {
    const SafeTensor *t = &file->tensor[i];
    unsigned __int128 product = 0;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
      if (strcmp(t->dtype, types[k].name) == 0) product = types[k].bytes;
    const bool unknown = product == 0; /* a type that is not known has the size of its span */
    bool empty = false;
    cr_assert(t->rank >= 0 && t->rank <= 8, "trial %d: rank %d", trial, t->rank);
    for (int k = 0; k < t->rank; k++) {
      cr_assert(t->shape[k] >= 0, "trial %d: dimension %lld", trial, (long long)t->shape[k]);
      empty |= t->shape[k] == 0;
    }
    for (int k = 0; !empty && k < t->rank; k++) {
      product *= (uint64_t)t->shape[k];
      cr_assert(product < (unsigned __int128)1 << 63, "trial %d: product", trial);
    }
    cr_assert(unknown || (empty ? 0 : product) == t->bytes, "trial %d: tensor %s has %zu bytes",
              trial, t->name, t->bytes);
    uintptr_t data = (uintptr_t)t->data;
    cr_assert(data >= begin && data <= end && t->bytes <= end - data, "trial %d: tensor %s outside",
              trial, t->name);
    for (size_t k = 0; k < t->bytes; k++) (void)*(const volatile unsigned char *)&t->data[k];
    total += t->bytes;
    cr_assert(i == 0 || strcmp(file->tensor[i - 1].name, t->name) < 0,
              "trial %d: order or double name", trial);
  }
  cr_assert(total <= end - begin, "trial %d: tensors share bytes", trial);
}

Test(safetensors, an_accepted_header_gives_only_views_inside_the_file) {
  const char header[] =
      "{\"__metadata__\":{\"format\":\"pt\"}," ENTRY("a", "F16", "[2,3]", "0", "12") "," ENTRY(
          "b", "F32", "[1,2,2]", "12",
          "28") "," ENTRY("c", "U8", "[7]", "28", "35") "," ENTRY("d", "I8", "[]", "35", "36") "}";
  const size_t n = sizeof header - 1;
  unsigned char file[1024];
  int accepted = 0, refused = 0;
  uint64_t state = 1;
  for (int trial = 0; trial < 6000; trial++) {
    memset(file, 0, sizeof file);
    memcpy(file + 8, header, n);
    file[0] = n & 255, file[1] = n >> 8;
    size_t count = 8 + n + 36;
    for (uint64_t changes = random_next(&state) % 3; changes-- && count > 8;)
      count = mutate(file, count, n, &state);
    Arena before = test_arena;
    SafeTensors opened;
    Status st = {0};
    const char *path = test_write("mutant.safetensors", file, count);
    if (safetensors_open(&test_arena, path, &opened, &st)) {
      check_accepted(&opened, trial);
      file_unmap(&opened.map);
      accepted++;
    } else {
      cr_assert(strncmp(st.text, path, strlen(path)) == 0, "trial %d: %s", trial, st.text);
      refused++;
    }
    test_arena = before;
  }
  cr_expect(accepted > 500 && refused > 500, "%d accepted, %d refused: the trial says little",
            accepted, refused);
}

/* A weight by itself: a range of it widened, its first value that no float32 can be, its memory
 * given back. */
#include <math.h>

#include "base/file.h"
#include "model/weight.h"
#include "tests/model_files.h"

TestSuite(weight, .init = test_files_begin, .fini = test_files_end);

Test(weight, a_range_of_a_weight_is_that_part_of_the_whole_and_writes_nothing_else) {
  enum { COUNT = 100003 };
  static const size_t range[][2] = {{0, COUNT},     {1, 100000},    {32767, 2},
                                    {40001, 60001}, {COUNT - 1, 1}, {COUNT, 0}};
  unsigned char *bytes = ARENA_NEW(&test_arena, unsigned char, 8 * COUNT);
  double *whole = ARENA_NEW(&test_arena, double, COUNT),
         *got = ARENA_NEW(&test_arena, double, COUNT + 1);
  for (size_t i = 0; i < 8 * COUNT; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
  for (int type = WEIGHT_F16; type <= WEIGHT_F64; type++) {
    const Weight w = {.name = "x", .type = (WeightType)type, .data = bytes, .count = COUNT};
    weight_to_f64(&w, whole);
    for (size_t r = 0; r < sizeof range / sizeof *range; r++) {
      const size_t first = range[r][0], count = range[r][1];
      memset(got, 0xa5, (COUNT + 1) * sizeof *got);
      const double junk = got[0];
      weight_range_to_f64(&w, first, count, got);
      cr_expect_eq(memcmp(got, whole + first, count * sizeof *got), 0, "type %d, %zu from %zu",
                   type, count, first);
      cr_expect_eq(memcmp(&got[count], &junk, sizeof junk), 0,
                   "type %d: what stands behind the range", type);
    }
  }
}

/* The bits of NaN, infinity and the largest finite number, of each type. */
static const struct {
  int size;
  uint64_t nan, infinity, largest;
} ends_of[] = {[WEIGHT_F16] = {2, 0x7e01, 0xfc00, 0x7bff},
               [WEIGHT_BF16] = {2, 0xff81, 0x7f80, 0xff7f},
               [WEIGHT_F32] = {4, 0x7f800001, 0xff800000, 0x7f7fffff},
               [WEIGHT_F64] = {8, 0x7ff8000000000000, 0xfff0000000000000, 0x47efffffe0000000}};

Test(weight, the_first_value_that_is_not_finite_is_found_wherever_it_stands) {
  enum { COUNT = 70001 };
  static const size_t place[] = {0, 31, 32767, 32768, 65000, COUNT - 1};
  for (int type = WEIGHT_F16; type <= WEIGHT_F64; type++)
    for (size_t p = 0; p < sizeof place / sizeof *place; p++) {
      const int size = ends_of[type].size;
      unsigned char *bytes = arena_alloc(&test_arena, COUNT, (size_t)size);
      const Weight w = {.name = "x", .type = (WeightType)type, .data = bytes, .count = COUNT};
      for (int i = 0; i < COUNT; i++)
        memcpy(bytes + i * size, &ends_of[type].largest, (size_t)size);
      double most = weight_largest(&w, 0, COUNT), own;
      weight_range_to_f64(&w, 0, 1, &own);
      cr_expect(most == fabs(own) && isfinite(most), "type %d: largest %a of %a", type, most, own);
      cr_expect_eq(weight_largest(&w, COUNT, 0), 0);
      cr_expect_eq(weight_non_finite(&w, 0, COUNT), COUNT, "type %d: all are finite", type);
      cr_expect_eq(weight_too_large(&w, 0, COUNT), COUNT, "type %d: all are within float32", type);
      memcpy(bytes + place[p] * (size_t)size, p % 2 ? &ends_of[type].nan : &ends_of[type].infinity,
             (size_t)size);
      if (p + 2 < sizeof place / sizeof *place)
        memcpy(bytes + (COUNT - 2) * size, &ends_of[type].nan, (size_t)size);
      cr_expect_not(isfinite(weight_largest(&w, 0, COUNT)), "type %d: %zu", type, place[p]);
      cr_expect(weight_largest(&w, 0, place[p]) == (place[p] ? most : 0), "type %d: before %zu",
                type, place[p]);
      cr_expect_eq(weight_non_finite(&w, 0, COUNT), place[p], "type %d at %zu", type, place[p]);
      cr_expect_eq(weight_non_finite(&w, place[p], 1), place[p], "type %d at %zu, alone", type,
                   place[p]);
      cr_expect_eq(weight_non_finite(&w, 0, place[p]), COUNT, "type %d: none before %zu", type,
                   place[p]);
    }
}

static size_t resident(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  cr_assert(file && fscanf(file, "%*u %zu", &pages) == 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

Test(weight,
     a_mapped_weight_that_is_forgotten_takes_no_memory_and_keeps_its_values_as_a_copy_does) {
  enum { COUNT = 1 << 21 };
  float *values = ARENA_NEW(&test_arena, float, COUNT);
  for (int i = 0; i < COUNT; i++) values[i] = (float)i;
  Status st = {0};
  Bytes map;
  cr_assert(file_write(test_path("x"), values, COUNT * sizeof *values, false, &st), "%s", st.text);
  cr_assert(file_map(test_path("x"), &map, &st), "%s", st.text);
  const Weight view = {.type = WEIGHT_F32, .data = map.data, .count = COUNT, .mapped = true},
               copy = {.type = WEIGHT_F32, .data = values, .count = COUNT};
  weight_ahead(&view, 0, COUNT);
  weight_ahead(&copy, 0, COUNT);
  cr_expect_eq(weight_difference(&view, &copy), COUNT);
  const size_t before = resident();
  for (size_t part = 0; part < 4; part++) weight_forget(&view, part * COUNT / 4, COUNT / 4);
  const size_t after = resident();
  cr_expect(before - after >= 7 << 20 && before > after, "resident %zu, then %zu", before, after);
  weight_forget(&copy, 0, COUNT);
  for (int i = 0; i < COUNT; i++) cr_assert_eq(values[i], (float)i, "[%d] of what is no view", i);
  cr_expect_eq(weight_difference(&view, &copy), COUNT);
}

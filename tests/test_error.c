/* The errors that the headers of kernels/ state: each operator against float64 on standard normal
 * inputs, at the widths of the 130M model. That no input of any kind goes beyond its provable bound
 * is tests/test_bounds.c's. */
#include <criterion/criterion.h>
#include <math.h>

#include "family/trace.h"
#include "study/micro/inputs.h"

typedef struct Stated {
  const char *what;
  MicroOp op;
  MicroSetting setting;
  MicroShape shape;
  int output;
  double rel_l2; /* as the header says it: two digits, rounded up */
} Stated;

static const Stated stated[] = {
    {"linear f32", MICRO_LINEAR, {.in = FORMAT_F32}, {33, 768, 96}, 0, 5.2e-7},
    {"linear i8", MICRO_LINEAR, {.in = FORMAT_I8}, {33, 768, 96}, 0, 5.0e-8},
    {"rmsnorm", MICRO_RMSNORM, {.out = FORMAT_F32}, {33, 768, 0}, 0, 5.6e-8},
    {"hadamard", MICRO_HADAMARD, {.in = FORMAT_F32}, {33, 1536, 0}, 0, 1.1e-7},
    {"conv1d f32", MICRO_CONV1D, {.in = FORMAT_F32}, {171, 1536, 0}, 0, 4.0e-8},
    {"conv1d i8", MICRO_CONV1D, {.in = FORMAT_I8}, {171, 1536, 0}, 0, 6.0e-8},
    {"conv1d silu", MICRO_CONV1D, {.in = FORMAT_F32}, {171, 1536, 0}, 1, 6.2e-8},
    {"scan delta", MICRO_SCAN, {.in = FORMAT_F32}, {171, 192, 16}, 0, 3.8e-8},
    {"scan y sequential",
     MICRO_SCAN,
     {.in = FORMAT_F32, .order = SCAN_SEQUENTIAL},
     {171, 192, 16},
     1,
     1.1e-7},
    {"scan y blocked",
     MICRO_SCAN,
     {.in = FORMAT_F32, .order = SCAN_BLOCKED},
     {171, 192, 16},
     1,
     1.1e-7},
    {"scan gated f16",
     MICRO_SCAN,
     {.in = FORMAT_F32, .out = FORMAT_F16},
     {171, 192, 16},
     2,
     2.0e-4},
    {"scan state sequential",
     MICRO_SCAN,
     {.in = FORMAT_F32, .order = SCAN_SEQUENTIAL},
     {171, 192, 16},
     3,
     7.5e-8},
    {"scan state blocked",
     MICRO_SCAN,
     {.in = FORMAT_F32, .order = SCAN_BLOCKED},
     {171, 192, 16},
     3,
     7.5e-8},
};

static void exhausted(size_t wanted, size_t reserved) {
  cr_assert(false, "no room for %zu bytes of %zu", wanted, reserved);
}

Test(error, of_each_operator_on_normal_inputs_is_what_its_header_says) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, 1ull << 31, exhausted, &st), "%s", st.text);
  for (size_t i = 0; i < sizeof stated / sizeof *stated; i++) {
    const Stated *s = &stated[i];
    Arena scratch = arena;
    Operator o;
    micro_make(&scratch, s->op, &s->setting, INPUT_NORMAL, s->shape, 1, &o);
    operator_run_own(&o, scratch);
    operator_reference(&scratch, &o);
    const Output *out = &o.out[s->output];
    double error = 0, size = 0;
    for (size_t k = 0; k < (size_t)out->got.rows * (size_t)out->got.cols; k++) {
      double want = out->ref.want[k], d = tensor_value(&out->got, k) - want;
      error += d * d;
      size += want * want;
    }
    double rel_l2 = sqrt(error / size);
    cr_log_info("%-22s relative L2 %.3g\n", s->what, rel_l2);
    cr_expect(rel_l2 <= s->rel_l2 && rel_l2 > 0.9 * s->rel_l2, "%s: %g, the header says %g",
              s->what, rel_l2, s->rel_l2);
  }
  arena_release(&arena);
}

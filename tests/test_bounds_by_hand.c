/* bounds: cases small enough to be worked on paper. 2^-24 below is half a unit of the last place of
 * a float32 from 1 to 2; that of 2 to 4 is 2^-23, and so on. */
#include "reference/bounds.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* One element of output. */
typedef struct One {
  double want, bound, low, high;
} One;

static BoundOut out_of(One *one, BoundType type, double scale) {
  memset(one, 0x5a, sizeof *one);
  return (BoundOut){type, scale, &one->want, &one->bound, &one->low, &one->high};
}

static BoundIn in_of(const double *v, int stride) { return (BoundIn){v, stride, 0}; }

/* Bounds also hold a 2^48th of the result for float64's own roundings. */
static void expect_bound(double got, double want) {
  cr_expect(got >= want && got <= want * (1 + 0x1p-16), "bound: got %a, want %a", got, want);
}

static One linear_of(const double *x, const double *w, int n, BoundType type, double scale) {
  One one;
  BoundOut y = out_of(&one, type, scale);
  bound_linear(&(BoundIn){x, n, 0}, 1, n, &(BoundIn){w, n, 0}, 1, &y);
  return one;
}

Test(bounds_by_hand, one_product_errs_by_half_a_unit) {
  One one = linear_of((double[]){3}, (double[]){5}, 1, BOUND_F32, 0);
  cr_expect_eq(one.want, 15);
  expect_bound(one.bound, 0x1p-21);
}

Test(bounds_by_hand, two_steps_add_up) {
  One one = linear_of((double[]){1, 1}, (double[]){1, 0x1p-24}, 2, BOUND_F32, 0);
  cr_expect_eq(one.want, 1 + 0x1p-24);
  expect_bound(one.bound, 0x1p-23); /* fmaf gives 1, the tie: half of that */
}

/* 2^24 + 1 - 2^24: what the first sum lost cannot come back. */
Test(bounds_by_hand, cancellation_keeps_the_bound_of_the_large_sum) {
  One one = linear_of((double[]){0x1p24, 1, -0x1p24}, (double[]){1, 1, 1}, 3, BOUND_F32, 0);
  cr_expect_eq(one.want, 1);
  cr_expect(one.bound >= 2 && one.bound < 2.001, "%g",
            one.bound); /* 1 and 1, the last step next to nothing */
}

Test(bounds_by_hand, a_product_below_every_float_may_lose_half_the_least_one) {
  One one = linear_of((double[]){0x1p-100}, (double[]){0x1p-50}, 1, BOUND_F32, 0);
  BoundOut y = {BOUND_F32, 0, &one.want, &one.bound, NULL, NULL};
  cr_expect_eq(one.want, 0x1p-150);
  expect_bound(one.bound, 0x1p-150);
  cr_expect(bound_used(&y, 0, 0) > 0.999 && bound_used(&y, 0, 0x1p-149) > 0.999 &&
            bound_used(&y, 0, 0x1p-148) > 1);
}

Test(bounds_by_hand, zeros_are_exact) {
  One one = linear_of((double[]){0, 0}, (double[]){5, 7}, 2, BOUND_F32, 0);
  BoundOut y = {BOUND_F32, 0, &one.want, &one.bound, NULL, NULL};
  cr_expect(one.want == 0 && one.bound == 0);
  cr_expect(bound_used(&y, 0, 0) == 0 && bound_used(&y, 0, 0x1p-149) == INFINITY &&
            bound_used(&y, 0, NAN) == INFINITY);
}

Test(bounds_by_hand, overflow_is_promised_nothing) {
  One one = linear_of((double[]){0x1p100, 0x1p100}, (double[]){0x1p100, -0x1p100}, 2, BOUND_F32, 0);
  BoundOut y = {BOUND_F32, 0, &one.want, &one.bound, NULL, NULL};
  cr_expect_eq(one.bound, INFINITY);
  cr_expect_eq(bound_used(&y, 0, NAN), 0);
  one = linear_of((double[]){NAN}, (double[]){1}, 1, BOUND_F32, 0);
  cr_expect_eq(one.bound, INFINITY);
}

Test(bounds_by_hand, f16_adds_half_its_own_unit) {
  One one = linear_of((double[]){1}, (double[]){1 + 0x1p-11}, 1, BOUND_F16, 0);
  expect_bound(one.bound, 0x1p-24 + 0x1p-11);
  one = linear_of((double[]){1}, (double[]){0x1p-20}, 1, BOUND_F16, 0);
  expect_bound(one.bound, 0x1p-44 + 0x1p-25); /* subnormal */
}

Test(bounds_by_hand, f16_beyond_its_greatest_must_be_infinite) {
  One one = linear_of((double[]){-1}, (double[]){70000}, 1, BOUND_F16, 0);
  BoundOut y = {BOUND_F16, 0, &one.want, &one.bound, NULL, NULL};
  cr_expect(one.want == -INFINITY && one.bound == 0);
  cr_expect(bound_used(&y, 0, -INFINITY) == 0 && bound_used(&y, 0, -65504) == INFINITY);
  one = linear_of((double[]){1}, (double[]){65520}, 1, BOUND_F16,
                  0); /* 65504 or infinity: where it would round to */
  cr_expect_eq(one.bound, INFINITY);
  one = linear_of((double[]){1}, (double[]){65519}, 1, BOUND_F16, 0);
  expect_bound(one.bound, 0x1p-9 + 16);
}

/* Scales 3/4: their product 9/16 is rounded by up to 2^-25, which the sum multiplies. The sum
 * itself is exact up to 2^24; 1041 times 127 * 127 is odd and above, half a unit there is 1. */
Test(bounds_by_hand, an_int8_sum_rounds_only_beyond_2_to_the_24) {
  enum { N = 1041 };
  double x[N];
  for (int i = 0; i < N; i++) x[i] = 127;
  One one;
  BoundOut y = out_of(&one, BOUND_F32, 0);
  bound_linear(&(BoundIn){x, 1, 0.75}, 1, 1, &(BoundIn){x, 1, 0.75}, 1, &y);
  cr_expect_eq(one.want, 16129 * 0.5625);
  expect_bound(one.bound, 16129 * 0x1p-25 + 0x1p-11);
  bound_linear(&(BoundIn){x, N, 0.75}, 1, N, &(BoundIn){x, N, 0.75}, 1, &y);
  cr_expect_eq(one.want, 16790289 * 0.5625);
  expect_bound(one.bound, 0.5625 + 16790289 * 0x1p-25 + 0x1p-25 + 0.5);
}

static One quantised(double x, double scale, BoundType type) {
  One one;
  BoundOut y = out_of(&one, type, scale);
  bound_quantise(&(BoundIn){&x, 1, 0}, 1, 1, &y);
  return one;
}

Test(bounds_by_hand, ties_have_one_right_answer_each) {
  static const struct {
    double x, scale, away, even;
  } tie[] = {{2.5, 1, 3, 2},        {-2.5, 1, -3, -2},    {3.5, 1, 4, 4},
             {0.5, 1, 1, 0},        {-0.5, 1, -1, 0},     {1.25, 0.5, 3, 2},
             {126.5, 1, 127, 126},  {127.5, 1, 127, 127}, {-127.5, 1, -128, -128},
             {0.49999997, 1, 0, 0}, {1000, 1, 127, 127},  {-1000, 1, -128, -128}};
  for (size_t i = 0; i < sizeof tie / sizeof *tie; i++) {
    One away = quantised(tie[i].x, tie[i].scale, BOUND_I8_AWAY),
        even = quantised(tie[i].x, tie[i].scale, BOUND_I8_EVEN);
    cr_expect(away.low == tie[i].away && away.high == tie[i].away, "%g away: %g … %g", tie[i].x,
              away.low, away.high);
    cr_expect(even.low == tie[i].even && even.high == tie[i].even, "%g even: %g … %g", tie[i].x,
              even.low, even.high);
  }
}

Test(bounds_by_hand, int8_bounds_are_half_a_scale_and_what_saturates) {
  cr_expect(fabs(quantised(2.25, 1, BOUND_I8_AWAY).bound - 0.5) < 1e-6);
  cr_expect(fabs(quantised(1000, 1, BOUND_I8_AWAY).bound - 873) < 1e-6);
  cr_expect(fabs(quantised(-1000, 1, BOUND_I8_AWAY).bound - 872) < 1e-6);
  cr_expect(fabs(quantised(-128, 1, BOUND_I8_AWAY).bound - 0.5) < 1e-4);
}

/* 2.5 after a rounded product: the float32 may be next to the tie on either side. */
Test(bounds_by_hand, an_uncertain_tie_leaves_two_answers) {
  One one = linear_of((double[]){0.5}, (double[]){5}, 1, BOUND_I8_EVEN, 1);
  BoundOut y = {BOUND_I8_EVEN, 1, &one.want, &one.bound, &one.low, &one.high};
  cr_expect(one.low == 2 && one.high == 3);
  cr_expect(bound_used(&y, 0, 2) <= 1 && bound_used(&y, 0, 3) <= 1 &&
            bound_used(&y, 0, 4) == INFINITY);
}

Test(bounds_by_hand, functions_err_by_their_stated_units) {
  One one;
  BoundOut y = out_of(&one, BOUND_F32, 0);
  bound_scalar(BOUND_EXP, &(double){0}, 1, &y);
  cr_expect_eq(one.want, 1);
  expect_bound(one.bound, 0.67 * 0x1p-23);
  bound_scalar(BOUND_SOFTPLUS, &(double){0}, 1, &y);
  expect_bound(one.bound, 1.5 * 0x1p-24); /* of 0.693 */
  bound_scalar(BOUND_SOFTPLUS, &(double){20.5}, 1, &y);
  cr_expect(one.want == 20.5 && one.bound < 1e-12);
  bound_scalar(BOUND_LOG1P, &(double){1}, 1, &y);
  expect_bound(one.bound, 0.67 * 0x1p-24);
  bound_scalar(BOUND_SILU, &(double){-100}, 1, &y); /* 0 comes out; all of 3.7e-42 may be lost */
  cr_expect(one.want < 0 && one.bound > -one.want && one.bound < -2 * one.want);
}

/* x = 3, 4: mean of squares 12.5; eps 12.5: divided by 5. */
Test(bounds_by_hand, a_norm_of_two) {
  double x[] = {3, 4}, want[2], bound[2];
  bound_rmsnorm(&(BoundIn){x, 2, 0}, &(BoundIn){0}, 12.5, 1, 2,
                &(BoundOut){BOUND_F32, 0, want, bound, NULL, NULL});
  cr_expect(want[0] == 0.6 && want[1] == 0.8);
  /* Squares 9 and 16: 2^-21, 2^-20; sum 25: + 2^-20; mean 12.5: half of those + 2^-21; + eps: +
   * 2^-20; root: a tenth of those + 2^-22; quotient: 0.6 / 5 of those + 2^-25. */
  double mean = (0x1p-21 + 0x1p-20 + 0x1p-20) / 2 + 0x1p-21 + 0x1p-20;
  expect_bound(bound[0], 0.12 * (mean / 10 + 0x1p-22) + 0x1p-25);
}

Test(bounds_by_hand, a_butterfly) {
  double x[] = {1, 2}, want[2], bound[2];
  void *room = malloc(bound_hadamard_room(2));
  bound_hadamard(&(BoundIn){x, 2, 0}, 1, 2, &(BoundOut){BOUND_F32, 0, want, bound, NULL, NULL},
                 room);
  free(room);
  double root =
      0x1p-24 / 2 + 0x1p-25; /* 1 / sqrt(2): the root's error over 2, and the quotient's own */
  cr_expect(fabs(want[0] - 3 / sqrt(2)) < 1e-15 && fabs(want[1] + 1 / sqrt(2)) < 1e-15);
  expect_bound(bound[0], 0x1p-23 / sqrt(2) + 3 * root + 0x1p-23);
}

/* One state, two tokens, A = -1, delta = 20 + 5 (above 20, so the sum itself), u B = 1: h = 25,
 * then 25 e^-25 + 25. */
static void two_tokens(int lanes, int items, double *bound) {
  double dt[] = {20, 20}, bias = 5, u[] = {2, 2}, B[] = {0.5, 0.5}, one[] = {1, 1}, zero = 0,
         want[4], at[4], delta[4], state[1], state_bound[1], states[2], of[2];
  BoundScan s = {.T = 2, .E = 1, .N = 1, .lanes = lanes, .items = items};
  s.dt = in_of(dt, 1), s.dt_bias = in_of(&bias, 1), s.u = in_of(u, 1), s.B = in_of(B, 1),
  s.C = s.z = in_of(one, 1);
  s.A_log = s.D = in_of(&zero, 1);
  s.delta = (BoundOut){BOUND_F32, 0, delta, delta + 2, NULL, NULL};
  s.y = (BoundOut){BOUND_F32, 0, want, at, NULL, NULL};
  s.gated = (BoundOut){BOUND_F32, 0, want + 2, at + 2, NULL, NULL};
  s.state = (BoundOut){BOUND_F32, 0, state, state_bound, NULL, NULL};
  s.states = (BoundOut){BOUND_F32, 0, states, of, NULL, NULL};
  void *room = malloc(bound_scan_room(s.T));
  bound_scan(&s, room);
  free(room);
  cr_expect(delta[0] == 25 && fabs(state[0] - 25 * (1 + exp(-25))) < 1e-14 && want[1] == state[0] &&
            states[1] == state[0]);
  cr_expect(states[0] == 25 && of[1] == state_bound[0]);
  cr_expect(fabs(want[2] - 25 / (1 + exp(-1))) < 1e-14);
  *bound = state_bound[0];
}

Test(bounds_by_hand, a_scan_of_two_tokens_in_both_orders) {
  double sequential, blocked;
  two_tokens(0, 0, &sequential);
  two_tokens(32, 4, &blocked);
  /* dt + bias: 2^-20, half a unit at 25; times u: twice that and 2^-19 at 50; times B: half of
   * those and 2^-20; fmaf: 2^-20. What the first token leaves is multiplied by e^-25. Two tokens
   * are one fmaf in either order. */
  cr_expect(sequential > 4 * 0x1p-20 && sequential < 4.001 * 0x1p-20, "%a", sequential);
  cr_expect_eq(blocked, sequential);
}

/* interval: how far a figure would move with other text. What is sampled is text: one value a
 * prompt (window), and the figure is their mean; layers and stages are all that a model has, and no
 * sample. Two things compared are compared prompt by prompt first (interval_of_values of
 * differences, interval_of_logs of ratios).
 *
 *   values   mean, Student's t with n - 1 degrees of freedom
 *   logs     geometric mean, the same of the logarithms: for errors and factors, which are > 0 and
 *            skewed
 *   shares   proportions of many dependent trials (tokens) in each prompt: the share of all trials;
 *            a prompt is one cluster: Student's t of what each has beyond that share, over a
 *            prompt's mean number of trials (where all have as many: of their shares), cut to [0,
 *            1]; with SHARES_FEW hits or misses in all, or fewer, no narrower on either side than
 *            interval_exact of all trials: two prompts without a miss do not promise that there is
 *            none
 *
 * Of one trial a prompt: interval_exact (Clopper and Pearson, by GSL's beta distribution: never
 * covers less than it says) or interval_wilson (score: covers about what it says).
 *
 * Measured on 533 windows of 513 bytes of the shipped text, drawn again 1,000 times (make
 * check-words), of 2, 4, 8, 16 and 32 prompts, mean of seven modes, in %: bits per byte less fp64's
 * 95.1 94.0 93.7 93.8 93.8; KL by logs 94.9 95.1 94.6 94.0 94.9 (by values 94.0 90.7 89.4 88.6
 * 89.4: it is skewed, give its geometric mean); top-1 accuracy 96.0 94.5 95.1 94.8 95.2; top-1
 * agreement 91.6 94.6 94.9 94.8 95.0 where a window has ten misses, 99.7 and more where it has
 * fewer than one.
 *
 * One prompt has no interval: low and high are NaN. So have values of which one is not finite:
 * leave them out by name first. All are of 95 %. */
#ifndef DS_MEASURE_INTERVAL_H
#define DS_MEASURE_INTERVAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { SHARES_FEW = 10 };
static const double interval_level = 0.95;
static const double interval_power = 0.8; /* how often interval_needed's number would tell */

typedef struct Interval {
  double low, high;
} Interval;

/* A figure over prompts. */
typedef struct Sampled {
  double value, low, high;
  double sd; /* of one prompt; of its logarithm in interval_of_logs */
  int prompts;
} Sampled;

Sampled interval_of_values(const double *value, size_t n);
/* Values >= 0. Where one is 0 the geometric mean is 0, without interval. */
Sampled interval_of_logs(const double *value, size_t n);
/* hits[i] of trials[i] > 0 in prompt i; the figure is the share of all trials. */
Sampled interval_of_shares(const int64_t *hits, const int64_t *trials, size_t n, Arena scratch);

/* Of `hits` among `trials` > 0 independent trials. */
Interval interval_wilson(int64_t hits, int64_t trials);
Interval interval_exact(int64_t hits, int64_t trials);

/* Two answers to each of a number of questions, of which `a` and `b` were answered right by the one
 * alone and by the other alone. McNemar's test, exact: the probability of parts at least as uneven
 * by a fair coin, both sides; 1 where no question tells the two apart.
 * Needed: how many questions would tell them apart in four of five samples, were the shares of
 * these `n` the true ones (Connor 1987). NaN: no number, or more than 1e12. */
double interval_mcnemar(int64_t a, int64_t b);
double interval_mcnemar_needed(int64_t a, int64_t b, int64_t n);

/* Probability of a mean at least as far from `null` as this one, were `null` true: Student's t,
 * both sides. 1 where nothing differs, NaN of fewer than two prompts. Of logarithms: give their
 * mean, sd and null. */
double interval_p(double mean, double sd, size_t n, double null);
/* Holm (1979): the p of each of several questions asked at once, so that one wrong answer among all
 * is as rare as the smallest says. NaN is no question. `adjusted` may be `p`. */
void interval_holm(const double *p, size_t count, double *adjusted, Arena scratch);

/* Correlation of neighbours, in the order of the text: sum (x_i - m)(x_(i+1) - m) / sum (x_i -
 * m)^2. NaN of fewer than three, or of equal values. */
double interval_lag1(const double *value, size_t n);
/* Whether neighbours are too alike to be taken one by one: the correlation is above `limit`, and
 * above what chance gives independent ones in 1 of 40 (1.96 / sqrt(n)). */
bool interval_neighbours_alike(const double *value, size_t n, double limit);
/* Means of blocks of `length` neighbours (the last may be shorter) into `block`, which may be
 * `value`; how many. */
size_t interval_blocks(const double *value, size_t n, size_t length, double *block);

/* How many prompts would tell a mean from `null` in four of five samples, were the mean and sd of
 * one prompt as given: the fewest n with n >= ((t(0.975, n-1) + t(0.8, n-1)) sd / (mean - null))^2.
 * NaN: no number, or more than 1e12. */
double interval_needed(double mean, double sd, double null);
#endif

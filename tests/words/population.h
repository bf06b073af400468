/* population: what population.c writes: a head, then Point [windows][pairs][layers], then End [windows][sides]. */
#ifndef DS_TESTS_WORDS_POPULATION_H
#define DS_TESTS_WORDS_POPULATION_H
#include <stdint.h>

enum { POPULATION_MAGIC = 0x44535032, POPULATION_SIDES = 8, POPULATION_REFERENCE = 7, POPULATION_PAIRS = 28 };

/* The modes that differ from each other in some bit, and the reference. */
static const char *const population_side[POPULATION_SIDES] = {"2-0", "1", "2-1", "2-3", "2-4", "3", "fp32", "fp64"};

typedef struct PopulationHead {
  int32_t magic, windows, layers, pairs, sides, length;
} PopulationHead;

/* block_out of a pair after one layer of one window. */
typedef struct Point {
  double median, p90, p99; /* relative error of the tokens */
  double error2, base2;    /* of all of them */
  double worst_share;
} Point;

/* What a mode predicts in a window: as in EvaluationWindow. */
typedef struct End {
  double bits, kl, top1_agreement, top1_accuracy;
} End;

typedef struct PopulationPair {
  int base, other;
} PopulationPair;

/* Pairs of modes in their order, then the reference against each. */
static inline PopulationPair population_pair(int number) {
  for (int base = 0; base < POPULATION_REFERENCE; base++)
    for (int other = base + 1; other < POPULATION_REFERENCE; other++)
      if (number-- == 0) return (PopulationPair){base, other};
  return (PopulationPair){POPULATION_REFERENCE, number};
}
#endif

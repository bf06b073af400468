/* population: what population.c writes: a head, then for each window 8 bytes of which the first
 * says that it is there, Point [pairs][layers] and End [sides]. */
#ifndef DS_TESTS_WORDS_POPULATION_H
#define DS_TESTS_WORDS_POPULATION_H
#include <stdint.h>
#include <sys/types.h>

enum { POPULATION_STRIDE = 513 }; /* bytes from one window to the next */
enum {
  POPULATION_MAGIC = 0x44535033,
  POPULATION_SIDES = 8,
  POPULATION_REFERENCE = 7,
  POPULATION_PAIRS = 28
};

/* The modes that differ from each other in some bit, and the reference. */
static const char *const population_side[POPULATION_SIDES] = {"2-0", "1", "2-1",  "2-3",
                                                              "2-4", "3", "fp32", "fp64"};

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

typedef struct PopulationWindow {
  Point *point; /* [pairs][layers] */
  End end[POPULATION_SIDES];
} PopulationWindow;

static inline off_t population_window_bytes(const PopulationHead *head) {
  return 8 + (off_t)((size_t)head->pairs * (size_t)head->layers * sizeof(Point) +
                     POPULATION_SIDES * sizeof(End));
}

static inline off_t population_window(const PopulationHead *head, int window) {
  return (off_t)sizeof *head + window * population_window_bytes(head);
}

static inline off_t population_bytes(const PopulationHead *head) {
  return population_window(head, head->windows);
}

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

/* lanes: items for fewer threads than there are, each of which has scratch of its own. All threads
 * come: a team of another size would cost libgomp its threads, which end and are started anew; and
 * within a team of one (an `if` that is false) every team is made anew. */
#ifndef DS_BASE_LANES_H
#define DS_BASE_LANES_H

/* The next of `count` items for whoever asks; -1 when all are taken. In each of the lanes:
 *
 *   int next = 0;
 *   #pragma omp parallel for schedule(static, 1)
 *   for (int lane = 0; lane < lanes; lane++)
 *     for (int i; (i = lanes_next(&next, count)) >= 0;) work(i, own[lane]); */
static inline int lanes_next(int *next, int count) {
  const int item = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
  return item < count ? item : -1;
}

#endif

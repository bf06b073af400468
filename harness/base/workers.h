/* workers: items for fewer threads than there are, each of which has scratch of its own. All
 * threads come: a team of another size would cost libgomp its threads, which end and are started
 * anew; and within a team of one (an `if` that is false) every team is made anew. */
#ifndef DS_BASE_WORKERS_H
#define DS_BASE_WORKERS_H

/* The next of `count` items for whoever asks; -1 when all are taken. Each worker:
 *
 *   int next = 0;
 *   #pragma omp parallel for schedule(static, 1)
 *   for (int worker = 0; worker < workers; worker++)
 *     for (int i; (i = workers_next(&next, count)) >= 0;) work(i, own[worker]); */
static inline int workers_next(int *next, int count) {
  const int item = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
  return item < count ? item : -1;
}

#endif

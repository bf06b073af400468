/* abreast: each item once, by no more threads than are asked for. */
#include "base/abreast.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

enum { ITEMS = 64, THREADS = 8 };

typedef struct Seen {
  pthread_mutex_t lock;
  int times[ITEMS], threads;
  pthread_t by[ITEMS];
} Seen;

static void note(void *context, int item) {
  Seen *seen = context;
  const pthread_t own = pthread_self();
  int known = 0;
  usleep(1000); /* so that every thread takes some */
  pthread_mutex_lock(&seen->lock);
  seen->times[item]++;
  while (known < seen->threads && !pthread_equal(seen->by[known], own)) known++;
  if (known == seen->threads) seen->by[seen->threads++] = own;
  pthread_mutex_unlock(&seen->lock);
}

Test(abreast, each_item_once_by_no_more_threads_than_are_asked_for) {
  for (int threads = 1; threads <= THREADS; threads++)
    for (int items = 0; items <= ITEMS; items += ITEMS / 4) {
      Seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
      abreast(threads, items, note, &seen);
      cr_expect_leq(seen.threads, threads);
      cr_expect(seen.threads > 0 || !items);
      if (threads == 1 && items) cr_expect(pthread_equal(seen.by[0], pthread_self()));
      for (int i = 0; i < ITEMS; i++) cr_expect_eq(seen.times[i], i < items);
    }
}

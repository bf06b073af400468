#include "base/abreast.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS_MOST = 8 };

typedef struct Abreast {
  int items;
  void (*work)(void *context, int item);
  void *context;
  atomic_int next;
} Abreast;

static void *take_items(void *context) {
  Abreast *a = context;
  for (int i; (i = atomic_fetch_add(&a->next, 1)) < a->items;) a->work(a->context, i);
  return NULL;
}

void abreast(int threads, int items, void (*work)(void *context, int item), void *context) {
  Abreast a = {.items = items, .work = work, .context = context};
  pthread_t thread[THREADS_MOST];
  int most = threads < items ? threads : items, others = 0;
  most = most < THREADS_MOST ? most : THREADS_MOST;
  while (others < most - 1 && !pthread_create(&thread[others], NULL, take_items, &a)) others++;
  take_items(&a);
  while (others > 0) pthread_join(thread[--others], NULL);
}

/* deal: how the items of a list are dealt out among processes that do one job together, each item
 * to one of them. */
#ifndef DS_BASE_DEAL_H
#define DS_BASE_DEAL_H
#include <stdbool.h>

#include "base/status.h"

typedef struct Deal {
  void *context;
  /* A list of so many begins; all processes begin the same lists in the same order. */
  bool (*begin)(void *context, int items, Status *st);
  /* The next items for this process, at most `most`, into item, rising; `*count` 0: there are none
   * left for it. */
  bool (*take)(void *context, int most, int *item, int *count, Status *st);
  /* Waits until all items of the list are done; a process that failed is everybody's error. NULL:
   * nobody waits, and what others do is not to be had here. */
  bool (*meet)(void *context, Status *st);
  /* How many of so many items are this process's, where that is known before; NULL: it is not. */
  int (*share)(void *context, int items);
  bool forgets; /* what others did of a list is not looked for here */
} Deal;
/* Whether what all of a list comes to is made here. */
bool deal_is_whole(const Deal *deal);

/* A list on its way through this process. */
typedef struct Dealing {
  const Deal *deal; /* NULL: all items are this process's */
  int items, next;
} Dealing;
bool deal_begin(const Deal *deal, int items, Dealing *dealing, Status *st);
bool deal_take(Dealing *dealing, int most, int *item, int *count, Status *st);
bool deal_meet(const Deal *deal, Status *st);
/* Of so many items those of this process; all where that is not known before. */
int deal_share(const Deal *deal, int items);

enum { SHARDS_MOST = 1 << 16 };

/* Every shards-th item, from the shard-th on: the same ones wherever and whenever it runs. */
typedef struct Shard {
  int shard, shards; /* shard 1 … shards; shards 0: no shard */
  int next, items;
} Shard;
Deal deal_shard(Shard *shard);
bool shard_has(const Shard *shard, int item);
#endif

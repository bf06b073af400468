#include "base/deal.h"

bool deal_begin(const Deal *deal, int items, Dealing *dealing, Status *st) {
  *dealing = (Dealing){.deal = deal, .items = items};
  return !deal || deal->begin(deal->context, items, st);
}

bool deal_take(Dealing *dealing, int most, int *item, int *count, Status *st) {
  if (dealing->deal) return dealing->deal->take(dealing->deal->context, most, item, count, st);
  for (*count = 0; *count < most && dealing->next < dealing->items; ++*count)
    item[*count] = dealing->next++;
  return true;
}

bool deal_meet(const Deal *deal, Status *st) {
  return !deal || !deal->meet || deal->meet(deal->context, st);
}

int deal_share(const Deal *deal, int items) {
  return deal && deal->share ? deal->share(deal->context, items) : items;
}

bool deal_is_whole(const Deal *deal) { return !deal || (deal->meet && !deal->forgets); }

bool shard_has(const Shard *shard, int item) {
  return shard->shards == 0 || item % shard->shards == shard->shard - 1;
}

static bool begin_shard(void *context, int items, Status *st) {
  Shard *shard = context;
  (void)st;
  shard->next = 0;
  shard->items = items;
  return true;
}

static bool take_of_shard(void *context, int most, int *item, int *count, Status *st) {
  Shard *shard = context;
  (void)st;
  for (*count = 0; *count < most && shard->next < shard->items; shard->next++)
    if (shard_has(shard, shard->next)) item[(*count)++] = shard->next;
  return true;
}

static int share_of_shard(void *context, int items) {
  const Shard *shard = context;
  return (items + shard->shards - shard->shard) / shard->shards;
}

Deal deal_shard(Shard *shard) {
  return (Deal){
      .context = shard, .begin = begin_shard, .take = take_of_shard, .share = share_of_shard};
}

/* ranks_mpi: the ranks of an MPI launcher. A library of its own, driftscope_mpi.so, which ranks.c
 * loads where a launcher started the program: without one nothing of MPI is in the process. */
#include "base/ranks.h"

#include <assert.h>
#include <errno.h>
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

enum { HOST = 64, LOCALS_MOST = 1024, TAG_ASK = 1, TAG_GIVE = 2, SUMS_MOST = 64, ALIKE_MOST = 64 };

/* What a rank is told of another's failure. */
typedef struct Fault {
  int check;
  char host[HOST];
  char text[sizeof(((Status *)0)->text)];
} Fault;

/* Of a rank, in memory that all of its host see. */
typedef struct Alive {
  pthread_mutex_t held; /* by it, as long as it lives */
  atomic_flag told;     /* the first one's: that one has died was said */
  int rank;
  pid_t pid;
  atomic_int stopped; /* the signal by which somebody stopped it; 0: nobody did */
} Alive;

/* Of a request: how many items are wanted; LEAVING: none ever again, by a rank that failed; FAILED:
 * the same by one that was told before that there are no more. Of the answer: which. */
enum { LEAVING = -1, FAILED = -2 };
typedef struct Range {
  int first, count;
} Range;

static struct {
  Ranks ranks;
  MPI_Comm all;
  bool started, failed;
  char host[HOST];
  bool asks; /* this rank has not been told that the list is at its end */
  bool told; /* it has, and the list is not done by all */

  /* Rank 0's, of the list that it deals out. */
  pthread_t dealer;
  bool deals, stopped;
  pthread_mutex_t mutex;
  int next, items, asking;

  Alive *alive; /* [locals], in memory that the ranks of this host share */
  MPI_Win window;
  pid_t watcher; /* 0: none */
} my = {.ranks = {.count = 1, .locals = 1, .hosts = 1}, .mutex = PTHREAD_MUTEX_INITIALIZER};

static const Ranks *now(void) { return &my.ranks; }

/* --- waiting ---------------------------------------------------------------------------------- */

enum { DEALING_US = 100 /* that whoever asks for a prompt may stand idle */, IDLE_US = 5000 };

/* MPI's own waiting takes a core. `most_us`: at a time. */
static void doze(int *times, long most_us) {
  const long us = *times < 20 ? 50 : *times < 200 ? 500 : IDLE_US;
  nanosleep(&(struct timespec){.tv_nsec = (us < most_us ? us : most_us) * 1000}, NULL);
  *times += *times < 200; /* which is counted no further */
}

static void await(MPI_Request *request) {
  int done = 0, times = 0;
  for (;;) {
    MPI_Test(request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    doze(&times, IDLE_US);
  }
}

/* --- the start -------------------------------------------------------------------------------- */

/* Where a launcher binds its ranks, their processors are their own; else all of a host share what
 * they have. */
static int share_of_processors(MPI_Comm here) {
  cpu_set_t own, everyones[LOCALS_MOST], all, both;
  bool shared = false;
  CPU_ZERO(&own);
  CPU_ZERO(&all);
  sched_getaffinity(0, sizeof own, &own);
  if (my.ranks.locals > LOCALS_MOST) return 1;
  MPI_Allgather(&own, sizeof own, MPI_BYTE, everyones, sizeof own, MPI_BYTE, here);
  for (int i = 0; i < my.ranks.locals; i++) {
    CPU_AND(&both, &all, &everyones[i]);
    shared |= CPU_COUNT(&both) > 0;
    CPU_OR(&all, &all, &everyones[i]);
  }
  const int mine = shared ? CPU_COUNT(&all) / my.ranks.locals : CPU_COUNT(&own);
  return mine > 1 ? mine : 1;
}

/* --- a rank that dies ------------------------------------------------------------------------- */

/* By a process of its own, which no launcher knows: of the ranks all others are killed at once. The
 * first to hear of a death says so; then its own rank ends, whose watcher hears of that. */
static void watch(pid_t own) {
  Alive *next = &my.alive[(my.ranks.local + 1) % my.ranks.locals];
  setsid();
  process_stop_silently();
  if (pthread_mutex_lock(&next->held) != EOWNERDEAD) { /* it came to its end */
    pthread_mutex_unlock(&next->held);
    _exit(0);
  }
  const int stopped = atomic_load(&next->stopped);
  if (!atomic_flag_test_and_set(&my.alive->told))
    fprintf(stderr,
            "driftscope: rank %d of %d on %s (process %d) %s%s; the same command goes on with what "
            "is finished\n",
            next->rank, my.ranks.count, my.host, (int)next->pid,
            stopped ? "was stopped by " : "has died", stopped ? process_stop_name(stopped) : "");
  if (getppid() == own) kill(own, SIGTERM);
  _exit(0);
}

/* Each rank holds a lock that the next of its host waits for: the system gives it on, with word of
 * it, when the holder dies, before the launcher hears of that and ends all others. */
static bool begin_watching(MPI_Comm here, Status *st) {
  pthread_mutexattr_t robust;
  MPI_Aint bytes;
  int unit;
  MPI_Win_allocate_shared(my.ranks.local ? 0 : (MPI_Aint)sizeof *my.alive * my.ranks.locals,
                          (int)sizeof *my.alive, MPI_INFO_NULL, here, &my.alive, &my.window);
  MPI_Win_shared_query(my.window, 0, &bytes, &unit, &my.alive);
  Alive *own = &my.alive[my.ranks.local];
  own->rank = my.ranks.rank;
  own->pid = getpid();
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&own->held, &robust);
  pthread_mutex_lock(&own->held);
  atomic_flag_clear(&own->told);
  MPI_Barrier(here);
  if (my.ranks.locals == 1) return true;
  my.watcher = fork();
  if (my.watcher == 0) watch(own->pid);
  return my.watcher > 0 ||
         FAIL(st, "no process can be started to watch the other ranks: %s", strerror(errno));
}

static bool find_hosts(Status *st) {
  MPI_Comm here;
  int first;
  gethostname(my.host, sizeof my.host - 1);
  MPI_Comm_split_type(my.all, MPI_COMM_TYPE_SHARED, my.ranks.rank, MPI_INFO_NULL, &here);
  MPI_Comm_rank(here, &my.ranks.local);
  MPI_Comm_size(here, &my.ranks.locals);
  first = my.ranks.local == 0;
  MPI_Allreduce(&first, &my.ranks.hosts, 1, MPI_INT, MPI_SUM, my.all);
  my.ranks.processors = share_of_processors(here);
  const bool ok = begin_watching(here, st);
  MPI_Comm_free(&here);
  return ok;
}

static bool start(int said, Status *st) {
  int level;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
  my.started = true;
  my.all = MPI_COMM_WORLD;
  MPI_Comm_rank(my.all, &my.ranks.rank);
  MPI_Comm_size(my.all, &my.ranks.count);
  if (my.ranks.count == 1 && said > 1)
    return FAIL(st,
                "started as one of %d ranks by a launcher of another MPI than this was built with",
                said);
  if (my.ranks.count > 1 && level < MPI_THREAD_SERIALIZED)
    return FAIL(st, "this MPI has no threads (MPI_THREAD_SERIALIZED)");
  return my.ranks.count == 1 || find_hosts(st);
}

/* --- dealing ---------------------------------------------------------------------------------- */

/* The next items for somebody who wants so many: fewer towards the end, so that all end together.
 */
static Range deal_out(int most) {
  Range range = {0, 0};
  pthread_mutex_lock(&my.mutex);
  if (most < 0) my.stopped = true;
  const int left = my.items - my.next, fair = left / (2 * my.ranks.count);
  if (!my.stopped && left > 0) {
    range.first = my.next;
    range.count = most < fair ? most : fair > 1 ? fair : 1;
    if (range.count > most) range.count = most;
    my.next += range.count;
  }
  pthread_mutex_unlock(&my.mutex);
  return range;
}

/* Rank 0's thread, until all others have been told that there is no more. */
static void *deal(void *unused) {
  (void)unused;
  for (int times = 0; my.asking > 0;) {
    int there, most;
    MPI_Status from;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, my.all, &there, &from);
    if (!there) {
      doze(&times, DEALING_US);
      continue;
    }
    times = 0;
    MPI_Recv(&most, 1, MPI_INT, from.MPI_SOURCE, TAG_ASK, my.all, MPI_STATUS_IGNORE);
    const Range range = deal_out(most);
    if (most >= 0) MPI_Send(&range, sizeof range, MPI_BYTE, from.MPI_SOURCE, TAG_GIVE, my.all);
    if (most != FAILED && !range.count) my.asking--; /* each is counted once */
  }
  return NULL;
}

static bool begin(void *context, int items, Status *st) {
  (void)context;
  my.asks = true;
  if (my.ranks.rank) return true;
  my.next = 0;
  my.items = items;
  my.asking = my.ranks.count - 1;
  my.stopped = false;
  my.deals = pthread_create(&my.dealer, NULL, deal, NULL) == 0;
  return my.deals || FAIL(st, "no thread can be started to deal out %d prompts", items);
}

static bool take(void *context, int most, int *item, int *count, Status *st) {
  (void)context, (void)st;
  Range range = {0, 0};
  if (my.asks && my.ranks.rank == 0) range = deal_out(most);
  if (my.asks && my.ranks.rank) {
    MPI_Request request;
    MPI_Send(&most, 1, MPI_INT, 0, TAG_ASK, my.all);
    MPI_Irecv(&range, sizeof range, MPI_BYTE, 0, TAG_GIVE, my.all, &request);
    await(&request);
  }
  my.asks = range.count > 0;
  my.told = !my.asks;
  for (int i = 0; i < range.count; i++) item[i] = range.first + i;
  *count = range.count;
  return true;
}

/* A list that a rank leaves before its end is at its end for all; so is one that rank 0 may have
 * begun and that a rank which failed will not. */
static void end_dealing(bool failed) {
  const int leaving = my.told ? FAILED : LEAVING;
  if (my.ranks.rank && failed) MPI_Send(&leaving, 1, MPI_INT, 0, TAG_ASK, my.all);
  if (my.ranks.rank == 0 && failed && my.deals) deal_out(LEAVING);
  my.asks = my.told = false;
  if (my.deals) pthread_join(my.dealer, NULL);
  my.deals = false;
}

static bool meet_all(Status *st);

static bool meet(void *context, Status *st) {
  (void)context;
  return meet_all(st);
}

static const Deal *dealt_out(void) {
  static const Deal dealt = {.begin = begin, .take = take, .meet = meet};
  return my.ranks.count > 1 ? &dealt : NULL;
}

/* --- together --------------------------------------------------------------------------------- */

static void tell_fault(int lowest, Status *st) {
  Fault fault = {.check = st->check};
  MPI_Request request;
  memcpy(fault.host, my.host, sizeof fault.host);
  memcpy(fault.text, st->text, sizeof fault.text);
  MPI_Ibcast(&fault, sizeof fault, MPI_BYTE, lowest, my.all, &request);
  await(&request);
  *st = (Status){0};
  if (lowest)
    status_set(st, "rank %d of %d on %s: %s", lowest, my.ranks.count, fault.host, fault.text);
  else
    status_set(st, "%s", fault.text);
  st->check = fault.check;
}

/* Rank 0 failed: whoever asks it for more is told that there is no more. */
static void await_and_refuse(MPI_Request *request) {
  const Range none = {0, 0};
  for (int done = 0, times = 0, asked, most; !done; doze(&times, IDLE_US)) {
    MPI_Status from;
    MPI_Test(request, &done, MPI_STATUS_IGNORE);
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, my.all, &asked, &from);
    if (!asked) continue;
    MPI_Recv(&most, 1, MPI_INT, from.MPI_SOURCE, TAG_ASK, my.all, MPI_STATUS_IGNORE);
    if (most >= 0) MPI_Send(&none, sizeof none, MPI_BYTE, from.MPI_SOURCE, TAG_GIVE, my.all);
  }
}

/* What nobody will answer any more. */
static void pass_over_asked(void) {
  MPI_Status from;
  for (int asked = 1, most; my.ranks.rank == 0 && asked;) {
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, my.all, &asked, &from);
    if (asked) MPI_Recv(&most, 1, MPI_INT, from.MPI_SOURCE, TAG_ASK, my.all, MPI_STATUS_IGNORE);
  }
}

static bool meet_all(Status *st) {
  int mine = st->failed ? my.ranks.rank : my.ranks.count, lowest;
  MPI_Request request;
  if (my.ranks.count == 1) return !st->failed;
  if (my.failed) return false;
  end_dealing(st->failed);
  MPI_Iallreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, my.all, &request);
  if (st->failed && my.ranks.rank == 0)
    await_and_refuse(&request);
  else
    await(&request);
  if (lowest == my.ranks.count) return true;
  my.failed = true;
  pass_over_asked();
  tell_fault(lowest, st);
  return false;
}

static bool tell(int *value, Status *st) {
  if (!meet_all(st)) return false;
  if (my.ranks.count > 1) MPI_Bcast(value, 1, MPI_INT, 0, my.all);
  return true;
}

static bool sum_up(double *number, int count, Status *st) {
  double sum[SUMS_MOST];
  assert(count <= SUMS_MOST);
  if (!meet_all(st)) return false;
  if (my.ranks.count == 1) return true;
  MPI_Reduce(number, sum, count, MPI_DOUBLE, MPI_SUM, 0, my.all);
  if (my.ranks.rank == 0) memcpy(number, sum, (size_t)count * sizeof *number);
  return true;
}

static bool alike(const void *bytes, size_t count, int *first, Status *st) {
  char own[ALIKE_MOST] = {0};
  char *all = calloc((size_t)my.ranks.count, sizeof own);
  *first = -1;
  assert(count <= sizeof own);
  if (!all) status_set(st, "no memory to compare %d ranks", my.ranks.count);
  if (!meet_all(st) || !all) return free(all), false;
  if (my.ranks.count > 1) {
    memcpy(own, bytes, count);
    MPI_Allgather(own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, my.all);
  }
  for (int i = 0; *first < 0 && i < my.ranks.rank; i++)
    if (!memcmp(all + (size_t)i * sizeof own, own, sizeof own)) *first = i;
  free(all);
  return true;
}

static bool end(bool ok, Status *st) {
  if (!my.started) return ok;
  if (!ok && !st->failed) status_set(st, "ended without a word");
  return meet_all(st);
}

/* Where another of this host watches it. */
static atomic_int *stopped(void) {
  return my.watcher > 0 ? &my.alive[my.ranks.local].stopped : NULL;
}

static void leave(void) {
  if (!my.started) return;
  MPI_Barrier(my.all);
  if (my.watcher > 0) {
    pthread_mutex_unlock(&my.alive[my.ranks.local].held);
    waitpid(my.watcher, NULL, 0);
  }
  if (my.alive) MPI_Win_free(&my.window);
  MPI_Finalize();
}

const RanksWork ranks_work = {now,   start,     meet_all, tell, sum_up,
                              alike, dealt_out, stopped,  end,  leave};

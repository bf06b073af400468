/* ranks: the processes that a launcher (mpirun, srun) started together for one command, over MPI.
 * Rank 0 deals out what there is to do, writes what there is one of, and is the only one that says
 * anything. Without MPI, and where no launcher started the program, there is one rank. */
#ifndef DS_BASE_RANKS_H
#define DS_BASE_RANKS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/deal.h"
#include "base/status.h"

typedef struct Ranks {
  int rank, count;
  int local, locals; /* of those on this host */
  int hosts;
  int processors; /* this one's share of its host's; 0: all, there is one rank */
} Ranks;
const Ranks *ranks(void);

/* How many threads this one has where so many are asked for, 0: as many as `all`. */
static inline int ranks_threads(int asked, int all) {
  return asked > 0 ? asked : ranks()->processors > 0 ? ranks()->processors : all;
}

/* Once, before threads: joins the others where a launcher started this process. Refused where that
 * is of another MPI than the program was built with, or it was built without. */
bool ranks_start(Status *st);

/* Waits, sleeping, until all ranks are here: they come by the same calls in the same order, and one
 * that failed comes here from wherever it was. Its failure is everybody's, and says which it was.
 */
bool ranks_meet(Status *st);
/* Each of these begins with that. Rank 0's value is everybody's. */
bool ranks_tell(int *value, Status *st);
/* The sums over all ranks at rank 0; at most 64 numbers. */
bool ranks_sum(double *number, int count, Status *st);
/* The first rank before this one that brings the same bytes, at most 64; -1: none. */
bool ranks_alike(const void *bytes, size_t count, int *first, Status *st);

/* Lists are dealt out by rank 0 as the ranks ask for more; with one rank NULL. */
const Deal *ranks_deal(void);

/* The end: all meet once more where nothing failed before. */
bool ranks_end(bool ok, Status *st);
/* Behind the last word: a rank that leaves with a failure has the launcher end the others. */
void ranks_leave(void);
/* What a library of MPI's does of that, under this name in it. */
typedef struct RanksWork {
  const Ranks *(*now)(void);
  bool (*start)(int said, Status *st); /* so many ranks, as the launcher says; 1: it does not */
  bool (*meet)(Status *st);
  bool (*tell)(int *value, Status *st);
  bool (*sum)(double *number, int count, Status *st);
  bool (*alike)(const void *bytes, size_t count, int *first, Status *st);
  const Deal *(*deal)(void);
  atomic_int *(*stopped)(void); /* where it is noted by which signal somebody stopped this rank;
                                 * NULL: nobody would say it */
  bool (*end)(bool ok, Status *st);
  void (*leave)(void);
} RanksWork;
#define RANKS_LIBRARY "driftscope_mpi.so"
extern const RanksWork ranks_work;

#endif

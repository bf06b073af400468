/* experiment: the full-model driver. Walks prompt by prompt and layer by layer, all modes and the
 * float64 reference in lock-step: run, measure, give to the store, let the traces go. */
#ifndef DS_EXPERIMENT_EXPERIMENT_H
#define DS_EXPERIMENT_EXPERIMENT_H
#include "base/progress.h"
#include "experiment/part.h"
#include "spec/spec.h"
#include "store/store.h"
#include "walk/subject.h"

typedef struct RunOptions {
  const char *folder;  /* receives results.h5; made where it is missing */
  const char *command; /* as typed, for the record */
  bool fresh;
  Shard shard;       /* the part of the study that is to be made; shards 0: all of it */
  bool share_device; /* several ranks may run on one */
  Parts *parts;      /* what they hold is taken over; NULL: there are none */
  /* What the results file tells, before it stands: a report may be made of it meanwhile. Not called
   * for a part, nor where the file is there already. */
  void (*tell)(void *context, const OwnTables *own);
  void *context;
} RunOptions;

typedef struct RunOutcome {
  const char *results; /* path of results.h5; of a part's file, that nobody finishes */
  bool already_done;   /* it was there, of the same run */
  double time_s;
  int64_t peak_bytes;
  const RunKey *key;
  int lock;       /* of the folder; the caller's to give back (folder_unlock), after the report */
  Device *device; /* and what it has there: experiment_leave, which may take its time */
  Subject *subject;
} RunOutcome;

bool experiment_run(Arena *arena, const Spec *spec, const RunOptions *options, Progress *progress,
                    RunOutcome *outcome, Status *st);
/* Of a run that is done and no part, by its first rank: the journal is removed, which may be a
 * gigabyte. What a kill leaves of it the next start removes. */
void experiment_tidy(const RunOutcome *outcome, Arena scratch);

/* Whether the modes of a run would compute on a device: one that the spec asks for need not be
 * here. */
bool experiment_finds_device(const Spec *spec);

/* A checked subject made ready on this host, with its scales: what a command does before it runs
 * anything. Calibration statistics are taken from and left in `cache` (a folder; NULL: no cache).
 */
bool experiment_load(Arena *arena, const Spec *spec, const char *cache, Progress *progress,
                     Subject *subject, Status *st);

/* The same, without a cache, on the device that the spec's backend finds, if any; and what it takes
 * there given back, however far that went. */
bool experiment_load_there(Arena *arena, const Spec *spec, Progress *progress, Device *device,
                           Subject *subject, Status *st);
void experiment_leave(Device *device, Subject *subject);

/* A spec's micro section alone, to FOLDER/results.h5 (tables and provenance). `lock` is the
 * folder's, the caller's to give back (folder_unlock), after the report. */
bool experiment_micro(Arena *arena, const Spec *spec, const char *folder, const char *command,
                      bool fresh, Progress *progress, const char **results, int *lock, Status *st);

#endif

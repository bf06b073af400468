/* store: the only HDF5 code. A run is written in segments (one small file a prompt and finished layer, temporary name,
 * rename), kept in NAME.h5.parts/ and joined into NAME.h5 at the end. The folder is the journal: a segment that is
 * there and whose digests hold is done. After a failed write nothing more is written, the temporary file is removed,
 * and the error names the file, the bytes wanted and the bytes free. */
#ifndef DS_STORE_STORE_H
#define DS_STORE_STORE_H
#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/run_key.h"
#include "base/status.h"
#include "family/trace.h"
#include "family/was.h"
#include "measure/tables.h"

/* Once at program start, before any other HDF5 call: H5dont_atexit, error printing off, plugins off, SIGXFSZ and
 * SIGPIPE ignored. */
void store_start(void);

/* Scalar string and number attributes of the results file's root. */
typedef struct Attribute {
  const char *name, *text; /* text NULL: number */
  double number;
} Attribute;

typedef struct JournalShape {
  int layers, dims[DIM_COUNT]; /* dims[DIM_TOKEN] is unused: it is the prompt's T */
  const PromptShape *prompt;
  int prompts;
  const char *const *mode; /* group names in order, the reference last */
  int modes;
} JournalShape;

typedef struct Journal {
  const char *results; /* NAME.h5 */
  const char *folder;  /* NAME.h5.parts */
  int lock;            /* descriptor, flock */
  bool sync;           /* fsync of segments and folder */
  int deflate;
  JournalShape shape;
} Journal;

/* Opens or makes the folder and takes its lock ("is in use by another run" otherwise). A journal of another run (any
 * digest of run.json differs) is an error that names what differs, unless `fresh`, which removes it. Left-over
 * temporary files are removed. */
bool journal_open(Arena *arena, const char *results, const RunKey *key, const JournalShape *shape, bool fresh,
                  bool sync, int deflate, Journal *journal, Status *st);
void journal_close(Journal *journal);
/* Removes what a run of this key left that was killed between giving the result its name and removing the journal.
 * Nothing happens where there is no such folder, another run holds it, or it belongs to another key. */
void journal_discard(Arena scratch, const char *results, const RunKey *key);
/* The bytes that an unfinished run of this key left, which are gone on with (or make room again: what is temporary,
 * with `fresh` all of it). An unfinished run of another key is an error, as in journal_open. */
bool journal_standing(const char *results, const RunKey *key, bool fresh, uint64_t *bytes, Arena scratch, Status *st);
/* How many layers of this prompt, from 0 without a gap, stand in valid segments (every digest checked). Invalid ones
 * are removed. */
int journal_layers_done(const Journal *journal, int prompt, Arena scratch);

typedef struct Segment {
  const Journal *journal;
  int prompt, layer;
  char path[4096], temporary[4096];
  int64_t file;  /* hid_t; -1: none */
  int64_t bytes; /* once committed: of the file */
} Segment;
bool segment_create(const Journal *journal, int prompt, int layer, Segment *segment, Status *st);
/* NaN made canonical before it is written (into a copy); `digest` receives the digest of the tensor's own
 * bytes, the same whether it is kept, and in which form. f16_as_f32 stores float16 widened; the dataset's attribute
 * digest is that of the stored bytes. The dataset's name is the tensor's, its group the mode's. */
bool segment_put_tensor(Segment *segment, const char *mode, TensorId id, const Tensor *t, bool keep, bool f16_as_f32,
                        Digest *digest, Arena scratch, Status *st);
/* The residual stream that the next layer starts from, f32 or f64. */
bool segment_put_stream(Segment *segment, const char *mode, const Tensor *t, Arena scratch, Status *st);
/* The bytes of such streams in one segment: all sides but the reference in f32. */
uint64_t segment_stream_bytes(int T, int D, int sides);
bool segment_put_rows(Segment *segment, const Table *table, const void *rows, size_t count, Status *st);
/* Close (checked), fsync where asked for, rename. */
bool segment_commit(Segment *segment, Status *st);
void segment_abandon(Segment *segment); /* close once, remove the temporary file */

/* A stream back; data in the arena. */
bool journal_read_stream(Arena *arena, const Journal *journal, int prompt, int layer, const char *mode, Tensor *t,
                         Status *st);
/* All rows of a table from the segments, in order of prompt and layer; in the arena. Every segment must be there. */
bool journal_read_rows(Arena *arena, const Journal *journal, const Table *table, void **rows, size_t *count,
                       Status *st);

/* Checks statvfs, reads every segment, checks its digests, writes NAME.h5.partial with dimension scales, tables and
 * attributes, renames it to NAME.h5 and removes the journal. */
bool journal_join(Journal *journal, const Attribute *attributes, int attribute_count, const TableRows *rows,
                  int row_count, Arena scratch, Status *st);

/* ---- a run written in place ----
 *
 * All of a results file but its numbers is known before the first layer runs: NAME.h5.partial is made whole at the
 * start and closed. From then on tensors go to their places with pwrite, HDF5 is not open and no kill can touch the
 * file's structure. NAME.h5.parts/ is the journal, the run's lock is on it: run.json (whose run it is), structure.bin
 * (where every tensor's place is, and all bytes of the file outside the places), an entry a prompt and finished layer,
 * made after its tensors are written, the streams that the next layer starts from, and notes. Every file has its
 * digest in it and is renamed to its name when it is whole: one that is damaged counts as absent. At the end the file
 * is opened once, for attributes and tables, and gets its name. What a kill leaves of that is undone from
 * structure.bin at the next start.
 *
 * After a failed write nothing more is written, and the error names the file, the object, the bytes wanted and the
 * bytes free. */

/* One side of a run: a mode, or the reference. */
typedef struct StoreSide {
  const char *name;    /* of its group */
  bool makes[T_COUNT]; /* which tensors it has at all */
  Type type[T_COUNT];  /* of those, as they are computed */
} StoreSide;

typedef struct StoreShape {
  int layers, dims[DIM_COUNT]; /* dims[DIM_TOKEN] is unused: it is the prompt's T */
  const PromptShape *prompt;
  int prompts;
  const StoreSide *side; /* modes as they are listed, the reference last */
  int sides;
  const bool *kept; /* [layers * T_COUNT]: which tensors of a layer the file holds; a tensor of the model's ends is one
                     * of the layer that it is made in, the first (embedding) or the last */
  bool f16_as_f32;  /* float16 is stored widened */
} StoreShape;

typedef struct Store Store; /* in the arena that it was opened with */

/* What the shape takes: of the file without its tables, of streams beside it at the most, of memory. */
typedef struct StoreSize {
  uint64_t file_bytes, stream_bytes, memory_bytes;
  int64_t tensors; /* datasets */
} StoreSize;
StoreSize store_size(const StoreShape *shape);

/* Takes the folder's lock ("is in use by another run" otherwise), then makes the file, or goes on with an unfinished
 * run of the same key. One of another key is an error that names what differs, unless `fresh`, which removes it. The
 * file's whole length is asked of the disk here, where the file system can. `sync`: what a loss of power leaves is as
 * good as what a kill leaves. `shape` and what it points to must live as long as the store. */
bool store_open(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape, bool fresh, bool sync,
                Store **store, Status *st);
/* Waits for what is being written and gives the lock back; NULL is nothing. */
void store_close(Store *store);

/* How many layers of this prompt, from 0 without a gap, stand whole: every digest is checked. What stands beyond them
 * is removed. */
int store_layers_done(Store *store, int prompt, Arena scratch);
/* What the next layer of this side starts from, bit for bit; after store_layers_done said a number that is neither 0
 * nor all. Data in the arena. */
bool store_read_stream(Arena *arena, const Store *store, int prompt, int side, Tensor *t, Status *st);

/* A tensor of a layer; `row`: of the layer's rows of table_tensor_stats, the one whose digest is this tensor's; -1:
 * none. The digest is that of the tensor's own values, NaN canonical, the same in whatever form it is kept, or not. */
typedef struct StoreTensor {
  int side;
  TensorId id;
  const Tensor *t;
  int row;
} StoreTensor;

typedef struct StoreLayer {
  const StoreTensor *tensor; /* every one that the shape keeps is among them */
  int tensors;
  const Tensor *stream;  /* [sides], float32 or float64; NULL where nothing comes after: not needed after the last */
  const TableRows *rows; /* the layer's, by table */
  int tables;
} StoreLayer;
/* Takes a copy of all of it and returns; it is written by a thread of the store's own, one layer at a time. An error of
 * that thread comes back from the next call of any function here. */
bool store_put_layer(Store *store, int prompt, int layer, const StoreLayer *what, Status *st);
/* All rows of a table from the finished layers, in order of prompt and layer; in the arena. Every layer must stand. */
bool store_rows(Arena *arena, Store *store, const Table *table, void **rows, size_t *count, Status *st);

/* What a study that needs no tensors leaves to go on from, one piece a name: "evaluation.window_0003": a part, a word
 * and a number. `*bytes` NULL where nothing stands under the name. In the arena. */
bool store_note(Store *store, const char *name, const void *bytes, size_t count, Arena scratch, Status *st);
void store_noted(Arena *arena, const Store *store, const char *name, const void **bytes, size_t *count);

/* What has been written so far, and the time that took. */
typedef struct StoreWritten {
  int64_t bytes;
  double time_s;
} StoreWritten;
StoreWritten store_written(Store *store);

/* Attributes and tables into the file, its check against every digest, its name, and the journal's end. Every layer
 * must stand. */
bool store_finish(Store *store, const Attribute *attributes, int attribute_count, const TableRows *rows, int row_count,
                  Arena scratch, Status *st);

/* Removes what a run of this key left that was killed between giving the result its name and removing the journal.
 * Nothing happens where there is no such folder, another run holds it, or it belongs to another key. */
void store_discard(Arena scratch, const char *results, const RunKey *key);
/* The bytes on disk that an unfinished run of this key left, which are gone on with (or make room again, with `fresh`).
 * An unfinished run of another key is an error, as in store_open. */
bool store_standing(const char *results, const RunKey *key, bool fresh, uint64_t *bytes, Arena scratch, Status *st);

/* Reading a results file: known names are of known types, on hard links, or refused; variable-length, reference,
 * external and virtual data is never read. What has another name is passed over. */
typedef struct Results {
  const char *path;
  int64_t file; /* hid_t */
  int unproved; /* tensors and tables without a digest, so that nobody can say whether they changed */
  char first_unproved[256];
} Results;
/* Opens, walks the whole file by the schema and checks every digest. */
bool results_open(const char *path, Results *results, Arena scratch, Status *st);
void results_close(Results *results);
/* The text of a root attribute, a number as text ("%.17g"); NULL where it is absent. Texts of up to 4 MiB are
 * attributes as they are: the 1.8 format has no limit of 64 KiB for them. */
bool results_text(Arena *arena, const Results *results, const char *name, const char **text, Status *st);
/* count 0 and success where the table is absent. */
bool results_rows(Arena *arena, const Results *results, const Table *table, void **rows, size_t *count, Status *st);
/* Which columns of a table that is there the file has: there [table->columns]. */
bool results_columns(const Results *results, const Table *table, bool *there, Status *st);
/* The RunKey kept as attributes, to see whether a finished result is this run's. */
bool results_key(const Results *results, RunKey *key, Status *st);
/* The same of a file that is opened and closed for it alone. */
bool results_key_of(const char *path, RunKey *key, Arena scratch, Status *st);
#endif

/* store: the only HDF5 code: what a run writes, and a results file read with distrust.
 *
 * All of a results file but its numbers is known before the first layer runs: NAME.h5.partial is
 * made whole at the start and closed. From then on tensors go to their places with pwrite, HDF5 is
 * not open and no kill can touch the file's structure. NAME.h5.parts/ is the journal, the run's
 * lock is on it: run.json (whose run it is), structure.bin (where every tensor's place is, and all
 * bytes of the file outside the places), an entry a prompt and finished layer, made after its
 * tensors are written, the streams that the next layer starts from, and notes. Every file has its
 * digest in it and is renamed to its name when it is whole: one that is damaged counts as absent.
 * At the end the file is opened once, for attributes and tables, and gets its name. What a kill
 * leaves of that is undone from structure.bin at the next start.
 *
 * After a failed write nothing more is written, and the error names the file, the object, the bytes
 * wanted and the bytes free. */
#ifndef DS_STORE_STORE_H
#define DS_STORE_STORE_H
#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/run_key.h"
#include "base/status.h"
#include "family/trace.h"
#include "measure/tables/table.h"

/* Once at program start: SIGXFSZ and SIGPIPE are ignored, and are errors of a write. */
void store_start(void);

/* Scalar string and number attributes of the results file's root. */
typedef struct Attribute {
  const char *name, *text; /* text NULL: number */
  double number;
} Attribute;

/* What a side makes in a layer. A tensor of the model's ends is one of the layer that it is made
 * in, the first (embedding) or the last. */
typedef struct StoreMade {
  bool makes[TENSORS_MOST];    /* which tensors it has at all */
  Format format[TENSORS_MOST]; /* of those, as they are computed */
  Scale scale[TENSORS_MOST];   /* their axes and groups; the scales come with the tensors */
} StoreMade;

/* One side of a run: a mode, the reference, or a source made elsewhere. */
typedef struct StoreSide {
  const char *name;       /* of its group */
  const StoreMade *layer; /* [layers] */
} StoreSide;

typedef struct StoreShape {
  const Tensors *tensors;      /* the family's; ids are theirs */
  int layers, dims[DIMS_MOST]; /* dims[DIM_TOKEN] is unused: it is the prompt's T */
  const PromptShape *prompt;
  int prompts;
  const bool *here;      /* [prompts]: those that the file holds, of a part of a run; NULL: all */
  const StoreSide *side; /* modes as they are listed, the reference, sources */
  int sides;
  int streams; /* so many of them, from the first, start a layer from what left the one before */
  const bool *kept;  /* [layers * tensors->count]: which tensors of a layer the file holds */
  bool streams_stay; /* the streams of all layers stay in the journal until the run is finished, for
                      * store_holds_stream */
  bool stays_behind; /* the journal is left to store_discard by store_finish */
  bool made_beside; /* the file is made while this process goes on, until something is written; what
                     * is wrong with it is said then */
  bool f16_as_f32;  /* float16 is stored widened */
  bool later;       /* a copy of a layer is written while the next one is computed elsewhere */
} StoreShape;

typedef struct Store Store; /* in the arena that it was opened with */

/* What the shape takes: of the file without its tables, of the journal beside it without its rows,
 * of memory; and what the journal's streams take where they stay. */
typedef struct StoreSize {
  uint64_t file_bytes, journal_bytes, memory_bytes, streams_bytes;
  int64_t tensors; /* datasets */
} StoreSize;
StoreSize store_size(const StoreShape *shape);

/* Takes the folder's lock ("is in use by another run" otherwise), then makes the file, or goes on
 * with an unfinished run of the same key. One of another key is an error that names what differs,
 * unless `fresh`, which removes it. The file's whole length is asked of the disk, where the file
 * system can; of a file that is made beside the run (StoreShape.made_beside) what is wrong with
 * that is said by the first call that writes. `sync`: what a loss of power leaves is as good as
 * what a kill leaves. `results`, `shape` and what it points to must live as long as the store. */
bool store_open(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                bool fresh, bool sync, Store **store, Status *st);
/* The same run's store that another process of it has opened and still holds: both write to it,
 * each the layers of other prompts and other notes; finishing it is the other's. */
bool store_join(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                bool sync, Store **store, Status *st);
/* Waits until all that was put stands where other processes read it; `elsewhere`: those of other
 * hosts too. */
bool store_settle(Store *store, bool elsewhere, Status *st);
/* Takes over what the store of a part of this run holds, unfinished and closed: layers of the
 * prompts that are `here` in it, and notes. What stands already stays. What is damaged is an error
 * that names the file. */
bool store_take(Store *store, const char *part, const bool *here, Arena scratch, Status *st);
/* Whose unfinished run lies at this place, and one of its notes, in the arena. */
bool store_look(Arena *arena, const char *results, RunKey *key, const char *note,
                const void **bytes, size_t *count, Status *st);
/* Waits for what is being written and gives the lock back; a file that is still being made goes.
 * NULL is nothing. */
void store_close(Store *store);

/* How many layers of this prompt, from 0 without a gap, stand whole: every digest is checked. What
 * stands beyond them is removed. */
int store_layers_done(Store *store, int prompt, Arena scratch);
/* What left a layer of this side, bit for bit: what the next one starts from. Of the last layer
 * that store_layers_done said to stand, where that is not the model's last, or of one whose streams
 * are held. Data in the arena. */
bool store_read_stream(Arena *arena, const Store *store, int prompt, int layer, int side, Tensor *t,
                       Status *st);
/* Whether the streams of a layer that stands have stayed. */
bool store_holds_stream(const Store *store, int prompt, int layer);

/* A tensor of a layer; `row`: of the layer's rows of table_tensor_stats, the one whose digest is
 * this tensor's, and whose `nonfinite` says whether a NaN may be among its values; -1: none. The
 * digest is that of the tensor's own values, NaN canonical, the same in whatever form it is kept,
 * or not. */
typedef struct StoreTensor {
  int side;
  int id;
  const Tensor *t;
  int row;
  bool digested; /* the row has it already: of a tensor that is not kept no data is needed */
} StoreTensor;

typedef struct StoreLayer {
  const StoreTensor *tensor; /* every one that the shape keeps is among them */
  int tensors;
  const Tensor *stream; /* [streams], float32 or float64; NULL where nothing comes after: not needed
                           after the last */
  const TableRows *rows; /* the layer's, by table */
  int tables;
} StoreLayer;
/* Writes the tensors, or takes a copy of them, and of all else, and returns; what is left is
 * written by a thread of the store's own, one layer at a time. An error of that thread comes back
 * from the next call of any function here. */
bool store_put_layer(Store *store, int prompt, int layer, const StoreLayer *what, Status *st);
/* Rows of a table: which is asked for, and what there is. */
typedef struct StoredRows {
  const Table *table;
  void *rows;
  size_t count;
} StoredRows;
/* All rows of these tables from the finished layers, in order of prompt and layer; in the arena.
 * Every layer must stand. */
bool store_rows(Arena *arena, Store *store, StoredRows *of, int count, Status *st);

/* Of a side's tensors in a layer of a prompt those that the file has a place for. */
TensorSet store_keeps(const Store *store, int prompt, int layer, int side);
/* Whether the file has a place for each tensor of the set that a side makes in a layer of a prompt,
 * in the format that it is made in. */
bool store_holds(const Store *store, int prompt, int layer, int side, TensorSet set);
/* They, by their ids, of a layer that stands: read again, each proved by its digest, NaN canonical
 * and without a witness. In the arena, which has room for the layer's rows too. Several threads
 * may. */
bool store_reread(Arena *arena, Store *store, int prompt, int layer, int side, TensorSet set,
                  Tensor t[TENSORS_MOST], Status *st);

/* What a study that needs no tensors leaves to go on from, one piece a name of letters, digits,
 * '_', '-' and dots: "evaluation.window_0003". `*bytes` NULL where nothing stands under the name.
 * In the arena. */
bool store_note(Store *store, const char *name, const void *bytes, size_t count, Status *st);
void store_note_drop(Store *store, const char *name);
void store_noted(Arena *arena, const Store *store, const char *name, const void **bytes,
                 size_t *count);

/* What has been written so far, and the time that took. */
typedef struct StoreWritten {
  int64_t bytes;
  double time_s;
} StoreWritten;
StoreWritten store_written(Store *store);

/* Attributes and tables into the file, its check against every digest, its name, and the journal's
 * end, unless that stays behind. Every layer must stand. */
bool store_finish(Store *store, const Attribute *attributes, int attribute_count,
                  const TableRows *rows, int row_count, Arena scratch, Status *st);

/* Removes the journal that stayed behind, or that a run of this key left which was killed between
 * giving the result its name and removing it. Nothing happens where there is no such folder,
 * another run holds it, or it belongs to another key. */
void store_discard(Arena scratch, const char *results, const RunKey *key);
/* The bytes on disk that an unfinished run of this key left, which are gone on with (or make room
 * again, with `fresh`). An unfinished run of another key is an error, as in store_open. */
bool store_standing(const char *results, const RunKey *key, bool fresh, uint64_t *bytes,
                    Arena scratch, Status *st);

/* What a file of this process tells, whose tensors it compares with their digests itself. */
typedef struct OwnTables {
  const TableRows *rows;
  int count;
  const Attribute *attribute;
  int attributes;
  const RunKey *key;
} OwnTables;

/* Reading a results file: known names are of known types, on hard links, or refused;
 * variable-length, reference, external and virtual data is never read. What has another name is
 * passed over. */
typedef struct Results {
  const char *path;
  int64_t file; /* hid_t */
  int unproved; /* tensors and tables without a digest: who can say whether they changed? */
  char first_unproved[256];
  int removed;     /* tables that were there once: removed, or written anew under their names */
  TableRows *kept; /* [tables that there are], of results_take: those that were read; else NULL */
  const OwnTables *own; /* NULL: all is in the file */
} Results;
/* Opens, walks the whole file by the schema and checks every digest. */
bool results_open(const char *path, Results *results, Arena scratch, Status *st);
/* The same, for who wants all tables: they stay in the arena, and are not read once more. `own`:
 * the file is this process's own; its tensors are not read, and where there are these tables, whose
 * texts become what they would be read as, nothing is: it need not stand yet. NULL: it is not. */
bool results_take(Arena *arena, const char *path, const OwnTables *own, Results *results,
                  Status *st);
void results_close(Results *results);
/* The text of a root attribute, a number as text ("%.17g"); NULL where it is absent. Texts of up to
 * 4 MiB are attributes as they are: the 1.8 format has no limit of 64 KiB for them. */
bool results_text(Arena *arena, const Results *results, const char *name, const char **text,
                  Status *st);
/* count 0 and success where the table is absent. */
bool results_rows(Arena *arena, const Results *results, const Table *table, void **rows,
                  size_t *count, Status *st);
/* Which columns of a table that is there the file has: there [table->columns]. */
bool results_columns(const Results *results, const Table *table, bool *there, Status *st);
/* A tensor that the file keeps, of a group such as "prompts/address/2-0/layer_00", with its scale
 * or scales and every digest checked; in the arena. Float16 that was widened is float32. */
bool results_tensor(Arena *arena, const Results *results, const char *group, const char *name,
                    Tensor *t, Status *st);
/* The RunKey kept as attributes, to see whether a finished result is this run's. */
bool results_key(const Results *results, RunKey *key, Status *st);
/* The same of a file that is opened and closed for it alone. */
bool results_key_of(const char *path, RunKey *key, Arena scratch, Status *st);
/* Whether it is what some version of this program wrote, by its bytes alone, which may be cut short
 * or damaged behind their beginning. An empty file is nobody's. */
bool results_are_ours(Bytes file);
#endif

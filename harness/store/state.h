/* state: what the writing side's files know in common; internal to store. */
#ifndef DS_STORE_STATE_H
#define DS_STORE_STATE_H
#include <pthread.h>

#include "base/child.h"
#include "base/file.h"
#include "base/name.h"
#include "measure/tables/stats.h"
#include "store/hdf5.h"
#include "store/store.h"

/* A dataset's place in the results file: a tensor's; or that of a tensor's scales, which stand
 * beside it where there is more than one, and whose slot follows the tensor's. */
typedef struct Slot {
  int prompt, layer, side, id;
  bool of_scales;
  Scale scale;   /* the tensor's axis and group */
  Format format; /* as it is stored */
  bool widened, of_f16;
  int rank;       /* 2; 1: rows alone */
  int rows, cols; /* of what is stored */
  uint64_t offset, bytes;
} Slot;

/* One layer on its way to the disk. */
typedef struct JobTensor {
  Tensor from;      /* the run's */
  void *data;       /* the store's own copy, whole, in the form that the file has; NULL: none */
  int row;          /* of table_tensor_stats; -1: none */
  bool digested;    /* the row has its digest */
  const Slot *slot; /* NULL: not kept */
  int record;       /* of the entry; -1: not kept */
} JobTensor;

typedef struct Job {
  int prompt, layer;
  JobTensor *tensor; /* and behind a tensor its scales, where the file has a place for them */
  int tensors;
  char *streams; /* the file's image, without its seal; NULL: none */
  size_t streams_bytes;
  size_t entry_bytes; /* of the image in store->entry */
  int kept;           /* tensors that have a slot */
  TensorStats *stats; /* rows in the entry */
} Job;

typedef enum WriterState { WRITER_IDLE, WRITER_BUSY, WRITER_LEAVING } WriterState;

struct Store {
  const char *results, *partial, *folder; /* NAME.h5, NAME.h5.partial, NAME.h5.parts */
  const StoreShape *shape;
  RunKey key;
  int lock; /* descriptor of the folder, flock */
  int file; /* descriptor of the partial file */
  bool sync;
  Slot *slot; /* in the order of computation: prompt, layer, side, tensor */
  size_t slots;
  const size_t *first; /* [prompts * layers + 1]: the first slot of a prompt's layer */
  uint64_t length;     /* of the file as it was made */
  int *done;           /* [prompts]: layers that stand; -1: not looked at */
  Arena room;          /* the writer's: a layer's tensors and streams */
  bool making;         /* `maker` has been begun, and not been waited for */
  ChildBegun maker;
  Arena maker_scratch; /* its own copy */
  char *entry;         /* malloc: grows to the largest entry or note */
  size_t entry_bytes;

  pthread_t thread;
  bool started; /* the thread, with lock and condition */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  WriterState state;
  Job job;
  Status failed; /* the first failure of a write: nothing is written after it */
  StoreWritten written;
};

/* --- layout.c: which tensors a file holds ----------------------------------------------------- */

/* Fills slot, slots and first, offsets aside. */
void layout_slots(Arena *arena, Store *store);
/* The slots of a prompt's layer. */
Slot *layout_layer(const Store *store, int prompt, int layer, size_t *count);
/* That of a tensor; NULL: it is not kept. */
const Slot *layout_find(const Store *store, int prompt, int layer, int side, int id);
/* Whether a side makes a tensor in this layer: one of the model's ends in one layer alone. */
bool layout_makes(const StoreShape *shape, int layer, int side, int id);
/* Whether the file holds a prompt, of a part of a run; and the length of a dimension there. */
bool layout_has(const StoreShape *shape, int prompt);
int layout_length(const StoreShape *shape, int prompt, int dim);
/* "prompts/address/2-0/layer_00" */
enum { GROUP_PATH = 3 * NAME_BYTES_MAX + 64 };
void layout_group(const StoreShape *shape, const Slot *slot, char path[GROUP_PATH]);
/* Whether it is a tensor with the attribute scale_factor. */
static inline bool slot_has_factor(const Slot *slot) {
  return slot->format == FORMAT_I8 && slot->scale.axis == SCALE_NONE;
}
/* Whether it is of the scales of groups. */
static inline bool slot_of_groups(const Slot *slot) {
  return slot->of_scales && slot->scale.axis == SCALE_GROUP;
}
/* "x_proj", or "x_proj.scale" */
enum { DATASET_NAME = NAME_BYTES_MAX + sizeof SCALES_OF };
void layout_name(const StoreShape *shape, const Slot *slot, char name[DATASET_NAME]);

/* --- layout_make.c: the file made whole ------------------------------------------------------- */

/* A group that stays open for the slots that have it in common: those of a side's layer come one
 * after the other. -1: none. */
typedef struct GroupOpen {
  hid_t group;
  char path[GROUP_PATH];
} GroupOpen;
/* Made where it is not there; the one before is closed. */
bool group_open(GroupOpen *open, hid_t file, const char *path, Status *why);
bool group_close(GroupOpen *open, Status *why);
/* Makes the partial file whole with HDF5 and takes every slot's offset. */
bool layout_make(Store *store, Arena scratch, Status *st);

/* --- make.c: the file and its structure, made in a process of their own ----------------------- */

/* Begins it; what is there goes. With StoreShape.made_beside it is waited for by make_wait, else
 * here. */
bool make_begin(Store *store, Arena scratch, Status *st);
/* Until the file is there, and the run's name with it; nothing where it is already. Of what cannot
 * be made nothing is left. */
bool make_wait(Store *store, Status *st);
void make_leave(Store *store);
/* Of store->room: what that process tells of so many slots. */
size_t make_told_bytes(size_t slots);

/* --- open.c ----------------------------------------------------------------------------------- */

/* A store of this shape, nothing of it opened yet. */
Store *store_make(Arena *arena, const char *results, const RunKey *key, const StoreShape *shape,
                  bool sync);
/* What stands of it on the disk, opened with these flags, no lock taken: its run is the key's. */
bool store_open_there(Store *store, int flags, Arena scratch, Status *st);

/* --- structure.c: the bytes of the file outside the slots ------------------------------------- */

/* Opens the file that layout_make made, asks the disk for its length, and keeps its structure in
 * the journal; its digest is for run.json. */
bool structure_keep(Store *store, Digest *digest, Arena scratch, Status *st);
#define STRUCTURE_NAME "structure.bin"
/* Its body's parts, where they are those of this store's shape: the file's length, every slot's
 * offset, and the bytes between the slots. */
bool structure_of(Store *store, Bytes body, const char **between, Status *why);
/* Every slot's offset, from structure.bin. */
bool structure_look(Store *store, const Digest *digest, Arena scratch, Status *st);
/* The file as it was made, but for what stands in the slots, from structure.bin. */
bool structure_restore(Store *store, const Digest *digest, Arena scratch, Status *st);

/* --- files.c: the journal's files ------------------------------------------------------------- */

enum { PART_NAME = 3 * NAME_BYTES_MAX + 48, PART_SEAL = sizeof(Digest) };
bool part_is_own(const char *name);
/* Calls `visit` with every name in the folder. */
void part_each(int folder, void (*visit)(int folder, const char *name, void *data), void *data);
/* The name of the note that is kept in a file of this name, in the arena; NULL: in none. */
const char *part_note_of(Arena *arena, const char *name);
void part_layer_name(const Store *store, int prompt, int layer, const char *kind,
                     char name[PART_NAME]);
void part_note_name(const char *note, char name[PART_NAME]);
/* Seals `bytes` of an image, which has PART_SEAL bytes of room behind them, and writes it in one
 * call under a temporary name, which is then the file's name. */
bool part_write(Store *store, const char *name, char *image, size_t bytes, Status *st);
/* The content of a file whose seal holds; in the arena. */
bool part_read(Arena *arena, const Store *store, const char *name, Bytes *body, Status *why);
void part_remove(const Store *store, const char *name);
/* Whether somebody's unfinished run stands in the folder; one of another key is an error.
 * `structure` may be NULL. */
bool part_find_run(const char *folder, const RunKey *key, bool *found, Digest *structure,
                   Arena scratch, Status *st);
/* Whose run stands there, which must be one. */
bool part_key(const char *folder, RunKey *key, Arena scratch, Status *st);
/* The same of the text of its run.json. */
bool part_run_of(Bytes text, const char *folder, const RunKey *key, Digest *structure, Status *st);
bool part_write_run(Store *store, const Digest *structure, Status *st);
/* Every file of a journal in the folder, by its name: what is somebody else's stays. */
void part_remove_all(int folder);
void part_remove_temporary(int folder);

/* --- entry.c: what is said of a finished layer ------------------------------------------------ */

typedef struct EntryTensor {
  int32_t side, id;
  float scale; /* of the axis none */
  char kernel[TEXT_KERNEL];
  Digest digest;  /* of the stored bytes */
  bool of_scales; /* not the tensor, its scales */
} EntryTensor;

typedef struct Entry {
  const EntryTensor *tensor;
  size_t tensors;
  Bytes body;
} Entry;

/* So many bytes of store->entry, while nothing is being written from it. */
bool entry_room(Store *store, size_t bytes, Status *st);
size_t entry_size(const StoreLayer *what, int kept);
/* The image of an entry in store->entry: rows copied, `kept` records and all digests still to come.
 * `stats`: its rows of table_tensor_stats; NULL where there are none. */
bool entry_begin(Store *store, int prompt, int layer, const StoreLayer *what, int kept,
                 TensorStats **stats, Status *st);
EntryTensor *entry_tensors(char *image);
/* What its body says; the numbers in it are not looked at. */
bool entry_of(Bytes body, int prompt, int layer, Entry *entry, Status *why);
/* In the arena; false with the reason where there is none that is whole. */
bool entry_read(Arena *arena, const Store *store, int prompt, int layer, Entry *entry, Status *why);
/* The same where it must be there: the error names the file. */
bool entry_take(Arena *arena, const Store *store, int prompt, int layer, Entry *entry, Status *st);
/* What it says of a slot; NULL where it says nothing. */
const EntryTensor *entry_record(const Entry *entry, const Slot *slot);
/* NULL where the entry has none. */
const void *entry_rows(const Entry *entry, const Table *table, size_t *count);
/* The image of a layer's streams, for a file of this name; and stream [sides] back, in the arena.
 * known [sides]: the digest of a stream's values where somebody has made it, else NULL. */
size_t streams_size(const Tensor *stream, int sides);
void streams_make(char *image, const char *name, const Tensor *stream, const char *const *known,
                  int sides);
bool streams_of(const StoreShape *shape, int prompt, Bytes body, Tensor *stream, Status *why);
bool streams_read(Arena *arena, const Store *store, int prompt, int layer, Tensor *stream,
                  Status *why);

/* --- resume.c --------------------------------------------------------------------------------- */

/* Whether all that the file holds of a layer has the digests of its entry; else which tensor has
 * not, or cannot be read. */
bool layer_holds(const Store *store, int prompt, int layer, const Entry *entry, Status *why);

/* --- writer.c --------------------------------------------------------------------------------- */

bool writer_start(Store *store, Status *st);
/* Until nothing is being written; false with the thread's failure. */
bool writer_wait(Store *store, Status *st);
void writer_stop(Store *store);
/* The error of a failed write: file, reason, object, bytes wanted (0: not known), bytes free.
 * Called before anything is removed. */
bool store_write_failed(const char *path, const char *object, size_t bytes, const Status *why,
                        Status *st);
/* The same of errno; the first such failure stands for all that come. */
bool writer_failed(Store *store, const char *path, const char *object, size_t bytes, Status *st);
bool writer_failed_at(Store *store, const Slot *slot, Status *st);
/* All bytes at their place; errno where it did not work. */
bool write_at(int file, const void *bytes, size_t count, uint64_t offset);
bool read_at(int file, void *bytes, size_t count, uint64_t offset);

/* --- settle.c --------------------------------------------------------------------------------- */

/* By all threads: digests of all tensors of the job, into its entry, and those that the file has a
 * place for to it, or to the copy that the writer's thread takes. */
bool settle_all(Store *store, Status *st);

#endif

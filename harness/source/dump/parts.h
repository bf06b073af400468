/* parts: what the readers of containers share; internal to dump.
 *
 * A reader finds the arrays of one file and adds them to what was found; none reads an array's
 * elements. A way leads to them: a blob of bytes in the file, the first element's place in it, and
 * by how many elements each index moves. */
#ifndef DS_SOURCE_DUMP_PARTS_H
#define DS_SOURCE_DUMP_PARTS_H
#include "base/digest.h"
#include "base/file.h"
#include "source/dump/dump.h"

typedef struct DumpFile {
  const char *path;  /* as it is opened, and named in messages */
  const char *shown; /* DumpArray.file */
  const char *stem;  /* its last part without its end */
  FileMark mark;     /* when the dump was opened */
} DumpFile;

typedef enum BlobKind { BLOB_PLAIN, BLOB_DEFLATED, BLOB_DATASET } BlobKind;

/* Bytes that stand in a file, as they are or packed. */
typedef struct Blob {
  const DumpFile *file;
  BlobKind kind;
  uint64_t at, stored; /* where they stand in the file, and how many there */
  uint64_t bytes;      /* how many they are */
  const char *dataset; /* of HDF5 */
  const char *proof;   /* the digest of all bytes (base/digest.h); NULL: none is known */
  bool has_crc;
  uint32_t crc;
} Blob;

typedef struct BlobReader {
  const Blob *blob;
  int fd;
  Arena scratch; /* of a dataset's child */
  uint64_t next; /* bytes that CRC and digest are known of */
  uint32_t crc;
  DigestState digest;
} BlobReader;
/* The file must be the one that it was. Takes BLOB_SCRATCH of the arena where a child is to read.
 */
enum { BLOB_SCRATCH = 1 << 18 };
bool blob_open(Arena *arena, const Blob *blob, BlobReader *reader, Status *st);
/* Bytes from … from + count - 1; of a dataset all. Where they are read in order to the end, the CRC
 * and the digest must be right. */
bool blob_read(BlobReader *reader, uint64_t from, size_t count, void *to, Status *st);
/* The digest of what was not read in order, which is read for it. */
bool blob_prove(Arena scratch, BlobReader *reader, Status *st);
void blob_close(const BlobReader *reader);

typedef struct Way {
  Blob blob;
  uint64_t first;                 /* the byte of the blob that the element at index 0 begins at */
  int64_t stride[DUMP_RANK_MOST]; /* elements, not below 0 */
  bool swapped;                   /* the other byte order than this machine's */
} Way;

/* The strides of an array without gaps whose last index runs fastest, or its first. */
void way_whole(Way *way, int rank, const int64_t *size, bool first_fastest);

typedef struct Found {
  Arena *arena;
  struct FoundArray *first, **last, *added; /* the last is where the next one is put */
  struct FoundPassed *passed_first, **passed_last;
  int arrays, passed;
  bool keyless;   /* what is added next is all of its file, and called as that is */
  bool in_folder; /* a file that is none of a dump's is passed over */
} Found;
struct FoundArray {
  DumpArray array;
  bool keyless, is_scale;
  const char *unread; /* NULL: it is read */
  struct FoundArray *next;
};
struct FoundPassed {
  DumpPassed passed;
  struct FoundPassed *next;
};

/* ARRAYS_MOST: of a whole dump. */
enum { ARRAYS_MOST = 1000000 };
/* Fails where the elements are not all in the blob, or more than can be counted. */
bool found_add(Found *found, const char *name, DumpType type, int rank, const int64_t *size,
               const Way *way, Status *st);
/* What is there and not read, and why. */
void found_pass(Found *found, const DumpFile *file, const char *name, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/* A file that is none of those that are read, and why: in a folder it is passed over, alone it is
 * refused. */
bool found_other(Found *found, const DumpFile *file, Status *st, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/* The first bytes of a file, `least` or all of it; fails where it cannot be read. */
bool file_head(Arena *arena, const DumpFile *file, size_t least, Bytes *head, Status *st);

typedef struct ZipMember {
  const char *name; /* as it is in the archive */
  Blob blob;
} ZipMember;
typedef struct ZipList {
  ZipMember *member; /* in the order of the archive; none of them is a folder */
  int count;
  const ZipMember **by_name; /* no name is there twice */
} ZipList;
bool zip_members(Arena *arena, const DumpFile *file, ZipList *list, Status *st);
const ZipMember *zip_member(const ZipList *list, const char *name); /* NULL: none of that name */

/* --- the containers: all arrays of one file --------------------------------------------------- */
bool find_safetensors(Found *found, const DumpFile *file, Status *st);
bool find_npy(Found *found, const DumpFile *file, Status *st);
bool find_hdf5(Found *found, const DumpFile *file, Status *st);
bool find_zip(Found *found, const DumpFile *file, Status *st);
/* An archive of torch.save's, by its pickle. */
#define TORCH_PICKLE "data.pkl"
bool find_torch(Found *found, const DumpFile *file, ZipList *list, const ZipMember *pickle,
                Status *st);
/* A .npy file that is all of a blob; `path` is for messages. */
bool find_npy_in(Found *found, const Blob *blob, const char *name, const char *path, Status *st);

/* --- elements --------------------------------------------------------------------------------- */
size_t dump_type_bytes(DumpType type);
/* Whether an element of its format is what stands in the file. */
bool elements_are_kept(const DumpArray *array);
/* `count` elements that stand one behind the other, in this machine's order, as the elements of
 * dump_format(array). False where a value is none of that format's. */
bool elements_of(const DumpArray *array, const void *from, size_t count, void *to, Status *st);

/* --- axes ------------------------------------------------------------------------------------- */
typedef struct AxisRun { /* axes that are counted together, the last one fastest */
  int axes;
  int64_t size[DUMP_RANK_MOST], stride[DUMP_RANK_MOST];
} AxisRun;
typedef struct AxisPlan {
  int64_t first; /* elements from the way's first */
  AxisRun row, col;
} AxisPlan;
bool axes_plan(const DumpArray *array, const DumpAxes *axes, AxisPlan *plan, int *rows, int *cols,
               Status *st);
/* Elements from index 0 to this one. */
int64_t axes_offset(const AxisRun *run, int64_t index);

/* What the scale of int8 is called beside it, behind its own name. */
#define SCALE_OF ".scale"

/* How messages about an array begin. */
#define ARRAY_AT "%s: '%.100s': "
#define ARRAY_IN(array) ((const Way *)(array)->way)->blob.file->path, (array)->name

#endif

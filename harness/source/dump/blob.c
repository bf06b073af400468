/* blob: bytes out of a file, with pread, as they are or by zlib; or of a dataset, by HDF5. */
#include <assert.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "source/dump/parts.h"
#include "store/arrays.h"

static bool same(const FileMark *a, const FileMark *b) {
  return a->device == b->device && a->inode == b->inode && a->size == b->size &&
         a->changed_ns == b->changed_ns;
}

/* The file as it was when the dump was opened. */
static int open_same(const DumpFile *file, Status *st) {
  FileMark now;
  int fd = file_open(file->path, &now, st);
  if (fd < 0 || same(&now, &file->mark)) return fd;
  status_set(st, "%s: was changed while it was read", file->path);
  close(fd);
  return -1;
}

bool file_head(Arena *arena, const DumpFile *file, size_t least, Bytes *head, Status *st) {
  const size_t count = least < file->mark.size ? least : (size_t)file->mark.size;
  char *bytes = arena_room(arena, count + 1, 1);
  int fd = open_same(file, st);
  if (fd < 0) return false;
  bool ok = file_read_at(fd, file->path, 0, bytes, count, st);
  close(fd);
  *head = (Bytes){bytes, count};
  return ok;
}

enum { PIECE = 1 << 16 };

typedef struct Inflater {
  const Blob *blob;
  int fd;
  z_stream stream;
  uint64_t taken; /* packed bytes that were read */
  unsigned char in[PIECE];
} Inflater;

static bool damaged(const Blob *blob, const char *why, Status *st) {
  return FAIL(st, "%s: what is packed at byte %llu is damaged: %s", blob->file->path,
              (unsigned long long)blob->at, why);
}

static bool refill(Inflater *f, Status *st) {
  const uint64_t left = f->blob->stored - f->taken;
  const size_t count = left < PIECE ? (size_t)left : PIECE;
  if (f->stream.avail_in || !count) return true;
  TRY(file_read_at(f->fd, f->blob->file->path, f->blob->at + f->taken, f->in, count, st));
  f->taken += count;
  f->stream.next_in = f->in;
  f->stream.avail_in = (uInt)count;
  return true;
}

/* The next `count` bytes. */
static bool inflate_on(Inflater *f, void *to, size_t count, Status *st) {
  const size_t most = (size_t)1 << 30;
  f->stream.next_out = to;
  for (size_t left = count; left;) {
    TRY(refill(f, st));
    const uInt room = (uInt)(left < most ? left : most);
    f->stream.avail_out = room;
    const int state = inflate(&f->stream, Z_NO_FLUSH);
    const size_t came = room - f->stream.avail_out;
    left -= came;
    if (state == Z_MEM_ERROR) return FAIL(st, "%s: no memory to unpack it", f->blob->file->path);
    if (state != Z_OK && state != Z_STREAM_END)
      return damaged(f->blob, f->stream.msg ? f->stream.msg : "it ends too early", st);
    if (left && state == Z_STREAM_END) return damaged(f->blob, "it ends too early", st);
  }
  return true;
}

/* Nothing comes behind the last byte. */
static bool inflate_end(Inflater *f, Status *st) {
  for (;;) {
    unsigned char more;
    TRY(refill(f, st));
    f->stream.next_out = &more;
    f->stream.avail_out = 1;
    const int state = inflate(&f->stream, Z_NO_FLUSH);
    if (f->stream.avail_out == 0) return damaged(f->blob, "more comes than is said", st);
    if (state == Z_STREAM_END) return true;
    if (state != Z_OK) return damaged(f->blob, "it has no end", st);
  }
}

/* Bytes of the reader's blob in their order, of which the last may be the last there are. */
static void look_at(BlobReader *r, uint64_t from, const void *bytes, size_t count) {
  if ((!r->blob->has_crc && !r->blob->proof) || r->next != from) return;
  if (r->blob->has_crc) r->crc = (uint32_t)crc32_z(r->crc, bytes, count);
  if (r->blob->proof) digest_add(&r->digest, bytes, count);
  r->next += count;
}

static bool check_whole(const BlobReader *r, Status *st) {
  const Blob *blob = r->blob;
  if (r->next != blob->bytes) return true;
  if (blob->has_crc && r->crc != blob->crc) return damaged(blob, "its CRC is another", st);
  if (!blob->proof || !strcmp(digest_end(&r->digest).hex, blob->proof)) return true;
  return FAIL(st, "%s: '%.100s': its digest differs: the data has changed since it was written",
              blob->file->path, blob->dataset);
}

bool blob_prove(Arena scratch, BlobReader *r, Status *st) {
  if (!r->blob->proof || r->next == r->blob->bytes) return true;
  const uint64_t all = r->blob->bytes;
  char *bytes = arena_room(&scratch, PIECE, 1);
  r->next = 0;
  digest_begin(&r->digest);
  while (r->next < all) {
    const size_t count = all - r->next < PIECE ? (size_t)(all - r->next) : PIECE;
    TRY(blob_read(r, r->next, count, bytes, st));
  }
  return true;
}

static bool inflate_part(BlobReader *r, Inflater *f, uint64_t from, size_t count, void *to,
                         Status *st) {
  unsigned char skipped[PIECE];
  for (uint64_t at = 0; at < from;) {
    const size_t n = from - at < PIECE ? (size_t)(from - at) : PIECE;
    TRY(inflate_on(f, skipped, n, st));
    look_at(r, at, skipped, n);
    at += n;
  }
  TRY(inflate_on(f, to, count, st));
  return from + count < r->blob->bytes || inflate_end(f, st);
}

static bool read_deflated(BlobReader *r, uint64_t from, size_t count, void *to, Status *st) {
  Inflater f = {.blob = r->blob, .fd = r->fd};
  if (inflateInit2(&f.stream, -MAX_WBITS) != Z_OK)
    return FAIL(st, "%s: no memory to unpack it", r->blob->file->path);
  const bool ok = inflate_part(r, &f, from, count, to, st);
  inflateEnd(&f.stream);
  return ok;
}

/* What stands in front of an array's first element is a header, and is looked at too. */
static bool read_plain(BlobReader *r, uint64_t from, size_t count, void *to, Status *st) {
  const Blob *blob = r->blob;
  unsigned char header[PIECE];
  if (blob->has_crc && r->next == 0 && from > 0 && from <= PIECE) {
    TRY(file_read_at(r->fd, blob->file->path, blob->at, header, (size_t)from, st));
    look_at(r, 0, header, (size_t)from);
  }
  return file_read_at(r->fd, blob->file->path, blob->at + from, to, count, st);
}

bool blob_open(Arena *arena, const Blob *blob, BlobReader *r, Status *st) {
  *r = (BlobReader){.blob = blob, .fd = open_same(blob->file, st)};
  if (blob->proof) digest_begin(&r->digest);
  if (blob->kind == BLOB_DATASET) r->scratch = arena_carve(arena, BLOB_SCRATCH);
  return r->fd >= 0;
}

bool blob_read(BlobReader *r, uint64_t from, size_t count, void *to, Status *st) {
  const Blob *blob = r->blob;
  if (blob->kind == BLOB_DATASET) {
    assert(from == 0 && count == blob->bytes);
    TRY(arrays_read(r->scratch, blob->file->path, blob->dataset, count, to, st));
  } else {
    TRY(blob->kind == BLOB_PLAIN ? read_plain(r, from, count, to, st)
                                 : read_deflated(r, from, count, to, st));
  }
  look_at(r, from, to, count);
  return check_whole(r, st);
}

void blob_close(const BlobReader *r) { close(r->fd); }

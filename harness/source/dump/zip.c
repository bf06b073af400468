/* zip: where the members of an archive stand. Every number is looked at before it is used; members
 * may not lie upon each other or reach into the directory, nor be more than deflate can make of
 * their bytes.
 * Source: PKWARE's APPNOTE 6.3.9, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 16
 * (its end), 4.5.3 (zip64). */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "source/dump/parts.h"

enum {
  LOCAL = 30,
  ENTRY = 46,
  END = 22,
  LOCATOR = 20,
  END64 = 56,
  MEMBERS_MOST = 100000,
  DIRECTORY_MOST = 1 << 27
};
static const uint32_t local_sign = 0x04034b50, entry_sign = 0x02014b50, end_sign = 0x06054b50,
                      locator_sign = 0x07064b50, end64_sign = 0x06064b50;
/* 258 bytes of 2 bits. */
static const uint64_t deflate_most = 1032;

static uint64_t number(const char *at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; i--) value = value << 8 | (unsigned char)at[i];
  return value;
}
static uint32_t word(const char *at) { return (uint32_t)number(at, 4); }
static uint32_t half(const char *at) { return (uint32_t)number(at, 2); }

typedef struct Zip {
  const DumpFile *file;
  uint64_t size;
  int fd;
  uint64_t directory, directory_bytes, count;
} Zip;

static bool bad(const Zip *z, const char *why, Status *st) {
  return FAIL(st, "%s: the zip archive cannot be read: %s", z->file->path, why);
}

static bool read_at(const Zip *z, uint64_t at, void *to, size_t count, Status *st) {
  return file_read_at(z->fd, z->file->path, at, to, count, st);
}

/* --- the directory's place -------------------------------------------------------------------- */

static bool read_end64(Zip *z, uint64_t at, Status *st) {
  char end[END64];
  if (at > z->size || z->size - at < END64) return bad(z, "its zip64 end is not in the file", st);
  TRY(read_at(z, at, end, END64, st));
  if (word(end) != end64_sign) return bad(z, "its zip64 end is not where it is said to be", st);
  if (word(end + 16) || word(end + 20)) return bad(z, "it is of several disks", st);
  z->count = number(end + 32, 8);
  z->directory_bytes = number(end + 40, 8);
  z->directory = number(end + 48, 8);
  return true;
}

/* `at`: where the end of the directory's end begins, which is `end`. */
static bool read_end(Zip *z, uint64_t at, const char *end, Status *st) {
  char locator[LOCATOR];
  if (half(end + 4) || half(end + 6)) return bad(z, "it is of several disks", st);
  z->count = half(end + 10);
  z->directory_bytes = word(end + 12);
  z->directory = word(end + 16);
  if (at >= LOCATOR) {
    TRY(read_at(z, at - LOCATOR, locator, LOCATOR, st));
    if (word(locator) == locator_sign) TRY(read_end64(z, number(locator + 8, 8), st));
  }
  if (z->count > MEMBERS_MOST)
    return FAIL(st, "%s: the zip archive holds %llu members, at most %d are read", z->file->path,
                (unsigned long long)z->count, MEMBERS_MOST);
  if (z->directory > at || z->directory_bytes > at - z->directory)
    return bad(z, "its directory is not in the file", st);
  if (z->directory_bytes > DIRECTORY_MOST) return bad(z, "its directory is too long", st);
  return true;
}

/* The end stands last, behind it nothing but its comment, of up to 65,535 bytes. */
static bool find_end(Zip *z, Arena scratch, Status *st) {
  const size_t most = END + 65535, count = z->size < most ? (size_t)z->size : most;
  char *tail = arena_room(&scratch, count + 1, 1);
  TRY(read_at(z, z->size - count, tail, count, st));
  for (size_t i = count < END ? 0 : count - END + 1; i-- > 0;)
    if (word(tail + i) == end_sign && half(tail + i + 20) == count - i - END)
      return read_end(z, z->size - count + i, tail + i, st);
  return bad(z, "its end is missing: is it cut off?", st);
}

/* --- its entries ------------------------------------------------------------------------------ */

typedef struct Entry {
  const char *name;
  uint32_t flags, method, crc;
  uint64_t stored, bytes, local;
} Entry;

/* Numbers that had no room in their 32 bits, in a fixed order. */
static bool read_zip64(const char *extra, size_t count, Entry *e) {
  uint64_t *const wide[] = {&e->bytes, &e->stored, &e->local};
  for (size_t at = 0; at + 4 <= count;) {
    const size_t length = half(extra + at + 2);
    const char *next = extra + at + 4;
    if (length > count - at - 4) return false;
    at += 4 + length;
    if (half(next - 4) != 1) continue;
    size_t left = length;
    for (int i = 0; i < 3; i++) {
      if (*wide[i] != UINT32_MAX) continue;
      if (left < 8) return false;
      *wide[i] = number(next, 8);
      next += 8, left -= 8;
    }
    return true;
  }
  return true;
}

/* The entry at *at of the directory, which is moved behind it. */
static bool read_entry(Arena *arena, const Zip *z, Bytes directory, size_t *at, Entry *e,
                       Status *st) {
  const char *entry = directory.data + *at;
  if (directory.count - *at < ENTRY || word(entry) != entry_sign)
    return bad(z, "its directory holds what is no entry", st);
  const size_t name = half(entry + 28), extra = half(entry + 30), comment = half(entry + 32);
  if (name + extra + comment > directory.count - *at - ENTRY)
    return bad(z, "its directory is cut off", st);
  *e = (Entry){.name = arena_printf(arena, "%.*s", (int)name, entry + ENTRY),
               .flags = half(entry + 8),
               .method = half(entry + 10),
               .crc = word(entry + 16),
               .stored = word(entry + 20),
               .bytes = word(entry + 24),
               .local = word(entry + 42)};
  if (strlen(e->name) != name) return bad(z, "a name in it holds a NUL", st);
  if (!read_zip64(entry + ENTRY + name, extra, e))
    return bad(z, "an entry of its directory is damaged", st);
  *at += ENTRY + name + extra + comment;
  return true;
}

#define MEMBER_AT "%s: member '%.100s' of the zip archive: "

static bool check_entry(const Zip *z, const Entry *e, Status *st) {
  const char *path = z->file->path;
  if (e->flags & (1u | 1u << 6 | 1u << 13))
    return FAIL(st, MEMBER_AT "is encrypted", path, e->name);
  if (e->method != 0 && e->method != 8)
    return FAIL(st, MEMBER_AT "is packed by method %u; stored and deflated ones are read", path,
                e->name, e->method);
  if (e->method == 0 && e->stored != e->bytes)
    return FAIL(st, MEMBER_AT "is stored in %llu byte%s and said to have %llu", path, e->name,
                (unsigned long long)e->stored, plural((int64_t)e->stored),
                (unsigned long long)e->bytes);
  if (e->bytes / deflate_most > e->stored)
    return FAIL(st, MEMBER_AT "is said to have %llu bytes, more than deflate makes of %llu", path,
                e->name, (unsigned long long)e->bytes, (unsigned long long)e->stored);
  return true;
}

/* Where its bytes begin: behind the header that stands before them. */
static bool find_data(const Zip *z, Arena scratch, const Entry *e, uint64_t *at, Status *st) {
  const size_t name = strlen(e->name);
  char *head = arena_room(&scratch, LOCAL + name, 1);
  const char *path = z->file->path;
  if (e->local > z->directory || z->directory - e->local < LOCAL + name)
    return FAIL(st, MEMBER_AT "begins behind its end", path, e->name);
  TRY(read_at(z, e->local, head, LOCAL + name, st));
  if (word(head) != local_sign || half(head + 8) != e->method || half(head + 26) != name ||
      memcmp(head + LOCAL, e->name, name) != 0)
    return FAIL(st, MEMBER_AT "is not where the directory says", path, e->name);
  *at = e->local + LOCAL + name + half(head + 28);
  return (*at <= z->directory && e->stored <= z->directory - *at) ||
         FAIL(st, MEMBER_AT "ends behind the last of them", path, e->name);
}

/* --- all together ----------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
  const ZipMember *const *x = a, *const *y = b;
  const uint64_t p = (*x)->blob.at, q = (*y)->blob.at;
  return p != q ? (p > q) - (p < q)
                : ((*x)->blob.stored > (*y)->blob.stored) - ((*x)->blob.stored < (*y)->blob.stored);
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const ZipMember *const *)a)->name, (*(const ZipMember *const *)b)->name);
}

/* In the order of their names, of which none is there twice. */
static bool sort_names(Arena *arena, const Zip *z, ZipList *list, Status *st) {
  list->by_name = ARENA_NEW(arena, const ZipMember *, list->count);
  for (int i = 0; i < list->count; i++) list->by_name[i] = &list->member[i];
  qsort(list->by_name, (size_t)list->count, sizeof *list->by_name, by_name);
  for (int i = 1; i < list->count; i++)
    if (!strcmp(list->by_name[i]->name, list->by_name[i - 1]->name))
      return FAIL(st, MEMBER_AT "is there twice", z->file->path, list->by_name[i]->name);
  return true;
}

const ZipMember *zip_member(const ZipList *list, const char *name) {
  const ZipMember key = {.name = name}, *at = &key;
  const ZipMember **found =
      bsearch(&at, list->by_name, (size_t)list->count, sizeof *list->by_name, by_name);
  return found ? *found : NULL;
}

/* No byte belongs to two members. */
static bool check_places(const Zip *z, Arena scratch, const ZipList *list, Status *st) {
  const int count = list->count;
  const ZipMember **sorted = ARENA_NEW(&scratch, const ZipMember *, count);
  for (int i = 0; i < count; i++) sorted[i] = &list->member[i];
  qsort(sorted, (size_t)count, sizeof *sorted, by_place);
  for (int i = 1; i < count; i++)
    if (sorted[i]->blob.at < sorted[i - 1]->blob.at + sorted[i - 1]->blob.stored)
      return FAIL(st, MEMBER_AT "lies upon '%.100s'", z->file->path, sorted[i]->name,
                  sorted[i - 1]->name);
  return true;
}

static bool read_directory(Arena *arena, const Zip *z, Bytes directory, ZipList *list, Status *st) {
  size_t at = 0;
  for (uint64_t i = 0; i < z->count; i++) {
    Entry e;
    uint64_t data;
    TRY(read_entry(arena, z, directory, &at, &e, st));
    TRY(check_entry(z, &e, st));
    TRY(find_data(z, *arena, &e, &data, st));
    const size_t length = strlen(e.name);
    if (length && e.name[length - 1] == '/' && e.bytes == 0) continue; /* a folder */
    list->member[list->count++] =
        (ZipMember){.name = e.name,
                    .blob = {.file = z->file,
                             .kind = e.method ? BLOB_DEFLATED : BLOB_PLAIN,
                             .at = data,
                             .stored = e.stored,
                             .bytes = e.bytes,
                             .has_crc = true,
                             .crc = e.crc}};
  }
  return at == directory.count || bad(z, "its directory is longer than its entries", st);
}

static bool read_members(Arena *arena, Zip *z, ZipList *list, Status *st) {
  TRY(find_end(z, *arena, st));
  if (z->count > z->directory_bytes / ENTRY)
    return bad(z, "its directory is too short for its entries", st);
  char *bytes = arena_room(arena, (size_t)z->directory_bytes + 1, 1);
  TRY(read_at(z, z->directory, bytes, (size_t)z->directory_bytes, st));
  *list = (ZipList){.member = ARENA_NEW(arena, ZipMember, z->count)};
  return read_directory(arena, z, (Bytes){bytes, (size_t)z->directory_bytes}, list, st) &&
         check_places(z, *arena, list, st) && sort_names(arena, z, list, st);
}

bool zip_members(Arena *arena, const DumpFile *file, ZipList *list, Status *st) {
  const Blob all = {.file = file, .stored = file->mark.size, .bytes = file->mark.size};
  BlobReader reader;
  TRY(blob_open(arena, &all, &reader, st));
  Zip z = {.file = file, .size = file->mark.size, .fd = reader.fd};
  const bool ok = read_members(arena, &z, list, st);
  blob_close(&reader);
  return ok;
}

#include "mutants.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "store/hdf5.h"

const char *const mutant_kind_names[] = {"bytes", "cells", "structure"};

/* --- draws ------------------------------------------------------------------------------------ */

unsigned draw(Draws *d, unsigned below) { return (unsigned)gsl_rng_uniform_int(d->rng, below); }

void say_done(Draws *d, const char *format, ...) {
  const size_t length = strlen(d->says);
  va_list args;
  va_start(args, format);
  vsnprintf(d->says + length, MUTANT_SAYS - length, format, args);
  va_end(args);
}

#define TEXT(text)                                                                                 \
  { text, sizeof(text) - 1 }

const char *draw_text(Draws *d, size_t *bytes) {
  static char filled[60000];
  static const struct {
    const char *text;
    size_t bytes;
  } some[] = {{"", 0},
              {filled, sizeof filled},
              {filled, 64},
              TEXT("\xff\xfe\x80"),
              TEXT("\xe7"), /* a letter's first byte, at the end */
              TEXT("</pre>```\n# x\n<script>alert(1)</script>"),
              TEXT("a|b\n\r#*_`[x](y)$\\input{/etc/passwd}$"),
              TEXT("%s%n%s%1000000d"),
              TEXT("\x1b[31m\x01\x9b"),
              TEXT("=cmd()"),
              TEXT("../../x"),
              TEXT("fp64"),
              TEXT("block_out"),
              TEXT("all"),
              TEXT("-1"),
              TEXT("99999999999999999999"),
              TEXT("nan"),
              TEXT("a\0b")};
  const unsigned which = draw(d, sizeof some / sizeof *some);
  memset(filled, 'x', sizeof filled);
  *bytes = some[which].bytes;
  return some[which].text;
}

/* Objects of tables four times in five: the reader uses every one of them. */
const SeedObject *draw_object(Draws *d, const Seed *seed, H5O_type_t type) {
  for (int tries = 0; tries < 1000; tries++) {
    const bool of_tables = seed->tables && draw(d, 5);
    const SeedObject *object =
        &seed->object[draw(d, (unsigned)(of_tables ? seed->tables : seed->objects))];
    if (object->type == type) return object;
  }
  return NULL;
}

/* --- a seed ----------------------------------------------------------------------------------- */

static herr_t list(hid_t file, const char *path, const H5O_info_t *info, void *data) {
  (void)file;
  Seed *seed = data;
  if (seed->objects == SEED_OBJECTS || strlen(path) >= SEED_PATH) return 0;
  SeedObject *object = &seed->object[seed->objects++];
  snprintf(object->path, sizeof object->path, "%s", path);
  object->type = info->type;
  return 0;
}

static int tables_first(const void *a, const void *b) {
  const SeedObject *x = a, *y = b;
  const bool in_x = !strncmp(x->path, "tables/", 7), in_y = !strncmp(y->path, "tables/", 7);
  return in_x != in_y ? in_y - in_x : strcmp(x->path, y->path);
}

static void find_objects(Seed *seed, const char *path) {
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return;
  H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, list, seed);
  H5Fclose(file);
  qsort(seed->object, (size_t)seed->objects, sizeof *seed->object, tables_first);
  while (seed->tables < seed->objects && !strncmp(seed->object[seed->tables].path, "tables/", 7))
    seed->tables++;
}

bool seed_read(const char *path, Seed *seed) {
  struct stat info;
  Status silent = {0};
  *seed = (Seed){0};
  if (!h5_start(&silent)) return false;
  FILE *file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &info) != 0) return false;
  unsigned char *bytes = malloc((size_t)info.st_size);
  seed->count = fread(bytes, 1, (size_t)info.st_size, file);
  seed->bytes = bytes;
  fclose(file);
  seed_find_blocks(seed);
  find_objects(seed, path);
  return seed->objects > 0 && seed->blocks > 0;
}

/* --- attributes ------------------------------------------------------------------------------- */

void put_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *value) {
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return;
  if (value) H5Awrite(attribute, type, value);
  H5Aclose(attribute);
}

void put_text_attribute(hid_t object, const char *name, const char *text, size_t bytes) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, bytes ? bytes : 1);
  put_attribute(object, name, type, space, text);
  H5Sclose(space);
  H5Tclose(type);
}

void put_digest(hid_t dataset) {
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  const hssize_t elements = H5Sget_simple_extent_npoints(space);
  const size_t bytes = (size_t)(elements > 0 ? elements : 0) * H5Tget_size(type);
  if (bytes && bytes < (size_t)1 << 28) {
    void *data = malloc(bytes);
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) {
      const Digest digest = digest_of(data, bytes);
      put_text_attribute(dataset, "digest", digest.hex, sizeof digest.hex);
    }
    free(data);
  }
  H5Sclose(space);
  H5Tclose(type);
}

/* --- a mutant --------------------------------------------------------------------------------- */

static bool write_file(const char *path, const unsigned char *bytes, size_t count) {
  unlink(path); /* ext4 waits for the disk where a file is cut to nothing and written again */
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  bool ok = true;
  for (size_t done = 0; ok && done < count;) {
    const ssize_t n = write(file, bytes + done, count - done);
    ok = n > 0;
    if (ok) done += (size_t)n;
  }
  return close(file) == 0 && ok;
}

/* By HDF5's own calls in a good copy. */
static bool change_copy(Draws *d, const Seed *seed, MutantKind kind, const char *path) {
  if (!write_file(path, seed->bytes, seed->count)) return false;
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  if (file < 0) return false;
  const unsigned changes = draw(d, 3) ? 1 : 1 + draw(d, 6);
  for (unsigned i = 0; i < changes; i++)
    (kind == MUTANT_CELLS ? mutate_cells : mutate_structure)(d, seed, file);
  return H5Fclose(file) >= 0;
}

bool mutant_write(const Seed *seed, MutantKind kind, unsigned long n, const char *path,
                  char says[MUTANT_SAYS]) {
  Draws d = {gsl_rng_alloc(gsl_rng_mt19937), says};
  gsl_rng_set(d.rng, n * MUTANT_KINDS + kind + 1);
  says[0] = 0;
  bool ok;
  if (kind == MUTANT_BYTES) {
    unsigned char *bytes = malloc(seed->count);
    memcpy(bytes, seed->bytes, seed->count);
    const size_t count = mutate_bytes(&d, seed, bytes);
    ok = write_file(path, bytes, count);
    free(bytes);
  } else {
    ok = change_copy(&d, seed, kind, path);
  }
  gsl_rng_free(d.rng);
  return ok;
}

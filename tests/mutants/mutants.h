/* mutants: results files, and files of vectors, as somebody could make them to do harm: a good file
 * with something changed. The n-th mutant of a seed is the same on every run.
 *
 *   bytes      bits flipped, integers of note, pieces copied, an end cut off; then the checksums of
 *              HDF5's metadata made to agree, so that its readers believe what they find
 *   cells      values in tables, attributes and numbers of rows; the digests made to agree
 *   structure  objects, types, layouts, filters, links and attributes replaced by ones of other
 *              kinds */
#ifndef DS_TESTS_MUTANTS_H
#define DS_TESTS_MUTANTS_H
#include <gsl/gsl_rng.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum MutantKind { MUTANT_BYTES, MUTANT_CELLS, MUTANT_STRUCTURE, MUTANT_KINDS } MutantKind;
extern const char *const mutant_kind_names[MUTANT_KINDS];

enum { SEED_BLOCKS = 4096, SEED_OBJECTS = 4096, SEED_PATH = 160, MUTANT_SAYS = 256 };

/* A stretch of the file that ends with its checksum. */
typedef struct SeedBlock {
  size_t at, length;
} SeedBlock;

typedef struct SeedObject {
  char path[SEED_PATH];
  H5O_type_t type;
} SeedObject;

/* A good file in memory. */
typedef struct Seed {
  const unsigned char *bytes;
  size_t count;
  SeedBlock block[SEED_BLOCKS];
  int blocks;
  SeedObject object[SEED_OBJECTS];
  int objects, tables; /* of the objects, the first are those of the group tables */
} Seed;

/* Reads the file and finds its blocks and objects; false where there are none. Its memory stays as
 * long as the process. */
bool seed_read(const char *path, Seed *seed);
/* Writes the n-th mutant of a kind to `path`; `says`: what was done. */
bool mutant_write(const Seed *seed, MutantKind kind, unsigned long n, const char *path,
                  char says[MUTANT_SAYS]);

/* results.h5 and vectors.h5 into a folder, where they are not there: a run of every study over a
 * tiny model, and a case of each operator. */
void seeds_make(const char *program, const char *folder);

/* --- for the kinds' own files ----------------------------------------------------------------- */

typedef struct Draws {
  gsl_rng *rng;
  char *says; /* [MUTANT_SAYS] */
} Draws;
unsigned draw(Draws *d, unsigned below);
void say_done(Draws *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A text that is no good anywhere. */
const char *draw_text(Draws *d, size_t *bytes);
const SeedObject *draw_object(Draws *d, const Seed *seed, H5O_type_t type);

/* Bob Jenkins' lookup3, as HDF5 sums its metadata. */
uint32_t lookup3(const unsigned char *bytes, size_t count);
void seed_find_blocks(Seed *seed);
size_t mutate_bytes(Draws *d, const Seed *seed, unsigned char *bytes);
void mutate_cells(Draws *d, const Seed *seed, hid_t file);
void mutate_structure(Draws *d, const Seed *seed, hid_t file);
/* The attribute digest of a dataset from what it holds; a text attribute of any bytes. */
void put_digest(hid_t dataset);
void put_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *value);
void put_text_attribute(hid_t object, const char *name, const char *text, size_t bytes);
#endif

/* parts: what journal, segment and join know in common of NAME.h5.parts; internal to store.
 *
 *   run.json               the digests of the run's spec, weights, text and program
 *   PROMPT.layer_NN.h5     a segment: /modes/<mode>/<tensor>, /streams/<mode>, /tables/<table>
 *
 * Every dataset of a segment carries its digest. */
#ifndef DS_STORE_PARTS_H
#define DS_STORE_PARTS_H
#include "store/hdf5.h"
#include "store/store.h"

/* The results file's root attribute `format_version`, absent before there was one. It grows only where a reader of the
 * version before would misread a file; a new table, column or attribute is no such change. */
enum { FORMAT_VERSION = 1 };

enum { PATH_BYTES = sizeof((Segment *)0)->path };
/* FOLDER/run.json; `found` false and success where there is none. */
bool parts_read_key(const char *folder, RunKey *key, bool *found, Status *st);

bool parts_segment_path(const Journal *journal, int prompt, int layer, char path[PATH_BYTES], Status *st);
/* Opens a segment for reading. */
bool parts_open(const Journal *journal, int prompt, int layer, char path[PATH_BYTES], hid_t *file, Status *st);
/* Removes segments and run.json, then the folder if nothing else lies in it. */
void parts_remove(const char *folder);

/* The error of a failed write: file, reason, object, bytes wanted (0: not known), bytes free. Called before anything is
 * removed. */
bool store_write_failed(const char *path, const char *object, size_t bytes, const Status *why, Status *st);
uint64_t store_bytes_free(const char *path); /* where the file lies or would lie */
bool store_sync_file(const char *path, Status *st);
#endif

/* json: a JSON text from outside as a jansson tree, or a refusal that names the file and the fault.
 * Depth and number of values are bounded by a scan of the text before jansson allocates anything;
 * keys that occur twice are refused. */
#ifndef DS_MODEL_JSON_H
#define DS_MODEL_JSON_H
#include <jansson.h>

#include "base/file.h"
#include "base/status.h"

/* 1,500,000 values: 100,000 tensors of safetensors need 14 each (see json_object_of), the rest is
 * for metadata. */
enum { JSON_MAX_DEPTH = 8, JSON_MAX_VALUES = 1500000 };

/* The object that `text` holds, to be given back by json_decref; NULL where it is refused. `what`
 * names the text in the message: "header". */
json_t *json_object_of(const char *path, const char *what, Bytes text, Status *st);
#endif

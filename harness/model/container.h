/* container: files that hold tensors, tables or archives, told apart by their content, so that none
 * of them is taken for text or for integers. */
#ifndef DS_MODEL_CONTAINER_H
#define DS_MODEL_CONTAINER_H
#include "base/file.h"

/* False where the file is a known container, with what it is and how to take token ids out of it.
 * .npy is none. */
bool container_refuse(const char *path, Bytes file, Status *st);
/* False where the file holds control characters, so that it is no text: raw integers, which do not
 * say their type. */
bool container_refuse_raw(const char *path, Bytes file, Status *st);
#endif

/* document: YAML text as libyaml's node tree, limited to what a spec needs: one document of plain
 * mappings, lists and scalars. Aliases, anchors, tags, a second document, more than 1 MiB and
 * nesting deeper than 16 are refused, with their place, before any tree is built. */
#ifndef DS_SPEC_DOCUMENT_H
#define DS_SPEC_DOCUMENT_H
#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/status.h"

enum { DOCUMENT_BYTES_MAX = 1 << 20, DOCUMENT_DEPTH_MAX = 16 };

/* `path` is used in messages only. On success the caller owns the document:
 * yaml_document_delete. */
bool document_load(yaml_document_t *document, const char *path, const char *text, size_t count,
                   Status *st);
static inline const char *document_text(const yaml_node_t *scalar) {
  return (const char *)scalar->data.scalar.value;
}
#endif

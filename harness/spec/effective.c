/* effective: what an effective spec, as a results file keeps it, says under one of its keys. */
#include <assert.h>
#include <string.h>

#include "spec/document.h"
#include "spec/reader.h"
#include "spec/spec.h"

static const Key *key_at(size_t offset) {
  for (int i = 0; i < schema_spec.count; i++)
    if (schema_spec.keys[i].offset == offset) return &schema_spec.keys[i];
  return NULL;
}

static yaml_node_t *node_of(yaml_document_t *document, const char *name) {
  yaml_node_t *root = yaml_document_get_root_node(document);
  if (!root || root->type != YAML_MAPPING_NODE) return NULL;
  for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top;
       pair++) {
    yaml_node_t *key = yaml_document_get_node(document, pair->key);
    if (key->type == YAML_SCALAR_NODE && !strcmp(document_text(key), name))
      return yaml_document_get_node(document, pair->value);
  }
  return NULL;
}

/* The object of the key at this place of Spec into `out`, zeroed; its defaults where the text has
 * no such key, or is none. */
static void read_object(const char *effective, size_t offset, void *out, Arena scratch) {
  const Key *key = key_at(offset);
  assert(key && "a key of the spec stands there");
  Status st = {0};
  yaml_document_t document;
  Reader reader = {.arena = &scratch, .path = "", .st = &st};
  bool read = false;
  if (effective && document_load(&document, "", effective, strlen(effective), &st)) {
    reader.document = &document;
    yaml_node_t *node = node_of(&document, key->key);
    read = node && reader_object(&reader, key->object, node, key->key, out);
    yaml_document_delete(&document);
  }
  if (read) return;
  memset(out, 0, key->object->size);
  (void)reader_object(&reader, key->object, NULL, key->key, out);
}

DriftLimits spec_drift(const char *effective, Arena scratch) {
  DriftLimits limits = {0};
  read_object(effective, offsetof(Spec, drift), &limits, scratch);
  return limits;
}

EventPlan spec_events(const char *effective, Arena scratch) {
  EventPlan plan = {0};
  read_object(effective, offsetof(Spec, events), &plan, scratch);
  return plan;
}

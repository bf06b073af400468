/* meaning: what no single value of a spec can say, such as a pair whose modes are the same
 * computation; for the files of spec/ alone. Every refusal points to the value that is wrong. */
#ifndef DS_SPEC_MEANING_H
#define DS_SPEC_MEANING_H
#include "spec/reader.h"
#include "spec/spec.h"

/* Whether it is fp64. */
bool meaning_reference(const char *name);
/* A mode, a source or fp64. */
bool meaning_defined(const Reader *reader, const Spec *spec, const char *name, const Place *place);

/* meaning.c: pairs, lists of modes, and what studies ask of modes; and the scales that these
 * need. */
bool meaning_of_pairs(const Reader *reader, const Spec *spec);
bool meaning_of_studies(const Reader *reader, const Spec *spec);
/* After the modes that run are settled. */
bool meaning_of_budget(const Reader *reader, const Spec *spec);
bool meaning_of_grid(const Reader *reader, const Spec *spec);
/* meaning_sources.c: the model and prompts that all but sources need; the sources; and, after the
 * pairs, what is held against a third, and that none is rotated whose partner is not. */
bool meaning_of_needed(const Reader *reader, const Spec *spec);
bool meaning_of_sources(const Reader *reader, const Spec *spec);
bool meaning_of_thirds(const Reader *reader, const Spec *spec);
/* meaning_unused.c: after the modes that run are settled, an own mode or a source that nothing
 * names. */
bool meaning_of_unused(const Reader *reader, const Spec *spec);
/* meaning_gates.c: after the modes that run are settled. */
bool meaning_of_gates(const Reader *reader, Spec *spec);

#endif

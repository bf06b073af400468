/* scales: the rows of the table of scales: the static ones of a model under the modes of a spec, and behind them those
 * that modes took from each prompt by themselves. */
#ifndef DS_SCALES_H
#define DS_SCALES_H
#include "setup.h"

/* After setup_load; own [owns]: of all prompts and layers, as the run's layers left them. In the arena. */
TableRows scales_of(Arena *arena, const Spec *spec, const Setup *setup, const ScaleRow *own, size_t owns);
#endif

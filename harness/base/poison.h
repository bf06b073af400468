/* poison: memory that is nobody's, told to the address sanitizer, which then reports who touches
 * it; in a build without it nothing. */
#ifndef DS_BASE_POISON_H
#define DS_BASE_POISON_H
#include <stddef.h>

#ifdef DS_SANITIZE
#include <sanitizer/asan_interface.h>
#define poison(start, count) ASAN_POISON_MEMORY_REGION(start, count)
#define unpoison(start, count) ASAN_UNPOISON_MEMORY_REGION(start, count)
#else
static inline void poison(const void *start, size_t count) { (void)start, (void)count; }
static inline void unpoison(const void *start, size_t count) { (void)start, (void)count; }
#endif

#endif

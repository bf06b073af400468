/* memory: how much there is for this process, and sizes as people write them. */
#ifndef DS_BASE_MEMORY_H
#define DS_BASE_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that this process can still take: the least of what the system has to give without swapping
 * (MemAvailable), of what every control group above the process has left (memory.max and
 * memory.high less what is used, page cache that goes when asked left out; limit_in_bytes of
 * version 1), and of the process's own limits. What cannot be read sets no limit; SIZE_MAX where
 * nothing does. `root`: the folder under which proc and sys stand, "/" but in tests. `reserved`:
 * bytes of address space that the process has set aside for what it will take, which count against
 * its own limits. */
size_t memory_free(const char *root, size_t reserved);

/* "8 GB", "1.5 GiB", "512MB", "8000000000": B, kB, MB, GB, TB by thousands and KiB, MiB, GiB, TiB
 * by 1024. False where the text is no such size, no whole number of bytes is near it, or no int64_t
 * holds it. */
bool memory_size(const char *text, int64_t *bytes);
/* Exactly, in the largest unit that divides it: "8 GB", "1536 MiB". Returns `text`. */
enum { MEMORY_SIZE_TEXT = 32 };
const char *memory_size_text(int64_t bytes, char text[MEMORY_SIZE_TEXT]);

#endif

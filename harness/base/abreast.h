/* abreast: items of work by several threads, for a process that was forked: OpenMP's threads are
 * not there any more, and are waited for in vain. */
#ifndef DS_BASE_ABREAST_H
#define DS_BASE_ABREAST_H

/* Each item once, in any order; by this thread alone where no other can be started. */
void abreast(int items, void (*work)(void *context, int item), void *context);

#endif

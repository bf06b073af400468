/* abreast: items of work by several threads, for a process that was forked: OpenMP's threads are
 * not there any more, and are waited for in vain. */
#ifndef DS_BASE_ABREAST_H
#define DS_BASE_ABREAST_H

/* Each item once, in any order, by no more than so many threads; by this one alone where no other
 * can be started. */
void abreast(int threads, int items, void (*work)(void *context, int item), void *context);

#endif

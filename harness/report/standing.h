/* standing: what stands in a folder before a report is written into it. */
#ifndef DS_REPORT_STANDING_H
#define DS_REPORT_STANDING_H
#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

/* Whether report_write would replace nothing in this folder but what reports of this program left
 * there; what is somebody else's is named. */
bool report_may_stand(const char *folder, Arena scratch, Status *st);
#endif

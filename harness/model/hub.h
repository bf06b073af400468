/* hub: a checkpoint by the name that it has on the Hugging Face hub, in the cache that the hub's
 * own client keeps on this machine. Nothing is ever fetched.
 * Source: the cache's layout as huggingface_hub documents it: models--OWNER--NAME/refs/main holds
 * the revision, snapshots/REVISION its files. */
#ifndef DS_MODEL_HUB_H
#define DS_MODEL_HUB_H
#include "base/arena.h"
#include "base/status.h"

/* The folder of a checkpoint: `model` as file_resolve finds it where that exists; else, where it is
 * OWNER/NAME, its snapshot in the cache: HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub.
 * What is found nowhere comes back as it is, or fails where it can only be a name of the hub, with
 * the folder that was looked for. */
bool hub_resolve(Arena *arena, const char *folder, const char *model, const char **path,
                 Status *st);
#endif

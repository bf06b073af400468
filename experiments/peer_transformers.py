"""What a user would do instead of driftscope: the checkpoint in transformers, a hook on every module, the tensors to HDF5,
mean, std, min and max of each. One float32 forward of one prompt. `driftscope bench --against transformers` runs it.

usage: peer_transformers.py CHECKPOINT IDS.txt OFFSET LENGTH OUT.h5
Prints one line a part, its seconds behind a tab: load, forward, write, statistics, all; then "tensors" and "bytes"."""
import sys
import time
import warnings

import h5py
import numpy
import torch
from transformers import AutoModelForCausalLM

warnings.filterwarnings("ignore")
checkpoint, ids_path, offset, length, out = sys.argv[1:6]
parts, last = [], time.perf_counter()


def part(name):
    global last
    now = time.perf_counter()
    parts.append((name, now - last))
    last = now


model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
part("load")

ids = numpy.fromstring(open(ids_path).read(), dtype="i8", sep=" ")[int(offset):int(offset) + int(length)]
kept = {}


def keep(name):
    def hook(module, inputs, output):
        tensor = output[0] if isinstance(output, tuple) else output
        if torch.is_tensor(tensor):
            kept[name] = tensor.detach().numpy()
    return hook


for name, module in model.named_modules():
    if name:
        module.register_forward_hook(keep(name))
with torch.no_grad():
    model(torch.tensor(ids.reshape(1, -1)))
part("forward")

with h5py.File(out, "w") as file:
    for name, value in kept.items():
        file[name.replace(".", "/") + "/out"] = value
part("write")

rows = [(name, value.mean(), value.std(), value.min(), value.max()) for name, value in kept.items()]
part("statistics")

for name, seconds in parts + [("all", sum(seconds for _, seconds in parts))]:
    print(f"{name}\t{seconds:.6f}")
print(f"tensors\t{len(rows)}\nbytes\t{sum(value.nbytes for value in kept.values())}")

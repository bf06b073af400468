"""Tensors of a Hugging Face model for `driftscope compare`: what every module of it gives, for one prompt, into one
.safetensors file. Of a Mamba they are called as driftscope's own are, so that the file also compares with its modes.

usage: dump_transformers.py CHECKPOINT IDS OUT.safetensors [DTYPE]
IDS: a text file of token ids; DTYPE: float32 (default), bfloat16, float16, float64."""
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

OWN = {"": "block_out", "norm": "norm", "mixer.in_proj": "in_proj", "mixer.x_proj": "x_proj", "mixer.out_proj": "out_proj"}
ENDS = {"embeddings": "embedding", "norm_f": "norm_f", "lm_head": "logits"}
checkpoint, ids, out, dtype = (sys.argv + ["float32"])[1:5]
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=getattr(torch, dtype)).eval()
kept = {"input_ids": torch.tensor([[int(i) for i in open(ids).read().replace(",", " ").split()]])}
layer, mamba = [0], hasattr(getattr(model, "backbone", None), "layers")


def keep(name, value):
    kept[name] = value.detach().clone().contiguous()


def module_gave(name):
    def hook(module, given, gave):
        gave = gave[0] if isinstance(gave, tuple) else gave
        if not torch.is_tensor(gave):
            return
        if not mamba:
            return keep(name, gave)
        part = name.removeprefix("backbone.").split(".", 2)
        if part[0] == "layers" and ".".join(part[2:]) in OWN:
            keep(f"layers.{part[1]}.{OWN['.'.join(part[2:])]}", gave)
        elif part[0] in ENDS:
            keep(ENDS[part[0]], gave)
    return hook


def layer_began(number):
    def hook(module, given):
        layer[0] = number
        keep(f"layers.{number}.block_in", given[0])
    return hook


def wrapped(function, tell):  # transformers calls these functions with the weights of modules whose hooks never fire
    def call(*args, **kwargs):
        gave = function(*args, **kwargs)
        tell(args, gave[0] if isinstance(gave, tuple) else gave)
        return gave
    return call


for name, module in model.named_modules():
    if name:
        module.register_forward_hook(module_gave(name))
wanted = []
if mamba:
    place = sys.modules[type(model).__module__]
    for number, block in enumerate(model.backbone.layers):
        block.register_forward_pre_hook(layer_began(number))
    place.causal_conv1d_fn = wrapped(place.causal_conv1d_fn, lambda given, gave: keep(
        f"layers.{layer[0]}.conv1d_silu", gave.transpose(1, 2)))
    place.mamba_selective_scan = wrapped(place.mamba_selective_scan, lambda given, gave: (
        keep(f"layers.{layer[0]}.dt_proj", given[1].transpose(1, 2)),
        keep(f"layers.{layer[0]}.gated", gave.transpose(1, 2))))
    wanted = [f"layers.{i}.{name}" for i in range(len(model.backbone.layers))
              for name in ("block_in", "conv1d_silu", "dt_proj", "gated", *OWN.values())]
with torch.no_grad():
    model(kept["input_ids"], use_cache=False)
missing = [name for name in wanted if name not in kept]
if missing:
    sys.exit(f"{out}: these never came, so this version of transformers computes them elsewhere: {missing[:4]}")
save_file(kept, out, metadata={"order": "\n".join(kept)})  # else they are told in the order of their names
print(f"{out}: {len(kept)} tensors")

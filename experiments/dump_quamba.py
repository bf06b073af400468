"""Tensors of a Quamba model (Mamba-1, W8A8) for `driftscope compare`: int8 as it is, its scale beside it (NAME.scale), called as
driftscope's own are, a .safetensors file a prompt. A block of Quamba's calls methods of its modules (in_proj.to_seqlen_last,
conv1d.forward, selective_scan.forward), which no hook sees: so the methods themselves are wrapped. In a spec: `rewrite: quamba`.

usage: dump_quamba.py CHECKPOINT FOLDER IDS...     IDS: a text file of token ids, whose name is the prompt's"""
import os
import sys

import torch
from safetensors.torch import save_file

# A mixer's modules: what each gives, where the scale of its int8 stands, and whether it gives channels before tokens.
MIXER = {"in_proj": ("in_proj", "conv1d.input_scale", False), "conv1d": ("conv1d_silu", "conv1d.output_scale", True),
         "x_proj": ("x_proj", "selective_scan.B_scale", False), "dt_proj": ("dt_proj", "selective_scan.dt_scale", False),
         "selective_scan": ("gated", "", False), "had": ("out_proj_in", "had.x_H_scale had.scale", False),
         "out_proj": ("out_proj", "", False)}


def scale_at(owner, places):
    for place in places.split():
        found = owner
        for part in place.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return torch.as_tensor(found, dtype=torch.float32).reshape(1).cpu()


def dump(model, ids, out):
    kept, wrapped = {}, []

    def keep(name, value, owner=None, scales="", turned=False):
        value = value[0] if isinstance(value, tuple) else value
        kept[name] = (value.transpose(1, 2) if turned else value)[0].detach().clone().contiguous().cpu()
        if value.dtype == torch.int8:
            kept[f"{name}.scale"] = scale_at(owner, scales)
            if kept[f"{name}.scale"] is None:
                sys.exit(f"{out}: {name} is int8, and its scale stands in none of: {scales}")

    def watch(module, tell):
        for method in ("forward", "to_seqlen_last"):
            if own := getattr(module, method, None):
                def call(*given, own=own, method=method, **named):
                    gave = own(*given, **named)
                    tell(given, gave, method == "to_seqlen_last")
                    return gave
                setattr(module, method, call)
                wrapped.append((module, method))

    def block_gave(name, gave):  # the sum that the block itself made, and what the next one will
        keep(f"{name}.block_in", gave[1])
        keep(f"{name}.block_out", gave[0].float() + gave[1].float())

    wanted = ["embedding"]
    watch(model.backbone.embedding, lambda given, gave, _: keep("embedding", gave))
    for number, block in enumerate(model.backbone.layers):
        name = f"layers.{number}"
        watch(block, lambda given, gave, _, name=name: block_gave(name, gave))
        watch(block.norm, lambda given, gave, _, name=name, block=block: keep(f"{name}.norm", gave, block, "norm.output_scale"))
        for part, (tensor, scales, turned) in MIXER.items():
            watch(getattr(block.mixer, part), lambda given, gave, seqlen_last, key=f"{name}.{tensor}", mixer=block.mixer, scales=scales,
                  turned=turned: keep(key, gave, mixer, scales, turned or seqlen_last))
        wanted += [f"{name}.{tensor}" for tensor in ("block_in", "norm", *(row[0] for row in MIXER.values()), "block_out")]
    wanted += ["norm_f", "logits"]
    watch(model.lm_head, lambda given, gave, _: (keep("norm_f", given[0], model.backbone, "norm_f.output_scale"),
                                                 keep("logits", gave)))
    with torch.no_grad():
        model(ids)
    for module, method in wrapped:
        delattr(module, method)
    missing = [name for name in wanted if name not in kept]
    if missing:
        sys.exit(f"{out}: these never came, so this version of Quamba computes them elsewhere: {missing[:4]}")
    order = [name for name in wanted for name in (name, f"{name}.scale") if name in kept]
    save_file({"input_ids": ids.cpu(), **kept}, out, metadata={"order": "\n".join(["input_ids", *order])})
    print(f"{out}: {len(wanted)} tensors")


if __name__ == "__main__":
    from quamba.quamba_mixer_seq import QuambaLMHeadModel
    quamba = QuambaLMHeadModel.from_pretrained(sys.argv[1], device="cuda").eval()
    os.makedirs(sys.argv[2], exist_ok=True)
    for file in sys.argv[3:]:
        row = [int(i) for i in open(file).read().replace(",", " ").split()]
        dump(quamba, torch.tensor([row], device="cuda"), f"{sys.argv[2]}/{os.path.splitext(os.path.basename(file))[0]}.safetensors")

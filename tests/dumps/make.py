#!/usr/bin/env python3
# Writes the dumps beside it: what torch, safetensors, NumPy and h5py themselves write, small. tests/test_dump_torch.c and
# test_dump_hdf5.c know the values. usage: tests/dumps/make.py (with PyTorch 2.15, safetensors 0.8, NumPy 2.4, h5py 3.16)
import collections
import os
import warnings

import numpy
import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))
warnings.simplefilter('ignore')

# 0 … 23 as [2, 3, 4], and views of it: one storage.
x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
views = {
    'whole': x,
    'turned': x[0].t(),
    'part': x[1, 1:, ::2],
    'column': x[0, :, 1],
    'spread': x[0, :1].expand(3, 4),
    'permuted': x.permute(2, 0, 1),
}
half = torch.tensor([1.5, -2.0, 0.0], dtype=torch.float64)
types = {
    str(t).removeprefix('torch.'): half.to(t)
    for t in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.int16,
              torch.int32, torch.int64, torch.bool)
}
types |= {str(t).removeprefix('torch.'): half.abs().to(torch.int32).to(t) for t in (torch.uint8, torch.uint16, torch.uint32, torch.uint64)}
nested = {
    'list': [x[0], (x[1], None, 3, 'text', 2.5, True)],
    'ordered': collections.OrderedDict(w=torch.nn.Parameter(half.clone())),
    'meta': {'n': 1, 'size': x.shape, 'type': torch.bfloat16, 'device': torch.device('cpu'), 'long': 10**30, 'bytes': b'\x80', 5: half},
    'complex': torch.zeros(2, dtype=torch.complex64),
}
torch.save(views, 'views.pt')
for protocol in (2, 5):
    torch.save({'types': types, **nested}, f'kinds_{protocol}.pt', pickle_protocol=protocol)
torch.save(x[0].t(), 'bare.pt')
half.note = 'an attribute'
torch.save({'x': half}, 'attribute.pt')
module = torch.nn.Linear(2, 1)
module.load_state_dict({'weight': torch.tensor([[1.0, 2.0]]), 'bias': torch.tensor([3.0])})
torch.save(module.state_dict(), 'state.pt')
torch.save(module, 'module.pt')
torch.save({'x': x}, 'legacy.pt', _use_new_zipfile_serialization=False)
torch.jit.script(module).save('script.pt')
torch.save({'x': numpy.ones(2)}, 'numpy.pt')
torch.save({'x': x.to_sparse()}, 'sparse.pt')
torch.save({(1, 2): x}, 'tuple_key.pt')

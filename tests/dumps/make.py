#!/usr/bin/env python3
# Writes the dumps beside it: what torch, safetensors, NumPy and h5py themselves write, small. tests/test_dump_torch.c and
# test_dump_hdf5.c know the values. usage: tests/dumps/make.py (with PyTorch 2.15, safetensors 0.8, NumPy 2.4, h5py 3.16)
import collections
import os
import warnings

import h5py
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

numbers = numpy.arange(24, dtype='f4').reshape(2, 3, 4)
with h5py.File('arrays.h5', 'w') as f:
    for name in ('f8', 'f4', 'f2', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '>f8', '>f4', '>i2'):
        f[f'types/{name}'] = numpy.array([1, 2, 100], name)
    f['types/bool'] = numpy.array([True, False, True])
    f['layer_10/whole'] = numbers
    f['layer_2/whole'] = numbers
    f.create_dataset('layer_2/packed', data=numbers, chunks=(1, 2, 3), compression='gzip', shuffle=True, fletcher32=True)
    f.create_dataset('layer_10/packed', data=numbers.astype('>f4'), chunks=(2, 2, 2))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    small = h5py.h5d.create(f.id, b'compact', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2, )), compact)
    small.write(h5py.h5s.ALL, h5py.h5s.ALL, numpy.array([1.5, -2], 'f4'))
    f['scalar'] = 3.5
    for i, attributes in enumerate(({'scale_factor': numpy.float32(.5)}, {'scale': .25}, {})):
        f[f'q{i}'] = numpy.array([[-2, 4]], 'i1')
        f[f'q{i}'].attrs.update(attributes)
    f['q2.scale'] = numpy.float32(2)
    f['q3'], f['q3.scale'] = numpy.array([[-2, 4]], 'i1'), numpy.ones(2, 'f4')
    # What is not read.
    f['not/soft'] = h5py.SoftLink('/scalar')
    f['not/external'] = h5py.ExternalLink('other.h5', '/x')
    f['not/text'] = ['a', 'b']
    f['not/records'] = numpy.zeros(2, [('a', 'i4')])
    f.create_dataset('not/lzf', data=numbers, compression='lzf')
    f.create_dataset('not/empty', (2, 3), 'f4')
    virtual = h5py.VirtualLayout((2, 3, 4), 'f4')
    virtual[:] = h5py.VirtualSource('arrays.h5', 'layer_2/whole', (2, 3, 4))
    f.create_virtual_dataset('not/virtual', virtual)

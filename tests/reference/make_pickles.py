#!/usr/bin/env python3
"""Writes tests/fixtures/pretrained/protocol*.bin: a training checkpoint as `torch.save(.., pickle_protocol=4)` writes it.

    python3 tests/reference/make_pickles.py

Python's own pickler writes it, with stand-ins for the few names of PyTorch that such a file refers to, so that no
PyTorch is needed. The encoder lies in a dictionary of its own, under the prefixes of compiled and data-parallel training,
beside what else training keeps. `tests/pretrained.rs` knows every value from the tensor's name, as make_encoders.py says.
"""

import io
import pickle
import struct
import sys
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "pretrained"
VOCABULARY, POSITIONS, TYPES, HIDDEN, INTERMEDIATE, LAYERS = 9, 5, 2, 4, 6, 2


def stand_in(module, name, value):
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    setattr(sys.modules.setdefault(module, types.ModuleType(module)), name, value)
    return value


rebuild = stand_in("torch._utils", "_rebuild_tensor_v2", lambda *arguments: None)
rebuild_parameter = stand_in("torch._utils", "_rebuild_parameter", lambda *arguments: None)
FloatStorage = stand_in("torch", "FloatStorage", type("FloatStorage", (), {}))


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = [1]
        for size in reversed(self.shape[1:]):
            strides.insert(0, strides[0] * size)
        return rebuild, (self.storage, 0, tuple(self.shape), tuple(strides), False, OrderedDict())


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return rebuild_parameter, (self.tensor, True, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", FloatStorage, value.key, "cuda:0", len(value.values))
        return None


def main():
    for protocol, prefix in [(4, "_orig_mod.module.bert."), (5, "module.model.")]:
        storages = []
        state = OrderedDict()
        for number, (name, shape) in enumerate(shapes()):
            storage = Storage(str(number), values(name, shape))
            storages.append(storage)
            tensor = Tensor(storage, shape)
            state[prefix + name] = Parameter(tensor) if number % 2 else tensor
        saved = {
            "epoch": 3,
            "loss": 0.25,
            "arguments": Namespace(seed=1, folder="out", weights={1, 2}),
            "optimizer": {"state": {0: {"step": 2**40, "exp_avg": state[prefix + "pooler.dense.bias"]}}, "lr": [1e-3]},
            "model": state,
            "random": b"\x01" * 300,
        }
        pickled = io.BytesIO()
        Pickler(pickled, protocol).dump(saved)
        with zipfile.ZipFile(FOLDER / f"protocol{protocol}.bin", "w", zipfile.ZIP_STORED) as archive:
            write(archive, "data.pkl", pickled.getvalue())
            write(archive, "byteorder", b"little")
            for storage in storages:
                write(archive, f"data/{storage.key}", struct.pack(f"<{len(storage.values)}f", *storage.values))
            write(archive, "version", b"3\n")


def write(archive, name, content):
    archive.writestr(zipfile.ZipInfo(f"checkpoint/{name}", (1980, 1, 1, 0, 0, 0)), content)


def shapes():
    for table, entries in [("word", VOCABULARY), ("position", POSITIONS), ("token_type", TYPES)]:
        yield f"embeddings.{table}_embeddings.weight", [entries, HIDDEN]
    yield from norm("embeddings")
    for layer in range(LAYERS):
        start = f"encoder.layer.{layer}"
        for part in ["query", "key", "value"]:
            yield from linear(f"{start}.attention.self.{part}", HIDDEN, HIDDEN)
        yield from linear(f"{start}.attention.output.dense", HIDDEN, HIDDEN)
        yield from norm(f"{start}.attention.output")
        yield from linear(f"{start}.intermediate.dense", HIDDEN, INTERMEDIATE)
        yield from linear(f"{start}.output.dense", INTERMEDIATE, HIDDEN)
        yield from norm(f"{start}.output")
    yield from linear("pooler.dense", HIDDEN, HIDDEN)


def norm(start):
    yield f"{start}.LayerNorm.weight", [HIDDEN]
    yield f"{start}.LayerNorm.bias", [HIDDEN]


def linear(start, inputs, outputs):
    yield f"{start}.weight", [outputs, inputs]
    yield f"{start}.bias", [outputs]


def values(name, shape):
    count = 1
    for size in shape:
        count *= size
    return [float((sum(name.encode()) + 7 * element) % 251 - 125) for element in range(count)]


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes tests/fixtures/pretrained/*.bin: a tiny BERT as `torch.save` writes it.

    pip install torch
    python3 tests/reference/make_encoders.py

zip.bin is the format since PyTorch 1.6, legacy.bin the one before; many published
`pytorch_model.bin` are of the second kind. Both hold a `BertForPreTraining` under the names that
conversions from TensorFlow gave (`bert.` in front, LayerNorm's `gamma` and `beta`) with its heads.
`tests/pretrained.rs` knows every value from the tensor's name, by the rule in `values`.
"""

from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "pretrained"
VOCABULARY, POSITIONS, TYPES, HIDDEN, INTERMEDIATE, LAYERS = 9, 5, 2, 4, 6, 2


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = OrderedDict((name, values(name, shape)) for name, shape in shapes())
    # The decoder shares the embedding table, as in a model that was trained.
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"]
    state["bert.embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
    torch.save(state, FOLDER / "zip.bin")
    torch.save(state, FOLDER / "legacy.bin", _use_new_zipfile_serialization=False)


def shapes():
    for table, entries in [("word", VOCABULARY), ("position", POSITIONS), ("token_type", TYPES)]:
        yield f"bert.embeddings.{table}_embeddings.weight", [entries, HIDDEN]
    yield from norm("bert.embeddings")
    for layer in range(LAYERS):
        start = f"bert.encoder.layer.{layer}"
        for part in ["query", "key", "value"]:
            yield from linear(f"{start}.attention.self.{part}", HIDDEN, HIDDEN)
        yield from linear(f"{start}.attention.output.dense", HIDDEN, HIDDEN)
        yield from norm(f"{start}.attention.output")
        yield from linear(f"{start}.intermediate.dense", HIDDEN, INTERMEDIATE)
        yield from linear(f"{start}.output.dense", INTERMEDIATE, HIDDEN)
        yield from norm(f"{start}.output")
    yield from linear("bert.pooler.dense", HIDDEN, HIDDEN)
    yield "cls.predictions.bias", [VOCABULARY]
    yield from linear("cls.seq_relationship", HIDDEN, 2)


def norm(start):
    yield f"{start}.LayerNorm.gamma", [HIDDEN]
    yield f"{start}.LayerNorm.beta", [HIDDEN]


def linear(start, inputs, outputs):
    yield f"{start}.weight", [outputs, inputs]
    yield f"{start}.bias", [outputs]


def values(name, shape):
    """Element j is ((bytes of the name in today's terms, summed) + 7 j) mod 251, less 125."""
    today = name.removeprefix("bert.").replace("LayerNorm.gamma", "LayerNorm.weight")
    today = today.replace("LayerNorm.beta", "LayerNorm.bias")
    elements = torch.arange(torch.Size(shape).numel())
    return ((sum(today.encode()) + 7 * elements) % 251 - 125).float().reshape(shape)


if __name__ == "__main__":
    main()

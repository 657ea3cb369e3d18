#!/usr/bin/env python3
"""Writes tests/fixtures/flops.json: the operations that PyTorch's `FlopCounterMode` counts for the seven models and PLM-ICD.

    pip install torch transformers
    python3 tests/reference/make_flops.py [--out FILE]

`tests/work.rs` compares what icdbench's models say of their work with this file and needs no PyTorch. The models are
those of `pytorch_models.py`, small, with dropouts of 0 and without padding: the notes of a case have one length, and
where a model cuts notes, its segments are full. `inference` is one pass without gradients, `step` the loss and its
gradients. The counter sees matrix products and convolutions, two operations for each multiply-add, and nothing else,
so two products that the models write in other words are written as products here: a bag of words, and a label's
classifier on what the label read. Attention is written out, as the counter does not know every fused form of it.

One difference is left, in the bi-GRU's step: no gradient is taken at a note's first state, which is 0. icdbench
counts a step of the recurrence like every other.
"""

import argparse
import json
import pathlib
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import pytorch_models
import pytorch_parts

FIXTURE = pathlib.Path(__file__).resolve().parents[1] / "fixtures/flops.json"
NOTES = 3
CODES = 7
WORDS = {"vocabulary": 40}
PIECES = WORDS | {"cls": 1, "separator": 2}
# The first ids are padding and the specials.
FIRST = 3


def encoder(positions):
    return {"layers": 2, "hidden": 8, "heads": 2, "intermediate": 20, "positions": positions, "dropout": 0.0,
            "attention-dropout": 0.0, "initializer-range": 0.02}


def cases():
    """Name, model, settings, task, tokens of a note."""
    lan, fcn = {"label-attention": {"label-block": 4}}, "fully-connected"
    bag = {"features": "counts", "unit-length": False, "penalty": "none"}
    yield "a bag of words", "logistic_regression", bag, WORDS, 60
    caml = {"embedding": 6, "pretrained-embedding": False, "filters": 9, "dropout": 0.0, "label-block": 4,
            "attend-to-padding": False, "description-weight": 0.0}
    yield "an odd width", "caml", caml | {"width": 3}, WORDS, 11
    yield "an even width", "caml", caml | {"width": 4}, WORDS, 11
    gru = {"embedding": 6, "pretrained-embedding": False, "hidden": 5, "heads": 4, "dropout": 0.0}
    yield "trained vectors", "bigru_attention", gru | {"train-embedding": True}, WORDS, 11
    yield "frozen vectors", "bigru_attention", gru | {"train-embedding": False}, WORDS, 11
    trun = {"encoder": encoder(16), "classifier-dropout": 0.0}
    yield "[CLS] through the pooler", "bert_trun", trun | {"pooler": True, "head": fcn}, PIECES, 9
    yield "[CLS], cut off", "bert_trun", trun | {"pooler": False, "head": fcn}, PIECES, 23
    yield "labels attend", "bert_trun", trun | {"pooler": False, "head": lan}, PIECES, 9
    hier = {"encoder": encoder(10), "segment": 10, "classifier-dropout": 0.0, "pooling": "mean",
            "segment-layer": {"heads": 2, "intermediate": 12, "dropout": 0.0}}
    yield "labels attend to three segments", "bert_hier", hier | {"head": lan}, PIECES, 24
    yield "the mean of two segments", "bert_hier", hier | {"head": fcn}, PIECES, 16
    xml = {"encoder": encoder(14), "label-vectors": "random", "hidden": 6, "label-block": 4}
    yield "whole", "bert_xml", xml | {"long-notes": "whole"}, PIECES, 12
    yield "split in three", "bert_xml", xml | {"long-notes": "split"}, PIECES, 36
    yield "truncated", "bert_xml", xml | {"long-notes": "truncate"}, PIECES, 36
    long = {"encoder": encoder(8), "segment": 8, "label-block": 4}
    yield "three segments", "long_bert", long | {"overlap": 0}, PIECES, 24
    yield "three segments that overlap", "long_bert", long | {"overlap": 3}, PIECES, 18
    plm = {"encoder": encoder(8), "chunk": 8}
    block = {"initializer-range": 0.03, "label-block": 4}
    yield "three chunks", "plm_icd", plm | {"head": {"label-attention": {"projection": 6} | block}}, PIECES, 22
    yield "labels as queries", "plm_icd", plm | {"head": {"cross-attention": block}}, PIECES, 22


def bag_by_product(model, tokens, lengths):
    """Logistic regression with each note's different words as a row times their weights."""
    rows = []
    for note in tokens:
        words, counts = note.unique(return_counts=True)
        rows.append(model.value(counts.float())[None, :] @ model.weight.weight[words])
    return torch.cat(rows) + model.bias


def attention_by_products(head, states, mask):
    """Label attention with the classifiers on the labels' documents as a product for each label."""
    weights = pytorch_parts.masked_softmax(states @ head.queries.T, mask)
    documents = weights.transpose(1, 2) @ states
    return torch.einsum("nch,ch->nc", documents, head.weight) + head.bias


def projected_attention_by_products(head, states, mask):
    """LAAT's label attention likewise."""
    weights = pytorch_parts.masked_softmax(torch.tanh(head.projection(states)) @ head.queries.T, mask)
    documents = weights.transpose(1, 2) @ states
    return torch.einsum("nch,ch->nc", documents, head.weight) + head.bias


def counted(work):
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.get_total_flops()


def count(name, kind, settings, task, length):
    model = pytorch_models.build(kind, settings, task | {"codes": CODES}, attention="eager").train()
    tokens = torch.randint(FIRST, task["vocabulary"], (NOTES, length), generator=torch.Generator().manual_seed(1))
    lengths = torch.full((NOTES,), length)
    targets = torch.randint(0, 2, (NOTES, CODES)).float()
    with torch.no_grad():
        inference = counted(lambda: model(tokens, lengths))
    step = counted(lambda: model.loss(tokens, lengths, targets).backward())
    return {"name": name, "model": {kind: settings}, "codes": CODES, "notes": tokens.tolist(),
            "inference": inference, "step": step}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=pathlib.Path, default=FIXTURE)
    options = options.parse_args()
    pytorch_models.LogisticRegression.forward = bag_by_product
    pytorch_parts.LabelAttention.forward = attention_by_products
    pytorch_parts.ProjectedAttention.forward = projected_attention_by_products
    lines = [json.dumps(count(*case)) for case in cases()]
    options.out.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{options.out}: {len(lines)} cases, PyTorch {torch.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The BERT models, PLM-ICD among them, and the bi-GRU: the batched models of `pytorch_models.py`, padded and masked."""

import numpy as np
import torch
from pytorch_models import build
from pytorch_parts import gradients_of, load, parameters_of

from .fixture import PADDING, array_of, arrays_of, mean_cross_entropy, rounded, short

WORDS, CODES, CLS, SEPARATOR = 40, 7, 2, 3
SEGMENT = 8
# With segments of 8: several, less than one, exactly one or two of the runs between [CLS] and [SEP]
# or with an overlap, and one token more than a segment.
LENGTHS = [30, 1, 13, 6, 8, 9]
# Two more than the longest note, so that every row has padding.
ROW = max(LENGTHS) + 2
# Code 4 is in no note, the third note has no code.
GOLD = [[0, 3, 5], [1], [], [2, 6], [0], [1, 5, 6]]
# Share of the tolerance in `tests/parity.rs` that PyTorch itself needs in f32, at most.
ROUNDING = 0.5
LAN = {"label-attention": {"label-block": 3}}


def encoder(positions):
    sizes = {"layers": 2, "hidden": 8, "heads": 2, "intermediate": 12, "positions": positions}
    return sizes | {"dropout": 0.0, "attention-dropout": 0.0, "initializer-range": 0.02}


def bert_trun_cases():
    # 10 tokens beside [CLS] and [SEP]: two notes are cut.
    common = {"encoder": encoder(12), "classifier-dropout": 0.0}
    return {
        "fully-connected": [
            neural_case("no pooler", 400, "bert_trun", common | {"pooler": False, "head": "fully-connected"}),
            neural_case("pooler", 401, "bert_trun", common | {"pooler": True, "head": "fully-connected"}),
        ],
        "label-attention": [
            neural_case("label attention", 402, "bert_trun", common | {"pooler": False, "head": LAN}),
        ],
    }


def bert_hier_cases():
    def case(name, seed, positions, pooling, head):
        layer = {"heads": 4, "intermediate": 10, "dropout": 0.0}
        settings = {"encoder": encoder(positions), "segment": SEGMENT, "segment-layer": layer, "pooling": pooling}
        return neural_case(name, seed, "bert_hier", settings | {"classifier-dropout": 0.0, "head": head})

    return {
        "fully-connected": [
            case("mean", 410, SEGMENT, "mean", "fully-connected"),
            case("max", 411, SEGMENT + 1, "max", "fully-connected"),
        ],
        "label-attention": [case("label attention", 412, SEGMENT, "mean", LAN)],
    }


def bert_xml_cases():
    def case(seed, long_notes, positions):
        return neural_case(long_notes, seed, "bert_xml", bert_xml_settings(long_notes, positions, "random"))

    return {
        "whole": [case(420, "whole", ROW + 2)],
        "split": [case(421, "split", 12)],
        "truncate": [case(422, "truncate", 12)],
    }


def bert_xml_settings(long_notes, positions, vectors):
    settings = {"encoder": encoder(positions), "long-notes": long_notes, "label-vectors": vectors}
    return settings | {"hidden": 6, "label-block": 3}


def long_bert_cases():
    def case(seed, overlap, positions):
        settings = {"encoder": encoder(positions), "segment": SEGMENT, "overlap": overlap, "label-block": 3}
        return neural_case(f"overlap {overlap}", seed, "long_bert", settings)

    return {"segments": [case(430, 0, SEGMENT)], "overlap": [case(431, 3, SEGMENT), case(432, 2, SEGMENT + 1)]}


def plm_icd_cases():
    def case(name, seed, head, **encoded):
        # Chunks of 8 of a note and its two special tokens: notes of 30 and 6 tokens fill their last one.
        settings = {"encoder": encoder(SEGMENT) | encoded, "chunk": SEGMENT, "head": head}
        return neural_case(name, seed, "plm_icd", settings)

    block = {"initializer-range": 0.03, "label-block": 3}
    label, cross = {"label-attention": {"projection": 6} | block}, {"cross-attention": block}
    return {
        "label-attention": [
            case("BERT", 450, label),
            case("RoBERTa's norms", 451, label, **{"norm-epsilon": 1e-5}),
        ],
        "cross-attention": [case("BERT", 452, cross)],
    }


def bigru_attention_cases():
    def case(name, seed, train_embedding):
        settings = {"embedding": 5, "pretrained-embedding": False, "train-embedding": train_embedding}
        return neural_case(name, seed, "bigru_attention", settings | {"hidden": 6, "heads": 4, "dropout": 0.0})

    return {"trained-embedding": [case("trained", 440, True)], "frozen-embedding": [case("frozen", 441, False)]}


def neural_case(name, seed, kind, settings):
    random = np.random.default_rng(seed)
    task = {"codes": CODES, "vocabulary": WORDS}
    if kind != "bigru_attention":
        task |= {"cls": CLS, "separator": SEPARATOR}
    notes = [random.integers(SEPARATOR + 1, WORDS, size=length).tolist() for length in LENGTHS]
    model = build(kind, settings, task)
    parameters = drawn(random, model)
    found = outcome(model, parameters, notes)
    assert_same(found, outcome(model.float(), parameters, notes), f"{kind}, {name}: f32")
    if kind != "bigru_attention":
        assert_same(found, outcome(build(kind, settings, task, "eager"), parameters, notes), f"{kind}, {name}: eager")
    assert_telling(found["gradients"], f"{kind}, {name}")
    alone = np.concatenate([logits_of(build(kind, settings, task), parameters, [note]) for note in notes])
    assert np.allclose(alone, found["logits"], rtol=1e-9), f"{kind}, {name}: padding changes logits"
    found = {
        "parameters": arrays_of(parameters),
        "logits": array_of(found["logits"]),
        "loss": short(found["loss"]),
        "gradients": arrays_of(found["gradients"]),
    }
    inputs = {"row": ROW, "notes": notes, "gold": GOLD}
    return {"name": name, "model": {kind: settings}, "task": task} | inputs | found


def label_vectors():
    """Encoder states averaged over each code's description: the label vectors that training starts from."""
    random = np.random.default_rng(423)
    # The third does not fit the encoder's positions.
    sizes = [4, 1, 13, 2, 7, 3, 5]
    descriptions = [random.integers(SEPARATOR + 1, WORDS, size=size).tolist() for size in sizes]
    task = {"codes": CODES, "vocabulary": WORDS, "cls": CLS, "separator": SEPARATOR, "descriptions": descriptions}
    settings = bert_xml_settings("truncate", 12, "descriptions")
    model = build("bert_xml", settings, task)
    parameters = drawn(random, model)
    labels = load(model, parameters).label_vectors(descriptions).detach().numpy()
    encoder = {name: value for name, value in parameters.items() if name.startswith("encoder.")}
    inputs = {"model": {"bert_xml": settings}, "task": task, "parameters": arrays_of(encoder)}
    return inputs | {"labels": array_of(labels)}


def drawn(random, model):
    """Random parameters by icdbench's names, of a size that keeps every softmax and ReLU off its ends."""
    shapes = {name: tuple(value.shape) for name, value in parameters_of(model).items()}
    return rounded({name: draw(random, name, shape) for name, shape in shapes.items()})


def draw(random, name, shape):
    values = random.normal(size=shape)
    if "norm.weight" in name:
        return 1 + values * 0.2
    if name.endswith("bias"):
        return values * 0.3
    if "embedding" in name or name in ("head.labels", "queries", "label_attention.queries", "label_attention.weight"):
        return values
    return values * 1.2 / np.sqrt(shape[0])


def outcome(model, parameters, notes):
    """Logits, loss and gradients as numpy arrays, in the precision of `model`."""
    load(model, parameters)
    tokens, lengths = padded(notes, ROW)
    logits = model(tokens, lengths)
    targets = torch.zeros_like(logits)
    for row, codes in zip(targets, GOLD):
        row[codes] = 1
    model.zero_grad()
    loss = model.loss(tokens, lengths, targets)
    loss.backward()
    gradients = {name: value.numpy() for name, value in gradients_of(model).items()}
    return {"logits": logits.detach().numpy(), "loss": loss.item(), "gradients": gradients}


def logits_of(model, parameters, notes):
    """Logits of rows padded no further than the longest note."""
    return load(model, parameters)(*padded(notes, max(map(len, notes)))).detach().numpy()


def padded(notes, width):
    tokens = torch.full((len(notes), width), PADDING)
    for row, note in zip(tokens, notes):
        row[: len(note)] = torch.tensor(note)
    return tokens, torch.tensor([len(note) for note in notes])


def assert_same(expected, found, what):
    """Within a part of what `tests/parity.rs` allows: 1e-4 of the number, and 1e-6."""
    pairs = [(name, value, found["gradients"][name]) for name, value in expected["gradients"].items()]
    pairs += [(name, expected[name], found[name]) for name in ("logits", "loss")]
    for name, value, other in pairs:
        worst = np.max(np.abs(other - value) / (1e-4 * np.abs(value) + 1e-6))
        assert worst < ROUNDING, f"{what}: {name}: {worst:.2g} of the tolerance"


def assert_telling(gradients, what):
    """A gradient of nothing but zeros would agree with a parameter that is not used."""
    for name, value in gradients.items():
        size = np.abs(value)
        if "query_key_value.bias" in name:
            # A bias on the keys moves all scores of a query alike: no gradient.
            size = np.delete(size, np.s_[len(size) // 3 : 2 * len(size) // 3])
        used = size[size.any(axis=-1)] if size.ndim > 1 else size
        assert np.mean(used > 1e-5) >= 0.5, f"{what}: {name}: {np.mean(used > 1e-5):.2f} of the gradient is not 0"

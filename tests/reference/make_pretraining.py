#!/usr/bin/env python3
"""Writes tests/fixtures/pretraining: the losses and gradients of Hugging Face's BertForPreTraining.

    pip install torch transformers
    python3 tests/reference/make_pretraining.py [--out FOLDER]

`tests/pretraining.rs` compares icdbench with these files and needs no PyTorch.

weights/
    A tiny BERT as `save_pretrained` writes it, with a vocabulary. All numbers are drawn from a fixed seed, biases and
    norms too, so that none is 0 or 1.
gradients/
    The gradient of each of its numbers, in the same form: `model.safetensors` has it at the number's place. It is that of
    the two losses added, as `BertForPreTraining` adds them. The word vectors' is the sum over both of their uses.
expected.json
    The sequences (token ids, types, places that are to be predicted, what stands there, whether the second part is
    random), and both losses: cross-entropies averaged over all places and over all sequences. Sequences have different
    lengths; Hugging Face pads them. In group `masked-only`, one part a sequence and no next sentence: `BertForMaskedLM`.

Dropouts are 0. Losses and gradients are computed in float64 and written in float32.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "pretraining"
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + ["chest", "pain", "fever", "no", "##s", "##ful", "cough"]
TOKENS += [chr(letter) for letter in range(ord("a"), ord("p"))] + ["."]
SPECIAL, CLS, SEP, MASK = 5, 2, 3, 4


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=pathlib.Path, default=FOLDER)
    folder = options.parse_args().out
    torch.manual_seed(20200708)
    config = BertConfig(
        vocab_size=len(TOKENS), hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=20, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    model = BertForPreTraining(config)
    with torch.no_grad():
        for parameter in model.parameters():
            # Far enough from 0 that attention attends and the activation bends.
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if parameter.mean() == 1 else 0.6 * noise)
    save(model, folder / "weights")
    pairs = [sequence([9, 4], True), sequence([3, 5], False), sequence([12, 5], True)]
    singles = [sequence([7], None), sequence([15], None)]
    model = model.double()
    expected = {"pairs": losses(model, pairs, folder / "gradients")}
    masked = BertForMaskedLM.from_pretrained(folder / "weights", dtype=torch.float64)
    expected["masked-only"] = losses(masked, singles, folder / "gradients-masked-only")
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def sequence(lengths, is_random_next):
    """A sequence of parts of so many tokens, with some of them to be predicted."""
    tokens, types = [CLS], [0]
    for part, length in enumerate(lengths):
        tokens += torch.randint(SPECIAL, len(TOKENS), [length]).tolist() + [SEP]
        types += [part] * (length + 1)
    places = [place for place, token in enumerate(tokens) if token not in (CLS, SEP)]
    count = max(1, round(0.3 * len(places)))
    masked = sorted(places[place] for place in torch.randperm(len(places))[:count].tolist())
    targets = [tokens[place] for place in masked]
    for place in masked[: max(1, count - 1)]:
        tokens[place] = MASK
    return {"tokens": tokens, "types": types, "masked": masked, "targets": targets, "is-random-next": is_random_next}


def losses(model, sequences, folder):
    longest = max(len(sequence["tokens"]) for sequence in sequences)
    shape = [len(sequences), longest]
    ids, types, attention = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    labels = torch.full(shape, -100)
    for row, sequence in enumerate(sequences):
        length = len(sequence["tokens"])
        ids[row, :length] = torch.tensor(sequence["tokens"])
        types[row, :length] = torch.tensor(sequence["types"])
        attention[row, :length] = 1
        labels[row, sequence["masked"]] = torch.tensor(sequence["targets"])
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": attention, "labels": labels}
    is_random_next = [sequence["is-random-next"] for sequence in sequences]
    pairs = is_random_next[0] is not None
    if pairs:
        inputs["next_sentence_label"] = torch.tensor(is_random_next).long()
    model.zero_grad()
    found = model(**inputs)
    found.loss.backward()
    masked_logits = found.prediction_logits if pairs else found.logits
    masked = torch.nn.functional.cross_entropy(masked_logits.flatten(0, 1), labels.flatten()).item()
    next_sentence = found.loss.item() - masked if pairs else None
    gradients(model, folder)
    return {"sequences": sequences, "masked-loss": masked, "next-loss": next_sentence}


def gradients(model, folder):
    weights = model.state_dict()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    save(model, folder)
    names = load_file(folder / "model.safetensors").keys()
    missing = [name for name in names if found.get(name) is None]
    assert not missing, missing
    assert weights.keys() >= set(names)
    tensors = {name: found[name].float().contiguous() for name in names}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def save(model, folder):
    model.save_pretrained(folder)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes tests/fixtures/roberta: a tiny RoBERTa's directory as `transformers` saves it, and what Hugging Face makes of it.

    pip install tokenizers transformers torch
    python3 tests/reference/make_roberta.py [FOLDER_WITH_CODIESP] [--out FOLDER]

vocab.json, merges.txt and tokenizer.json hold one byte-level BPE, trained on made-up text; config.json and
model.safetensors a RobertaModel of random numbers. expected.json holds, by case, the tokenizer's settings, the ids of the
first texts in clear, and SHA-256 over the ids of all 1,000; with CodiEsp at hand also over the ids of its notes, whose
texts stay where they are. Then sequences of ids with their special tokens, and the states of their tokens.
tests/text/byte_level.rs and tests/pretrained/roberta.rs read it.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import numpy as np  # noqa: E402
import torch  # noqa: E402
from make_tokenizers import IN_CLEAR, PIECES, Random, codiesp, digest, encode, make_texts  # noqa: E402
from tokenizers import ByteLevelBPETokenizer  # noqa: E402
from transformers import AutoTokenizer, RobertaConfig, RobertaModel  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "roberta"
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
VOCABULARY, LENGTH = 400, 32

CASES = {"as RoBERTa": {}, "a space first": {"add_prefix_space": True}}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("codiesp", nargs="?", type=Path)
    options.add_argument("--out", type=Path, default=FOLDER)
    options = options.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(made_up(), VOCABULARY, min_frequency=2, special_tokens=SPECIALS, show_progress=False)
    trained.save_model(str(out))
    model = make_model(trained.get_vocab_size())
    model.save_pretrained(out)
    texts = make_texts()
    corpora = codiesp(options.codiesp) if options.codiesp else {}
    cases = {}
    for name, settings in CASES.items():
        tokenizer = read(settings, out)
        if not settings:
            write_json(out, tokenizer)
        ids = [encode(tokenizer, text) for text in texts]
        cases[name] = {
            "settings": settings,
            "first": ids[:IN_CLEAR],
            "random": digest(ids),
            **{corpus: digest(encode(tokenizer, text) for text in texts) for corpus, texts in corpora.items()},
        }
    lines = [f'"cases": {{\n{joined(cases)}\n}}', f'"sequences": [\n{states(model, trained.get_vocab_size())}\n]']
    (out / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def made_up():
    """Notes of pieces of words, in the proportions of a small draw."""
    random = Random(14)
    words = [piece.removeprefix("##") for piece in PIECES]
    for _ in range(400):
        text = [words[random.below(len(words))] + ["", "ing", ", ", "es", ". "][random.below(5)] for _ in range(12)]
        yield [" ", "", "\n", "  "][random.below(4)].join(text) + f" {random.below(200)}mg"


def make_model(vocabulary):
    """Random numbers of a size at which every part of the encoder shows."""
    torch.manual_seed(14)
    config = RobertaConfig(
        vocab_size=vocabulary,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=LENGTH + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=SPECIALS.index("<pad>"),
    )
    model = RobertaModel(config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.normal_(std=0.5)
            if name.endswith("LayerNorm.weight"):
                value += 1
    return model


def read(settings, out):
    """The tokenizer that `transformers` makes of vocab.json and merges.txt with those settings beside them."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "config.json").write_text('{"model_type": "roberta"}')
        config = {"tokenizer_class": "RobertaTokenizer", **settings}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        for name in ("vocab.json", "merges.txt"):
            (folder / name).write_bytes((out / name).read_bytes())
        return AutoTokenizer.from_pretrained(folder)


def write_json(out, tokenizer):
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        text = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
    (out / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=False) + "\n", encoding="utf-8")


def joined(cases):
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())


def states(model, vocabulary):
    """Sequences of a few tokens and of as many as there are positions, each alone, with the states of their tokens."""
    random = np.random.default_rng(14)
    lines = []
    for length in (1, 7, LENGTH - 2):
        ids = [0, *random.integers(len(SPECIALS), vocabulary, size=length).tolist(), 2]
        with torch.no_grad():
            found = model(torch.tensor([ids])).last_hidden_state[0]
        values = [[float(f"{value:.8g}") for value in row] for row in found.tolist()]
        lines.append(json.dumps({"ids": ids, "states": values}))
    return ",\n".join(lines)


if __name__ == "__main__":
    main()

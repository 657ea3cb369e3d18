#!/usr/bin/env python3
"""Loads the directory of an encoder that icdbench pretrained with `transformers`, and compares its token states.

    pip install torch transformers
    python3 tests/reference/pretrained_states.py ENCODER_DIRECTORY IDS.json OURS.f32 [TEXT.txt TOKENS.json]

IDS.json is a list of lists of token ids, special tokens included where they are wanted, and OURS.f32 holds the states
that icdbench computes for them: `examples/token_states.rs` writes both for any encoder's directory. It is an error when
`transformers` misses a weight or finds one it has no place for (as the model that `config.json` names), or when a state
differs by more than 1e-5. TEXT.txt has one text a line and TOKENS.json the ids that icdbench makes of each, without
special tokens: they must be those of the directory's tokenizer.
"""

import json
import pathlib
import sys

import torch
import transformers


def main(directory, ids, ours, text=None, tokens=None):
    # `eager`: the attention as the paper writes it, and not a fused kernel.
    options = {"attn_implementation": "eager", "dtype": torch.float32, "output_loading_info": True}
    [architecture] = json.loads((pathlib.Path(directory) / "config.json").read_text())["architectures"]
    model, info = getattr(transformers, architecture).from_pretrained(directory, **options)
    wrong = {kind: names for kind, names in info.items() if names}
    if wrong:
        sys.exit(f"{directory} is no {architecture} as it is: {wrong}")
    sequences = json.loads(pathlib.Path(ids).read_text())
    with torch.no_grad():
        rows = [model.eval().bert(torch.tensor([sequence])).last_hidden_state[0] for sequence in sequences]
    rows = torch.cat(rows)
    found = torch.frombuffer(bytearray(pathlib.Path(ours).read_bytes()), dtype=torch.float32).reshape(rows.shape)
    difference = (found - rows).abs().max().item()
    print(f"{architecture}: {len(sequences)} sequences, {len(rows)} tokens, {rows.shape[1]} numbers each")
    print(f"largest difference {difference:.2e}; states up to {rows.abs().max():.2f}")
    if not difference <= 1e-5:
        sys.exit("expected at most 1e-5")
    if text is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        lines = pathlib.Path(text).read_text().splitlines()
        theirs = [tokenizer(line, add_special_tokens=False)["input_ids"] for line in lines]
        if theirs != json.loads(pathlib.Path(tokens).read_text()):
            sys.exit(f"{type(tokenizer).__name__} makes other tokens of {text}: {theirs}")
        print(f"{type(tokenizer).__name__}: the same tokens for {len(lines)} texts, mask token {tokenizer.mask_token_id}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])

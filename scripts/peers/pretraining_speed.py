#!/usr/bin/env python3
"""Times a pretraining step of icdbench beside Hugging Face's BertForPreTraining in PyTorch, by turns in one run.

    pip install torch transformers
    cargo build --release --examples
    python3 scripts/peers/pretraining_speed.py [--binary target/release/examples/pretraining_speed] [--tiny]

The encoder is BERT L-2 H-256 A-4 with a vocabulary of 20,000, sequences have 512 tokens, pairs, 15 % of them to be
predicted; dropout 0.1, AdamW on all parameters, f32, two threads. All sides read the same sequences. A step is what one
optimiser step takes: forward, backward, optimiser.

- `icdbench`: examples/pretraining_speed.rs.
- `eager`: `BertForPreTraining(labels, next_sentence_label)`, attention `sdpa`, fused AdamW.
- `compiled`: the same under `torch.compile` (forward and loss), of one shape.

Each side is a process of its own. They are warmed up, and then run by turns: a round is one step of each, in an order that
changes from round to round, so that what the machine does besides falls on all alike. Printed are the median seconds of each
side, and icdbench's share of each other side's: the median over rounds of the ratio, with the interval that holds it in
95 % of redraws of the rounds; and the most memory that each process held. Exit code 1 when the bounds of `--most-time` or
`--most-memory` are not met (0.7 and 0.25 of eager's; not looked at with `--tiny`).
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIDES = ["icdbench", "eager", "compiled"]
SPECIAL, CLS, SEP, MASK = 5, 2, 3, 4
# Seconds: threads of OpenMP go on computing for milliseconds while they wait for work, and would slow the next side.
APART = 0.02


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/examples/pretraining_speed")
    options.add_argument("--batch-size", type=int, default=8, help="sequences of a step")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--warm-up", type=int, default=3, help="steps of each side before the rounds")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--sides", default=",".join(SIDES), help="icdbench and others to time")
    options.add_argument("--block", type=int, default=2048, help="icdbench's vocabulary-block")
    options.add_argument("--most-time", type=float, default=0.7)
    options.add_argument("--most-memory", type=float, default=0.25)
    options.add_argument("--tiny", action="store_true", help="seconds: a tiny encoder, few rounds, eager only, no bounds")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    options.add_argument("--asked", type=pathlib.Path, help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.worker:
        return work(options.worker, json.loads(options.asked.read_text()), options.threads)
    size = {"layers": 2, "hidden": 256, "heads": 4, "intermediate": 1024, "positions": 512, "vocabulary": 20_000}
    if options.tiny:
        size = {"layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "positions": 24, "vocabulary": 200}
        options.batch_size, options.rounds, options.warm_up, options.sides = 2, 3, 1, "icdbench,eager"
    if not options.binary.is_file():
        sys.exit(f"{options.binary}: no such file; build it with `cargo build --release --examples`, or name it with --binary")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "asked.json"
        path.write_text(json.dumps(asked(size, options)))
        sides = {name: Side(name, path, options) for name in options.sides.split(",")}
        try:
            met = compare(sides, options)
        finally:
            for side in sides.values():
                side.end()
    sys.exit(0 if met else 1)


def asked(size, options):
    """What both sides are given: settings and sequences."""
    draw = random.Random(20200708)
    encoder = {key: value for key, value in size.items() if key != "vocabulary"}
    encoder |= {"dropout": 0.1, "attention-dropout": 0.1, "initializer-range": 0.02}
    moments = {"betas": [0.9, 0.999], "epsilon": 1e-6, "weight-decay": 0.01, "decay": "all"}
    settings = {
        "text": "", "unlabelled": [], "encoder": encoder, "start": "scratch",
        "objective": {"masked": 0.15, "as-mask": 0.8, "as-random": 0.1, "whole-word": False, "next-sentence": True},
        "sentences": "line-ends", "longest-sentence": 128, "length": size["positions"], "short-sequences": 0.0, "epochs": 1,
        "batch-size": options.batch_size, "accumulate": 1, "optimiser": {"adamw": moments}, "learning-rate": 1e-4,
        "schedule": "constant", "clip-norm": 0.0, "vocabulary-block": options.block,
        "development": {"notes": "validation", "sequences": 1, "every": 0}, "seed": 1,
    }
    batches = [[sequence(size, draw) for _ in range(options.batch_size)] for _ in range(4)]
    return {"settings": settings, "vocabulary": size["vocabulary"], "batches": batches}


def sequence(size, draw):
    length = size["positions"]
    first = draw.randint(length // 4, 3 * length // 4)
    tokens = [draw.randrange(SPECIAL, size["vocabulary"]) for _ in range(length)]
    tokens[0], tokens[first], tokens[-1] = CLS, SEP, SEP
    types = [0] * (first + 1) + [1] * (length - first - 1)
    places = [place for place in range(length) if place not in (0, first, length - 1)]
    masked = sorted(draw.sample(places, round(0.15 * length)))
    targets = [tokens[place] for place in masked]
    for place in masked:
        tokens[place] = MASK
    return {"tokens": tokens, "types": types, "masked": masked, "targets": targets, "is-random-next": draw.random() < 0.5}


class Side:
    """A process that takes a step when it is asked to."""

    def __init__(self, name, path, options):
        self.name, self.peak, self.seconds = name, 0, []
        command = [str(options.binary), str(path)]
        if name != "icdbench":
            command = [sys.executable, __file__, "--worker", name, "--asked", str(path), "--threads", str(options.threads)]
        environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads), "OMP_NUM_THREADS": str(options.threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.parameters = self.answer()["parameters"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with {self.process.wait()} and did not answer")
        return json.loads(line)

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found = self.answer()
        self.peak = found["peak"]
        return found

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def compare(sides, options):
    for side in sides.values():
        losses = [side.step()["loss"] for _ in range(options.warm_up)]
        print(f"{side.name}: {side.parameters} parameters, losses {', '.join(f'{loss:.3f}' for loss in losses)}", flush=True)
    order = list(sides.values())
    draw = random.Random(1)
    for _ in range(options.rounds):
        draw.shuffle(order)
        for side in order:
            time.sleep(APART)
            side.seconds.append(side.step()["seconds"])
    print(f"\n| side | seconds a step | icdbench takes | most memory | icdbench holds |\n|---|---|---|---|---|")
    ours = sides["icdbench"]
    met = True
    for side in sides.values():
        ratios = [own / other for own, other in zip(ours.seconds, side.seconds)]
        low, middle, high = interval(ratios, draw)
        share = ours.peak / side.peak
        took = "" if side is ours else f"{middle:.2f} ({low:.2f} to {high:.2f})"
        memory = "" if side is ours else f"{share:.2f}"
        seconds = statistics.median(side.seconds)
        print(f"| {side.name} | {seconds:.3f} | {took} | {side.peak / 2**20:.0f} MiB | {memory} |")
        if side.name == "eager" and not options.tiny:
            met = high <= options.most_time and share <= options.most_memory
    return met


def interval(ratios, draw):
    """The median, and what holds 95 % of the medians of redraws."""
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2_000))
    return medians[50], statistics.median(ratios), medians[-51]


def work(mode, asked, threads):
    """PyTorch's side: a step for each line that is read."""
    import torch
    from transformers import BertConfig, BertForPreTraining

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    encoder = asked["settings"]["encoder"]
    config = BertConfig(
        vocab_size=asked["vocabulary"], hidden_size=encoder["hidden"], num_hidden_layers=encoder["layers"],
        num_attention_heads=encoder["heads"], intermediate_size=encoder["intermediate"],
        max_position_embeddings=encoder["positions"], attn_implementation="sdpa",
    )
    model = BertForPreTraining(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-6, weight_decay=0.01, fused=True)
    batches = [tensors(torch, batch) for batch in asked["batches"]]

    def loss_of(batch):
        return model(**batch).loss

    loss_of = torch.compile(loss_of) if mode == "compiled" else loss_of
    print(json.dumps({"parameters": sum(parameter.numel() for parameter in model.parameters())}), flush=True)
    for step, _ in enumerate(sys.stdin):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(batches[step % len(batches)])
        loss.backward()
        optimiser.step()
        found = {"loss": loss.item(), "seconds": time.perf_counter() - started, "peak": peak()}
        print(json.dumps(found), flush=True)


def tensors(torch, batch):
    labels = torch.full([len(batch), len(batch[0]["tokens"])], -100)
    for row, sequence in enumerate(batch):
        labels[row, sequence["masked"]] = torch.tensor(sequence["targets"])
    return {
        "input_ids": torch.tensor([sequence["tokens"] for sequence in batch]),
        "token_type_ids": torch.tensor([sequence["types"] for sequence in batch]),
        "labels": labels,
        "next_sentence_label": torch.tensor([int(sequence["is-random-next"]) for sequence in batch]),
    }


def peak():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()

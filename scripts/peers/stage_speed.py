#!/usr/bin/env python3
"""Times what a suite trains before its cells beside the programs that others train it with, by turns in one run.

    pip install torch transformers safetensors gensim
    cargo build --release --examples
    python3 scripts/peers/stage_speed.py [--binary target/release/icdbench] [--tiny]

- A pretraining step: BERT L-2 H-256 A-4 with a vocabulary of 20,000, sequences of 512 tokens, pairs, 15 % of the tokens to be
  predicted; dropout 0.1, AdamW on all parameters, f32. Beside Hugging Face's BertForPreTraining in PyTorch, eager and compiled.
- word2vec (CBOW) on the words of the training part of generated notes, all epochs. Beside gensim.

Every side is an engine (src/bench/protocol.rs) of two threads: `examples/stage_engine.rs` ours, `scripts/engines/stages.py` the
others. All are given the same settings and the same inputs, are warmed up, and then run by turns: a round is one run of each,
in an order that changes from round to round, so that what the machine does besides falls on all alike. gensim's clock leaves
out what it does before it trains (drawing the first vectors, making tables), which ours has. Printed are the median seconds of
each side, icdbench's share of each other side's (the median over rounds of the ratio, with the interval that holds it in 95 %
of redraws of the rounds), and the most memory that each process held.

Exit code 1 when a bound is not met by the upper end of an interval: 0.7 of the time of an eager pretraining step, as many words a
second as gensim; or when more than a quarter of the memory of eager pretraining is held. With `--tiny` there are none.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors.numpy import save_file
from word_vectors import WORD2VEC, read_texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "scripts/engines/stages.py"
CLS, SEP, MASK, SPECIAL = 2, 3, 4, 5
SETS = 4
# Seconds: threads of OpenMP go on computing for milliseconds while they wait for work, and would slow the next side.
APART = 0.02
# Of random weights the first loss is near that of guessing, whoever draws them.
LOSSES_APART = 0.5
# What our share of another side's may be at most.
MOST = {("pretraining", "eager"): {"time": 0.7, "memory": 0.25}, ("word2vec", "gensim"): {"time": 1.0, "memory": math.inf}}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/icdbench")
    options.add_argument("--example", type=pathlib.Path, help="[default: examples/stage_engine beside the binary]")
    options.add_argument("--stages", nargs="+", default=["pretraining", "word2vec"], choices=["pretraining", "word2vec"])
    options.add_argument("--batch-size", type=int, default=8, help="sequences of a pretraining step")
    options.add_argument("--block", type=int, default=2048, help="icdbench's vocabulary-block")
    options.add_argument("--notes", type=int, default=6000, help="generated notes, of whose training part vectors are made")
    options.add_argument("--median-words", type=int, default=400)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--warm-up", type=int, default=3, help="runs of each side before the rounds")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--tiny", action="store_true", help="next to nothing, and no bounds: the figures mean nothing")
    options = options.parse_args()
    options.binary = options.binary.resolve()
    options.example = (options.example or options.binary.parent / "examples/stage_engine").resolve()
    options.text = None
    if options.tiny:
        options.batch_size, options.rounds, options.warm_up = 2, 3, 1
        options.notes, options.median_words = 200, 40
    for program in (options.binary, options.example):
        if not program.is_file():
            sys.exit(f"{program}: no such file; build it with `cargo build --release --examples`, or name it (see --help)")
    with tempfile.TemporaryDirectory() as folder:
        jobs = {"pretraining": pretraining, "word2vec": vectors}
        met = [beside(stage, *jobs[stage](options, pathlib.Path(folder)), options) for stage in options.stages]
    sys.exit(0 if options.tiny or all(met) else 1)


def pretraining(options, folder):
    """What its engines load, and who they are."""
    size = {"layers": 2, "hidden": 256, "heads": 4, "intermediate": 1024, "positions": 512}
    vocabulary = 20_000
    if options.tiny:
        size, vocabulary = {"layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "positions": 24}, 200
    length = size["positions"]
    draw = random.Random(20200708)
    drawn = [sequence(length, vocabulary, draw) for _ in range(SETS * options.batch_size)]
    inputs = {
        name: np.array([found[name] for found in drawn], np.int32).reshape(SETS, options.batch_size, -1)
        for name in ("tokens", "types", "targets", "is-random-next")
    }
    inputs["is-random-next"] = inputs["is-random-next"][..., 0]
    settings = {
        "text": "", "unlabelled": [], "start": "scratch", "sentences": "line-ends", "longest-sentence": 128, "length": length,
        "encoder": size | {"dropout": 0.1, "attention-dropout": 0.1, "initializer-range": 0.02}, "short-sequences": 0.0,
        "objective": {"masked": 0.15, "as-mask": 0.8, "as-random": 0.1, "whole-word": False, "next-sentence": True},
        "epochs": 1, "batch-size": options.batch_size, "accumulate": 1, "learning-rate": 1e-4, "schedule": "constant",
        "optimiser": {"adamw": {"betas": [0.9, 0.999], "epsilon": 1e-6, "weight-decay": 0.01, "decay": "all"}},
        "clip-norm": 0.0, "vocabulary-block": options.block, "seed": 1,
        "development": {"notes": "validation", "sequences": 1, "every": 0},
    }
    load = loaded("pretraining", settings, (vocabulary, length), inputs, options, folder)
    others = {"eager": load} if options.tiny else {"eager": load, "compiled": load | {"mode": "compiled"}}
    return load, others, ("sequences", options.batch_size)


def sequence(length, vocabulary, draw):
    first = draw.randint(length // 4, 3 * length // 4)
    tokens = [draw.randrange(SPECIAL, vocabulary) for _ in range(length)]
    tokens[0], tokens[first], tokens[-1] = CLS, SEP, SEP
    places = [place for place in range(length) if place not in (0, first, length - 1)]
    targets = [-1] * length
    for place in draw.sample(places, round(0.15 * length)):
        targets[place], tokens[place] = tokens[place], MASK
    types = [0] * (first + 1) + [1] * (length - first - 1)
    return {"tokens": tokens, "types": types, "targets": targets, "is-random-next": [int(draw.random() < 0.5)]}


def vectors(options, folder):
    texts, _ = read_texts(options, folder)
    counts = {}
    for word in (word for text in texts for word in text):
        counts[word] = counts.get(word, 0) + 1
    number = {word: place for place, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}
    words = [number[word] for text in texts for word in text]
    inputs = {"words": np.array(words, np.int32), "ends": np.cumsum([len(text) for text in texts], dtype=np.int32)}
    load = loaded("word2vec", WORD2VEC, (len(number), max(map(len, texts))), inputs, options, folder)
    return load, {"gensim": load}, ("words", WORD2VEC["epochs"] * len(words))


def loaded(stage, settings, sizes, inputs, options, folder):
    path = folder / f"{stage}.safetensors"
    save_file(inputs, path)
    vocabulary, length = sizes
    task = {"vocabulary": vocabulary, "cls": None, "separator": None}
    return {
        "model": stage, "settings": settings, "task": task, "codes": 0, "length": length, "device": "cpu", "precision": "f32",
        "threads": options.threads, "inputs": str(path),
    }


class Side:
    """An engine in a process of its own."""

    def __init__(self, name, command, options):
        self.name, self.seconds = name, []
        environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads), "OMP_NUM_THREADS": str(options.threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def load(self, asked):
        self.version = self.ask("about")["version"]
        self.parameters = self.ask("load", **asked)["parameters"]

    def ask(self, what, **details):
        try:
            self.process.stdin.write(json.dumps({"ask": what} | details) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # That it does not answer is said below.
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with {self.process.wait()} and did not answer")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"{self.name}: {answer['error']['words']}")
        return answer

    def run(self, turn, sets):
        return self.ask("run", kind="step", set=turn % sets)

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def beside(stage, load, others, work, options):
    """Runs a stage's sides by turns; whether every bound is met."""
    what, amount = work
    sets = SETS if stage == "pretraining" else 1
    sides, peers = [], [sys.executable, PEERS]
    commands = {"icdbench": ([options.example], load)} | {name: (peers, asked) for name, asked in others.items()}
    try:
        for name, (command, asked) in commands.items():
            sides.append(Side(name, command, options))
            sides[-1].load(asked)
        print(f"{stage}: a run has {amount:,} {what}", flush=True)
        for side in sides:
            losses = [side.run(turn, sets).get("loss") for turn in range(options.warm_up)]
            said = ", ".join(f"{loss:.3f}" for loss in losses if loss is not None)
            side.first_loss = losses[0]
            print(f"{side.name} ({side.version}): {side.parameters:,} parameters{said and ', losses ' + said}", flush=True)
        if len({side.parameters for side in sides}) > 1:
            sys.exit(f"{stage}: the sides have different numbers of parameters")
        first = [side.first_loss for side in sides if side.first_loss is not None]
        if first and max(first) - min(first) > LOSSES_APART:
            sys.exit(f"{stage}: the sides' first losses are further apart than different random weights would have them")
        draw, order = random.Random(1), sides.copy()
        for turn in range(options.rounds):
            draw.shuffle(order)
            for side in order:
                time.sleep(APART)
                side.seconds.append(side.run(turn, sets)["seconds"])
        peaks = {side.name: side.ask("memory", reset=False)["peak_rss_bytes"] for side in sides}
    finally:
        for side in sides:
            side.end()
    return told(stage, sides, peaks, work, draw)


def told(stage, sides, peaks, work, draw):
    what, amount = work
    headings = [stage, "seconds a run", f"{what} a second", "icdbench takes", "most memory", "icdbench holds"]
    print(f"\n| {' | '.join(headings)} |\n{'|---' * len(headings)}|")
    ours, met = sides[0], True
    for side in sides:
        share, peak = peaks[ours.name] / peaks[side.name], peaks[side.name] / 2**20
        seconds = statistics.median(side.seconds)
        low, middle, high = interval([own / other for own, other in zip(ours.seconds, side.seconds)], draw)
        took, held = ("", "") if side is ours else (f"{middle:.2f} ({low:.2f} to {high:.2f})", f"{share:.2f}")
        print(f"| {side.name} | {seconds:.3f} | {amount / seconds:,.0f} | {took} | {peak:.0f} MiB | {held} |")
        most = MOST.get((stage, side.name), {"time": math.inf, "memory": math.inf})
        met &= high <= most["time"] and share <= most["memory"]
    print(flush=True)
    return met


def interval(ratios, draw):
    """The median, and what holds 95 % of the medians of redraws."""
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2_000))
    return medians[50], statistics.median(ratios), medians[-51]


if __name__ == "__main__":
    main()

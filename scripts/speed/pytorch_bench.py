#!/usr/bin/env python3
"""Times one training step and one inference of the seven models in eager PyTorch, as JSON lines.

    pip install torch transformers
    python3 scripts/speed/pytorch_bench.py --models long_bert,caml --lengths 512,2048 --codes 50 --threads 2
    python3 scripts/speed/pytorch_bench.py --jobs jobs.json --device cuda --precision bf16

The models are those of `tests/reference/pytorch_models.py`. A training step is forward, binary
cross-entropy, backward and AdamW; inference is forward and sigmoid without gradients. Token ids and
targets are random, every note has all its tokens. One JSON object a line and job:

    model, length, codes, batch, device, precision      the job
    step_seconds, inference_seconds                     one number a repeat, after the warm-up
    peak_rss_bytes, inference_peak_rss_bytes            most memory held while training, while inferring (CPU)
    idle_rss_bytes                                      held before the model was made: interpreter and libraries (CPU)
    peak_device_bytes, inference_peak_device_bytes      the same on a GPU, all that PyTorch's allocator held
    parameters, settings, threads, attention, fused, machine, torch, transformers
    error                                               what went wrong, if anything did; what was timed before stays

A job is one combination of the arguments, or one object of the JSON lists in the --jobs file (`-`: stdin, run
as they come, a list or an object ending with its line), which may hold any of `model`, `length`, `codes`, `batch`, `settings`, `task`, `device`, `precision`,
`threads`, `attention`, `fused`, `repeats`, `warm_up`, `seconds`, `max_bytes`; the arguments fill in the rest.
CPU jobs run in a process each, so that one's memory is not counted to the next.
"""

import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"
MODELS = ["logistic_regression", "bigru_attention", "caml", "bert_trun", "bert_hier", "bert_xml", "long_bert"]
WORDS = {"vocabulary": 50_000}
# BERT's own vocabulary.
PIECES = {"vocabulary": 30_522, "cls": 101, "separator": 102}
# A note's codes, about as many as a MIMIC-III discharge summary has.
GOLD_CODES = 16


def main():
    options = arguments()
    if options.worker:
        job = json.loads(sys.stdin.read())
        time_job(job, lambda record: print(json.dumps(record), flush=True))
        return
    for job in jobs(options):
        on_cpu = job["device"] == "cpu"
        record = in_a_process(job, options.timeout) if on_cpu else in_this_process(job)
        print(json.dumps(record), flush=True)


def arguments():
    names = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names.add_argument("--models", type=words, default=MODELS, help="comma-separated; all seven unless given")
    names.add_argument("--lengths", type=numbers, default=[512, 2048, 8192], help="tokens of each note")
    names.add_argument("--codes", type=numbers, default=[50, 8921])
    names.add_argument("--batch", type=int, help="notes; unless given, 4 up to 4,096 tokens and 2 beyond")
    names.add_argument("--jobs", help="JSON list of jobs in place of models, lengths and codes; - reads stdin")
    names.add_argument("--device", default="cpu", help="cpu or cuda")
    names.add_argument(
        "--precision", choices=["f32", "tf32", "bf16"], default="f32", help="bf16: autocast, f32 weights"
    )
    names.add_argument("--threads", type=int, default=os.cpu_count())
    names.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa", help="of Hugging Face's BERT")
    names.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW; its default is not")
    names.add_argument("--repeats", type=int, default=5)
    names.add_argument("--warm-up", type=int, default=1, help="runs of each kind that are not counted")
    names.add_argument("--seconds", type=float, default=30, help="no further repeat after so long of one kind")
    names.add_argument("--max-bytes", type=int, help="fail beyond; unless given, 9/10 of what is free (CPU)")
    names.add_argument("--timeout", type=float, default=600, help="seconds for one CPU job")
    names.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return names.parse_args()


def words(text):
    return [part.strip() for part in text.split(",")]


def numbers(text):
    return [int(part) for part in words(text)]


def jobs(options):
    common = {key: value for key, value in vars(options).items() if key in JOB_KEYS}
    if options.jobs:
        listed = written(options.jobs)
    else:
        product = itertools.product(options.models, options.lengths, options.codes)
        listed = [{"model": model, "length": length, "codes": codes} for model, length, codes in product]
    for job in listed:
        job = common | job
        if unknown := job.keys() - JOB_KEYS:
            sys.exit(f"job {job}: unknown {sorted(unknown)}; expected some of {sorted(JOB_KEYS)}")
        if job["model"] not in MODELS:
            sys.exit(f"job {job}: unknown model; expected one of {MODELS}")
        job["batch"] = job.get("batch") or (4 if job["length"] <= 4096 else 2)
        job["settings"] = settings(job["model"], job["length"]) | job.get("settings", {})
        job["task"] = (PIECES if "bert" in job["model"] else WORDS) | job.get("task", {})
        yield job


def written(name):
    """The jobs of a file, each as soon as its line is there."""
    text = ""
    with sys.stdin if name == "-" else open(name) as file:
        for line in file:
            text += line
            try:
                value = json.loads(text)
            except json.JSONDecodeError:
                continue  # it goes on in the next line
            text = ""
            yield from value if isinstance(value, list) else [value]
    if text.strip():
        sys.exit(f"{name}: ends inside a job: {text.strip()[:80]}")


JOB_KEYS = {"model", "length", "codes", "batch", "settings", "task", "device", "precision", "threads", "attention"}
JOB_KEYS |= {"fused", "repeats", "warm_up", "seconds", "max_bytes"}


def settings(model, length):
    """The papers' sizes, with LongBERT's L-2 H-256 A-4 as the encoder of all BERT models."""
    encoder = {
        "preset": "small-2x256",
        "positions": length + 2 if model == "bert_xml" else 512,
        "dropout": 0.1,
        "attention-dropout": 0.1,
        "initializer-range": 0.02,
    }
    bert = {"encoder": encoder, "classifier-dropout": 0.1}
    return {
        "logistic_regression": {"features": "counts", "unit-length": False, "penalty": "none"},
        "bigru_attention": {"embedding": 300, "train-embedding": False, "hidden": 512, "heads": 200, "dropout": 0.1},
        "caml": {
            "embedding": 100,
            "filters": 50,
            "width": 10,
            "dropout": 0.2,
            "attend-to-padding": False,
            "description-weight": 0.0,
        },
        "bert_trun": bert | {"pooler": False, "head": "fully-connected"},
        "bert_hier": bert
        | {
            "segment": 512,
            "segment-layer": {"heads": 4, "intermediate": 2048, "dropout": 0.1},
            "pooling": "mean",
            "head": {"label-attention": {}},
        },
        "bert_xml": {"encoder": encoder, "long-notes": "whole", "hidden": 256},
        "long_bert": {"encoder": encoder, "segment": 512, "overlap": 0},
    }[model]


def in_a_process(job, timeout):
    """The job's record. A worker prints it anew after each part, so that a death loses one part only."""
    environment = os.environ | {"OMP_NUM_THREADS": str(job["threads"])}
    command = [sys.executable, __file__, "--worker"]
    error = None
    try:
        worker = subprocess.run(
            command, input=json.dumps(job), env=environment, capture_output=True, text=True, timeout=timeout
        )
        output = worker.stdout
        if worker.returncode != 0:
            last = worker.stderr.strip().splitlines()[-1:] or ["no message"]
            error = f"the process ended with {worker.returncode}: {last[0]}"
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode()
        error = f"not done after {timeout:g} s"
    lines = output.splitlines()
    record = json.loads(lines[-1]) if lines else described(job)
    return record | ({"error": error} if error else {})


def in_this_process(job):
    import gc

    import torch

    records = []
    time_job(job, records.append)
    # What a job leaves behind, tracebacks of failed ones above all, is let go before the next.
    gc.collect()
    torch.cuda.empty_cache()
    return records[-1]


def described(job):
    keys = ("model", "length", "codes", "batch", "device", "precision", "threads", "attention", "fused", "settings")
    return {"framework": "pytorch"} | {key: job[key] for key in keys}


def time_job(job, report):
    """Reports the record after each part: the model made, inference, training."""
    import torch
    import transformers

    sys.path.insert(0, str(REFERENCE))
    from pytorch_models import build

    record = described(job) | {"torch": torch.__version__, "transformers": transformers.__version__}
    part = "the device"
    try:
        device = torch.device(job["device"])
        cuda = device.type == "cuda"
        record["machine"] = torch.cuda.get_device_name(device) if cuda else processor()
        prepare(torch, job, cuda)
        if not cuda:
            record["idle_rss_bytes"] = kilobytes("VmRSS")
        part = "making the model"
        model = build(job["model"], job["settings"], job["task"] | {"codes": job["codes"]}, job["attention"]).to(device)
        record["parameters"] = sum(parameter.numel() for parameter in model.parameters())
        inputs = random_inputs(torch, job, device)
        report(record)
        for part, key, run in (("inference", "inference_seconds", infer), ("training", "step_seconds", train)):
            reset_peak(torch, cuda)
            record[key] = repeated(torch, job, cuda, run(torch, job, model, inputs))
            prefix = "inference_" if part == "inference" else ""
            peak = torch.cuda.max_memory_reserved() if cuda else kilobytes("VmHWM")
            record[f"{prefix}peak_{'device' if cuda else 'rss'}_bytes"] = peak
            report(record)
    except Exception as error:  # Whatever goes wrong with one job, the others run.
        message = str(error).strip().splitlines() or [""]
        report(record | {"error": f"{part}: {type(error).__name__}: {message[0]}"})


def prepare(torch, job, cuda):
    """Seeds, threads, precision and the limit of memory."""
    torch.manual_seed(1)
    tf32 = job["precision"] == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    if cuda:
        if job["max_bytes"]:
            total = torch.cuda.get_device_properties(job["device"]).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, job["max_bytes"] / total))
        return
    import resource

    torch.set_num_threads(job["threads"])
    allowed = job["max_bytes"] or available() * 9 // 10
    # Private writable memory is limited, not addresses: PyTorch's libraries take many of those and few pages.
    limit = kilobytes("VmData") + max(0, allowed - kilobytes("VmRSS"))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def random_inputs(torch, job, device):
    notes, length, vocabulary = job["batch"], job["length"], job["task"]["vocabulary"]
    # The first thousand entries of BERT's vocabulary are specials and unused.
    tokens = torch.randint(min(1000, vocabulary // 2), vocabulary, (notes, length), device=device)
    targets = (torch.rand(notes, job["codes"], device=device) < min(0.5, GOLD_CODES / job["codes"])).float()
    return tokens, torch.full((notes,), length), targets


def autocast(torch, job):
    return torch.autocast(job["device"].split(":")[0], dtype=torch.bfloat16, enabled=job["precision"] == "bf16")


def infer(torch, job, model, inputs):
    tokens, lengths, _ = inputs

    def run():
        with torch.inference_mode(), autocast(torch, job):
            return torch.sigmoid(model(tokens, lengths))

    model.eval()
    return run


def train(torch, job, model, inputs):
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01, fused=job["fused"] or None)

    def run():
        optimiser.zero_grad(set_to_none=True)
        with autocast(torch, job):
            loss = model.loss(*inputs)
        loss.backward()
        optimiser.step()

    return run


def repeated(torch, job, cuda, run):
    """Seconds of each repeat after the warm-up; the device has finished when the clock is read."""
    seconds = []
    begin = None
    for repeat in range(job["warm_up"] + job["repeats"]):
        start = time.perf_counter()
        run()
        if cuda:
            torch.cuda.synchronize()
        end = time.perf_counter()
        if repeat >= job["warm_up"]:
            begin = begin or start
            seconds.append(end - start)
            if end - begin > job["seconds"]:
                break
    return seconds


def reset_peak(torch, cuda):
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    else:
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def kilobytes(key, file="/proc/self/status"):
    """A line of `status` or `meminfo`, in bytes."""
    with open(file) as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def available():
    return kilobytes("MemAvailable", "/proc/meminfo")


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()

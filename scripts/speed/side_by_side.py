"""icdbench and PyTorch on the same jobs, one after the other: what `compare` and `../gpu-check` share.

Both programs read jobs from their standard input as they come and print a record each; between jobs they
wait. So neither is started anew for each job, and the two never compute at the same time.
"""

import datetime
import json
import os
import pathlib
import platform
import queue
import signal
import statistics
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# What PyTorch calls the devices of icdbench.
PYTORCH_DEVICES = {"flex": "cpu", "libtorch": "cpu"}
# What PyTorch takes from icdbench's record of a job: sizes and settings in full.
SHARED = ("model", "length", "codes", "batch", "settings", "task")


class Program:
    """A program that waits for jobs. One that ran out of time is ended, and started again for the next job."""

    def __init__(self, framework, command, environment=None):
        self.framework, self.command, self.environment = framework, command, environment
        self.process = None

    def run(self, job, seconds):
        """The record of a job; `error` says what went wrong."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        started = now()
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=max(seconds, 0))
        except queue.Empty:
            self.end()
            line, error = None, f"not done in {seconds:.0f} s"
        except BrokenPipeError:
            line, error = None, None
        if line is None:
            error = error if self.process is None else f"{self.framework} ended with {self.process.wait()}"
            record = {"framework": self.framework} | job | {"error": error}
        else:
            record = json.loads(line)
        return {"provenance": {"started": started, "ended": now()}} | record

    def start(self):
        # A session of its own, so that its workers end with it.
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=(self.process.stdout, self.lines), daemon=True).start()

    @staticmethod
    def read(output, lines):
        for line in output:
            lines.put(line)
        lines.put(None)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


def icdbench(binary, timeout, environment=None):
    """icdbench waiting for jobs, each of at most `timeout` seconds."""
    command = [str(binary), "--quiet", "bench", "--jobs", "-", "--timeout", str(timeout)]
    return Program("icdbench", command, environment)


def pytorch(python, timeout):
    """The same in PyTorch."""
    command = [python, str(HERE / "pytorch_bench.py"), "--jobs", "-", "--timeout", str(timeout)]
    return Program("pytorch", command)


def pytorch_job(job, ours, fused, attention):
    """The same job for PyTorch, with the settings that icdbench's record of it shows."""
    shared = {key: ours[key] for key in SHARED if key in ours}
    device, _, index = job["device"].partition(":")
    device = PYTORCH_DEVICES.get(device, "cuda")
    # icdbench's f32 products on CUDA may run in TF32: PyTorch is given the same.
    tf32 = job["device"].startswith("cuda") and job["precision"] == "f32"
    own = {"device": f"{device}:{index}" if index else device, "precision": "tf32" if tf32 else job["precision"]}
    return job | shared | own | {"fused": fused, "attention": attention}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def machine():
    """What runs the scripts; the programs' own records say the rest."""
    facts = {"python": platform.python_version(), "system": platform.platform(), "cpus": os.cpu_count()}
    return facts | {"load": os.getloadavg()[0], "time": now()}


class Lines:
    """A file of JSON lines, each on disk as soon as it is written."""

    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.file = path, open(path, "w")

    def write(self, record):
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


# The table


def table(pairs):
    """Rows of text from pairs of lists of records, icdbench's and PyTorch's, of a job each."""
    heads = ["model", "tokens", "codes", "step: ours", "PyTorch", "ratio", "inference: ours", "PyTorch", "ratio"]
    rows = [heads + ["memory: ours", "PyTorch", "ratio"]]
    for ours, theirs in pairs:
        job = ours[0]
        row = [job["model"], f"{job['length']:,}", f"{job['codes']:,}"]
        for seconds in ("step_seconds", "inference_seconds"):
            row += beside(median(ours, seconds), median(theirs, seconds), shown_seconds)
        row += beside(peak(ours), peak(theirs), shown_bytes)
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads) + 3)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return lines


def median(records, key):
    seconds = [second for record in records for second in record.get(key, [])]
    return statistics.median(seconds) if seconds else None


def peak(records):
    """Most memory while training: the process's on a CPU, the allocator's on a GPU."""
    found = [record.get("peak_rss_bytes") or record.get("peak_device_bytes") for record in records]
    return max((bytes for bytes in found if bytes), default=None)


def beside(ours, theirs, shown):
    ratio = f"{ours / theirs:.2f}" if ours and theirs else "-"
    return [shown(ours) if ours else "-", shown(theirs) if theirs else "-", ratio]


def shown_seconds(seconds):
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def shown_bytes(count):
    return f"{count / 1e6:,.0f} MB"


def errors(pairs):
    """A line for each job that went wrong."""
    for pair in pairs:
        for record in [record for records in pair for record in records]:
            if "error" in record:
                name = f"{record['framework']} {record['model']} {record['length']:,} x {record['codes']:,}"
                yield f"{name} ({record['precision']}): {record['error']}"


def deadline(seconds):
    """A function that gives the seconds left."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()

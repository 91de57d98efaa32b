"""Images per second of a whole sampling job (drawing, encoding, storing, recording) against the network alone.

`python benchmarks/sampling.py` from the root of the project. The job is the one that the worker runs, in a process of
its own for each size, so that its peak memory is its own; its database and images are in a folder that goes away. The
generator is an untrained ACGAN (weights do not change the time) unless `--checkpoint` names one.

Beside it another process writes to the same database all the time, as readers who answer do: a small fenced
transaction, 20 ms of rest, and again. Its waits while the network alone is at work are the baseline of its waits
while the job is.

    python benchmarks/sampling.py                              2,000 and 10,000 images at 56 px, exact, on the CPU
    python benchmarks/sampling.py --preset kong --images 50000      as many as Jang et al. 2023 drew from each model
    python benchmarks/sampling.py --precision float32 --device cuda --checkpoint FILE       for example PGGAN at 1024
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
REST_SECONDS = 0.02  # of the writer beside the job, between two transactions


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of sampling against the network alone.")
    parser.add_argument("--images", type=int, nargs="+", default=[2000, 10_000])
    parser.add_argument("--preset", choices=["kong", "demonstration"], default="demonstration")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint file instead of an untrained ACGAN")
    parser.add_argument("--precision", default="exact")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of PyTorch")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # in the process of one size
    parser.add_argument("--writer", action="store_true", help=argparse.SUPPRESS)  # in the process beside it
    options = parser.parse_args()
    if options.writer:
        write_beside()
        return
    if options.one:
        print(json.dumps(measure(options, options.one)))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {options.threads} threads of PyTorch")
    print(f"{options.checkpoint or options.preset}, precision {options.precision}, load {os.getloadavg()[0]:.1f}")
    for count in options.images:
        arguments = [sys.executable, __file__, "--one", str(count), "--preset", options.preset]
        arguments += ["--precision", options.precision, "--device", options.device, "--threads", str(options.threads)]
        arguments += ["--checkpoint", str(options.checkpoint)] if options.checkpoint else []
        with tempfile.TemporaryDirectory(prefix="sampling-benchmark-") as folder:
            environment = {**os.environ, "DATA_DIR": folder, "SECRET_KEY": "of a benchmark", "DATABASE_URL": ""}
            done = subprocess.run(arguments, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        show(count, json.loads(done.stdout.splitlines()[-1]))


def show(count: int, row: dict) -> None:
    ratio = row["cpu_network"] / row["cpu_job"]
    waited = row["waited"] / row["drawing"]
    print(f"{count:7,} images of {row['side']} px, mean load {row['load']:.1f}")
    print(f"  network alone    {row['network']:8.1f} images/s  (baseline, before and after the job)")
    print(f"  whole job        {row['job']:8.1f} images/s  ratio {row['ratio']:.2f}, {row['seconds']:.0f} s")
    print(f"  the network waited {row['waited']:6.1f} s for encoders, disk and database: {waited:.1%} of the drawing")
    print(f"  processor time   {row['cpu_network']:8.2f} ms an image for the network (baseline)")
    print(f"                   {row['cpu_job']:8.2f} ms an image for the whole job, ratio {ratio:.2f}: of it")
    print(
        f"                   {row['cpu_encode']:8.2f} ms encoding and hashing, {row['cpu_store']:.2f} ms storing rows"
    )
    print(f"  transactions     {row['transactions']:8d}, the longest {1000 * row['longest']:.0f} ms")
    for name, waits in (("network alone", row["alone_waits"]), ("job", row["job_waits"])):
        print(
            f"  another writer   p50 {waits['p50']:.0f}, p99 {waits['p99']:.0f}, longest {waits['longest']:.0f} ms "
            f"({waits['n']:,} transactions beside the {name})"
        )
    print(f"  peak memory      {row['peak']:6.0f} MiB, {row['before']:.0f} MiB of it before the job", flush=True)


def set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


def write_beside() -> None:
    """Fenced writes until the end of input. A line of input begins a new span; prints the waits (ms) of each."""
    set_up()
    from django.db import OperationalError, connection

    from worker.execution.context import RunningJob
    from worker.lifecycle import claim_job
    from worker.models import Job

    job = Job.objects.create(kind="benchmark", title="Beside the job")
    lease = claim_job(job_id=job.pk, worker_name="benchmark")
    assert lease is not None
    running = RunningJob(lease=lease, directory=job.directory)
    spans: list[list[float]] = [[]]

    def listen() -> None:
        for _ in sys.stdin:
            spans.append([])
        spans.append([])

    listener = threading.Thread(target=listen)
    listener.start()
    print("ready", flush=True)
    while listener.is_alive():
        span = spans[-1]
        start = time.perf_counter()
        try:
            with running.fenced():
                Job.objects.filter(pk=job.pk).update(message=str(start))
        except OperationalError:  # it waited for as long as the settings allow, and counts as that long
            connection.close()
        span.append(1000 * (time.perf_counter() - start))
        time.sleep(REST_SECONDS)
    summaries = []
    for span in spans:
        ordered = sorted(span) or [0.0]
        at = {name: ordered[int(share * (len(ordered) - 1))] for name, share in (("p50", 0.5), ("p99", 0.99))}
        summaries.append({**at, "longest": ordered[-1], "n": len(span)})
    print(json.dumps(summaries), flush=True)


class Clocks:
    """Where the job spends its time, by wrappers around its own code."""

    def __init__(self) -> None:
        self.drawing = self.in_network = self.cpu_encode = self.cpu_store = 0.0
        self.transactions: list[float] = []
        self.lock = threading.Lock()

    def attach(self) -> None:
        from generation import sample_drawing, sample_job
        from generation.image_source import CheckpointSource
        from worker.execution.context import RunningJob

        draw_missing, encode, keep = sample_job.draw_missing, sample_drawing._encode, sample_drawing.Store.add
        draw, fenced = CheckpointSource.draw, RunningJob.fenced

        def timed_draw_missing(store):
            start = time.perf_counter()
            draw_missing(store)
            self.drawing += time.perf_counter() - start

        def timed_draw(source, **values):
            start = time.perf_counter()
            try:
                return draw(source, **values)
            finally:
                self.in_network += time.perf_counter() - start

        def timed_encode(*values):
            start = time.thread_time()
            try:
                return encode(*values)
            finally:
                with self.lock:
                    self.cpu_encode += time.thread_time() - start

        def timed_keep(*values):
            start = time.thread_time()
            keep(*values)
            self.cpu_store += time.thread_time() - start

        @contextmanager
        def timed_fenced(running):
            """From the moment in which the lock is ours, to the end of the commit."""
            start = 0.0
            try:
                with fenced(running):
                    start = time.perf_counter()
                    yield
            finally:
                self.transactions.append(time.perf_counter() - start)

        sample_job.draw_missing = timed_draw_missing
        sample_drawing._encode = timed_encode
        sample_drawing.Store.add = timed_keep
        CheckpointSource.draw = timed_draw
        RunningJob.fenced = timed_fenced


def measure(options: argparse.Namespace, count: int) -> dict:
    """One job of `count` images, with the network alone before and after it."""
    set_up()
    import torch
    from django.core.management import call_command

    torch.set_num_threads(options.threads)
    call_command("migrate", verbosity=0)
    sample_run, options_of_drawing = prepare(options, count)

    from generation.gan.sampling import load_generator
    from worker.execution.child import execute_job
    from worker.lifecycle import claim_job

    generator = load_generator(sample_run.checkpoint.path, options=options_of_drawing)
    lease = claim_job(job_id=sample_run.job_id, worker_name="benchmark")
    assert lease is not None
    clocks = Clocks()
    clocks.attach()
    loads = [os.getloadavg()[0]]
    with writer() as pipe:
        alone = [network_rate(generator, count)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        next_span(pipe)
        start, start_cpu = time.perf_counter(), time.process_time()
        execute_job(job_id=sample_run.job_id, token=lease.token)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
        next_span(pipe)
        loads.append(os.getloadavg()[0])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        alone.append(network_rate(generator, count))
        loads.append(os.getloadavg()[0])
        output = pipe.communicate()[0]
    waits = json.loads(output.splitlines()[-1])
    sample_run.job.refresh_from_db()
    assert sample_run.job.state == "succeeded", sample_run.job.error
    sample_run.refresh_from_db()
    side = sample_run.dataset.images.first().width
    assert sample_run.dataset.images.count() == count
    network, cpu_network = (sum(values) / 2 for values in zip(*alone, strict=True))
    return {
        "network": network,
        "job": count / seconds,
        "seconds": seconds,
        "ratio": count / seconds / network,
        "drawing": clocks.drawing,
        "waited": clocks.drawing - clocks.in_network,
        "transactions": len(clocks.transactions),
        "longest": max(clocks.transactions),
        "alone_waits": waits[0],
        "job_waits": waits[1],
        "cpu_network": cpu_network,
        "cpu_job": 1000 * cpu_seconds / count,
        "cpu_encode": 1000 * clocks.cpu_encode / count,
        "cpu_store": 1000 * clocks.cpu_store / count,
        "before": before / 1024,
        "peak": peak / 1024,
        "side": side,
        "load": sum(loads) / len(loads),
    }


@contextmanager
def writer():
    command = [sys.executable, __file__, "--writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pipe:
        assert pipe.stdout is not None
        while pipe.stdout.readline().strip() != "ready":
            assert pipe.poll() is None
        yield pipe


def next_span(pipe: subprocess.Popen) -> None:
    assert pipe.stdin is not None
    pipe.stdin.write("\n")
    pipe.stdin.flush()


def network_rate(generator, count: int) -> tuple[float, float]:
    """Images per second of the forward pass alone, over about 500 images, and its milliseconds of processor time."""
    from generation.gan.sampling import BLOCK_SIZE, sample_block

    blocks = max(2, min(16, count // BLOCK_SIZE))
    sample_block(generator, seed=9, class_index=0, block=0)
    start, start_cpu = time.perf_counter(), time.process_time()
    for block in range(blocks):
        sample_block(generator, seed=9, class_index=0, block=block)
    images = blocks * BLOCK_SIZE
    return images / (time.perf_counter() - start), 1000 * (time.process_time() - start_cpu) / images


def prepare(options: argparse.Namespace, count: int):
    """A run with a checkpoint, and the queued sampling of `count` images in equal classes."""
    import torch

    from generation.gan.acgan import AcganGenerator
    from generation.gan.checkpoint import CheckpointData, file_sha256, load_checkpoint, save_checkpoint
    from generation.gan.presets import PRESETS
    from generation.gan.sampling_options import SamplingOptions
    from generation.models import TrainingRun
    from generation.services import record_checkpoint, start_sampling
    from imaging.models import Dataset
    from worker.models import Job

    if options.checkpoint:
        data = load_checkpoint(options.checkpoint)
    else:
        preset = PRESETS[options.preset]
        config = preset.make(1)
        torch.manual_seed(1)
        network = AcganGenerator(config, n_classes=2)
        network.latent.weight.data.mul_(30)  # untrained, all its images are nearly alike
        needed = dict.fromkeys(CheckpointData.__dataclass_fields__, 0)
        data = CheckpointData(
            **{
                **needed,
                "generator": "acgan",
                "config": config.to_dict(),
                "classes": ["first", "second"],
                "networks": {"generator": network.state_dict()},
            }
        )
    job = Job.objects.create(kind="generation.train", title="Benchmark", state="succeeded")
    path = job.directory / "checkpoints" / "checkpoint-00000001.pt"
    path.parent.mkdir(parents=True)
    if options.checkpoint:
        path.write_bytes(options.checkpoint.read_bytes())
    else:
        save_checkpoint(path, data)
    run = TrainingRun.objects.create(
        name="Benchmark",
        generator=data.generator,
        dataset=Dataset.objects.create(name="None", origin="real"),
        classes=list(data.classes),
        config=data.config,
        job=job,
    )
    checkpoint = record_checkpoint(
        run=run, iteration=1, file_name="checkpoints/checkpoint-00000001.pt", sha256=file_sha256(path)
    )
    drawing = SamplingOptions(precision=options.precision, device=options.device)
    share, rest = divmod(count, len(data.classes))
    per_class = {name: share + (index < rest) for index, name in enumerate(data.classes)}
    sample_run = start_sampling(
        checkpoint=checkpoint, per_class=per_class, seed=1, dataset_name="Drawn", created_by=None, options=drawing
    )
    return sample_run, drawing


if __name__ == "__main__":
    main()

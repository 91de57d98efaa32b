"""Counts to N with a checkpoint file and writes a journal, so that resuming and never overlapping can be proven."""

import json
import os
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.registry import JobContext, JobError, register_job

CHECKPOINT_EVERY = 5
PROCESS = uuid.uuid4().hex  # numbers of processes come again, on another host or after a restart
BEHAVIOURS = ("count", "job_error", "bug", "memory", "exit", "stubborn", "leave", "not_json")


@dataclass(frozen=True, kw_only=True)
class CountParameters:
    steps: int
    journal: str  # a file; one JSON object a line
    step_seconds: float = 0.05
    behaviour: str = "count"  # what happens at step 7

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps must be 0 or more, not {self.steps}")
        if self.behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}, not {self.behaviour!r}")


@register_job("count", parameters=CountParameters, queue="light", resumable=True)
def count(context: JobContext, parameters: CountParameters) -> dict[str, Any]:
    checkpoint = context.directory / "checkpoint.json"
    done = json.loads(checkpoint.read_text())["done"] if checkpoint.exists() else 0
    _write(parameters, "start", done)
    context.log(f"Counting from {done} to {parameters.steps}")
    context.progress(done, parameters.steps, "steps")
    try:
        while done < parameters.steps:
            if parameters.behaviour != "stubborn" and context.should_stop():
                _save(checkpoint, done)
                _write(parameters, "saved", done)
                context.raise_if_stopped()
            time.sleep(parameters.step_seconds)
            done += 1
            _write(parameters, "step", done)
            context.progress(done, parameters.steps, "steps")
            context.metric(done, square=float(done**2))
            if done % CHECKPOINT_EVERY == 0:
                _save(checkpoint, done)
            if done == 7:
                _misbehave(context, parameters.behaviour)
    finally:
        _write(parameters, "stop", done)
    with context.fenced():
        pass
    return {"counted": float("nan") if parameters.behaviour == "not_json" else done}


@register_job("count_gpu", parameters=CountParameters, queue="gpu", gpus=lambda _: 2, resumable=True)
def count_gpu(context: JobContext, parameters: CountParameters) -> dict[str, Any]:
    return count(context, parameters)


def _misbehave(context: JobContext, behaviour: str) -> None:
    if behaviour == "job_error":
        raise JobError("File a.png, row 3: the label is missing. Add it and import again.")
    if behaviour == "bug":
        raise RuntimeError("something unforeseen")
    if behaviour == "memory":
        raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")
    if behaviour == "exit":
        print("last words", flush=True)  # noqa: T201
        os._exit(3)
    if behaviour == "leave":
        from worker.registry import JobStopped

        raise JobStopped


def _save(checkpoint: Path, done: int) -> None:
    temporary = checkpoint.with_suffix(".tmp")
    temporary.write_text(json.dumps({"done": done}))
    temporary.replace(checkpoint)


def _write(parameters: CountParameters, event: str, step: int) -> None:
    entry = {"process": PROCESS, "pid": os.getpid(), "host": socket.gethostname(), "event": event, "step": step}
    if event == "start":
        entry["gpus"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    with open(parameters.journal, "a") as file:  # noqa: PTH123
        file.write(json.dumps(entry) + "\n")

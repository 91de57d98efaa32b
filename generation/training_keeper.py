"""Which checkpoints of a run stay: milestones, the best by the chosen measure, and the newest.

Milestones and the best have a record, so that samples can be drawn from them; so has the state in which a run stopped.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from generation.gan.checkpoint import (
    CheckpointData,
    CheckpointError,
    checkpoint_name,
    choose_best,
    file_sha256,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
    sync_directory,
)
from generation.models import Checkpoint, TrainingRun
from generation.selectors import best_measure
from generation.services import forget_checkpoint, record_checkpoint
from worker.registry import JobContext

CHECKPOINTS = "checkpoints"
MILESTONES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the run: states that stay and can be sampled from


class State(Protocol):
    """What of a checkpoint decides whether it stays."""

    @property
    def iteration(self) -> int: ...
    @property
    def images_seen(self) -> int: ...
    @property
    def measures(self) -> dict[str, float]: ...


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """A `State` without the networks."""

    iteration: int
    images_seen: int
    measures: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> "SavedState":
        return cls(iteration=state.iteration, images_seen=state.images_seen, measures=state.measures)


class CheckpointKeeper:
    """Checkpoint files of a run and their records."""

    def __init__(self, context: JobContext, run: TrainingRun) -> None:
        self.context, self.run = context, run
        self.directory = context.directory / CHECKPOINTS
        self.records = {record.iteration: record for record in run.checkpoints.all()}
        self.total_images = 0  # known once the run goes on
        self.last_saved: tuple[State, str] | None = None  # in this attempt, with the file's SHA-256

    def path(self, state: State) -> Path:
        return self.directory / checkpoint_name(state.iteration)

    def newest(self) -> CheckpointData | None:
        """The newest checkpoint that can be read, or None at the start of a run."""
        for _, path in reversed(list_checkpoints(self.directory)):
            try:
                return load_checkpoint(path)
            except CheckpointError as error:
                self.context.log(f"{error}. Going back to an earlier one.", level="warning")
        return None

    def go_on(self, *, total_images: int, resume: CheckpointData | None) -> None:
        """Must be called before the run goes on: a state that was written may not have been recorded."""
        self.total_images = total_images
        if resume is not None and resume.iteration not in self.records:
            self._settle(resume, file_sha256(self.path(resume)))

    def save(self, data: CheckpointData) -> None:
        if not self._is_kept(data):
            self._kept_anew(data, save_checkpoint(self.path(data), data))

    def take(self, written: Path, state: SavedState, sha256: str) -> None:
        """`save` of a checkpoint that is in the file `written`, of this file system, which is moved away."""
        if self._is_kept(state):
            written.unlink()
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        written.replace(self.path(state))
        sync_directory(self.directory)
        self._kept_anew(state, sha256)

    def _is_kept(self, state: State) -> bool:
        """Whether it is done a second time; what is recorded never changes."""
        path, record = self.path(state), self.records.get(state.iteration)
        return record is not None and path.exists() and file_sha256(path) == record.sha256

    def _kept_anew(self, state: State, sha256: str) -> None:
        record = self.records.get(state.iteration)
        if record and sha256 != record.sha256:
            self.context.log(
                f"The checkpoint at iteration {state.iteration:,} was lost and came out differently on this machine: "
                "images drawn from the lost one cannot be made again",
                level="warning",
            )
        self.last_saved = SavedState.of(state), sha256
        self._settle(state, sha256)

    def record_newest(self) -> None:
        """Make the state in which the run stopped known: samples can be drawn from it."""
        for iteration, path in list_checkpoints(self.directory)[-1:]:
            if iteration in self.records:
                continue
            known = self.last_saved
            if known is None or known[0].iteration != iteration:
                known = load_checkpoint(path), file_sha256(path)  # takes seconds for large networks
            self._record(known[0], known[1], is_milestone=False)

    def _settle(self, data: State, sha256: str) -> None:
        """Record `data` if it is to stay, and let go of what needs not stay any longer."""
        if self._is_milestone(data.images_seen):
            self._record(data, sha256, is_milestone=True)
        best = self._best(data)
        if data.iteration in best:
            self._record(data, sha256, is_milestone=False)
        for iteration, record in list(self.records.items()):
            if not record.is_milestone and iteration != data.iteration and iteration not in best:
                with self.context.fenced():
                    is_gone = forget_checkpoint(checkpoint=record)
                if is_gone:
                    del self.records[iteration]
        prune_checkpoints(self.directory, keep=set(self.records))

    def _is_milestone(self, images_seen: int) -> bool:
        """Whether this is the first recorded state at or after one of the shares of the run."""
        before = [record.images_seen for record in self.records.values() if record.is_milestone]
        reached = [share * self.total_images for share in MILESTONES if images_seen >= share * self.total_images]
        return any(not any(at <= earlier <= images_seen for earlier in before) for at in reached)

    def _best(self, data: State) -> set[int]:
        values = {record.iteration: best_measure(self.run, record.measures) for record in self.records.values()}
        values[data.iteration] = best_measure(self.run, data.measures)
        known = {iteration: value for iteration, value in values.items() if value is not None}
        return choose_best(known, count=self.run.keep_best)

    def _record(self, data: State, sha256: str, *, is_milestone: bool) -> None:
        if data.iteration in self.records:
            return
        with self.context.fenced():
            self.records[data.iteration] = record_checkpoint(
                run=self.run,
                iteration=data.iteration,
                images_seen=data.images_seen,
                measures=data.measures,
                is_milestone=is_milestone,
                file_name=f"{CHECKPOINTS}/{checkpoint_name(data.iteration)}",
                sha256=sha256,
            )
        self.context.log(f"Checkpoint after {data.images_seen:,} images: samples can be drawn from it")

    @property
    def last(self) -> Checkpoint:
        return self.records[max(self.records)]

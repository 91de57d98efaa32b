"""Verbs on generators from elsewhere: take one in, accept it after its trial, discard it."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.accounts.models import User
from generation.gan.foreign_files import ForeignError, check_file, sha256_of
from generation.gan.foreign_settings import Declaration
from generation.gan.registry import get_generator
from generation.importing.parameters import TRY_GENERATOR, TryParameters
from generation.models import Checkpoint, ForeignGenerator
from generation.services import GenerationError
from worker.models import Job
from worker.services import enqueue_job

CHECKPOINT_NAME = "checkpoint-00000000.pt"  # of a safetensors state, once it is accepted


def read_settings(text: str | bytes) -> dict[str, Any]:
    """The settings that come with a safetensors state: {"generator": name, "config": {...}, "classes": [...]}.

    Raises ForeignError, in words, unless they are those of a network that this program has.
    """
    try:
        values = json.loads(text)
        generator, config, classes = values["generator"], values["config"], values["classes"]
        checked = get_generator(generator).config.from_dict(config).to_dict()
    except (ValueError, KeyError, TypeError) as error:
        missing = f"“{error.args[0]}” is missing" if isinstance(error, KeyError) else str(error)
        raise ForeignError(
            f'The settings cannot be used ({missing}). Wanted is a JSON object {{"generator": "acgan", "config": '
            '{…}, "classes": ["normal", …]}, as “manage.py export_generator” writes it'
        ) from error
    return {"generator": generator, "config": checked, "classes": classes}


def take_in_generator(
    *,
    source: Path,
    file_name: str,
    name: str,
    made_with: str,
    declaration: Declaration,
    licence: str = "",
    citation: str = "",
    created_by: User | None,
    delete_source: bool = False,
) -> ForeignGenerator:
    """Keep the file under its SHA-256 and queue a trial drawing. Nothing can be sampled before it is accepted.

    Raises ForeignError when the file cannot be a generator, GenerationError for a name that is taken.
    """
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise GenerationError("The generator needs a name of 1 to 200 characters.")
    if not 1 <= len(made_with.strip()) <= 200:
        raise GenerationError("Say in 1 to 200 characters what the generator was made with.")
    if not source.is_file():
        raise ForeignError(f"There is no file {source.name}")
    check_file(source, format=declaration.format)
    foreign = ForeignGenerator(
        id=uuid.uuid4(),
        name=name,
        made_with=made_with.strip(),
        licence=licence,
        citation=citation,
        file_name=file_name[-200:],
        sha256=sha256_of(source),
        declaration=declaration.to_dict(),
        created_by=created_by,
    )
    try:
        with transaction.atomic():
            if ForeignGenerator.objects.filter(name=name).exists():
                raise GenerationError(_taken(name))
            foreign.job = enqueue_job(
                kind=TRY_GENERATOR,
                parameters=TryParameters(foreign_id=str(foreign.id)),
                title=f"Try “{name}”",
                created_by=created_by,
            )
            foreign.save()
            _keep(source, foreign.path, move=delete_source)
    except IntegrityError as error:
        raise GenerationError(_taken(name)) from error
    return foreign


def _taken(name: str) -> str:
    return f"There is a generator called “{name}” already. Choose another name."


def _keep(source: Path, path: Path, *, move: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4()}")
    try:
        if move:
            shutil.move(source, temporary)
        else:
            shutil.copyfile(source, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@transaction.atomic
def accept_generator(*, foreign: ForeignGenerator) -> Checkpoint:
    """From now on samples can be drawn from it. Accepting again changes nothing.

    Raises GenerationError when its trial drawing has not succeeded.
    """
    foreign = ForeignGenerator.objects.select_for_update().select_related("job").get(pk=foreign.pk)
    if foreign.job.state != Job.State.SUCCEEDED:
        raise GenerationError("Its trial drawing has not succeeded, so it cannot be accepted.")
    existing = Checkpoint.objects.filter(foreign=foreign).first()
    if existing is not None:
        return existing
    converted = foreign.trial.get("checkpoint_sha256")
    foreign.accepted_at = timezone.now()
    foreign.save(update_fields=["accepted_at"])
    return Checkpoint.objects.create(
        foreign=foreign,
        iteration=0,
        file_name=CHECKPOINT_NAME if converted else foreign.file_name,
        sha256=converted or foreign.sha256,
    )


@transaction.atomic
def discard_generator(*, foreign: ForeignGenerator) -> None:
    """Forget it and remove its file. Raises GenerationError once something was sampled from it."""
    checkpoint = Checkpoint.objects.filter(foreign=foreign).first()
    if checkpoint is not None:
        if checkpoint.sample_runs.exists():
            raise GenerationError(f"“{foreign}” stays: images were drawn from it, and their provenance names it.")
        checkpoint.delete()
    if foreign.job.is_active:
        raise GenerationError("Its trial drawing is not over yet. Cancel it first.")
    path, sha256 = foreign.path, foreign.sha256
    foreign.delete()
    if not ForeignGenerator.anywhere.filter(sha256=sha256).exists():
        transaction.on_commit(lambda: path.unlink(missing_ok=True))

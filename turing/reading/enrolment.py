"""How somebody becomes a reader of a study: by accepting an invitation, or enrolled by a service."""

import hashlib
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from config.accounts.models import User
from config.accounts.services import create_user
from turing.audit.services import record_event
from turing.errors import StudyError
from turing.models.reading import ReadingSession
from turing.models.studies import Invitation, Study, Trial
from turing.ordering import Place, draw_order


def invitation_sha256(secret: str) -> str:
    """What is stored of a link's secret (32 random bytes: no salt needed)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_invitation(secret: str) -> Invitation | None:
    return Invitation.objects.select_related("study").filter(secret_sha256=invitation_sha256(secret)).first()


def invitation_problem(invitation: Invitation | None, user: User | AnonymousUser) -> str:
    """Why this user cannot accept it, for the user to read; empty when nothing stands in the way."""
    if invitation is None:
        return "This invitation link is not known. Check that you copied all of it."
    if invitation.state == "used":
        return "This invitation was used already. If it was you, sign in to go on reading; else ask for a new link."
    if invitation.state == "revoked":
        return "This invitation was withdrawn. Ask the investigator of the study for a new link."
    if invitation.state == "expired":
        return "This invitation has expired. Ask the investigator of the study for a new link."
    if invitation.study.follows_id is not None:
        return "This is the second session of a study: only the readers of the first take part, without a link."
    if invitation.study.status == Study.Status.DRAFT:
        return "The study is not open yet. Keep the link and come back when the investigator tells you."
    if invitation.study.status == Study.Status.CLOSED:
        return "The study is closed: no more readers are needed. Thank you."
    if user.is_authenticated and user.is_investigator:
        return (
            "You are signed in as an investigator. Investigators know too much about a study to read it: "
            "sign out and open the link again to register as a reader."
        )
    return ""


@transaction.atomic
def enrol_reader(
    *,
    study: Study,
    user: User | None,
    is_simulated: bool = False,
    reader_code: str = "",
    available_from: datetime | None = None,
) -> ReadingSession:
    """A session with the next code (R01, R02, ...), and the order in which this reader meets the images: drawn here,
    stored, and never drawn again. `user` is None for a simulated reader only.

    `reader_code`, `available_from`: of a reader of the study that this one follows, and of nobody else.

    Raises StudyError when the study is not open, the user takes part already or is an investigator, when people and
    simulated readers would be mixed (an example study is for simulated readers alone, others for people alone), or when
    a second session would get a reader who was not in the first.
    """
    study = Study.anywhere.select_for_update().get(pk=study.pk)
    if study.status != Study.Status.OPEN:
        raise StudyError(f"“{study}” is {study.get_status_display().lower()}: readers can join an open study only.")
    if is_simulated != study.is_example:
        raise StudyError("Simulated readers read example studies, people read the others; they are never mixed.")
    if (user is None) != is_simulated:
        raise StudyError("A simulated reader has no account; every other reader needs one.")
    if study.follows_id is not None and not reader_code and not is_simulated:
        raise StudyError(f"“{study}” is a second session: the readers of the first take part, and nobody else.")
    if user is not None:
        if user.is_investigator:
            raise StudyError(f"{user} is an investigator: investigators know too much about a study to read it.")
        if ReadingSession.objects.filter(study=study, reader=user).exists():
            raise StudyError(f"{user} is a reader of “{study}” already.")
    number = ReadingSession.objects.filter(study=study).count() + 1  # sessions are never deleted, the study is locked
    session = ReadingSession.objects.create(
        study=study,
        reader=user,
        reader_code=reader_code or f"R{number:02d}",
        is_simulated=is_simulated,
        available_from=available_from,
        trial_order=draw_order(_places(study), order=study.order, seed=study.seed, reader=number),
    )
    record_event(action="session.enrolled", about=session, by=user, written=[session])
    return session


def _places(study: Study) -> list[Place]:
    """Two trials show the same picture when they have the same pixels: that needs no truth."""
    return [
        Place(
            position=trial.position,
            phase=trial.phase,
            block=trial.block,
            is_practice=trial.is_practice,
            picture=trial.stimulus_sha256 + trial.right_sha256,
        )
        for trial in Trial.objects.filter(study=study)
    ]


@transaction.atomic
def accept_invitation(*, secret: str, user: User) -> ReadingSession:
    """Use a link up for a signed-in reader; their session. A reader of the study already keeps the link unused.

    Raises StudyError, with a text for the reader, when the link cannot be used.
    """
    found = find_invitation(secret)
    if found is not None:
        # the study first, as everywhere: two locks taken in one order cannot wait for each other
        Study.anywhere.select_for_update().get(pk=found.study_id)
        found = Invitation.objects.select_for_update(of=("self",)).select_related("study").get(pk=found.pk)
        session = ReadingSession.objects.filter(study=found.study, reader=user).first()
        if session is not None:
            return session
    problem = invitation_problem(found, user)
    if found is None or problem:
        raise StudyError(problem)
    session = enrol_reader(study=found.study, user=user)
    found.accepted_at = timezone.now()
    found.accepted_by = user
    found.save(update_fields=["accepted_at", "accepted_by"])
    record_event(action="invitation.accepted", about=found, by=user, written=[found])
    return session


@transaction.atomic
def register_reader(*, secret: str, username: str, password: str, email: str = "") -> ReadingSession:
    """A new reader account that accepts the invitation at once; both or neither.

    Raises StudyError when the link cannot be used, ValidationError when the account cannot be made.
    """
    problem = invitation_problem(find_invitation(secret), AnonymousUser())
    if problem:
        raise StudyError(problem)
    user = create_user(username=username, password=password, email=email, role=User.Role.READER)
    return accept_invitation(secret=secret, user=user)

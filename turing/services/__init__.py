"""Verbs of investigators on studies and invitations. What readers do stands in `turing.reading.services`."""

from turing.reading.enrolment import enrol_reader
from turing.services.closing import close_study
from turing.services.invitations import create_invitations, revoke_invitation
from turing.services.opening import audit_blinding, finish_opening, open_study, prepared_opening
from turing.services.studies import clone_study, create_study, delete_study, follow_up_study, update_study

__all__ = [
    "audit_blinding",
    "clone_study",
    "close_study",
    "create_invitations",
    "create_study",
    "delete_study",
    "enrol_reader",
    "finish_opening",
    "follow_up_study",
    "open_study",
    "prepared_opening",
    "revoke_invitation",
    "update_study",
]

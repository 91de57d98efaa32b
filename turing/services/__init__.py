"""Verbs of investigators on studies and invitations. What readers do stands in `turing.reading.services`."""

from turing.reading.enrolment import enrol_reader
from turing.services.invitations import create_invitations, revoke_invitation
from turing.services.opening import audit_blinding, close_study, open_study
from turing.services.studies import create_study, delete_study, update_study

__all__ = [
    "audit_blinding",
    "close_study",
    "create_invitations",
    "create_study",
    "delete_study",
    "enrol_reader",
    "open_study",
    "revoke_invitation",
    "update_study",
]

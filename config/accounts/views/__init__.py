"""Pages of people."""

from config.accounts.views.joining import invitation_revoke, invitations, join
from config.accounts.views.own import account, end_session
from config.accounts.views.people import (
    people,
    person,
    person_deactivate,
    person_end_sessions,
    person_lift_lockout,
    person_reactivate,
    person_reset_second_factor,
    sign_ins,
)

__all__ = [
    "account",
    "end_session",
    "invitation_revoke",
    "invitations",
    "join",
    "people",
    "person",
    "person_deactivate",
    "person_end_sessions",
    "person_lift_lockout",
    "person_reactivate",
    "person_reset_second_factor",
    "sign_ins",
]

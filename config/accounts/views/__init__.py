"""Pages of people."""

from config.accounts.views.joining import invitation_revoke, invitations, join
from config.accounts.views.people import people, person, person_deactivate, person_reactivate

__all__ = [
    "invitation_revoke",
    "invitations",
    "join",
    "people",
    "person",
    "person_deactivate",
    "person_reactivate",
]

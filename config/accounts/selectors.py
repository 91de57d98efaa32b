"""Reads for the pages of people."""

from django.db.models import Q, QuerySet

from config.accounts.models import AccountInvitation, SignIn, User

STATES = {"active": "Active", "deactivated": "Deactivated", "never": "Never signed in"}


def list_people(*, search: str = "", role: str = "", state: str = "") -> QuerySet[User]:
    """By user name. `search` in user name, name and e-mail; an unknown `role` or `state` means all."""
    people = User.objects.order_by("username")
    if search:
        names = ("username", "first_name", "last_name", "email")
        found = Q()
        for name in names:
            found |= Q(**{f"{name}__icontains": search})
        people = people.filter(found)
    if role in User.Role.values:
        people = people.filter(role=role)
    if state == "never":
        return people.filter(last_login=None)
    return people.filter(is_active=state == "active") if state in STATES else people


def list_invitations() -> QuerySet[AccountInvitation]:
    """Newest first, with who made and who used them."""
    return AccountInvitation.objects.select_related("accepted_by", "created_by")


def list_sign_ins() -> QuerySet[SignIn]:
    """Newest first, with their accounts."""
    return SignIn.objects.select_related("user")

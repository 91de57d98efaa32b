"""The demonstration's two accounts. Their generated passwords are kept in a file that only the owner can read."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from config.accounts.models import User
from config.accounts.services import create_user
from config.projects.services import join_only_project


@dataclass(frozen=True, kw_only=True)
class DemoAccount:
    user: User
    password: str | None  # None: changed by its owner since


def demo_accounts() -> dict[str, DemoAccount]:
    """`investigator` and `reader`, made on the first call."""
    path = Path(settings.DATA_DIR) / "secrets" / "demo_accounts.json"
    passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for name in ("investigator", "reader"):
        passwords.setdefault(name, secrets.token_urlsafe(12))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords))
    return {name: _account(name, password) for name, password in passwords.items()}


def _account(name: str, password: str) -> DemoAccount:
    user = User.objects.filter(username=name).first()
    if user is None:
        user = create_user(username=name, password=password, role=name)
        join_only_project(user=user)
    return DemoAccount(user=user, password=password if user.check_password(password) else None)

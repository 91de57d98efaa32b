"""Predicates on the user alone; apps combine them with their own objects."""

from typing import Any

import rules


@rules.predicate
def is_investigator(user: Any) -> bool:
    return user.is_authenticated and user.is_investigator


@rules.predicate
def works_in_projects(user: Any) -> bool:
    return user.is_authenticated and user.works_in_projects


@rules.predicate
def is_administrator(user: Any) -> bool:
    return user.is_authenticated and user.is_administrator

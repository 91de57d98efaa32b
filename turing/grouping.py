"""Reader groups by declared experience, by a rule that is fixed when the study opens. Pure.

By years: `[{"name": "Less experienced", "from_years": 0}, {"name": "More experienced", "from_years": 5}]`, in rising
order, the first from 0. By grade: `[{"name": "Training", "grades": ["student", "resident"]}, ...]`, each grade once.
"""

from itertools import pairwise
from typing import Any

from turing.errors import StudyError
from turing.models.studies import Grade, GroupBy

MOST_YEARS = 70
MOST_GROUPS = 6
LONGEST_NAME = 40


def clean_groups(group_by: str, groups: Any) -> list[dict[str, Any]]:
    """`groups` in their one spelling. Raises StudyError for a rule that leaves somebody out or is not clear."""
    if group_by == GroupBy.NOTHING:
        return []
    if not isinstance(groups, list) or not 2 <= len(groups) <= MOST_GROUPS:
        raise StudyError(f"Reader groups: between 2 and {MOST_GROUPS} are needed.")
    names = [str(group.get("name", "")).strip() for group in groups]
    if any(not name or len(name) > LONGEST_NAME for name in names) or len({name.lower() for name in names}) < len(
        names
    ):
        raise StudyError(f"Reader groups: each needs a name of its own, of at most {LONGEST_NAME} characters.")
    rule = _clean_years if group_by == GroupBy.YEARS else _clean_grades
    return [{"name": name, **rest} for name, rest in zip(names, rule(groups), strict=True)]


def group_of(group_by: str, groups: list[dict[str, Any]], *, years: float | None, grade: str) -> str:
    """The name of the group of a reader; empty when the study has none. Raises ValueError for what was not declared."""
    if group_by == GroupBy.NOTHING:
        return ""
    if group_by == GroupBy.YEARS:
        if years is None or not 0 <= years <= MOST_YEARS:
            raise ValueError(f"Years of experience: a number between 0 and {MOST_YEARS} is needed.")
        return str([group["name"] for group in groups if group["from_years"] <= years][-1])
    for group in groups:
        if grade in group["grades"]:
            return str(group["name"])
    raise ValueError("Grade: one of the list is needed.")


def _clean_years(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    starts: list[Any] = [group.get("from_years") for group in groups]
    if not all(isinstance(start, int | float) and not isinstance(start, bool) for start in starts):
        raise StudyError("Reader groups: each needs the years of experience it starts from.")
    if starts[0] != 0 or any(not low < high <= MOST_YEARS for low, high in pairwise(starts)):
        raise StudyError(
            f"Reader groups: the first starts from 0 years, each later one from more, up to {MOST_YEARS}; these start "
            f"from {', '.join(f'{start:g}' for start in starts)}."
        )
    return [{"from_years": start} for start in starts]


def _clean_grades(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    chosen = [list(dict.fromkeys(group.get("grades") or [])) for group in groups]
    given = [grade for grades in chosen for grade in grades]
    if sorted(given) != sorted(Grade.values) or not all(chosen):
        raise StudyError("Reader groups: each grade belongs into one group, and each group needs a grade.")
    return [{"grades": grades} for grades in chosen]

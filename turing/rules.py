"""Who may do what to a study, as predicates that read as sentences.

Call them; do not go through `user.has_perm`: Django grants a superuser everything, and an open study must stay blind
to everybody.
"""

from typing import Any

import rules

from config.accounts.rules import is_investigator
from turing.models import Study


@rules.predicate
def study_is_draft(user: Any, study: Study) -> bool:
    return study.status == Study.Status.DRAFT


@rules.predicate
def study_is_open(user: Any, study: Study) -> bool:
    return study.status == Study.Status.OPEN


@rules.predicate
def study_is_closed(user: Any, study: Study) -> bool:
    return study.status == Study.Status.CLOSED


@rules.predicate
def study_is_for_people(user: Any, study: Study) -> bool:
    return not study.is_example


@rules.predicate
def study_is_second_session(user: Any, study: Study) -> bool:
    """Its readers are those of the first."""
    return study.follows_id is not None


@rules.predicate
def can_clone_study(user: Any, study: Study) -> bool:
    """Of any study: the protocol alone is copied."""
    return bool(is_investigator(user))


can_change_study = is_investigator & study_is_draft
can_delete_study = is_investigator & study_is_draft
can_open_study = is_investigator & study_is_draft
can_preview_study = is_investigator & ~study_is_closed
can_follow_up_study = is_investigator & ~study_is_draft & study_is_for_people
can_close_study = is_investigator & study_is_open
can_invite_readers = is_investigator & ~study_is_closed & study_is_for_people & ~study_is_second_session
can_view_results = is_investigator & study_is_closed

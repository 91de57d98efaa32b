"""Pages of investigators. Results have their own views in `turing.results`, readers in `turing.reading`."""

from turing.views.drafts import (
    matching_count,
    second_session_create,
    study_clone,
    study_create,
    study_delete,
    study_edit,
)
from turing.views.invitations import invitation_create, invitation_revoke
from turing.views.planning import plan_detail, plan_file, planning
from turing.views.previews import (
    preview,
    preview_answer,
    preview_attend,
    preview_continue,
    preview_current,
    preview_done,
    preview_instructions,
    preview_phase,
    preview_stimulus,
)
from turing.views.studies import study_close, study_detail, study_list, study_open, study_progress

__all__ = [
    "invitation_create",
    "invitation_revoke",
    "matching_count",
    "plan_detail",
    "plan_file",
    "planning",
    "preview",
    "preview_answer",
    "preview_attend",
    "preview_continue",
    "preview_current",
    "preview_done",
    "preview_instructions",
    "preview_phase",
    "preview_stimulus",
    "second_session_create",
    "study_clone",
    "study_close",
    "study_create",
    "study_delete",
    "study_detail",
    "study_edit",
    "study_list",
    "study_open",
    "study_progress",
]

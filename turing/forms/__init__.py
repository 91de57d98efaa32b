"""Forms of investigators: the draft of a study, its opening, a second session, and invitations."""

from turing.forms.sides import SideForm, side_options
from turing.forms.small import InvitationForm, OverrideForm, SecondSessionForm
from turing.forms.study import StudyForm

__all__ = ["InvitationForm", "OverrideForm", "SecondSessionForm", "SideForm", "StudyForm", "side_options"]

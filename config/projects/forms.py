"""Forms of the project pages."""

from django import forms

from config.accounts.models import User
from config.forms import BootstrapFormMixin
from config.projects.models import Membership, Project
from config.projects.selectors import find_members_to_add


class ProjectForm(BootstrapFormMixin, forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="What the group calls it, such as the title of the paper. Members see it, nobody else.",
    )
    description = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="What it is about. May stay empty."
    )


class MemberForm(BootstrapFormMixin, forms.Form):
    user = forms.ModelChoiceField(
        User.objects.none(),
        label="Person",
        empty_label="Choose a person",
        help_text="Investigators and annotators. An administrator invites people who have no account yet.",
    )
    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        initial=Membership.Role.MEMBER,
        help_text="Members see and do everything in the project; owners also choose its members.",
    )

    def __init__(self, project: Project, *args: object, **options: object) -> None:
        super().__init__(*args, **options)
        people = find_members_to_add(project)
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        self.fields["user"].label_from_instance = lambda user: f"{user.username} ({user.get_role_display().lower()})"  # type: ignore[attr-defined]

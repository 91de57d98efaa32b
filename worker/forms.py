"""What a list of jobs can be narrowed down to."""

from typing import Any

from django import forms
from django.db.models import Q

from config.accounts.models import User
from config.forms import BootstrapFormMixin
from config.projects.scope import current_scope
from worker.models import Job
from worker.registry import job_kind_names
from worker.templatetags.jobs import in_words


class JobFilterForm(BootstrapFormMixin, forms.Form):
    text = forms.CharField(required=False, max_length=200, label="Part of the title, or beginning of the id")
    kind = forms.ChoiceField(required=False, label="Kind")
    queue = forms.ChoiceField(required=False, label="Queue")
    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Started by", empty_label="Anybody")
    since = forms.DateField(required=False, label="Made from", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(required=False, label="Made to", widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [("", "All kinds"), *((name, in_words(name)) for name in job_kind_names())]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        self.fields["queue"].choices = [("", "All queues"), *Job.Queue.choices]  # type: ignore[attr-defined]
        people = User.objects.exclude(role=User.Role.READER).order_by("username")
        scope = current_scope()
        if scope is not None:
            of_project = Q(memberships__project__in=scope) | Q(role=User.Role.ADMINISTRATOR) | Q(is_superuser=True)
            people = people.filter(of_project).distinct()
        self.fields["person"].queryset = people  # type: ignore[attr-defined]

    @property
    def filters(self) -> dict[str, Any]:
        """What is set and can be used; a value that cannot be used narrows nothing, and is said at its field."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

"""Housekeeping after crashes: stimulus files without a trial, left by a process killed while it opened a study."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from config.projects.scope import all_projects_in_sight
from turing import stimuli
from turing.models import Study, Trial

BATCH = 500
# An opening makes its files before anything of it stands in the database. They are let alone for longer than one takes.
LONGEST_OPENING = timedelta(hours=6)


@all_projects_in_sight()
def sweep_stimuli(*, older_than: timedelta = LONGEST_OPENING) -> int:
    """Remove every stimulus file of that age that no trial needs; returns how many files.

    Whatever the age, no study loses a file: the files are listed first, then every draft is locked, so an opening that
    ended meanwhile has its trials, and one that ends later finds that files of it are gone, and is refused.
    """
    before = timezone.now() - older_than
    listed = [name for name in stimuli.stored_stimuli() if stimuli.made_at(name) <= before]
    removed = 0
    with transaction.atomic():
        list(Study.anywhere.select_for_update().filter(status=Study.Status.DRAFT).order_by("pk").values_list("pk"))
        for start in range(0, len(listed), BATCH):
            batch = listed[start : start + BATCH]
            needed = {
                name
                for column in ("stimulus_file", "right_file")
                for name in Trial.objects.filter(**{f"{column}__in": batch}).values_list(column, flat=True)
            }
            for name in batch:
                if name not in needed:
                    stimuli.delete_stimulus(name)
                    removed += 1
    return removed

"""Housekeeping after crashes: stimulus files without a trial, left by a process killed while it opened a study."""

from django.db import transaction

from turing import stimuli
from turing.models import Study, Trial

BATCH = 500


def sweep_stimuli() -> int:
    """Remove every stimulus file that no trial needs; returns how many files.

    Safe beside an opening, whose files have no trial yet. The files are listed first, then every draft is locked: who
    saved a file of the list and has not ended holds the lock of a draft (see `opening`; on SQLite, of the database), so
    after this wait each of these files has its trial or never will. Files saved later are not in the list.
    """
    listed = list(stimuli.stored_stimuli())
    removed = 0
    with transaction.atomic():
        list(Study.objects.select_for_update().filter(status=Study.Status.DRAFT).order_by("pk").values_list("pk"))
        for start in range(0, len(listed), BATCH):
            batch = listed[start : start + BATCH]
            needed = set(Trial.objects.filter(stimulus_file__in=batch).values_list("stimulus_file", flat=True))
            for name in batch:
                if name not in needed:
                    stimuli.delete_stimulus(name)
                    removed += 1
    return removed

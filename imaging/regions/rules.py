"""Who may draw regions, and see the pictures for it, as predicates that read as sentences."""

from typing import Any

import rules

from config.accounts.rules import is_investigator, works_in_projects
from imaging.models import Image, RegionTask
from imaging.regions.models import RegionAnnotator

Role = RegionAnnotator.Role


@rules.predicate
def draws_in_task(user: Any, task: RegionTask) -> bool:
    return task.annotators.filter(user=user, role=Role.ANNOTATOR).exists()


@rules.predicate
def draws_on_image(user: Any, image: Image) -> bool:
    """In a task that is still open: an annotator's look at a picture ends with the work on it."""
    return image.region_assignments.filter(
        annotator__user=user, annotator__role=Role.ANNOTATOR, annotator__task__closed_at=None
    ).exists()


can_draw = works_in_projects & draws_in_task
can_see_pixels_to_draw = is_investigator | (works_in_projects & draws_on_image)

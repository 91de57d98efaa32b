"""Tasks with real images, and drawings saved as the page saves them."""

import uuid
from typing import Any

import numpy as np

from config.accounts.models import User
from imaging.models import Dataset, Image, RegionAnnotator, RegionDrawing, RegionTask
from imaging.regions.services import create_task, save_drawing
from tests.factories import DatasetFactory, ImageFactory, UserFactory

NAMES = ["right lung", "left lung"]
LABELS = ["clear", "opacity"]


def make_user(name: str) -> User:
    return UserFactory(username=name, role=User.Role.INVESTIGATOR)


def make_images(n: int, *, dataset: Dataset | None = None, width: int = 60, height: int = 40, **fields: Any) -> Dataset:
    """`n` images of random 8-bit pixels."""
    dataset = dataset or DatasetFactory(name="Chests")
    for number in range(n):
        pixels = np.random.default_rng([number, width, height]).integers(0, 256, (height, width)).astype(np.uint8)
        ImageFactory(dataset=dataset, pixels=pixels, **fields)
    return dataset


def make_task(dataset: Dataset, *users: User, **options: Any) -> RegionTask:
    values = {"name": "Lungs", "region_names": NAMES, "labels": LABELS, "created_by": users[0], **options}
    return create_task(dataset=dataset, annotators=users, **values)


def region(name: str, box: tuple[int, int, int, int] | None, what: str = "clear", **more: Any) -> dict[str, Any]:
    """As the browser sends it; without a rectangle `what` is the reason."""
    if box is None:
        return {"name": name, "reason": what, **more}
    return {"name": name, **dict(zip(("x", "y", "width", "height"), box, strict=True)), "label": what, **more}


RIGHT, LEFT = (5, 6, 20, 24), (32, 6, 20, 24)
BOTH = [region("right lung", RIGHT), region("left lung", LEFT, "opacity")]


def draw(annotator: RegionAnnotator, image: Image, regions: list[dict[str, Any]] = BOTH) -> RegionDrawing:
    position = annotator.assignments.get(image=image).position
    return save_drawing(annotator=annotator, position=position, key=uuid.uuid4(), regions=regions)


def annotator(task: RegionTask, code: str) -> RegionAnnotator:
    return next(one for one in task.annotators.all() if one.code == code)

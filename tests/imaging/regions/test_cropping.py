"""Crops: their pixels against an independent computation, what they carry along, and the job that makes them."""

import uuid

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from imaging import storage
from imaging.lineage import NOTHING, trace_dataset
from imaging.models import Dataset, Image, RegionCrops
from imaging.regions.cropping import crop_pixels, cropped_spacing, start_crops
from imaging.regions.drawn import RegionError
from imaging.regions.final import FinalRegion, final_regions
from imaging.regions.geometry import Rectangle
from imaging.regions.selectors import crops_of, source_of
from imaging.regions.services import adjudicate, close_task, delete_task, reopen_task
from imaging.rendering import resize_bilinear
from imaging.services import DatasetError, delete_dataset
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from tests.imaging.regions.builders import BOTH, LEFT, RIGHT, annotator, draw, make_images, make_task, make_user, region
from worker.models import Job
from worker.services import request_cancel


def final(box: tuple[int, int, int, int]) -> FinalRegion:
    return FinalRegion(
        image=uuid.uuid4(), name="sinus", rectangle=Rectangle(*box), label="normal", by=("A",), how="first annotator"
    )


# --- pixels ---------------------------------------------------------------------------------------------------------


def triangle(values: np.ndarray, size: int) -> np.ndarray:
    """One axis (the first) by the triangle filter, from its definition: weights max(0, 1 - |distance| / scale), where
    pixel centres lie at halves and scale is the factor of reduction, at least 1."""
    length = values.shape[0]
    scale = max(1.0, length / size)
    centres = (np.arange(size) + 0.5) * length / size
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - (np.arange(length) + 0.5)[None, :]) / scale)
    return (weights / weights.sum(axis=1, keepdims=True)) @ values


@pytest.mark.parametrize("shape", [(20, 31), (100, 140), (56, 300)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_resizing_is_the_triangle_filter(shape, kind):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    exact = triangle(triangle(pixels.astype(float), 56).T, 56).T

    found = resize_bilinear(pixels, 56, 56)

    assert (found.dtype, found.shape) == (kind, (56, 56))
    assert np.abs(found - exact).max() <= 1  # Pillow rounds once in each direction


def test_enlarging_is_bilinear_interpolation():
    """scipy's own, between pixel centres; beyond the outermost centres values go on as they are."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 13)).astype(np.uint8)
    at = [np.clip((np.arange(56) + 0.5) * length / 56 - 0.5, 0, length - 1) for length in pixels.shape]
    interpolate = RegularGridInterpolator((np.arange(9), np.arange(13)), pixels.astype(float), method="linear")
    exact = interpolate(tuple(np.meshgrid(*at, indexing="ij")))

    assert np.abs(resize_bilinear(pixels, 56, 56) - exact).max() <= 1


def test_halving_by_hand():
    """Weights of 1/8, 3/8, 3/8, 1/8 inside; at the edge 3/7, 3/7, 1/7."""
    row = np.array([[0, 80, 160, 240, 16, 96, 176, 255]], dtype=np.uint8)
    edge = round((3 * 0 + 3 * 80 + 160) / 7)
    inside = round((80 + 3 * 160 + 3 * 240 + 16) / 8)

    assert resize_bilinear(row, 4, 1)[0, :2].tolist() == [edge, inside]


def test_what_is_cut_out_is_what_was_drawn():
    pixels = np.arange(200, dtype=np.uint16).reshape(10, 20) * 300

    own = crop_pixels(pixels, final((3, 2, 6, 5)), None)

    assert own.dtype == np.uint16
    assert own.tolist() == pixels[2:7, 3:9].tolist()
    assert crop_pixels(pixels, final((0, 0, 8, 8)), 8).tolist() == pixels[:8, :8].tolist()


@pytest.mark.parametrize(
    ("box", "side", "spacing"),
    [((0, 0, 112, 112), 56, 0.4), ((0, 0, 112, 110), 56, None), ((0, 0, 112, 110), None, 0.2)],
)
def test_pixel_spacing_is_kept_where_it_is_the_same_in_both_directions(box, side, spacing):
    assert cropped_spacing(Image(pixel_spacing_mm=0.2), final(box), side) == pytest.approx(spacing)
    assert cropped_spacing(Image(), final(box), side) is None


# --- which regions count --------------------------------------------------------------------------------------------


@pytest.fixture
def task(db):
    """Four images: drawn alike by both; different labels; drawn by A alone; not visible on the right."""
    dataset = make_images(4, patient_pseudonym="p", age_years=40.0, sex="F", view_position="PA", pixel_spacing_mm=0.5)
    task = make_task(dataset, make_user("anna"), make_user("ben"))
    a, b = annotator(task, "A"), annotator(task, "B")
    alike, labels, alone, missing = dataset.images.order_by("pixel_sha256")
    for one in (alike, labels, alone):
        draw(a, one)
    draw(b, alike, [region("right lung", (7, 8, 20, 24)), BOTH[1]])
    draw(b, labels, [region("right lung", RIGHT, "opacity"), BOTH[1]])
    for one in (a, b):
        draw(one, missing, [region("right lung", None, "covered"), BOTH[1]])
    task.pictures = {"alike": alike, "labels": labels, "alone": alone, "missing": missing}
    return task


def found(task, rule, limit=0.5):
    kept, left = final_regions(task, rule=rule, limit=limit)
    names = {image.pk: name for name, image in task.pictures.items()}
    return (
        {(names[one.image], one.name): one for one in kept},
        {(names[one.image], one.name): one.why for one in left},
    )


class TestRules:
    def test_the_first_annotators(self, task):
        kept, left = found(task, "first")

        assert {key for key, one in kept.items() if one.by == ("A",) and one.how == "first annotator"} == set(kept)
        assert len(kept) == 7
        assert left == {("missing", "right lung"): "not visible, by the first annotator"}

    def test_the_mean_where_they_agree(self, task):
        kept, left = found(task, "mean")

        mean = kept["alike", "right lung"]
        assert (mean.rectangle, mean.by, mean.how) == (Rectangle(6, 7, 20, 24), ("A", "B"), "mean")
        assert left["labels", "right lung"] == "annotators disagree, and it is not adjudicated"
        assert left["alone", "left lung"] == "drawn by fewer than two annotators"
        assert left["missing", "right lung"] == "not visible, by all annotators"
        # intersection 18 x 22, union 2 x 480 - 396: IoU 0.702
        assert ("alike", "right lung") in found(task, "mean", limit=0.70)[0]
        assert found(task, "mean", limit=0.71)[1]["alike", "right lung"].startswith("annotators disagree")

    def test_what_was_adjudicated_goes_before(self, task):
        close_task(task=task)
        decision = [region("right lung", (0, 0, 10, 10), "opacity"), region("left lung", None, "covered")]
        image = task.pictures["labels"]
        adjudicate(task=task, user=make_user("judge"), image=image, key=uuid.uuid4(), regions=decision)

        for rule in ("first", "mean", "adjudicated"):
            kept, left = found(task, rule)
            one = kept["labels", "right lung"]
            assert (one.rectangle, one.label, one.by) == (Rectangle(0, 0, 10, 10), "opacity", ("J1",))
            assert left["labels", "left lung"] == "not visible, by the adjudicator"
        assert set(found(task, "adjudicated")[0]) == {("labels", "right lung")}


# --- the job --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestJob:
    @pytest.fixture
    def closed(self, task):
        for number, image in enumerate(task.dataset.images.order_by("pixel_sha256")):
            image.split, image.patient_pseudonym = "test" if number == 0 else "train", f"p{number // 2}"
            image.save()
        close_task(task=task)
        return task

    def test_crops_carry_all_that_is_known_and_where_they_are_from(self, closed):
        crops = start_crops(task=closed, dataset_name="Lungs 56", rule="first", created_by=None)

        job = run_job(crops.job)

        assert (job.state, job.error) == (Job.State.SUCCEEDED, "")
        made = Dataset.objects.get(name="Lungs 56")
        assert made.crops_record == crops
        assert job.result["left_out"] == {"not visible, by the first annotator": 1}
        assert made.images.count() == job.result["images"] == 7
        assert set(made.images.values_list("label", flat=True)) == {"clear", "opacity"}
        for crop in made.images.all():
            source = source_of(crop)
            x, y, width, height = RIGHT if crop.provenance["region"] == "right lung" else LEFT
            pixels = storage.load_pixels(source)[y : y + height, x : x + width]
            assert storage.load_pixels(crop).tolist() == resize_bilinear(pixels, 56, 56).tolist()
            for field in ("split", "patient_pseudonym", "age_years", "sex", "view_position"):
                assert getattr(crop, field) == getattr(source, field)
            assert crop.pixel_spacing_mm is None  # 20 x 24 px: not the same in both directions
            assert crop.provenance["cropped_from_sha256"] == source.pixel_sha256
            assert [crop.provenance[key] for key in ("x", "y", "width", "height")] == [x, y, width, height]
            assert crop.provenance["resized_by"] == "Pillow BILINEAR, with an antialiasing filter where it reduces"
            assert (crop.provenance["region_task"], crop.provenance["drawn_by"]) == ("Lungs", "A")
        image = closed.pictures["alike"]
        assert {one.provenance["region"] for one in crops_of(image)} == {"right lung", "left lung"}

    def test_they_rest_on_the_task_and_the_task_on_the_dataset(self, closed):
        run_job(start_crops(task=closed, dataset_name="Own size", rule="first", side=None, created_by=None).job)
        made = Dataset.objects.get(name="Own size")

        assert set(made.images.values_list("width", "height")) == {(20, 24)}
        assert set(made.images.values_list("pixel_spacing_mm", flat=True)) == {0.5}
        with pytest.raises(RegionError, match="cannot be deleted: “Own size” has crops of its regions"):
            delete_task(task=closed)
        delete_dataset(dataset=made)
        delete_task(task=closed)

    def test_sixteen_bits_stay_sixteen(self, closed):
        dataset = DatasetFactory(name="Deep")
        pixels = np.random.default_rng(0).integers(0, 4096, (40, 60)).astype(np.uint16)
        image = ImageFactory(dataset=dataset, pixels=pixels)
        task = make_task(dataset, closed.annotators.first().user, name="Deep")
        draw(annotator(task, "A"), image)
        close_task(task=task)

        run_job(start_crops(task=task, dataset_name="Deep crops", rule="first", side=16, created_by=None).job)

        for crop in Dataset.objects.get(name="Deep crops").images.all():
            assert crop.bit_depth == 16
            assert storage.load_pixels(crop).max() > 1000

    def test_equal_crops_are_kept_once(self, closed):
        user = closed.annotators.first().user
        dataset = DatasetFactory(name="Flat")
        ImageFactory(dataset=dataset, pixels=np.full((40, 60), 7, dtype=np.uint8))
        task = make_task(dataset, user, name="Flat")
        draw(annotator(task, "A"), dataset.images.get())
        close_task(task=task)

        job = run_job(start_crops(task=task, dataset_name="Flat crops", rule="first", created_by=None).job)

        assert (job.state, job.result["images"], job.result["repeats_left_out"]) == ("succeeded", 1, 1)

    def test_cancelled_it_leaves_nothing_and_can_be_started_anew(self, closed):
        crops = start_crops(task=closed, dataset_name="Lungs 56", rule="first", created_by=None)
        request_cancel(job=crops.job)
        assert Dataset.objects.filter(name="Lungs 56").count() == 0
        with pytest.raises(RegionError, match="Crops were made"):
            reopen_task(task=closed)

        again = start_crops(task=closed, dataset_name="Lungs 56", rule="first", created_by=None)

        assert run_job(again.job).state == Job.State.SUCCEEDED

    def test_missing_pixels_fail_in_words_and_leave_nothing(self, closed):
        storage.delete_pixels([closed.pictures["alone"].pixel_sha256])
        crops = start_crops(task=closed, dataset_name="Lungs 56", rule="first", created_by=None)

        job = run_job(crops.job)

        assert job.state == Job.State.FAILED
        assert job.error.startswith(f"The pixels of image {closed.pictures['alone'].pk} are missing")
        assert Dataset.everything.count() == 1

    def test_what_cannot_be_made_is_refused_before(self, closed):
        with pytest.raises(DatasetError, match="There is a dataset called “Chests” already"):
            start_crops(task=closed, dataset_name="Chests", rule="first", created_by=None)
        with pytest.raises(RegionError, match="By this rule no region is left"):
            start_crops(task=closed, dataset_name="New", rule="adjudicated", created_by=None)
        with pytest.raises(RegionError, match="The side is 4 px"):
            start_crops(task=closed, dataset_name="New", rule="first", side=4, created_by=None)
        assert RegionCrops.objects.count() == Job.objects.count() == 0

    def test_what_stands_behind_synthetic_crops_is_what_stands_behind_the_images(self, closed):
        Dataset.objects.filter(pk=closed.dataset.pk).update(origin="synthetic")
        run_job(start_crops(task=closed, dataset_name="Fakes", rule="first", created_by=None).job)
        made = Dataset.objects.get(name="Fakes")

        assert made.origin == "synthetic"
        assert trace_dataset(made) == trace_dataset(Dataset.objects.get(name="Chests"))  # nobody knows these 4
        assert trace_dataset(made).unknown == 4
        assert trace_dataset(made) != NOTHING


@pytest.mark.django_db
def test_an_open_task_has_no_crops(task):
    with pytest.raises(RegionError, match="Close the task first"):
        start_crops(task=task, dataset_name="New", rule="first", created_by=None)

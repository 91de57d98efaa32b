"""Screening by keyboard alone in a real Chromium: real radiographs, a classifier trained here, start to dataset."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image as PillowImage
from playwright.sync_api import expect

from classification.cnn.config import SingleSettings
from classification.models import Classifier, ScreenedImage, Screening
from classification.services import start_experiment
from imaging.models import Dataset
from tests.browser.accessibility import assert_accessible
from tests.classification.conftest import CONFIG
from tests.classification.screening.conftest import begin as begin_screening
from tests.factories import DatasetFactory, ImageFactory
from tests.generation.conftest import run_job
from tests.imaging.test_real_data import need

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for the job on a machine that has much to do


@pytest.fixture(scope="module")
def radiographs() -> list[np.ndarray]:
    """44 real chests, 256 px."""
    with zipfile.ZipFile(need("nih-cxr-256.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))[:44]
        return [np.asarray(PillowImage.open(io.BytesIO(archive.read(name))).convert("L")) for name in names]


def with_pacemaker(pixels: np.ndarray) -> np.ndarray:
    """A generator of metal below the clavicle: nothing shines through it."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    inside = ((rows - 60) / 26) ** 2 + ((columns - 195) / 22) ** 2 < 1
    return np.where(inside, 250, pixels).astype(np.uint8)


@pytest.fixture
def hospital(worker, settings, tmp_path, radiographs) -> Dataset:
    """12 images, 3 of them with a device."""
    settings.DATA_DIR = tmp_path
    dataset = DatasetFactory(name="Hospital")
    for number, pixels in enumerate(radiographs[:12]):
        shown = with_pacemaker(pixels) if number % 4 == 0 else pixels
        ImageFactory(dataset=dataset, pixels=shown, patient_pseudonym="device" if number % 4 == 0 else "")
    return dataset


@pytest.fixture
def finder(hospital, radiographs) -> Classifier:
    dataset = DatasetFactory(name="Known devices")
    for number, pixels in enumerate(radiographs[12:]):
        has = number % 2
        split = ("train", "train", "tune", "test")[number // 2 % 4]
        shown = with_pacemaker(pixels) if has else pixels
        ImageFactory(dataset=dataset, pixels=shown, label="device" if has else "none", split=split)
    experiment = start_experiment(
        name="Find devices",
        kind="single",
        dataset=dataset,
        positive="device",
        config=CONFIG,
        design=SingleSettings(),
        weights={"kind": "none"},
        created_by=None,
    )
    run_job(experiment.job)
    assert experiment.job.state == "succeeded", experiment.job.error
    return experiment.classifiers.get()


def tab_to(page, target) -> None:
    """By keyboard, as somebody without a mouse comes there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"60 times Tab do not lead to {target}")


def activate(page, target) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def wait_for(page, words: str) -> None:
    """The heading, and an image that is there: a key counts from then on."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
    expect(page.get_by_role("img", name="The image to decide on")).to_have_js_property("complete", True)
    expect(page.locator("main.htmx-settling, main.htmx-swapping, .htmx-request")).to_have_count(0)


def test_by_keyboard_from_the_dataset_to_the_one_without_devices(worker, signed_in, live_server, hospital, finder):
    page = signed_in
    page.goto(live_server.url + hospital.get_absolute_url())
    activate(page, page.get_by_role("link", name="Screening", exact=True))
    expect(page.get_by_text("Nothing has been screened yet.")).to_be_visible()
    order = page.get_by_label("Order of the images")
    tab_to(page, order)
    page.keyboard.type("device first")
    expect(order).to_have_value(f"{finder.pk}:0")
    stop_after = page.get_by_label("Ask whether to stop")
    tab_to(page, stop_after)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("4")
    worker.start()
    page.keyboard.press("Enter")

    # without a reload, the queue can be begun when the job has ended
    begin = page.get_by_role("link", name="Begin")
    expect(begin).to_be_visible(timeout=PATIENCE)
    activate(page, begin)
    wait_for(page, "Image 1 of 12")
    assert_accessible(page)
    expect(page.get_by_text("Score of device")).to_have_count(0)
    screening = Screening.objects.get()

    # X brings the focus to the reasons, their digits press them at once
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Device")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_for(page, "Image 2 of 12")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("1")
    wait_for(page, "Image 3 of 12")
    page.keyboard.press("k")
    wait_for(page, "Image 4 of 12")

    # the last one back; the first one looked at again, and changed
    page.keyboard.press("u")
    wait_for(page, "Image 3 of 12")
    page.keyboard.press("5")
    wait_for(page, "Image 4 of 12")
    page.keyboard.press("ArrowLeft")
    wait_for(page, "Image 3 of 12")
    expect(page.get_by_text("Excluded: cut off")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    wait_for(page, "Image 2 of 12")
    page.keyboard.press("ArrowLeft")
    wait_for(page, "Image 1 of 12")
    expect(page.get_by_text("Excluded: wire")).to_be_visible()
    page.keyboard.press("3")
    wait_for(page, "Image 2 of 12")
    page.keyboard.press("ArrowRight")
    wait_for(page, "Image 3 of 12")
    page.keyboard.press("ArrowRight")
    wait_for(page, "Image 4 of 12")
    reasons = list(screening.images.exclude(decision="").order_by("place").values_list("reason", flat=True))
    assert reasons == ["artefact", "device", "cut off"]

    # a reload, or another day: the same place
    page.goto(live_server.url + screening.get_absolute_url())
    activate(page, page.get_by_role("link", name="Go on"))
    for place in range(4, 8):
        wait_for(page, f"Image {place} of 12")
        page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop here?")
    expect(page.get_by_text("The last 4 images in a row were all kept. 5 are left")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("g")
    wait_for(page, "Image 8 of 12")
    for place in range(8, 12):
        wait_for(page, f"Image {place} of 12")
        page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop here?")
    page.keyboard.press("s")

    # a sample of the rest, then the dataset
    size = page.get_by_label("Images of the rest to look at")
    expect(size).to_have_value("1")
    tab_to(page, size)
    page.keyboard.press("Enter")
    wait_for(page, "Check 1 of 1")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="The check sample")).to_be_visible()
    expect(page.get_by_text("0 of 1 images drawn at random from the 1 that were left")).to_be_visible()
    expect(page.get_by_role("region", name="Excluded among the first images")).to_contain_text("27.3 %")
    assert_accessible(page)
    name = page.get_by_label("Name of the new dataset")
    tab_to(page, name)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Without devices")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Without devices")).to_be_visible()
    chart = page.get_by_role("img", name="3 excluded after screening: 1 device, 1 artefact, 1 cut off")
    expect(chart).to_have_js_property("complete", True)
    assert Dataset.objects.get(name="Without devices").images.count() == 9

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(live_server.url + screening.get_absolute_url())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{live_server.url}/experiments/screenings/dataset/{hospital.pk}/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)


def test_what_was_not_saved_is_said_and_can_be_pressed_again(worker, signed_in, live_server, investigator, hospital):
    screening = begin_screening(hospital, reviewer=investigator)
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}{screening.get_absolute_url()}queue/")
    wait_for(page, "Image 1 of 12")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.set_offline(True)
    page.keyboard.press("k")
    expect(page.get_by_text("This was not saved")).to_be_visible()
    assert not ScreenedImage.objects.exclude(decision="").exists()
    page.context.set_offline(False)
    page.keyboard.press("k")
    wait_for(page, "Image 2 of 12")
    expect(page.get_by_text("This was not saved")).to_be_hidden()
    assert [row.decision for row in screening.images.order_by("place")[:2]] == ["keep", ""]

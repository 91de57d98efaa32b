"""What others made, in a real browser: a generator is uploaded, tried, accepted and drawn from; so are its images."""

import pytest
from playwright.sync_api import expect

from generation.models import ForeignGenerator
from imaging.models import Dataset
from tests.browser.accessibility import assert_accessible
from tests.generation.gan.foreign_networks import NotANumber, Small, torchscript
from tests.imaging.archives import GOOD, write_zip

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for a job on a machine that has much to do


@pytest.fixture
def data_dir(worker, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    return tmp_path


def test_a_generator_from_the_upload_to_its_samples(worker, signed_in, live_server, data_dir):
    page = signed_in
    worker.start()
    page.goto(f"{live_server.url}/generators/")
    page.get_by_role("link", name="Import a generator").click()
    expect(page.get_by_role("heading", name="Import a generator")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Name of the generator").fill("Theirs")
    page.get_by_label("Made with", exact=True).fill("Their DCGAN")
    page.get_by_label("File", exact=True).set_input_files(torchscript(data_dir, NotANumber()))
    page.get_by_label("TorchScript").check()
    page.get_by_label("Classes").fill("normal")
    page.get_by_label("Latent size").fill("16")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It makes values that are not numbers").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Accept it")).to_have_count(0)
    page.get_by_role("button", name="Discard it").click()
    expect(page.get_by_text("“Theirs” was discarded.")).to_be_visible()

    page.get_by_role("link", name="Import a generator").click()
    page.get_by_label("Name of the generator").fill("Theirs")
    page.get_by_label("Made with", exact=True).fill("Their DCGAN")
    page.get_by_label("File", exact=True).set_input_files(torchscript(data_dir, Small(), "second.pt"))
    page.get_by_label("TorchScript").check()
    page.get_by_label("Classes").fill("normal")
    page.get_by_label("Latent size").fill("16")
    page.get_by_role("button", name="Try it").click()
    trial = page.get_by_alt_text("Images of the trial drawing, one row per class: normal")
    expect(trial).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("28 × 28 pixels")).to_be_visible()
    assert trial.evaluate("(image) => image.naturalWidth") > 28
    assert_accessible(page)
    page.get_by_role("button", name="Accept it").click()

    page.get_by_label("Images of class normal").fill("5")
    assert_accessible(page)
    page.get_by_role("button", name="Draw images").click()
    link = page.get_by_role("link", name="Theirs, samples", exact=True)
    expect(link).to_be_visible(timeout=PATIENCE)
    link.click()
    expect(page.get_by_role("heading", name="Theirs, samples")).to_be_visible()
    assert Dataset.objects.get(name="Theirs, samples").images.count() == 5
    page.goto(f"{live_server.url}/generators/")
    expect(page.get_by_role("listitem").filter(has_text="made with Their DCGAN")).not_to_contain_text("not accepted")
    assert ForeignGenerator.objects.get().accepted_at is not None


def test_images_that_a_generator_made(worker, signed_in, live_server, data_dir):
    page = signed_in
    worker.start()
    page.goto(f"{live_server.url}/generators/")
    page.get_by_role("link", name="Import images that a generator made").click()
    expect(page.get_by_label("made by a generator")).to_be_checked()
    page.set_input_files("[name=archive]", write_zip(data_dir / "drawn.zip", GOOD))
    page.get_by_label("Name of the new dataset").fill("Drawn elsewhere")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Say what the images were made with.")).to_be_visible()
    assert_accessible(page)
    page.set_input_files("[name=archive]", data_dir / "drawn.zip")  # a browser forgets files
    page.locator("[name=made_with]").fill("Diffusion of a friend")
    page.get_by_role("button", name="Import").click()
    page.get_by_role("link", name="Open “Drawn elsewhere”").click(timeout=PATIENCE)

    expect(page.get_by_text("Synthetic", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="Measures", exact=True)).to_be_visible()
    images = Dataset.objects.get(name="Drawn elsewhere", origin="synthetic").images
    assert images.count() == 4
    assert {image.provenance["made_with"] for image in images.all()} == {"Diffusion of a friend"}
    assert_accessible(page)

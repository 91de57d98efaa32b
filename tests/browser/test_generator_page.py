"""The generator's page in a real browser: start a run, see it learn and end, move through its grids, draw samples."""

import numpy as np
import pytest
from playwright.sync_api import expect

from generation.gan.config import AcganConfig
from generation.gan.grids import grid_png
from generation.models import TrainingRun
from generation.services import start_training
from imaging.models import Dataset
from imaging.phantoms import chest_phantom
from tests.browser.accessibility import assert_accessible
from tests.factories import CheckpointFactory, DatasetFactory, ImageFactory, JobFactory, TrainingRunFactory
from worker.models import Job, JobArtefact, JobMetric

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 120_000  # ms, for a job on a machine that has much to do


def test_from_images_to_samples(worker, signed_in, live_server):
    page = signed_in
    dataset = DatasetFactory(name="Phantoms")
    for seed in range(8):
        lesion = seed % 2 == 0
        pixels = chest_phantom(seed=seed, size=64, lesion=lesion)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if lesion else "normal")

    page.goto(f"{live_server.url}/generators/")
    page.get_by_role("link", name="Train a generator").click()
    expect(page.get_by_role("heading", name="Train a generator")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Dataset").select_option(label="Phantoms")
    page.get_by_label("demonstration: narrower networks").check()
    page.get_by_role("button", name="Go on to the settings").click()
    page.get_by_label("Name of the run").fill("Seen")
    page.get_by_label("Iterations", exact=True).fill("20")
    page.get_by_label("Batch size").fill("4")
    page.get_by_text("More settings").click()
    page.get_by_label("Generator widths").fill("8, 6, 4")
    page.get_by_label("Discriminator widths").fill("4, 6, 8, 10")
    page.get_by_label("Sample grid every").fill("5")
    assert_accessible(page)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="Seen", exact=True)).to_be_visible()
    expect(page.get_by_text("There is no checkpoint to draw from yet.")).to_be_visible()
    worker.start()

    # without a reload: grids, training images, checkpoints and the form come by themselves
    slider = page.get_by_label("Images seen", exact=True)
    expect(page.locator("[data-grid-step]")).to_have_text("80", timeout=60_000)
    expect(page.get_by_text("Training images at the same size")).to_be_visible()
    expect(page.locator("#run-record").get_by_role("table").first.get_by_role("rowheader")).to_have_text(
        ["8", "20", "40", "60", "80"]
    )
    newest = page.locator("[data-grid-image]").get_attribute("src")
    curves = page.locator("[data-run-charts]")
    expect(curves.get_by_role("heading", name="Loss", exact=True)).to_be_visible()
    expect(curves.get_by_role("heading", name="Images per second")).to_be_visible()

    assert_accessible(page)
    slider.focus()
    slider.press("Home")
    expect(page.locator("[data-grid-step]")).to_have_text("0")
    assert page.locator("[data-grid-image]").get_attribute("src") != newest
    page.get_by_role("button", name="Play").click()
    expect(page.locator("[data-grid-step]")).to_have_text("80")
    assert page.locator("[data-grid-image]").get_attribute("src") == newest
    expect(page.get_by_role("button", name="Play")).to_be_visible()

    page.get_by_label("Images of class lesion").fill("3")
    page.get_by_label("Images of class normal").fill("2")
    page.get_by_role("button", name="Draw images").click()
    link = page.get_by_role("rowheader").get_by_role("link", name="Seen, samples")
    expect(link).to_be_visible(timeout=30_000)
    link.click()
    expect(page.get_by_role("heading", name="Seen, samples")).to_be_visible()
    assert Dataset.objects.get(name="Seen, samples").images.count() == 5

    page.goto(f"{live_server.url}/generators/")
    expect(page.get_by_alt_text("Samples of Seen after 80 images")).to_be_visible()
    assert_accessible(page)


def test_a_training_is_cancelled_resumed_and_given_another_length(worker, signed_in, live_server):
    page = signed_in
    dataset = DatasetFactory(name="Phantoms")
    for seed in range(8):
        pixels = chest_phantom(seed=seed, size=64, lesion=seed % 2 == 0)
        ImageFactory(dataset=dataset, pixels=pixels, label="lesion" if seed % 2 == 0 else "normal")
    config = AcganConfig(
        generator_channels=(8, 6, 4), discriminator_channels=(4, 6, 8, 10), batch_size=4, latent_dim=8,
        iterations=100_000, metrics_every=5, grid_every=10, grid_columns=2, seed=1,
    )  # fmt: skip
    run = start_training(name="Long", dataset=dataset, config=config, created_by=None)
    worker.start()
    page.goto(live_server.url + run.get_absolute_url())
    panel = page.get_by_role("region", name="Progress of ")
    expect(panel.get_by_text("Running", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Train until then")).to_have_count(0)
    expect(panel.get_by_text("images seen")).to_be_visible(timeout=PATIENCE)  # it learns
    panel.get_by_role("button", name="Cancel").click()
    expect(panel.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=PATIENCE)
    run.job.refresh_from_db()
    before = run.job.progress_done
    assert 0 < before < 400_000

    panel.get_by_role("button", name="Resume where it stopped").click()
    expect(panel.get_by_text("(attempt 2)")).to_be_visible(timeout=PATIENCE)
    panel.get_by_role("button", name="Cancel").click()
    expect(panel.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=PATIENCE)
    run.job.refresh_from_db()
    assert run.job.progress_done >= before
    expect(page.get_by_text("“Resume where it stopped”, at the top of the page,")).to_be_visible()
    assert_accessible(page)

    iterations = run.job.progress_done // 4 + 5
    page.get_by_label("Iterations in all").fill(str(iterations))
    page.get_by_role("button", name="Train until then").click()
    expect(page.get_by_text("“Long” goes on from its last checkpoint.")).to_be_visible()
    expect(panel.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-grid-step]")).to_have_text(f"{4 * iterations:,}", timeout=PATIENCE)
    expect(page.locator("[data-run-charts] .u-legend").first).to_contain_text("Discriminator loss")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    last = page.locator("#run-record").get_by_role("table").first.get_by_role("rowheader").last
    expect(last).to_have_text(f"{4 * iterations:,}")


def add_run(name: str, *, batch_size: int, grids: list[int]) -> TrainingRun:
    """A run with curves, and with pictures of one grey level each, as its job would have left them."""
    job = JobFactory(state=Job.State.SUCCEEDED, progress_unit="images seen", progress_done=grids[-1])
    config = AcganConfig(iterations=40, batch_size=batch_size).to_dict()
    run = TrainingRunFactory(name=name, job=job, config=config, best_by="kid")
    (job.directory / "grids").mkdir(parents=True)
    for step in grids:
        level = np.full((2, 8, 56, 56), step % 256, np.uint8)
        (job.directory / f"grids/grid-{step}.png").write_bytes(grid_png(level))
        JobArtefact.objects.create(job=job, name=f"grids/grid-{step}.png", kind="grid", step=step)
        values = {
            "discriminator_loss": 3 - step / 500,
            "generator_loss": 1 + step / 300,
            "kid_x_0a1b2c3d": 1 / (1 + step),
        }
        JobMetric.objects.create(job=job, step=step, values=values)
    CheckpointFactory(run=run, iteration=40, images_seen=grids[-1], measures={"kid_x_0a1b2c3d": 1 / (1 + grids[-1])})
    return run


def test_runs_are_compared(signed_in, live_server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    page = signed_in
    add_run("First run", batch_size=8, grids=[0, 160, 320])
    add_run("Second run", batch_size=16, grids=[0, 320, 640])

    page.goto(f"{live_server.url}/generators/")
    page.get_by_label("Compare First run").check()
    page.get_by_label("Compare Second run").check()
    page.get_by_role("button", name="Compare the ticked ones").click()

    expect(page.get_by_role("heading", name="Compare 2 generators")).to_be_visible()
    charts = page.locator("[data-run-charts]")
    expect(charts.get_by_role("heading", name="KID (x, weights 0a1b2c3d)")).to_be_visible()
    expect(charts.locator(".u-legend").first).to_contain_text("First run")
    expect(charts.locator(".u-legend").first).to_contain_text("Second run")
    at = page.locator("[data-compare-at]")
    expect(at).to_have_text(["640", "320"])  # the newest run first
    page.get_by_label("Up to this many images seen").press("Home")
    page.get_by_label("Up to this many images seen").press("ArrowRight")
    expect(at).to_have_text(["0", "160"])
    expect(page.get_by_role("row", name="Batch size 16 8")).to_be_visible()
    assert_accessible(page)

    page.set_viewport_size({"width": 390, "height": 844})
    for address in (page.url, f"{live_server.url}/generators/", f"{live_server.url}/generators/new/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert_accessible(page)

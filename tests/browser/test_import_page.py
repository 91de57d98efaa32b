"""The import page in a real browser: a folder becomes a ZIP on its way, and nothing is sent that will be refused."""

import zipfile
from pathlib import Path

import pytest

from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset
from tests.factories import DatasetFactory
from tests.imaging.archives import GOOD, table, write_folder, write_zip
from tests.imaging.dicom.builders import make_file
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = {**GOOD, "normal/Größe 3.png": GOOD["normal/1.png"], "metadata.csv": table("file,sex", "normal/2.png,F")}


def test_a_folder_is_packed_uploaded_and_imported(import_page, tmp_path):
    # Arrange
    folder = write_folder(tmp_path / "My chests", FOLDER)
    import_page.set_input_files("[data-folder]", folder)

    # Act
    assert import_page.input_value("[name=dataset_name]") == "My chests"
    assert import_page.inner_text("[data-chosen]").startswith("6 files, ")
    import_page.click("[data-submit]")
    import_page.wait_for_url("**/datasets/import/*-*/")
    job = Job.objects.get()
    parameters = ImportParameters(**job.parameters)
    with zipfile.ZipFile(parameters.source) as archive:
        damaged = archive.testzip()
        sent = {name.removeprefix("My chests/"): archive.read(name) for name in archive.namelist()}
    context = ForegroundContext(directory=tmp_path, on_progress=lambda *_: None)
    context.job_id = str(job.pk)
    Job.objects.update(result=run_import(context, parameters), state="succeeded")

    # Assert: what arrived is what lay there, and the page shows the end without a reload
    assert damaged is None
    assert sent == FOLDER
    import_page.get_by_role("heading", name="4 images imported").wait_for()
    import_page.get_by_role("link", name="Open “My chests”").click()
    import_page.wait_for_url(f"**{Dataset.objects.get().get_absolute_url()}")
    import_page.wait_for_load_state("networkidle")
    thumbnails = import_page.locator(".tr-thumbnails img")
    assert thumbnails.evaluate_all("(images) => images.map((image) => image.naturalWidth)") == [160] * 4


def test_a_dropped_archive_is_taken(import_page, tmp_path):
    data = list(write_zip(tmp_path / "a.zip", GOOD).read_bytes())
    transfer = import_page.evaluate_handle(
        """(data) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], "Dropped.zip", { type: "application/zip" }));
            return transfer;
        }""",
        data,
    )

    import_page.dispatch_event("[data-drop]", "drop", {"dataTransfer": transfer})
    import_page.click("[data-submit]")
    import_page.wait_for_url("**/datasets/import/*-*/")

    parameters = ImportParameters(**Job.objects.get().parameters)
    assert (parameters.dataset_name, parameters.source_name) == ("Dropped", "Dropped.zip")
    assert Path(parameters.source).read_bytes() == bytes(data)


@pytest.mark.parametrize("n_files", [1, 2])
def test_images_by_themselves_are_packed(n_files, import_page, tmp_path):
    names = ["IM00001", "IM00002.dcm"][:n_files]
    for name in names:
        (tmp_path / name).write_bytes(make_file(PatientID=name))
    import_page.set_input_files("[name=archive]", [tmp_path / name for name in names])
    import_page.get_by_text("1 file, " if n_files == 1 else "2 files, ").wait_for()
    import_page.fill("[name=dataset_name]", "A few")
    import_page.get_by_text("More options", exact=True).click()
    import_page.get_by_label("Folders are").select_option(index=1)
    import_page.get_by_label("Class of all images").fill("normal")

    import_page.click("[data-submit]")
    import_page.wait_for_url("**/datasets/import/*-*/")

    parameters = ImportParameters(**Job.objects.get().parameters)
    with zipfile.ZipFile(parameters.source) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: (tmp_path / name).read_bytes() for name in names
        }
    assert parameters.one_class == "normal"


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("Taken", 10**9, "There is a dataset called “Taken” already. Choose another name."),
        ("New", 100, "Split it over several imports."),
    ],
)
def test_what_would_be_refused_is_not_uploaded(name, limit, words, import_page, tmp_path):
    DatasetFactory(name="Taken")
    posts = []
    import_page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    import_page.eval_on_selector("[data-import]", "(form, limit) => { form.dataset.maxBytes = limit; }", limit)
    import_page.set_input_files("[name=archive]", write_zip(tmp_path / "a.zip", GOOD))
    import_page.fill("[name=dataset_name]", name)

    import_page.click("[data-submit]")
    import_page.wait_for_selector("[data-failure]:visible")

    assert words in import_page.inner_text("[data-failure]")
    assert posts == []
    assert import_page.is_enabled("[data-submit]")


def test_the_form_works_without_script(browser, import_page, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(import_page.context.cookies())
    page = context.new_page()
    page.goto(import_page.url)
    assert not page.is_visible("[data-folder]")

    page.set_input_files("[name=archive]", write_zip(tmp_path / "a.zip", GOOD))
    page.fill("[name=dataset_name]", "Chests")
    page.click("[data-submit]")

    assert Job.objects.get().parameters["dataset_name"] == "Chests"
    assert page.get_by_role("link", name="Look again").is_visible()
    context.close()

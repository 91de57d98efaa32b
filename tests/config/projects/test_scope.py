"""What running code finds, and where what it makes belongs."""

import pytest
from django import forms
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import IntegrityError, models, transaction

from classification import explanation_forms
from classification import forms as classification_forms
from classification.scoring import forms as scoring_forms
from config.projects.managers import InSight, models_in_projects
from config.projects.models import Project, ProjectField, first_project
from config.projects.scope import all_projects_in_sight, projects_in_sight
from config.projects.services import create_project
from generation import forms as generation_forms
from generation.measuring import forms as measuring_forms
from imaging.models import Dataset, Image
from imaging.services import remove_unreferenced_pixels, start_import
from imaging.storage import has_pixels
from tests.factories import DatasetFactory, ImageFactory, ScoringFactory
from tests.imaging.archives import GOOD, write_zip
from worker.execution.child import execute_job
from worker.lifecycle import claim_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def two() -> tuple[Project, Project]:
    return create_project(name="One", by=None), create_project(name="Two", by=None)


def test_only_what_is_in_sight_is_found(two):
    one, other = two
    with projects_in_sight(one.pk):
        mine = ImageFactory().dataset
    with projects_in_sight(other.pk):
        theirs = ImageFactory().dataset

    assert (mine.project, theirs.project) == (one, other)
    with projects_in_sight(one.pk):
        assert list(Dataset.objects.all()) == [mine]
        assert list(Dataset.everything.all()) == [mine]
        assert {image.dataset for image in Image.objects.all()} == {mine}
        assert not theirs.images.exists()
        with all_projects_in_sight():
            assert Dataset.objects.count() == 2
    with projects_in_sight(one.pk, other.pk):
        assert Dataset.objects.count() == 2
    with projects_in_sight():
        assert not Dataset.objects.exists()
        with pytest.raises(PermissionDenied, match="in no project yet"), transaction.atomic():
            DatasetFactory()
    assert Dataset.objects.count() == 2


def test_without_a_project_the_first_one_is_used():
    dataset = DatasetFactory()

    assert dataset.project == first_project()
    assert Project.objects.count() == 1


def test_a_name_is_taken_within_a_project_only(two):
    for project in two:
        with projects_in_sight(project.pk):
            DatasetFactory(name="Chests")
    with projects_in_sight(two[0].pk), pytest.raises(IntegrityError), transaction.atomic():
        DatasetFactory(name="Chests")


def test_pixels_that_another_project_has_stay(two):
    with projects_in_sight(two[0].pk):
        image = ImageFactory()
    with projects_in_sight(two[1].pk):
        same = ImageFactory(pixel_sha256=image.pixel_sha256, width=12, height=16, bit_depth=8)
        same.delete()
        assert remove_unreferenced_pixels([image.pixel_sha256]) == 0
    assert has_pixels(image.pixel_sha256)


def test_every_record_with_a_project_minds_it():
    with_project = {
        model
        for model in apps.get_models()
        if any(isinstance(field, ProjectField) for field in model._meta.get_fields())
    }

    assert with_project <= set(models_in_projects())
    for model in models_in_projects():
        assert isinstance(model._default_manager, InSight)
        assert type(model._base_manager) is models.Manager  # a record's own relations are always found


FORMS = (classification_forms, explanation_forms, scoring_forms, generation_forms, measuring_forms)


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.__name__)
def test_no_form_keeps_a_choice_from_before_the_project(module, two):
    with projects_in_sight(two[0].pk):
        ScoringFactory()
        DatasetFactory(origin="synthetic")
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, forms.BaseForm)]
    fields = [field for one in classes for field in getattr(one, "base_fields", {}).values()]
    choices = [field for field in fields if isinstance(field, forms.ModelChoiceField)]

    assert choices
    assert [field for field in choices if field.queryset.exists()] == []


def test_a_job_works_in_the_project_of_its_record(two, tmp_path):
    with projects_in_sight(two[1].pk):
        job = start_import(source=write_zip(tmp_path / "a.zip", GOOD), dataset_name="Made", created_by=None)
    assert job.project == two[1]
    lease = claim_job(job_id=job.pk, worker_name="test")

    assert execute_job(job_id=lease.job_id, token=lease.token)

    assert Dataset.objects.get().project == two[1]


def test_commands_work_in_one_project(two, capsys):
    with projects_in_sight(two[1].pk):
        DatasetFactory(name="Chests")
    with pytest.raises(CommandError, match=r"several projects; choose one with --project: “One” \(one\), “Two”"):
        call_command("split_dataset", "Chests", "--train", "1")
    with pytest.raises(CommandError, match=r"There is no project “Three”"):
        call_command("split_dataset", "Chests", "--project", "Three")
    with pytest.raises(CommandError, match="Chests"):
        call_command("split_dataset", "Chests", "--project", "One")

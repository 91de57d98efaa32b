"""Two studies against each other: each line is that of the function it names; from the page to the files."""

import json
import re

import numpy as np
import pytest
from django.urls import reverse

from tests.factories import UserFactory
from tests.generation.conftest import run_job
from tests.turing.builders import make_open_study
from tests.turing.reports.test_study_answers import mostly_right
from tests.turing.reports.test_table_views import store
from tests.turing.results.readings import read
from turing.analysis import make_answers
from turing.models import AuditEvent, Report
from turing.reports.comparing import compare_answers, comparison_document, comparison_json
from turing.reports.files import find_file
from turing.reports.table_views import example_csv
from turing.services import close_study
from turing.stats.accuracy import clopper_pearson
from turing.stats.comparison import difference_of_shares, mcnemar


def made_up(seed: int, *, share: float = 0.7, n_images: int = 30, n_readers: int = 4, **others):
    generator = np.random.default_rng(seed)
    truth = np.tile(np.arange(n_images) % 2, n_readers)
    right = generator.random(len(truth)) < share
    return make_answers(
        reader=[f"R{reader + 1}" for reader in range(n_readers) for _ in range(n_images)],
        image=[f"I{image}" for _ in range(n_readers) for image in range(n_images)],
        truth=truth,
        answer=np.where(right, truth, 1 - truth),
        source=f"made up {seed}",
        **others,
    )


def test_a_study_does_not_differ_from_itself():
    answers = made_up(1)

    comparison = compare_answers(answers, answers, same_readers=True, same_images=True)

    assert [line.found.difference for line in comparison.lines] == pytest.approx([0] * 5, abs=1e-12)
    assert comparison.effect.effect.odds_ratio == pytest.approx(1, abs=1e-6)
    for _, paired in comparison.paired:
        assert (paired.first_only, paired.second_only, paired.p_mid) == (0, 0, 1)
    assert comparison.n_shared_images == 30


def test_exchanged_studies_have_differences_of_the_other_sign():
    one, two = made_up(1), made_up(2, share=0.5)

    there = compare_answers(one, two, same_readers=False, same_images=False)
    back = compare_answers(two, one, same_readers=False, same_images=False)

    for line, other in zip(there.lines, back.lines, strict=True):
        assert line.found.difference == pytest.approx(-other.found.difference, abs=1e-12)
        assert (line.found.low, line.found.high) == pytest.approx((-other.found.high, -other.found.low), abs=1e-9)
    product = there.effect.effect.odds_ratio * back.effect.effect.odds_ratio
    assert product == pytest.approx(1, abs=1e-5)


def test_numbers_are_those_of_the_counts():
    one, two = made_up(3), made_up(4, share=0.6)
    k, n = int(one.correct.sum()), len(one)
    k2, n2 = int(two.correct.sum()), len(two)

    comparison = compare_answers(one, two, same_readers=True, same_images=True)

    pooled = comparison.lines[0].found
    assert pooled == difference_of_shares(k, n, k2, n2)
    assert pooled.first == clopper_pearson(k, n).estimate
    name, paired = comparison.paired[2]
    own, others = (answers.select(readers=(2,)).correct for answers in (one, two))
    first_only, second_only = int(((own == 1) & (others == 0)).sum()), int(((own == 0) & (others == 1)).sum())
    assert (name, paired.first_only, paired.second_only) == ("R3", first_only, second_only)
    assert paired.p_mid == mcnemar(first_only, second_only)[1]


def test_unrelated_readers_are_not_paired():
    comparison = compare_answers(made_up(1), made_up(2, n_readers=6), same_readers=False, same_images=True)

    assert comparison.paired == ()
    welch = next(line for line in comparison.lines if line.name == "Accuracy, mean of readers")
    assert welch.found.method == "Welch's t over readers"


def test_what_cannot_be_computed_says_why():
    comparison = compare_answers(made_up(1, n_readers=1), made_up(2), same_readers=False, same_images=False)
    document = comparison_document(comparison)
    numbers = comparison_json(comparison)

    (table,) = document.tables()
    assert any("a single reader does not show how readers differ" in note for note in table.notes)
    assert any("agreement needs at least two readers" in note for note in table.notes)
    by_name = {line["measure"]: line for line in numbers["differences"]}
    assert by_name["Fleiss’ kappa"]["low"] is None
    assert not any(value != value for line in by_name.values() for value in line.values())  # NaN


def test_pairs_and_single_images_are_not_compared():
    with pytest.raises(ValueError, match="one is about pairs of images, the other about single images"):
        compare_answers(made_up(1), made_up(2, is_pairs=True), same_readers=False, same_images=False)


@pytest.mark.django_db(transaction=True)
class TestPage:
    @pytest.fixture(autouse=True)
    def folders(self, settings, tmp_path):
        settings.MEDIA_ROOT, settings.DATA_DIR = tmp_path / "media", tmp_path

    def make_study(self, name, seed):
        study = make_open_study(name=name, n_real=6, n_synthetic=6)
        for reader in range(3):
            read(study, mostly_right(seed + reader))
        return close_study(study=study, by=None)

    def test_two_studies(self, investigator_client):
        first, second = self.make_study("First test", 1), self.make_study("Second test", 50)
        values = {"first": f"study:{first.pk}", "second": f"study:{second.pk}", "confidence": 90}

        response = investigator_client.post(reverse("turing:comparisons"), values)
        report = Report.objects.get()
        job = run_job(report.job)
        page = investigator_client.get(response.url).content.decode()

        assert (job.state, job.error) == ("succeeded", "")
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
        assert "Table 1. Second against first" in text
        assert "90 % CI" in text
        report.refresh_from_db()
        numbers = json.loads(find_file(report, "results.json").read_text())
        assert (numbers["first"], numbers["second"], numbers["confidence"]) == ("First test", "Second test", 0.9)
        assert (
            investigator_client.get(reverse("turing:report_file", args=[report.pk, "report.docx"])).status_code == 200
        )
        seen = AuditEvent.objects.filter(action="report.viewed").values_list("object_id", flat=True)
        assert set(seen) == {str(first.pk), str(second.pk)}
        removed = investigator_client.post(reverse("turing:report_remove", args=[report.pk]))
        assert removed.url == reverse("turing:comparisons")

    def test_a_study_and_a_table_that_others_do_not_see(self, investigator_client, client):
        study, table = self.make_study("Here", 1), store(investigator_client, example_csv(), name="Kept to myself")
        values = {"first": f"study:{study.pk}", "second": f"table:{table.pk}", "confidence": 95}
        investigator_client.post(reverse("turing:comparisons"), values)
        report = Report.objects.get()
        assert run_job(report.job).state == "succeeded"

        assert investigator_client.get(report.get_absolute_url()).status_code == 200

        client.force_login(UserFactory(role="investigator"))  # the same client from here on

        assert client.get(report.get_absolute_url()).status_code == 404
        assert table.name not in client.get(reverse("turing:comparisons")).content.decode()
        assert client.post(reverse("turing:comparisons"), values).status_code == 422
        assert Report.objects.count() == 1

    def test_with_itself(self, investigator_client):
        study = self.make_study("Here", 1)
        self.make_study("There", 2)
        values = {"first": f"study:{study.pk}", "second": f"study:{study.pk}", "confidence": 95}

        response = investigator_client.post(reverse("turing:comparisons"), values)

        assert response.status_code == 422
        assert "nothing differs from itself" in response.content.decode()

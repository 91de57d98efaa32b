"""How many images match: the number beside the filters in the form of a study."""

import re

import pytest
from django.urls import reverse

from tests.turing.builders import make_draft
from tests.turing.forms.study_form import text_of

pytestmark = pytest.mark.django_db


class TestMatching:
    def ask(self, client, side="real", **query) -> str:
        response = client.get(reverse("turing:matching_count", args=[side]), query)
        return re.sub(r"<[^>]*>|\s+", " ", response.content.decode()).replace("  ", " ").strip()

    def test_counts_follow_the_filters(self, investigator_client, datasets):
        real = str(datasets[0].pk)

        assert self.ask(investigator_client, real_dataset=real, n_real="5") == "20 images match ."
        assert self.ask(investigator_client, real_dataset=real, real_labels=["lesion"]) == "10 images match ."
        assert "too few for 30" in self.ask(investigator_client, real_dataset=real, n_real="30")
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset="", n_real="5")
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset=real, real_age_min="x")

    def test_a_later_phase_counts_in_the_images_of_the_first(self, investigator_client, datasets):
        first = {"base": "phase-0-", "real_dataset": str(datasets[0].pk), "real_labels": ["lesion"]}

        assert self.ask(investigator_client, **first).startswith("10 images")
        assert self.ask(investigator_client, **first, **{"phase-0-real_labels": ["normal", "lesion"]}).startswith("20")

    def test_datasets_of_the_other_side_do_not_count(self, investigator_client, datasets):
        assert "Choose a dataset" in self.ask(investigator_client, real_dataset=str(datasets[1].pk))

    @pytest.mark.parametrize(("side", "base"), [("all", ""), ("real", "phase-"), ("real", "x'\"")])
    def test_made_up_addresses_are_not_there(self, investigator_client, side, base):
        url = reverse("turing:matching_count", args=[side])

        assert investigator_client.get(url, {"base": base}).status_code == 404

    def test_the_number_stands_there_without_javascript_too(self, investigator_client):
        study = make_draft(n_real=2, n_synthetic=3)

        text = text_of(investigator_client.get(reverse("turing:study_edit", args=[study.pk])))

        assert "<strong>3 images match</strong>" in text
        assert "<strong>4 images match</strong>" in text

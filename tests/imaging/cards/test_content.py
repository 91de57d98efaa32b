"""The card of a dataset: what it says, as Markdown and as PDF, and who changed it."""

import re

import pytest
from django.urls import reverse

from imaging.cards.content import Part, Table, card_parts
from imaging.cards.markdown import card_markdown
from imaging.cards.numbers import age_rows, card_numbers
from imaging.cards.pdf import card_pdf
from imaging.cards.services import change_card
from imaging.including import include_images
from imaging.inclusion import InclusionRules
from imaging.models import CardChange, Dataset
from imaging.services import split_dataset
from tests.factories import DatasetFactory, ImageFactory, SampleRunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def chests(investigator) -> Dataset:
    dataset = DatasetFactory(
        name="Chests", licence="CC0", citation="X et al. 2020", description="One.\n\nTwo.", created_by=investigator
    )
    for place, age in enumerate((4, 35, 38, 61, 90, None)):
        ImageFactory(
            dataset=dataset,
            label="ill" if place % 2 else "normal",
            age_years=age,
            sex="F" if place < 4 else "",
            view_position="PA",
            patient_pseudonym=f"P{place // 2}" if place < 4 else "",
        )
    return dataset


def text_of(parts) -> str:
    return card_markdown("Chests", parts)


def test_ages_in_classes_of_ten_years_with_the_empty_ones_between(chests):
    assert [(row.name, row.images) for row in age_rows(chests)] == [
        ("0 to 9", 1),
        ("10 to 19", 0),
        ("20 to 29", 0),
        ("30 to 39", 2),
        ("40 to 49", 0),
        ("50 to 59", 0),
        ("60 to 69", 1),
        ("70 to 79", 0),
        ("80 to 89", 0),
        ("90 and older", 1),
        ("not known", 1),
    ]


def test_numbers(chests):
    numbers = card_numbers(chests)

    assert (numbers.total, numbers.patients, numbers.without_patient) == (6, 2, 2)
    assert {title: [(row.name, row.images) for row in rows] for title, rows in numbers.tables.items()} == {
        "Sex": [("not known", 2), ("Female", 4)],
        "View": [("PA", 6)],
    }


def test_the_card_says_what_is_known(chests):
    text = text_of(card_parts(chests))

    assert "* **Licence**: CC0" in text
    assert "* **Patients**: 2" in text
    assert "| ill | 3 | 50.0 % |" in text
    assert "Nobody has written down any." in text
    assert "Splits" not in text


def test_split_and_inclusion_are_told(chests):
    split_dataset(dataset=chests, shares={"train": 0.5, "tune": 0.0, "test": 0.5}, seed=4)
    made = include_images(dataset=chests, rules=InclusionRules(youngest=19), name="Adults", created_by=None)

    text = text_of(card_parts(made))

    assert "Split here with seed 4: train 50 %, tune 0 %, test 50 %" in text
    assert "6 images in Chests; 2 left out (1 not known); 4 images: age 19 years or older." in text


def test_a_synthetic_dataset_names_generator_and_checkpoint():
    dataset = DatasetFactory(origin=Dataset.Origin.SYNTHETIC)
    ImageFactory(dataset=dataset)
    run = SampleRunFactory(dataset=dataset, seed=77)

    [part] = [part for part in card_parts(dataset) if part.title == "Generator"]

    facts = dict(part.facts)
    assert facts["Generator"] == run.checkpoint.run.name
    assert facts["Checkpoint (SHA-256)"] == run.checkpoint.sha256
    assert facts["Drawn with seed"] == "77"


def test_texts_of_users_become_no_markup():
    part = Part(
        title="A | b",
        facts=(("<b>", "*x* [link](http://example.org)"),),
        paragraphs=("# no heading", "1. no list"),
        table=Table(header=("a", "b"), rows=(("x|y", "`1`"),)),
    )

    text = card_markdown("T_i_tle", [part])

    assert text == (
        "# Dataset card: T\\_i\\_tle\n\n## A \\| b\n\n* **\\<b\\>**: \\*x\\* \\[link\\](http://example.org)\n\n"
        "\\# no heading\n\n1\\. no list\n\n| a | b |\n| --- | ---: |\n| x\\|y | \\`1\\` |\n"
    )


def test_the_pdf_is_the_same_every_time_and_has_pages(chests):
    made = include_images(dataset=chests, rules=InclusionRules(youngest=19), name="Adults <&>", created_by=None)
    change_card(dataset=made, values={"known_limits": "\n\n".join(f"Limit {n} & so on." for n in range(80))}, by=None)
    parts = card_parts(made)

    first = card_pdf(made.name, parts)

    assert first.startswith(b"%PDF-")
    assert card_pdf(made.name, parts) == first
    assert len(re.findall(rb"/Type /Page\b", first)) > 2


class TestChanges:
    def test_who_said_what_before_is_kept(self, chests, investigator):
        changes = change_card(
            dataset=chests, values={"licence": "CC BY 4.0", "citation": "X et al. 2020"}, by=investigator
        )

        assert [(one.field, one.before, one.after, one.changed_by) for one in changes] == [
            ("licence", "CC0", "CC BY 4.0", investigator)
        ]
        assert CardChange.objects.get().field == "licence"
        assert chests.licence == "CC BY 4.0"

    def test_what_is_refused(self, chests):
        with pytest.raises(ValueError, match="no field name"):
            change_card(dataset=chests, values={"name": "Other"}, by=None)
        with pytest.raises(ValueError, match="200 characters, not 201"):
            change_card(dataset=chests, values={"licence": "x" * 201}, by=None)

    def test_the_page(self, chests, investigator_client, investigator):
        address = reverse("imaging:card_edit", args=[chests.pk])
        data = {"description": "New", "licence": "CC0", "citation": "X et al. 2020", "known_limits": "No children"}

        answer = investigator_client.post(address, data, follow=True)

        assert "No children" in answer.text
        assert "The card is changed." in answer.text
        page = investigator_client.get(address).text
        assert investigator.username in page
        assert set(CardChange.objects.values_list("field", flat=True)) == {"description", "known_limits"}

    def test_a_licence_that_is_too_long_is_said_at_its_field(self, chests, investigator_client):
        answer = investigator_client.post(reverse("imaging:card_edit", args=[chests.pk]), {"licence": "x" * 201})

        assert set(answer.context["form"].errors) == {"licence"}


@pytest.mark.parametrize(("kind", "begin"), [("md", b"# Dataset card: Chests"), ("pdf", b"%PDF-")])
def test_files(chests, investigator_client, kind, begin):
    answer = investigator_client.get(reverse("imaging:card_file", args=[chests.pk, kind]))

    assert answer.content.startswith(begin)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chests-card.{kind}"'


def test_readers_see_no_card(chests, client, reader):
    client.force_login(reader)
    addresses = [
        reverse(f"imaging:{name}", args=[chests.pk]) for name in ("dataset_card", "card_edit", "dataset_export")
    ]
    addresses.append(reverse("imaging:card_file", args=[chests.pk, "md"]))

    assert [client.get(address).status_code for address in addresses] == [403] * 4
    assert [client.post(address).status_code for address in addresses] == [403] * 4


@pytest.mark.parametrize("n", [1, 30])
def test_the_card_takes_constant_queries(n, investigator_client, django_assert_num_queries):
    dataset = DatasetFactory()
    for place in range(n):
        ImageFactory(dataset=dataset, age_years=place, label=f"class {place % 5}", patient_pseudonym=f"P{place}")

    with django_assert_num_queries(15):
        investigator_client.get(reverse("imaging:dataset_card", args=[dataset.pk]))

"""A study whose images can be told apart without looking at them is not opened, unless somebody says why in writing."""

import io
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image as PillowImage

from config.accounts.models import User, WebSession
from imaging.phantoms import chest_phantom
from imaging.services import add_image
from tests.generation.conftest import run_job
from tests.turing.builders import make_dataset, make_draft, make_open_study, make_session, read_all
from turing import blinding, drawing
from turing.audit.verification import verify_audit
from turing.errors import LeaksFound, StudyError
from turing.models import AuditEvent, LeakReport, Presentation, ReadingSession, Study, Trial
from turing.models.studies import DEFAULT_LEAK_LIMIT
from turing.services import audit_blinding, close_study, open_study
from worker.models import Job

pytestmark = pytest.mark.django_db

N = 14  # of each kind
SIZE = 64
REASON = "A pilot to find out how readers notice the frame."


@cache
def phantom(seed: int) -> np.ndarray:
    return chest_phantom(seed=seed, size=SIZE, lesion=False)


def through_jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "JPEG", quality=20)
    return np.asarray(PillowImage.open(buffer))


PLANTS = {
    "a black frame": (lambda p: np.pad(p[1:-1, 1:-1], 1), "border mean"),
    "brighter": (lambda p: (p.astype(int) + 40).clip(0, 255).astype(np.uint8), "mean"),
    "fewer grey levels": (lambda p: p // 4 * 4, "grey levels"),
    "upsampled columns": (lambda p: np.repeat(p[:, ::2], 2, axis=1), "column phase 2"),
    "JPEG blocks": (through_jpeg, "row phase 8"),
}


def dataset(origin: str, pictures):
    made = make_dataset(origin=origin, n=0)
    for pixels in pictures:
        add_image(dataset=made, pixels=pixels, label="normal")
    return made


def draft(plant=lambda pixels: pixels, **changes) -> Study:
    """Phantoms on both sides, those of the synthetic side with `plant` done to them."""
    return make_draft(
        real_dataset=dataset("real", (phantom(i) for i in range(N))),
        synthetic_dataset=dataset("synthetic", (plant(phantom(N + i)) for i in range(N))),
        n_real=N,
        n_synthetic=N,
        **changes,
    )


def framed(**changes) -> Study:
    return draft(PLANTS["a black frame"][0], **changes)


def stimulus_files() -> set[Path]:
    return set((Path(site.MEDIA_ROOT) / "stimuli").glob("*"))


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_blocks_and_is_named_with_its_cure(name):
    plant, statistic = PLANTS[name]

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=draft(plant), by=None)

    report = refusal.value.report
    blocking = {feature["statistic"]: feature for feature in report["features"] if feature["blocks"]}
    assert statistic in blocking
    assert blocking[statistic]["auc"] > 0.75
    assert blocking[statistic]["cure"] in str(refusal.value)


def test_a_clean_study_opens_with_its_report(investigator):
    study = open_study(study=draft(), by=investigator)

    found = LeakReport.objects.get(study=study)
    assert (study.status, found.blocked, found.override_reason) == ("open", False, "")
    assert (found.report["n_real"], found.report["n_synthetic"], found.report["varying"]) == (N, N, {})
    assert (found.report["limit"], study.protocol["leak_audit"]) == (0.75, {"limit": 0.75, "alpha": 0.01})
    assert len(found.report["features"]) > 10
    assert set(found.report["versions"]) == {"python", "numpy", "scipy", "sklearn"}
    assert verify_audit().is_whole


def test_blocking_changes_nothing_and_is_recorded(investigator):
    study = framed()
    files = stimulus_files()

    with pytest.raises(LeaksFound):
        open_study(study=study, by=investigator)

    study.refresh_from_db()
    assert (study.status, study.protocol, study.protocol_sha256) == ("draft", {}, "")
    assert Trial.objects.count() == LeakReport.objects.count() == 0
    study.real_dataset.refresh_from_db()
    assert study.real_dataset.frozen_at is None
    assert stimulus_files() == files
    event = AuditEvent.objects.last()
    assert (event.action, event.actor, event.object_id) == ("study.opening_blocked", investigator.pk, str(study.pk))
    assert any("border mean" in reason for reason in json.loads(event.details)["reasons"])
    assert verify_audit().is_whole


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_an_override_needs_words(reason):
    with pytest.raises(LeaksFound, match="give a written reason"):
        open_study(study=framed(), by=None, override_reason=reason)


def test_an_endless_reason_is_refused():
    with pytest.raises(StudyError, match="has 1001 characters: at most 1000"):
        open_study(study=framed(), by=None, override_reason="x" * 1001)


def test_an_override_is_kept_recorded_and_printed(investigator, investigator_client):
    study = open_study(study=framed(), by=investigator, override_reason=f" {REASON} ")
    read_all(make_session(study=study), ["real"] * 2 * N)
    close_study(study=study, by=investigator)

    assert (study.leak_report.blocked, study.leak_report.override_reason) == (True, REASON)
    event = AuditEvent.objects.get(action="study.leaks_overridden")
    assert event.actor == investigator.pk
    assert json.loads(event.details)["reason"] == REASON
    for name in ("study_results", "study_detail"):
        text = page(investigator_client.get(reverse(f"turing:{name}", args=[study.pk])))
        assert "This study was opened although its leak audit failed" in text
        assert f"Reason given: {REASON}" in text
    assert verify_audit().is_whole


def test_a_reason_that_was_not_needed_is_not_kept():
    study = open_study(study=draft(), by=None, override_reason=REASON)

    assert (study.leak_report.blocked, study.leak_report.override_reason) == (False, "")
    assert not AuditEvent.objects.filter(action="study.leaks_overridden").exists()


def test_the_limit_of_the_protocol_decides():
    last_two = [phantom(2 * N - 1), phantom(2 * N - 2)]

    def most_framed(pixels):
        return pixels if any(pixels is other for other in last_two) else np.pad(pixels[1:-1, 1:-1], 1)

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=draft(most_framed, leak_limit=0.8), by=None)
    assert 0.8 < max(feature["auc"] for feature in refusal.value.report["features"]) < 1
    opened = open_study(study=draft(most_framed, leak_limit=1.0), by=None)

    assert opened.protocol["leak_audit"]["limit"] == 1.0
    assert opened.leak_report.blocked is False


@pytest.mark.parametrize("limit", [0.5, 1.01, -1])
def test_a_limit_out_of_range_is_refused(limit):
    with pytest.raises(StudyError, match=f"Limit of the leak audit {limit} is out of range"):
        draft(leak_limit=limit)


def test_the_default_limit_is_that_of_the_audit():
    assert DEFAULT_LEAK_LIMIT == blinding.DEFAULT_LIMIT


def test_a_middleware_that_compresses_is_seen(settings):
    """The audit looks at the response as it leaves the whole site, not at the view alone."""
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=draft(), by=None)

    assert {"headers", "byte_length"} & set(refusal.value.report["varying"])
    assert "switch off caching, compression and ETags" in str(refusal.value)


def deep(seed):
    """A phantom of 16 bits, with the noise of a detector below the grey levels of 8."""
    noise = np.random.default_rng(seed).normal(0, 150, (SIZE, SIZE))
    return (phantom(seed) * 200.0 + 3000 + noise).clip(0, 65535).astype(np.uint16)


def deep_draft(plant):
    return make_draft(
        real_dataset=dataset("real", (deep(i) for i in range(N))),
        synthetic_dataset=dataset("synthetic", (plant(N + i) for i in range(N))),
        n_real=N,
        n_synthetic=N,
        bit_depth=16,
    )


def test_8_bits_that_pass_for_16_are_seen():
    """Their files have 16 bits, as those of the other side; what they use of them are 256 levels."""
    with pytest.raises(LeaksFound) as refusal:
        open_study(study=deep_draft(lambda seed: phantom(seed).astype(np.uint16) * 257), by=None)

    blocking = {feature["statistic"] for feature in refusal.value.report["features"] if feature["blocks"]}
    assert {"grey levels", "histogram comb"} <= blocking


def test_a_clean_study_of_16_bits_opens():
    study = open_study(study=deep_draft(deep), by=None)

    assert (study.status, study.leak_report.report["varying"]) == ("open", {})
    assert audit_blinding(study=study) == study.leak_report.report


def test_pairs_are_judged_image_by_image():
    with pytest.raises(LeaksFound) as refusal:
        open_study(study=framed(scale="pair"), by=None)
    opened = open_study(study=draft(scale="pair"), by=None)

    assert "border mean" in {feature["statistic"] for feature in refusal.value.report["features"] if feature["blocks"]}
    report = opened.leak_report.report
    assert (report["n_real"], report["n_synthetic"]) == (N, N)
    assert next(feature["auc"] for feature in report["features"] if feature["statistic"] == "side") == 0.5


def test_a_side_that_tells_blocks(monkeypatch):
    """As if the draw always put the synthetic image on the left."""
    mirrored = drawing._mirrored
    monkeypatch.setattr(
        drawing, "_draw_sides", lambda images, generator: tuple(mirrored(one) for one in images)
    )  # fmt: skip

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=draft(scale="pair"), by=None)

    assert {f["statistic"]: f["auc"] for f in refusal.value.report["features"] if f["blocks"]}["side"] == 1


def test_repeats_and_practice_are_no_images_of_their_own():
    """Judged twice, an image would tell its own truth from one fold to another."""
    study = make_draft(
        real_dataset=dataset("real", (phantom(i) for i in range(N))),
        synthetic_dataset=dataset("synthetic", (phantom(N + i) for i in range(N))),
        n_real=N - 2,
        n_synthetic=N - 2,
        n_practice=4,
        n_repeats=N - 2,
    )

    report = open_study(study=study, by=None).leak_report.report

    assert (report["n_real"], report["n_synthetic"], report["varying"]) == (N - 2, N - 2, {})
    assert "duplicates" not in {feature["name"] for feature in report["features"]}  # the same for all


def test_how_practice_arrives_is_looked_at_too(settings):
    """The first two images that are fetched are practice."""
    settings.MIDDLEWARE = [f"{__name__}.TaggingTwo", *settings.MIDDLEWARE]
    TaggingTwo.count = 0

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=make_draft(n_practice=2), by=None)

    assert sorted(refusal.value.report["varying"]["headers"].values()) == [2, 4]


class Recolouring:
    """A middleware that changes the pixels and keeps their number."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.content = bytes(len(response.content))
        return response


def test_pixels_that_are_changed_on_their_way_stop_the_opening(settings):
    settings.MIDDLEWARE = [f"{__name__}.Recolouring", *settings.MIDDLEWARE]

    with pytest.raises(StudyError, match="or with other pixels: something changes it on its way"):
        open_study(study=make_draft(), by=None)


class Tagging:
    """A middleware that marks every second image."""

    count = 0

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        type(self).count += 1
        if type(self).count % 2:
            response["ETag"] = f'"{type(self).count}"'
        return response


class TaggingTwo(Tagging):
    def __call__(self, request):
        response = self.get_response(request)
        type(self).count += 1
        if type(self).count <= 2:
            response["ETag"] = "x"
        return response


def test_a_middleware_that_tags_images_is_seen(settings):
    settings.MIDDLEWARE = [f"{__name__}.Tagging", *settings.MIDDLEWARE]

    with pytest.raises(LeaksFound) as refusal:
        open_study(study=draft(), by=None)

    assert list(refusal.value.report["varying"]) == ["headers"]


class Failing(Tagging):
    def __call__(self, request):
        response = self.get_response(request)
        response.status_code = 503
        return response


def test_an_image_that_cannot_be_fetched_stops_the_opening(settings):
    settings.MIDDLEWARE = [f"{__name__}.Failing", *settings.MIDDLEWARE]
    study = draft()

    with pytest.raises(StudyError, match=r"could not be fetched as a reader would \(HTTP status 503\)"):
        open_study(study=study, by=None)

    study.refresh_from_db()
    assert study.status == "draft"


@pytest.mark.parametrize("hosts", [["reader.example.org"], [".example.org"], ["*"], []])
def test_any_installation_can_ask_itself(settings, hosts):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT, settings.DEBUG = hosts, True, not hosts

    assert make_open_study().leak_report.report["varying"] == {}


def test_the_reader_of_the_audit_never_existed():
    before = User.objects.count(), WebSession.objects.count()

    study = make_open_study()

    assert (User.objects.count(), WebSession.objects.count()) == before
    assert ReadingSession.objects.count() == Presentation.objects.count() == 0
    assert make_session(study=study).reader_code == "R01"


def test_the_page_of_a_study_shows_its_report(investigator_client):
    """On the page of the study: every statistic with AUC, interval and verdict."""
    study = open_study(study=draft(), by=None)

    text = page(investigator_client.get(study.get_absolute_url()))

    for feature in study.leak_report.report["features"]:
        assert feature["statistic"].capitalize() in text
        assert f"{feature['low']:.2f} to {feature['high']:.2f}" in text
    assert "Passed: nothing that was tried tells real from synthetic" in text


def page(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.django_db(transaction=True)
def test_the_page_says_why_it_was_blocked_and_takes_a_reason(investigator_client):
    study = framed()
    address = reverse("turing:study_open", args=[study.pk])

    investigator_client.post(address)
    run_job(Job.objects.get())
    blocked = investigator_client.get(study.get_absolute_url())
    without_words = investigator_client.post(address, {"override_reason": " "})
    investigator_client.post(address, {"override_reason": REASON})
    run_job(Job.objects.get(state="queued"))
    opened = investigator_client.get(study.get_absolute_url())

    text = page(blocked)
    assert "Not opened: the images can be told apart without looking at them." in text
    assert "Crop or mask both sides alike." in text
    assert "Border mean 1.00" in text
    assert "Tells them apart" in text
    assert 'name="override_reason"' in blocked.content.decode()
    assert without_words.status_code == 422
    assert "This field is required." in page(without_words)
    assert f"Reason given: {REASON}" in page(opened)
    study.refresh_from_db()
    assert study.status == "open"


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("audit_blinding", *arguments, stdout=out)
    except SystemExit as left:
        return left.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_tries_a_draft_and_leaves_it_one():
    clean, leaky = draft(), framed()
    files, events = stimulus_files(), AuditEvent.objects.count()

    passed, text = run(clean.name)
    blocked, report = run(str(leaky.pk), "--json")

    assert (passed, blocked) == (0, 1)
    assert "14 real and 14 synthetic images" in text
    assert "Nothing tells the sides apart better than the limit allows (limit: AUC 0.75)." in text
    assert json.loads(report)["blocked"] is True
    assert set(Study.objects.values_list("status", flat=True)) == {"draft"}
    assert Trial.objects.count() == 0
    assert (stimulus_files(), AuditEvent.objects.count()) == (files, events)


def test_the_command_gives_what_the_opening_found():
    study = open_study(study=draft(), by=None)
    files = stimulus_files()

    assert audit_blinding(study=study) == study.leak_report.report
    assert stimulus_files() == files


def test_a_closed_study_is_not_tried_again():
    study = close_study(study=make_open_study(), by=None)

    with pytest.raises(CommandError, match="nothing is sent to readers any more"):
        call_command("audit_blinding", str(study.pk))


def test_the_open_command_takes_a_reason():
    study = framed()

    with pytest.raises(CommandError, match=r"Real is told from synthetic by .*border mean"):
        call_command("open_study", str(study.pk))
    call_command("open_study", str(study.pk), "--override-reason", REASON)

    assert LeakReport.objects.get().override_reason == REASON

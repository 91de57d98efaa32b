"""Every field of every model is either visible to readers or hidden, and what is hidden reaches no reader.

A new field fails the first test until somebody decides. The second test then walks every address of the site as a
reader of a study and looks for the values of all hidden fields in every byte received.
"""

import itertools
import re
import uuid
from datetime import datetime

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import get_resolver
from django.urls.converters import IntConverter, UUIDConverter

from config.accounts.models import User
from tests.factories import (
    CheckpointFactory,
    DatasetReportFactory,
    JobFactory,
    SampleRunFactory,
    TrainingRunFactory,
    UserFactory,
)
from tests.turing.builders import answer_next, make_dataset, make_draft, make_session
from tests.turing.reading.test_leak import Crawl, crawl_everything
from turing.models import Origin, Study
from turing.reading.selectors import current_of, current_presentation
from turing.reading.services import end_interlude, resume_reading, start_phase
from turing.services import close_study, create_invitations, open_study

pytestmark = pytest.mark.django_db

# What a reader may receive: of studies the reader takes part in, and of the reader's own rows.
VISIBLE = {
    "accounts.User": "username email",
    "turing.Study": "name question instructions image_size status bit_depth scale real_label synthetic_label mark_kind "
    "asks_comment n_practice practice_feedback break_every exposure_limit_ms time_limit_ms consent closing_text "
    "group_by",
    "turing.Phase": "number question instructions real_label synthetic_label",
    "turing.Trial": "position is_practice",
    "turing.PracticeFeedback": "value",
    "turing.ReadingSession": "id available_from instructions_read_at finished_at n_correct n_scored",
    "turing.Presentation": "token",
    "turing.Attendance": "token",
    "accounts.WebSession": "session_key browser address began_at last_seen_at",  # the reader's own
    "api.Token": "id name prefix scopes created_at expires_at last_used_at revoked_at",  # the reader's own
}
HIDDEN = {
    "api.Token": "user secret_sha256",
    "api.StoredResult": "id user key request_sha256 status body created_at",
    "accounts.User": "id password last_login is_superuser first_name last_name is_staff is_active date_joined role "
    "erased_at groups user_permissions",
    "accounts.AccountInvitation": "id secret_sha256 role email was_sent note expires_at revoked_at accepted_at "
    "accepted_by created_by created_at",
    "accounts.WebSession": "session_data expire_date user",
    "accounts.SignIn": "id user outcome address browser at",
    "projects.Project": "id name slug description created_by created_at",
    "projects.Membership": "id project user role added_by added_at",
    "turing.AuditEvent": "sequence at actor action object_type object_id details previous_hash hash",
    "turing.Study": "id project positive_class real_dataset synthetic_dataset real_filters "
    "synthetic_filters n_real n_synthetic "
    "seed is_example leak_limit protocol protocol_sha256 manifest_sha256 opened_at opened_by closed_at closed_by "
    "created_by created_at n_repeats order block_size shows_total shows_score groups follows washout_days "
    "equivalence_margin confidence_level shortest_time_ms longest_time_ms outlier_mads",
    "turing.Phase": "id study title real_dataset synthetic_dataset real_filters synthetic_filters n_real n_synthetic",
    "turing.Trial": "id study phase block stimulus_file stimulus_sha256 right_file right_sha256",
    "turing.PracticeFeedback": "trial",
    "turing.Invitation": "id study secret_sha256 note expires_at revoked_at accepted_at accepted_by created_by "
    "created_at",
    "turing.ReadingSession": "study reader reader_code is_simulated trial_order consented_at years_experience grade "
    "reader_group phase_read created_at",
    "turing.Presentation": "id session trial position created_at became_current_at sent_ahead_at after_break "
    "first_served_at last_served_at times_served",
    "turing.Attendance": "id session started_at browser screen_width screen_height pixel_ratio zoom_percent stage_side "
    "sees_dark_patch sees_light_patch",
    "turing.Answer": "id session trial position value rating marks comment idempotency_key reading_ms hidden_ms "
    "paused_ms server_ms flags answered_at",
    "turing.TrialTruth": "trial origin label image right_label right_image repeat_of",
    "turing.LeakReport": "study report blocked override_reason created_at",
    "turing.AnswerTable": "id project name file_name sha256 reading n_readers n_images n_answers created_by created_at",
    "turing.Report": "id study table other_study other_table title settings files made_at job created_by created_at",
    "imaging.Upload": "id created_by name key size created_at",
    "generation.TrainingRun": "id project name generator dataset classes config filters limits keep_best best_by "
    "is_demonstration job created_by created_at",
    "generation.Checkpoint": "id run foreign iteration images_seen measures is_milestone file_name sha256 created_at",
    "generation.ForeignGenerator": "id project name made_with licence citation file_name sha256 declaration trial job "
    "accepted_at created_by created_at",
    "generation.SampleRun": "id checkpoint per_class seed precision truncation dataset_name dataset job created_by "
    "created_at",
    "classification.Experiment": "id project name kind dataset synthetic external classes positive limits config "
    "design weights chooser is_demonstration results job created_by created_at",
    "classification.Scoring": "id classifier study dataset results job created_by created_at",
    "classification.ImageScore": "id scoring image score was_learnt",
    "classification.Classifier": "id experiment arm seed file_name sha256 fine_tuned layers created_at",
    "classification.Explanation": "id title classifier image_ids class_name layer method results job created_by "
    "created_at",
    "classification.Screening": "id dataset scoring classifier_sha256 looked_for reviewer shows_score stop_after seed "
    "n_images went_on_at stopped_at finished_at result job created_by created_at",
    "classification.ScreenedImage": "id screening image place score check_place decision reason decided_by decided_at",
    "imaging.Dataset": "id project name origin description licence citation is_phantom created_by created_at frozen_at "
    "split_record import_record inclusion_record state made_by known_limits version_of version_number "
    "deleted_at deleted_by",
    "imaging.CardChange": "id dataset field before after changed_by changed_at",
    "imaging.DatasetReport": "id dataset kind title values files created_by created_at",
    "imaging.Fingerprint": "pixel_sha256 bits",
    "imaging.Image": "id dataset pixel_sha256 width height bit_depth label split patient_pseudonym source_pseudonym "
    "age_years sex view_position manufacturer modality body_part study_year pixel_spacing_mm follow_up "
    "provenance created_at",
    "imaging.RegionTask": "id project name dataset region_names labels instructions splits sample_size seed "
    "offers_last_boxes n_images closed_at created_by created_at",
    "imaging.RegionAnnotator": "id task user role number",
    "imaging.RegionAssignment": "id annotator image position current",
    "imaging.RegionDrawing": "id assignment revision idempotency_key saved_at",
    "imaging.Region": "id drawing name x y width height label reason was_offered taken_from",
    "imaging.RegionCrops": "id task dataset dataset_name rule iou_limit side job created_by created_at",
    "imaging.QuarantinedImage": "id dataset reason pixel_sha256 width height bit_depth label split patient_pseudonym "
    "source_pseudonym age_years sex view_position manufacturer modality body_part study_year pixel_spacing_mm "
    "follow_up provenance created_at",
    "imaging.SignOff": "id dataset decision statement reason label source_pseudonym width height rectangles "
    "sha256_before sha256_after note signed_by signed_at",
    "worker.Job": "id project kind title parameters queue gpus priority state seed progress_done "
    "progress_total progress_unit message "
    "error result seconds_left attempt crashes lease_token lease_expires_at heartbeat_at worker_name process_id device "
    "versions created_by created_at queued_at started_at attempt_started_at attempt_progress attempt_progress_at "
    "progress_best finished_at",
    "worker.WorkerRecord": "name host process_id queues concurrency version machine started_at seen_at",
    "worker.JobLogLine": "id job attempt at level text",
    "worker.JobMetric": "id job step values",
    "worker.JobArtefact": "id job name kind step created_at",
    "socialaccount.SocialApp": "id provider provider_id name client_id secret key settings",
    "socialaccount.SocialAccount": "id user provider uid last_login date_joined extra_data",
    "socialaccount.SocialToken": "id app account token token_secret expires_at",
    "mfa.Authenticator": "id user type data created_at last_used_at",
    "account.EmailAddress": "id user email verified primary",
    "account.EmailConfirmation": "id email_address created sent key",
    "admin.LogEntry": "id action_time user content_type object_id object_repr action_flag change_message",
    "auth.Permission": "id name content_type codename",
    "auth.Group": "id name permissions",
    "contenttypes.ContentType": "id app_label model",
    "sessions.Session": "session_key session_data expire_date",  # empty: ours are accounts.WebSession
}
OTHERS = ("account.", "admin.", "auth.", "contenttypes.")  # of libraries: classified, and empty or the same everywhere


def ours() -> list[type[models.Model]]:
    """Without models that only tests bring."""
    return [model for model in apps.get_models() if not model.__module__.startswith("tests.")]


def test_every_field_is_classified_once():
    fields = {
        model._meta.label: sorted(field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many))
        for model in ours()
    }
    classified = {
        label: sorted([*VISIBLE.get(label, "").split(), *HIDDEN.get(label, "").split()])
        for label in {*VISIBLE, *HIDDEN}
    }

    assert classified == fields


# --- the walk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def study(investigator):
    """Markers in all text that may say something, and numbers that are found again, in a study with another reader."""
    set_counters()
    User.objects.filter(pk=investigator.pk).update(first_name="markerfirst", last_name="markerlast")
    real = make_dataset(n=16, labels=["markerlabelreal"], name="markerdatasetreal")
    synthetic = make_dataset(origin="synthetic", n=16, labels=["markerlabelfake"], name="markerdatasetfake")
    for dataset in (real, synthetic):
        dataset.description, dataset.licence, dataset.citation = "markerdescription", "markerlicence", "markercitation"
        dataset.save()
        dataset.images.update(
            patient_pseudonym="markerpatient", manufacturer="markermaker", provenance={"seed": "markerseed"}
        )
    job = JobFactory(title="markerjob", message="markermessage", error="markererror", result={"path": "markerresult"})
    DatasetReportFactory(dataset=synthetic, title="markermeasures", values={"summary": ["markersummary"]})
    run = TrainingRunFactory(name="markerrun", dataset=real, job=job)
    SampleRunFactory(checkpoint=CheckpointFactory(run=run), dataset=synthetic, dataset_name="markersamples")
    draft = make_draft(
        name="Neutral name",
        real_dataset=real,
        synthetic_dataset=synthetic,
        n_real=6,
        n_synthetic=6,
        seed=918273645546372,
        leak_limit=0.7654321,
        equivalence_margin=0.0654321,
        confidence_level=0.9654321,
        shortest_time_ms=6_543_217,
        longest_time_ms=7_654_321,
        outlier_mads=5.654321,
        created_by=investigator,
        n_practice=2,
        practice_feedback=True,
        n_repeats=2,
        order="blocks",
        block_size=4,
        break_every=5,
        mark_kind="point",
        asks_comment=True,
        shows_score=True,
        consent="I take part.",
        group_by="years",
        groups=[{"name": "markergroupnew", "from_years": 0}, {"name": "markergroupold", "from_years": 5}],
        later_phases=[{"title": "markerphase", "n_real": 1, "n_synthetic": 1, "question": "And now?"}],
    )
    study = open_study(study=draft, by=investigator)
    other = make_session(
        study=study, reader=UserFactory(username="markerother", email="marker@example.net"), years_experience=3
    )
    answer_next(other, comment="markercomment", marks=[{"x": 1, "y": 2}])
    return study


def read_on(session) -> None:
    """To the end, whatever lies between."""
    while session.answers.count() < len(session.trial_order):
        if current_presentation(session) is None:
            start_phase(session=session)
            newest = session.attendances.last()
            end_interlude(session=session, attendance=newest.token if newest else "")
            resume_reading(session=session)
        answer_next(session)


def set_counters() -> None:
    """Keys of new rows are long numbers, each table's of its own, so that one is recognised wherever it turns up."""
    with connection.cursor() as cursor:
        for place, model in enumerate(ours()):
            table, key = model._meta.db_table, model._meta.pk
            if isinstance(key, models.AutoField | models.BigAutoField):
                start = 1_200_300_400 + place * 1_000_100
                if connection.vendor == "postgresql":
                    cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {start})")
                else:
                    cursor.execute(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608
                    cursor.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {start})")  # noqa: S608


def test_hidden_fields_reach_no_reader(study, investigator):
    ((_, secret),) = create_invitations(study=study, count=1, by=investigator, note="markernote")
    ((_, unused),) = create_invitations(study=study, count=1, by=investigator, note="markerunused")

    crawl = crawl_everything(study, secret)
    reader = User.objects.get(username="newcomer")
    asked = walk_everything(crawl, study, reader, unused)
    session = study.sessions.get(reader=reader)
    read_on(session)
    crawl("get", f"/read/{session.pk}/done/")
    close_study(study=study, by=investigator)
    for address in ("/my-studies/", f"/read/{session.pk}/", f"/read/{session.pk}/current"):
        crawl("get", address)

    assert asked > 500
    hidden = hidden_values(reader)
    assert len(hidden) > 300
    assert {"markerdatasetreal", "markernote", "markerfirst", "918273645546372", "0.7654321"} <= hidden
    assert {"markerphase", "markergroupnew", "markergroupold", "markercomment"} <= hidden
    pattern = re.compile("|".join(sorted(map(re.escape, hidden), key=len, reverse=True)))
    found = set()
    for address, text in crawl.received:
        if "/stimulus/" not in address or " 404" in text[:4]:  # pixels are noise and may hold any byte
            found |= {(address, value) for value in pattern.findall(text) if value not in address}
    assert found == set()


def test_the_walk_would_notice(study, investigator):
    """The same search over what an investigator receives: it comes across hidden values."""
    crawl = Crawl()
    crawl.client.force_login(investigator)
    crawl("get", f"/studies/{study.pk}/")

    ((_, text),) = crawl.received
    hidden = hidden_values(UserFactory())
    assert {"markerdatasetreal", str(study.seed), study.protocol_sha256} <= {value for value in hidden if value in text}


def walk_everything(crawl: Crawl, study: Study, reader: User, secret: str) -> int:
    """GET and POST of every address in the URL conf, with keys of rows that exist; the number of requests."""
    own, other = study.sessions.get(reader=reader), study.sessions.exclude(reader=reader).get()
    trial = study.trials.select_related("truth__image").first()
    run = study.real_dataset.training_runs.get()
    measures = study.synthetic_dataset.reports.get()
    values: dict[str, list] = {
        "uuid": [
            own.pk,
            other.pk,
            study.pk,
            study.real_dataset_id,
            trial.truth.image_id,
            run.pk,
            run.job_id,
            measures.pk,
        ],
        "text": [current_of(own).token, current_of(other).token, str(study.pk), str(trial.pk), str(reader.pk), secret],
        "int": [trial.pk],
    }
    before = len(crawl.received)
    for pattern, converters in addresses(get_resolver().url_patterns):
        kinds = [_kind(converter) for converter in converters.values()]
        for chosen in itertools.product(*(values[kind] for kind in kinds)):
            address = "/" + fill(pattern, dict(zip(converters, chosen, strict=True)))
            for method in ("get", "post"):
                if not (method == "post" and "logout" in address):
                    crawl(method, address)
                if "_auth_user_id" not in crawl.client.session:
                    crawl.client.force_login(reader)
    return len(crawl.received) - before


def addresses(patterns, before: str = "", converters=None):
    for pattern in patterns:
        inner = {**(converters or {}), **pattern.pattern.converters}
        text = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from addresses(pattern.url_patterns, text, inner)
        else:
            yield text, inner


def fill(pattern: str, values: dict) -> str:
    """A path for a route (`<uuid:pk>`) or a regular expression (its groups become a word that matches)."""
    for name, value in values.items():
        pattern = re.sub(rf"<(\w+:)?{name}>", str(value), pattern)
    pattern = re.sub(r"\(\?P<app_label>(\w+)\|[^)]*\)", r"turing", pattern)
    return re.sub(r"\(\?P<\w+>[^)]*\)", "abc1", pattern).replace("^", "").replace("$", "")


def _kind(converter) -> str:
    if isinstance(converter, UUIDConverter):
        return "uuid"
    return "int" if isinstance(converter, IntConverter) else "text"


def hidden_values(reader: User) -> set[str]:
    """Texts of all values in hidden fields that are long enough to be recognised, less those that are visible, too."""
    hidden: set[str] = set()
    visible = {*Origin.values, *User.Role.values, str(reader.pk)}  # words of the pages
    for model in ours():
        label = model._meta.label
        if label.startswith(OTHERS):
            continue
        for row in model._default_manager.all():
            own = not isinstance(row, User) or row == reader
            for field in model._meta.concrete_fields:
                texts = set(as_texts(getattr(row, field.attname)))
                if field.name in VISIBLE.get(label, "").split() and own:
                    visible |= texts
                else:
                    hidden |= texts
    return {text for text in hidden - visible if len(text) >= 9 or "marker" in text}


def as_texts(value):
    """How a value might be written."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from as_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from as_texts(inner)
    elif isinstance(value, uuid.UUID):
        yield from (str(value), value.hex)
    elif isinstance(value, datetime):
        yield from (value.strftime("%Y-%m-%dT%H:%M:%S"), value.strftime("%Y-%m-%d %H:%M:%S"))
    elif value is not None and not isinstance(value, bool):
        yield str(value)

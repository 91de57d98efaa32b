"""Studies: made, opened, read by others, closed. What their images are is told of closed ones alone (api.results)."""

from typing import Any
from uuid import UUID

from django.db import models
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.datasets import FiltersBody
from api.fields import Anything, Body, ById, ListQuery, Number, OneOf, Text, Whole, YesNo
from api.from_forms import LONGEST_TEXT, body_of
from api.idempotency import once
from api.jobs import JobFull
from api.problems import Conflict, refused
from imaging.models import Dataset
from turing import rules, selectors, services
from turing.errors import StudyError
from turing.forms import InvitationForm
from turing.models import Invitation, Study
from turing.opening_job import start_opening
from turing.services.opening import MAX_REASON
from turing.services.studies import PHASE_FIELDS, PROTOCOL_FIELDS
from worker.compute.settings import MAX_SEED

UNITS = {
    "leak_limit": "AUC, above 0.5 and up to 1: a study whose sides are told apart better than this is not opened.",
    "image_size": "Pixels; the side of the square that every image is shown as.",
    "bit_depth": "Bits of a grey level, 8 or 16.",
    "n_real": "Images.",
    "n_synthetic": "Images.",
    "n_practice": "Images before the first that counts.",
    "n_repeats": "Images shown a second time, unannounced.",
    "block_size": "Images of a block.",
    "break_every": "Images between two breaks; 0: no breaks.",
    "exposure_limit_ms": "Milliseconds; null: no limit.",
    "time_limit_ms": "Milliseconds; null: no limit.",
    "washout_days": "Days between two sessions.",
    "equivalence_margin": "Around an accuracy of 0.5: 0.1 means 40 % to 60 %.",
    "confidence_level": "Of intervals, above 0.5 and below 1.",
    "shortest_time_ms": "Milliseconds; a shorter reading time is an outlier.",
    "longest_time_ms": "Milliseconds; a longer reading time is an outlier.",
    "outlier_mads": "Median absolute deviations from the reader's own median.",
    "instructions": "Markdown.",
    "consent": "Markdown, to be agreed to before anything else; empty: not asked.",
    "closing_text": "Markdown, after the last image.",
    "positive_class": "Whose share of right answers is called sensitivity.",
    "seed": "Of the draw and the order; one that nobody can foresee unless given.",
    "question": "What readers are asked; the usual one of the scale unless given.",
}
NOT_SENT = {"follows", "washout_days", "real_dataset", "synthetic_dataset", "real_filters", "synthetic_filters"}
SHOWN = tuple(name for name in PROTOCOL_FIELDS if name != "seed")


class StudyRow(serializers.ModelSerializer):
    class Meta:
        model = Study
        fields = (
            "id", *SHOWN, "is_example", "status", "protocol_sha256", "manifest_sha256", "opened_at", "closed_at",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {name: {"help_text": words} for name, words in UNITS.items() if name in SHOWN}


def _field(name: str) -> serializers.Field:
    """Of the protocol, as JSON: what `create_study` takes and judges."""
    field: Any = Study._meta.get_field(name)
    common: dict[str, Any] = {
        "required": name in ("name", "n_real", "n_synthetic"),
        "help_text": UNITS.get(name, ""),
        **({"allow_null": True} if field.null else {}),
    }
    if field.choices:
        return OneOf([*(("", "") for _ in range(field.blank)), *field.choices], **common)
    if isinstance(field, models.BooleanField):
        return YesNo(**common)
    if isinstance(field, models.FloatField):
        return Number(**common)
    if isinstance(field, models.IntegerField):
        most = MAX_SEED if isinstance(field, models.BigIntegerField) else 2**31 - 1
        return Whole(min_value=0, max_value=most, **common)
    if isinstance(field, models.JSONField):
        return serializers.ListField(child=Anything(), max_length=50, **common)
    return Text(max_length=field.max_length or LONGEST_TEXT, allow_blank=field.blank, **common)


def _side(origin: str) -> dict[str, serializers.Field]:
    return {
        f"{origin}_dataset": ById(
            Dataset.objects.filter(origin=origin), required=False, help_text="By id; or by name, with the next one."
        ),
        f"{origin}_dataset_name": Text(max_length=200, required=False, help_text="In place of the id."),
        f"{origin}_filters": FiltersBody(required=False),
    }


PhaseBody = type(
    "PhaseBody",
    (Body,),
    {
        **{name: _field(name) for name in PHASE_FIELDS if name not in {"title", *NOT_SENT}},
        "title": Text(max_length=100, required=False, help_text="For investigators; readers see “Part 2”."),
        **_side("real"),
        **_side("synthetic"),
    },
)
StudyBody = type(
    "StudyBody",
    (Body,),
    {
        **{name: _field(name) for name in PROTOCOL_FIELDS if name not in NOT_SENT},
        **_side("real"),
        **_side("synthetic"),
        "later_phases": serializers.ListField(child=PhaseBody(), required=False, max_length=5),
    },
)


class StudyView(ApiView):
    read_scope, write_scope = "studies:read", "studies:write"
    serializer_class = StudyRow
    queryset: Any = Study.objects.all()

    def study(self, pk: UUID) -> Study:
        study: Study = self.find(Study.objects.select_related("real_dataset", "synthetic_dataset", "follows"), pk)
        return study


class StudiesQuery(ListQuery):
    status = serializers.ChoiceField(Study.Status.choices, required=False)
    name = serializers.CharField(required=False, help_text="Only the study that is called so.")


class StudyList(StudyView):
    query = StudiesQuery
    can_repeat = True

    @extend_schema(summary="Studies, newest first", responses=StudyRow(many=True))
    def get(self, request: Request) -> Response:
        wanted = {name: self.asked[name] for name in ("status", "name") if name in self.asked}
        return self.paged(self.rows(Study.objects.filter(**wanted).order_by("-created_at", "pk")), StudyRow)

    @extend_schema(
        summary="Make a draft",
        description="The fields of the protocol file of `manage.py create_study --protocol`.",
        request=StudyBody,
        responses={201: StudyRow},
    )
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            sent = self.sent(StudyBody)
            self.name_datasets(sent, "")
            for place, phase in enumerate(sent.get("later_phases", [])):
                self.name_datasets(phase, f"later_phases.{place}.")
            for side in ("real_dataset", "synthetic_dataset"):
                if side not in sent:
                    raise refused(f"Name the dataset: {side} by id, or {side}_name.", side)
            try:
                study = services.create_study(created_by=self.user, **sent)
            except StudyError as error:
                raise refused(error) from error
            return 201, StudyRow(study).data

        return once(request, verb)

    def name_datasets(self, values: dict[str, Any], where: str) -> None:
        """Replaces names of datasets by the datasets."""
        for side in ("real_dataset", "synthetic_dataset"):
            name = values.pop(f"{side}_name", None)
            if name is None:
                continue
            if side in values:
                raise refused(f"Give {side} or {side}_name, not both.", f"{where}{side}_name")
            values[side] = self.rows(Dataset.objects.filter(name=name)).first()
            if values[side] is None:
                raise refused(f"There is no dataset “{name}”.", f"{where}{side}_name")


class StudyDetail(StudyView):
    @extend_schema(summary="One study")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(StudyRow(self.study(pk)).data)

    @extend_schema(summary="Delete a draft", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        try:
            services.delete_study(study=self.study(pk), by=self.user)
        except StudyError as error:
            raise Conflict(str(error)) from error
        return Response(status=204)


class OpenBody(Body):
    override_reason = Text(
        max_length=MAX_REASON, required=False, allow_blank=True,
        help_text="Why it shall be opened although the leak audit blocks; kept, and printed with the results.",
    )  # fmt: skip


class StudyOpen(StudyView):
    can_repeat = True

    @extend_schema(
        summary="Open",
        description="Starts a job that draws and renders the images, audits what readers would receive, and lets "
        "readers in. When leaks keep the study closed, the job fails and its `result.report` says what was found.",
        request=OpenBody,
        responses={201: JobFull},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        def verb() -> tuple[int, Any]:
            study, sent = self.study(pk), self.sent(OpenBody)
            try:
                job = start_opening(study=study, by=self.user, override_reason=sent.get("override_reason", ""))
            except StudyError as error:
                raise Conflict(str(error)) from error
            return 201, JobFull(job).data

        return once(request, verb)


class StudyClose(StudyView):
    @extend_schema(
        summary="Close",
        description="Ends the reading. It cannot be undone; the results can be seen then.",
        request=Body,
        responses=StudyRow,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        self.sent(Body)
        study = self.study(pk)
        try:
            services.close_study(study=study, by=self.user)
        except StudyError as error:
            raise Conflict(str(error)) from error
        return Response(StudyRow(study).data)


class ReaderRow(serializers.Serializer):
    """A reader by code. Names are nowhere in the API."""

    reader_code = serializers.CharField(help_text="R01, R02, ...")
    is_simulated = serializers.BooleanField()
    group = serializers.CharField(allow_blank=True)
    practised = serializers.IntegerField(help_text="Practice images answered.")
    answered = serializers.IntegerField(help_text="Images answered, without practice.")
    total = serializers.IntegerField(help_text="Images, without practice.")
    seconds = serializers.SerializerMethodField(help_text="With images on the screen.")
    last_answer_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_seconds(self, reader: selectors.ReaderProgress) -> float:
        return reader.time_spent.total_seconds()


class StudyProgress(StudyView):
    query = ListQuery
    serializer_class = ReaderRow

    @extend_schema(summary="How far its readers are", responses=ReaderRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        return self.paged(selectors.reader_progress(self.study(pk)), ReaderRow)


class InvitationRow(serializers.ModelSerializer):
    """Without the note, which may name a reader."""

    state = serializers.CharField(help_text="used, revoked, expired or waiting")

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = ("id", "study", "state", "expires_at", "created_at")
        read_only_fields: tuple[str, ...] = fields


class NewInvitation(InvitationRow):
    link = serializers.CharField(help_text="For one reader. Told once: only a hash is stored.")
    secret = serializers.CharField(help_text="The end of the link, with which a signed-in reader joins.")

    class Meta(InvitationRow.Meta):
        fields = (*InvitationRow.Meta.fields, "link", "secret")
        read_only_fields = fields


InvitationBody = body_of("InvitationBody", InvitationForm.base_fields)


class NewInvitations(serializers.Serializer):
    invitations = NewInvitation(many=True)


class StudyInvitations(StudyView):
    query = ListQuery
    serializer_class = InvitationRow

    @extend_schema(summary="Invitations", responses=InvitationRow(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        return self.paged(self.study(pk).invitations.order_by("created_at", "id"), InvitationRow)

    @extend_schema(
        summary="Invite readers",
        description="The links stand in this answer and nowhere else, so it cannot be had a second time.",
        request=InvitationBody,
        responses={201: NewInvitations},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        study, sent = self.study(pk), self.sent(InvitationBody)
        if not rules.can_invite_readers(self.user, study):
            raise Conflict(f"Readers cannot be invited to “{study}”: it is closed, an example, or a second session.")
        try:
            made = services.create_invitations(study=study, by=self.user, **{"count": 1, "note": "", **sent})
        except StudyError as error:
            raise Conflict(str(error)) from error
        for invitation, secret in made:
            invitation.secret = secret  # type: ignore[attr-defined]
            address = reverse("turing:invite", args=[secret])
            invitation.link = request.build_absolute_uri(address)  # type: ignore[attr-defined]
        return Response(NewInvitations({"invitations": [one for one, _ in made]}).data, status=201)


class InvitationRevoke(StudyView):
    serializer_class = InvitationRow
    queryset: Any = Invitation.objects.all()

    @extend_schema(summary="Withdraw an invitation", request=Body, responses=InvitationRow)
    def post(self, request: Request, pk: UUID) -> Response:
        self.sent(Body)
        invitation = self.find(Invitation.objects.select_related("study"), pk)
        try:
            invitation = services.revoke_invitation(invitation=invitation, by=self.user)
        except StudyError as error:
            raise Conflict(str(error)) from error
        return Response(InvitationRow(invitation).data)

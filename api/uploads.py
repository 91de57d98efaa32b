"""Files on their way in: at once, or in parts that can be resumed; and the import of what has arrived."""

import uuid
import zlib
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.fields import Body, ById, ListQuery, Query, Text, Whole
from api.from_forms import body_of, form_data, require_valid
from api.idempotency import once
from api.jobs import JobFull
from api.parsers import Bytes
from api.problems import Conflict, TooLarge, refused
from imaging.forms import ImportForm
from imaging.models import Upload
from imaging.resumable import (
    PART_BYTES,
    OutOfStepError,
    UploadError,
    append_part,
    begin_upload,
    discard_upload,
    finish_upload,
    received_bytes,
)
from imaging.services import start_import


class UploadRow(serializers.ModelSerializer):
    received = serializers.SerializerMethodField(help_text="Bytes that have arrived: send on from here.")
    part_bytes = serializers.SerializerMethodField(help_text="Most bytes of a part.")

    class Meta:
        model = Upload
        fields = ("id", "name", "key", "size", "created_at", "received", "part_bytes")
        read_only_fields = fields
        extra_kwargs = {"size": {"help_text": "Bytes in all."}}

    def get_received(self, upload: Upload) -> int:
        return received_bytes(upload)

    def get_part_bytes(self, upload: Upload) -> int:
        return PART_BYTES


class UploadView(ApiView):
    """One's own uploads; those of others are not there."""

    read_scope = write_scope = "datasets:write"
    serializer_class = UploadRow
    queryset = Upload.objects.all()

    def upload(self, pk: UUID) -> Upload:
        upload: Upload = self.find(Upload.objects.filter(created_by=self.user), pk)
        return upload


class UploadBody(Body):
    name = Text(max_length=200, help_text="Of the file, with its ending.")
    key = Text(
        max_length=100, help_text="Your own word for this file: beginning again with it finds the unfinished upload."
    )
    size = Whole(min_value=0, max_value=2**45, help_text="Bytes.")


class UploadList(UploadView):
    query = ListQuery

    @extend_schema(summary="Your unfinished uploads", responses=UploadRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(Upload.objects.filter(created_by=self.user).order_by("-created_at", "pk"), UploadRow)

    @extend_schema(summary="Begin an upload in parts", request=UploadBody, responses={201: UploadRow})
    def post(self, request: Request) -> Response:
        try:
            upload = begin_upload(user=self.user, **self.sent(UploadBody))
        except UploadError as error:
            raise TooLarge(str(error)) from error
        return Response(UploadRow(upload).data, status=201)


class WholeQuery(Query):
    name = serializers.CharField(max_length=200, help_text="Of the file, with its ending.")


class UploadWhole(UploadView):
    query = WholeQuery
    parser_classes = [Bytes]

    @extend_schema(
        summary="Upload a file at once",
        description="The body is the file itself.",
        parameters=[WholeQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: UploadRow},
    )
    def post(self, request: Request) -> Response:
        asked = WholeQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        stream, left = bytes_of(self, request)
        try:
            upload = begin_upload(
                user=self.user, name=asked.validated_data["name"], key=f"at once {uuid.uuid4()}", size=left
            )
        except UploadError as error:
            raise TooLarge(str(error)) from error
        offset = 0
        try:
            while data := stream.read(PART_BYTES):
                offset = append_part(upload=upload, offset=offset, data=data, crc32=zlib.crc32(data))
        except UploadError as error:
            discard_upload(upload=upload)
            raise Conflict(str(error)) from error
        return Response(UploadRow(upload).data, status=201)


def bytes_of(view: ApiView, request: Request) -> tuple[HttpRequest, int]:
    """The body, not read yet, and how many bytes it has."""
    if request.content_type.partition(";")[0].strip() != Bytes.media_type:
        raise serializers.ValidationError(f"Send the bytes with “Content-Type: {Bytes.media_type}”.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    return request._request, int(length)


class PartQuery(Query):
    offset = serializers.IntegerField(
        min_value=0, max_value=2**45, help_text="Byte of the file that the part begins at."
    )
    crc32 = serializers.IntegerField(min_value=0, max_value=2**32 - 1, help_text="CRC-32 of the part.")


class UploadPart(UploadView):
    parser_classes = [Bytes]

    @extend_schema(
        summary="Send a part",
        description=f"The body is the part, at most {PART_BYTES:,} bytes. 409: the server waits for another part; ask "
        "how much it has received.",
        parameters=[PartQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=UploadRow,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        upload = self.upload(pk)
        asked = PartQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        stream, length = bytes_of(self, request)
        if length > PART_BYTES:
            raise TooLarge(f"The part has {length:,} bytes; at most {PART_BYTES:,} are possible.")
        try:
            append_part(upload=upload, data=stream.read(PART_BYTES), **asked.validated_data)
        except OutOfStepError as error:
            raise Conflict(
                f"The server has {error.received} bytes of this file. Send the part that begins there."
            ) from error
        except UploadError as error:
            raise Conflict(str(error)) from error
        return Response(UploadRow(upload).data)


class UploadDetail(UploadView):
    @extend_schema(summary="How much of an upload has arrived")
    def get(self, request: Request, pk: UUID) -> Response:
        return Response(UploadRow(self.upload(pk)).data)

    @extend_schema(summary="Give an upload up", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        discard_upload(upload=self.upload(pk))
        return Response(status=204)


ImportBody = body_of(
    "ImportBody",
    ImportForm.base_fields,
    leave_out=["archive"],
    upload=ById(Upload.objects.all(), help_text="The file: an upload of yours that has arrived."),
)


class ImportStart(UploadView):
    can_repeat = True
    serializer_class = JobFull

    @extend_schema(
        summary="Import",
        description="Starts a job that makes a dataset of an uploaded ZIP archive, NPZ file or image. When it has "
        "succeeded, `result.dataset_id` is the new dataset; problems with files are in `result.problems`.",
        request=ImportBody,
        responses={201: JobFull},
    )
    def post(self, request: Request) -> Response:
        def verb() -> tuple[int, Any]:
            sent = self.sent(ImportBody)
            upload = sent["upload"]
            if upload.created_by_id != self.user.pk:
                raise refused(f"There is no upload {upload.pk}.", "upload")
            form = ImportForm(form_data(sent, ImportForm()))
            require_valid(form)
            values = form.cleaned_data
            values.pop("archive"), values.pop("upload")
            try:
                source = finish_upload(upload=upload)
                job = start_import(
                    source=source, source_name=upload.name, delete_source=True, created_by=self.user, **values
                )
            except UploadError as error:
                raise Conflict(str(error)) from error
            except ValueError as error:
                raise refused(error) from error
            return 201, JobFull(job).data

        return once(request, verb)

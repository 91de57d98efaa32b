"""Projects: those that one works in."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import ApiView
from api.fields import ListQuery
from config.projects.models import Project
from config.projects.selectors import projects_of


class ProjectRow(serializers.ModelSerializer):
    class Meta:
        model = Project
        fields = ("id", "slug", "name", "description", "created_at")
        read_only_fields = fields
        extra_kwargs = {"slug": {"help_text": "The short name, for the header X-Project."}}


class ProjectList(ApiView):
    read_scope = write_scope = "datasets:read"
    minds_projects = False
    serializer_class = ProjectRow
    queryset = Project.objects.all()
    query = ListQuery

    @extend_schema(summary="Your projects, oldest first", responses=ProjectRow(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(projects_of(self.user).order_by("created_at", "id"), ProjectRow)

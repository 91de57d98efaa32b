"""What `manage.py` verbs on projects' records share: the project they work in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.projects.models import Project, first_project
from config.projects.scope import projects_in_sight


class ProjectCommand(BaseCommand):
    """A command that works in one project: `--project`, which may be left out where there is only one.

    Records of other projects are not found, as on the pages, and what it makes belongs to its project.
    """

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **options)
        parser.add_argument(
            "--project", metavar="NAME", help="the project to work in, by its name or by what its addresses begin with"
        )
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        with projects_in_sight(find_project(options.pop("project", None)).pk):
            return super().execute(*args, **options)


def find_project(name: str | None) -> Project:
    """By name or slug; the only one without a name. Raises CommandError, naming those that there are."""
    if name is None:
        known = list(Project.objects.all()[:11])
        if len(known) > 1:
            raise CommandError(f"There are several projects; choose one with --project: {_names(known)}.")
        return known[0] if known else first_project()
    found = Project.objects.filter(slug=name).first() or Project.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no project “{name}”. There are: {_names(Project.objects.all()[:11])}.")
    return found


def _names(projects: Any) -> str:
    names = [f"“{project.name}” ({project.slug})" for project in projects]
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "none"

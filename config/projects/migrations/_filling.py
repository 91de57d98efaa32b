"""For migrations of other apps: the records of before projects go into the site's first one."""


def put_into_first_project(app_label, *model_names):
    """A `RunPython` function that fills `project` where it is empty; without records no project is made."""

    def fill(apps, schema_editor):
        Project = apps.get_model("projects", "Project")
        for model_name in model_names:
            without = apps.get_model(app_label, model_name)._base_manager.filter(project=None)
            if not without.exists():
                continue
            project = Project.objects.order_by("created_at").first()
            if project is None:
                project = Project.objects.create(slug="main", name="Main project")
                _make_everybody_a_member(apps, project)
            without.update(project=project)
        if (
            schema_editor.connection.vendor == "postgresql"
        ):  # it alters no table whose constraints are still to be checked
            schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")

    return fill


def _make_everybody_a_member(apps, project):
    """Until now investigators saw everything there was: they still do."""
    Membership = apps.get_model("projects", "Membership")
    people = apps.get_model("accounts", "User").objects.filter(role__in=["administrator", "investigator"])
    Membership.objects.bulk_create(Membership(project=project, user=user, role="owner") for user in people)

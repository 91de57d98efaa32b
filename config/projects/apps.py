from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "config.projects"
    label = "projects"
    verbose_name = "Projects"

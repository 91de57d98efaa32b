import importlib

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = "API"

    def ready(self) -> None:
        importlib.import_module("api.schema")  # tells drf-spectacular how one signs in

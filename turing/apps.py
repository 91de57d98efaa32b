from django.apps import AppConfig


class TuringConfig(AppConfig):
    name = "turing"

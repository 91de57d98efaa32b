from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        from generation.lineage import RUN_KEY, trace_samples
        from imaging.lineage import register_tracer

        register_tracer(RUN_KEY, trace_samples)

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    name = "imaging"

    def ready(self) -> None:
        from imaging.lineage import register_tracer
        from imaging.regions.lineage import CROP_KEY, trace_crops

        register_tracer(CROP_KEY, trace_crops)

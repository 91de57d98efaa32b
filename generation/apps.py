from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        from generation.card import describe_generator
        from generation.image_uses import find_uses
        from generation.lineage import RUN_KEY, trace_samples
        from imaging.cards.content import register_card_source
        from imaging.lineage import register_tracer, register_use_finder

        register_tracer(RUN_KEY, trace_samples)
        register_use_finder(find_uses)
        register_card_source(describe_generator)

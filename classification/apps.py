from django.apps import AppConfig


class ClassificationConfig(AppConfig):
    name = "classification"

    def ready(self) -> None:
        from classification.image_uses import find_uses
        from imaging.lineage import register_use_finder
        from turing.results.links import register_study_link

        register_study_link(title="Scores of classifiers", url_name="classification:study_scores")
        register_use_finder(find_uses)

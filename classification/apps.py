from django.apps import AppConfig


class ClassificationConfig(AppConfig):
    name = "classification"

    def ready(self) -> None:
        from turing.results.links import register_study_link

        register_study_link(title="Scores of classifiers", url_name="classification:study_scores")

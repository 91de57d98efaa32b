from django.apps import AppConfig


class TuringConfig(AppConfig):
    name = "turing"

    def ready(self) -> None:
        from config.accounts.personal import register_personal_data
        from imaging.cards.exporting import register_export_warner
        from imaging.lineage import register_use_finder
        from turing.image_uses import find_uses, warn_of_open_studies
        from turing.personal import PERSONAL_DATA

        register_personal_data(PERSONAL_DATA)
        register_use_finder(find_uses)
        register_export_warner(warn_of_open_studies)

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "config.accounts"
    label = "accounts"

    def ready(self) -> None:
        for name in ("records", "second_factor", "sessions"):  # they listen to what happens to accounts
            import_module(f"config.accounts.{name}")

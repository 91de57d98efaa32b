"""The real import, as in the tests of the intake."""

from tests.imaging.intake.conftest import do_import

__all__ = ["do_import"]

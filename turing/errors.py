"""Refusals that a user can understand: what was wrong, where, and what to do."""


class StudyError(ValueError):
    """A study, invitation or answer cannot be what was asked for; the text is shown to the user."""

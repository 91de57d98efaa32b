"""What went wrong with an account, in words for the person who asked for it."""


class AccountError(ValueError):
    """Its text is shown to the user: what was wrong, and what to do."""

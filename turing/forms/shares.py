"""Shares as people type them: in per cent."""


def share_of(per_cent: float | None) -> float | None:
    """0.07 for 7, not 0.07000000000000001."""
    return None if per_cent is None else round(per_cent / 100, 12)


def per_cent(share: float | None) -> float | None:
    """7 for 0.07, not 7.000000000000001."""
    return None if share is None else round(100 * share, 10)

"""Pages about a closed study that other apps bring: linked from its results.

`turing` does not know classifiers: whoever has something to show beside the readers' answers registers its page here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StudyLink:
    title: str  # of the button
    url_name: str  # of an address that takes the id of the study


_LINKS: list[StudyLink] = []


def register_study_link(*, title: str, url_name: str) -> None:
    """The page is to check on its own that the study is closed. Again: changes nothing."""
    link = StudyLink(title=title, url_name=url_name)
    if link not in _LINKS:
        _LINKS.append(link)


def study_links() -> list[StudyLink]:
    return list(_LINKS)

"""What investigators see of readers while a study is open."""

from datetime import timedelta

import pytest

from tests.turing.builders import answer_next, make_dataset, make_open_study, make_session
from turing.reading.services import Screen, attend, end_interlude, start_reading
from turing.selectors import browser_name, reader_progress

pytestmark = pytest.mark.django_db

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome 126"),
        (f"{CHROME} Edg/126.0.2592.56", "Edge 126"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128"),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
            "Mobile/15E148 Safari/604.1",
            "Safari 17",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "browser not known"),
    ],
)
def test_browser_name(user_agent, name):
    assert browser_name(user_agent) == name


def test_the_screen_of_the_last_page_load_and_the_display_check():
    study = make_open_study(size=100)
    checked, silent, absent = (make_session(study=study) for _ in range(3))
    screen = {"browser": CHROME, "screen_width": 1536, "screen_height": 864, "pixel_ratio": 1.25, "zoom_percent": 100}
    attend(session=checked, screen=Screen(stage_side=200, sees_dark_patch=False, sees_light_patch=True))
    attend(session=checked, screen=Screen(**screen, stage_side=75))
    attend(session=silent, screen=Screen())

    rows = {row.reader_code: row for row in reader_progress(study)}

    assert rows[checked.reader_code].screen == (
        "1920 × 1080 px, ratio 1.25, zoom 100 %, shown at 75 %, Chrome 126, 5 % patch not seen"
    )
    assert rows[checked.reader_code].page_loads == 2
    assert rows[silent.reader_code].screen == "browser not known"
    assert (rows[absent.reader_code].screen, rows[absent.reader_code].page_loads) == ("", 0)


def test_answers_and_page_loads_are_counted_apart():
    session = make_session()
    for _ in range(2):
        answer_next(session)
    for _ in range(3):
        attend(session=session)

    (row,) = reader_progress(session.study)

    assert (row.answered, row.page_loads) == (2, 3)


def test_group_practice_and_time_spent():
    groups = [{"name": "Young", "from_years": 0}, {"name": "Old", "from_years": 5}]
    study = make_open_study(n_practice=2, n_real=3, n_synthetic=3, group_by="years", groups=groups, **many())
    session = make_session(study=study, started=False)
    start_reading(session=session, years_experience=7)
    for reading_ms in (1000, 2000):
        answer_next(session, reading_ms=reading_ms)
    end_interlude(session=session)
    (practised,) = reader_progress(study)
    answer_next(session, reading_ms=4000)

    (row,) = reader_progress(study)

    assert (practised.practised, practised.answered, practised.total) == (2, 0, 6)
    assert (row.group, row.practised, row.answered, row.total) == ("Old", 2, 1, 6)
    assert row.time_spent == timedelta(seconds=7)


def many():
    return {"real_dataset": make_dataset(n=6), "synthetic_dataset": make_dataset(origin="synthetic", n=6)}


def test_a_time_that_the_page_did_not_send_is_the_servers():
    session = make_session()
    answer_next(session, reading_ms=None)

    (row,) = reader_progress(session.study)

    assert row.time_spent == timedelta(milliseconds=session.answers.get().server_ms)


def test_progress_needs_the_same_queries_for_many(django_assert_max_num_queries):
    study = make_open_study()
    counts = []
    for _ in range(2):
        attend(session=make_session(study=study), screen=Screen(sees_dark_patch=True, sees_light_patch=True))
        with django_assert_max_num_queries(10) as captured:
            reader_progress(study)
        counts.append(len(captured))

    assert counts[0] == counts[1]

"""A metadata.csv with mistakes: each with its row, and no image imported without what the table says of it."""

import pytest

from tests.imaging.archives import GOOD, table, write_zip

pytestmark = pytest.mark.django_db


ROW_PROBLEMS = [
    pytest.param("file,age_years", "normal/1.png,old", "Row 2: age_years: “old” is not a number.", id="age-word"),
    pytest.param(
        "file,age_years", "normal/1.png,413", "Row 2: age_years: “413” is not an age in years (0 to 120).", id="age-413"
    ),
    pytest.param(
        "file,age_years",
        "normal/1.png,-1",
        "Row 2: age_years: “-1” is not an age in years (0 to 120).",
        id="age-negative",
    ),
    pytest.param("file,age_years", "normal/1.png,nan", "Row 2: age_years: “nan” is not a number.", id="age-nan"),
    pytest.param("file,sex", "normal/1.png,X", "Row 2: sex: “X” is not a sex (F, M or O).", id="sex"),
    pytest.param(
        "file,pixel_spacing_mm",
        "normal/1.png,0",
        "Row 2: pixel_spacing_mm: “0” is not a pixel spacing in mm (above 0, at most 10).",
        id="spacing",
    ),
    pytest.param(
        "file,follow_up",
        "normal/1.png,1.5",
        "Row 2: follow_up: “1.5” is not a whole number (0 or more).",
        id="follow-up",
    ),
    pytest.param(
        "file,split", "normal/1.png,dev", "Row 2: split: “dev” is not a split (train, tune or test).", id="split"
    ),
    pytest.param(
        "file,view_position",
        f"normal/1.png,{'P' * 17}",
        f"Row 2: view_position: “{'P' * 17}” is longer than 16 characters.",
        id="view",
    ),
    pytest.param("file,label", "gone.png,normal", "Row 2: there is no file “gone.png”.", id="missing-file"),
    pytest.param(
        "file,label", "1.png,normal", "Row 2: 2 files are called “1.png”: write the folder as well.", id="ambiguous"
    ),
    pytest.param("file,label", ",normal", "Row 2: the column “file” is empty.", id="no-file"),
    pytest.param("file,label", "normal/1.png", "Row 2: has 1 fields, the first line has 2.", id="short-row"),
]


@pytest.mark.parametrize(("header", "row", "reason"), ROW_PROBLEMS)
def test_bad_row(header, row, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": table(header, row)})
    before = state()

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("metadata.csv", reason)]
    assert state() == before
    # the image of a bad row is left out, for nobody knows what the row should say
    left_out = "normal/1.png" in row
    assert do_import(source, skip_bad=True)["imported"] == (3 if left_out else 4)


def test_duplicate_rows(tmp_path, do_import):
    rows = table("file,age_years", "normal/1.png,40", "ill/2.png,50", "normal/1.png,41")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    refused = do_import(source)

    assert [p["reason"] for p in refused["problems"]] == ["Row 4: “normal/1.png” has a row already (row 2)."]
    assert do_import(source, skip_bad=True)["imported"] == 3


def test_every_problem_of_a_row_is_listed(tmp_path, do_import):
    rows = table("file,age_years,sex", "normal/1.png,old,X")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    assert [p["reason"] for p in do_import(source)["problems"]] == [
        "Row 2: age_years: “old” is not a number.",
        "Row 2: sex: “X” is not a sex (F, M or O).",
    ]


def test_unknown_column(tmp_path, do_import):
    rows = table("file,colour,sex", "normal/1.png,red,F")
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})

    refused = do_import(source)

    assert refused["problems"] == [
        {
            "file": "metadata.csv",
            "reason": "Unknown column “colour”.",
            "fix": "Remove or rename it. Known columns: file, label, patient_id, age_years, sex, view_position, "
            "manufacturer, modality, body_part, study_year, burned_in_annotation, pixel_spacing_mm, follow_up, split.",
            "fatal": False,
        }
    ]
    assert do_import(source, skip_bad=True)["imported"] == 4


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("file,manufacturer\nnormal/1.png,Bädr\n".encode("latin-1"), "Line 2: the text is not UTF-8 (byte 0xe4)."),
        (table("name,label", "a,b"), "There is no column “file”."),
        (table("file,sex,sex", "normal/1.png,F,M"), "The column “sex” occurs twice."),
        (table("file,sex", 'normal/1.png,"F'), "Line 2: the table cannot be read (unexpected end of data)."),
        (b"", "The file is empty (0 bytes)."),
    ],
)
def test_a_table_that_cannot_be_read_is_never_skipped(rows, reason, tmp_path, do_import, state):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows})
    before = state()

    refused = do_import(source, skip_bad=True)

    assert ("metadata.csv", reason, True) in [(p["file"], p["reason"], p["fatal"]) for p in refused["problems"]]
    assert refused["dataset_id"] is None
    assert state() == before


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("label", "ill", "The label is “normal” by its folder, but “ill” in metadata.csv."),
        ("split", "test", "The split is “train” by its folder, but “test” in metadata.csv."),
    ],
)
def test_folder_and_table_disagree(column, value, reason, tmp_path, do_import):
    files = {f"train/{name}": data for name, data in GOOD.items()}
    files["metadata.csv"] = table(f"file,{column}", f"train/normal/1.png,{value}")
    source = write_zip(tmp_path / "a.zip", files)

    refused = do_import(source)

    assert [(p["file"], p["reason"]) for p in refused["problems"]] == [("train/normal/1.png", reason)]
    assert do_import(source, skip_bad=True)["imported"] == 3

"""Each format against what its reader expects, hostile names included."""

import csv
import io
import json
import re
from xml.etree import ElementTree as xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course import cli
from course.exporting import sheets
from tests.course.batch import made_up

ONE = made_up.EXERCISES[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class with hostile names, known to Canvas and Moodle by numbers."""
    run = made_up.a_class(tmp_path_factory.mktemp("class") / "run", size=12)
    made_up.with_policy(run)
    students = run.book.execute("SELECT DISTINCT student FROM handed").fetchall()
    rows = []
    for number, (student,) in enumerate(sorted(students)):
        ids = {"canvas_id": str(1000 + number), "moodle_participant": str(500 + number)}
        rows.append((student, f"Name of {student}", json.dumps(ids)))
    run.name(rows)
    run.close()
    return run.folder


@pytest.fixture
def export(folder, capsysbinary):
    def run(*argv):
        code = cli.main(["export", str(folder), *map(str, argv)])
        out, err = capsysbinary.readouterr()
        assert b"Traceback" not in err
        return code, out, err.decode()

    return run


def points(folder, exercise):
    """Return {student: points} as JSON lines tell them."""
    with pytest.MonkeyPatch.context() as patch:
        text = io.StringIO()
        patch.setattr(
            "course.export.written", lambda content, out: text.write(content.decode())
        )
        assert cli.main(["export", str(folder), "--to", "jsonl"]) == 0
    lines = map(json.loads, text.getvalue().splitlines())
    return {m["student"]: m["points"] for m in lines if m["exercise"] == exercise}


def test_json_lines(export):
    code, out, err = export("--to", "jsonl")
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert code == 0 and "no points yet: " in err
    graded = [m for m in lines if m["mark"] == "graded"]
    assert {m["schema"] for m in graded} == {1}
    assert {m["name"] for m in lines} == {f"Name of {m['student']}" for m in lines}
    given = [m for m in lines if m["override"]]
    assert [(m["points"], m["override"]["author"]) for m in given] == [(7.5, "Dr. X")]


def test_csv_has_nothing_that_a_spreadsheet_computes(export, folder):
    _, out, _ = export("--to", "csv")
    rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
    assert rows[0] == ["student", "name", *made_up.EXERCISES, "points", "of"]
    students = {row[0].removeprefix("'") for row in rows[1:]}
    assert students == set(points(folder, ONE))
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(sheets.FORMULA)]
    assert {len(row) for row in rows} == {8}


def test_junit(export):
    _, out, _ = export("--to", "junit", "--exercise", ONE)
    root = xml.fromstring(out)
    assert root.tag == "testsuites"
    for suite in root:
        cases = suite.findall("testcase")
        count = {
            tag: len(suite.findall(f"testcase/{tag}"))
            for tag in ("failure", "error", "skipped")
        }
        assert suite.tag == "testsuite" and int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == count["failure"]
        assert int(suite.get("errors")) == count["error"]
        assert int(suite.get("skipped")) == count["skipped"]
        assert re.fullmatch(r"\d+\.\d{3}", suite.get("time"))
        assert [child.tag for child in suite][0] == "properties"
        named = {p.get("name"): p.get("value") for p in suite.find("properties")}
        assert set(named) == {"student", "points", "max_points", "state"}
        assert all(set(case.attrib) == {"name", "classname"} for case in cases)
    totals = [int(root.get(key)) for key in ("tests", "failures", "errors")]
    assert totals[0] == len(root.findall("testsuite/testcase")) > 0
    assert b"\x1b" not in out


def test_github(export):
    _, out, _ = export("--to", "github", "--student", "student001")
    *lines, last = out.decode().splitlines()
    command = re.compile(
        r"::(error|warning) file=assignments/[\w/]+\.py,title=[^:,\n]+::[^\n]+"
    )
    assert lines and all(command.fullmatch(line) for line in lines)
    assert re.fullmatch(r"::notice title=Grading::Points [\d.]+/40", last)


def test_gradescope(export, tmp_path):
    assert export("--to", "gradescope", "--out", tmp_path)[0] == 0
    files = list(tmp_path.iterdir())
    assert len(files) == 12 + len(made_up.HOSTILE)
    for path in files:
        found = json.loads(path.read_text("utf-8"))
        assert set(found) == {
            "score",
            "execution_time",
            "output",
            "output_format",
            "visibility",
            "stdout_visibility",
            "tests",
        }
        assert found["visibility"] == "visible" and found["output_format"] == "text"
        for test in found["tests"]:
            assert test["status"] in ("passed", "failed")
            assert test["output_format"] == test["name_format"] == "text"
            assert 0 <= test["score"] <= test["max_score"]
            assert isinstance(test["number"], str)
    mine = json.loads((tmp_path / "student001.json").read_text("utf-8"))
    assert "an <i>oral</i> examination" in mine["output"]


def test_gradescope_counts_what_the_policy_counts(tmp_path):
    """Dropped exercises earn nothing, and late days and gifts are told."""
    run = made_up.a_class(tmp_path / "run", size=4, hostile=False)
    made_up.with_policy(run)
    path = run.folder / "policy.toml"
    path.write_text("drop_lowest = 1\n" + path.read_text())
    run.close()
    for to, out in (("gradescope", "out"), ("csv", "out.csv")):
        command = ["export", str(run.folder), "--to", to, "--out", str(tmp_path / out)]
        assert cli.main(command) == 0
    told = ""
    for row in csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines()):
        found = json.loads((tmp_path / f"out/{row['student']}.json").read_text())
        assert found["score"] == pytest.approx(float(row["points"]), abs=0.01)
        told += found["output"]
    assert told.count(" does not count.") == 4
    assert "7.5 points were given by hand: an <i>oral</i> examination (Dr. X)." in told
    assert re.search(r"\d days late, [\d.]+ of [\d.]+ kept\.", told)


CANVAS = (
    '\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,"Exercise, 1 (77)",Total\r\n'
    "    Points Possible,,,,,10,(read only)\r\n"
    '"Last, First",1003,a\u0301,x@y.z,"Sec ""A""\r\nroom 2",1,5\r\n'
    "Other,9999,,,B,4.5,7\r\n"
    '"Student, Test",1004,,,B,,\r\n'
)


def test_canvas_sheet_in_place(export, folder, tmp_path):
    """One cell changes; every other byte stays."""
    sheet, out = tmp_path / "grades.csv", tmp_path / "filled.csv"
    sheet.write_bytes(CANVAS.encode())
    more = ("--sheet", sheet, "--column", "Exercise, 1 (77)", "--out", out)
    code, said, err = export("--to", "canvas", *more, "--exercise", ONE)
    by_number = sorted(points(folder, ONE))
    value = points(folder, ONE)[by_number[3]]
    want = CANVAS.replace('room 2",1,5', f'room 2",{sheets.number(value)},5')
    assert code == 0 and out.read_bytes() == want.encode()
    assert "nothing from Other" in err and "Student, Test" not in err
    assert f"no row for {by_number[0]}" in err and b"1 cells of Exercise, 1" in said
    assert sheet.read_bytes() == CANVAS.encode()


MOODLE = (
    "Bezeichner;Vollständiger Name;Bewertung;Maximum Grade;Feedback als Kommentar\n"
    "Teilnehmer/in502;Öz, A;-;10,00;\n"
    "Teilnehmer/in9;Wer;;10,00;\n"
)


def test_moodle_sheet_in_its_language(export, folder, tmp_path):
    sheet = tmp_path / "Bewertungen.csv"
    sheet.write_bytes(MOODLE.encode())
    more = ("--sheet", sheet, "--column", "Bewertung", "--exercise", ONE)
    code, _, err = export("--to", "moodle", *more)
    value = points(folder, ONE)[sorted(points(folder, ONE))[2]]
    shown = "-" if value is None else sheets.number(value, "10,00")
    assert code == 0 and "nothing from Teilnehmer/in9" in err
    filled = (tmp_path / "Bewertungen-filled.csv").read_text("utf-8")
    assert filled == MOODLE.replace("Öz, A;-", f"Öz, A;{shown}")


def test_moodle_takes_no_more_than_its_maximum(export, tmp_path):
    sheet = tmp_path / "grades.csv"
    lines = [f"Participant {n},x,,0.50" for n in range(500, 525)]
    sheet.write_text("Identifier,Full name,Grade,Maximum Grade\n" + "\n".join(lines))
    code, _, err = export("--to", "moodle", "--sheet", sheet)
    assert code == 2 and "takes 0.50 points at most, and somebody has" in err


def test_canvas_gives_nobody_anothers_points(folder, tmp_path, export):
    """A login that is the folder's name of somebody else who has ids of his own."""
    who = sorted(points(folder, ONE))[3]
    sheet = tmp_path / "grades.csv"
    text = f"Student,ID,SIS Login ID,One\nAnna,777,{who},\nTwice,1003,,\n"
    sheet.write_text(text)
    more = ("--sheet", sheet, "--column", "One", "--exercise", ONE)
    assert export("--to", "canvas", *more)[0] == 0
    filled = (tmp_path / "grades-filled.csv").read_text()
    assert f"Anna,777,{who},\n" in filled and filled != text
    sheet.write_text(text + "Twice,1003,,\n")
    code, _, err = export("--to", "canvas", *more)
    assert code == 2 and "has two rows for" in err


def test_moodle_gives_nobody_anothers_points(folder, tmp_path, export):
    """Numbers in other cells are no numbers of participants."""
    sheet = tmp_path / "grades.csv"
    text = (
        "Identifier,Full name,ID number,Phone,Grade,Maximum Grade\n"
        "Participant 9,Eve 502,502,503,501,504.00\n"
        "Participant 500,Ann,,,,504.00\n"
    )
    sheet.write_text(text)
    code, _, err = export("--to", "moodle", "--sheet", sheet, "--exercise", ONE)
    assert code == 0 and "nothing from Participant 9" in err
    filled = (tmp_path / "grades-filled.csv").read_text()
    assert filled.splitlines()[:2] == text.splitlines()[:2]


def test_points_that_are_not_known_yet_fill_no_cell(folder, tmp_path, export):
    """Where the grader failed on one exercise, the sum is not the last word."""
    with pytest.MonkeyPatch.context() as patch:
        text = io.StringIO()
        patch.setattr(
            "course.export.written", lambda content, out: text.write(content.decode())
        )
        assert cli.main(["export", str(folder), "--to", "jsonl"]) == 0
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    faults = [m for m in lines if m["mark"] == "fault" and not m["override"]]
    number = faults[0]["ids"]["moodle_participant"]
    sheet = tmp_path / "grades.csv"
    sheet.write_text(f"Identifier,Full name,Grade\nParticipant {number},Ann,\n")
    code, out, err = export("--to", "moodle", "--sheet", sheet)
    assert code == 0 and b"0 cells" in out and "no points yet: " in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--to", "excel"], "--to is one of canvas, moodle, gradescope, csv"),
        (["--to", "canvas"], "say --sheet FILE and --column NAME"),
        (["--to", "canvas", "--sheet", "none.csv", "--column", "A"], "does not exist"),
        (["--to", "gradescope"], "say --out FOLDER"),
        (["--to", "github"], "say --student"),
        (["--to", "csv", "--student", "nobody"], "there is nothing of nobody"),
        (["--to", "csv", "--exercise", "nothing"], "no exercise"),
    ],
)
def test_wrong_usage(export, argv, said):
    code, out, err = export(*argv)
    assert code == 2 and said in err and out == b""


@pytest.mark.parametrize(
    ("content", "column", "said"),
    [
        (b"", "A", "is no CSV file with a header"),
        (b"\x00\xff\x80", "A", "is no CSV file with a header"),
        (b"Student,ID\nx,1\n", "A", "has no column A; there are: Student, ID"),
        (b"Student,A,A\nx,1,2\n", "A", "has two columns A"),
        (b"Student,ID\nx,1\n", "ID", "ID is no column for points"),
        (b"Student,ID,A\n ,,(read only)\nx,1,2\n", "A", "A is no column for points"),
        (b"Student,ID,A\nx,1,2\n", "A", "nobody of this run is in"),
    ],
)
def test_a_sheet_that_cannot_be_filled(export, tmp_path, content, column, said):
    (tmp_path / "x.csv").write_bytes(content)
    more = ("--sheet", tmp_path / "x.csv", "--column", column)
    code, _, err = export("--to", "canvas", *more)
    assert code == 2 and said in err


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8)
ROWS = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=5)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ROWS, CELL, st.sampled_from(["\n", "\r\n"]), st.sampled_from(",;\t"), st.data())
def test_a_sheet_keeps_every_other_cell(rows, new, end, comma, data):
    """Against the csv module: any cells, one of them changed."""
    rows[0] = ["A", "B", "C"]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, delimiter=comma).writerows(rows)
    content = text.getvalue().encode()
    sheet = sheets.Sheet(content, "x.csv")
    assert [[cell.text for cell in row] for row in sheet.rows] == rows
    assert sheet.content() == content
    row = data.draw(st.integers(1, len(rows) - 1))
    sheet.put(sheet.rows[row], 1, new)
    rows[row][1] = new
    read = io.StringIO(sheet.content().decode(), newline="")
    assert list(csv.reader(read, delimiter=comma)) == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_sheets(encoding):
    text = "Größe,B\r\nÄ,1\r\n"
    sheet = sheets.Sheet(text.encode(encoding), "x.csv")
    assert sheet.header == ["Größe", "B"]
    sheet.put(sheet.rows[1], sheet.column("B"), "2")
    assert sheet.content() == text.replace("Ä,1", "Ä,2").encode(encoding)

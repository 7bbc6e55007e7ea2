"""The report, as files and as a browser shows it."""

import html
import re
from urllib.parse import quote, unquote

import pytest

from course import cli
from course.reporting import analysis, feedback
from tests.course.batch import made_up
from tests.course.browser import browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of a class with hostile names and messages."""
    folder = tmp_path_factory.mktemp("class") / "run"
    made_up.with_policy(made_up.a_class(folder)).close()
    assert cli.main(["report", str(folder)]) == 0
    return folder / "report"


def text_of(path):
    """Return what a reader sees of a page."""
    body = path.read_text("utf-8").partition("<body>")[2]
    return html.unescape(re.sub(r"<[^>]*>", "", body))


def test_a_page_for_everybody(report):
    students = sorted(p.name for p in (report / "students").iterdir())
    assert len(students) == 40 + len(made_up.HOSTILE)
    assert len(list((report / "exercises").iterdir())) == len(made_up.EXERCISES)


def test_everything_is_escaped_and_nothing_comes_from_elsewhere(report):
    for page in report.rglob("*.html"):
        text = page.read_text("utf-8")
        tags = set(re.findall(r"<([a-z][a-z0-9]*)", text))
        assert not tags & {"script", "img", "i", "iframe", "object", "link", "base"}
        assert "\x1b" not in text and "\u202e" not in text
        assert not re.search(r'(?:src|href)="(?:https?:|//|javascript:)', text)


def test_links_lead_somewhere(report):
    for page in report.rglob("*.html"):
        for link in re.findall(r'href="([^"#]*)"', page.read_text("utf-8")):
            target = page.parent / unquote(html.unescape(link))
            assert target.is_file(), f"{page.name}: {link}"


def test_feedback_tells_nothing_of_others(report):
    others = ["student000", "student002", "index.html"]
    for line in others:
        page = (report / "students/student001.html").read_text("utf-8")
        assert line not in page
    text = text_of(report / "students/student001.html")
    assert "Given by hand: an <i>oral</i> examination (Dr. X)." in text
    assert "7.5 of 10 points" in text


def test_late_days_are_told(report):
    told = [text_of(p) for p in (report / "students").iterdir()]
    assert any("1 day late, of which 1 free" in text for text in told)
    assert any("2 days late, of which 1 free" in text for text in told)


def test_the_class(report):
    text = text_of(report / "index.html")
    assert '<a href="' not in text and "<svg" not in text  # tags are tags, not text
    for line in ("For a human to look at", "the grader failed on it", *made_up.WHY):
        assert line in text
    assert "eve/<b>x.py: no exercise of this name" in text
    assert "an <i>oral</i> examination" in text


@pytest.mark.parametrize(
    ("level", "seen", "unseen"),
    [
        ("nothing", ["1 hidden check, 4 points, are part"], ["hidden are as", "42.5"]),
        ("title", ["hidden are as <b>NumPy</b>'s hidden"], ["42.5", "3 of 16"]),
        (
            "magnitude",
            ["hidden are as", "3 of 16 values are wrong"],
            ["42.5", "got 1.5"],
        ),
        ("full", ["hidden are as", "got 1.5, expected 4", "42.5"], []),
    ],
)
def test_hidden_checks_are_told_at_the_level_chosen(tmp_path, level, seen, unseen):
    rng = made_up.random.Random(1)
    hidden = {**made_up.check("test_hidden", 4.0, False, rng), "hidden": True}
    hidden |= {"status": "failed", "misconception": "secret 42.5"}
    hidden["message"] = hidden["message"].partition("\n")[0]
    run = made_up.a_class(tmp_path / "run", size=1, hostile=False)
    run.close()
    run = made_up.Run(tmp_path / "run")
    for unit in run.index():
        result = run.read(unit)
        if "checks" in result:
            result["checks"] = [hidden]
            work = run.work(result["exercise"], b"x", ".py", "c", "e")
            run.hand_in(
                [("student000", work.exercise, work.sha256, work.unit, "x.py", None)]
            )
            run.keep(work, result, "final")
    made_up.with_policy(run, level).close()
    assert cli.main(["report", str(tmp_path / "run")]) == 0
    text = text_of(tmp_path / "run/report/students/student000.html")
    assert all(line in text for line in seen), text
    assert not [line for line in unseen if line in text]


def test_a_published_solution_is_for_a_human(tmp_path):
    run = made_up.a_class(tmp_path / "run", size=3, hostile=False)
    exercise = made_up.Course().exercise(made_up.EXERCISES[0])
    work = run.work(exercise.name, exercise.solution.read_bytes(), ".py", "c", "e")
    row = ("student001", work.exercise, work.sha256, work.unit, "x.py", None)
    run.hand_in([row])
    run.keep(work, made_up.result(exercise.name, made_up.random.Random(0)), "final")
    run.close()
    assert cli.main(["report", str(run.folder)]) == 0
    text = text_of(run.folder / "report/index.html")
    assert text.count("nearly all of it stands in the published solution") == 1


def test_a_folder_that_is_no_report_stays(report, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("…")
    run = str(report.parent)
    assert cli.main(["report", run, "--out", str(tmp_path)]) == 2
    assert "is there and no report" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").exists()
    assert cli.main(["report", str(tmp_path)]) == 2
    assert cli.main(["report", run, "--out", str(tmp_path / "new")]) == 0
    assert cli.main(["report", run, "--out", str(tmp_path / "new")]) == 0  # anew
    (tmp_path / "empty").mkdir()
    made_up.Run(tmp_path / "empty").close()
    assert cli.main(["report", str(tmp_path / "empty")]) == 2
    assert "nobody has handed anything in" in capsys.readouterr().err


def test_discrimination_worked_out_by_hand():
    """Right with the good ones: 1; the other way round: -1; all the same: none."""

    def result(first, second, third):
        checks = [
            {"name": n, "title": n, "points": 2.0, "hidden": False, "seconds": 1.0}
            | {"score": 2.0 * s, "status": "passed" if s else "failed"}
            for n, s in [("a", first), ("b", second), ("c", third)]
        ]
        return {"score": sum(c["score"] for c in checks), "checks": checks}

    same, opposite, always = analysis.items(
        [result(1, 0, 1), result(1, 0, 1), result(0, 1, 1), result(0, 1, 1)]
    )
    assert same.discrimination == pytest.approx(-1)  # the rest is b, its opposite
    assert opposite.discrimination == pytest.approx(-1)
    assert always.discrimination is None and always.lost == 0 and always.mean == 1
    assert (same.lost, same.mean, same.tried) == (2, 0.5, 4)
    one, other, _ = analysis.items([result(1, 1, 0), result(0, 0, 0), result(1, 1, 1)])
    assert one.discrimination == other.discrimination > 0.8


def test_misconceptions_by_frequency():
    def result(*whys):
        return {"checks": [{"misconception": w, "title": f"t {w}"} for w in whys]}

    found = analysis.misconceptions(
        {
            ("ann", "x"): result("p", "p"),  # once a student
            ("bo", "x"): result("q", ""),
            ("chi", "x"): result("p"),
            ("ann", "y"): result("q"),  # of another exercise
        }
    )
    assert [(m.exercise, m.why, m.students) for m in found] == [
        ("x", "p", ("ann", "chi")),
        ("x", "q", ("bo",)),
        ("y", "q", ("ann",)),
    ]


def test_histogram():
    assert analysis.histogram([0, 0.05, 0.1, 0.95, 1.0]) == [2, 1, *[0] * 6, 0, 2]
    assert sum(analysis.histogram([n / 10 for n in range(11)])) == 11


def test_magnitude_says_no_value():
    for message, said in [
        (
            "5 of 12 values are wrong, the first at [1]: got 2.0, expected 3.0",
            "5 of 12 values are wrong",
        ),
        (
            "2 of 3 values are not finite, the first at [0]",
            "2 of 3 values are not finite",
        ),
        ("shape (2, 3), expected (4, 5)", "not what the check asks for"),
        ("got 1.0, expected 2.0", "not what the check asks for"),
    ]:
        assert feedback.magnitude({"status": "failed", "message": message}) == said
    assert feedback.magnitude({"status": "crashed", "message": "E: 42"}) == "crash"


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser_from_a_file(report, width, tmp_path):
    """No page is wider than the screen, from a phone to a desktop."""
    pages = ["index.html", "students/student001.html"]
    pages += [f"exercises/{made_up.EXERCISES[0].replace('/', '.')}.html"]
    pages += [f"students/{quote(made_up.HOSTILE[9])}.html"]
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": width, "height": 900})
        said = []
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("pageerror", lambda error: said.append(str(error)))
        for name in pages:
            page.goto(f"file://{report}/{name}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide"
            if name == "index.html":
                bars = page.locator("svg rect").count()
                assert bars == 10 * (1 + len(made_up.EXERCISES))
            page.screenshot(path=tmp_path / "page.png", full_page=True)
            assert (tmp_path / "page.png").stat().st_size > 5_000
        page.goto(f"file://{report}/index.html")
        page.get_by_role("link", name="student001").first.click()
        assert page.title() == "Feedback for student001"
        assert said == []

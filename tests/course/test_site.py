"""The site in a browser: links, formulas, figures, search, at desk and phone width."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from course import site
from course.catalog import Course
from tests.course.browser import browser

COURSE = Course()
CHAPTER = "course/units/vision/classification/index.html"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
DRAWN = """() => [...document.querySelectorAll("math")].map(
    m => m.getBoundingClientRect().width * m.getBoundingClientRect().height)"""
LOADED = """() => [...document.images].map(i => i.complete && i.naturalWidth)"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    site.build(COURSE.root, out)
    return out


@pytest.fixture(scope="module")
def served(folder):
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def chrome():
    with browser() as started:
        yield started


@pytest.fixture(params=SIZES)
def page(request, chrome, served):
    """A page of that width, which must ask no other host and find all it asks for."""
    width, height = SIZES[request.param]
    opened = chrome.new_page(viewport={"width": width, "height": height})
    strange, missing = [], []
    opened.on("request", lambda r: r.url.startswith(served) or strange.append(r.url))
    opened.on("response", lambda r: r.status < 400 or missing.append(r.url))
    opened.is_phone = request.param == "phone"
    yield opened
    opened.close()
    assert not strange and not missing


def test_chapter_is_drawn(page, served):
    page.goto(served + CHAPTER)
    assert page.title().startswith("Vision: classification")
    formulas = page.evaluate(DRAWN)
    assert len(formulas) > 10 and min(formulas) > 20
    assert "$" not in page.inner_text("article")
    for image in page.locator("article img").all():
        image.scroll_into_view_if_needed()
    assert len(widths := page.evaluate(LOADED)) >= 4 and min(widths) >= 500
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0


def test_links_lead_on(page, served):
    page.goto(served)
    page.locator("article a", has_text="vision: classification").first.click()
    page.wait_for_url(f"**/{CHAPTER}")
    page.locator("article a", has_text="squeeze_excite.py").first.click()
    page.wait_for_url("**/modules/vision/classification/squeeze_excite.html")
    assert "class SqueezeExcite(layers.Layer)" in page.inner_text("article")


def test_answers_unfold(page, served):
    page.goto(served + CHAPTER)
    answer = page.locator("details p").first
    assert not answer.is_visible()
    page.locator("summary").first.click()
    assert answer.is_visible()


def test_search_finds_an_idea(page, served):
    page.goto(served + CHAPTER)
    if page.is_phone:
        page.locator("label.md-header__button[for=__search]").click()
    page.locator("input.md-search__input").press_sequentially("spatial transformer")
    # the list is drawn anew with every letter: wait for the one that is looked for
    wanted = '.md-search-result__link[href*="spatial_transformer.html"]'
    page.locator(wanted).first.wait_for(state="attached")
    assert page.locator(wanted).count() >= 1


def test_every_link_of_every_page_is_there(folder):
    """MkDocs in strict mode warns of dead links; here, of those in raw HTML too."""
    import re

    pages = sorted(folder.rglob("*.html"))
    modules = [p for p in COURSE.root.glob("modules/**/*.py")]
    assert len(pages) > len(modules) + len(COURSE.exercises) + len(COURSE.chapters)
    for path in pages:
        if path.name == "404.html":
            continue
        for target in re.findall(r'(?:href|src)="?([^"#> ]+)', path.read_text("utf-8")):
            if not target.startswith(("https://", "data:", "mailto:")):
                assert (path.parent / target).exists(), f"{path}: {target}"


def test_links_to_what_the_site_does_not_show_are_plain():
    root = COURSE.root
    here = root / "course/units/vision/classification/README.md"
    text = "[a](../../../../LICENSE) [b](https://x.org/) [c](../../../notation.md#d)"
    want = "a [b](https://x.org/) [c](../../../notation.md#d)"
    assert site.for_site(text, here, {root / "course/notation.md"}) == want


def test_nothing_but_an_older_site_is_replaced(tmp_path, monkeypatch, capsys):
    def build(root, out):
        out.mkdir()
        (out / "index.html").write_text("new")

    monkeypatch.setattr(site, "build", build)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    for wrong in (mine, mine / "thesis.txt"):
        with pytest.raises(
            SystemExit, match="is there and holds no site: name another"
        ):
            site.main([str(wrong)])
    assert (mine / "thesis.txt").read_text() == "years of work"
    out = tmp_path / "new/site"
    for _ in range(2):  # the second replaces the first
        site.main([str(out)])
        assert (out / "index.html").read_text() == "new"
        (out / "index.html").write_text("old")
    assert sorted(p.name for p in out.parent.iterdir()) == ["site"]
    with pytest.raises(SystemExit):
        site.main(["--help"])
    assert not (tmp_path / "--help").exists()

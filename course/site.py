"""Builds the site: all pages, figures and sources, searchable, with drawn formulas.

python -m course.site [FOLDER]     writes the static pages to FOLDER, or site/
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from course import formulas
from course.catalog import Course, docstring
from course.cli import UsageError, needs

SOURCES = ("modules", "assignments")
MARK = ".course-site"  # what tells a folder that may be replaced
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
STYLE = """\
.md-typeset math[display=block] { overflow-x: auto; overflow-y: hidden; margin: 1em 0; }
.md-typeset table:not([class]) { font-size: .75rem; }
"""
EXTENSIONS = [
    "tables",
    "toc",
    "md_in_html",
    "sane_lists",
    "pymdownx.highlight",
    "pymdownx.inlinehilite",
    "pymdownx.superfences",
]


def build(root, out):
    """Build the site of the course below root into the folder out."""
    from mkdocs.commands.build import build as mkdocs
    from mkdocs.config import load_config

    course = Course(root)
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        nav = write_pages(course, docs)
        (Path(folder) / "mkdocs.yml").write_text("site_name: set below\n")
        config = load_config(
            str(Path(folder) / "mkdocs.yml"),
            site_name="Applied deep learning",
            docs_dir=str(docs),
            site_dir=str(out),
            nav=nav,
            theme=theme(),
            plugins=["search"],
            markdown_extensions=EXTENSIONS,
            extra_css=["style.css"],
            use_directory_urls=False,
            strict=True,
        )
        mkdocs(config)


def theme():
    """Return Material's settings: no font from elsewhere, light and dark."""
    palettes = [
        {
            "media": f"(prefers-color-scheme: {scheme})",
            "scheme": {"light": "default", "dark": "slate"}[scheme],
            "toggle": {
                "icon": "material/theme-light-dark",
                "name": f"to {other} colours",
            },
        }
        for scheme, other in [("light", "dark"), ("dark", "light")]
    ]
    features = ["navigation.indexes", "navigation.footer", "search.highlight"]
    return {
        "name": "material",
        "font": False,
        "palette": palettes,
        "features": features,
    }


def write_pages(course, docs):
    """Write all pages below docs; return the navigation."""
    docs.mkdir(parents=True)
    (docs / "style.css").write_text(STYLE)
    texts = sorted(course.root.glob("course/**/*.md"))
    sources = [p for s in SOURCES for p in sorted((course.root / s).rglob("*.py"))]
    shown = {course.root / "README.md", *texts, *sources}
    for path in shown:
        place = docs / page(path.relative_to(course.root))
        place.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        if path.suffix == ".py":
            text = source_page(path, text)
        else:
            text = for_site(text, path, shown)
        place.write_text(text, "utf-8")
    for figure in course.root.glob("course/**/figures/*"):
        place = docs / figure.relative_to(course.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(figure, place)
    return navigation(course, texts)


def page(path):
    """Return the path of the page that shows a file, both relative to the root."""
    if path.name == "README.md":
        return path.with_name("index.md")
    return path.with_suffix(".md")


def source_page(path, text):
    """Return a page that shows a source file under its first line."""
    first = docstring(path).partition("\n")[0]
    return f"# {path.stem}\n\n{first}\n\n```python\n{text}```\n"


def for_site(text, path, shown):
    """Return a README as MkDocs wants it: links to pages, formulas drawn."""

    def link(found):
        mark, name, target, anchor = found.groups(default="")
        if ":" in target or mark:
            return found[0]
        there = Path(os.path.normpath(path.parent / target))
        if there in shown:
            return f"[{name}]({page(Path(target))}{anchor})"
        return name  # a file that the site does not show

    text = re.sub(r"^<details>", '<details markdown="1">', text, flags=re.M)
    text = LINK.sub(link, text)
    return formulas.each(
        text,
        lambda latex: f"<div>{formulas.as_mathml(latex, 'block')}</div>",
        formulas.as_mathml,
    )


def navigation(course, texts):
    """Return MkDocs's navigation: the syllabus's order, modules under their chapter."""
    units = {}
    for chapter in course.chapters:
        unit, _, rest = chapter.partition("/")
        pages = [f"course/units/{chapter}/index.md"]
        for title, top in (("Modules", "modules"), ("Exercises", "assignments")):
            files = sorted((course.root / top / chapter).glob("*.py"))
            paths = [page(f.relative_to(course.root)).as_posix() for f in files]
            pages += [{title: paths}] if paths else []
        units.setdefault(spoken(unit), []).append({spoken(rest or unit): pages})
    chapters = course.root / "course/units"
    more = [
        page(t.relative_to(course.root)).as_posix()
        for t in texts
        if not t.is_relative_to(chapters) and t != course.root / "course/README.md"
    ]
    start = [{"Start": "index.md"}, {"Syllabus": "course/index.md"}]
    return [*start, *({u: p} for u, p in units.items()), {"More": more}]


def spoken(name):
    return name.replace("_", " ").capitalize()


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m course.site")
    parser.add_argument("folder", nargs="?", default=Course().root / "site", type=Path)
    out = parser.parse_args(argv).folder.resolve()
    try:
        needs("mkdocs", "latex2mathml")
        replace(out)
    except (UsageError, OSError) as e:
        sys.exit(f"{e}")
    print(f"{out}: for the search to work too, serve it,")
    print(f"python -m http.server --directory {out}")


def replace(out):
    """Build the site aside and put it in place of an older one, and of nothing else.

    Raises:
        UsageError: the folder holds something that is no site of ours.
    """
    if (
        out.exists()
        and not (out / MARK).exists()
        and (not out.is_dir() or any(out.iterdir()))
    ):
        raise UsageError(f"{out} is there and holds no site: name another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".site-") as aside:
        fresh = Path(aside) / "site"
        build(Course().root, fresh)
        (fresh / MARK).touch()
        if out.exists():
            out.rename(Path(aside) / "old")
        fresh.rename(out)


if __name__ == "__main__":
    main()

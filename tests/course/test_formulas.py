"""Formulas read as text, are drawn as MathML, and code is left alone."""

import os
import xml.etree.ElementTree as xml

import pytest

from course import formulas
from course.catalog import Course
from course.learner import for_terminal
from tests.course.terminal import Terminal

PAGES = sorted(Course().root.glob("course/units/**/README.md"))


@pytest.mark.parametrize(
    "latex, text",
    [
        (r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}", "(x - μ)/√(σ^2 + ϵ)"),
        (r"\frac{1}{1 + e^{-z}} \ln p_k", "1/(1 + e^(-z)) ln p_k"),
        (r"\operatorname{softmax}(z) \ne \tfrac{1}{2}", "softmax(z) ≠1/2"),
        (r"x_{l+1} = x_l + F(x_l)", "x_(l+1) = x_l + F(x_l)"),
        (r"\frac{1}{HW}\sum_{i,j} x_{ij}", "1/(HW)∑_(i,j) x_(ij)"),
        (r"\mathrm{softmax}(Q K^\top)", "softmax(Q K^⊤)"),
        (r"\log p(x) \geq \exp(a)", "log p(x) ≥exp(a)"),
        (
            r"\begin{cases} x & x > 0 \\ 0 & \text{else} \end{cases}",
            "x  x > 0; 0  else",
        ),
        ("a\n= b", "a = b"),
    ],
)
def test_as_text(latex, text):
    assert formulas.as_text(latex) == text


def test_code_is_left_alone():
    page = "a $`x`$ b\n$$\ny\n$$\n```python\ncost = '$`x`$'\n$$\nz\n$$\n```\n$`x`$\n"
    want = "a <x> b\n[y]\n```python\ncost = '$`x`$'\n$$\nz\n$$\n```\n<x>\n"
    assert formulas.each(page, "[{}]".format, "<{}>".format) == want


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.parent.name)
def test_every_formula_of_the_course(path):
    found = []
    formulas.each(path.read_text("utf-8"), found.append, found.append)
    for latex in found:
        drawn = formulas.as_mathml(latex, "block")
        assert xml.fromstring(drawn).tag.endswith("math")
        assert "\\" not in drawn, f"latex2mathml does not know all of {latex}"
        text = formulas.as_text(latex)
        assert text and not set(text) & set("\\{}$\n"), text


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.parent.name)
def test_page_for_the_terminal(path):
    shown = for_terminal(path.read_text("utf-8"))
    assert "$$" not in shown and "<summary>" not in shown and "<details>" not in shown


def test_show_in_a_terminal(monkeypatch):
    monkeypatch.setenv("PAGER", "cat")
    terminal = Terminal(Course().root, "show", "vision/classification")
    try:
        assert "Vision: classification" in terminal.wait(
            r"y = .{,40}relu\(F\(x\) \+ x\)"
        )
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.ours), os.close(terminal.theirs)

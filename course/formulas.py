"""Formulas of the pages: as text for a terminal, as MathML for the site."""

import re
from itertools import accumulate

BLOCK = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.M | re.S)
INLINE = re.compile(r"\$`(.+?)`\$", re.S)


def each(page, block, inline):
    """Return a Markdown page with its formulas replaced, code left alone.

    Args:
        page: text in which `$$` on lines of their own enclose a formula, and within a
            line dollars and backticks do.
        block, inline: functions from LaTeX to what stands instead.
    """
    parts = re.split(r"(^```.*?^```$)", page, flags=re.M | re.S)
    for i in range(0, len(parts), 2):  # the odd ones are code
        parts[i] = BLOCK.sub(lambda m: block(m[1]), parts[i])
        parts[i] = INLINE.sub(lambda m: inline(m[1]), parts[i])
    return "".join(parts)


ALIKE = {"operatorname": "mathrm", "tfrac": "frac", "dfrac": "frac"}
NAMES = ("log", "ln", "exp", "max", "min", "sin", "cos", "tanh", "argmax", "argmin")


def as_text(latex):
    """Return LaTeX as a line of Unicode that reads like the formula."""
    from pylatexenc import latex2text

    def fraction(node, l2tobj):
        over, under = (
            l2tobj.nodelist_to_text([part]) for part in node.nodeargd.argnlist
        )
        return f"{closed(over)}/{closed(under)}"

    macro = latex2text.MacroTextSpec
    own = [macro(name, f"{name} ") for name in NAMES]
    own += [macro("frac", fraction), macro("|", "‖"), macro("ne", "≠")]
    context = latex2text.get_default_latex_context_db()
    context.add_context_category("ours", prepend=True, macros=own)
    converter = latex2text.LatexNodes2Text(context, keep_braced_groups=True)
    for name, known in ALIKE.items():
        latex = re.sub(rf"\\{name}(?![A-Za-z])", rf"\\{known}", latex)
    text = converter.latex_to_text(" ".join(latex.split()))
    text = re.sub(rf"\b({'|'.join(NAMES)}) +(?=[(_{{])", r"\1", text)
    text = re.sub(r"\s*\n\s*", "; ", text.strip())  # rows of cases
    return re.sub(r" {2,}", "  ", text).replace("{", "(").replace("}", ")")


def closed(text):
    """Put parentheses around what is more than one symbol."""
    text = text.strip()
    if text.startswith("{") and text.endswith("}") and balanced(text[1:-1]):
        text = text[1:-1].strip()
    alone = re.fullmatch(r"[\d.]+|∂?\w[\u0300-\u036f]?(_\w)?|[√∑]?\([^()]*\)", text)
    return text if alone else f"({text})"


def balanced(text):
    """Tell whether no brace is closed before it is opened."""
    depth = list(accumulate((c == "{") - (c == "}") for c in text))
    return min(depth, default=0) >= 0


def as_mathml(latex, display="inline"):
    """Return LaTeX as MathML, which browsers draw without help."""
    from latex2mathml.converter import convert

    return convert(" ".join(latex.split()), display=display)

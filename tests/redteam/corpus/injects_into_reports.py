"""Raises what a page, a sheet or a terminal would obey (30).

status: crashed crashed
"""
def scale(x, k):
    raise ValueError('<script>alert(1)</script> =HYPERLINK("http://x","y")')


def total(x):
    raise ValueError("\x1b[31m\x1b]0;owned\x07\u202e\r\n::error::x\ud800")

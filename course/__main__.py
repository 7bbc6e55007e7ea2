"""Runs the command line: python -m course."""

import sys

from course.cli import main

if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # whatever a submission has printed
    raise SystemExit(main())

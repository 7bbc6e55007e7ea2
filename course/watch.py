"""The command `watch`: re-grade on save, show the first check that is not passed."""

import queue
import signal
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

from course import judge, judging, learner, present, progress
from course.catalog import Course
from course.cli import UsageError, needs
from course.grade import prepare_data, remember
from course.sandbox import client

KEYS = "h hint   n next exercise   l list   q quit"


def watch(options):
    """Grade at every save until q is pressed; return the exit code."""
    needs("watchfiles", "tensorflow", "keras")
    course = Course()
    if options.exercise:
        exercise = course.exercise(options.exercise)
    else:
        exercise = following(course, progress.read())
    if exercise is None:
        raise UsageError("all is done: name an EXERCISE to watch it")
    events = queue.Queue()
    watcher = Watcher(course, exercise, client.warm())
    threading.Thread(target=saves, args=(course, events), daemon=True).start()
    leaving = threading.Event()
    with keys(events, leaving):
        try:
            watcher.grade()
            while all(watcher.answer(*event) for event in waiting(events)):
                pass
        except KeyboardInterrupt:
            if not leaving.is_set():
                raise
    return None


def waiting(events):
    """Wait for an event and return all that are there, of saves only the last."""
    found = [events.get()]
    while not events.empty():
        found.append(events.get())
    saves = [event for event in found if event[0] == "saved"]
    return [event for event in found if event[0] != "saved"] + saves[-1:]


def following(course, known, after=None):
    """Return the next exercise without full marks, from one on and then around."""
    names = [e.name for e in course.exercises]
    start = names.index(after.name) + 1 if after else 0
    for exercise in course.exercises[start:] + course.exercises[:start]:
        if not is_done(known.get(exercise.name, {})):
            return exercise
    return None


def is_done(mine):
    return mine.get("score") is not None and mine["score"] == mine.get("max_score")


class Watcher:
    """The exercise that is watched, and what to do about keys and saves."""

    def __init__(self, course, exercise, sandboxes):
        self.course, self.exercise, self.sandboxes = course, exercise, sandboxes

    def answer(self, kind, what):
        """Act on a key or a save; return False when it is over."""
        if kind == "saved":
            self.exercise = what
            self.grade()
        elif what == "q":
            return False
        elif what == "h":
            learner.hint(SimpleNamespace(exercise=self.exercise.name))
        elif what == "l":
            learner.status(None)
        elif what == "n":
            self.exercise = following(self.course, progress.read(), self.exercise)
            if self.exercise is None:
                print("All done.")
                return False
            self.grade()
        return True

    def grade(self):
        """Grade the exercise and show how it stands."""
        name, path = self.exercise.name, self.exercise.assignment
        print("\033[2J\033[H" if sys.stdout.isatty() else "", end="")
        print(f"{name}\n{path.relative_to(self.course.root)}\n")
        if not path.is_file():
            print(f"The file is gone: python -m course reset {name} makes it again.")
        else:
            print("grading …", end="\r", flush=True)
            self.show(self.judged(path))
        known = progress.read()
        done = sum(is_done(known.get(e.name, {})) for e in self.course.exercises)
        print(f"\n{done} of {len(self.course.exercises)} exercises done   {KEYS}")

    def judged(self, path):
        unit = SimpleNamespace(exercise=self.exercise.name)
        try:
            prepare_data(self.course, [unit], self.sandboxes)
            seed, shown = judge.new_seed(), path.name
            job = (self.exercise.name, path, shown, seed, self.sandboxes)
            found = judging.judged(self.course, *job)
            remember(self.exercise, found)
            return found
        except (judge.GraderFault, UsageError) as e:
            return {"exercise": self.exercise.name, "fault": str(e)}

    def show(self, found):
        if "fault" in found:
            present.result(found)
            return
        points = f"{found['score']:g} of {found['max_score']:g} points"
        failing = [c for c in found["checks"] if c["status"] != "passed"]
        if not failing:
            print(f"{points}. All {len(found['checks'])} checks are passed; n goes on.")
            return
        print(f"{points}, {len(failing)} of {len(found['checks'])} checks to go\n")
        present.check(failing[0])


def saves(course, events):
    """Put every save of an assignment into the queue, as it comes."""
    from watchfiles import watch as watched

    by_path = {str(e.assignment): e for e in course.exercises}
    for changes in watched(course.root / "assignments", debounce=50, step=20):
        for path in {path for _, path in changes} & set(by_path):
            events.put(("saved", by_path[path]))


@contextmanager
def keys(events, leaving):
    """Put keys into the queue as they are pressed; the terminal is as before after."""
    if not sys.stdin.isatty():
        yield
        return
    if sys.platform == "win32":
        threading.Thread(target=read_keys_windows, args=(events,), daemon=True).start()
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    reader = threading.Thread(target=read_keys, args=(events, leaving), daemon=True)
    reader.start()
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def read_keys(events, leaving):
    """Pass keys on; q leaves at once, also in the middle of a grading."""
    while (key := sys.stdin.read(1)) and key != "q":  # "" when the terminal is gone
        events.put(("key", key))
    leaving.set()
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def read_keys_windows(events):
    import msvcrt

    while True:
        events.put(("key", msvcrt.getwch()))

"""One progress bar over all the work of a demo."""

import atexit
import sys

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Bar(keras.callbacks.Callback):
    """A bar for work that is done in steps, most of them epochs of a `fit`.

    Give it to every `fit` as a callback, and call `step()` after a piece of other
    work. It goes to the error stream, and only to a terminal.

    Args:
        steps: int, the epochs of all fits together, and the other steps.
    """

    def __init__(self, steps):
        super().__init__()
        console = Console(file=sys.stderr)
        self.progress = Progress(
            TextColumn("{task.completed:.0f} of {task.total}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.done, self.steps = 0, steps
        self.task = self.progress.add_task("", total=steps)
        self.progress.start()
        atexit.register(self.progress.stop)  # the cursor comes back in any case

    def step(self):
        self.done += 1
        self.progress.update(self.task, completed=self.done)
        if self.done >= self.steps:
            self.progress.stop()

    def on_train_batch_end(self, batch, logs=None):
        if steps := self.params["steps"]:
            self.progress.update(self.task, completed=self.done + (batch + 1) / steps)

    def on_epoch_end(self, epoch, logs=None):
        self.step()

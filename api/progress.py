"""Progress on a terminal: a moving line; into a file or a pipe: a line for each step."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

TELL_EVERY = 0.25


class ProgressLine:
    """Shows what is being done and how far it is; use it in a `with` block.

    Args:
        console: Where to; standard error, so that standard output holds results only.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0)
        self._step = ""
        self._told = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, step: str, fraction: float, detail: str = "") -> None:
        """Show a step.

        Args:
            step: What is being done.
            fraction: How far all is, from 0 to 1.
            detail: What changes within the step.
        """
        sentence = f"{step}: {detail}" if detail else step
        self._bar.update(self._task, description=sentence, completed=fraction)
        if not self._console.is_terminal and (step != self._step or fraction >= self._told + TELL_EVERY):
            self._console.print(sentence, highlight=False)
            self._told = fraction
        self._step = step

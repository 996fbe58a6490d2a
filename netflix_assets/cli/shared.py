"""What every command shares: the consoles, the definitions, and errors told in one sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.markup import escape

from netflix_assets.cli.failures import INTERRUPTED, TERMINATED, interruptible, sentence_for
from netflix_assets.console import new_console
from netflix_assets.errors import UserError
from netflix_assets.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])

console = new_console()
errors = new_console(stderr=True)


def one_sentence(command: _Command) -> _Command:
    """Print what a person can put right as its sentence and exit with 1; a bug keeps its traceback.

    Ctrl-C exits with 130 and SIGTERM with 143, as shells have it, after one line.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with interruptible():
                return command(*args, **kwargs)
        except UserError as error:
            sentence = str(error)
            cause: BaseException = error
        except SystemExit as error:
            if error.__cause__ is not None and error.code in (INTERRUPTED, TERMINATED):
                errors.print("interrupted: nothing is left half done; the same command goes on from here")
            raise
        except Exception as error:
            found = sentence_for(error)
            if found is None:
                raise
            sentence, cause = found, error
        errors.print(f"[red]error:[/red] {escape(sentence)}", soft_wrap=True)
        raise SystemExit(1) from cause

    return wrapped  # type: ignore[return-value]


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show what goes on, and yield a function that shows something else: where there is no terminal, on a line each."""
    shown = {what}
    with console.status(escape(what)) as status:

        def tell(text: str) -> None:
            status.update(escape(text))
            if not console.is_terminal and text not in shown:
                shown.add(text)
                console.print(escape(text), soft_wrap=True)

        yield tell


def definitions(settings: Settings) -> tuple[Any, Any, Any]:
    """The definitions, and the bucket and warehouse that they are of."""
    from netflix_assets.definitions import build_defs
    from netflix_assets.targets import bucket_from, warehouse_from

    return build_defs(settings), bucket_from(settings), warehouse_from(settings)

"""How SIGINT and SIGTERM end a command that keeps what it has finished."""

import contextlib
import sys
from collections.abc import Iterator

from jaxcr.runtime import Terminated, terminable


@contextlib.contextmanager
def interruptible(kept: str) -> Iterator[None]:
    """Turn both signals inside into one line that says what is kept, and exit code 130 or 143."""
    try:
        with terminable():
            yield
    except (KeyboardInterrupt, Terminated) as stopped:
        print(f"jaxcr: stopped; {kept}", file=sys.stderr)
        raise SystemExit(130 if isinstance(stopped, KeyboardInterrupt) else 143) from None

"""SIGINT and SIGTERM: they end a run as an exception, never within a write."""

import contextlib
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """SIGTERM arrived."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` for SIGTERM inside, as Python raises ``KeyboardInterrupt`` for SIGINT."""

    def stop(number, frame):
        raise Terminated

    with _handlers({signal.SIGTERM: stop}):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold both signals back until the block has ended; then they act as before."""
    waiting: list[int] = []
    with _handlers({number: lambda number, frame: waiting.append(number) for number in _SIGNALS}):
        yield
    for number in waiting:
        signal.raise_signal(number)


@contextlib.contextmanager
def _handlers(handlers: dict) -> Iterator[None]:
    """Set handlers for a while; other threads than the main one get no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

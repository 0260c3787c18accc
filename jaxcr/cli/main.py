"""Entry point of ``jaxcr``: sets JAX up, runs a command, turns bad input into one message."""

import contextlib
import importlib
import os
import sys
from typing import Any

from jaxcr.cli.config import COMMANDS, Settings, parse
from jaxcr.cli.toml_settings import as_dict, to_toml

_MODULES = dict.fromkeys(("resume", "status", "merge"), "ensemble")
"""Where a command's function is, if not in the module of its name."""

_INTERRUPTED = (130, 143)
"""Exit codes after SIGINT and SIGTERM."""

_CLOSED_PIPE = 141
"""Exit code when nobody reads stdout any more, as after SIGPIPE."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit code, after one line of what was wrong unless 0."""
    _print_anything()
    try:
        command = parse(sys.argv[1:] if argv is None else argv)
        if command.json:
            _print_document(command)
        elif getattr(command, "show_config", False):
            print(to_toml(command))
        else:
            _start(command)
    except BrokenPipeError:
        return _CLOSED_PIPE
    except (ValueError, OSError) as problem:
        print(f"jaxcr: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxcr: interrupted", file=sys.stderr)
        return 130
    except Exception as problem:
        if not _is_lack(problem):
            raise
        print(f"jaxcr: error: too large for this machine: {problem}", file=sys.stderr)
        return 2
    return 0


def end_process() -> None:
    """Run the command line and end the process with its exit code.

    Once interrupted, or when stdout cannot be written, without Python's own tidying up: JAX's
    threads may still be at work then, and crash. What was finished is on disk already.
    """
    code = None
    try:
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(_CLOSED_PIPE)
    except OSError as problem:
        if code != 2:
            print(f"jaxcr: error: {problem}", file=sys.stderr, flush=True)
        os._exit(2)
    if code in _INTERRUPTED:
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _print_anything() -> None:
    """Let streams print signs that their encoding has not, such as ±, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _is_lack(problem: Exception) -> bool:
    """Return whether a number, the memory or that of a device did not suffice."""
    kinds = (MemoryError, OverflowError, RecursionError)
    return isinstance(problem, kinds) or "RESOURCE_EXHAUSTED" in str(problem)


def _configure_jax() -> None:
    """Choose float64 and one device per core, unless the environment says otherwise."""
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores or 1))
    if os.environ.get("JAXCR_COMPILE_CACHE", "0") not in ("", "0"):
        from jaxcr.runtime import keep_compiled

        keep_compiled()


def _print_document(command: Settings) -> None:
    """Run the command; one JSON document is all that stdout gets, the text goes to stderr."""
    shown = getattr(command, "show_config", False)
    with contextlib.redirect_stdout(sys.stderr):
        outcome = None if shown else _start(command)
    # Not above: benchmarks choose the threads of the libraries that this imports.
    from jaxcr.cli.output import Outcome, document, to_json

    if outcome is None:
        outcome = Outcome({"configuration": as_dict(command)})
    print(to_json(document(_name(command), outcome)))


def _start(command: Settings) -> Any:
    """Set JAX up and run the command; return its outcome."""
    _configure_jax()
    if getattr(command, "distributed", False):
        from jaxcr.cli.distributed import join_processes

        join_processes(command)
    return _run(command)


def _run(command: Settings) -> Any:
    """Import only the module of the command that was asked for, and call its ``run_NAME``."""
    name = _name(command)
    module = importlib.import_module(f"jaxcr.cli.{_MODULES.get(name, name)}")
    return getattr(module, f"run_{name}")(command)


def _name(command: Settings) -> str:
    return next(name for name, kind in COMMANDS.items() if kind is type(command))


if __name__ == "__main__":
    end_process()

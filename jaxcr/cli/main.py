"""Entry point of ``jaxcr``: sets JAX up, runs a command, turns bad input into one message."""

import importlib
import os
import sys

from jaxcr.cli.config import COMMANDS, Settings, parse
from jaxcr.cli.toml_settings import to_toml

_MODULES = dict.fromkeys(("resume", "status", "merge"), "ensemble")
"""Where a command's function is, if not in the module of its name."""

_INTERRUPTED = (130, 143)
"""Exit codes after SIGINT and SIGTERM."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0, or 2 after one line that says what was wrong."""
    try:
        command = parse(sys.argv[1:] if argv is None else argv)
        if getattr(command, "show_config", False):
            print(to_toml(command))
            return 0
        _configure_jax()
        if getattr(command, "distributed", False):
            from jaxcr.cli.distributed import join_processes

            join_processes(command)
        _run(command)
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

    Once interrupted, without Python's own tidying up: JAX's threads may still be at work then, and
    crash. What was finished is on disk already.
    """
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code
    if code in _INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


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


def _run(command: Settings) -> None:
    """Import only the module of the command that was asked for, and call its ``run_NAME``."""
    name = next(name for name, kind in COMMANDS.items() if kind is type(command))
    module = importlib.import_module(f"jaxcr.cli.{_MODULES.get(name, name)}")
    getattr(module, f"run_{name}")(command)


if __name__ == "__main__":
    end_process()

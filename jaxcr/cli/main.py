"""Entry point of ``jaxcr``: sets JAX up, runs a command, turns bad input into one message."""

import os
import sys

from jaxcr.cli.config import Field, Fit, Info, Orbits, Sky, Traps, parse
from jaxcr.cli.toml_settings import to_toml


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0, or 2 after one line that says what was wrong."""
    try:
        command = parse(sys.argv[1:] if argv is None else argv)
        if getattr(command, "show_config", False):
            print(to_toml(command))
            return 0
        _configure_jax()
        _run(command)
    except (ValueError, OSError) as problem:
        print(f"jaxcr: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxcr: interrupted", file=sys.stderr)
        return 130
    return 0


def _configure_jax() -> None:
    """Choose float64 and one device per core, unless the environment says otherwise."""
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores or 1))


def _run(command: Fit | Sky | Field | Orbits | Traps | Info) -> None:
    """Import only the command that was asked for."""
    if isinstance(command, Fit):
        from jaxcr.cli.fit import run_fit

        run_fit(command)
    elif isinstance(command, Sky):
        from jaxcr.cli.sky import run_sky

        run_sky(command)
    elif isinstance(command, Field):
        from jaxcr.cli.field import run_field

        run_field(command)
    elif isinstance(command, Orbits):
        from jaxcr.cli.orbits import run_orbits

        run_orbits(command)
    elif isinstance(command, Traps):
        from jaxcr.cli.traps import run_traps

        run_traps(command)
    else:
        from jaxcr.cli.info import run_info

        run_info()


if __name__ == "__main__":
    sys.exit(main())

"""Result folders and the self-describing result file."""

import contextlib
import io
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jaxcr._version import __version__
from jaxcr.runtime.atomic import write_whole

_PACKAGES = ("jax", "jaxlib", "diffrax", "equinox", "optimistix", "optax", "numpy", "healpy")


def new_folder(path: Path | None, *, kind: str, overwrite: bool = False) -> Path:
    """Return a folder for results that holds none yet.

    Parameters
    ----------
    path
        The folder, or ``None`` for the next free ``jaxcr-results/KIND-NNN``.
    overwrite
        Allow a folder that exists.

    Raises
    ------
    ValueError
        When the folder exists or cannot be made, or a file stands in its place.
    """
    check_free(path, overwrite=overwrite)
    if path is None:
        number = 1
        while (path := Path("jaxcr-results") / f"{kind}-{number:03d}").exists():
            number += 1
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ValueError(
            f"--out: expected a folder that can be made, got {path} ({problem.strerror}). "
            "Name another one."
        ) from problem
    return path


@contextlib.contextmanager
def result_folder(path: Path | None, *, kind: str, overwrite: bool = False) -> Iterator[Path]:
    """Make a folder as `new_folder`; leave none behind when the run fails before it writes."""
    folder = new_folder(path, kind=kind, overwrite=overwrite)
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):  # only an empty folder can be removed
            folder.rmdir()
        raise


def check_free(path: Path | None, *, overwrite: bool = False) -> None:
    """Raise ``ValueError`` when ``path`` exists and may not be written into."""
    if path is not None and path.exists() and not (overwrite and path.is_dir()):
        what = "a folder that exists" if path.is_dir() else "a file"
        raise ValueError(
            f"--out: expected a new folder, got {what}: {path}. Name another one"
            + (", or add --overwrite." if path.is_dir() else ".")
        )


def write_result(
    path: Path, *, configuration: dict, seeds: dict, groups: dict[str, dict], dated: bool = True
) -> None:
    """Write numbers, configuration, versions and seeds to one HDF5 file.

    Parameters
    ----------
    groups
        For each group, arrays and numbers by name; strings become attributes.
    dated
        Whether the file says when it was written: without, the same numbers are the same bytes.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["configuration"] = json.dumps(configuration)
        file.attrs["seeds"] = json.dumps(seeds)
        file.attrs["versions"] = json.dumps(versions())
        if dated:
            file.attrs["date"] = datetime.now(UTC).isoformat(timespec="seconds")
        for group, values in groups.items():
            target = file.create_group(group)
            for name, value in values.items():
                _store(target, name, value)
    write_whole(path, content.getvalue())


def write_record(path: Path, numbers: dict[str, Any]) -> dict[str, Any]:
    """Write numbers to a JSON file, with machine, device, versions and date; return all of it."""
    import jax

    record = numbers | {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": jax.devices()[0].device_kind,
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f"{json.dumps(record, indent=1)}\n".encode())
    return record


def versions() -> dict[str, str]:
    """Return the versions of jaxcr, Python and the packages that numbers depend on."""
    found = {"jaxcr": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _store(group: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, str | bool):
        group.attrs[name] = value
    else:
        group[name] = np.asarray(value)

"""A disk cache of arrays under their configuration."""

import contextlib
import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs

from jaxcr._version import __version__
from jaxcr.runtime.atomic import write_whole
from jaxcr.untrusted.npz import read_arrays

_LEAST_SECONDS = 0.2
"""Of compilation, from which a program is kept."""

_SEAL = "digest"
"""Name of the array in which a file says what it holds."""


def cached_arrays(
    kind: str,
    configuration: dict,
    compute: Callable[[], dict[str, np.ndarray]],
    *,
    directory: Path | None = None,
) -> tuple[dict[str, np.ndarray], bool]:
    """Return arrays from the cache, or compute and store them.

    Parameters
    ----------
    kind, configuration
        What the arrays are and everything they depend on; any change is another file, as is
        another precision, jaxcr or jax.
    directory
        Default: ``JAXCR_CACHE``, else the user's cache folder.

    Returns
    -------
    The arrays by name, and whether they came from the cache.

    Notes
    -----
    Written whole or not at all, so that a killed run leaves no half file, and with a digest of
    configuration and content. A file that cannot be read is computed again; so is one of other
    content, with a warning that names it.
    """
    import jax

    setting = {
        "arrays": configuration, "float64": bool(jax.config.jax_enable_x64),
        "jaxcr": __version__, "jax": jax.__version__,
    }  # fmt: skip
    path = (directory or cache_directory()) / f"{kind}-{_digest(setting)}.npz"
    stored = _read(path)
    if stored is not None:
        told = stored.pop(_SEAL, np.zeros(0, np.uint8)).tobytes()
        if told == _seal(setting, stored):
            return stored, True
        warnings.warn(
            f"{path}: expected the arrays that were stored under this name, got other ones. "
            "They are computed again.",
            stacklevel=2,
        )
    arrays = compute()
    with contextlib.suppress(OSError):  # an unwritable cache costs time, not the result
        _write(path, {**arrays, _SEAL: np.frombuffer(_seal(setting, arrays), np.uint8)})
    return arrays, False


def _seal(setting: dict, arrays: dict[str, np.ndarray]) -> bytes:
    """Return a digest of a setting and of names, types, shapes and numbers of arrays."""
    digest = hashlib.sha256(_digest(setting).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.digest()


def cache_directory() -> Path:
    """Return the folder of the cache: ``JAXCR_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("JAXCR_CACHE") or platformdirs.user_cache_dir("jaxcr"))


def keep_compiled() -> None:
    """Keep JAX's compiled programs in the cache folder, for later processes of the same machine.

    The command line does so when ``JAXCR_COMPILE_CACHE`` is 1. ``JAX_COMPILATION_CACHE_DIR`` has
    the last word on the folder. Not for a folder that unlike machines share: compiled programs
    hold the instructions of one kind of processor.
    """
    import jax

    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(cache_directory() / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)


def _digest(configuration: dict) -> str:
    text = json.dumps(configuration, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _read(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with path.open("rb") as file:
            return read_arrays(file)
    except Exception:  # whatever is wrong with the file, the remedy is to compute it again
        return None


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_whole(path, file.getvalue())

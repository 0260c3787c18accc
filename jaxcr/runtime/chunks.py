"""Compute the chunks of a run that are missing, in any number of processes, and merge them."""

import ctypes
import sys
from collections.abc import Callable

from tqdm import tqdm

from jaxcr.checks import argument_error
from jaxcr.runtime.chunk_file import Arrays
from jaxcr.runtime.store import ChunkStore, Shard
from jaxcr.untrusted.sizes import shortened


def compute_chunks(
    store: ChunkStore,
    compute: Callable[[int], Arrays],
    shard: Shard = Shard(),  # noqa: B008 immutable
    *,
    unit: str = "chunk",
    units_per_chunk: int = 1,
    say: Callable[[str], None] = print,
) -> int:
    """Compute and store what a shard of a run still lacks; return how many chunks that were.

    Parameters
    ----------
    compute
        From the number of a chunk to its arrays, which must depend on nothing else.
    unit, units_per_chunk
        What the progress bar counts. The bar is quiet where stderr is no terminal.
    say
        Told of every damaged chunk.

    Raises
    ------
    ValueError
        When another process is at work on the same shard.
    OSError
        When a chunk cannot be written; those before it are kept.
    """
    shown = sys.stderr.isatty()
    with store.lock(shard):
        todo = list(store.missing(shard))
        for number, state in todo:
            if state == "damaged":
                say(f"chunk {number} is damaged and computed again: {store.path(number)}")
        total = len(shard.chunks(store.num_chunks))
        bar = tqdm(
            total=total * units_per_chunk,
            initial=(total - len(todo)) * units_per_chunk,
            unit=unit,
            unit_scale=units_per_chunk > 1,
            disable=not shown,
        )
        with bar:
            for number, _ in todo:
                bar.set_description(f"chunk {number + 1} of {store.num_chunks}")
                store.write(number, compute(number))
                _return_memory()
                bar.update(units_per_chunk)
    return len(todo)


def merge_chunks(store: ChunkStore) -> Arrays | None:
    """Return the sums of all chunks, and store them; ``None`` while a chunk is missing or damaged.

    In the order of the numbers, so that rounding is the same every time.

    Raises
    ------
    ValueError
        When a chunk holds other arrays than the first one.
    """
    sums: Arrays = {}
    for number in range(store.num_chunks):
        arrays = store.read(number)
        if arrays is None:
            return None
        if sums and _kinds(arrays) != _kinds(sums):
            raise argument_error(
                f"chunk {number} of {store.folder}",
                expected="arrays of the names, shapes and types of those before it",
                got=shortened(_kinds(arrays)),
                remedy="Another program wrote it: remove it, and resume.",
            )
        sums = {name: sums.get(name, 0) + value for name, value in arrays.items()}
    store.write_merged(sums)
    return sums


def _kinds(arrays: Arrays) -> dict[str, tuple]:
    """Return shape and kind of every array: bool and integers of any size are one after a sum."""
    return {
        name: (x.shape, "i" if x.dtype.kind in "biu" else x.dtype.kind)
        for name, x in arrays.items()
    }


def _return_memory() -> None:
    """Give memory that is free back to the system: scattered, it would pile up with the chunks."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc, not of every C library
        if trim is not None:
            trim(0)

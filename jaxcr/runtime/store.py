"""A run on disk: what it is, and the results of its numbered chunks."""

import contextlib
import hashlib
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from jaxcr.checks import argument_error, check_range
from jaxcr.runtime.atomic import write_whole
from jaxcr.runtime.chunk_file import Arrays, read_chunk, write_chunk
from jaxcr.runtime.results import versions
from jaxcr.untrusted.sizes import read_text

_DESCRIPTION = "run.json"
_MERGED = "merged.chunk"
MOST_CHUNKS = 1_000_000


class Shard(NamedTuple):
    """Every ``of``-th chunk, from ``number`` (1 ... of) on."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def read(cls, text: str) -> "Shard":
        """Return the shard that a text such as ``2/3`` names.

        Raises
        ------
        ValueError
            When it names none.
        """
        first, _, second = text.partition("/")
        if first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second):
            return cls(int(first), int(second))
        raise argument_error(
            "--shard",
            expected="I/N with I from 1 to N",
            got=repr(text),
            remedy="The second of three parts is 2/3.",
        )

    def chunks(self, num_chunks: int) -> range:
        """Return the numbers of its chunks."""
        return range(self.number - 1, num_chunks, self.of)


class ChunkStore:
    """The folder of one run: ``run.json``, ``chunks/``, and their sum once all are there.

    A chunk is one file, written whole, with a checksum and the run's identity in it: what cannot
    be verified counts as missing. Chunks hold no times and no traces of who computed them, so
    that the content of the folder depends on configuration and code alone.

    Attributes
    ----------
    folder
        Of the run.
    description
        Kind and configuration of the run, number of chunks, code and platform, as in run.json.
    """

    def __init__(self, folder: Path, description: dict[str, Any]):
        self.folder, self.description = folder, description
        self._identity = hashlib.sha256(_text(description).encode()).digest()

    @classmethod
    def create(
        cls, folder: Path, *, kind: str, configuration: dict[str, Any], num_chunks: int
    ) -> "ChunkStore":
        """Return the store of a run, new, or the one that is there if it is of the same run.

        Raises
        ------
        ValueError
            When a file stands in its place, the folder holds something else, or a run of another
            configuration, code or platform: the message shows each difference. When there are
            more than a million chunks.
        """
        remedy = "Make chunks larger: each is a file."
        check_range("ChunkStore: num_chunks", num_chunks, 1.0, float(MOST_CHUNKS), remedy=remedy)
        description = json.loads(
            _text(
                {
                    "kind": kind,
                    "configuration": configuration,
                    "num_chunks": num_chunks,
                    "code": versions() | {"platform": _platform()},
                }
            )
        )
        if folder.exists() and (not folder.is_dir() or _is_foreign(folder)):
            raise argument_error(
                "--out",
                expected="a new or empty folder, or that of the same run",
                got=f"{'a folder of other things' if folder.is_dir() else 'a file'}: {folder}",
                remedy="Name another one.",
            )
        store = cls(folder, description)
        found = _read_description(folder)
        if found is None and store._holds_only_others():
            found = {"kind": "a run whose run.json is damaged"}
        if found is None:
            (folder / "chunks").mkdir(parents=True, exist_ok=True)
            write_whole(folder / _DESCRIPTION, _sealed(description))
        elif found != description:
            raise argument_error(
                f"--out {folder}",
                expected="a folder of the same run",
                got="another: " + "; ".join(_differences(found, description)),
                remedy="Name another folder, or repeat the run with its own settings.",
            )
        return store

    @classmethod
    def open(cls, folder: Path) -> "ChunkStore":
        """Return the store of a folder that `create` made.

        Raises
        ------
        ValueError
            When its description is missing or damaged.
        """
        found = _read_description(folder)
        if found is None:
            raise argument_error(
                str(folder),
                expected=f"the folder of a run, with its {_DESCRIPTION}",
                got="none that can be read",
                remedy="Repeat the command that made it, with --out: finished chunks are kept.",
            )
        return cls(folder, found)

    @property
    def num_chunks(self) -> int:
        """Chunks of the whole run."""
        return int(self.description["num_chunks"])

    def path(self, number: int) -> Path:
        """Return the file of a chunk."""
        return self.folder / "chunks" / f"{number:07d}.chunk"

    def read(self, number: int) -> Arrays | None:
        """Return the arrays of a chunk, or ``None`` when it must be computed (again)."""
        return read_chunk(self.path(number), self._identity_of(number))

    def write(self, number: int, arrays: Arrays) -> None:
        """Store a chunk."""
        write_chunk(self.path(number), self._identity_of(number), arrays)

    def read_merged(self) -> Arrays | None:
        """Return what `write_merged` stored, or ``None``."""
        return read_chunk(self.folder / _MERGED, self._identity_of(self.num_chunks))

    def write_merged(self, arrays: Arrays) -> None:
        """Store what all chunks together make."""
        write_chunk(self.folder / _MERGED, self._identity_of(self.num_chunks), arrays)

    def missing(self, shard: Shard = Shard()) -> Iterator[tuple[int, str]]:  # noqa: B008 immutable
        """Yield the numbers of chunks to compute, and why: ``missing`` or ``damaged``."""
        for number in shard.chunks(self.num_chunks):
            if not self.path(number).exists():
                yield number, "missing"
            elif self.read(number) is None:
                yield number, "damaged"

    def adopt(self, other: "ChunkStore") -> int:
        """Copy the sound chunks of another store of the same run; return how many.

        Raises
        ------
        ValueError
            When it is a store of another run.
        """
        if other.description != self.description:
            raise argument_error(
                f"merge: {other.folder}",
                expected=f"a part of the run in {self.folder}",
                got="; ".join(_differences(other.description, self.description)),
                remedy="Only shards of one run can be merged.",
            )
        copied = 0
        for number in range(self.num_chunks):
            arrays = other.read(number) if self.read(number) is None else None
            if arrays is not None:
                self.write(number, arrays)
                copied += 1
        return copied

    @contextlib.contextmanager
    def lock(self, shard: Shard) -> Iterator[None]:
        """Hold the lock of a shard; a process that ends, however it does, gives it back.

        Raises
        ------
        ValueError
            When another process holds it.
        """
        name = f"shard-{shard.number}-of-{shard.of}.lock"
        lock = FileLock(self.folder / name, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise argument_error(
                f"{self.folder}, shard {shard}",
                expected="no other process at work on it",
                got=f"{name} held",
                remedy="Wait for it, end it, or give each process a --shard of its own.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _holds_only_others(self) -> bool:
        """Return whether chunks are there, and none is of this run."""
        present = [n for n in range(self.num_chunks) if self.path(n).exists()]
        return bool(present) and all(self.read(n) is None for n in present)

    def _identity_of(self, number: int) -> bytes:
        return hashlib.sha256(self._identity + str(number).encode()).digest()


def _text(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=1, sort_keys=True) + "\n"


def _platform() -> str:
    """Return the kind of processor and device: other ones may round differently."""
    import jax

    return f"{platform.machine()} {jax.devices()[0].platform}"


def _is_foreign(folder: Path) -> bool:
    """Return whether there are files, but none of a run."""
    return any(folder.iterdir()) and not (
        (folder / _DESCRIPTION).exists() or (folder / "chunks").is_dir()
    )


def _sealed(description: dict[str, Any]) -> bytes:
    """Return the content of run.json: the description under its checksum."""
    checksum = hashlib.sha256(_text(description).encode()).hexdigest()
    return _text({"run": description, "sha256": checksum}).encode()


def _read_description(folder: Path) -> dict[str, Any] | None:
    """Return the description in run.json, or ``None`` when it is missing or damaged."""
    try:
        text = read_text(folder / _DESCRIPTION)
        description = json.loads(text)["run"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    good = _is_description(description) and text.encode() == _sealed(description)
    return description if good else None


def _is_description(description: Any) -> bool:
    """Return whether a description has what is looked up in it: anybody can compute a checksum."""
    expected = {"kind": str, "configuration": dict, "num_chunks": int, "code": dict}
    return (
        isinstance(description, dict)
        and all(type(description.get(name)) is kind for name, kind in expected.items())
        and 1 <= description["num_chunks"] <= MOST_CHUNKS
        and all(str(x).isprintable() for x in (description["kind"], *description["code"].items()))
    )


def _differences(found: dict, asked: dict, name: str = "") -> list[str]:
    """Return one text for each leaf that differs, by its dotted name."""
    texts = []
    for key in sorted(set(found) | set(asked)):
        one, two = found.get(key), asked.get(key)
        if isinstance(one, dict) and isinstance(two, dict):
            texts += _differences(one, two, f"{name}{key}.")
        elif one != two:
            texts.append(f"{name}{key} is {one!r} there, {two!r} here")
    return texts

"""Running: cache, result folders and files, runs in numbered chunks that survive anything."""

from jaxcr.runtime.cache import cache_directory, cached_arrays, keep_compiled
from jaxcr.runtime.chunks import compute_chunks, merge_chunks
from jaxcr.runtime.names import check_names
from jaxcr.runtime.results import (
    check_free,
    new_folder,
    result_folder,
    versions,
    write_record,
    write_result,
)
from jaxcr.runtime.signals import Terminated, terminable
from jaxcr.runtime.store import ChunkStore, Shard

__all__ = [
    "ChunkStore",
    "Shard",
    "Terminated",
    "cache_directory",
    "cached_arrays",
    "check_free",
    "check_names",
    "compute_chunks",
    "keep_compiled",
    "merge_chunks",
    "new_folder",
    "result_folder",
    "terminable",
    "versions",
    "write_record",
    "write_result",
]

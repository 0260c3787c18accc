"""Running: cache, result folders and files."""

from jaxcr.runtime.cache import cache_directory, cached_arrays
from jaxcr.runtime.results import (
    check_free,
    new_folder,
    result_folder,
    versions,
    write_record,
    write_result,
)

__all__ = [
    "cache_directory",
    "cached_arrays",
    "check_free",
    "new_folder",
    "result_folder",
    "versions",
    "write_record",
    "write_result",
]

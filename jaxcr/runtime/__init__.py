"""Running: cache, result folders and files."""

from jaxcr.runtime.cache import cache_directory, cached_arrays
from jaxcr.runtime.results import new_folder, versions, write_result

__all__ = ["cache_directory", "cached_arrays", "new_folder", "versions", "write_result"]

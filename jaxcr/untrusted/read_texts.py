"""Read the texts in the attributes of an HDF5 file: `python -m jaxcr.untrusted.read_texts FILE`.

A process of its own, which dies instead of its parent. It may take two gigabytes and two seconds
of processor time beyond what it has taken so far, where the system knows such limits.
"""

import itertools
import sys

import h5py

from jaxcr.untrusted.hdf5 import is_text, members

_MOST_BYTES = 2**31
_MOST_SECONDS = 2


def main() -> None:
    """Read everything, or die."""
    _limit()
    with h5py.File(sys.argv[1], "r") as file:
        items = (item for _, item in members(file))
        for item in itertools.chain([file], items):
            for name in item.attrs:
                dtype = item.attrs.get_id(name).dtype
                if dtype.hasobject and is_text(dtype):
                    item.attrs[name]


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _MOST_SECONDS
    for kind, most in ((resource.RLIMIT_AS, _MOST_BYTES), (resource.RLIMIT_CPU, seconds)):
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    main()

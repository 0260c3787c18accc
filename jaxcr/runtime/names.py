"""Names that a user chose out of those that there are."""

import difflib
from collections.abc import Iterable

from jaxcr.checks import argument_error


def check_names(names: Iterable[str], known: Iterable[str], *, where: str, listing: str) -> None:
    """Raise ``ValueError`` for a name that there is not, with the nearest one.

    Parameters
    ----------
    where
        The argument that holds the names.
    listing
        The command that lists them.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise argument_error(
                where,
                expected="names out of " + ", ".join(known),
                got=repr(name),
                remedy=f"Did you mean {near[0]}?" if near else f"See {listing}.",
            )

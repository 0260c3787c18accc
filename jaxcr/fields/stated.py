"""What files say of themselves: which array is which component, units of field and length."""

import math
import re
from collections.abc import Sequence
from typing import Any

from jaxcr import units
from jaxcr.checks import argument_error
from jaxcr.untrusted.sizes import shortened

_COMPONENT = re.compile(
    r"(?P<stem>(3d_|cell_centered_)?(b|bcc|bx|b_?field|mag|mag_?field|magnetic|magnetic_?field))"
    r"_?(?P<axis>[xyz123])",
    re.I,
)
"""Bx, B1, Bcc1 (Athena++, AthenaK), Bx1 (PLUTO), magx (FLASH), magnetic_field_x (yt) and so on."""

_UNITS = {
    "G": units.gauss, "gauss": units.gauss, "mG": units.gauss / 1e3, "uG": units.muG,
    "muG": units.muG, "µG": units.muG, "μG": units.muG, "microgauss": units.muG, "nG": units.nG,
    "T": units.tesla, "tesla": units.tesla, "nT": units.tesla / 1e9,
}  # fmt: skip
"""In µG; of the two letters mu one is the micro sign."""

_RATIONALISED = "/sqrt(4pi)"
"""Codes keep B/sqrt(4 pi), whose half square is the pressure: one of theirs is 3.54 of the unit."""

_LENGTHS = {
    "pc": 1.0, "kpc": units.kpc, "Mpc": units.Mpc, "au": units.au, "AU": units.au,
    "m": units.au / 149597870700, "cm": units.au / 14959787070000, "km": units.au / 149597870.7,
}  # fmt: skip
"""In pc."""


def unit_of(text: Any) -> float | None:
    """Return a named unit of B in µG; ``None`` for a name that is not known."""
    name = as_text(text).replace(" ", "").replace("*", "")
    factor = math.sqrt(4 * math.pi) if name.endswith(_RATIONALISED) else 1.0
    name = name.removesuffix(_RATIONALISED)
    number = _UNITS.get(name, _UNITS.get(name.lower()))
    return None if number is None else factor * number


def length_of(text: Any) -> float | None:
    """Return a named unit of length in pc; ``None`` for a name that is not known."""
    return _LENGTHS.get(as_text(text))


def as_text(value: Any) -> str:
    """Return a text of a file, which may have come as bytes."""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def triples(names: Sequence[str]) -> dict[str, list[int]]:
    """Return where the components x, y, z stand among names, for each stem that has all three."""
    found: dict[str, dict[int, int]] = {}
    for place, name in enumerate(names):
        folder, _, last = name.rpartition("/")
        match = _COMPONENT.fullmatch(last)
        if match:
            stem = f"{folder}/{match['stem']}".lstrip("/")
            found.setdefault(stem, {})["xyz123".index(match["axis"].lower()) % 3] = place
    return {stem: [x[i] for i in range(3)] for stem, x in found.items() if len(x) == 3}


def component_order(where: str, names: Sequence[str]) -> list[int]:
    """Return the places of Bx, By, Bz among images or files: by their names, if they have some.

    Raises
    ------
    ValueError
        When names say of several sets, or of some only, which components they are.
    """
    found = list(triples(names).values())
    if len(found) == 1:
        return found[0]
    if found or len(names) != 3 or any(_COMPONENT.fullmatch(x) for x in names):
        raise argument_error(
            "read_field: path",
            expected=f"three images of one shape, Bx, By, Bz, by name or in order, in {where}",
            got=shortened(", ".join(x or "no name" for x in names)) or "none",
            remedy="Name them BX, BY, BZ (EXTNAME), or give the three that hold B.",
        )
    return [0, 1, 2]

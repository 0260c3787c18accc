"""Where a periodic cube meets itself: opposite faces must fit, and none may be there twice."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error

_JUMP = 4.0
"""Largest step between opposite faces of a periodic cube, in steps between its layers."""

_EQUAL = 1e-3
"""Step between opposite faces, in steps between layers, below which they are the same plane."""

_FEWEST = 8
"""Layers from which on the step between them is known well enough."""


class Seam(NamedTuple):
    """Root mean squares at the ends of an axis: of the face, and of differences there.

    ``jump`` between the two faces, ``step`` between a face and its neighbour, ``mirror`` between
    the neighbours of both faces; ``kept`` and ``dropped`` say how far the first plane is from the
    cubic through its neighbours, with the last plane beside it and without.
    """

    face: Any
    jump: Any
    step: Any
    mirror: Any
    kept: Any
    dropped: Any


def seam(samples: Float[Array | np.ndarray, "nx ny nz xyz=3"], axis: int) -> Seam:
    """Measure the ends of an axis, of NumPy or JAX arrays; zeros for one of a few layers."""

    def layer(number):
        return samples[(slice(None),) * axis + (number,)]

    def rms(values):
        return (values**2).mean() ** 0.5

    def bend(before, neighbour):
        return rms(first - (4 * (second + neighbour) - (third + before)) / 6)

    if samples.shape[axis] < _FEWEST:
        return Seam(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    first, second, third = (layer(i) for i in range(3))
    last, before, two_before = (layer(-i) for i in (1, 2, 3))
    low, high = rms(second - first), rms(last - before)
    return Seam(
        face=rms(first),
        jump=rms(first - last),
        step=(low + high + abs(low - high)) / 2,
        mirror=rms(second - before),
        kept=bend(before, last),
        dropped=bend(two_before, before),
    )


def check_seams(name: str, seams: list[Seam], where: str) -> None:
    """Raise when opposite faces are the same plane, or differ more than neighbours do.

    Fields made of samples (``where`` is empty) may jump: only the repeated plane is refused there.
    """
    twice = [letter for letter, x in zip("xyz", seams, strict=True) if _is_twice(x)]
    if twice:
        raise argument_error(
            name,
            expected="every plane of a periodic cube once",
            got=f"the first once more at the end, along {', '.join(twice)}{where}",
            remedy="Leave out the last plane of each axis: read_field(..., endpoint=True), or "
            "samples[:-1, :-1, :-1]; linspace(..., endpoint=False) makes no such plane.",
        )
    for letter, x in zip("xyz" if where else "", seams, strict=False):
        if x.jump > _JUMP * x.step and x.jump > 1e-3 * x.face:
            raise argument_error(
                name,
                expected="opposite faces that fit, for Periodic()",
                got=f"a jump of {float(x.jump / max(x.step, 1e-30)):.3g} steps between layers, "
                f"along {letter}{where}",
                remedy="Use Clamped(), Mirrored() or ZeroOutside(), or cut a periodic box.",
            )


def _is_twice(x: Seam) -> bool:
    """Return whether the last plane is the first.

    Waves that are even about the seam have equal faces as well, half a cell before and behind it,
    but then the cubic fits better with both.
    """
    if not (x.step > 1e-5 * x.face and x.jump <= _EQUAL * x.step):
        return False
    return bool(x.mirror > _EQUAL * x.step or x.dropped < x.kept)

"""Traps read off |B| along a line."""

import itertools

import jax
import numpy as np
import scipy.signal
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, check_positive, check_range
from jaxcr.traps.trap import Trap


def traps_along(
    strength: Float[Array, " place"],
    path: Float[Array, " place"],
    *,
    smallest_ratio: ScalarLike = 1.1,
) -> tuple[Trap, Float[Array, " edge"]]:
    """Return the traps between the mirrors that |B| has along a line, and where these are.

    Parameters
    ----------
    strength
        |B| at places along a field line, µG or any unit, (place,).
    path
        Of the places along the line, rising, pc, (place,).
    smallest_ratio
        A maximum counts as a mirror if |B| falls by this factor on both its sides before it rises
        above it; what is shallower belongs to the trap that it is in. Above 1.

    Returns
    -------
    A line of traps, each sharing a mirror with the next, for ``trap_chain``, and the places of
    their mirrors, (site + 1,). Traps that the ends of the line cut are left out.

    Raises
    ------
    ValueError
        If there are less than two mirrors, |B| is not positive, the path does not rise, or the
        numbers are traced.

    Notes
    -----
    Strengths are those of samples: too low at a mirror, by up to an eighth of the curvature times
    their squared distance, and too high at a minimum.
    """
    check_positive("traps_along: strength", strength, remedy="Give |B| along a field line.")
    check_range("traps_along: smallest_ratio", smallest_ratio, 1, ends="()")
    steps = np.diff(np.asarray(path))
    check_positive("traps_along: path", steps, expected="places that rise")
    logs = np.log(np.asarray(strength, float))
    mirrors = scipy.signal.find_peaks(logs, prominence=np.log(float(smallest_ratio)))[0]
    if mirrors.size < 2:
        ratio = float(smallest_ratio)
        raise argument_error(
            "traps_along: strength",
            expected=f"two mirrors, from which |B| falls by {ratio:g} on both sides",
            got=f"{mirrors.size}",
            remedy="Follow the line farther, or lower smallest_ratio; there is no trap else.",
        )
    bottoms = np.array([a + np.argmin(logs[a:b]) for a, b in itertools.pairwise(mirrors)])
    tops = strength[mirrors]
    return jax.vmap(Trap)(strength[bottoms], tops[:-1], tops[1:]), path[mirrors]

"""What a chain of mirrors does to diffusion along the field, and where the chain holds."""

from typing import NamedTuple

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float
from jaxcr.traps.rates import Closure, DetailedBalance
from jaxcr.traps.trap import Trap

_DEFAULT_CLOSURE = DetailedBalance()


class MirrorSuppression(NamedTuple):
    """Diffusion through mirrors beside diffusion without them.

    Attributes
    ----------
    ratio
        D of the chain over v lambda_s/3, lambda_s = v/nu. It is not that of particles: see Notes.
    capture
        nu lambda/v, scatterings per passage of a trap.
    """

    ratio: Scalar
    capture: Scalar


def mirror_suppression(
    trap: Trap,
    length: ScalarLike,
    scattering_rate: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    closure: Closure = _DEFAULT_CLOSURE,
) -> MirrorSuppression:
    """Return the diffusion of the chain of hops over that without mirrors.

    D = length² (g + r)/2 = length² nu (1 - mu)/2, so that the ratio is (3/2)(nu length/v)²(1 - mu)
    with mu the cosine of the weaker mirror: (3/4)(nu length/v)²/R for strong mirrors.

    Parameters
    ----------
    trap, closure
        One trap, and the closure that gives its rates.
    length, speed
        Of the trap in pc, and of the particles; 1 where ``scattering_rate`` is per pc of path.
    scattering_rate
        nu, per pc of path or per unit of time.

    Notes
    -----
    The chain's drift over diffusion is right; its diffusion and every time made of it are not:
    hops over several traps and the time of flight are missing. Guiding centres between mirrors of
    ratio 3 that scatter isotropically have .68, .69, .70, .76 of v lambda_s/3 at nu lambda/v = .1,
    .3, 1, 3, where the chain gives .003, .025, .28, 2.5. `measure_hops` measures the true one.
    Multi-mirror confinement: Budker, Mirnov & Ryutov, JETP Lett. 14 (1971) 212.
    """
    right, left = closure.rates(trap, scattering_rate)
    nu, length, speed = as_float(scattering_rate), as_float(length), as_float(speed)
    chain = length**2 * (right + left) / 2
    return MirrorSuppression(chain / (speed**2 / (3 * nu)), nu * length / speed)

"""How much slower a row of mirrors makes diffusion along the field."""

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive
from jaxcr.traps.cell_problem import trap_diffusion
from jaxcr.traps.scattering import IsotropisingScattering, PitchAngleScattering
from jaxcr.traps.trap import Trap

_ISOTROPISING = IsotropisingScattering()


def mirror_suppression(
    trap: Trap,
    length: ScalarLike,
    scattering_rate: ScalarLike,
    *,
    scattering: PitchAngleScattering = _ISOTROPISING,
    speed: ScalarLike = 1.0,
) -> Scalar:
    """Return diffusion through copies of a trap over v lambda_s/3, that without mirrors.

    D is that of steady states, flux = -(1/B) D df/dx, from the pitch-angle equation as
    `bottle_transport` solves it, in bottles whose ln B is a cosine and a slope.

    Parameters
    ----------
    trap
        One bottle; every next one is a copy weaker by B2/B1.
    length, speed
        Of the trap in pc, and of the particles; 1 where ``scattering_rate`` is per pc of path.
    scattering_rate
        nu, per pc of path or per unit of time; lambda_s = v/nu.
    scattering
        ``IsotropisingScattering()`` or ``SmallAngleScattering()``.

    Raises
    ------
    ValueError
        If known: a number that is not positive, or isotropising events rarer than
        speed abs(ln(B1/B2))/length, for which there is no series.

    Notes
    -----
    1/(<B> <1/B>) for frequent scattering. For rare isotropising events hardly less; small angles
    go on to suppress, for they must carry particles from mu = 1 to the edge of the loss cone.
    Rare scattering traps more the smaller its steps: multi-mirror confinement, Budker, Mirnov &
    Ryutov, JETP Lett. 14 (1971) 212.

    Examples
    --------
    >>> from jaxcr.traps import SmallAngleScattering, trap_from_ratio
    >>> trap = trap_from_ratio(3.0, 0.0)
    >>> round(float(mirror_suppression(trap, 1.0, 0.3)), 2)
    0.64
    >>> round(float(mirror_suppression(trap, 1.0, 0.3, scattering=SmallAngleScattering())), 2)
    0.31
    """
    check_positive("mirror_suppression: speed", speed)
    rate = as_float(scattering_rate) / as_float(speed)
    diffusion = trap_diffusion("mirror_suppression", trap, length, rate, scattering)
    return 3 * rate.astype(diffusion.dtype) * diffusion

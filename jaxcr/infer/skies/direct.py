"""One sky's spectrum as one smooth function of all physical parameters, in both modes."""

from jaxtyping import Array, Float

from jaxcr.compilation import jit_loop
from jaxcr.fields import CubicSpline, Stencil
from jaxcr.infer.skies.boundary_parameters import BoundaryParameters
from jaxcr.infer.skies.ensemble import SkyEnsemble
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.sky import BoundaryDistribution, cross_spectrum, half_maps


def direct_spectrum(
    skies: SkyEnsemble,
    parameters: SkyParameters,
    boundary: BoundaryParameters | BoundaryDistribution,
    number: int,
    *,
    observer: int = 0,
    stencil: Stencil | None = None,
) -> Float[Array, " ell"]:
    """Return half-cross C_l (sr), l = 0 ... lmax, of one observer in field ``number``.

    Parameters
    ----------
    parameters
        From ``skies.at(...)``, all differentiable; the level's type is that of field and orbits.
    boundary
        Its parameters or, differentiable as well, any distribution.
    observer
        Which of ``skies.observers()``.
    stencil
        Default ``CubicSpline()``, with which orbits have two continuous derivatives.

    Notes
    -----
    NaN when more than 1 % of the orbits never reach the boundary. Forward and reverse mode agree
    with differences to round-off, with kinks where a mode of the lattice enters the range of k,
    at equal mirrors and at whole places in the chain. What is exact for one sky need not be for
    the ensemble's mean: beyond a path of about 3 gyroradii the mean of such derivatives drowns in
    chaos. For one sky at a time: `simulated_spectra` and `simulated_tensors` are faster for many.
    """
    if isinstance(boundary, BoundaryParameters):
        boundary = boundary.distribution()
    stencil = CubicSpline() if stencil is None else stencil
    dtype = parameters.level.dtype
    turbulence = skies.turbulence(number, parameters, stencil=stencil, storage=dtype)
    return _spectrum(skies, turbulence, parameters, boundary, observer)


@jit_loop
def _spectrum(skies, turbulence, parameters, boundary, observer: int):
    arrivals = skies.arrivals(
        turbulence,
        parameters,
        observer=skies.observers()[observer],
        dtype=parameters.level.dtype,
    )
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=skies.lmax)

"""From D_mumu to transport: mean free path, diffusion in space and momentum, scattering rate."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.annotations import broadcasting
from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_range
from jaxcr.kinetic.scattering.model import ScatteringModel, as_particle
from jaxcr.kinetic.scattering.quadrature import unit_gauss

_LEAST = 1e-12
"""Of abs(mu); below it the integrand is continued as the power law that it has there."""
_NODES = 144
"""On each side; a model that is smooth at mu = 0 needs a third."""


@broadcasting
def parallel_mean_free_path(
    model: ScatteringModel,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    num_nodes: int = _NODES,
) -> Scalar:
    """Return the mean free path along the mean field.

    lambda = (3 v / 8) int_{-1}^{1} (1 - mu²)² / D_mumu dmu.

    Parameters
    ----------
    rigidity
        In PV.
    speed
        v in c.
    num_nodes
        Pitch angles on each side of 90 degrees.

    Returns
    -------
    lambda in pc; ``inf`` where the integral diverges.

    Raises
    ------
    ValueError
        If known: a rigidity of zero, a speed outside (0, 1].

    Notes
    -----
    Infinite for D_mumu ~ abs(mu)^(q-1) with q >= 2, and where D_mumu is zero in a range of mu: a
    sharp resonance with a spectrum that ends at a k_max (mu < 1/(k_max r_L)) or starts at a
    k_min > 1/r_L. Broaden the resonance, make the spectrum ``endless``, or add what scatters
    there; the gradient of an infinite value is meaningless. For spectra with 1 < q < 2 that do
    not end it is finite although D_mumu(0) = 0. Gauss's rule in ln mu on each side, down to
    abs(mu) = 1e-12 (scattering that stops only below that goes unseen): 1e-9 for smooth D_mumu
    with 144 nodes; a broad resonance needs about 48.
    Source: Hasselmann & Wibberenz, ApJ 162 (1970) 1049.
    """
    rigidity, speed = as_particle("parallel_mean_free_path", rigidity, speed)
    return _mean_free_path(model, rigidity, speed, num_nodes)


@eqx.filter_jit
def _mean_free_path(model: ScatteringModel, rigidity: Scalar, speed: Scalar, num_nodes: int):
    """Return the integral, by Gauss's rule in ln mu and a power law below."""
    places, weights = unit_gauss(num_nodes, rigidity.dtype)
    span = -jnp.log(jnp.asarray(_LEAST, rigidity.dtype))
    cosine = jnp.concatenate([jnp.exp(-span * places), _LEAST * jnp.ones_like(places[:2])])
    cosine = cosine.at[-1].multiply(4)
    both = jnp.stack([cosine, -cosine])
    diffusion = model.pitch_angle_diffusion(both, rigidity, speed)
    scattered = jnp.all(diffusion > 0)
    integrand = (1 - both**2) ** 2 / jnp.where(diffusion > 0, diffusion, 1)
    body = span * jnp.sum((weights * cosine[:-2])[None] * integrand[:, :-2])
    rest, convergent = _below(integrand[:, -2], integrand[:, -1])
    length = jnp.where(scattered & convergent, 3 / 8 * speed * (body + rest), jnp.inf)
    return jnp.where(jnp.any(jnp.isnan(diffusion)), jnp.nan, length)


def _below(at: Float[Array, " side"], beyond: Float[Array, " side"]) -> tuple[Scalar, Array]:
    """Return the integral from 0 to the least mu of mu^-p, p from values there and at 4 mu."""
    power = jnp.log(at / beyond) / jnp.log(jnp.asarray(4, at.dtype))
    convergent = power < 1 - 100 * jnp.finfo(at.dtype).eps
    return jnp.sum(_LEAST * at / jnp.where(convergent, 1 - power, 1)), jnp.all(convergent)


@broadcasting
def kappa_parallel(
    model: ScatteringModel,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    num_nodes: int = _NODES,
) -> Scalar:
    """Return the diffusion coefficient along the mean field, v lambda / 3 in pc (times c).

    Parameters
    ----------
    rigidity, speed, num_nodes
        In PV and c, as for `parallel_mean_free_path`, with its limits and errors.
    """
    _, v = as_particle("kappa_parallel", rigidity, speed)
    return v * parallel_mean_free_path(model, rigidity, speed=speed, num_nodes=num_nodes) / 3


@broadcasting
def scattering_rate(
    model: ScatteringModel,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    num_nodes: int = _NODES,
) -> Scalar:
    """Return the isotropising scatterings per path of light, v / lambda in 1/pc.

    Parameters
    ----------
    rigidity, speed, num_nodes
        In PV and c, as for `parallel_mean_free_path`, with its limits and errors.

    Notes
    -----
    The rate that a closure of the trap chain takes; zero where the mean free path is infinite.
    """
    _, v = as_particle("scattering_rate", rigidity, speed)
    return v / parallel_mean_free_path(model, rigidity, speed=speed, num_nodes=num_nodes)


@broadcasting
def momentum_diffusion(
    model: ScatteringModel,
    rigidity: ScalarLike,
    *,
    alfven_speed: ScalarLike,
    speed: ScalarLike = 1.0,
    cross_helicity: ScalarLike = 0.0,
    num_nodes: int = _NODES,
) -> Scalar:
    """Return D_pp/p² of second-order Fermi acceleration by Alfvén waves along the mean field.

    D_pp/p² = (1 - H²) (v_A/v)² (1/2) int_{-1}^{1} D_mumu dmu.

    Parameters
    ----------
    rigidity, speed, num_nodes
        In PV and c, as for `parallel_mean_free_path`.
    alfven_speed
        v_A in c, small against the particle's.
    cross_helicity
        H from -1 to 1: power of the waves that run forward less that of those that run backward,
        over the sum, at all wavelengths alike. Waves in one direction alone do not accelerate.

    Returns
    -------
    D_pp/p² in 1/pc, as ``ParkerProblem`` takes it.

    Raises
    ------
    ValueError
        If known: a rigidity of zero, a speed outside (0, 1], an Alfvén speed outside [0, 1), a
        cross helicity outside [-1, 1].

    Notes
    -----
    Lowest order in v_A/v, for an isotropic distribution. With isotropic scattering D_pp kappa =
    p² v_A² (1 - H²)/9. Source: Skilling, MNRAS 172 (1975) 557; Schlickeiser, ApJ 336 (1989) 243:
    each direction of waves scatters at constant energy in its own frame, so with D± = (1 ± H)/2
    D_mumu there are D_mup = p (v_A/v) (D+ - D-) and (p v_A/v)² (D+ + D-), and the mean over mu is
    that of the latter less D_mup²/D_mumu.
    """
    name = "momentum_diffusion"
    rigidity, speed = as_particle(name, rigidity, speed)
    waves, helicity = as_float(alfven_speed), as_float(cross_helicity)
    check_range(f"{name}: alfven_speed", waves, 0, 1, ends="[)", remedy="In c.")
    check_range(f"{name}: cross_helicity", helicity, -1, 1)
    waves, helicity = waves.astype(rigidity.dtype), helicity.astype(rigidity.dtype)
    scattered = _mean_scattering(model, rigidity, speed, num_nodes)
    return (1 - helicity**2) * (waves / speed) ** 2 * scattered


@eqx.filter_jit
def _mean_scattering(model: ScatteringModel, rigidity: Scalar, speed: Scalar, num_nodes: int):
    """Return the mean of D_mumu over mu, by Gauss's rule in ln mu on each side."""
    places, weights = unit_gauss(num_nodes, rigidity.dtype)
    span = -jnp.log(jnp.asarray(_LEAST, rigidity.dtype))
    cosine = jnp.exp(-span * places)
    diffusion = model.pitch_angle_diffusion(jnp.stack([cosine, -cosine]), rigidity, speed)
    return span * jnp.sum((weights * cosine)[None] * diffusion) / 2


@broadcasting
def rigidity_exponent(
    model: ScatteringModel,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    num_nodes: int = _NODES,
) -> Scalar:
    """Return d ln lambda / d ln R, by automatic differentiation.

    Parameters
    ----------
    rigidity, speed, num_nodes
        In PV and c, as for `parallel_mean_free_path`; the speed is held.

    Notes
    -----
    2 - q for gyroresonance deep in an inertial range of index q, and 2 far above the bend-over;
    meaningless where the mean free path is infinite.
    """
    rigidity, speed = as_particle("rigidity_exponent", rigidity, speed)

    return _exponent(model, jnp.abs(rigidity), speed, num_nodes)


@eqx.filter_jit
def _exponent(model: ScatteringModel, rigidity: Scalar, speed: Scalar, num_nodes: int) -> Scalar:
    """Return the derivative of ln lambda by ln R."""

    def log_path(log_rigidity):
        return jnp.log(_mean_free_path(model, jnp.exp(log_rigidity), speed, num_nodes))

    return jax.grad(log_path)(jnp.log(rigidity))

"""The diffusion tensor of a magnetised plasma, its flux, and the drift in it."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.annotations import broadcasting, checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_positive, check_range, is_concrete
from jaxcr.fields import Field
from jaxcr.kinetic.kinematics import as_speed
from jaxcr.units import gyroradius
from jaxcr.vectors import dot, unit_vector

Tensor = Float[Array, "xyz=3 xyz=3"]
Coefficient = Callable[[Scalar, Scalar], Scalar]


def diffusion_tensor(
    direction: Vector,
    *,
    parallel: ScalarLike,
    perpendicular: ScalarLike,
    antisymmetric: ScalarLike = 0.0,
) -> Tensor:
    """Return D_ij = D_perp delta_ij + (D_par - D_perp) b_i b_j + D_A eps_ijk b_k.

    The most general tensor when the field b is the only direction.

    Parameters
    ----------
    direction
        Of the field, ``(3,)``; any length.
    parallel, perpendicular
        D_par and D_perp in pc (times the speed of light), or any one unit.
    antisymmetric
        D_A in the same unit; see ``antisymmetric_coefficient``. Its part of the tensor drifts and
        does not spread: g · D · g is free of it for every gradient g.

    Returns
    -------
    ``(3, 3)``.

    Raises
    ------
    ValueError
        When D_par or D_perp is known and negative, or the direction is zero.
    """
    unit = unit_vector("diffusion_tensor: direction", direction)
    _check_spread("diffusion_tensor", parallel, perpendicular)
    along, across, drift = (
        as_float(x).astype(unit.dtype) for x in (parallel, perpendicular, antisymmetric)
    )
    identity = jnp.eye(3, dtype=unit.dtype)
    symmetric = across * identity + (along - across) * unit[:, None] * unit[None]
    # row i of eps_ijk b_k is b × e_i
    return symmetric + drift * jnp.cross(unit[None], identity)


def diffusive_flux(tensor: Tensor, gradient: Vector) -> Vector:
    """Return the flux j_i = -D_ij d_j n.

    Parameters
    ----------
    tensor
        D in pc.
    gradient
        Of the density, ``(3,)``.

    Returns
    -------
    In units of the gradient times that of D, ``(3,)``.

    Notes
    -----
    With eps_ijk b_k in the tensor its antisymmetric part is +D_A b × grad n, and D_A is positive
    for positive charges: the diamagnetic flux b × grad P / (q B). Textbooks that give
    -D_A b × grad n beside the same tensor have the sign wrong.
    """
    return -(tensor @ gradient)


@broadcasting
def antisymmetric_coefficient(
    rigidity: ScalarLike,
    strength: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
    scattering_rate: ScalarLike = 0.0,
) -> Scalar:
    """Return D_A = (v r_L / 3) (Omega tau)² / (1 + (Omega tau)²), with the sign of the charge.

    Parameters
    ----------
    rigidity, strength
        In PV with the sign of the charge; |B| in µG.
    speed
        v over that of light.
    scattering_rate
        1/tau in 1/pc: v over the mean free path. At 0 particles gyrate undisturbed.

    Returns
    -------
    In pc (times the speed of light).

    Raises
    ------
    ValueError
        When the speed is known and not in (0, 1].

    Notes
    -----
    Scattering that isotropises at a constant rate; turbulence may suppress drifts more. The same
    model has D_perp = D_par / (1 + (Omega tau)²). Source: Gleeson, Planet. Space Sci. 17 (1969) 31;
    Forman, Jokipii & Owens, ApJ 192 (1974) 535.
    """
    strength = as_float(strength)
    check_positive("antisymmetric_coefficient: strength", strength, remedy="It is |B| in µG.")
    velocity = as_speed("antisymmetric_coefficient", speed, strength.dtype)
    radius = gyroradius(as_float(rigidity).astype(strength.dtype), strength)
    slip = as_float(scattering_rate).astype(strength.dtype) * radius / velocity
    return velocity * radius / 3 / (1 + slip**2)


def tensor_drift(tensor_function: Callable[[Vector], Tensor], position: Vector) -> Vector:
    """Return the drift velocity v_i = d_j D_ij of the antisymmetric part, by differentiation.

    It is curl(D_A b): in div(D grad n) the antisymmetric part is -v · grad n, and div v = 0.

    Parameters
    ----------
    tensor_function
        Position in pc ``(3,)`` to D ``(3, 3)`` in pc.
    position
        Where, ``(3,)``.

    Returns
    -------
    Over the speed of light, ``(3,)``; ``isotropic_drift`` when D_A = v r_L / 3.
    """

    def antisymmetric(place: Vector) -> Tensor:
        tensor = tensor_function(place)
        return (tensor - tensor.T) / 2

    return jnp.einsum("ijj->i", jax.jacfwd(antisymmetric)(position))


class FieldAlignedDiffusion(eqx.Module):
    """Diffusion that follows a field: call it with position and momentum to get D.

    Parameters
    ----------
    field
        B in µG.
    parallel, perpendicular, antisymmetric
        Each a number in pc, or a function of rigidity (PV; without its sign but for
        ``antisymmetric``) and |B| (µG) that returns one. ``antisymmetric_coefficient`` is such a
        function. Positions have three coordinates.
    charge
        Number of charges Z with its sign, that makes the rigidity p c / (Z e) of a momentum in
        PeV/c; 1 also for momenta that are rigidities.

    Raises
    ------
    ValueError
        When D_par or D_perp is a number known and negative.

    Examples
    --------
    >>> from jaxcr import fields
    >>> field = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
    >>> diffusion = FieldAlignedDiffusion(
    ...     field, parallel=lambda rigidity, strength: 10 * rigidity ** (1 / 3), perpendicular=0.25)
    >>> jnp.diagonal(diffusion(jnp.zeros(3), jnp.asarray(8.0))).round(3).tolist()
    [0.25, 0.25, 20.0]
    """

    field: Field
    parallel: Coefficient | Scalar
    perpendicular: Coefficient | Scalar
    antisymmetric: Coefficient | Scalar
    charge: Scalar

    def __init__(
        self,
        field: Field,
        *,
        parallel: Coefficient | ScalarLike,
        perpendicular: Coefficient | ScalarLike,
        antisymmetric: Coefficient | ScalarLike = 0.0,
        charge: ScalarLike = 1,
    ):
        _check_spread("FieldAlignedDiffusion", parallel, perpendicular)
        self.field = field
        self.parallel, self.perpendicular, self.antisymmetric = (
            x if callable(x) else as_float(x) for x in (parallel, perpendicular, antisymmetric)
        )
        self.charge = as_float(charge)

    @checked
    def __call__(self, position: Vector, momentum: Scalar) -> Tensor:
        """Return D in pc, ``(3, 3)``, at a position in pc for a momentum in PeV/c."""
        value = self.field(position)
        strength = jnp.sqrt(jnp.maximum(dot(value, value), jnp.finfo(value.dtype).tiny))
        rigidity = momentum / self.charge.astype(momentum.dtype)
        size = jnp.abs(rigidity)
        along, across, drift = (
            x(r, strength) if callable(x) else x
            for x, r in (
                (self.parallel, size), (self.perpendicular, size), (self.antisymmetric, rigidity)
            )
        )  # fmt: skip
        return diffusion_tensor(
            value / strength, parallel=along, perpendicular=across, antisymmetric=drift
        )


def check_positive_definite(tensor: Tensor) -> Tensor:
    """Return the tensor as it is; raise unless its symmetric part is positive definite.

    Raises
    ------
    ValueError
        When the tensor is known and g · D · g is not positive for every gradient g.

    Notes
    -----
    The antisymmetric part is free: it does no spreading. Traced tensors pass unchecked.
    """
    if is_concrete(tensor):
        lowest = float(jnp.linalg.eigvalsh((tensor + tensor.T) / 2)[0])
        check_positive(
            "check_positive_definite: eigenvalues", lowest, remedy="No gradient may steepen."
        )
    return tensor


def _check_spread(name: str, parallel, perpendicular) -> None:
    """Raise when a coefficient is a number known and negative."""
    for label, value in (("parallel", parallel), ("perpendicular", perpendicular)):
        if not callable(value):
            check_range(f"{name}: {label}", value, 0, remedy="A negative one steepens gradients.")

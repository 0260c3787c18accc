"""Fields with a closed form."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, check_positive, is_concrete
from jaxcr.fields.field import Field, Lattice

_TRIES = 4096


class UniformField(Field):
    """The same field everywhere.

    Parameters
    ----------
    value
        B in µG, shape ``(3,)``.
    """

    value: Vector

    def __init__(self, value: Vector):
        self.value = value

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return the value, whatever the position."""
        return self.value.astype(position.dtype)

    def max_strength(self) -> Scalar:
        """Return |B|."""
        return jnp.linalg.norm(self.value)

    def lattice(self) -> Lattice | None:
        """Return ``None``: a uniform field has no cells."""
        return None


class FunctionField(Field):
    """Your own function of position.

    Parameters
    ----------
    function
        Position in pc ``(3,)`` to B in µG ``(3,)``, in JAX; an ``eqx.Module`` keeps its
        parameters differentiable.
    lower, upper
        Corners (pc) of the region that orbits will visit, in which the function is tried.
    max_strength
        Upper bound of |B| in µG. Default: twice the largest value among 4,096 tries.

    Raises
    ------
    ValueError
        When the function does not give three finite numbers, or is zero wherever it was tried.

    Notes
    -----
    Nothing checks that the divergence vanishes; ``describe`` measures it.
    """

    function: Callable[[Vector], Vector]
    bound: Scalar

    def __init__(
        self,
        function: Callable[[Vector], Vector],
        *,
        lower: Vector,
        upper: Vector,
        max_strength: ScalarLike | None = None,
    ):
        self.function = function
        shape = jax.eval_shape(function, lower)
        real = hasattr(shape, "dtype") and not jnp.issubdtype(shape.dtype, jnp.complexfloating)
        if not real or shape.shape != (3,):
            raise argument_error(
                "FunctionField: function",
                expected="a real array of shape (3,)",
                got=f"{shape}",
                remedy="Return the three components of B at one position; no batch axis.",
            )
        strength = _try_out(function, lower, upper)
        self.bound = 2 * strength if max_strength is None else as_float(max_strength)

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return the function at ``position``."""
        return self.function(position).astype(position.dtype)

    def max_strength(self) -> Scalar:
        """Return the bound."""
        return self.bound

    def lattice(self) -> Lattice | None:
        """Return ``None``: a function has no cells."""
        return None


def _try_out(function: Callable[[Vector], Vector], lower: Vector, upper: Vector) -> Scalar:
    """Return the largest strength among the tries; raise when they show a mistake."""
    from scipy.stats import qmc

    shares = qmc.Halton(3, scramble=False).random(_TRIES)
    places = lower[None] + (upper - lower)[None] * jnp.asarray(shares, lower.dtype)
    strength = jnp.linalg.norm(jax.lax.map(function, places, batch_size=256), axis=1)
    if not is_concrete(strength):
        return jnp.max(strength)
    bad = ~jnp.isfinite(strength)
    if bool(jnp.any(bad)):
        raise argument_error(
            "FunctionField: function",
            expected="finite values between lower and upper",
            got=f"one that is not at {places[int(jnp.argmax(bad))].tolist()} pc",
            remedy="Mend the function there (jnp.where on a safe argument), or shrink the region.",
        )
    expected = f"a field at some of {_TRIES} points between lower and upper"
    remedy = "Check units and position of the field: positions are in pc, B in µG."
    return check_positive(
        "FunctionField: function", jnp.max(strength), expected=expected, remedy=remedy
    )

"""Parameters in the order of a model's vector, and the map from unbounded angles of the free."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.checks import argument_error, check_one_of, check_shape
from jaxcr.infer.parameters.parameter import Parameter

Values = Float[Array, " parameter"]


class ParameterSet(eqx.Module):
    """Parameters in the order of the model's vector, and the map from unbounded angles.

    ``bounded(u) = lower + (upper - lower) (1 - cos u) / 2`` for the free ones; the others keep
    their values. Vectors of values always hold all parameters, vectors of angles the free ones.
    """

    parameters: tuple[Parameter, ...]

    def __check_init__(self):
        if len(set(self.names)) < len(self.names):
            raise argument_error(
                "ParameterSet: names",
                expected="names that differ",
                got=", ".join(self.names),
                remedy="Reports and with_fixed find parameters by name.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def lower(self) -> Values:
        """The lower bounds."""
        return jnp.array([p.lower for p in self.parameters])

    @property
    def upper(self) -> Values:
        """The upper bounds."""
        return jnp.array([p.upper for p in self.parameters])

    @property
    def start(self) -> Values:
        """The first values, and those of the fixed parameters."""
        return jnp.stack([jnp.asarray(p.start, float) for p in self.parameters])

    @property
    def is_free(self) -> Bool[np.ndarray, " parameter"]:
        """Which parameters a fit may move."""
        return np.array([not p.fixed for p in self.parameters])

    @property
    def free_names(self) -> tuple[str, ...]:
        """The names of the free parameters."""
        return tuple(p.name for p in self.parameters if not p.fixed)

    @property
    def prior_sigmas(self) -> Float[np.ndarray, " parameter"]:
        """Standard deviations of the priors within the bounds."""
        return np.array([p.prior_sigma for p in self.parameters])

    def index(self, name: str) -> int:
        """Return the place of a parameter in the vector of values.

        Raises
        ------
        ValueError
            When there is none of this name; the message lists the names.
        """
        check_one_of("ParameterSet: name", name, self.names)
        return self.names.index(name)

    def by_name(self, values: Float[Array | np.ndarray, " parameter"]) -> dict[str, float]:
        """Return the numbers of a vector of all parameters under their names."""
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}

    def replace(self, name: str, **changes: Any) -> "ParameterSet":
        """Return the set with other fields of one parameter: ``start``, ``prior``, bounds."""
        i = self.index(name)
        changed = dataclasses.replace(self.parameters[i], **changes)
        return ParameterSet((*self.parameters[:i], changed, *self.parameters[i + 1 :]))

    def with_fixed(self, values: Mapping[str, float]) -> "ParameterSet":
        """Return the set with these parameters held at these values, within their bounds."""
        new = self
        for name, value in values.items():
            new = new.replace(name, start=float(value), fixed=True)
        return new

    def with_free(self, *names: str) -> "ParameterSet":
        """Return the set with these parameters free again, from the values they were held at."""
        new = self
        for name in names:
            new = new.replace(name, fixed=False)
        return new

    def fill(self, free_values: Float[Array, "*batch free"]) -> Float[Array, "*batch parameter"]:
        """Return all values from those of the free parameters."""
        where = np.flatnonzero(self.is_free)
        shape = (*free_values.shape[:-1], len(self.parameters))
        return jnp.broadcast_to(self.start, shape).at[..., where].set(free_values)

    def bounded(self, angles: Float[Array, " free"]) -> Values:
        """Return the values of angles; a bound is reached at a finite angle, with slope 0."""
        is_free = self.is_free
        lower, upper = self.lower[is_free], self.upper[is_free]
        return self.fill(lower + (upper - lower) * (1 - jnp.cos(angles)) / 2)

    def free(self, values: Values) -> Float[Array, " free"]:
        """Return the angles of the free parameters, which are strictly inside their bounds."""
        is_free = self.is_free
        lower, upper = self.lower[is_free], self.upper[is_free]
        return jnp.arccos(1 - 2 * (values[is_free] - lower) / (upper - lower))

    def prior_residuals(self, values: Values) -> Values:
        """Return the residuals whose squares sum to -2 log prior; 0 for fixed parameters."""
        check_shape("values", values, (len(self.parameters),), remedy="One for each parameter.")
        return jnp.stack(
            [
                jnp.zeros_like(v) if p.fixed else p.prior.residual(v)
                for p, v in zip(self.parameters, values, strict=True)
            ]
        )

    def starts(self, num: int) -> Float[Array, "start parameter"]:
        """Return ``num`` starting points: the given one, then a spread over the priors.

        The spread is a Halton sequence over quantiles of the priors within their bounds; fixed
        parameters keep their values.
        """
        from scipy.stats import qmc

        shares = qmc.Halton(len(self.parameters), scramble=False).random(max(num, 1))
        columns = [
            np.full(len(share), float(p.start)) if p.fixed else p.quantiles(share)
            for p, share in zip(self.parameters, shares.T, strict=True)
        ]
        points = np.stack(columns, axis=1)
        points[0] = [float(p.start) for p in self.parameters]
        return jnp.asarray(points)

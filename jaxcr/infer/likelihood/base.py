"""What every likelihood gives: density, residuals, Fisher matrix, goodness of fit."""

import abc
import copy
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData


class Likelihood(eqx.Module):
    """The probability of a spectrum, given its distribution under a model.

    Attributes
    ----------
    reason
        Why this one, in one line; printed with every fit.
    """

    reason: eqx.AbstractVar[str]

    @abc.abstractmethod
    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln p(data | prediction)."""

    @abc.abstractmethod
    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return r with sum r² = -2 ``log_density`` + a constant of model and data."""

    @abc.abstractmethod
    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return the Fisher matrix; ``slopes`` has the derivatives, parameters on a last axis."""

    @abc.abstractmethod
    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return a distance of the data from the mean, one on average for each multipole."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """Return the name as reports print it."""


def jit_untitled(function: Callable) -> Callable:
    """Compile a function once for all labels of the data and reasons of the likelihood."""
    compiled = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        return compiled(*untitled(args), **untitled(kwargs))

    return call


def untitled(tree: Any) -> Any:
    """Return a tree whose data and likelihoods have empty texts; a static text compiles anew."""
    titled = {SpectrumData: "label", Likelihood: "reason"}

    def without(node):
        for kind, name in titled.items():
            if isinstance(node, kind) and name in vars(node):
                node = copy.copy(node)
                object.__setattr__(node, name, "")
        return node

    return jax.tree.map(without, tree, is_leaf=lambda x: isinstance(x, tuple(titled)))

"""One sky as a smooth function of all its parameters: forward, reverse and differences agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.fields import Linear
from jaxcr.infer.skies.boundary_parameters import BoundaryParameters

SKY = infer.SKY_PARAMETERS
DIPOLE = ("amplitude", "tilt", "azimuth")
TRAP = (
    "mirror_ratio",
    "gradient",
    "place",
    "scattering_rate",
    "loss_rate",
    "edge_width",
)
# Scales between those at which a mode of the 16³ lattice enters or leaves the range, 16/|n|:
# 16/sqrt(3) = 9.24 < 9.3 < 16/sqrt(2), and 16/sqrt(38) = 2.60 < 2.63 < 16/sqrt(36) = 2.67, each
# less half a cell of k. A place between two sites, mirrors that differ.
VALUES = {
    "level": 0.8, "index": 1.7, "outer_scale": 9.3, "inner_scale": 2.63, "gyroradius": 6.0,
    "slab_share": 0.3, "reach": 2.0, "amplitude": 0.9, "tilt": 0.4, "azimuth": 0.7,
    "mirror_ratio": 2.0, "gradient": 0.3, "place": 7.4, "scattering_rate": 1.3,
    "loss_rate": 0.02, "edge_width": 0.08,
}  # fmt: skip
SMALL = {
    "cells": 16, "outer_scale": 9.3, "inner_scale": 2.63, "gyroradius": 6.0, "path": 2.0,
    "nside": 2, "lmax": 3, "boundary_lmax": 8, "observers_per_axis": 1,
}  # fmt: skip


class Both(BoundaryParameters):
    """A dipole of any direction on top of a trap, so that all parameters act in one sky."""

    dipole: infer.DipoleParameters
    trap: infer.TrapParameters

    def distribution(self):
        """Return the sum."""
        return self.dipole.distribution() + self.trap.distribution()


def spectrum(skies, names):
    """Return C_1 ... as a function of a vector of the named parameters."""

    def function(vector):
        values = VALUES | dict(zip(names, vector, strict=True))
        sky = skies.at(**{n: v for n, v in values.items() if n in SKY and n in names})
        trap = infer.TrapParameters(**{n: values[n] for n in TRAP}, lmax=8)
        dipole = infer.DipoleParameters(**{n: values[n] for n in DIPOLE})
        return infer.direct_spectrum(skies, sky, Both(dipole, trap), 0)[1:]

    return function


def compare(skies, names, vector):
    """Check all derivatives of all multipoles at the vector; return them."""
    function = spectrum(skies, names)
    value, reverse = jax.vjp(function, vector)
    rows = np.stack([reverse(row)[0] for row in jnp.eye(value.size)])
    for i, name in enumerate(names):
        unit = jnp.zeros_like(vector).at[i].set(1)
        forward = np.asarray(jax.jvp(function, (vector,), (unit,))[1])
        scale = np.max(np.abs(forward))
        assert scale > 1e-5, name
        # The same products in another order.
        np.testing.assert_allclose(rows[:, i], forward, atol=1e-12 * scale, err_msg=name)
        # A four-point difference: h^4 of the fifth derivative, and round-off 1e-16/h, 1e-11.
        h = 1e-5 * max(1, abs(float(vector[i])))
        near, far = (
            (function(vector + k * h * unit) - function(vector - k * h * unit)) / (2 * k * h)
            for k in (0.5, 1.0)
        )
        difference = np.asarray(4 * near - far) / 3
        np.testing.assert_allclose(difference, forward, atol=1e-7 * scale, err_msg=name)
    return rows


@pytest.mark.slow  # 90 s, nearly all of it the compilation of two realisations in both modes
def test_derivatives_by_every_parameter_along_a_path():
    names = (*SKY, *DIPOLE, *TRAP)
    compare(infer.SkyEnsemble(**SMALL), names, jnp.array([VALUES[n] for n in names]))


@pytest.mark.slow
def test_derivatives_by_what_leaves_the_turbulence_alone():
    names = ("level", "gyroradius", "reach", *DIPOLE, *TRAP)
    compare(infer.SkyEnsemble(**SMALL), names, jnp.array([VALUES[n] for n in names]))


@pytest.mark.slow
def test_derivatives_inside_a_sphere():
    skies = infer.SkyEnsemble(**(SMALL | {"path": 1.0}), convention=infer.FixedSphere())
    compare(skies, ("level", "gyroradius", "reach"), jnp.array([0.8, 6.0, 1.0]))


@pytest.mark.parametrize(
    "convention",
    [infer.FixedPath(), pytest.param(infer.FixedSphere(), marks=pytest.mark.slow)],
)
def test_is_one_sky_of_the_ensemble(convention):
    ensemble = infer.SkyEnsemble(**(SMALL | {"path": 1.0}), convention=convention)
    boundary = infer.DipoleParameters(1.0)
    one = infer.direct_spectrum(ensemble, ensemble.at(level=0.8), boundary, 3, stencil=Linear())
    many = infer.simulated_spectra(ensemble, 0.8, 3)[0]
    # The same orbits in float64; the ensemble's field is kept in float32.
    np.testing.assert_allclose(one, many, atol=1e-6 * float(many.max()))

"""The shipped cube is what its notes say."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import CubicSpline, describe, mhd_snapshot, mhd_snapshot_notes
from jaxcr.fields.shipped import _path


def test_parameters_are_those_asked_of_it():
    notes = mhd_snapshot_notes()
    assert notes["beta"] == 0.2
    # Asked: 0.77. Turbulence wanders by a tenth of it about its mean.
    assert notes["alfven_mach"] == pytest.approx(0.77, abs=0.08)
    # M_s = M_A sqrt(2/beta) where the sound speed is that of beta.
    assert notes["sonic_mach"] == pytest.approx(notes["alfven_mach"] * np.sqrt(10), rel=1e-6)
    assert _path().stat().st_size < 2.5e6


def test_the_cube_is_the_one_that_was_described():
    report, notes = describe(mhd_snapshot(storage=jnp.float64)), mhd_snapshot_notes()
    assert report.lattice.shape == (notes["cells"],) * 3
    # int16: 1.5e-5 of the largest component.
    level = report.rms / float(jnp.linalg.norm(report.mean))
    assert level == pytest.approx(notes["fluctuation_over_mean_field"], rel=1e-4)
    # The simulation, in float32, keeps its mean flux to 1e-4.
    np.testing.assert_allclose(report.mean, [3.0, 0.0, 0.0], atol=1e-3)
    assert report.divergence < 1e-4
    # Driven at 0.4 boxes: most energy there, within a shell.
    assert report.energy_scale == pytest.approx(10.0, rel=0.35)
    # What a report of a cube without an inertial range has to say: far steeper than a cascade.
    assert report.index > 2.5


def test_options_are_those_of_a_grid():
    field = mhd_snapshot(stencil=CubicSpline(), storage=jnp.int16)
    assert field.coefficients.dtype == jnp.int16
    assert jnp.all(jnp.isfinite(field(jnp.zeros(3))))

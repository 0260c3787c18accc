"""Parameters of a sky: what may be changed, and what no sky can have."""

import dataclasses

import jax
import pytest

from jaxcr import infer


def test_changes_leave_the_rest_fiducial(skies):
    changed = skies.at(level=0.4, slab_share=0.2)
    for name in infer.SKY_PARAMETERS:
        expected = {"level": 0.4, "slab_share": 0.2}.get(name, getattr(skies.fiducial, name))
        assert float(getattr(changed, name)) == float(expected)
    assert float(skies.fiducial.reach) == skies.path


def test_values_under_jit_are_not_looked_at(skies):
    assert float(jax.jit(lambda x: skies.at(level=x).level)(-1.0)) == -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levle": 1.0}, "SkyParameters.at: name: expected one of level, index.* got 'levle'"),
        ({"level": -0.1}, "SkyEnsemble.at: level: expected a number >= 0, got -0.1"),
        ({"outer_scale": 40.0}, "outer_scale: expected at most the box, 32 cells, got 40"),
        ({"inner_scale": 1.5}, "inner_scale: expected a number >= 2, got 1.5"),
        ({"inner_scale": 13.0}, r"inner_scale: expected a number in \(0, 12.8\), got 13"),
        ({"gyroradius": 0.0}, "gyroradius: expected a positive number, got 0"),
        ({"slab_share": 1.1}, r"slab_share: expected a number in \[0, 1\], got 1.1"),
        ({"reach": 0.0}, "reach: expected a positive number, got 0"),
        ({"level": float("nan")}, "level: expected a number >= 0, got nan"),
    ],
)
def test_rejects_what_no_sky_can_have(skies, change, message):
    with pytest.raises(ValueError, match=message):
        skies.at(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": 0.0}, "SkyEnsemble: reach: expected a positive number"),
        ({"outer_scale": 33.0}, "SkyEnsemble: outer_scale: expected at most the box, 32"),
        ({"step": 0.0}, "SkyEnsemble: step: expected a positive number"),
    ],
)
def test_rejects_an_ensemble_of_such_skies(skies, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(skies, **change)


@pytest.mark.slow
def test_a_cube_has_its_own_spectrum(skies):
    cube = dataclasses.replace(skies, cube="mhd")
    with pytest.raises(ValueError, match="index: expected a parameter that a shipped cube leaves"):
        cube.at(index=1.5)

"""The published sets: their numbers in grid units, and what scaling keeps."""

import pytest

from jaxcr.orbits import PARTICLE_SETS


@pytest.mark.parametrize(
    ("name", "gyroradius", "outer_scale", "rigidity"),
    [("750TeV", 0.244, 10.0, 0.678), ("7.5PeV", 2.44, 100.0, 6.78), ("30PeV", 9.77, 100.0, 27.1)],
)
def test_published_numbers(name, gyroradius, outer_scale, rigidity):
    found = PARTICLE_SETS[name]
    assert found.gyroradius == pytest.approx(gyroradius, rel=2e-3)
    assert found.outer_scale == pytest.approx(outer_scale)
    assert found.rigidity == pytest.approx(rigidity, rel=2e-3)
    # the label's energy has a gyroradius 11 % larger in the same field
    energy = {"750TeV": 0.75, "7.5PeV": 7.5, "30PeV": 30.0}[name]
    assert energy / found.rigidity == pytest.approx(1.107, rel=2e-3)


def test_a_smaller_grid_is_another_set():
    small = PARTICLE_SETS["30PeV"].scaled(128)
    assert small.name == "20 cells, r_L/L = 0.391"
    assert small.published_path is None
    assert small.rigidity == PARTICLE_SETS["30PeV"].rigidity
    with pytest.raises(ValueError, match="cells: expected a number >= 8, got 4"):
        small.scaled(4)

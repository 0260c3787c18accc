"""Sums of orbits in chunks: closed forms in a uniform field, other code, errors, invariance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, runs, sky
from jaxcr.orbits.exits import REACHED, TOO_LONG
from jaxcr.runs.orbit_run import GROUPS, starts
from jaxcr.units import GYRORADIUS

MEAN = fields.UniformField(jnp.array([3.0, 0.0, 0.0]))
RIGIDITY = 3.0 / GYRORADIUS  # a gyroradius of one parsec
AXIS = jnp.array([1.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def turbulent():
    """A grid of strong turbulence about the mean field."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=8.0, inner_scale=2.0)
    return MEAN + fields.realise_grid(
        spectrum, key=jax.random.key(3), shape=(16, 16, 16), spacing=1.0, rms=3.0
    )


def run_in(field, num=4096, lengths=(2.0, 6.0), **options):
    stop = orbits.PathLength(jnp.array(lengths))
    settings = {
        "key": jax.random.key(0),
        "num_orbits": num,
        "chunk_size": 1024,
        "nside": 4,
        "lmax": 6,
    } | options
    return runs.OrbitRun(field, rigidity=RIGIDITY, stop=stop, **settings)


def summed(run):
    sums = [run.chunk(number) for number in range(run.num_chunks)]
    return {name: sum(x[name] for x in sums) for name in sums[0]}


@pytest.mark.slow
def test_in_a_uniform_field_the_dipole_stays_and_particles_stream():
    # n · b is constant: dI/I = -(arrival · b), so that C_1 = (4 pi/3)/3 and no other C_l;
    # displacement along b is mu s, whose mean square is s²/3: d<x²>/2ds between s = 2 and 6 is
    # (36 - 4)/3/8, still rising. Across, the distance is 2 r_L sin(theta) |sin(s/2 r_L)|:
    # <dy²> = (4/3) sin²(s/2)
    result = runs.totals(summed(run_in(MEAN)))
    error = np.asarray(result.c_ell.error[1])
    expected = np.array([0, 4 * np.pi / 9, 0, 0, 0, 0, 0])
    assert np.all(np.abs(np.asarray(result.c_ell.value[1]) - expected)[1:] < 4 * error[1:])
    assert error[1] < 0.05
    kappa, of_kappa = np.asarray(result.diffusion.value[1]), np.asarray(result.diffusion.error[1])
    along, across = 32 / 3 / 8, 4 / 3 * (np.sin(3) ** 2 - np.sin(1) ** 2) / 8
    assert abs(kappa[0, 0] - along) < 4 * of_kappa[0, 0] < 0.1
    assert abs(kappa[1, 1] - across) < 4 * of_kappa[1, 1] < 0.02
    change = result.change.value[1, 0, 0], result.change.error[1, 0, 0]
    assert abs(change[0] - (along - 2 / 6)) < 4 * change[1]
    assert change[0] > 0.1 * along
    assert np.all(np.isnan(result.change.value[0]))
    np.testing.assert_allclose(result.path.value, [2.0, 6.0], rtol=1e-12)  # equal steps end there


def test_the_noise_level_is_that_of_random_directions():
    # <d²> = 1/3 of d = cos(theta): N = 4 pi/(3 n)
    result = runs.totals(summed(run_in(MEAN)))
    np.testing.assert_allclose(result.noise.value, 4 * np.pi / 3 / 4096, rtol=0.05)


@pytest.mark.slow
def test_sums_are_those_of_every_orbit_by_itself(turbulent):
    run = run_in(turbulent, num=200)
    sums, result = summed(run), runs.totals(summed(run))
    position, arrival = starts(run, jnp.arange(200, dtype=jnp.uint32))
    exits = orbits.trace_ensemble(
        turbulent, position, arrival, rigidity=-RIGIDITY, stop=run.stop, pusher=run.pusher
    )
    excess = -np.asarray(exits.direction @ AXIS)
    away = np.asarray(exits.position - position[None])
    used = np.bincount(np.arange(200) % GROUPS, minlength=GROUPS)
    assert np.array_equal(sums["used"], used)
    assert np.array_equal(sums["orbits"], used)
    assert sums["steps"].sum() == int(exits.num_steps.sum())
    of_group = [away[:, g::GROUPS].sum(1) for g in range(GROUPS)]
    np.testing.assert_allclose(sums["displacement"], of_group, atol=1e-12)
    # one map of everything against the harmonics of weighted directions, by another sum
    whole = sky.direction_harmonics(arrival, jnp.asarray(2 + excess), lmax=6)
    plain = sky.direction_harmonics(arrival, jnp.ones(200), lmax=6)
    modes = sums["harmonics"].sum((0, 1))
    mean = excess.mean(1)
    total = 4 * np.pi * modes / 200
    expected = (2 + mean)[:, None] * np.asarray(whole) - 2 * np.asarray(plain)[None]
    np.testing.assert_allclose(total[:, 1:], expected[:, 1:], atol=1e-12)
    pixel = sky.containing_pixel(4, arrival)
    first = int(pixel[0])
    inside = np.asarray(pixel) == first
    if inside.sum() > 1:
        np.testing.assert_allclose(result.sky[:, first], excess[:, inside].mean(1), rtol=1e-12)


def test_sums_do_not_depend_on_the_partition_into_chunks(turbulent):
    one, two = (summed(run_in(turbulent, num=300, chunk_size=n)) for n in (64, 1024))
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.slow
def test_errors_are_those_of_repeated_runs():
    # spread over 24 seeds against the mean jackknife error: chi² of 23 degrees, 4 sigma = 60 %
    results = [
        runs.totals(summed(run_in(MEAN, num=1024, key=jax.random.key(s)))) for s in range(24)
    ]
    for name in ("c_ell", "diffusion", "turning"):
        values = np.stack([np.asarray(getattr(r, name).value[1]) for r in results])
        errors = np.stack([np.asarray(getattr(r, name).error[1]) for r in results])
        place = {"c_ell": 1, "diffusion": (0, 0), "turning": ()}[name]
        spread, said = values.std(0, ddof=1)[place], np.sqrt((errors**2).mean(0))[place]
        assert 0.5 < spread / said < 1.7, name


def test_starts_fill_the_cube_and_the_sphere():
    run = run_in(MEAN, spread=5.0, observer=(1.0, 2.0, 3.0))
    position, direction = starts(run, jnp.arange(20_000, dtype=jnp.uint32))
    away = np.asarray(position) - np.array([1.0, 2.0, 3.0])
    assert np.abs(away).max() <= 2.5
    # a cube's variance is side²/12; 4 sigma of 20,000: 4 %
    np.testing.assert_allclose((away**2).mean(0), 25 / 12, rtol=0.04)
    np.testing.assert_allclose((np.asarray(direction) ** 2).mean(0), 1 / 3, rtol=0.04)
    assert abs(np.corrcoef(away[:, 0], direction[:, 0])[0, 1]) < 0.03


def test_orbits_that_meet_no_stop_are_counted_and_left_out():
    # with |mu| * 250 below about 1.5, 0.6 % circle beside the observer and never get 2.5 pc away
    stop = orbits.Sphere(2.5)
    run = runs.OrbitRun(
        MEAN, rigidity=RIGIDITY, stop=stop, key=jax.random.key(0), num_orbits=2048,
        chunk_size=1024, nside=1, lmax=2,
    )  # fmt: skip
    result = runs.totals(summed(run))
    trapped = result.num_by_status[TOO_LONG]
    assert 2 < trapped < 30
    assert result.num_used == result.num_by_status[REACHED] == 2048 - trapped


@pytest.mark.slow
def test_single_precision_stays_close(turbulent):
    single = jax.tree.map(lambda x: x.astype(jnp.float32), turbulent)
    one = runs.totals(summed(run_in(turbulent)))
    two = runs.totals(summed(run_in(single, single=True)))
    np.testing.assert_allclose(one.diffusion.value, two.diffusion.value, atol=0.05)


def test_what_no_run_can_be_is_refused():
    with pytest.raises(ValueError, match=r"chunk_size: expected 1 to .* multiple of 32"):
        run_in(MEAN, chunk_size=100)
    with pytest.raises(ValueError, match="got 0 and 1024"):
        run_in(MEAN, num=0)
    with pytest.raises(ValueError, match=f"got {2**32} and 1024"):
        run_in(MEAN, num=2**32)  # particle numbers have 32 bits
    with pytest.raises(ValueError, match="totals: sums: expected orbits that met every stop"):
        runs.totals(summed(run_in(MEAN, num=20)))

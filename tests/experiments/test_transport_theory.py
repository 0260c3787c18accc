"""The theory of transport: closed forms of the measures, and verdicts that a wrong input flips."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import kinetic
from jaxcr.experiments import EXPERIMENTS
from jaxcr.experiments.transport_theory import (
    TRANSPORT_THEORY,
    diffusion,
    grid_and_paths,
    mean_free_path,
    parker,
    pitch_angle_equation,
    pitch_angle_scattering,
    problems,
    pulse,
    setup,
)
from jaxcr.statistics import Estimate


def estimate(value, error):
    return Estimate(jnp.asarray(value, float), jnp.asarray(error, float))


def test_the_command_knows_them():
    assert [x.name for x in TRANSPORT_THEORY] == [
        "pitch-angle-scattering", "mean-free-path", "pitch-angle-equation", "parker",
        "grid-and-paths",
    ]  # fmt: skip
    assert all(EXPERIMENTS[x.name] is x for x in TRANSPORT_THEORY)


# theory for finite paths


def test_lags_see_the_diffusion_of_isotropic_scattering():
    # <(mu - mu0)²> = (1 + 2 P2 e^(-3 nu s))/3 - 2 mu0² e^(-nu s) + mu0²; 1e-3: cells of 1/100
    model, mu = kinetic.IsotropicScattering(0.1), np.array([0.105, 0.505])
    lags = (1.0, 3.0)
    found = setup.seen_by_lags(model, lags, np.array([0.10, 0.11, 0.50, 0.51]))[::2]

    def square(s):
        second = (3 * mu**2 - 1) / 2
        return (1 + 2 * second * np.exp(-0.3 * s)) / 3 - 2 * mu**2 * np.exp(-0.1 * s) + mu**2

    np.testing.assert_allclose(found, (square(3.0) - square(1.0)) / 4, rtol=1e-3)


def test_the_plateau_of_isotropic_scattering():
    # <mu mu(s)> = e^(-nu s)/3, its integral (1 - e^(-nu s))/3 nu, in the mean from s/2 to s
    path, rate = 8.0, 0.5
    late = (np.exp(-rate * path / 2) - np.exp(-rate * path)) / (rate * path / 2)
    found = setup.seen_on_plateau(kinetic.IsotropicScattering(rate), path)
    np.testing.assert_allclose(found, (1 - late) / 3 / rate, rtol=1e-3)


def test_mirror_images_stay_in_their_group():
    tracks = pitch_angle_scattering.orbits.Tracks(
        jnp.arange(2.0), jnp.ones((2, 4, 3)), jnp.arange(24.0).reshape(2, 4, 3)
    )
    both = setup.both_hemispheres(tracks, 2)
    np.testing.assert_allclose(both.direction[:, 2:4], -tracks.direction[:, :2])
    np.testing.assert_allclose(both.direction[:, 4:6], tracks.direction[:, 2:])


# pitch-angle-scattering


@pytest.mark.slow
def test_orbits_have_the_pitch_angle_diffusion_of_theory():
    """And not that of twice the power: 4 fields of 32 orbits tell them apart."""
    case = pitch_angle_scattering.WEAK
    found = pitch_angle_scattering.measure(case.rms, (case,), 4, 32)[case]["wide"]
    ratios = pitch_angle_scattering.ratios(found, pitch_angle_scattering.theories(case)["wide"])
    assert abs(float(ratios["quasilinear"].value[1]) - 1) < 0.3
    assert float(ratios["twice the power"].value[1]) < 0.8


def ratios_of(quasilinear, second=(1.0, 1.0), double=(0.6, 0.6), error=0.01):
    """Return ratios with one error."""
    rows = {"quasilinear": quasilinear, "second order": second, "twice the power": double}
    return {k: estimate(x, np.full(len(x), error)) for k, x in rows.items()}


def test_theories_of_weak_scattering_are_told_apart():
    judge_weak, judge_control, judge_strong = (
        pitch_angle_scattering.judge_weak, pitch_angle_scattering.judge_control,
        pitch_angle_scattering.judge_strong,
    )  # fmt: skip
    assert judge_weak(ratios_of([1.2, 1.02])).holds
    assert judge_weak(ratios_of([1.2, 2.0])).holds is False  # orbits in twice the power
    assert judge_weak(ratios_of([1.2, 1.02], error=0.2)).holds is None
    assert judge_control(ratios_of([1.0, 1.0])).holds
    assert judge_control(ratios_of([1.0, 1.0], double=(1.0, 1.0))).holds is False
    assert judge_strong(ratios_of([1.0, 1.3])).holds
    assert judge_strong(ratios_of([1.0, 1.0])).holds is False


def test_90_degrees_is_judged():
    right_angle = pitch_angle_scattering.judge_right_angle
    assert right_angle(ratios_of([1.1, 1.2])).holds
    assert right_angle(ratios_of([1.1, 0.9])).holds is False
    assert right_angle(ratios_of([1.1, 1.0])).holds is None
    second_order = pitch_angle_scattering.judge_second_order
    bins = [1.0, 1.1, 1.2]
    assert second_order(ratios_of(bins, second=[0.99, 1.01, 1.0])).holds
    assert second_order(ratios_of(bins, second=[1.3, 1.01, 1.0])).holds is False
    assert second_order(ratios_of(bins, second=[1.0, 1.0, 1.0], error=0.3)).holds is None


def test_a_gap_is_filled_by_broadening():
    gap = pitch_angle_scattering.resonances(0.3)
    assert pitch_angle_scattering.judge_gap(gap).holds
    assert pitch_angle_scattering.judge_gap(gap | {"sharp": gap["second order"]}).holds is False
    assert pitch_angle_scattering.judge_gap(gap | {"Lorentzian": gap["sharp"]}).holds is False


# mean-free-path


def test_the_quasilinear_mean_free_path_has_its_closed_form():
    curves = {name: mean_free_path.curve(index) for name, index in mean_free_path.INDICES.items()}
    assert mean_free_path.judge_closed_form(curves).holds
    assert mean_free_path.judge_exponents(curves).holds
    swapped = dict(zip(curves, reversed(curves.values()), strict=True))
    assert mean_free_path.judge_exponents(swapped).holds is False
    name = next(iter(curves))
    longer = curves[name] | {"closed_form": [1.001 * x for x in curves[name]["closed_form"]]}
    assert mean_free_path.judge_closed_form({name: longer}).holds is False


def along_of(ratio, *, error=0.02, power=1 / 3, exponent=0.5):
    """Return mean free paths in the ratio to both theories, with a power of the gyroradius."""
    rows = []
    for gyroradius in (0.1, 1.0, 10.0):
        seen = 10 * gyroradius ** (1 / 3)
        path = 10 * ratio * gyroradius**power
        rows.append(
            diffusion.Along(
                gyroradius, 60.0, estimate(path, error * path),
                {"quasilinear": seen, "second order": seen}, seen, estimate(exponent, error),
            )
        )  # fmt: skip
    return rows


def test_mean_free_paths_are_judged():
    judge = mean_free_path.judge_orbits
    assert judge(along_of(1.0), "quasilinear").holds
    assert judge(along_of(0.5), "quasilinear").holds is False  # orbits in twice the power
    assert judge(along_of(1.0, error=0.4), "quasilinear").holds is None
    assert mean_free_path.judge_scaling(along_of(0.7)).holds
    assert mean_free_path.judge_scaling(along_of(1.0, power=0.6)).holds is False
    assert mean_free_path.judge_compound(along_of(1.0)).holds
    assert mean_free_path.judge_compound(along_of(1.0, exponent=0.8)).holds is False
    assert mean_free_path.judge_compound(along_of(1.0, error=0.3)).holds is None


def test_diffusion_across_is_judged():
    def across_of(ratio, error=0.02):
        theories = {"nonlinear guiding centres": 0.1}
        found = estimate(0.1 * ratio, 0.1 * error)
        return [diffusion.Across(x, estimate(10, 0.1), found, theories) for x in (0.3, 1.0)]

    name = "nonlinear guiding centres"
    assert mean_free_path.judge_across(across_of(1.0), name).holds
    assert mean_free_path.judge_across(across_of(0.4), name).holds is False
    assert mean_free_path.judge_across(across_of(1.0, error=0.5), name).holds is None


# pitch-angle-equation


def test_closed_forms_of_the_pitch_angle_equation():
    rates = pitch_angle_equation.decay_rates()
    assert pitch_angle_equation.judge_decay(rates).holds
    assert pitch_angle_equation.judge_decay(rates * 1.001).holds is False
    dipoles = pitch_angle_equation.focused_dipoles()
    assert pitch_angle_equation.judge_focusing(dipoles).holds
    assert pitch_angle_equation.judge_focusing(np.ones(dipoles.size)).holds is False
    shares = pitch_angle_equation.anisotropies()
    assert pitch_angle_equation.judge_dipole(shares).holds
    doubled = shares | {"quasilinear": 2 * shares["quasilinear"]}
    assert pitch_angle_equation.judge_dipole(doubled).holds is False


def test_a_pulse_has_the_variance_of_a_persistent_random_walk():
    place, profiles = pulse.pulse(48)
    spreads = {k: pulse.spread(place, x) for k, x in profiles.items()}
    assert pulse.judge_telegraph(spreads).holds
    assert pulse.judge_diffusion(spreads).holds
    assert pulse.judge_shape(profiles).holds
    wrong = spreads | {"telegraph": spreads["diffusion"]}
    assert pulse.judge_telegraph(wrong).holds is False
    assert pulse.judge_diffusion(spreads | {"diffusion": spreads["diffusion"] / 2}).holds is False
    swapped = profiles | {
        "telegraph": profiles["diffusion"], "diffusion": profiles["telegraph"]
    }  # fmt: skip
    assert pulse.judge_shape(swapped).holds is False


def test_a_mirror_passes_its_loss_cone():
    passed = pitch_angle_equation.passage(24, pitch_angle_equation.DEPTHS[[0, -1]])
    assert pitch_angle_equation.judge_mirror(passed).holds
    wrong = passed | {"mirror": passed["uniform field"]}
    assert pitch_angle_equation.judge_mirror(wrong).holds is False


# parker


def test_a_shock_has_its_index_and_its_time():
    thin = parker.shock(4.0, 120)
    assert parker.judge_index([thin]).holds
    assert parker.judge_time([thin]).holds
    assert parker.judge_index([thin | {"expected_index": 4.5}]).holds is False
    assert parker.judge_time([thin | {"expected_time_per_e_fold": 1.0}]).holds is False
    assert parker.judge_width(thin).holds is False


def test_modulation_halo_and_expansion_are_judged():
    row = parker.modulation(0.1, 48)
    assert parker.judge_force_field([row]).holds
    assert parker.judge_force_field([row | {"share": [1.0] * len(row["share"])}]).holds is False
    halo = parker.halo_profile(100.0, 32)
    assert parker.judge_halo([halo]).holds
    calm = parker.halo_profile(0.0, 32)
    assert parker.judge_halo([halo | {"expected": calm["expected"]}]).holds is False
    expansion = {"mean_log_momentum": [5.0, 4.8334], "expected": [5.0, 4.8333]}
    assert parker.judge_expansion(expansion).holds
    heated = expansion | {"mean_log_momentum": [5.0, 5.1667]}
    assert parker.judge_expansion(heated).holds is False
    slope = {"slope": 1.35 + 1 / 3, "injected": 1.35, "delta": 1 / 3}
    assert parker.judge_slope(slope).holds
    assert parker.judge_slope(slope | {"delta": 0.5}).holds is False


# grid-and-paths


@pytest.mark.slow
def test_paths_agree_with_the_grid():
    found = grid_and_paths.compare(problems.plain_halo, 32, 480, 200, jax.random.key(0))
    assert grid_and_paths.judge_agreement({"halo": found}).holds
    assert grid_and_paths.judge_cells({"halo": found}).holds


def test_wrong_paths_are_noticed():
    good, bad = {"z_scores": [0.5, -1.2, 1.0]}, [5.0, 0.3, -4.0]
    errors = {"error": [0.01], "grid": [1.0]}
    assert grid_and_paths.judge_agreement({"halo": good | errors}).holds
    assert grid_and_paths.judge_agreement({"halo": {"z_scores": bad} | errors}).holds is False
    wrong = good | {"z_scores_of_wrong_paths": bad}
    assert grid_and_paths.judge_control("kappa(x)", wrong).holds
    unseen = good | {"z_scores_of_wrong_paths": good["z_scores"]}
    assert grid_and_paths.judge_control("kappa(x)", unseen).holds is None


@pytest.mark.parametrize(("error", "holds"), [(0.1, True), (0.001, False)])
def test_a_coarse_grid_is_noticed(error, holds):
    row = {"grid": [1.0], "half_the_cells": [1.01], "error": [error]}
    assert grid_and_paths.judge_cells({"halo": row}).holds is holds

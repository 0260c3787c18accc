"""Steady transport: closed forms, order of convergence, budget, derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.kinetic import (
    CartesianGrid,
    FreeEscape,
    MomentumGrid,
    Outflow,
    ParkerProblem,
    Prescribed,
    Reflecting,
    SphericalGrid,
    mean_age,
    solve_parker,
)

WALL_AND_EXIT = ((Reflecting(), FreeEscape()),)
BALANCE = 1e-12  # sums of some thousand numbers, each solved to 1e-14


def halo(height, kappa, wind, num_cells, *, injection=2.0, momentum=None):
    """The upper half of a halo above a disc that injects to both sides; blown by a wind."""
    in_plane = jnp.zeros(num_cells).at[0].set(num_cells / (2 * height))
    return ParkerProblem(
        CartesianGrid(height * jnp.linspace(0.0, 1.0, num_cells + 1)),
        diffusion=kappa,
        momentum=momentum,
        velocity=lambda z: wind * jnp.ones_like(z),
        source=jnp.atleast_1d(jnp.asarray(injection))[:, None] * in_plane[None],
        boundaries=WALL_AND_EXIT,
    )


def order(coarse, fine):
    return np.log2(coarse / fine)


def test_halo_with_wind_is_the_closed_form():
    """V N - kappa N' = q/2 above the plane and N(H) = 0: N = q (1 - exp(-V (H - z)/kappa))/2V."""
    problem = halo(4000.0, 3.0, 3e-3, 32)
    z = np.asarray(problem.grid.centers(0))
    exact = (1 - np.exp(-3e-3 * (4000.0 - z) / 3.0)) / 3e-3
    solution = solve_parker(problem)
    # cells an eighth of kappa/V: (1/8)²/12 and as much again at the end
    np.testing.assert_allclose(solution.density[0], exact, atol=3e-3 * exact.max())
    assert abs(float(solution.budget.imbalance)) < BALANCE
    np.testing.assert_allclose(solution.budget.through_ends, [[0, 1]], atol=1e-12)


@pytest.mark.slow
def test_derivatives_by_diffusion_index_wind_and_height_are_differences():
    def density(args):
        kappa, index, wind, height = args
        momentum = MomentumGrid(1.0, 10.0, 3)
        problem = halo(
            height,
            lambda z, p: kappa * p**index,
            wind,
            32,
            injection=momentum.centers() ** -1.3,
            momentum=momentum,
        )
        return solve_parker(problem).density[1, 10]

    at, density = jnp.array([3.0, 0.4, 3e-3, 4000.0]), jax.jit(density)
    backward = jax.grad(density)(at)
    for i, step in enumerate(1e-4 * np.asarray(at)):
        shift = step * (np.arange(4) == i)
        quotient = (density(at + shift) - density(at - shift)) / (2 * step)
        # central differences at a relative step of 1e-4: truncation 1e-8 of a third derivative
        np.testing.assert_allclose(backward[i], quotient, rtol=1e-6)
    forward = jax.jvp(density, (at,), (jnp.array([1.0, 0.0, 0.0, 0.0]),))[1]
    np.testing.assert_allclose(forward, backward[0], rtol=1e-9)


def tilted_tensor(x):
    """A tensor that turns and grows, with an antisymmetric part."""
    angle = 0.4 + 0.3 * x[0] * x[1]
    b = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    size = 1 + 0.3 * x[0] + 0.2 * x[1] ** 2
    drift = 0.2 * (x[0] - x[1])
    turn = jnp.array([[0.0, 1.0], [-1.0, 0.0]])
    return size * (0.2 * jnp.eye(2) + 0.8 * b[:, None] * b[None, :]) + drift * turn


def wind(x):
    return jnp.stack([1 + 0.5 * x[1], -0.3 + 0.4 * x[0]])


def made_up(x):
    return jnp.sin(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1]) * jnp.exp(x[0] - 0.5 * x[1])


def made_up_source(x, p):
    """div(u N - kappa grad N) of the density above, by automatic differentiation."""

    def flux(x):
        return wind(x) * made_up(x) - tilted_tensor(x) @ jax.grad(made_up)(x)

    return jnp.trace(jax.jacfwd(flux)(x))


@pytest.mark.slow
def test_full_tensor_and_flow_in_two_coordinates_converge_at_second_order():
    errors = []
    for num in (16, 32):
        edges = jnp.linspace(0.0, 1.0, num + 1)
        problem = ParkerProblem(
            CartesianGrid(edges, edges),
            diffusion=lambda x, p: tilted_tensor(x),
            velocity=wind,
            source=made_up_source,
        )
        solution = solve_parker(problem)
        exact = jax.vmap(jax.vmap(made_up))(problem.grid.cells())
        errors.append(float(jnp.mean(jnp.abs(solution.density[0] - exact))))
        assert abs(float(solution.budget.imbalance)) < BALANCE
    assert order(*errors) > 1.9
    assert errors[1] < 2e-3  # of a density up to 1.5


@pytest.mark.slow  # compiles for ten seconds
def test_three_coordinates_keep_a_plane_wave_of_the_box():
    """A product of sines is an eigenfunction: -kappa_xx pi² - ..., on unequal cells."""
    edges = [jnp.linspace(0.0, 1.0, 13) ** a for a in (1.0, 1.2, 1.0)]
    kappa = jnp.diag(jnp.array([1.0, 0.5, 0.25]))

    def mode(x):
        return jnp.prod(jnp.sin(jnp.pi * x))

    problem = ParkerProblem(
        CartesianGrid(*edges),
        diffusion=lambda x, p: kappa,
        source=lambda x, p: jnp.pi**2 * 1.75 * mode(x),
    )
    found = solve_parker(problem).density[0]
    exact = jax.vmap(mode)(problem.grid.cells().reshape(-1, 3)).reshape(found.shape)
    # (pi/12)²/12 = .6 % is the error of central differences for this mode
    np.testing.assert_allclose(found, exact, atol=0.012)


def test_shells_about_a_source_hold_one_over_r():
    """4 pi r² kappa N' = -Q outside the source: N = Q (1/r - 1/R)/(4 pi kappa)."""
    edges = jnp.concatenate([jnp.linspace(0.0, 1.0, 9)[:-1], 30 ** jnp.linspace(0.0, 1.0, 41)])
    problem = ParkerProblem(
        SphericalGrid(edges),
        diffusion=0.5,
        source=lambda r, p: jnp.where(r[0] < 1, 3 / (4 * jnp.pi), 0.0),
        boundaries=WALL_AND_EXIT,
    )
    solution = solve_parker(problem)
    r = np.asarray(problem.grid.centers(0))[12:]
    exact = (1 / r - 1 / 30) / (4 * np.pi * 0.5)
    # cells of 9 % of r: means over them differ from middles by .1 %, and at the edge N -> 0
    np.testing.assert_allclose(solution.density[0, 12:], exact, rtol=3e-3, atol=2e-5)
    np.testing.assert_allclose(solution.budget.injected, 1.0, rtol=1e-13)
    np.testing.assert_allclose(solution.budget.through_ends[0, 1], 1.0, rtol=1e-12)


def test_prescribed_density_diffuses_in_and_flows_out():
    """Between N = 2 and N = 0 with flow V: N = 2 (exp(VL/k) - exp(Vx/k))/(exp(VL/k) - 1)."""
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 33)),
        diffusion=1.0,
        velocity=lambda x: jnp.full_like(x, 2.0),
        boundaries=((Prescribed(2.0), FreeEscape()),),
    )
    x = problem.grid.centers(0)
    exact = 2 * (np.exp(2) - np.exp(2 * x)) / (np.exp(2) - 1)
    solution = solve_parker(problem)
    np.testing.assert_allclose(solution.density[0], exact, atol=2e-3)  # h² of a scale of 1/2
    assert abs(float(solution.budget.imbalance)) < BALANCE


@pytest.mark.parametrize("direction", [-1, 1])
def test_energy_changes_carry_a_power_law_of_the_source(direction):
    """b N' ... with a uniform rate: d(c N)/dlnp = S with S ~ p^-s gives N = -S/(s c).

    Outflow on both ends of a uniform box, so that nothing depends on place. For losses,
    c = -b < 0, N = S/(s b); gains with s = -1.5 the mirror image.
    """
    index, rate = 1.5 * -direction, 0.1
    momentum = MomentumGrid(1.0, 1e4, 32, reference_index=index, continued=True)
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 33)),
        diffusion=1.0,
        momentum=momentum,
        source=lambda x, p: p**-index,
        momentum_loss=lambda x, p: jnp.full_like(p, -direction * rate),
        boundaries=((Reflecting(), Reflecting()),),
    )
    solution = solve_parker(problem)
    means = momentum.shape_in_cells() * momentum.low**-index
    source = momentum.centers() ** -index / means  # point values of the source over cell means
    expected = (means / (rate * abs(index)) * source)[:, None]
    np.testing.assert_allclose(solution.density, expected * jnp.ones((1, 32)), rtol=1e-9)
    assert abs(float(solution.budget.imbalance)) < BALANCE


def test_energy_losses_converge_at_second_order():
    """Synchrotron losses of an injected power law.

    d(b N)/dlnp = -S with b = c p and S = p^-s up to P: N = (p^-s - P^-s)/(s c p).
    """
    errors = []
    for low in (1.0, 10.0):  # cells half as wide in ln p
        momentum = MomentumGrid(low, 100.0, 32, reference_index=2.2)
        problem = ParkerProblem(
            CartesianGrid(jnp.linspace(0.0, 1.0, 33)),
            diffusion=1.0,
            momentum=momentum,
            source=lambda x, p: p**-1.2,
            momentum_loss=lambda x, p: 0.3 * p,
            boundaries=((Reflecting(), Reflecting()),),
        )
        found = solve_parker(problem).density[:, 1]
        p = momentum.centers()
        exact = (p**-1.2 - 100.0**-1.2) / (1.2 * 0.3 * p)
        inner = (p > 10) & (p < 50)  # the last cells hold the step to nobody above
        errors.append(float(jnp.mean(jnp.abs(found / exact - 1)[inner])))
    assert order(*errors) > 1.9


def test_mean_age_of_a_leaky_box_and_of_a_halo():
    """Losses at rate 1/T alone give the age T.

    In a halo kappa (N tau)'' = -N with N ~ y = H - z: tau = (H²/2 - y²/6)/kappa.
    """
    box = ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 33)),
        diffusion=1.0,
        source=jnp.ones(32),
        loss_rate=lambda x, p: jnp.full_like(p, 0.25),
        boundaries=((Reflecting(), Reflecting()),),
    )
    np.testing.assert_allclose(mean_age(box, solve_parker(box)), 4.0, rtol=1e-10)
    plane = halo(100.0, 2.0, 0.0, 64)
    age = mean_age(plane, solve_parker(plane))
    y = 100.0 - plane.grid.centers(0)
    np.testing.assert_allclose(age[0], (100.0**2 / 2 - y**2 / 6) / 2.0, rtol=1e-3)  # h²


@pytest.mark.slow
def test_iteration_on_large_grids_finds_the_slow_modes_of_a_closed_box():
    """-div grad N + N/T = 1 + cos(pi x) cos(pi y) between walls: N = T + cos cos/(2 pi² + 1/T).

    Solves along lines alone leave the mean, which only the weak loss 1/T = .1 fixes.
    """
    edges = jnp.linspace(0.0, 1.0, 41)
    walls = (Reflecting(), Reflecting())

    def waves(x):
        return jnp.prod(jnp.cos(jnp.pi * x))

    problem = ParkerProblem(
        CartesianGrid(edges, edges),
        diffusion=1.0,
        source=lambda x, p: 1 + waves(x),
        loss_rate=lambda x, p: jnp.full_like(p, 0.1),
        boundaries=(walls, walls),
    )
    solution = solve_parker(problem)
    exact = 10 + jax.vmap(jax.vmap(waves))(problem.grid.cells()) / (2 * jnp.pi**2 + 0.1)
    np.testing.assert_allclose(solution.density[0], exact, atol=5e-5)  # (pi/40)²/12 of the wave
    assert abs(float(solution.budget.imbalance)) < 1e-10


def test_single_precision_is_solved_to_its_digits():
    grid = CartesianGrid(jnp.linspace(0.0, 1.0, 33, dtype=jnp.float32))
    problem = ParkerProblem(grid, diffusion=0.1, source=jnp.ones(32, jnp.float32))
    found = solve_parker(problem).density[0]
    assert found.dtype == jnp.float32
    x = np.asarray(grid.centers(0))
    np.testing.assert_allclose(found, x * (1 - x) / 0.2, atol=2e-3)  # h²/8 at the ends over .1


def test_antisymmetric_diffusion_alone_moves_nobody_when_uniform():
    edges = jnp.linspace(0.0, 1.0, 17)
    turn = jnp.array([[0.0, 1.0], [-1.0, 0.0]])

    def solution(drift):
        problem = ParkerProblem(
            CartesianGrid(edges, edges),
            diffusion=lambda x, p: jnp.eye(2) + drift * turn,
            source=jnp.ones((16, 16)),
        )
        return solve_parker(problem).density

    # a uniform antisymmetric tensor has no divergence: only the boundary cells' corners see it
    np.testing.assert_allclose(solution(5.0), solution(0.0), rtol=2e-2)


def good_problem(**changes):
    arguments = {
        "diffusion": 1.0,
        "source": jnp.ones(32),
        "boundaries": ((Reflecting(), FreeEscape()),),
    }
    return ParkerProblem(CartesianGrid(jnp.linspace(0.0, 1.0, 33)), **(arguments | changes))


def age_of(problem):
    return mean_age(problem, solve_parker(problem))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CartesianGrid(jnp.array([0.0, 2.0, 1.0])), "steps of Cart.*got -1.0 at index 1"),
        (
            lambda: CartesianGrid(jnp.array([0.0, 1.0])),
            "number of CartesianGrid: edges of axis 0: expected a number >= 3",
        ),
        (
            lambda: CartesianGrid(*[jnp.linspace(0.0, 1.0, 4)] * 4),
            r"number of axes: expected a number in \[1, 3\]",
        ),
        (
            lambda: SphericalGrid(jnp.linspace(-1.0, 1.0, 4)),
            "SphericalGrid: edges: expected a number >= 0",
        ),
        (lambda: MomentumGrid(0.0, 1.0, 8), r"low: expected a number in \(0, 1\)"),
        (lambda: MomentumGrid(2.0, 1.0, 8), r"low: expected a number in \(0, 1\)"),
        (lambda: MomentumGrid(1.0, 2.0, 2), "num_cells: expected a number >= 3"),
        (lambda: good_problem(boundaries=((Reflecting(),),)), "a pair of boundary conditions"),
        (lambda: solve_parker(good_problem(diffusion=-1.0)), "positive definite"),
        (
            lambda: solve_parker(good_problem(diffusion=lambda x, p: jnp.ones((2, 2)))),
            r"diffusion: expected shape \(.*1, 1\), got shape \(.*2, 2\)",
        ),
        (lambda: solve_parker(good_problem(diffusion=lambda x, p: 1 / x[0])), "finite values"),
        (
            lambda: solve_parker(good_problem(source=jnp.ones(31))),
            r"shape \(1, 32\) or shape \(32,\)",
        ),
        (
            lambda: solve_parker(good_problem(loss_rate=lambda x, p: -p)),
            "rates >= 0 in 1/pc",
        ),
        (
            lambda: solve_parker(good_problem(boundaries=((Reflecting(), Reflecting()),))),
            "a way out, or a loss",
        ),
        (
            lambda: solve_parker(good_problem(velocity=lambda x: x[0])),
            r"velocity: expected shape \(1,\)",
        ),
        (
            lambda: solve_parker(good_problem(source=lambda x, p: x)),
            r"source: expected shape \(\)",
        ),
        (
            lambda: age_of(good_problem(boundaries=((Prescribed(1.0), FreeEscape()),))),
            "from the source",
        ),
        (
            lambda: solve_parker(
                good_problem(
                    momentum=MomentumGrid(1.0, 10.0, 4),
                    momentum_loss=lambda x, p: x[0] - 0.5,
                )
            ),
            "only fall, or only rise",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_tensor_with_negative_cross_diffusion_is_named_with_its_eigenvalue():
    edges = jnp.linspace(0.0, 1.0, 9)
    problem = ParkerProblem(
        CartesianGrid(edges, edges),
        diffusion=lambda x, p: jnp.array([[1.0, 2.0], [2.0, 1.0]]),
    )
    with pytest.raises(ValueError, match="an eigenvalue of -1 pc"):
        solve_parker(problem)


def test_traced_momenta_that_rise_and_fall_are_an_error_at_run_time():
    @eqx.filter_jit
    def solve(factor):
        problem = good_problem(
            momentum=MomentumGrid(1.0, 10.0, 4), momentum_loss=lambda x, p: factor * (x[0] - 0.5)
        )
        return solve_parker(problem).density

    with pytest.raises(RuntimeError, match="momenta rise and fall"):
        solve(jnp.asarray(1.0))


def test_outflow_lets_the_flow_carry_everything_away():
    problem = good_problem(
        boundaries=((FreeEscape(), Outflow()),), velocity=lambda x: jnp.full_like(x, 50.0)
    )
    solution = solve_parker(problem)
    # upstream diffusion against the flow: kappa N'(0) with N rising over kappa/u = .02
    assert float(solution.budget.through_ends[0, 1]) > 0.95
    np.testing.assert_allclose(jnp.sum(solution.budget.through_ends), 1.0, rtol=1e-12)

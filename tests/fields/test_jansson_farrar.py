"""The Jansson-Farrar field: published values, an oracle, div B of each part, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields.jansson_farrar import JanssonFarrarField

TABLE_ARMS = (0.1, 3.0, -0.9, -0.8, -2.0, -4.2, 0.0, 2.7)
ARM_RADII = (5100.0, 6300.0, 7100.0, 8300.0, 9800.0, 11400.0, 12700.0, 15500.0)
SUN = jnp.array([-8500.0, 0.0, 0.0])
IN_DISC = 1 / (1 + np.exp(-2 * 400 / 270))
"""Of the disc, in the plane: the transition to the halo has begun there."""

ONLY = {
    "disc": {"north_strength": 0.0, "south_strength": 0.0, "x_strength": 0.0},
    "halo": {"arm_strengths": (0.0,) * 8, "ring_strength": 0.0, "x_strength": 0.0},
    "x_field": {
        "arm_strengths": (0.0,) * 8,
        "ring_strength": 0.0,
        "north_strength": 0.0,
        "south_strength": 0.0,
    },
}

# x, y, z in pc and B in µG from JF12Field::getRegularField of CRPropa 3 (db97df1), compiled alone
# with kpc = 1000 and µG = 1 and printed to 13 digits. In the core of the X-field no point has
# z = 0, where that code sets the elevation to 90°.
ORACLE = np.array(
    [
        # the sun, and just north of it
        (-8500, 0, 0, 0.06204886664331, 1.027488869674, 0.1851849090031),
        (-8500, 0, 20, 0.05967612018095, 1.008899692287, 0.185917390837),
        # arms 1 to 8 near the negative x axis
        (-5050, 10, 50, -0.5510663754838, -0.1857250503974, 0.6123783190588),
        (-5700, 300, -60, -0.1804346733862, -2.295739019385, 0.4892908673157),
        (-6500, -900, 100, -0.258845234501, 0.4406347878535, 0.3673320527785),
        (-7500, 800, -150, 0.3828019355832, 0.5567771007333, 0.2648161084497),
        (-9000, -2000, 0, -0.1336566619355, 0.9703052568488, 0.1444937213366),
        (-10500, 1500, 120, 0.5117718985721, 1.667936819229, 0.09192999797771),
        (-12000, -1000, -200, 0.03320854565427, 0.1996270502249, 0.05714105291855),
        (-14000, 2000, 80, -0.3164978244784, -0.8189597460554, 0.02697314094143),
        # arms at other azimuths
        (6000, -4000, 30, 1.504494789726, 1.169604556973, 0.2903746091539),
        (3000, 9000, -90, -1.063533678898, 0.5031988488034, 0.1342581571937),
        (-2000, -7500, 250, 1.565431562046, -0.9425476029277, 0.2502220519762),
        (7000, 7000, -300, 0.1435766571479, -0.2836123008929, 0.1217536836978),
        (500, -11000, 0, -0.3381840277128, -0.01421970454245, 0.07789559427693),
        (11000, -200, 400, 0.2221895509249, 0.6640906822657, 0.08532309371603),
        (12500, 200, -20, -0.1020690239142, -0.3964196037914, 0.04680997085271),
        (1000, 16500, 60, 0.2439995298369, -0.05483997939317, 0.01178844014595),
        # the ring, and inside of it
        (-4000, 500, 100, -0.6856563800749, -0.1624398895068, 0.92072650114),
        (2500, -3500, -200, -0.440149786367, 0.4416486826801, 0.8184123186428),
        (1500, -1000, 300, 0.8017117222073, -0.02115703038301, 2.192074224869),
        (200, 2000, -150, 0.0705378841983, -0.7524273592253, 2.092864470938),
        # halo north, halo south
        (-6000, 3000, 1500, -0.8088529093541, -0.7744663249353, 0.4338528681378),
        (4000, 4000, 3000, -0.3486686967619, 0.7754598128233, 0.4546268806581),
        (9000, -2000, 800, 0.2696179903876, 0.5304131475467, 0.1697985745138),
        (9300, 0, 2000, 0.1809036380514, 0.297603628416, 0.2081057421075),
        (-6000, 3000, -1500, 0.7080013985709, 0.5726095577839, 0.4338528681378),
        (8000, -12000, -2000, -0.6461206053201, -0.3905386633538, 0.03848492140591),
        (3000, 11000, -5000, 0.3700110402244, -0.2708315790871, 0.1885823825467),
        (-16600, 1000, -900, 0.06512413377879, 0.8809858693124, 0.0140057191979),
        # X-field near the axis, outside its core
        (10, -20, 4000, 0.5903303797224, 0.2911216823704, 1.540053666713),
        (-3, 4, -9000, 0.1612024179351, 0.1206157575196, 0.6646460762878),
        (3000, 1000, 15000, 0.009760414905555, 0.09032405512338, 0.2454512257307),
        (-1200, 700, -12000, 0.08441617109013, 0.08309440035632, 0.3915917772256),
        (9000, 9000, 3000, 0.05176832808855, 0.05176833514931, 0.08422016864661),
        (-15000, 4000, 6000, -0.05536154933182, 0.01476307982182, 0.0659116895032),
        (7000, 0, -1000, -0.314689516084, -0.8783485211298, 0.3671429240124),
        (0, -12000, -7000, -0.2936271431257, 0.1934923556778, 0.2225874930105),
        # outside
        (300, -400, 500, 0, 0, 0),
        (14000, 14000, -4000, 0, 0, 0),
    ]
)


def evaluate(field, points):
    return jax.jit(jax.vmap(field))(jnp.asarray(points, dtype=float))


def ball(rng, num=2000, low=1001.0, high=19999.0, flat=1.0):
    """Points between two spheres, squeezed to the plane by ``flat``."""
    n = rng.standard_normal((4 * num, 3)) * [1, 1, flat]
    n *= rng.uniform(low, high, (4 * num, 1)) / np.linalg.norm(n, axis=1, keepdims=True)
    return n[:num]


def test_agrees_with_crpropa():
    # It takes b_8 from the table and 17 kpc for the limit r_s > 16.7 kpc.
    field = JanssonFarrarField(arm_strengths=TABLE_ARMS, south_radius=17000.0)
    # Half a unit in the 13th digit of 2.19; without that rounding the two differ by 4e-15.
    np.testing.assert_allclose(evaluate(field, ORACLE[:, :3]), ORACLE[:, 3:], rtol=0, atol=6e-13)


def test_arms_end_at_their_radii_on_the_negative_x_axis():
    field = JanssonFarrarField(arm_strengths=TABLE_ARMS, **ONLY["disc"])
    along = np.array([-np.sin(np.radians(11.5)), -np.cos(np.radians(11.5)), 0])
    for strength, following, radius in zip(
        TABLE_ARMS, np.roll(TABLE_ARMS, -1), ARM_RADII, strict=True
    ):
        for r, b in [(radius - 1, strength), (radius + 1, following)]:
            value = field(jnp.array([-r, 0.0, 0.0]))
            # Products of a few numbers: round-off.
            np.testing.assert_allclose(value, IN_DISC * b * 5000 / r * along, atol=1e-14)


def test_all_arms_leave_the_ring_with_their_published_strength():
    field = JanssonFarrarField(arm_strengths=TABLE_ARMS, **ONLY["disc"])
    phi = np.linspace(-np.pi, np.pi, 2000, endpoint=False)
    zero = np.zeros_like(phi)
    # A hair more than 5 kpc, so that round-off leaves no point in the ring.
    points = 5000 * (1 + 1e-13) * np.stack([np.cos(phi), np.sin(phi), zero], axis=1)
    lean = phi + np.pi / 2 - np.radians(11.5)
    along = np.stack([np.cos(lean), np.sin(lean), zero], axis=1)
    value = np.asarray(evaluate(field, points))
    strength = np.sum(value * along, axis=1)
    np.testing.assert_allclose(value, strength[:, None] * along, atol=1e-14)  # round-off
    # Twelve digits: 1 + 1e-13 is not undone, and leaves 4e-13 of 4.2.
    found = np.unique(np.round(strength / IN_DISC, 11) + 0.0)
    np.testing.assert_allclose(found, np.sort(TABLE_ARMS), atol=1e-11)


def test_eighth_arm_balances_the_others(rng):
    field = JanssonFarrarField(**ONLY["disc"])
    # The table says 2.7, from strengths that it rounds to 0.1.
    assert abs(field.arm_strengths[7] - 2.7) < 0.1
    np.testing.assert_array_equal(field.arm_strengths[:7], TABLE_ARMS[:7])
    # Published parts of a circle, rounded to 0.001: 0.0005 times the sum of |b| is 0.007.
    parts = jnp.array([0.130, 0.165, 0.094, 0.122, 0.13, 0.118, 0.084, 0.156])
    assert abs(jnp.sum(parts * field.arm_strengths)) < 0.007
    phi = (np.arange(20000) + 0.5) * 2 * np.pi / 20000
    for r in (5500.0, 12000.0, 19000.0):
        around = np.stack([np.cos(phi), np.sin(phi), np.zeros_like(phi)], axis=1)
        outward = np.sum(np.asarray(evaluate(field, r * around)) * around, axis=1)
        # One point in 20000 at each of 8 edges, where B_r jumps by 1.5 µG or less.
        assert abs(outward.mean()) < 8 * 1.5 / 20000


def test_near_the_sun():
    value = JanssonFarrarField()(SUN)
    # Between 1 and 2 µG, within 15° of l = 90° (+y), some of it to the north.
    assert 1 < jnp.linalg.norm(value) < 2
    assert np.degrees(np.arctan2(abs(value[0]), value[1])) < 15
    assert value[2] > 0


@pytest.mark.parametrize(("part", "flat"), [("disc", 0.02), ("halo", 1.0), ("x_field", 1.0)])
def test_parts_have_no_divergence(rng, part, flat):
    field = JanssonFarrarField(**ONLY[part])
    jacobian = jax.jit(jax.vmap(jax.jacfwd(field)))(jnp.asarray(ball(rng, flat=flat)))
    # Round-off of sums of three derivatives of up to 0.006 µG/pc.
    assert 1e-3 < jnp.max(jnp.abs(jacobian)) < 0.01
    np.testing.assert_allclose(jnp.trace(jacobian, axis1=1, axis2=2), 0, atol=4e-18)


def test_north_and_south(rng):
    points = ball(rng, num=300)
    mirrored = points * [1, 1, -1]
    disc = JanssonFarrarField(**ONLY["disc"])
    np.testing.assert_array_equal(evaluate(disc, points), evaluate(disc, mirrored))
    x_field = JanssonFarrarField(**ONLY["x_field"])
    np.testing.assert_array_equal(
        evaluate(x_field, points), evaluate(x_field, mirrored) * jnp.array([[-1.0, -1.0, 1.0]])
    )
    halo = JanssonFarrarField(**ONLY["halo"])
    inner = jnp.array([-6000.0, 0.0, 2000.0])
    # Nothing but the strengths differs that far inside both radii: 3220 / 100 e-foldings.
    np.testing.assert_allclose(
        halo(inner) / 1.4, halo(inner * jnp.array([1.0, 1.0, -1.0])) / -1.1, rtol=1e-13
    )
    outer = jnp.array([-13000.0, 0.0, 2000.0])
    # 3780 / 100 e-foldings beyond the northern radius.
    assert jnp.linalg.norm(halo(outer)) < 1e-15
    # z_0 = 5.3 kpc: e^(-2/5.3) of -1.1 is -0.754.
    np.testing.assert_allclose(halo(outer * jnp.array([1.0, 1.0, -1.0])), [0, 0.754, 0], atol=1e-3)


def test_plane_is_the_limit_from_the_north():
    field = JanssonFarrarField()
    for point in ([2000.0, 1000.0, 0.0], [-9000.0, 3000.0, 0.0]):
        near = jnp.array(point).at[2].set(1e-6)
        # 1e-6 pc times derivatives of 0.01 µG/pc at most.
        np.testing.assert_allclose(field(jnp.array(point)), field(near), atol=1e-8)


def test_x_field_rises_to_the_axis_from_its_core():
    field = JanssonFarrarField(**ONLY["x_field"])
    for radius, tangent in [(9000.0, 1.0), (4800.0, 1.0), (2400.0, 2.0), (1200.0, 4.0)]:
        value = field(jnp.array([radius, 0.0, 0.0]))
        # By hand: tan(Theta) = tan(49°) r_c / r in the core; |B| = 4.6 exp(-r/2.9 kpc).
        rise = np.tan(np.radians(49)) * tangent
        strength = 4.6 * np.exp(-radius / 2900)
        np.testing.assert_allclose(
            value, strength / np.hypot(1, rise) * np.array([1, 0, rise]), rtol=1e-13
        )
    axis = field(jnp.array([0.0, 0.0, -4800 * np.tan(np.radians(49))]))
    # Twice as wide at that height: a quarter of 4.6 µG. The axis is held at 1e-6 pc, of the 2900
    # and 4800 over which the field changes: 4e-10.
    np.testing.assert_allclose(axis, [0, 0, 4.6 / 4], rtol=4e-10)


def test_nothing_inside_1_kpc_and_outside_20_kpc(rng):
    field = JanssonFarrarField()
    inside, outside = ball(rng, 100, 0, 999), ball(rng, 100, 20001, 1e6)
    assert not jnp.any(evaluate(field, np.concatenate([inside, outside, np.zeros((1, 3))])))
    edges = np.concatenate([ball(rng, 100, 1001, 1002), ball(rng, 100, 19998, 19999)])
    assert jnp.all(jnp.linalg.norm(evaluate(field, edges), axis=1) > 0)


def test_bound_holds(rng):
    points = np.concatenate([ball(rng, 4000), ball(rng, 4000, 1001, 6000, 0.02)])
    for changes in ({}, {"ring_strength": -8.0}, {"north_strength": 30.0}, {"x_strength": -20.0}):
        field = JanssonFarrarField(**changes)
        strength = jnp.max(jnp.linalg.norm(evaluate(field, points), axis=1))
        # Parts never peak together, but no bound is four times too large.
        assert field.max_strength() / 4 < strength <= field.max_strength()


def test_derivatives_are_finite_where_definitions_change():
    field = JanssonFarrarField()
    points = [[0, 0, 0], [0, 0, 3000], [0, 0, -3000], [0, 4000, 0], [4800, 0, 0], [3000, 0, 0]]
    points += [[5000, 0, 0], [-5100, 0, 0], [-1e6, 0, 0], [0, 0, 1e6], [-8500, 0, 0]]
    for derivative in (jax.jacfwd, jax.jacrev):
        assert jnp.all(jnp.isfinite(evaluate(derivative(field), points)))


def test_derivatives_by_parameters():
    defaults = {
        "pitch": 0.2,
        "ring_strength": 0.1,
        "disc_height": 400.0,
        "disc_width": 270.0,
        "north_strength": 1.4,
        "south_strength": -1.1,
        "north_radius": 9220.0,
        "south_radius": 16700.0,
        "halo_width": 200.0,
        "halo_height": 5300.0,
        "x_strength": 4.6,
        "x_elevation": 0.85,
        "x_core": 4800.0,
        "x_radius": 2900.0,
    }
    names, values = list(defaults), jnp.array(list(defaults.values()))
    points = [[-8500, 0, 100], [-4000, 500, 300], [-9200, 500, 900], [2000, 16600, -900]]
    points += [[-14000, 2000, 80]]  # the eighth arm, which the pitch balances

    @jax.jit
    def value(scale):
        settings = dict(zip(names, scale * values, strict=True))
        return jax.vmap(JanssonFarrarField(**settings))(jnp.array(points, dtype=float))

    one, step = jnp.ones(len(names)), 1e-5
    jacobian = jax.jacfwd(value)(one)
    for i in range(len(names)):
        change = step * jnp.zeros(len(names)).at[i].set(1.0)
        difference = (value(one + change) - value(one - change)) / (2 * step)
        assert jnp.max(jnp.abs(difference)) > 1e-3, names[i]
        # Third derivatives of up to (9220/100)³ times 1.4 µG times step²/6: 2e-5.
        np.testing.assert_allclose(jacobian[..., i], difference, atol=2e-5, err_msg=names[i])


def test_derivatives_by_arm_strengths_and_radii():
    point = jnp.array([-14000.0, 2000.0, 80.0])
    seven = jnp.array(TABLE_ARMS[:7])
    by_strengths = jax.jit(jax.jacfwd(lambda b: JanssonFarrarField(arm_strengths=b)(point)))
    by_seven, by_eight = by_strengths(seven), by_strengths(jnp.array(TABLE_ARMS))
    # In arm 8 only b_8 acts, and through it each of the others by minus its part of a circle.
    assert jnp.all(by_eight[:, :7] == 0)
    parts = np.diff(np.log(ARM_RADII)) / (2 * np.pi * np.tan(np.radians(11.5)))
    parts = np.append(1 - parts.sum(), parts)
    np.testing.assert_allclose(
        by_seven, -np.outer(by_eight[:, 7], parts[:7] / parts[7]), rtol=1e-12
    )
    by_radii = jax.jit(jax.jacfwd(lambda r: JanssonFarrarField(arm_radii=r)(point)))
    assert jnp.all(jnp.isfinite(by_radii(jnp.array(ARM_RADII))))
    assert jnp.any(by_radii(jnp.array(ARM_RADII)) != 0)


def test_single_precision_stays():
    field = JanssonFarrarField()
    points = jnp.asarray(ORACLE[:, :3])
    single = jax.jit(jax.vmap(field))(points.astype(jnp.float32))
    assert single.dtype == jnp.float32
    # 1e-7 of some 10 in the exponents of the transitions, times 4 µG.
    np.testing.assert_allclose(single, evaluate(field, points), atol=4e-6)
    assert field.lattice() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halo_width": 0.0}, "halo_width: expected a positive length, got 0"),
        ({"x_core": -1.0}, "x_core: expected a positive length"),
        ({"pitch": 11.5}, "pitch: expected an angle between 0 and pi/2, got 11.5"),
        ({"pitch": -0.2}, "pitch: expected an angle between 0"),
        ({"x_elevation": 0.0}, "x_elevation: expected an angle between 0"),
        (
            {"arm_strengths": (1.0, 2.0)},
            r"arm_strengths: expected shape \(7,\) or shape \(8,\)",
        ),
        ({"arm_radii": ARM_RADII[:7]}, r"arm_radii: expected shape \(8,\)"),
        ({"arm_radii": ARM_RADII[::-1]}, "arm_radii: expected increasing radii, the last less"),
        ({"pitch": 0.1}, "arm_radii: expected increasing radii, the last less than 1.88 times"),
    ],
)
def test_rejects_what_is_no_galaxy(changes, message):
    with pytest.raises(ValueError, match="JanssonFarrarField: " + message):
        JanssonFarrarField(**changes)

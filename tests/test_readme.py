"""README: its commands are the ones that run, its code runs, and its claims of files hold."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_first_screen_has_exactly_two_one_line_commands():
    commands = [block.strip() for block in _blocks("sh")]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert commands[0].endswith("jaxcr fit")


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()
    assert script[-1] == _blocks("sh")[1].strip()


def test_the_example_runs_and_its_gradient_is_the_difference_quotient():
    namespace = {}
    exec(_blocks("python")[0], namespace)
    log_c_1 = namespace["log_c_1"]
    step = 1e-5
    quotient = (log_c_1(2 + step) - log_c_1(2 - step)) / (2 * step)
    # Trilinear fields have kinks at cell faces: an orbit that crosses one between the two
    # points contributes an error of the order of the step, 1e-5 times the slope's jump.
    np.testing.assert_allclose(namespace["slope"], quotient, rtol=1e-3)


def test_every_linked_file_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target

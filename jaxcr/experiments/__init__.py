"""Experiments: published results computed again, with a verdict on each statement."""

from jaxcr.experiments.experiment import DEFAULT, FULL, QUICK, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.registry import EXPERIMENTS, select
from jaxcr.experiments.verdicts import answer, verdict_lines, verdict_table

__all__ = [
    "DEFAULT",
    "EXPERIMENTS",
    "FULL",
    "QUICK",
    "Experiment",
    "Outcome",
    "Size",
    "Verdict",
    "answer",
    "select",
    "verdict_lines",
    "verdict_table",
]

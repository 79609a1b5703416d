"""``ontogym infer-rule``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from ontogym.cli.long_run import LongRun
from ontogym.cli.options import print_table
from ontogym.runs import runs_folder, stoppable
from ontogym.studies.rule_inference.config import InferenceConfig

__all__ = ["InferRule"]

ENV = "ontogym/DeNovoChoice-v0"
LIVES = 40


@dataclass(frozen=True)
class InferRule(LongRun):
    """Infer a learning rule from the choices of learning animals (arXiv 2509.04661).

    Fits networks and parametric rules with animals held out, says how well each predicts them, what the inferred rule
    does after right and wrong choices and whether the data can tell, draws it, and lets an agent live by it.

    Attributes:
        out: folder of the run; runs/infer-RULE or runs/infer-FILE if not given.
        resume: go on with the run in that folder; a model can be added.
    """

    config: Annotated[InferenceConfig, tyro.conf.arg(name="")] = field(default_factory=InferenceConfig)
    sources: ClassVar[tuple[str, ...]] = ("2509.04661", "1804.11188")
    out: str | None = None
    resume: bool = False

    def work(self) -> dict[str, Any]:
        """Infer, print the tables, draw the picture; returns what was found."""
        self.config.check()
        out = Path(self.out or runs_folder(f"infer-{self.config.source}"))
        result = self._inferred(out)
        result |= {
            "config": asdict(self.config),
            "out": str(out),
            "plugged_in": _lives(out / "rule.safetensors"),
        }
        return _finish({**result, "bibtex": self.cited()}, out)

    def _inferred(self, out: Path) -> dict[str, Any]:
        """The inference; an interrupt says how to go on."""
        from ontogym.studies.rule_inference.run import infer_rule

        with stoppable(out):
            return infer_rule(self.config, out, resume=self.resume, progress=True)


def _lives(path: Path) -> dict[str, Any]:
    """Correct trials of agents that live by the inferred rule, and by an untrained network."""
    import numpy as np

    from ontogym.baselines.lives.life import LifeSpec, make_agent, reevaluate

    found: dict[str, Any] = {"env": ENV, "lives": LIVES, "rule": str(path)}
    for name, options in (("inferred", {"rule_path": str(path)}), ("untrained", {})):
        agent = make_agent("logistic", ENV, None, options)
        # All begin as newcomers that know nothing.
        summary = reevaluate(agent, np.zeros(agent.genome_size), LifeSpec(ENV, episodes=1), LIVES, 0, name)
        found[name] = {key: summary[key] for key in ("mean", "ci95")}
    return found


def _finish(result: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write result.json and the picture, print the tables; returns what ``--json`` prints."""
    from ontogym.checkpoint import write_json
    from ontogym.figures.style import save_figure
    from ontogym.studies.rule_inference.figure import inference_figure
    from ontogym.studies.rule_inference.portrait_figure import portrait_figure
    from ontogym.studies.rule_inference.report import (
        asymmetry_lines,
        comparison_lines,
        held_out_rows,
        profile_rows,
        recovery_rows,
        round_trip_lines,
    )

    result["asymmetry"] = asymmetry_lines(result)
    title = f"{result['source']}: {result['animals']} animal{'s' * (result['animals'] != 1)}, {result['trials']} trials"
    picture = save_figure(inference_figure(result, title), out / "update.png")
    portrait = save_figure(portrait_figure(result, title), out / "portrait.png")
    # What is no number (the mean of no trials) is null in a file.
    write_json(out / "result.json", json.loads(json.dumps(result), parse_constant=lambda _: None))
    over = result["held_out"]["static"]["units"]
    print("\n".join(result["notes"]))
    print_table(
        f"{title}; held-out log-likelihood a trial, nats ({result['folds']} folds over {over}) [95 %]",
        ["model", "log-likelihood", "gain over static"],
        held_out_rows(result),
    )
    print("\n".join(comparison_lines(result)))
    if "truth" in result:
        columns = ["model", "change", "of weight", "of bias", "weights", "log-likelihood (true)"]
        print_table(
            "\nRecovery on new animals: correlation of inferred and true", columns, recovery_rows(result)
        )
    print_table("\nBaseline profile of REINFORCE", ["beta", "log-likelihood"], profile_rows(result))
    print("\n".join([*result["asymmetry"], *round_trip_lines(result)]))
    lives = result["plugged_in"]
    print(f"\nPlugged into an agent on {ENV}: {lives['inferred']['mean']:.0f} of 500 correct "
          f"(untrained {lives['untrained']['mean']:.0f}).")  # fmt: skip
    print(
        f"Rule: {out / 'rule.safetensors'}      Pictures: {picture}, {portrait}      CPU: {result['cpu_seconds']:.0f} s"
    )
    return {**result, "picture": str(picture), "portrait": str(portrait)}

"""The claims of arXiv 2406.09787 on LNDPs, by row."""

from __future__ import annotations

from claims import Row, against, judged, sweep, text, values

from ontogym.statistics import mean_summary, mean_text


def _score(name: str, key: str = "mean") -> list[float]:
    return values("lndp", name, "score", key)


def _density(name: str) -> str:
    return mean_text(mean_summary(values("lndp", name, "score", "diagnostics", "density")), interval=False)


def _structure(task: str, words: str, blind: float) -> Row:
    """Structural plasticity against full, fixed wiring; freezes are in the second episode of the same lives.

    `blind` is what who hears nothing earns; a task that neither learns decides nothing.
    """
    first = "score.first_episode"
    structural, fixed = (sweep("lndp-structure", task, m, first) for m in ("structural", "full-fixed"))
    found, verdict = judged(*against("lndp-structure", task, "structural", "full-fixed", first), "up")
    claim = f"Structural plasticity helps where rewards move: {words}"
    if not structural:
        return Row(claim, "up", found, "every edge, none changes", verdict)

    def mean(method: str, path: str) -> str:
        return mean_text(mean_summary(sweep("lndp-structure", task, method, path)), interval=False)

    born_full = judged(*against("lndp-structure", task, "structural-full", "full-fixed", first), "up")[0]
    if max(structural) < 1.2 * blind > max(fixed):
        verdict += f": neither learns it (blind: {blind:g})"
    half = sweep("lndp-structure", task, "half-fixed", "score.first_episode")
    told = ", ".join(mean(m, "told-clamped.first_episode") for m in ("structural", "full-fixed"))
    frozen = [mean("full-fixed", f"{e}.last_episode") for e in ("score", "weights-frozen")]
    wiring = [mean("structural", f"{e}.last_episode") for e in ("score", "weights-frozen", "wiring-frozen")]
    control = (
        f"born with every edge, that may come and go, minus fixed: {born_full}; half of the edges, fixed: {text(half)}; told a reward of 0: {told}; later with weights frozen: fixed {frozen[0]} → "
        f"{frozen[1]}, structural {wiring[0]} → {wiring[1]}, its wiring frozen → {wiring[2]}"
    )
    return Row(claim, "up", f"{found}: {text(structural)} against every edge, none of which changes, {text(fixed)}", control,
               f"{verdict}, at 60 generations of 64 and 16 nodes, with I/O identity")  # fmt: skip


def _ablations() -> list[Row]:
    """Structural plasticity where nothing changes (CartPole, 16 nodes, one fixed budget)."""
    name, claim = (
        "lndp-ablations",
        "CartPole needs structural plasticity (secondary source: it fails without)",
    )
    high, low = against(name, "CartPole", "structural", "fixed-half")
    found, verdict = judged(high, low, "up")
    others = "; ".join(
        f"{words} {judged(*against(name, 'CartPole', method, 'structural'), 'up')[0]}"
        for method, words in (("structural-from-empty", "from no edges"), ("structural-from-full", "from every edge"),
                              ("fixed-tenth", "a tenth of the edges, fixed"), ("fixed-full", "every edge, fixed"),
                              ("no-weights-change", "weights that do not change"))
    )  # fmt: skip
    full = judged(*against(name, "CartPole", "structural", "fixed-full"), "up")[1]
    paper = against(name, "CartPole", "paper", "paper-fixed-half")
    plain, decided = judged(*paper, "up")
    return [
        Row(f"{claim}: with I/O identity", "up", f"{found}: with it {text(high)}, half of the edges, fixed, {text(low)}",
            f"minus the whole agent: {others}", f"{verdict} against half of the edges; against every edge, fixed: {full}"),
        Row(f"{claim}: the paper's agent", "up", f"{plain}: with it {text(paper[0])}, half of the edges, fixed, {text(paper[1])}",
            "neither learns the task at this budget", decided),
    ]  # fmt: skip


def _spontaneous(task: str, words: str) -> Row:
    """The first episode after spontaneous activity, against none."""
    first = "score.first_episode"
    found, verdict = judged(*against("lndp-spontaneous", task, "ou-100", "none", first), "up")
    others = "; ".join(
        f"{name} {judged(*against('lndp-spontaneous', task, m, 'none', first), 'up')[0]}"
        for m, name in (("ou-10", "10 steps"), ("ou-30", "30"), ("ou-300", "300"), ("waves-100", "waves"), ("noise-100", "noise"),
                        ("silence-100", "silence"), ("ou-100-then-frozen", "developed, then frozen"))
    )  # fmt: skip
    frozen, none = "ou-100-then-frozen", text(sweep("lndp-spontaneous", task, "none", first))
    shuffled = [
        text(sweep("lndp-spontaneous", task, frozen, f"{e}.first_episode")) for e in ("score", "shuffled")
    ]
    return Row(f"Spontaneous activity gives a better start: first episode, {words}", "up", f"{found}: none {none}",
               f"minus none: {others}; developed and frozen {shuffled[0]}, its edges elsewhere {shuffled[1]}", verdict)  # fmt: skip


def _transfer() -> list[Row]:
    """A program evolved on one task and then on another, against one from the start and one that is evolved as long."""
    rows = []
    for task in ("CartPole", "Acrobot", "Foraging"):
        for source in ("CartPole", "Acrobot", "Foraging"):
            if source == task:
                continue
            method = f"from-{source.lower()}"
            found, verdict = judged(*against("lndp-transfer", task, method, "from-the-start"), "up")
            own = text(sweep("lndp-transfer", task, method, "score.mean"))
            longer = judged(*against("lndp-transfer", task, method, "as-long"), "up")[0]
            words = {"stands": "it helps", "contradicted": "it hinders"}
            verdict = next(
                (f"{new}{verdict[len(old) :]}" for old, new in words.items() if verdict.startswith(old)),
                verdict,
            )
            rows.append(Row(f"One program transfers between tasks: {source} → {task}, without I/O identity", "open question", f"{found}: {own}",
                            f"minus one evolved on it as long as both: {longer}", verdict))  # fmt: skip
    return rows


def _cost() -> list[Row]:
    """Score at density, by wiring cost."""
    rows = []
    for task in ("CartPole", "Acrobot", "Foraging", "RewardOnly", "Switch"):
        points = []
        for method in ("cost-0", "cost-50", "cost-150", "cost-400"):
            scores, dense = (
                sweep("lndp-cost", task, method, f"score.{p}") for p in ("mean", "diagnostics.density")
            )
            if scores:
                score, density = (mean_text(mean_summary(v), interval=False) for v in (scores, dense))
                points.append(f"{method[5:]}: {score} at {density} ({len(scores)} seeds)")
        if not points:
            continue
        lost = {
            what: sweep("lndp-cost", task, "cost-50", f"{what}-frozen.frozen.difference")
            for what in ("wiring", "weights")
        }
        frozen = [f"{what} {mean_text(mean_summary(found))}" for what, found in lost.items() if found]
        rows.append(Row(f"A wiring cost: score at density, {task}", "–", "; ".join(points),
                        f"at 50, frozen in a second episode: {', '.join(frozen)}" if frozen else "–",
                        "a front, no claim"))  # fmt: skip
    return rows or [Row("A wiring cost: score at density", "–", "not run", "–", "not decided")]


def _scale() -> Row:
    """Ten inputs and five actions, against a perceptron."""
    own, other = against("lndp-scale", "SharedForaging", "lndp", "mlp")
    found = judged(own, other, "up")[0]
    pairs = sweep("lndp-scale", "SharedForaging", "lndp-routes", "score.mean")
    return Row("It scales to larger tasks: shared foraging, ten inputs, 24 nodes", "open question",
               f"{text(own)}; edges that hear pairs of nodes, weights that decay {text(pairs)}",
               f"the first minus an evolved perceptron in a quarter of the time {found}; that perceptron {text(other)}",
               f"better, not well ({len(own)} seeds only)" if own else "not decided")  # fmt: skip


def lndp() -> list[Row]:
    """arXiv 2406.09787."""
    rows = []
    for task, words, published in (("cartpole", "CartPole", "solved"), ("acrobot", "Acrobot", "solved"),
                                   ("pendulum", "Pendulum", "near the optimum"), ("foraging", "Foraging", "500")):  # fmt: skip
        clamped = [mean_text(mean_summary(values("lndp", f"{task}-{kind}", "control", "mean")), interval=False)
                   for kind in ("plain", "identity")]  # fmt: skip
        short = "not decided: the paper's own agent had 1 % of its search; with I/O identity, a departure, it"
        own = {
            "foraging": "learned from reward (3 seeds only), not solved: 490 is the best, at 60 generations",
            "pendulum": f"{short} is far better than random, and not near the optimum",
        }.get(task, f"{short} stands")
        rows.append(Row(f"{words} is solved", f"{published}, 10 000 generations of 256",
                        f"the paper's agent {text(_score(f'{task}-plain'))}; with I/O identity {text(_score(f'{task}-identity'))}",
                        f"told a reward of 0: {clamped[0]}; {clamped[1]}", own))  # fmt: skip
    rows += [
        _structure("Switch10", "food that moves after one trial in ten", 104.0),
        _structure("Switch50", "after every other trial", 83.0),
        _structure("RewardOnly10", "one in ten, only the reward tells", 250.0),
    ]
    rows += _ablations()
    rows.append(Row("Pendulum only with structural plasticity from an empty start (secondary source)", "–", "not run",
                    "–", "not decided"))  # fmt: skip
    ends = ", ".join(_density(f"{task}-identity") for task in ("cartpole", "foraging", "acrobot", "pendulum"))
    rows.append(Row("Densities at the end: CartPole, Foraging, Acrobot, Pendulum (secondary source)", ".79, .72, .69, .24",
                    f"{ends} (3 seeds)", "–", "CartPole and Acrobot alike, the others grow to every edge"))  # fmt: skip
    rows += [
        _spontaneous(task, words)
        for task, words in (("CartPole", "CartPole"), ("RewardOnly", "reward-only foraging"))
    ]  # fmt: skip
    with_, without = (values("lndp", f"cartpole-{n}", "score", "diagnostics", "node_diversity") for n in
                      ("identity", "no-transformer"))  # fmt: skip
    found, verdict = judged(with_, without, "up")
    rows.append(
        Row(
            "The graph transformer keeps node states apart (CartPole)",
            "up",
            found,
            f"without it {text(without)}",
            verdict,
        )
    )
    rows += [
        *_transfer(),
        _scale(),
        *_cost(),
    ]
    return rows

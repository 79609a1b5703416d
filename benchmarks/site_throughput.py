"""Time to build the leaderboard's site, and for its first page to open in Chromium.

    python benchmarks/site_throughput.py [--submissions 1000] [--films 10] [--opens 5] [--json]

- Building the pages of that many submissions (six suites of four tasks, five seeds a cell) with every film kept
  from an earlier build, as a rebuild finds them.
- Making one film: an evolved LNDP's life on CartPole, of which a first build needs one per verified agent and task.
  (Here all LNDPs share their weights, so that the first build makes one film and reads it for the others.)
- Opening the first page and the largest agent's page in headless Chromium, from a file, in a new tab: navigation
  start to the end of the load event, and to the first paint after it (two animation frames). Needs Chromium and
  its driver (Debian: chromium, chromium-driver) and Selenium.

Times are by the clock. Targets: built in under 20 s, open in under 1 s.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from ontogym.baselines.evolution.agent_files import load_agent
from ontogym.leaderboard.players import Player
from ontogym.leaderboard.site import build_site, filming
from ontogym.leaderboard.site.networks import FilmedLife, film_life
from tests.leaderboard.boards import make_board
from tests.leaderboard.browser import chromium, why_no_browser

BUILD_TARGET, OPEN_TARGET = 20.0, 1.0
SUITES, TASKS, SEEDS = 6, 4, 5


def a_board(submissions: int, store: Path) -> Any:
    """A board of about that many submissions, a third of its agents LNDPs that can be filmed."""
    suites = {f"suite {s}": [f"Task{s}{t}-v0" for t in range(TASKS)] for s in range(SUITES)}
    tasks = {
        task: {"env": "ontogym/CartPole-v1", "episodes": 3, "random": 22.0, "optimal": 500.0}
        for names in suites.values()
        for task in names
    }
    count = math.ceil(submissions / (SUITES * TASKS * SEEDS))
    agents = {f"Agent {k}": ("lndp", "ppo", "dqn")[k % 3] for k in range(count)}
    board = make_board(agents, suites, SEEDS, tasks=tasks, store=store)
    saved = Path(load_agent.__code__.co_filename).parents[1] / "zoo" / "lndp-cartpole.safetensors"
    for entry in board.entries:
        entry.path.mkdir(parents=True)
        if entry.agent_type == "lndp":
            entry.manifest["agent"]["options"] = load_agent("zoo:lndp-cartpole").options
            shutil.copy(saved, entry.path / "weights.safetensors")
    return board


def evolved(_: Any) -> Player:
    """The one agent that all made-up submissions hold."""
    saved = load_agent("zoo:lndp-cartpole")
    return Player(saved.build(), saved.genome)


def film_seconds(count: int) -> float:
    """Seconds for one film, once everything is compiled."""
    saved = load_agent("zoo:lndp-cartpole")
    agent, life = saved.build(), FilmedLife(saved.env, saved.env_kwargs, 3)
    film_life(agent, saved.genome, life)
    start = time.perf_counter()
    for _ in range(count):
        film_life(agent, saved.genome, life)
    return (time.perf_counter() - start) / count


def open_seconds(page: Path, opens: int) -> dict[str, float]:
    """Median seconds until the page has loaded and until it has been painted, in a fresh browser each time."""
    loaded, painted = [], []
    painting = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));"
    for _ in range(opens):
        with chromium() as browser:
            browser.get("about:blank")
            browser.set_script_timeout(60)
            browser.get(page.resolve().as_uri())
            painted.append(browser.execute_async_script(painting) / 1000)
            loaded.append(
                browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
                / 1000
            )
    return {"load": sorted(loaded)[opens // 2], "paint": sorted(painted)[opens // 2]}


def measure(submissions: int, films: int, opens: int) -> dict[str, Any]:
    """All figures."""
    filming._player = evolved  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        store, out = Path(folder, "results"), Path(folder, "site")
        board = a_board(submissions, store)
        found: dict[str, Any] = {"submissions": len(board.entries), "film_s": film_seconds(films)}
        start = time.perf_counter()
        report = build_site(board, out, store)
        found |= {"first_build_s": time.perf_counter() - start, "films_made": report.films_made}
        start = time.perf_counter()
        report = build_site(board, out, store)
        found |= {"rebuild_s": time.perf_counter() - start, "films_made_again": report.films_made}
        start = time.perf_counter()
        build_site(board, Path(folder, "plain"), store, animations=False)
        found["build_without_films_s"] = time.perf_counter() - start
        agent = max((out / "agents").iterdir(), key=lambda path: path.stat().st_size)
        found["index_kib"] = (out / "index.html").stat().st_size / 1024
        found["agent_kib"] = agent.stat().st_size / 1024
        found["site_mib"] = sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) / 2**20
        missing = why_no_browser()
        if missing:
            print(f"No page was opened: {missing}.", file=sys.stderr)
        else:
            found["open_index_s"] = open_seconds(out / "index.html", opens)
            found["open_agent_s"] = open_seconds(agent, opens)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--films", type=int, default=10)
    parser.add_argument("--opens", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.submissions, options.films, options.opens)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")
    print(f"targets: build {BUILD_TARGET:.0f} s, open {OPEN_TARGET:.0f} s")


if __name__ == "__main__":
    main()

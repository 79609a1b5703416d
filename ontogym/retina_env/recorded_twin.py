"""A twin of a real retina: fitted to a session that was recorded, instead of to a simulated animal."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ontogym.retina_env.forward_model import ForwardModel
from ontogym.retina_env.images.goldin import read_goldin
from ontogym.retina_env.measures import neuronal_reliability
from ontogym.retina_env.twin_fit import FitConfig, fit
from ontogym.retina_env.twins import load_twin, save_twin

__all__ = ["fit_recording"]


def fit_recording(
    session: Path | str,
    out: Path | str,
    config: FitConfig | None = None,
    resume: bool = False,
    size: int = 108,
) -> ForwardModel:
    """Fit a twin to the training images of a session of Goldin et al. (2022), test it on its test images, write it.

    Args:
        session: the ``.h5`` file (`read_goldin`).
        out: where the twin goes (``.safetensors``; its facts also go to a ``.json`` beside it). While it is being fitted,
            a ``.fit`` file stands there.
        config: how to fit.
        resume: go on with a fit that was interrupted.
        size: side of the session's images, pixels.

    Returns:
        The twin, in eval mode and frozen. It sees luminance from 0 to 1 (`GoldinSession.luminance`); ``twin.facts`` says
        what it is worth: ``r2_median`` over cells on the test images, ``r2_ceiling_median`` of half of the repeats with
        the other half, where the session has repeats.
    """
    start, path = time.process_time(), Path(out)
    state = path.with_suffix(".fit")
    found, config = read_goldin(session, size), config or FitConfig()
    images, test = found.luminance
    done = fit(images, found.train_responses, None, config, state, resume)
    r2 = neuronal_reliability(done.twin.rates(test), found.test_responses)
    ceiling = None
    if found.repeats is not None and found.repeats.shape[1] > 1:
        halves = (found.repeats[:, k::2].mean(1).T for k in (0, 1))
        ceiling = round(float(np.median(neuronal_reliability(*halves))), 4)
    done.twin.facts = {
        "what": f"twin of the recording {Path(session).name}",
        "held_out_images": len(test),
        "r2_median": round(float(np.median(r2)), 4),
        "r2_ceiling_median": ceiling,
        "epochs": len(done.history),
        "cpu_seconds": round(time.process_time() - start, 1),
        "config": {**asdict(config), "fractions": list(config.fractions)},
        "torch": str(torch.__version__),
    }
    save_twin(path, done.twin)
    state.unlink(missing_ok=True)
    return load_twin(path)

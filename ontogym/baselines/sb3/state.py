"""The whole state of a training as arrays and JSON: weights, optimisers, replay buffer, normalisation statistics.

What it leaves out, environments and generators of random numbers, starts afresh from the seed of its segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontogym.errors import OntogymError

__all__ = ["collect", "policy_tensors", "restore"]

_COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_n_calls")
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def policy_tensors(model: Any) -> dict[str, NDArray[Any]]:
    """The policy's state_dict and, if there are any, the statistics of normalisation."""
    tensors = {name: value.cpu().numpy().copy() for name, value in model.policy.state_dict().items()}
    normaliser = model.get_vec_normalize_env()
    if normaliser is not None:
        tensors |= _moments("normalisation", normaliser.obs_rms)
    return tensors


def _moments(name: str, rms: Any) -> dict[str, NDArray[Any]]:
    return {
        f"{name}.{part}": np.array(getattr(rms, part), dtype=np.float64) for part in ("mean", "var", "count")
    }


def collect(model: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and JSON-able facts from which `restore` makes another model of the same settings go on."""
    arrays = {f"policy/{name}": value for name, value in policy_tensors(model).items()}
    meta: dict[str, Any] = {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)}
    meta["optimisers"] = {}
    names, variables = model._get_torch_save_params()
    for name in names:
        if name == "policy":
            continue
        state = model.get_parameters()[name]
        meta["optimisers"][name] = {"param_groups": state["param_groups"], "scalars": {}}
        for row, values in state["state"].items():
            for key, value in values.items():
                if hasattr(value, "cpu"):
                    arrays[f"optimiser/{name}/{row}/{key}"] = value.cpu().numpy().copy()
                else:
                    meta["optimisers"][name]["scalars"][f"{row}/{key}"] = value
    for name in variables:
        arrays[f"variable/{name}"] = getattr(model, name).detach().cpu().numpy().copy()
    normaliser = model.get_vec_normalize_env()
    if normaliser is not None:
        arrays |= _moments("returns", normaliser.ret_rms)
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        filled = buffer.buffer_size if buffer.full else buffer.pos
        meta["buffer"] = {"pos": int(buffer.pos), "full": bool(buffer.full)}
        arrays |= {f"buffer/{name}": values[:filled] for name, values in _stored(buffer).items()}
    return arrays, meta


def _stored(buffer: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a replay buffer by name; of dictionaries of observations each part is one."""
    found: dict[str, NDArray[Any]] = {}
    for name in _BUFFER:
        values = getattr(buffer, name)
        found |= (
            {f"{name}/{key}": v for key, v in values.items()} if isinstance(values, dict) else {name: values}
        )
    return found


def restore(model: Any, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Put a state that `collect` made into a fresh model of the same settings.

    Raises:
        OntogymError: the state is that of another model.
    """
    try:
        _restore(model, arrays, meta)
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise OntogymError(
            f"The checkpoint does not fit this training ({error}); it is damaged, or from another version of SB3."
        ) from error


def _restore(model: Any, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    import torch

    def part(prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}

    policy = part("policy/")
    weights = {n: torch.tensor(v) for n, v in policy.items() if not n.startswith("normalisation.")}
    parameters: dict[str, Any] = {"policy": weights}
    for name, facts in meta["optimisers"].items():
        state: dict[int, dict[str, Any]] = {}
        for key, value in part(f"optimiser/{name}/").items():
            row, _, what = key.partition("/")
            state.setdefault(int(row), {})[what] = torch.tensor(value)
        for key, value in facts["scalars"].items():
            row, _, what = key.partition("/")
            state.setdefault(int(row), {})[what] = value
        parameters[name] = {"state": state, "param_groups": facts["param_groups"]}
    model.set_parameters(parameters, exact_match=True)
    for name, value in part("variable/").items():
        getattr(model, name).data.copy_(torch.tensor(value))
    for name in _COUNTERS:
        if name in meta:
            setattr(model, name, meta[name])
    normaliser = model.get_vec_normalize_env()
    if normaliser is not None:
        for name, rms in (("policy/normalisation", normaliser.obs_rms), ("returns", normaliser.ret_rms)):
            rms.mean, rms.var = arrays[f"{name}.mean"].copy(), arrays[f"{name}.var"].copy()
            rms.count = float(arrays[f"{name}.count"])
    if "buffer" in meta:
        stored = _stored(model.replay_buffer)
        for name, values in part("buffer/").items():
            stored[name][: len(values)] = values
        model.replay_buffer.pos, model.replay_buffer.full = meta["buffer"]["pos"], meta["buffer"]["full"]

"""Networks on disk: safetensors with a JSON header that says what to build; never pickle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ontogym import checkpoint
from ontogym.developmental.feature_extractors.networks import build_network
from ontogym.errors import OntogymError

__all__ = ["SavedNetwork", "load_network", "save_network"]

NETWORK = "network.safetensors"


@dataclass(frozen=True)
class SavedNetwork:
    """A network and what is known about it.

    Attributes:
        network: on the CPU, in evaluation mode.
        facts: what it is (``network``, ``classes``, ``channels``, ``small_stem``) and how it came about
            (``training``: the configuration, ``data``: name of the image set, ``input_size``: pixels before the crop).
        path: where it was read from.
        digest: a hash of the weights.
    """

    network: nn.Module
    facts: dict[str, Any]
    path: str
    digest: str


def save_network(path: Path | str, network: nn.Module, facts: dict[str, Any]) -> None:
    """Write the weights, atomically; `facts` must hold what `SavedNetwork.facts` lists first."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    checkpoint.save(path, "network", arrays, facts)


def load_network(path: Path | str) -> SavedNetwork:
    """The network of a run folder, or of a file that `save_network` wrote.

    Raises:
        OntogymError: there is none, or the file is damaged or no network.
    """
    path = Path(path)
    file = path / NETWORK if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        hint = (
            "resume its training, if it is not finished, or give the folder of another pretrain or finetune"
        )
        raise OntogymError(f"There is no {NETWORK} in {path}; {hint}.")
    arrays, facts = checkpoint.load(file, "network")
    try:
        # On the meta device nothing is allocated, whatever sizes a hostile header names.
        with torch.device("meta"):
            network = build_network(
                str(facts["network"]),
                int(facts["classes"]),
                int(facts["channels"]),
                bool(facts["small_stem"]),
            )
        network.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()}, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise OntogymError(
            f"{file} does not hold the network that its header describes ({first})."
        ) from error
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    found = hashlib.blake2b(digest_size=8)
    for name in sorted(arrays):
        found.update(name.encode() + arrays[name].tobytes())
    return SavedNetwork(network.eval(), facts, str(path), found.hexdigest())

"""Loads a checkpoint as the settings say; the first module that imports torch."""

import warnings
from typing import Any

from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.tensors import torch
from voice_agent.settings import ChatterboxSettings


def load_model(
    files: CheckpointFiles, settings: ChatterboxSettings, *, device: str, precision: str
) -> ChatterboxModel:
    """The model, with its CUDA graphs where there is CUDA.

    Raises:
        EngineUnavailable: The weights do not fit.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    options = ModelOptions(
        device=device,
        precision=precision,
        slots=settings.slots,
        prompt_s=settings.prompt_s,
        flow_steps=settings.flow_steps,
        first_flow_steps=settings.first_flow_steps,
    )
    with warnings.catch_warnings(), torch.inference_mode():
        # of the stock package about what it imports
        warnings.simplefilter("ignore")
        model = ChatterboxModel(files, options)
        model.capture()
    return model


def inference_mode() -> Any:
    """What the owner's thread runs in: nothing is kept for gradients."""
    return torch.inference_mode()

"""What the engine and its workers agree on."""

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

MODEL = "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
"""Where it lies in the package `pipecat`."""
INPUT_SAMPLES = 8 * ASR_SAMPLE_RATE_HZ
"""What it looks at: the last 8 s, at 16 kHz."""
COMPLETE_ABOVE = 0.5
"""Probability above which a turn counts as complete; the model's own threshold."""

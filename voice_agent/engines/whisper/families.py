"""Which windows are safe for which family of models.

Measured with `make windows` (benchmarks/results/windows.md), on prompts that people recorded
for the telephone, and with `make recognition` at many sessions: the shortest window at which one
retry in the full window makes up for the loops that are left, and the word error rate is that
of 30 s. `small` and larger could not be had where this was measured; theirs are nearly twice as
long, which is a guess on the safe side: larger models loop less. `voice-agent eval-window`
measures any model.
"""

from dataclasses import dataclass

from voice_agent.engines.whisper.window import FULL, WindowRule
from voice_agent.settings.asr import WindowLength


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is known of models that were trained in the same way.

    Attributes:
        name: As its authors call it.
        window: Safe for finals and for partials.
        timestamps: Whether the model is to say times as well: some then end when they should.
        measured: Whether this was measured, or is a guess.
    """

    name: str
    window: WindowRule
    timestamps: bool = False
    measured: bool = False


_GUESSED = WindowRule(least_s=15, after_s=2)
_MEASURED = WindowRule(least_s=8, after_s=2)

# by the width of the encoder, and whether the model knows more than English
_FAMILIES = {
    (384, True): Family(name="tiny", window=_GUESSED),
    (384, False): Family(name="tiny.en", window=_MEASURED, timestamps=True, measured=True),
    (512, True): Family(name="base", window=_MEASURED, measured=True),
    (512, False): Family(name="base.en", window=_GUESSED),
    (768, True): Family(name="small", window=_GUESSED),
    (768, False): Family(name="small.en", window=_GUESSED),
    (1024, True): Family(name="medium", window=_GUESSED),
    (1024, False): Family(name="medium.en", window=_GUESSED),
    (1280, True): Family(name="large", window=_GUESSED),
}
# Smaller than any that was published: models for tests, trained on short windows
# (tests/assets/whisper-micro/README.md).
_SMALLEST_WIDTH = 384
_MICRO = Family(name="micro", window=WindowRule(least_s=3, after_s=1), measured=True)
_UNKNOWN = Family(name="unknown", window=FULL)


def family_of(width: int, *, multilingual: bool) -> Family:
    """The family of a model, told by its weights and not by the name of its folder.

    Args:
        width: Size of the encoder's states.
        multilingual: Whether it knows more than English.
    """
    if width < _SMALLEST_WIDTH:
        return _MICRO
    return _FAMILIES.get((width, multilingual), _UNKNOWN)


def window_rule(wanted: WindowLength, family: Family) -> WindowRule:
    """What a setting means for the models of a family."""
    if wanted == "auto":
        return family.window
    if wanted == "full":
        return FULL
    return WindowRule(least_s=wanted, after_s=min(family.window.after_s, wanted))

"""Speech services that the agent uses in other processes."""

from pydantic import Field

from voice_agent.settings.group import Group, Positive


class RemoteSettings(Group):
    """An agent that hears or speaks through services (`asr.engine` or `tts.engine` is `remote`)."""

    share_engines: bool = True
    """`voice-agent up`: the agent uses the ASR and TTS services beside it, so that each model is
    loaded once. If false, it loads engines of its own."""
    filler_after_ms: int = Field(default=700, ge=100, le=10_000)
    """When a service has been away for so long in a turn or an answer, `conversation.filler` is
    heard, once."""
    give_up_s: Positive = 15.0
    """When a service is away for longer, `conversation.apology` is heard, and a telephone call
    ends."""
    transfer_to: str = Field(default="", pattern=r"^(\+?[0-9]{3,15}|sip:[\w.+@:-]{3,200})?$")
    """Number or SIP address that a telephone call is transferred to then; empty hangs up."""
    max_kept_audio_s: Positive = 60.0
    """What a caller says while the ASR service is away is kept up to this length; the oldest of
    more is lost."""

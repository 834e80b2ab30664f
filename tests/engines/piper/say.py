"""What is needed to have the model say something."""

from voice_agent.engines.base import Priority, SpeakJob
from voice_agent.engines.espeak.questions import Phonemes
from voice_agent.engines.piper.coding import coded
from voice_agent.engines.piper.config import VoiceConfig
from voice_agent.engines.piper.model import Manner
from voice_agent.engines.piper.rendering import Work

HELLO = Phonemes(
    ipa="həlˈoʊ, haʊ kæn aɪ hˈɛlp juː tədˈeɪ?",  # noqa: RUF001 (these are the phonemes)
    words=((0, 6), (7, 10), (11, 14), (15, 16), (17, 21), (22, 25), (26, 32)),
    owners=(
        *(0,) * 6, *(-1,) * 2, *(1,) * 3, -1, *(2,) * 3, -1, *(3,) * 2, -1, *(4,) * 5, -1,
        *(5,) * 3, -1, *(6,) * 6, -1,
    ),
    ends_sentence=True,
)  # fmt: skip
"""What espeak-ng says of `Hello, how can I help you today?`."""

HELLO_TEXT = "Hello, how can I help you today?"
STILL = Manner(noise_scale=0, noise_w=0)
"""Without noise: the same each time, whoever draws."""


def hello(voice: VoiceConfig, manner: Manner = STILL, seed: int = 0, times: int = 1) -> Work:
    """`HELLO_TEXT`, or so many times as many of its phonemes."""
    code = coded(HELLO, voice.phonemes)
    ids = [*list(code.ids[:-1]) * times, code.ids[-1]]
    owners = [*list(code.owners[:-1]) * times, -1]
    return Work(
        text=HELLO_TEXT, words=HELLO.words, ids=ids, owners=owners, manner=manner, seed=seed
    )


def job(
    text: str,
    session_id: str = "caller",
    *,
    voice_id: str = "default",
    language: str | None = None,
    seed: int | None = 1,
    speed: float | None = None,
    priority: Priority = Priority.INTERACTIVE,
    timeout_s: float = 60.0,  # machines that test may be busy
) -> SpeakJob:
    """A job that sounds the same each time."""
    return SpeakJob(
        session_id=session_id,
        text=text,
        voice_id=voice_id,
        language=language,
        seed=seed,
        speed=speed,
        priority=priority,
        timeout_s=timeout_s,
    )

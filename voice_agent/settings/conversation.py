"""What the agent says of its own accord, and how turns are taken."""

from pydantic import Field

from voice_agent.settings.group import Group

_BACK_CHANNELS = {
    "en": "mhm, mm, mmm, hm, hmm, mm hmm, uh huh, huh, ah, oh, i see, okay, ok, right, yes, yeah, "
    "yep, sure, got it, all right, alright, good, great, of course, exactly",
    "de": "mhm, hm, hmm, aha, ah, ach so, okay, ok, ja, genau, gut, richtig, stimmt, klar, "
    "alles klar",
    "es": "mhm, ajá, ah, ya, sí, si, vale, claro, okay, ok, bien, bueno, de acuerdo, exacto",
    "fr": "mhm, hum, ah, oui, ouais, d'accord, ok, okay, bien, bien sûr, je vois, exact, voilà",
}


class ConversationSettings(Group):
    """How turns are taken, and what the agent says of its own accord; that is spoken at start."""

    greeting: str = ""
    """What a conversation begins with; empty waits for the caller."""
    filler: str = "One moment, please."
    """Said while something takes long; empty says nothing."""
    apology: str = "I am sorry, something went wrong. Please try again later."
    """Said when there is no answer to come; empty says nothing."""
    idle_prompt: str = Field(default="Are you still there?", min_length=1)
    """Said when the caller has been silent after an answer for `idle_prompt_s`."""
    idle_prompt_s: float = Field(default=0.0, ge=0)
    """Silence after an answer until the caller is reminded; 0 never reminds."""
    max_idle_prompts: int = Field(default=2, ge=0)
    """Reminders in a row; then, after as much silence again, comes the end."""
    idle_hang_up: bool = True
    """End the conversation then; if false, the agent only falls silent."""
    goodbye: str = "Goodbye."
    """Said before that; may be empty."""
    back_channels: bool = True
    """A caller's okay or mhm, and sounds that are no words, only pause an answer: it goes on
    as soon as that is known. If false, any sound of speech ends an answer."""
    back_channel_words: dict[str, list[str]] = Field(
        default_factory=lambda: {
            language: words.split(", ") for language, words in _BACK_CHANNELS.items()
        }
    )
    """Such words by language, as JSON."""
    speculative: bool = False
    """Ask the language model at a pause after which the caller may go on, and throw its answer
    away if so: answers come sooner where silence has to end a turn, and more of them are paid."""

    @property
    def phrases(self) -> dict[str, str]:
        """What is said again and again, by name."""
        return {
            "greeting": self.greeting,
            "filler": self.filler,
            "apology": self.apology,
            "idle_prompt": self.idle_prompt if self.idle_prompt_s else "",
            "goodbye": self.goodbye if self.idle_prompt_s else "",
        }

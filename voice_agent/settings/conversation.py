"""What the agent says of its own accord, and how turns are taken."""

from voice_agent.settings.group import Group


class ConversationSettings(Group):
    """What the agent says of its own accord. Each phrase is spoken once, at start, and kept."""

    greeting: str = ""
    """What a conversation begins with; empty waits for the caller."""
    filler: str = "One moment, please."
    """Said while something takes long; empty says nothing."""
    apology: str = "I am sorry, something went wrong. Please try again later."
    """Said when there is no answer to come; empty says nothing."""

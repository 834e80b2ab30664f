"""``python -m voice_agent.cli``."""

from voice_agent.cli.main import app

app()

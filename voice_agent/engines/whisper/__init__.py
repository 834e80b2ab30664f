"""faster-whisper: one model for all sessions, their jobs decoded together."""

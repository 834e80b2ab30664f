"""Voices registered from a clip: read, kept on disk, shared by every session."""

"""Makes the small Whisper that tests listen with; see tests/assets/whisper-micro/README.md."""

"""Text as it is written becomes text that can be spoken: pure, bounded, with a map back."""

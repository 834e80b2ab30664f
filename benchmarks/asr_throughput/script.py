"""What the models of the benchmarks say."""

SCRIPT = "please open the window and close the door now thanks"
"""Ten tokens: about three a second of an utterance, as in fast speech."""

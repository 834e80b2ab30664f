"""Smart Turn: says from the sound whether a caller has finished. Comes with pipecat-ai."""

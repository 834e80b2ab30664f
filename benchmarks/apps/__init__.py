"""Services that are measured: ours with a scripted recogniser, and Pipecat's stock parts."""

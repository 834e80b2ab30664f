"""How well turn ends are found: false cut-offs against latency, as LiveKit's eot-bench counts."""

"""Chatterbox for many voices at once: our own batched streaming engine over its checkpoints.

What a module here needs of torch it takes from `tensors`, and only `speaker`, once it loads,
imports such a module: whoever merely asks whether the engine could run pays nothing.
"""

"""Whisper checkpoints with the true shapes and random weights, for where no hub is.

``python -m benchmarks.random_whisper SIZE FOLDER [--script TEXT] [--quantization int8]``

Sizes of layers, vocabulary, special tokens, mel bands and the layout of the files are those
of Whisper, so loading, memory, time, threads, batches and every path of the code are real.
What the model says is noise, unless it is given a script: then it says that text to any
audio, through the whole real path. Neither torch nor transformers is needed.

Tests call `build` with the size `micro` and the vocabulary `small` or `english`: a tenth of
a second and no network. All else is for benchmarks: the vocabulary `real` comes from a
package index once, and the larger sizes take up to a minute and 7 GB.
"""

from benchmarks.random_whisper.checkpoint import SIZES, build

__all__ = ["SIZES", "build"]

"""ONNX sessions on models that other packages bring."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice_agent.errors import EngineUnavailable


def bundled_model(package: str, relative: str) -> Path:
    """Path of a model file inside an installed package, which is not imported.

    Raises:
        EngineUnavailable: The package or the file is missing.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(f"package {package} is not installed")
    path = Path(spec.submodule_search_locations[0]) / relative
    if not path.is_file():
        raise EngineUnavailable(f"package {package} does not hold {relative}; install it again")
    return path


def open_session(model: Path | bytes) -> Any:
    """A CPU session with one thread on a file or its bytes; ``run`` may be called from several.

    One thread because a second made both Silero and Smart Turn slower (measured on two
    cores: 37 ms with one, 79 ms with two).
    """
    onnxruntime: Any = import_module("onnxruntime")  # 0.3 s that only engines pay
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )

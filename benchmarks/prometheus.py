"""What a running service counts of itself."""

import httpx2
from prometheus_client.parser import text_string_to_metric_families


def counted(port: int, metric: str, label: str) -> dict[str, float]:
    """Values of a counter by one of its labels; empty where the service does not know it."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric:
                key = sample.labels[label]
                found[key] = found.get(key, 0.0) + sample.value
    return found

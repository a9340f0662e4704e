"""Which processor this is, and whether it multiplies bfloat16."""

import os
import platform
from pathlib import Path

import pandas as pd
import torch

FACTS = Path("/proc/cpuinfo")
MULTIPLIES = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of x86, x86 and ARM; PyTorch emulates it elsewhere, slowly


def name() -> str:
    """Return the processor's name, or its family where the system does not say (other than Linux)."""
    return _fact("model name") or platform.processor() or platform.machine()


def bfloat16() -> str:
    """Say whether the processor multiplies bfloat16: "yes", "no", or "unknown" where the system does not say."""
    flags = _fact("flags") or _fact("Features")
    return ("yes" if MULTIPLIES & set(flags.split()) else "no") if flags else "unknown"


def _fact(key: str) -> str:
    """Return the first value of a key in the system's description of its processors; empty without."""
    text = FACTS.read_text(encoding="utf-8", errors="replace") if FACTS.is_file() else ""
    facts = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for label, _, value in facts if label.strip() == key), "")


def machine() -> pd.DataFrame:
    """Return what the seconds in the table were measured on: one row."""
    row = {"processor": name(), "cores": os.cpu_count(), "torch_threads": torch.get_num_threads()}
    row |= {"vector_instructions": torch.backends.cpu.get_cpu_capability(), "bfloat16": bfloat16()}
    row |= {"cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none"}
    return pd.DataFrame([row | {"python": platform.python_version(), "torch": torch.__version__}])

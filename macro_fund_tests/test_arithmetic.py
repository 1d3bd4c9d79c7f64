"""The last bit of a sum does not depend on the threads and the processor that a process was offered."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from macro_fund import arithmetic

OFFERED = {
    "POLARS_MAX_THREADS": "4",
    "OPENBLAS_NUM_THREADS": "4",
    "OMP_NUM_THREADS": "4",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "",
}
DIGEST = """
import hashlib
import numpy as np
import polars as pl
rng = np.random.default_rng(7)
values, keys = rng.normal(5.0, 1.0, 200_000), rng.integers(0, 9_000, 200_000)
frame = pl.DataFrame({"k": keys, "v": values})
means = frame.group_by("k", maintain_order=True).agg(pl.col("v").mean(), s=pl.col("v").sum())
square = values[:40_000].reshape(200, 200)
parts = [means["v"].to_numpy(), means["s"].to_numpy(), np.array([frame["v"].sum()]), np.log(abs(values)),
         np.exp(values), square @ square, np.linalg.pinv(square), np.linalg.eigh(square @ square.T)[1]]
print(hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest())
"""


def _run(program: str, **offered: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in OFFERED} | offered
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


def _digest(program: str, **offered: str) -> str:
    done = _run(program, **offered)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_offered_threads_and_instructions_change_no_bit() -> None:
    ours = "import macro_fund\n" + DIGEST
    assert _digest(ours, **OFFERED) == _digest(ours)


def test_without_the_settings_they_do() -> None:
    """What the settings are for; where this does not hold any longer they can go."""
    assert _digest(DIGEST, **OFFERED) != _digest("import macro_fund\n" + DIGEST)


def test_a_process_that_loaded_its_libraries_first_builds_no_graph() -> None:
    early = "import numpy, polars\npolars.thread_pool_size()\nimport macro_fund.definitions"
    done = _run(early, **OFFERED)
    assert done.returncode != 0
    assert "polars runs on 4 threads" in done.stderr
    assert "Import macro_fund before numpy, polars" in done.stderr


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="instructions are chosen on x86-64 only")
def test_instructions_of_another_processor_are_named() -> None:
    early = "import numpy\nfrom macro_fund import arithmetic\nprint(arithmetic.unsettled())"
    assert "instructions of Nehalem" in _run(early, **OFFERED).stdout


def test_this_process_is_settled() -> None:
    assert arithmetic.unsettled() == []


def test_only_x86_has_instructions_to_choose() -> None:
    assert set(arithmetic.settings("arm64")) == set(arithmetic.ONE_THREAD)
    assert set(arithmetic.settings("AMD64")) == {*arithmetic.ONE_THREAD, *arithmetic.X86}

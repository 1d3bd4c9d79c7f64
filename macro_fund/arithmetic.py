"""What settles the last bit of every float: how sums are split, and which instructions add and multiply.

Belongs here: the settings of the libraries that calculate, made before any of them is loaded, and the question whether
they hold. Does not belong here: any calculation.

A sum of floats rounds by the order of its terms. polars, DuckDB and BLAS split sums among threads, and by which thread
is free: the mean of a month came out one bit apart in two runs of the same program. BLAS, numpy and numba also choose
their instructions by the processor: log(x) on one with AVX-512 differs in the last bit from log(x) on one without.
So everything runs on one thread, and on the instructions that all x86-64 processors of the last ten years have.
Sources: polars user guide (POLARS_MAX_THREADS), OpenBLAS user manual (OPENBLAS_CORETYPE), NumPy reference
(NPY_DISABLE_CPU_FEATURES), Numba manual (NUMBA_CPU_NAME); measured in docs/adr/0037.
"""

from __future__ import annotations

import os
import platform

ONE_THREAD = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
X86 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "NUMBA_CPU_NAME": "haswell",
}
_BEYOND = ("X86_V4", "AVX512")


def settings(machine: str) -> dict[str, str]:
    """Environment variables by name for a processor of the kind `machine` (as `platform.machine()` says it)."""
    return dict.fromkeys(ONE_THREAD, "1") | (X86 if _is_x86(machine) else {})


def settle() -> None:
    """Puts the settings into the environment of this process and its children, over what is there: a user's other
    number of threads would make other numbers."""
    os.environ.update(settings(platform.machine()))


def unsettled() -> list[str]:
    """What does not hold in this process, a sentence each: the library was loaded before macro_fund was imported."""
    import polars as pl
    from numpy.lib.introspect import opt_func_info
    from threadpoolctl import threadpool_info

    x86 = _is_x86(platform.machine())
    found = []
    if (threads := pl.thread_pool_size()) != 1:
        found.append(f"polars runs on {threads} threads")
    for library in threadpool_info():
        name = f"{library['internal_api']} ({os.path.basename(library['filepath'])})"
        if library["num_threads"] != 1:
            found.append(f"{name} runs on {library['num_threads']} threads")
        if x86 and library.get("architecture", X86["OPENBLAS_CORETYPE"]) != X86["OPENBLAS_CORETYPE"]:
            found.append(f"{name} runs on the instructions of {library['architecture']}")
    log = opt_func_info(func_name="^log$")["log"]["dd"]["current"]
    if log.startswith(_BEYOND):
        found.append(f"numpy runs on the instructions of {log}")
    return found


def require_settled() -> None:
    """Raises RuntimeError where numbers of this process could differ in their last bits from those of another."""
    if found := unsettled():
        raise RuntimeError(
            f"{'; '.join(found)}: the last bits of sums would depend on this machine. Import macro_fund before numpy, "
            "polars and everything that uses them, or start the process through macro-fund."
        )


def _is_x86(machine: str) -> bool:
    return machine.lower() in ("x86_64", "amd64")

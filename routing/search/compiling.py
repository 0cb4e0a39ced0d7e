"""How a kernel is compiled and where its machine code is kept."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.codegen import CPUCodeLibrary

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_FOLDER = Path(__file__).parent / "kernels"
_STAMP = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(_FOLDER.glob("*.py")))).hexdigest()

# Level 1 runs as fast here as level 2 and numba's own 3, and compiles in nine tenths of the time of level 2
# (measured on 300 visits).
numba.config.OPT = type(numba.config.OPT)(1)  # type: ignore[attr-defined]  # numba fills it at run time

_KERNELS: set[str] = set()
_optimise: Callable[[CPUCodeLibrary], None] = CPUCodeLibrary._optimize_final_module  # noqa: SLF001 - see below


def _optimise_once(library: CPUCodeLibrary) -> None:
    """Leave the code of a kernel as it is: it is optimised where it ends up, in that of an `entry`.

    numba would optimise it, with all that it calls, again in every kernel above it: a third of the compiler's
    work, and each time a larger one. It has no option for that.
    """
    if library.name not in _KERNELS:
        _optimise(library)


CPUCodeLibrary._optimize_final_module = _optimise_once  # type: ignore[method-assign]  # noqa: SLF001

_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False}
# Kernels allocate nothing, so they need no reference counts; leaving those out makes them twice as fast, and
# the compiler too. numba knows the option by its underscore only.
_NO_DOORS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Kernel, *, doors: bool = False) -> Kernel:
    """Compile a function that only other kernels call; it lands in their machine code.

    It gets no `doors` for Python: unpacking the arrays there would be a quarter of the compiler's work.
    """
    if not doors:
        _KERNELS.add(function.__qualname__)
    compiled: Kernel = numba.njit(**_OPTIONS, **({} if doors else _NO_DOORS))(function)
    return compiled


def woven(function: Kernel) -> Kernel:
    """Weave a function into the one kernel that calls it.

    Each kernel is linked and optimised together with all it calls; one less in the chain saves that work.
    """
    compiled: Kernel = numba.njit(inline="always", **_OPTIONS, **_NO_DOORS)(function)
    return compiled


def entry(function: Kernel) -> Kernel:
    """Compile a function that Python calls, and keep its machine code on disk.

    numba judges stored code by the age of the function's own file, and would run stale code after a change in
    a kernel that it calls. So the stamp it compares is replaced by one over all kernels. Where no folder can
    be written, the code is compiled anew in each process.
    """
    try:
        compiled: Kernel = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no folder it may write to
        return kernel(function, doors=True)
    # numba has no public way to say this
    compiled._cache._cache_file._source_stamp = _STAMP  # type: ignore[attr-defined]  # noqa: SLF001
    return compiled


def stored(function: Callable[..., Any]) -> bool:
    """Tell whether machine code of an `entry` is in memory or on disk: no call will compile it."""
    if function.signatures:  # type: ignore[attr-defined]  # of numba's dispatcher
        return True
    return keeps_code(function) and bool(_file_of(function)._load_index())  # noqa: SLF001 - as above


def keeps_code(function: Callable[..., Any]) -> bool:
    """Tell whether there is a folder for the machine code of an `entry`."""
    return _file_of(function) is not None


def _file_of(function: Callable[..., Any]) -> Any:
    return getattr(getattr(function, "_cache", None), "_cache_file", None)

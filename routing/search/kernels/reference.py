"""Passing a named tuple of arrays from kernel to kernel as one address.

numba passes a tuple of arrays by value: some 270 numbers for the two that every kernel takes, copied at each
call that is not inlined. `by_reference` writes such a tuple once into the memory of the kernel that calls it
and returns a stand-in that holds the address only; its attributes are the arrays, read when asked for.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # llvmlite has no types
from numba.core import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model

__all__ = ["by_reference"]


class Reference(types.Type):
    """The address of a named tuple of arrays."""

    def __init__(self, arrays: types.NamedTuple) -> None:
        self.arrays = arrays
        super().__init__(name=f"Reference({arrays.instance_class.__name__})")


@register_model(Reference)
class _Address(models.PrimitiveModel):
    def __init__(self, manager: Any, reference: Reference) -> None:
        value = manager.lookup(reference.arrays).get_value_type()
        super().__init__(manager, reference, value.as_pointer())  # type: ignore[no-untyped-call]  # numba's


@infer_getattr
class _Arrays(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Reference, name: str) -> Any:  # type: ignore[override]  # numba's own is a marker
        """Return the type of an array by its name."""
        fields = reference.arrays.fields
        return reference.arrays.types[fields.index(name)] if name in fields else None


def _read(context: Any, builder: Any, reference: Reference, address: Any, name: str) -> Any:
    del context
    return _loaded(builder, _part(builder, address, reference.arrays.fields.index(name)))


_lower: Callable[[Any], Callable[[Any], Any]] = lower_getattr_generic
_lower(Reference)(_read)


def _part(builder: Any, place: Any, number: int) -> Any:
    index = ir.IntType(32)
    return builder.gep(place, [index(0), index(number)], inbounds=True)


def _loaded(builder: Any, place: Any) -> Any:
    """Load what stands there; it never changes, so no load has to be repeated after a write elsewhere."""
    kind = place.type.pointee
    if not isinstance(kind, (ir.LiteralStructType, ir.ArrayType)):
        value = builder.load(place)
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
        return value
    value = ir.Constant(kind, ir.Undefined)
    for number in range(len(kind)):
        value = builder.insert_value(value, _loaded(builder, _part(builder, place, number)), number)
    return value


def _write(typing: Any, arrays: Any) -> Any:
    del typing

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        del context, signature
        with builder.goto_entry_block():
            place = builder.alloca(values[0].type)
        builder.store(values[0], place)
        # No instruction at all, but the optimiser cannot see through it: the tuple is written before this
        # point and only read after it, which makes true what `_loaded` promises.
        kind = ir.FunctionType(place.type, [place.type])
        return builder.asm(kind, "", "=r,0,~{memory}", [place], side_effect=True)

    return Reference(arrays)(arrays), generate


_intrinsic: Callable[[Any], Any] = intrinsic
by_reference: Callable[[Any], Any] = _intrinsic(_write)
"""Return a stand-in for a named tuple of arrays, good while the calling kernel runs."""

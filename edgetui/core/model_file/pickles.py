"""A pickle's program, followed with inert values: nothing is imported, called or made.

The raw arrays that joblib writes between opcodes are skipped, by their shape and dtype.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgetui.core.model_file.streams import Bytes, TooMuchError

OPCODES = 3_000_000  # about 3 s; a model beyond has its versions and modules near its start
STACK = 1_000_000
MEMO = 1_500_000
NESTED = 20
_KEPT = 256  # characters of a string
_LIST_KEPT = 64  # items of a list; shapes are shorter
_MARK = object()
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_ARRAYS = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"),
}


@dataclass(frozen=True)
class Global:
    """A class or function by name."""

    module: str
    name: str


_GETATTR = (Global("builtins", "getattr"), Global("__builtin__", "getattr"))


@dataclass
class Made:
    """What a call would have made."""

    of: Any
    arguments: Any = ()
    state: Any = None


@dataclass
class Seen:
    """What a pickle names: globals in their order, the versions that it states, the highest protocol."""

    globals: dict[tuple[str, str], None] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    called: set[tuple[str, str]] = field(default_factory=set)
    indirect: bool = False  # something that it made is called: that may be a wrapped function, so any that it names
    protocol: int = 0
    arrays: int = 0
    opcodes: int = 0

    def add(self, other: Seen) -> None:
        """Take over what was seen in a pickle behind this one."""
        self.globals |= other.globals
        self.versions |= other.versions
        self.called |= other.called
        self.indirect |= other.indirect
        self.protocol, self.arrays = max(self.protocol, other.protocol), self.arrays + other.arrays
        self.opcodes = other.opcodes


class NoPickleError(Exception):
    """The bytes are no pickle."""


def follow(stream: Bytes, seen: Seen, depth: int = 0) -> None:
    """Follow one pickle up to its STOP, filling `seen`.

    Raises:
        NoPickleError: the bytes are not a pickle's.
        TooMuchError: a bound was reached.
        EOFError: it ends too early.
    """
    if depth > NESTED:
        raise TooMuchError("pickles are nested too deeply")
    _Machine(stream, seen, depth).run()


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, stream: Bytes, seen: Seen, depth: int) -> None:
        self._stream, self._seen, self._depth = stream, seen, depth
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> None:
        while True:
            code = self._stream.take(1).decode("latin-1")
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise NoPickleError(f"byte {code!r} is no opcode")
            self._seen.opcodes += 1
            if self._seen.opcodes > OPCODES or len(self._stack) > STACK or len(self._memo) > MEMO:
                raise TooMuchError("it has more parts than are looked at")
            argument = self._argument(opcode)
            if opcode.name == "STOP":
                if not self._stack:
                    raise NoPickleError("it ends with nothing")
                return
            try:
                self._do(opcode.name, argument)
            except (IndexError, KeyError, TypeError, ValueError, AttributeError) as wrong:
                raise NoPickleError(f"{opcode.name} finds nothing to work on") from wrong

    def _argument(self, opcode: Any) -> Any:
        kind = opcode.arg
        if kind is None:
            return None
        if kind.name == "stringnl_noescape_pair":
            return self._stream.line().decode("utf-8", "replace"), self._stream.line().decode("utf-8", "replace")
        if kind.n == pickletools.UP_TO_NEWLINE:
            return self._stream.line(_KEPT).decode("utf-8", "replace")
        if kind.n >= 0:
            return (
                int.from_bytes(self._stream.take(kind.n), "little") if kind.name != "float8" else self._stream.take(8)
            )
        size = int.from_bytes(self._stream.take({-2: 1, -3: 4, -4: 4, -5: 8}[kind.n]), "little")
        kept = self._stream.take(min(size, _KEPT))
        self._stream.skip(size - len(kept))
        if "long" in kind.name:
            return int.from_bytes(kept, "little", signed=True) if size <= 16 else None
        return kept.decode("utf-8", "replace") if "unicode" in kind.name or "string" in kind.name else kept

    def _do(self, name: str, argument: Any) -> None:
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name not in {"FRAME", "READONLY_BUFFER"}:
            self._stack.append(argument)

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise NoPickleError("a global without a name")
        if len(self._seen.globals) > 20_000:
            raise TooMuchError("it names more things than are looked at")
        self._seen.globals[(module, name)] = None
        self._stack.append(Global(module, name))

    def proto(self, argument: Any) -> None:
        self._seen.protocol = max(self._seen.protocol, int(argument))

    def push_list(self, _: Any) -> None:
        self._stack.append([])

    def push_dict(self, _: Any) -> None:
        self._stack.append({})

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def pop_mark(self, _: Any = None) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                found = self._stack[place + 1 :]
                del self._stack[place:]
                return found
        raise NoPickleError("no mark")

    def pop(self, _: Any) -> None:
        self._stack.pop()

    def dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def get(self, argument: Any) -> None:
        self._stack.append(self._memo[int(argument)])

    def put(self, argument: Any) -> None:
        self._memo[int(argument)] = self._stack[-1]

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def tuple_of(self, count: int) -> None:
        items = tuple(self._stack[len(self._stack) - count :]) if count else ()
        if len(items) != count:
            raise NoPickleError("a tuple of nothing")
        del self._stack[len(self._stack) - count :]
        self._stack.append(items)

    def list_from_mark(self, _: Any) -> None:
        self._stack.append(self.pop_mark()[:_LIST_KEPT])

    def tuple_from_mark(self, _: Any) -> None:
        self._stack.append(tuple(self.pop_mark()[:_LIST_KEPT]))

    def dict_from_mark(self, _: Any) -> None:
        items = self.pop_mark()
        found: dict[Any, Any] = {}
        self._stack.append(found)
        self._items(found, items)

    def append(self, _: Any) -> None:
        item = self._stack.pop()
        self._extend(self._stack[-1], [item])

    def appends(self, _: Any) -> None:
        items = self.pop_mark()
        self._extend(self._stack[-1], items)

    @staticmethod
    def _extend(target: Any, items: list[Any]) -> None:
        if isinstance(target, list):
            target += items[: max(0, _LIST_KEPT - len(target))]

    def setitem(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._items(self._stack[-1], [key, value])

    def setitems(self, _: Any) -> None:
        items = self.pop_mark()
        self._items(self._stack[-1], items)

    def _items(self, target: Any, items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(key, str):
                if key in {"_sklearn_version", "__sklearn_version__"} and isinstance(value, str):
                    self._seen.versions["scikit-learn"] = value
                if isinstance(target, dict) and len(target) < _LIST_KEPT:
                    target[key] = value

    def stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._global(module, name)

    def plain_global(self, argument: Any) -> None:
        self._global(*argument)

    def inst(self, argument: Any) -> None:
        arguments = self.pop_mark()
        self._global(*argument)
        self._call(self._stack.pop(), tuple(arguments))

    def obj(self, _: Any) -> None:
        arguments = self.pop_mark()
        self._call(arguments[0], tuple(arguments[1:]))

    def reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._call(function, arguments)

    def newobj_ex(self, _: Any) -> None:
        _keywords, arguments, function = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._call(function, arguments)

    def _call(self, function: Any, arguments: Any) -> None:
        if function in _GETATTR and isinstance(arguments, tuple) and len(arguments) == 2:
            owner, name = arguments
            if isinstance(owner, Global) and isinstance(name, str):  # as old protocols write a class's own function
                self._global(owner.module, f"{owner.name}.{name}")
                return
            if isinstance(owner, Made) and isinstance(
                owner.of, Global
            ):  # a bound method; calling it counts as indirect
                self._stack.append(Made(owner.of))
                return
        if isinstance(function, Global):
            self._seen.called.add((function.module, function.name))
        elif isinstance(function, Made):
            self._seen.indirect = True
        self._stack.append(Made(function, arguments))

    def binpersid(self, _: Any) -> None:
        self._stack.pop()
        self._stack.append(None)

    def build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, Made):
            return
        target.state = state
        made_of = target.of
        if isinstance(made_of, Global) and (made_of.module, made_of.name) in _ARRAYS and isinstance(state, dict):
            self._array(state)

    def _array(self, state: dict[str, Any]) -> None:
        """Go past the array that stands here, outside of the pickle."""
        self._seen.arrays += 1
        dtype, shape = state.get("dtype"), state.get("shape")
        if not isinstance(dtype, Made) or not isinstance(shape, tuple):
            raise NoPickleError("an array without a shape")
        code = str(dtype.arguments[0]) if dtype.arguments else ""
        if _has_objects(code, dtype.state):
            follow(self._stream, self._seen, self._depth + 1)
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self._stream.skip(self._stream.take(1)[0])
        if not all(isinstance(one, int) and one >= 0 for one in shape):
            raise NoPickleError("an array with an odd shape")
        self._stream.skip(math.prod(shape) * _item_size(code))


def _item_size(code: str) -> int:
    """Bytes of one item of a numpy type by its code: `f8`, `V64`, `U5` (four bytes a character)."""
    found = re.fullmatch(r"[<>|=]?([?bBiufcmMOSUVa])(\d*)", code)
    if found is None:
        raise NoPickleError(f"an array of an unknown type {code!r}")
    size = int(found[2] or 1)
    return size * 4 if found[1] == "U" else size


def _has_objects(code: str, state: Any) -> bool:
    # The eighth part of a dtype's state is its flags; bit 0 says that it holds Python objects.
    flags = state[7] if isinstance(state, tuple) and len(state) > 7 else 0
    return code.lstrip("<>|=").startswith("O") or (isinstance(flags, int) and bool(flags & 1) and code.startswith("V"))


_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "NEXT_BUFFER": None}
_HANDLERS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": _Machine.proto,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.dup,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    "EMPTY_TUPLE": lambda machine, _: machine.tuple_of(0),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": _Machine.tuple_from_mark,
    "EMPTY_LIST": _Machine.push_list,
    "LIST": _Machine.list_from_mark,
    "EMPTY_DICT": _Machine.push_dict,
    "DICT": _Machine.dict_from_mark,
    "EMPTY_SET": _Machine.push_list,
    "FROZENSET": _Machine.list_from_mark,
    "ADDITEMS": _Machine.appends,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "STACK_GLOBAL": _Machine.stack_global,
    "GLOBAL": _Machine.plain_global,
    "INST": _Machine.inst,
    "OBJ": _Machine.obj,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.newobj_ex,
    "BINPERSID": _Machine.binpersid,
    "BUILD": _Machine.build,
}

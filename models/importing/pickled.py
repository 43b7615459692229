"""Pickles as data: a small stack machine that imports nothing and calls nothing of what a pickle names.

`pickle.Unpickler` runs whatever functions a pickle asks for. Here a function or class is a `Name`, and what a call
of it would return an inert `Thing`, unless the caller of `read_pickle` makes something of it. Sets and the
attributes of objects are dropped; dictionaries, and objects that are filled like them, keep the entries whose keys
are strings.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import IO, Any, Callable, cast

from ..files.stream import Stream


@dataclass(frozen=True)
class Name:
    """A function or class that a pickle names, such as ``collections.OrderedDict``."""

    __slots__ = ("name",)
    name: str


class Thing:
    """An object that was not made: what the function or class of this name would have returned.

    Attributes
    ----------
    name
        Of the function or class.
    entries
        What was set on it by key, as on a dictionary; None if nothing was.
    """

    __slots__ = ("entries", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: dict[str, Any] | None = None


def read_pickle(
    stream: Stream, limit: int, call: Callable[[str, tuple], Any], load: Callable[[Any], Any] | None = None
) -> Any:
    """Return the content of the pickle at the place of a stream, and leave the stream behind it.

    Parameters
    ----------
    stream
        Where to read.
    limit
        How many operations are read at most. Each takes about a hundred bytes of memory, besides the bytes that it
        has read.
    call
        Called with the name of a function and the arguments for it, returns what to take for its result.
    load
        Called with the identifier of an object that was stored outside of the pickle, returns what to take for it.

    Raises
    ------
    ValueError
        If the pickle is broken, longer than `limit`, or uses what neither PyTorch nor NumPy write.
    """
    machine = _Machine(call, load)
    for count, (operation, argument, _) in enumerate(pickletools.genops(cast("IO[bytes]", stream))):
        if count == limit:
            raise ValueError(f"a pickle of more than {limit} operations")
        try:
            machine.run(operation.name, argument)
        except (AttributeError, IndexError, KeyError, TypeError):
            raise ValueError(f"the operation {operation.name} at a place where it means nothing") from None
    return machine.stack[-1]


class _Machine:
    """The state of an unpickler: the stack, the stacks below the marks, and the memo.

    All checks of types and places are exceptions of the operations themselves, such as popping from an empty list.
    """

    def __init__(self, call: Callable[[str, tuple], Any], load: Callable[[Any], Any] | None) -> None:
        self.stack: list[Any] = []
        self._call = call
        self._load = load
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}  # not a list, for whose size a hostile index would decide

    def run(self, operation: str, argument: Any) -> None:
        """Do one operation, by its name in `pickletools`."""
        if operation in _LITERALS:
            self.stack.append(argument)
        elif operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation])
        elif operation in _METHODS:
            _METHODS[operation](self, argument)
        else:
            raise ValueError(f"the operation {operation}, which no checkpoint needs")

    def ignore(self, _: Any) -> None:
        """Do nothing."""

    def stop(self, _: Any) -> None:
        """Check that one object is left."""
        if len(self.stack) != 1 or self._below:
            raise IndexError

    def mark(self, _: Any) -> None:
        """Begin a new stack."""
        self._below.append(self.stack)
        self.stack = []

    def pop_mark(self, _: Any = None) -> list[Any]:
        """Return to the stack below; returns the items above the mark."""
        items = self.stack
        self.stack = self._below.pop()
        return items

    def pop(self, _: Any) -> None:
        """Drop an object."""
        self.stack.pop()

    def duplicate(self, _: Any) -> None:
        """Push the last object again."""
        self.stack.append(self.stack[-1])

    def put(self, index: int | None) -> None:
        """Remember the last object."""
        self._memo[len(self._memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        """Push a remembered object."""
        self.stack.append(self._memo[index])

    def make_tuple(self, _: Any) -> None:
        """Push the items above the mark as a tuple."""
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def make_list(self, _: Any) -> None:
        """Push the items above the mark as a list."""
        items = self.pop_mark()
        self.stack.append(items)

    def make_dict(self, _: Any) -> None:
        """Push the keys and values above the mark as a dictionary."""
        items = self.pop_mark()
        self.stack.append({})
        self._set(items)

    def make_set(self, _: Any) -> None:
        """Push a placeholder for the items above the mark."""
        self.pop_mark()
        self.stack.append(Thing("set"))

    def append(self, _: Any) -> None:
        """Add an item to the list below it."""
        self._extend([self.stack.pop()])

    def append_many(self, _: Any) -> None:
        """Add the items above the mark to the list, set or object below."""
        self._extend(self.pop_mark())

    def set_item(self, _: Any) -> None:
        """Put a value into the dictionary below it."""
        value = self.stack.pop()
        key = self.stack.pop()
        self._set([key, value])

    def set_items(self, _: Any) -> None:
        """Put the keys and values above the mark into the dictionary below."""
        self._set(self.pop_mark())

    def name(self, argument: str) -> None:
        """Push a name given as MODULE NAME."""
        self._name(*argument.split(" ", 1))

    def name_from_stack(self, _: Any) -> None:
        """Replace a module and a name by a name."""
        name = self.stack.pop()
        module = self.stack.pop()
        self._name(module, name)

    def reduce(self, _: Any) -> None:
        """Replace a function and its arguments by the result."""
        arguments = self.stack.pop()
        function = self.stack.pop()
        if not isinstance(arguments, tuple):
            raise TypeError
        known = isinstance(function, Name)
        self.stack.append(self._call(function.name, arguments) if known else Thing(function.name))

    def new(self, _: Any) -> None:
        """Replace a class and arguments by an object."""
        self.stack.pop()
        self.stack.append(Thing(self.stack.pop().name))

    def new_with_keywords(self, _: Any) -> None:
        """Replace a class, arguments and keywords by an object."""
        self.stack.pop()
        self.new(None)

    def load(self, _: Any) -> None:
        """Replace an identifier by what is stored under it."""
        if self._load is None:
            raise TypeError
        self.stack.append(self._load(self.stack.pop()))

    def _name(self, module: str, name: str) -> None:
        if len(module) + len(name) > _MAX_NAME:  # both may be long strings that are remembered and used many times
            raise ValueError(f"a name of more than {_MAX_NAME} characters")
        self.stack.append(Name(".".join((module, name))))

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Thing):
            raise TypeError

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if len(items) % 2 or not isinstance(target, (dict, Thing)):
            raise TypeError
        if isinstance(target, Thing):
            target.entries = target.entries or {}
            target = target.entries
        # Hashing another key, such as a deeply nested tuple, could exhaust the stack of the interpreter.
        pairs = zip(items[::2], items[1::2])
        target.update((key, value) for key, value in pairs if isinstance(key, str))


_MAX_NAME = 500

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_LITERALS = _NUMBERS | _TEXTS | _BYTES


def _take(count: int) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, _: Any) -> None:
        items = tuple(machine.stack[-count:])
        if len(items) != count:
            raise IndexError
        machine.stack[-count:] = [items]

    return make


_METHODS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": _Machine.ignore,
    "FRAME": _Machine.ignore,
    "STOP": _Machine.stop,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "TUPLE": _Machine.make_tuple,
    "TUPLE1": _take(1),
    "TUPLE2": _take(2),
    "TUPLE3": _take(3),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "LIST": _Machine.make_list,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.append_many,
    "EMPTY_SET": lambda machine, _: machine.stack.append(Thing("set")),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "DICT": _Machine.make_dict,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "FROZENSET": _Machine.make_set,
    "ADDITEMS": _Machine.append_many,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new,
    "NEWOBJ_EX": _Machine.new_with_keywords,
    "BUILD": _Machine.pop,
    "BINPERSID": _Machine.load,
}

"""mp_table: a table of texts whose keys compare without case and may occur more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

Text = str | bytes


def _text(value: object, what: str) -> str:
    """Give a text; bytes are read as Latin-1, as they travel in a field."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError(f"a table's {what} must be str, not {type(value).__name__}")
    return str(value)


class table:
    """What ``req.headers_in`` and its like are: ``table([mapping_or_pairs])``."""

    def __init__(self, initial: Mapping[str, str] | Iterable[tuple[str, str]] | None = None) -> None:
        self._pairs: list[tuple[str, str]] = []
        if initial is not None:
            self.update(initial)

    def _all(self, key: Text) -> list[str]:
        wanted = _text(key, "keys").lower()
        return [value for name, value in self._pairs if name.lower() == wanted]

    def first(self, key: Text) -> str | None:
        """Give the first value of a key, or None: an addition to mod_python."""
        values = self._all(key)
        return values[0] if values else None

    def __getitem__(self, key: Text) -> str | list[str]:
        values = self._all(key)
        if not values:
            raise KeyError(key)
        return values[0] if len(values) == 1 else values

    def __setitem__(self, key: Text, value: Text) -> None:
        name, text = _text(key, "keys"), _text(value, "values")
        places = [index for index, (known, _) in enumerate(self._pairs) if known.lower() == name.lower()]
        for index in reversed(places[1:]):
            del self._pairs[index]
        if places:
            self._pairs[places[0]] = (name, text)
        else:
            self._pairs.append((name, text))

    def __delitem__(self, key: Text) -> None:
        wanted = _text(key, "keys").lower()
        self._pairs = [pair for pair in self._pairs if pair[0].lower() != wanted]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str | bytes) and bool(self._all(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, table):
            return sorted(self._folded()) == sorted(other._folded())
        if isinstance(other, Mapping):
            return self == table(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {value!r}" for key, value in self._pairs) + "}"

    def _folded(self) -> list[tuple[str, str]]:
        return [(key.lower(), value) for key, value in self._pairs]

    def add(self, key: Text, value: Text) -> None:
        """Add a value and keep those that the key has, as ``Set-Cookie`` needs it."""
        self._pairs.append((_text(key, "keys"), _text(value, "values")))

    def get(self, key: Text, default: str | None = None) -> str | list[str] | None:
        """Give the value of a key, a list where there are several, or the default."""
        try:
            return self[key]
        except KeyError:
            return default

    def has_key(self, key: Text) -> bool:
        """Say whether there is such a key."""
        return key in self

    def setdefault(self, key: Text, default: Text = "") -> str | list[str]:
        """Give the value of a key, after setting it to the default if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Text, *default: str | list[str] | None) -> str | list[str] | None:
        """Take a key out and give what it had."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, str]:
        """Take the last pair out."""
        if not self._pairs:
            raise KeyError("the table is empty")
        return self._pairs.pop()

    def keys(self) -> list[str]:
        """Give the keys, each as often as it occurs."""
        return [key for key, _ in self._pairs]

    def values(self) -> list[str]:
        """Give the values."""
        return [value for _, value in self._pairs]

    def items(self) -> list[tuple[str, str]]:
        """Give the pairs in order."""
        return list(self._pairs)

    def clear(self) -> None:
        """Take everything out."""
        self._pairs.clear()

    def copy(self) -> table:
        """Give a table with the same pairs."""
        other = table()
        other._pairs = list(self._pairs)
        return other

    def update(self, other: table | Mapping[str, str] | Iterable[Sequence[str]]) -> None:
        """Set what the other has."""
        pairs = other.items() if isinstance(other, table | Mapping) else other
        for key, value in pairs:
            self[key] = value

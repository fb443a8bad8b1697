"""Keys by identity, for caches of what is worked out of values that never change."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """A value as a key that equals only itself.

    Records, spaces and configs never change once they are made, but are not hashable, or slow to
    hash. The key holds its value, so that no other can take its place while a cache knows it.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

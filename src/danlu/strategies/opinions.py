"""Two opinions on where good configs lie: the user's defaults, and what is usual.

A default far from what experts would try is either knowledge about this task or a slip, and no
search can tell which in advance. So both are tried first: the default config, then the same with
what is usual in place of the numbers that lie far from it, or the middle of the range in place of
defaults at its ends where nothing is known of the parameter. From then on the opinion is followed
with which more of the losses agree (`danlu.strategies.trust`), the user's as long as neither is
ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from danlu.catalogue.roles import role_of
from danlu.core.identity import Same
from danlu.core.parameter import Choice, Parameter
from danlu.core.space import Space
from danlu.strategies.encoding import Axis, Encoding, encode
from danlu.strategies.evidence import Curve
from danlu.strategies.pulls import CAPACITY
from danlu.strategies.trust import trust

FAR = 2.0  # spreads of the usual values: from there on a default is another opinion
EDGE = 0.1  # of the range: nearer to an end a default of which nothing is known is far, too


@dataclass(frozen=True, slots=True)
class Opinions:
    """How a space is encoded by its defaults, and by what is usual.

    Attributes:
        own: With the user's defaults.
        usual: With usual numbers in place of defaults far from them; None if none is far.
    """

    own: Encoding
    usual: Encoding | None

    def followed(self, curves: Sequence[Curve]) -> Encoding:
        """The opinion with which more of the losses agree."""
        if self.usual is not None and trust(self.usual, curves) > trust(self.own, curves):
            return self.usual
        return self.own


def opinions(space: Space) -> Opinions:
    """The opinions on a space; kept, as each decision asks for them."""
    return _opinions(Same(space))


@lru_cache(maxsize=16)
def _opinions(same: Same[Space]) -> Opinions:
    space = same.value
    own = encode(space)
    bare = encode(_without(space, [a.name for a in own.axes if a.kind != "choice"]))
    far = [a.name for a, b in zip(own.axes, bare.axes, strict=True) if _far(a, b)]
    if all(role_of(name, space[name]) in CAPACITY for name in far):
        far = []  # a size alone is a price that the user names, and trains at any value
    usual = replace(encode(_without(space, far)), space=space) if far else None
    return Opinions(own, usual)


def _without(space: Space, names: Sequence[str]) -> Space:
    """The space without the defaults of some parameters."""
    return Space({**space.parameters, **{name: _bare(space[name]) for name in names}})


def _bare(p: Parameter) -> Parameter:
    return Choice(*p.values, when=p.when) if isinstance(p, Choice) else replace(p, default=None)


def _far(own: Axis, usual: Axis) -> bool:
    if own.centre is None:
        return False
    if usual.centre is None:
        return not EDGE <= own.centre <= 1.0 - EDGE
    return abs(own.centre - usual.centre) > FAR * usual.spread

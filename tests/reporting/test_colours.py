"""The colours of series are told apart by everybody, the colour-blind included.

What a dichromat sees is simulated by the matrices of Machado, Oliveira and Fernandes (2009, "A
physiologically-based model for simulation of color vision deficiency", severity 1) on linear RGB;
how far two colours lie apart is CIEDE2000 (Sharma, Wu and Dalal 2005). Two colours of series must
lie as far apart as the closest pair of the palette of Okabe and Ito (2008), which was made for the
colour-blind: 10.9, seen with tritanopia. With the hues of pinned trials there are ten, more than
theirs; then 10 is asked for. Marks need three times the luminance of what lies behind (WCAG 2.2,
1.4.11).
"""

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from danlu.reporting import png
from danlu.reporting.html import asset

Vector = NDArray[np.float64]

VISION = {
    "full": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
BEST, ALL = 6, 10  # hues of the best trials, and with those of pinned ones
APART = {BEST: 10.9, ALL: 10.0}
CONTRAST = 3.0


def linear(colour: str) -> Vector:
    """A hexadecimal colour of sRGB as linear RGB."""
    digits = colour.lstrip("#")
    if len(digits) == 3:  # as the build shortens it
        digits = "".join(2 * d for d in digits)
    c = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: Vector) -> Vector:
    """CIELAB under D65."""
    xyz = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: Vector, other: Vector) -> float:
    """How far two colours in CIELAB lie apart."""
    chroma = (np.hypot(*one[1:]) + np.hypot(*other[1:])) / 2
    grey = 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    (l1, c1, h1), (l2, c2, h2) = (_polar(x, grey) for x in (one, other))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    c, l50 = (c1 + c2) / 2, ((l1 + l2) / 2 - 50) ** 2
    h = np.radians((h1 + turn / 2) % 360 if c1 * c2 else h1 + h2)
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(size * np.cos(k * h + np.radians(by)) for size, k, by in waves)
    parts = ((l2 - l1) / (1 + 0.015 * l50 / np.sqrt(20 + l50)), (c2 - c1) / (1 + 0.045 * c),
             hue / (1 + 0.015 * c * t))  # fmt: skip
    rotation = np.radians(60 * np.exp(-(((np.degrees(h) - 275) / 25) ** 2)))
    twist = -np.sin(rotation) * 2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    return float(np.sqrt(sum(p * p for p in parts) + twist * parts[1] * parts[2]))


def _polar(x: Vector, grey: float) -> tuple[float, float, float]:
    a = (1 + grey) * x[1]
    return float(x[0]), float(np.hypot(a, x[2])), float(np.degrees(np.arctan2(x[2], a)) % 360)


def themes() -> dict[str, dict[str, str]]:
    """The colours of each theme, by the names of their variables."""
    css = asset("dashboard.css")
    light, dark = re.findall(r":root[^{]*\{([^}]*--hue-1:[^}]*)\}", css)
    return {
        name: dict(re.findall(r"--([\w-]+):\s*(#\w+)", block))
        for name, block in (("light", light), ("dark", dark))
    }


THEMES = themes()


def hues(theme: str, count: int) -> list[str]:
    return [THEMES[theme][f"hue-{i}"] for i in range(1, count + 1)]


def closest(colours: list[str], vision: str) -> float:
    seen = [lab(np.array(VISION[vision]) @ linear(c)) for c in colours]
    return min(ciede2000(a, b) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # from the test data of Sharma, Wu and Dalal (2005)
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_distance_is_that_of_the_paper(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


def test_the_least_distance_is_that_of_the_palette_for_the_colour_blind() -> None:
    okabe_ito = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"]
    least = min(closest(okabe_ito, vision) for vision in VISION)
    assert least == pytest.approx(APART[BEST], abs=0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("count", APART)
def test_series_are_told_apart(count: int, theme: str, vision: str) -> None:
    assert closest(hues(theme, count), vision) >= APART[count]


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", THEMES)
def test_series_stand_out_from_running_and_faded_trials(theme: str, vision: str) -> None:
    for plain in ("ink", "grey"):
        for hue in hues(theme, ALL):
            assert closest([hue, THEMES[theme][plain]], vision) >= APART[ALL], (hue, plain)


@pytest.mark.parametrize("theme", THEMES)
def test_series_stand_out_from_what_lies_behind(theme: str) -> None:
    for behind in ("card", "back"):
        for hue in hues(theme, ALL):
            dim, bright = sorted(XYZ[1] @ linear(c) for c in (hue, THEMES[theme][behind]))
            assert (bright + 0.05) / (dim + 0.05) >= CONTRAST, (hue, behind)


def test_pictures_have_the_colours_of_the_page() -> None:
    same = [linear(c).tolist() for c in hues("light", len(png.HUES))]
    assert [linear(c).tolist() for c in png.HUES] == same

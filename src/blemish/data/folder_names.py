"""What the name of a folder says of its photos: good parts, bad ones, or nothing."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

_GOOD = frozenset(
    (
        *("good", "ok", "okay", "pass", "passed", "normal", "correct", "conform", "conforming", "accept", "accepted"),
        *("nominal", "intact", "clean", "healthy", "io", "gut", "nodefect", "nodefects", "bon", "bonne", "buono"),
        *("bueno", "goed", "gute", "passes", "defectfree", "faultless", "flawless", "undamaged", "nondefective"),
        *("fehlerfrei", "einwandfrei", "良", "良品", "合格"),
    )
)
_BAD = frozenset(
    (
        *("bad", "ng", "nok", "ko", "fail", "failed", "failure", "failures", "abnormal", "anomaly", "anomalies"),
        *("anomalous", "defect", "defects", "defective", "fault", "faults", "faulty", "error", "errors", "broken"),
        *("damaged", "reject", "rejects", "rejected", "scrap", "nonconforming", "ungood", "notgood", "notok", "nogood"),
        *("nio", "schlecht", "fehler", "fehlerhaft", "defekt", "defekte", "ausschuss", "mauvais", "rebut", "malo"),
        *("cattivo", "scarto", "fout", "fails", "schlechte", "mangelhaft", "mangel", "mängel", "nichtok"),
        *("不良", "不良品", "不合格"),
    )
)
_NOT = frozenset(("no", "not", "non", "without", "nicht", "kein", "keine", "ohne"))
_NOT_GOOD = _NOT | {"n"}
"""`n.OK` is not OK; `N defect`, whatever N is, holds defects."""
_THINGS = ("teile", "teil", "parts", "part", "bilder", "bild", "images", "image", "photos", "fotos", "samples")
"""What is good or bad, where it is one word with that: `Gutteile`, `NGparts`."""

Meaning = Literal["good", "bad"]


def meaning_of(name: str) -> Meaning | None:
    """Returns `bad` where a word in the name says so, else `good` where one does: `NG_scratch`, `NotGood`, `ok 2`,
    `i.O.`."""
    words = _words(name)
    found: set[Meaning] = set()
    for before, word in zip(["", *words], words, strict=False):
        if word in _GOOD:
            found.add("bad" if before in _NOT_GOOD else "good")
        elif word in _BAD:
            found.add("good" if before in _NOT or "free" in words else "bad")
    return "bad" if "bad" in found else "good" if found else None


def is_called_good(name: str) -> bool:
    """Returns whether the whole name says that parts are good, as `OK` and `no defect` do: no type of defect is called
    so."""
    return meaning_of(name) == "good" and all(word in _GOOD | _BAD | _NOT | {"free"} for word in _words(name))


def bad_folder_among(folders: Iterable[Path], root: Path) -> str | None:
    """Returns which folder below `root`, or on the way there, holds bad parts by its name, and why; else None.

    That is where the name says so, or where it says nothing and the folder beside it is named good. Of the root's own
    name only the whole counts: a folder may well be called defect_detection.
    """
    ways = [folder.relative_to(root).parts for folder in folders]
    below = {root.joinpath(*way[:depth]) for way in ways for depth in range(1, len(way) + 1)}
    meanings = {folder: meaning_of(folder.name) for folder in sorted(below)}
    good = {folder.parent: folder for folder, meaning in meanings.items() if meaning == "good"}
    for folder, meaning in meanings.items():
        if meaning == "bad":
            return f"{folder}: holds bad parts, by its name"
        if meaning is None and folder.parent in good:
            return f"{folder}: holds other than good parts, for it lies beside {good[folder.parent].name}"
    whole = _words(root.absolute().name)
    if not good and meaning_of(root.absolute().name) == "bad" and all(word in _GOOD | _BAD | _NOT for word in whole):
        return f"{root}: holds bad parts, by its name"
    return None


def _words(name: str) -> list[str]:
    """Returns the words of a name in small letters; `i.O.`, `n.i.O.` and `in Ordnung` are one word each."""
    short = re.sub(r"(?i)\b(n?)\.?i\.?\s?o\b|in[\W_]*ordnung", r"\1io", name)
    parted = re.sub(r"(?<=[a-z]{2})(?=[A-Z])", " ", short)
    return [_without_thing(word) for word in re.findall(r"[^\W\d_]+", parted.casefold())]


def _without_thing(word: str) -> str:
    bare = (word.removesuffix(thing) for thing in _THINGS if word.endswith(thing))
    return next((rest for rest in bare if rest in _GOOD | _BAD), word)

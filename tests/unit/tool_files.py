"""Made-up files of ratings, each exactly in the form of one tool.

Every writer gets the same traces, so that all forms must give the same labels.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

RECORDINGS = ("p01", "p02", "p03")
RATERS = ("anna", "ben", "eva")
DIMENSIONS = ("arousal", "valence")

SECONDS = 12.0
"""Length of the recordings [s]."""


def value(recording: str, rater: str, dimension: str, time: np.ndarray) -> np.ndarray:
    """A trace between -1 and 1; raters differ in level and gain, not in shape."""
    phase = RECORDINGS.index(recording) + 2 * DIMENSIONS.index(dimension)
    own = RATERS.index(rater)
    gain, level = (0.5, 0.8, 0.6)[own], (0.0, -0.1, 0.15)[own]
    return np.round(gain * np.sin(0.7 * time + phase) + level, 4)


def seconds(rate: float, start: float = 0.0) -> np.ndarray:
    return np.round(np.arange(start, SECONDS + 1e-9, 1 / rate), 6)


@dataclass
class Corpus:
    """What was written.

    Attributes
    ----------
    ratings
        Section of the configuration that the form needs.
    rate
        Samples per second.
    scale
        Maps a value of the corpus's scale to that of the files.
    """

    ratings: dict = field(default_factory=dict)
    rate: float = 4.0
    scale: Callable[[np.ndarray], np.ndarray] = lambda x: x
    start: float = 0.0
    dimensions: tuple[str, ...] = DIMENSIONS
    turned: Callable[[np.ndarray], np.ndarray] = lambda x: x


def save(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def each(dimensions=DIMENSIONS):
    return [(p, r, d) for p in RECORDINGS for r in RATERS for d in dimensions]


PERCENT = {"from": [0, 100], "to": [-1, 1]}


def percent(x):
    return np.round(50 * (x + 1), 2)


def carma(folder: Path) -> Corpus:
    """One rater and dimension a file; the range is in the head."""
    for p, r, d in each():
        t = seconds(1, 1)
        rows = "".join(
            f'"{s:g}","{v:g}"\n' for s, v in zip(t, 100 * value(p, r, d, t), strict=True)
        )
        save(
            folder / "carma" / r / f"{p}_{d}.csv",
            '"Time of Rating","12-Jan-2015 10:00:00"\n'
            f'"Multimedia File","C:\\data\\{p}.wav"\n'
            '"Lower Label","very low"\n"Upper Label","very high"\n'
            '"Minimum Value","-100"\n"Maximum Value","100"\n"Number of Steps","9"\n'
            f'"Second","Rating"\n"%%%%%%","%%%%%%"\n{rows}',
        )
    return Corpus({"scale": {"from": "declared", "to": [-1, 1]}}, rate=1, start=1)


def carma_old(folder: Path) -> Corpus:
    for p, r, d in each():
        t = seconds(1, 1)
        rows = "".join(
            f"C:\\data\\{p}.wav,low,high,-100,0,100,9,{s:g},{v:g}\n"
            for s, v in zip(t, 100 * value(p, r, d, t), strict=True)
        )
        save(
            folder / "ratings" / f"{p}_{r}_{d}.csv",
            "Filename,Lower Label,Upper Label,Minimum Value,Midpoint Value,Maximum Value,"
            f"Number of Steps,Second,Rating\n{rows}",
        )
    return Corpus({"scale": {"from": "declared", "to": [-1, 1]}}, rate=1, start=1)


def darma(folder: Path) -> Corpus:
    """Two dimensions in one file."""
    for p in RECORDINGS:
        for r in RATERS:
            t = seconds(1, 1)
            x, y = (1000 * value(p, r, d, t) for d in DIMENSIONS)
            rows = "".join(f"{s:g},{a:g},{b:g},0\n" for s, a, b in zip(t, x, y, strict=True))
            save(
                folder / "darma" / f"{p}-{r}.csv",
                f"Time of Rating,12-Jan-2015 10:00:00\nMultimedia File,{p}.wav\n"
                f"Magnitude,1000\nSecond,Arousal,Valence,Button\n"
                f"%%%%%%,%%%%%%,%%%%%%,%%%%%%\n{rows}",
            )
    return Corpus({"scale": {"from": "declared", "to": [-1, 1]}}, rate=1, start=1)


def continuum(folder: Path) -> Corpus:
    for p, r, d in each():
        t = seconds(4)
        rows = "".join(
            f"{k},{s:g},{v:g}\n" for k, (s, v) in enumerate(zip(t, value(p, r, d, t), strict=True))
        )
        save(
            folder / r / d / f"{p}.csv",
            f"# media: {p}.wav\n# software: Continuum 1.0\nsample_index,media_time_s,value\n{rows}",
        )
    return Corpus()


def pagan(folder: Path) -> Corpus:
    """All changes of all people in one log, out of order; Ben has two sessions, Kim never moved."""
    rows = []
    for p in RECORDINGS:
        for r in RATERS:
            t = seconds(4)
            for s, v in zip(t, value(p, r, "arousal", t), strict=True):
                made = 1_600_000_000_000 + int(1000 * s)
                rows.append(f"{p}.wav,DB_1,{r},S-{r}-{p},{made},{1000 * s:.0f},{v:g}")
        rows.append(f"{p}.wav,DB_1,ben,S-old-{p},1500000000000,500,9")
    rows = rows[::-1]
    head = "OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value"
    table = [f",{head},Group"] + [f"{k},{row},Expert" for k, row in enumerate(rows)]
    save(folder / "log.csv", "\n".join(table) + "\n")
    return Corpus({"interpolation": "hold"}, dimensions=("arousal",))


def _nova(folder: Path, p: str, r: str, d: str, binary: bool) -> None:
    t = seconds(4)[:-1]
    v = value(p, r, d, t).astype(np.float32)
    path = folder / p / f"novice.{d}.{r}.annotation"
    save(
        path,
        '<?xml version="1.0" ?>\n<annotation ssi-v="3">\n'
        f'    <info ftype="{"BINARY" if binary else "ASCII"}" size="{len(v)}" />\n'
        f'    <meta annotator="{r}" role="novice" />\n'
        f'    <scheme name="{d}" type="CONTINUOUS" sr="4" min="-1" max="1" />\n</annotation>\n',
    )
    data = path.with_name(path.name + "~")
    if binary:
        data.write_bytes(np.stack([v, np.ones_like(v)], axis=1).astype("<f4").tobytes())
    else:
        data.write_text("".join(f"{x:.6f};1.000000\n" for x in v))


def nova(folder: Path) -> Corpus:
    for p, r, d in each():
        _nova(folder, p, r, d, binary=False)
    return Corpus()


def nova_binary(folder: Path) -> Corpus:
    for p, r, d in each():
        _nova(folder, p, r, d, binary=True)
    return Corpus()


def nova_csv(folder: Path) -> Corpus:
    for p, r, d in each():
        t = seconds(4)
        rows = "".join(f"{s:g};{v:g};1\n" for s, v in zip(t, value(p, r, d, t), strict=True))
        save(folder / "export" / f"{p}.{d}.{r}.csv", rows)
    return Corpus({"format": "nova_csv"})


def annemo(folder: Path) -> Corpus:
    for p, r, d in each():
        t = seconds(4)
        rows = f"2013-01-01 10:00:00,1000,{r},{p},{d},0,0.9,0\n" + "".join(
            f"2013-01-01 10:00:{s:06.3f},{1000 + 1000 * s:.0f},{r},{p},{d},{s:g},{v:g},1\n"
            for s, v in zip(t, value(p, r, d, t), strict=True)
        )
        save(folder / "results" / f"{r}_{p}_{d}.csv", rows)
    return Corpus()


def muse_toolbox(folder: Path) -> Corpus:
    """A column per rater, named by a number; milliseconds."""
    for p in RECORDINGS:
        for d in DIMENSIONS:
            t = seconds(4)
            columns = [value(p, r, d, t) for r in RATERS]
            rows = "".join(
                f"{1000 * s:.0f},{','.join(f'{x:g}' for x in own)}\n"
                for s, *own in zip(t, *columns, strict=True)
            )
            save(folder / "annotations" / d / f"{p}.csv", f"timestamp,1,2,3\n{rows}")
    return Corpus()


def spreadsheet(folder: Path) -> Corpus:
    """Semicolons, decimal commas, UTF-16, percent, a line for spreadsheets, a folder per rater."""
    for p, r, d in each():
        t = seconds(4)
        rows = "".join(
            f"{s:g};{v:g}%\r\n" for s, v in zip(t, percent(value(p, r, d, t)), strict=True)
        )
        text = f"sep=;\r\nZeit (s);Wert\r\n{rows}".replace(".", ",")
        text = text.replace("Wert", "value")
        save(folder / f"rater_{r}" / f"{p}_{d}.csv", text, "utf-16")
    return Corpus({"scale": PERCENT})


def long(folder: Path) -> Corpus:
    """One table of all clips, as R users have it."""
    for d in DIMENSIONS:
        rows = []
        for p in RECORDINGS:
            for r in RATERS:
                t = seconds(4)
                rows += [
                    f"{p}.wav,{r},{s:g},{v:g}\n" for s, v in zip(t, value(p, r, d, t), strict=True)
                ]
        save(folder / "tables" / f"{d}.csv", "Clip,Rater,Second,Rating\n" + "".join(rows))
    return Corpus()


def votes(folder: Path) -> Corpus:
    """A value for each segment of 3 s."""
    for p in RECORDINGS:
        rows = []
        for r in RATERS:
            for start in (0.0, 3.0, 6.0):
                both = (value(p, r, d, np.array([start]))[0] for d in DIMENSIONS)
                rows.append(f"{r},{start},{start + 3},{','.join(f'{v:g}' for v in both)}\n")
        save(folder / "votes" / f"{p}.csv", "Worker,start,end,Arousal,Valence\n" + "".join(rows))
    return Corpus(turned=lambda t: 3 * np.floor(t / 3 + 1e-9))


def wide(folder: Path) -> Corpus:
    for p in RECORDINGS:
        for d in DIMENSIONS:
            t = seconds(4)
            columns = [value(p, r, d, t) for r in RATERS]
            rows = "".join(
                f"{s:g},{','.join(f'{x:g}' for x in own)}\n"
                for s, *own in zip(t, *columns, strict=True)
            )
            save(folder / d / f"{p}.csv", f"time,{','.join(RATERS)}\n{rows}")
    return Corpus()


def elan(folder: Path) -> Corpus:
    """A tier for each rater and dimension; segments of 3 s."""
    for p in RECORDINGS:
        slots, tiers, number = [], [], 0
        for r in RATERS:
            for d in DIMENSIONS:
                annotations = []
                for start in (0.0, 3.0, 6.0):
                    v = value(p, r, d, np.array([start]))[0]
                    one, two = f"ts{len(slots) + 1}", f"ts{len(slots) + 2}"
                    slots += [(one, start), (two, start + 3)]
                    number += 1
                    annotations.append(
                        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" '
                        f'TIME_SLOT_REF1="{one}" TIME_SLOT_REF2="{two}"><ANNOTATION_VALUE>{v:g}'
                        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
                    )
                tiers.append(
                    f'<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{d}_{r}">'
                    + "".join(annotations)
                    + "</TIER>"
                )
        order = "".join(
            f'<TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{1000 * s:.0f}"/>' for name, s in slots
        )
        save(
            folder / "eaf" / f"{p}.eaf",
            '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" '
            'DATE="2020-01-01T10:00:00+01:00" FORMAT="3.0" VERSION="3.0" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
            f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>\n<TIME_ORDER>{order}</TIME_ORDER>\n'
            + "\n".join(tiers)
            + '\n<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" '
            'TIME_ALIGNABLE="true"/>\n</ANNOTATION_DOCUMENT>\n',
        )
    return Corpus(turned=lambda t: 3 * np.floor(t / 3 + 1e-9))


def praat(folder: Path) -> Corpus:
    for p in RECORDINGS:
        tiers = []
        for r in RATERS:
            for d in DIMENSIONS:
                intervals = []
                for k, start in enumerate((0.0, 3.0, 6.0, 9.0)):
                    v = value(p, r, d, np.array([start]))[0]
                    text = "" if start == 9 else f"{v:g}"
                    intervals.append(
                        f"        intervals [{k + 1}]:\n            xmin = {start:g} \n"
                        f'            xmax = {start + 3:g} \n            text = "{text}" \n'
                    )
                tiers.append(
                    f'    item [{len(tiers) + 1}]:\n        class = "IntervalTier" \n'
                    f'        name = "{d}_{r}" \n        xmin = 0 \n        xmax = {SECONDS:g} \n'
                    f"        intervals: size = 4 \n{''.join(intervals)}"
                )
        save(
            folder / "grids" / f"{p}.TextGrid",
            'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \n'
            f"xmax = {SECONDS:g} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
            + "".join(tiers),
        )
    return Corpus(turned=lambda t: 3 * np.floor(t / 3 + 1e-9))


def anvil(folder: Path) -> Corpus:
    for p in RECORDINGS:
        tracks = []
        for r in RATERS:
            for d in DIMENSIONS:
                elements = "".join(
                    f'<el index="{k}" start="{s:g}" end="{s + 3:g}"><attribute name="value">'
                    f"{value(p, r, d, np.array([s]))[0]:g}</attribute></el>"
                    for k, s in enumerate((0.0, 3.0, 6.0))
                )
                tracks.append(f'<track name="{d}.{r}" type="primary">{elements}</track>')
        save(
            folder / "anvil" / f"{p}.anvil",
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<annotation><head/><body>'
            + "".join(tracks)
            + "</body></annotation>\n",
        )
    return Corpus(turned=lambda t: 3 * np.floor(t / 3 + 1e-9))


def deam(folder: Path) -> Corpus:
    """A row per rater; here from 0.5 s on, because the recordings are short."""
    for p in RECORDINGS:
        for d in DIMENSIONS:
            t = seconds(2, 0.5)
            head = ",".join(f"sample_{1000 * s:.0f}ms" for s in t)
            rows = "".join(f"{r},{','.join(f'{x:g}' for x in value(p, r, d, t))}\n" for r in RATERS)
            save(folder / "dynamic" / d / f"{p}.csv", f"WorkerId,{head}\n{rows}")
    return Corpus(rate=2, start=0.5)


FORMS = {
    "table": wide,
    "carma": carma,
    "carma (old)": carma_old,
    "darma": darma,
    "continuum": continuum,
    "pagan": pagan,
    "nova": nova,
    "nova (binary)": nova_binary,
    "nova_csv": nova_csv,
    "annemo": annemo,
    "muse_toolbox": muse_toolbox,
    "deam": deam,
    "spreadsheet": spreadsheet,
    "long": long,
    "votes": votes,
    "elan": elan,
    "anvil": anvil,
    "praat": praat,
}
"""Writers by form; the first word is the name of the reader."""

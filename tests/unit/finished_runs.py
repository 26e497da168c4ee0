"""Finished runs with planted labels and predictions, one dimension and one modality."""

import html
from dataclasses import dataclass, field
from pathlib import Path

import coverage_tables
import numpy as np
import pandas as pd
import yaml

from softaer.core import places, schema, tables
from softaer.core.tasks import BASELINES
from softaer.corpus import read_recordings
from softaer.running.configuration import filled
from softaer.score import score_predictions

TESTED = [f"t{number}" for number in range(8)]
END = 200
"""Labelled frames of a recording."""

LABELS = {
    (name, target): np.random.default_rng(number).normal(size=END).astype(np.float32)
    for number, (name, target) in enumerate((n, t) for n in ["a", "b", *TESTED] for t in "Es")
}
CONFIG = {
    "corpus": {"recordings": "../recordings.csv"},
    "dimensions": ["mood"],
    "modalities": ["audio"],
    "tasks": ["multi"],
    "seeds": [1, 2],
    "evaluation": {"draws": 200},
}


@dataclass
class Run:
    """A finished run that is written with planted predictions."""

    folder: Path
    noise: float = 0.5
    delay: float = 4.0
    said_delay: float | None = None
    config: dict = field(default_factory=dict)
    tested: tuple[str, ...] = tuple(TESTED)
    subjects: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    seed: int = 0
    noises: dict = field(default_factory=dict)
    sexes: dict = field(default_factory=dict)
    raters: dict = field(default_factory=dict)
    """Who rated each recording; without, nothing is known of it, as in results of old versions."""

    def write(self):
        results = self.folder / "results"
        names = {"a": "train", "b": "dev"} | dict.fromkeys(self.tested, "test")
        lines = ["recording,subject,partition,media,annotations,sex"]
        lines += [
            f"{n},{self.subjects.get(n, n)},{p},{n}.wav,{n}.csv,{self.sexes.get(n, '')}"
            for n, p in names.items()
        ]
        table = self.folder / "recordings.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join(lines) + "\n")
        corpus = {"corpus": {"recordings": "recordings.csv"}}
        told = {"delay": self.delay if self.said_delay is None else self.said_delay}
        config = filled({**CONFIG, **corpus, **told, **self.config})
        coverage_tables.write(results / "coverage", names, ("audio",))
        rng, steps, parts = np.random.default_rng(self.seed), round(10 * self.delay), []
        for name in names:
            length = END - steps
            own = pd.DataFrame({"recording": name, "time": np.arange(length) / 10})
            known = LABELS | self.labels
            own["mood_E"], own["mood_sigma"] = (known[name, t][steps:] for t in "Es")
            layout = schema.dataset(["mood_E", "mood_sigma"], ["f"])
            path = places.within(results, places.DATASET, modality="audio", batch=name)
            tables.write(own.assign(f=0.0), layout, path)
            parts.append(own)
        for name, raters in self.raters.items():
            weights = {"recording": name, "dimension": "mood", "rater": raters}
            weights |= {"agreement": 0.5, "weight": 1.0, "fallback": False}
            path = places.within(results, places.RATER_WEIGHTS, batch=name)
            tables.write(pd.DataFrame(weights), schema.RATER_WEIGHTS, path)
        targets = pd.concat(parts, ignore_index=True)
        targets = targets.set_axis(["recording", "time", "E", "sigma"], axis=1)
        recordings, scores = read_recordings(table), []
        for task, seed in [*(("multi", s) for s in (1, 2)), *((task, 0) for task in BASELINES)]:
            made = targets[["recording", "time"]].copy()
            for target in ("E", "sigma"):
                noise = targets["recording"].map(lambda name: self.noises.get(name, self.noise))
                value = targets[target] + noise * rng.normal(size=len(made))
                for suffix in ("", "_raw", "_out_of_fold"):
                    made[f"{target}{suffix}"] = value.astype(np.float32)
            path = places.final_prediction(results, "mood", "audio", task, seed)
            tables.write(made, schema.POSTPROCESSED, path)
            for target in ("E", "sigma"):
                found = score_predictions(targets, made, recordings, target)
                keys = {"dimension": "mood", "target": target, "modality": "audio", "task": task}
                scores.append(found.assign(**keys, fusion=None, seed=seed))
        tables.write(pd.concat(scores), schema.CCC, places.within(results, places.SCORES))
        ceiling = pd.DataFrame(columns=schema.CEILING.names).astype({"frames": "int64"})
        tables.write(ceiling, schema.CEILING, places.within(results, places.CEILING))
        self.write_training(results)
        whole = {"softaer": "1", "commit": None, "configuration": config}
        places.within(results, places.EXPERIMENT).write_text(yaml.safe_dump(whole))
        text = html.escape(yaml.safe_dump(config, sort_keys=False))
        page = f'<h2 id="configuration">Configuration</h2>\n<pre>{text}</pre>'
        places.within(results, places.REPORT).write_text(page)
        return self.folder

    def write_training(self, results):
        network = {"scope": "mood", "modality": "audio", "objective": "E+sigma"}
        rows = {"instance": ["default"], "dev_ccc": [0.5], "seeds": [2], "chosen": [True]}
        path = places.within(results, places.SELECTION, **network)
        tables.write(pd.DataFrame(rows), schema.SELECTION, path)
        for seed in (1, 2):
            curve = [
                (step, 1.0, output, step / 100, step == 30)
                for step in (10, 20, 30)
                for output in ("mood_E", "mood_sigma")
            ]
            path = places.within(results, places.CURVE, **network, instance="default", seed=seed)
            frame = pd.DataFrame(curve, columns=schema.LEARNING_CURVE.names)
            tables.write(frame, schema.LEARNING_CURVE, path)

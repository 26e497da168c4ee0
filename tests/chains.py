"""Post-processing by its definition: every candidate of every fold is fitted on the frames."""

import numpy as np

from softaer.core.concordance import ccc
from softaer.core.correction import Step, Trace, apply_chain, names_of


def pooled_ccc(some):
    """CCC over the concatenated frames; -1 where it is not defined."""
    value = ccc(concatenated(some, "label"), concatenated(some, "prediction"))
    return -1.0 if np.isnan(value) else value


def concatenated(some, part):
    return np.concatenate([getattr(trace, part) for trace in some])


def corrected(trace, chain):
    prediction = apply_chain(chain, trace.prediction)
    return Trace(trace.recording, trace.subject, prediction, trace.label)


def fit(some, names, search):
    """The chain of some steps, one after the other."""
    chain = []
    reach = round(10 * search.max_shift)
    for name in names:
        x, y = concatenated(some, "prediction"), concatenated(some, "label")
        candidates = {
            "median_filter": [(window,) for window in search.median_windows],
            "centring": [(y.mean() - x.mean(),)],
            "scaling": [(x.mean(), y.std() / x.std())],
            "time_shift": [(s / 10,) for s in sorted(range(-reach, reach + 1), key=abs)],
        }[name]
        steps = [Step(name, value) for value in candidates]
        if len(steps) > 1:
            steps.sort(key=lambda s: -round(pooled_ccc([corrected(t, [s]) for t in some]), 12))
        chain.append(steps[0])
        some = [corrected(trace, steps[:1]) for trace in some]
    return chain


def without(some, subject):
    return [trace for trace in some if trace.subject != subject]


def choose(some, search):
    """Steps that improve the concordance out of fold, and their gains."""
    kept, gains, score = [], {}, pooled_ccc(some)
    subjects = dict.fromkeys(trace.subject for trace in some)
    for name in names_of(search):
        folds = {s: fit(without(some, s), [*kept, name], search) for s in subjects}
        gains[name] = pooled_ccc([corrected(t, folds[t.subject]) for t in some]) - score
        if gains[name] > 0:
            kept, score = [*kept, name], score + gains[name]
    return kept, gains


def postprocess(some, search):
    """Chain on all recordings, gains, and the recordings out of fold."""
    kept, gains = choose(some, search)
    chains = {}
    for subject in dict.fromkeys(trace.subject for trace in some):
        others = without(some, subject)
        chains[subject] = fit(others, choose(others, search)[0], search)
    return fit(some, kept, search), gains, [corrected(t, chains[t.subject]) for t in some]

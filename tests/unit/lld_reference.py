"""The stage's descriptors of a sound, and those of plain openSMILE."""

import numpy as np
import opensmile
import pandas as pd

from softaer.audio_lld import compute_lld
from softaer.signals.sound import AUDIO_RATE

REFERENCE_SETS = {
    "IS13_ComParE": opensmile.FeatureSet.IS13,
    "ComParE_2016": opensmile.FeatureSet.ComParE_2016,
    "GeMAPSv01b": opensmile.FeatureSet.GeMAPSv01b,
    "eGeMAPSv02": opensmile.FeatureSet.eGeMAPSv02,
}


def lld_of(sound, feature_set="IS13_ComParE", **options):
    return pd.concat(compute_lld([sound], feature_set, **options), ignore_index=True)


def reference_lld(sound, feature_set):
    smile = opensmile.Smile(
        feature_set=REFERENCE_SETS[feature_set],
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    return smile.process_signal(sound / np.float32(32768), AUDIO_RATE)

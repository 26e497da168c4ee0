"""The default corpus: recordings whose emotion and uncertainty are known because they were planted.

Every figure that the workflow reports on this corpus can be compared with a truth that no corpus of
people has. Planted are, per recording and at ten points a second,

* the emotional state E and the perception uncertainty sigma of arousal and of valence, which
  depend on an outward expression and on a hidden state (:mod:`softaer.simulate.truth`);
* six raters with known reaction lag, gain, bias and reliability, who disagree by sigma,
  independently of each other (:mod:`softaer.simulate.raters`);
* a voice (:mod:`softaer.simulate.voice`) and a face (:mod:`softaer.simulate.expression`) that show
  the expression, and the state when it changes, each through noise of its own
  (:mod:`softaer.simulate.channel`), so that neither tells everything and both together tell more.

These are not recordings of people. The voice is synthetic and says nothing. The faces are two
still photographs, warped into other identities and animated: the portrait of the astronaut Eileen
Collins that comes with scikit-image (``skimage.data.astronaut``; NASA, public domain) and the
portrait of Grace Hopper that comes with matplotlib (``grace_hopper.jpg``; United States Navy).
Whoever is shown did not feel or say what is simulated here. Results on this corpus tell whether
the workflow finds what was planted; they say nothing about how well emotion can be recognised.
"""

"""Lines of progress in the log of a long job."""

import pytest

from softaer.core.progress import EVERY, Progress


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_speed_and_time_left_are_told_from_time_to_time(clock, capsys):
    progress = Progress(200.0, clock)
    clock.now += EVERY / 2
    progress.advance("a", 500, 20.0)
    assert capsys.readouterr().out == ""
    clock.now += EVERY / 2
    progress.advance("a", 500, 40.0)
    said = "a at 40.0 s: 1000 frames, 100 frames/s, 40.0 of 200.0 s, about 40 s left\n"
    assert capsys.readouterr().out == said
    clock.now += 1
    progress.advance("a", 100, 44.0)
    assert capsys.readouterr().out == ""


def test_a_recording_that_ends_is_told_and_counts_for_the_next(clock, capsys):
    progress = Progress(200.0, clock)
    clock.now += 5
    progress.advance("a", 100, 99.0)
    progress.finish("a", 100.0)
    clock.now += EVERY
    progress.advance("b", 50, 50.0)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "a done: 100 frames, 20 frames/s, 100.0 of 200.0 s, about 5 s left"
    assert second == "b at 50.0 s: 150 frames, 10 frames/s, 150.0 of 200.0 s, about 5 s left"


def test_without_a_length_there_is_no_time_left(clock, capsys):
    progress = Progress(None, clock)
    clock.now += EVERY
    progress.advance("a", 30, 1.0)
    assert capsys.readouterr().out == "a at 1.0 s: 30 frames, 3 frames/s\n"

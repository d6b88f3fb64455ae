"""What is learned of a model's tokens: the factor, how far it is off, and what does not move it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.calibration import Calibration, Learned, Spot

SPOT = Spot("p", "m", "input")


def taught(*percents: float, counted: int = 1000) -> Calibration:
    """After samples of a text of so many counted tokens."""
    calibration = Calibration()
    for percent in percents:
        calibration.learn(SPOT, counted, round(counted * percent / 100))
    return calibration


def test_nothing_is_known_before_the_fifth_sample() -> None:
    """A few answers may all be odd ones."""
    assert taught().learned(SPOT) == Learned(None, None, 0)
    assert taught(140, 141, 142, 143).learned(SPOT) == Learned(None, None, 4)
    assert taught(140, 141, 142, 143, 144).learned(SPOT) == Learned(142, None, 5)


def test_the_error_is_that_of_the_factor_before_the_sample() -> None:
    """A factor is not measured by what it was made of."""
    assert taught(*[100] * 5, 125).learned(SPOT) == Learned(100, 20.0, 6)


@given(st.integers(0, 2**32))
def test_noise_and_outliers_do_not_move_it(seed: int) -> None:
    """Three percent of noise, and every fifth sample far off: within 5 % of the truth, as its error says."""
    drawn = random.Random(seed)
    calibration = Calibration()
    for number in range(300):
        counted = drawn.randint(20, 5000)
        percent = drawn.choice((20, 900)) if number % 5 == 0 else 130 * drawn.gauss(1, 0.03)
        calibration.learn(SPOT, counted, max(round(counted * percent / 100), 1))
    learned = calibration.learned(SPOT)
    assert learned.percent == pytest.approx(130, rel=0.05)
    assert learned.error_percent is not None
    assert learned.error_percent < 6


def test_a_model_that_was_replaced_is_learned_anew() -> None:
    """The last 64 samples speak."""
    assert taught(*[130] * 200, *[165] * 33).learned(SPOT).percent == 165


@pytest.mark.parametrize(("counted", "told"), [(15, 20), (1000, 99), (1000, 10_001), (1000, 0), (1000, -3), (0, 5)])
def test_what_cannot_be_this_text_teaches_nothing(counted: int, told: int) -> None:
    """Texts of a few tokens, and usage of something else."""
    calibration = Calibration()
    calibration.learn(SPOT, counted, told)
    assert calibration.learned(SPOT).samples == 0


def test_providers_models_and_sides_are_learned_apart() -> None:
    """The same name may stand for another model at another provider."""
    calibration = taught(*[130] * 5)
    for other in (SPOT._replace(provider="q"), SPOT._replace(model="n"), SPOT._replace(side="output")):
        assert calibration.learned(other).samples == 0
    assert calibration.all() == {SPOT: Learned(130, None, 5)}


def test_the_number_of_spots_is_bounded() -> None:
    """The one that was not used for longest goes; looking at one makes none."""
    calibration = Calibration(max_spots=2)
    for name in ("a", "b", "a", "c"):
        calibration.learn(Spot("p", name, "input"), 100, 120)
    calibration.learned(Spot("p", "d", "input"))
    assert [spot.model for spot in calibration.all()] == ["a", "c"]

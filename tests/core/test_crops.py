"""What each recipe is shown of a run: unpaired frames, degraded targets, or pairs - and nothing of the test."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from nircore.config import Config
from nircore.data import sets, split
from nircore.data.normalise import Normalisation
from nircore.inference import enhance
from nircore.models import LOW_LIGHT_REACH
from nircore.recipe import as_recipe, resolve
from nircore.training import crops, evaluation
from nircore.training.cyclegan import CycleGAN
from tests.core.test_inference import Pointwise

SMALL = {"animals": 12, "height": 96, "width": 80, "crop": 32}


@dataclasses.dataclass(frozen=True)
class Divided:
    """Phantom frames and their split."""

    config: Config
    table: pd.DataFrame

    @property
    def rows(self) -> split.Rows:
        return split.rows_of(self.table)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Divided:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIRCORE_DATA", str(tmp_path_factory.mktemp("data")))
        config = resolve(SMALL)
        yield Divided(config, sets.divided(config)[0])


def recipe(run: Divided, name: str) -> Config:
    return as_recipe(run.config, name).replace(crop=32)


def test_targets_of_every_training_animal_are_degraded_and_none_of_another(run):
    made = crops.of(run.rows, recipe(run, "physics"))
    table = run.table
    seen = table[table["split"].isin(["train", "unused"]) & (table["domain"] == "target")]
    assert len(made.scenes) == len(seen) > (table["split"] == "train").sum() / 2
    assert all(scene.shape == (len(crops.DEPTHS_MM) + 1, 96, 80) for scene in made.scenes)


def test_the_misinformed_recipe_has_other_optics_and_gain_and_all_else_alike(run):
    right, wrong = (recipe(run, name) for name in ("physics", "physics_misinformed"))
    assert (wrong.assumed_scattering, wrong.assumed_gain) == (1.5, 0.7)
    assert wrong.replace(recipe="physics", assumed_scattering=1.0, assumed_gain=1.0) == right
    told, misled = crops.of(run.rows, right), crops.of(run.rows, wrong)
    gain = 0.7 * told.camera.gain_e_per_dn
    assert misled.camera == dataclasses.replace(told.camera, gain_e_per_dn=pytest.approx(gain))
    for scene, other in zip(told.scenes, misled.scenes, strict=True):
        np.testing.assert_array_equal(scene[-1], other[-1])  # the target is the target
        detail = [np.abs(np.diff(image[:-1], axis=-1)).mean((1, 2)) for image in (scene, other)]
        assert (detail[1] < detail[0]).all()  # more scattering, less detail
    assert misled.at(0)[0].isfinite().all()


def test_the_oracle_is_shown_pairs_of_training_animals(run):
    made = crops.of(run.rows, recipe(run, "oracle"))
    low_light, truth = made.at(0)
    assert low_light.shape == truth.shape
    a, b = (image.numpy().ravel() for image in (low_light, truth))
    assert np.corrcoef(a, b)[0, 1] > 0.3
    table = run.table
    allowed = table[table["split"].isin(["train", "unused"]) & (table["domain"] == "low_light")]
    assert len(made.pairs) == len(allowed)


def test_real_frames_are_degraded_without_a_shift(swir_hdr):
    config = resolve({"dataset": "swir-hdr", "data_root": str(swir_hdr), "recipe": "physics"})
    rows = split.rows_of(sets.divided(config)[0])
    made = crops.of(rows, config)
    assert all(len(scene) == 2 for scene in made.scenes)
    assert all(np.array_equal(*scene) for scene in made.scenes)
    assert len(made.scenes) == 8  # five filters of two animals, less a held-out scene of each
    assert 2.0 < made.camera.gain_e_per_dn < 2.8
    assert 11.5 < made.camera.read_noise_dn < 12.6
    names = {row.scene for part in crops.SEEN for row in rows(part, "target")}
    assert not any(name.startswith("M8-1") for name in names)


def noisy_frame(seed: int) -> np.ndarray:
    """A frame 64 x 64 with a noise as large as its range: a third of its pixels lie below black or above white."""
    light = 60 * np.hypot(*np.meshgrid(*2 * [np.linspace(-1, 1, 64)])) / np.sqrt(2)
    return (light + np.random.default_rng(seed).normal(0, 60, light.shape)).astype(np.float32)


def upright(crop: torch.Tensor, frame: np.ndarray) -> np.ndarray:
    """Turn a crop (64, 64) of a whole frame back as the frame lies: where the first pixels agree."""
    ways = [np.rot90(image, k) for image in (crop.numpy(), crop.numpy()[:, ::-1]) for k in range(4)]
    return max(ways, key=lambda way: np.corrcoef(way.ravel(), frame.ravel())[0, 1])


@pytest.mark.parametrize("name", ["ssgan", "cyclegan", "ma2021", "pssgan"])
def test_training_validation_and_use_see_the_same_pixels_and_clip_none(name):
    config = resolve({"recipe": name, "crop": 64})
    frame, target, use, judged = noisy_frame(0), noisy_frame(1), Pointwise(), Pointwise()
    trained = crops.of_frames(config, [frame], [target], crops.View()).at(0)
    enhance(use, frame)
    validator = evaluation.Validator.__new__(evaluation.Validator)
    validator.frames, validator.truths, validator.targets = [frame], [None], [trained[1][0, 0].numpy()]
    validator(judged)
    wanted = Normalisation.of(frame).apply(frame)
    assert np.mean(np.abs(wanted) > 1) > 0.05  # what a clip would touch
    for seen in (upright(trained[0][0, 0], frame), use.seen[0][0, 0].numpy(), judged.seen[0][0, 0].numpy()):
        np.testing.assert_array_equal(seen, wanted)
    made = Normalisation.of(target).apply(target).clip(-1, 1)  # what a generator should make, as far as a tanh goes
    np.testing.assert_array_equal(upright(trained[1][0, 0], target), made)


def test_the_way_back_can_make_the_noise_of_low_light():
    """Planted: with a reach of 1, a fifth of a real 20 ms frame's pixels could not be made."""
    made = CycleGAN(resolve({"recipe": "ssgan", "profile": "smoke"}), torch.device("cpu"))
    assert made.g_ba.reach == LOW_LIGHT_REACH == 3 and made.g_ab.reach == 1
    for layer in (made.g_ab.decoder[-2], made.g_ba.decoder[-2]):
        torch.nn.init.constant_(layer.bias, 10.0)
    x = torch.zeros(1, 1, 64, 64)
    assert made.g_ab(x).max() <= 1 < 2.9 < made.g_ba(x).max() <= 3

"""The methods that the main table on real frames compares: by name, kind and parameter, a function of the fold.

Each gets the frame without outliers and with level rows (`real_frames.cleaned`), as networks
prepare their own input. What learns without the left-out animal is trained where it is first asked for and kept under
`place`; interrupted, it goes on.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from companion import rivals
from companion.rivals import Denoise, noise2void, vst
from companion.study import exposures, real_frames
from companion.study.comparison import CLASSICAL, INPUT, PAIRED, UNPAIRED
from companion.study.real_frames import Key, OfFold, cleaned, low_light, others
from companion.study.shipped import RECIPES, SIZES, STEPS_WITHOUT, kept, left_out, whole
from companion.study.training import fit
from nircore import config
from nircore.data import swir_hdr
from nircore.data.crops import MeasuredCrops
from nircore.data.darks import Darks
from nircore.data.stabilise import Stabilisation
from nircore.inference import NOISE, enhance, prepare, seen
from nircore.inference.shipped import MODELS
from nircore.metrics import with_truth
from nircore.models import checkpoint
from nircore.recipe import resolve
from nircore.training import crops

LOW_LIGHT, PAPER, ORACLE, NOISE2VOID = "low-light", "paper's system", "trained on pairs", "Noise2Void"
COLOURED, STRENGTHS = "VST + BM3D, noise spectrum", (1.0, 1.2)
PLATE_FOLD = "M8-1"  # left out by the models that look at the plate
KNOWN = 0.95  # share of a reference's pixels, at least, for a pair
#: The network and the steps of `realtime`, so that the pairs are what differs.
ORACLE_SETTINGS = SIZES["realtime"] | STEPS_WITHOUT
#: As many core-minutes as `best` takes without an animal, or some more: a step of four networks takes eight times as
#: long as one of its own (`shipped.trainings` has what each took).
PAPER_STEPS = {"epochs": 48, "steps_per_epoch": 13}


def classical() -> dict[Key, OfFold]:
    """Return the frame as it came, and the classical methods that can run here with every candidate."""
    methods: dict[Key, OfFold] = {(LOW_LIGHT, INPUT, 0.0): lambda fold: lambda frame: frame}
    for key, reason in rivals.available().items():
        function, name, grid, *_ = rivals.METHODS[key]
        for value in () if reason else grid:
            methods[name, CLASSICAL, float(value)] = partial(_always, function, value)
    return methods


def coloured(root: Path) -> dict[Key, OfFold]:
    """Return BM3D that is told the noise's spectrum, as the other animals' frames and references show it."""
    if rivals.available()["vst_bm3d"]:
        return {}
    spectrum = cache(partial(_spectrum, root))

    def of_fold(strength: float, fold: str) -> Denoise:
        return lambda frame: rivals.vst_bm3d(cleaned(frame), strength, spectrum=spectrum(fold))

    return {(COLOURED, CLASSICAL, strength): partial(of_fold, strength) for strength in STRENGTHS}


def _spectrum(root: Path, without: str) -> np.ndarray:
    """Return the spectrum of the stabilised noise of all frames but those of an animal."""
    darks, frames, truths = swir_hdr.darks(root), [], []
    for scene in others(root, without):
        frames.append(cleaned(low_light(scene, darks)))
        reference, known = scene.merged(darks)
        truths.append(np.where(known, reference, frames[-1]))
    return vst.noise_spectrum(frames, truths)


def _always(function: Callable[..., np.ndarray], value: float, fold: str) -> Denoise:
    """Return a method that is the same for every fold."""
    return lambda frame: function(cleaned(frame), value)


def learnt(root: Path, place: Path) -> dict[Key, OfFold]:
    """Return the methods that learn, but for the models that ship; `place` is the folder for their trainings.

    Noise2Void sees every low-light frame, those to be restored among them, as its authors do: it knows no target.
    The paper's system, and the network trained on pairs, see the other animals alone.
    """

    def of_fold(short: str, train: Callable[..., Path], fold: str) -> Denoise:
        return partial(enhanced, kept(f"{short}-{fold}", lambda: train(root, place, fold)))

    methods: dict[Key, OfFold] = {
        (PAPER, UNPAIRED, 0.0): cache(partial(of_fold, "paper", paper)),
        (ORACLE, PAIRED, 0.0): cache(partial(of_fold, "oracle", oracle)),
    }
    if not noise2void.available():
        darks = cache(lambda: swir_hdr.darks(root))
        frames = (cleaned(low_light(scene, darks())) for scene in exposures.scenes(root))
        trained = cache(lambda: noise2void.train(list(frames), place))
        methods[NOISE2VOID, UNPAIRED, 0.0] = lambda fold: lambda frame: trained()(cleaned(frame))
    return methods


def shipped(root: Path) -> dict[Key, OfFold]:
    """Return the models that ship, each trained without the animal that is left out."""
    return {
        (name, UNPAIRED, 0.0): cache(lambda fold, name=name: partial(enhanced, left_out(root, name, fold)))
        for name in RECIPES
    }


def of_the_plate(table: pd.DataFrame, learnt: Mapping[Key, OfFold]) -> dict[str, Denoise]:
    """Return what looks at the plate, by name: each method with the parameter that most scenes chose.

    Args:
        table: of `real_frames.tuned`.
        learnt: of `learnt`, trained; models without the animal PLATE_FOLD, for no animal is on the plate.
    """
    methods: dict[str, Denoise] = {LOW_LIGHT: lambda frame: frame}
    for function, name, *_ in rivals.METHODS.values():
        chosen = table.loc[table["method"] == name, "parameter"]
        if len(chosen):
            methods[name] = _always(function, chosen.mode()[0], PLATE_FOLD)
    methods |= {name: of_fold(PLATE_FOLD) for (name, _, _), of_fold in learnt.items()}
    return methods | {name: partial(enhanced, checkpoint.load_generator(file)[0]) for name, file in MODELS.items()}


def enhanced(generator: nn.Module, frame: np.ndarray) -> np.ndarray:
    """Enhance a frame (H, W) in DN above the dark as `nircore enhance --dark` does, as an array."""
    fit = Stabilisation.of(prepare(generator, frame), black=0.0) if generator.input == NOISE else None
    return enhance(generator, frame, fit)[0]


def paper(root: Path, place: Path, without: str) -> Path:
    """Train the paper's system without an animal; return its file.

    Domain A and B are frames of different scenes of the other animals.
    """
    settings = resolve({"recipe": "ssgan", "profile": "benchmark", "dataset": "swir-hdr"})
    settings, darks = settings.replace(select="last", **PAPER_STEPS), swir_hdr.darks(root)
    scenes = [scene for scene in others(root, without) if exposures.LONG_S in scene.files]
    low = [cleaned(low_light(scene, darks)) for scene in scenes[::2]]
    target = [swir_hdr.load(scene.files[exposures.LONG_S], exposures.LONG_S, darks) for scene in scenes[1::2]]
    folder = place / f"paper-{without}"
    fit(settings, crops.of_frames(settings, low, target, crops.View()), folder)
    return folder / "generator.safetensors"


def paper_over_training(root: Path, place: Path) -> pd.DataFrame:
    """Score the paper's system on each left-out animal's band-passes as its training went: `animal`, `steps`, scores.

    Args:
        root: folder of the SWIR_HDR set.
        place: where `paper` trained; what it saved along the way is read.
    """
    rows = []
    for scene, frame, references in real_frames.scenes(root):
        animal = real_frames.fold_of(scene.group)
        if scene.filter in real_frames.BAND_PASSES and scene.group == animal:
            for file in sorted((place / f"paper-{animal}" / "epochs").glob("*.safetensors")):
                generator, config, facts = checkpoint.load_generator(file)
                about = {"animal": animal, "steps": (facts["epoch"] + 1) * config.steps_per_epoch}
                rows.append(about | real_frames.judge(frame, enhanced(generator, frame), references))
    table = pd.DataFrame(rows, columns=["animal", "steps", *real_frames.SCORES])
    return table.groupby(["animal", "steps"], as_index=False).mean()


def oracle(root: Path, place: Path, without: str) -> Path:
    """Train the network of `realtime` on pairs of the other animals, low light and merged reference; return its file.

    Noise in the reference that is independent of the frame's does not move the minimum of a squared error
    (Lehtinen et al., ICML 2018), so a noisy target teaches as well as a clean one.
    """
    settings = resolve({"recipe": "oracle", "profile": "paper", "dataset": "swir-hdr"})
    settings, darks = settings.replace(**ORACLE_SETTINGS), swir_hdr.darks(root)
    pairs = [pair for scene in others(root, without) if (pair := _pair(settings, scene, darks))]
    cut = MeasuredCrops(pairs, settings.crop, settings.batch, settings.seed)
    folder = place / f"oracle-{without}"
    fit(settings, cut, folder)
    return folder / "generator.safetensors"


def _pair(settings: config.Config, scene: exposures.Scene, darks: Darks) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a scene's low-light frame and its reference (H, W), both on the network's scale.

    Exposures differ by some percent and some DN, so a straight line brings the reference to the frame. A scene
    whose reference is unknown in too many places, saturated or bent, makes no pair.
    """
    frame, (reference, known) = low_light(scene, darks), scene.merged(darks)
    if known.mean() < KNOWN:
        return None
    x, fit = seen(settings, frame)
    slope, offset = with_truth.affine_fit(reference, frame, known)
    return x, fit.clean((slope * whole(scene, darks) + offset).astype(np.float32))

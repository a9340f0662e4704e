from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nircore.data import split as module
from nircore.data.split import split
from nircore.errors import NircoreError

SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}


@pytest.fixture(autouse=True)
def content_is_name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogues here are made up: a file's name stands for its content, unless a test makes real files."""
    if "tmp_path" not in request.fixturenames:
        monkeypatch.setattr(module, "sha256", lambda file: file)


def table_of(groups: dict[str, Sequence[tuple[int, int]]]) -> pd.DataFrame:
    """A catalogue from group -> per scene (low-light frames, target frames)."""
    rows = []
    for group, scenes in groups.items():
        for scene, counts in enumerate(scenes):
            for domain, count in zip(("low_light", "target"), counts, strict=True):
                about = {"domain": domain, "group": group, "scene": f"{group}/{scene}"}
                rows += [about | {"file": f"/{domain}/{group}/{scene}/{i}"} for i in range(count)]
    return pd.DataFrame(rows)


def mixed(count: int, low: int = 2, target: int = 1, scenes: int = 2) -> pd.DataFrame:
    return table_of({f"m{i:02d}": [(low, target)] * scenes for i in range(count)})


@st.composite
def catalogues(draw: st.DrawFn) -> pd.DataFrame:
    """Catalogues that can be split by group: at least three groups in each domain, mixed or of one domain."""
    size = st.integers(1, 6)
    both = draw(st.lists(st.tuples(size, size), max_size=14))
    need = max(0, 3 - len(both))
    low = draw(st.lists(size, min_size=need, max_size=need + 8))
    target = draw(st.lists(size, min_size=need, max_size=need + 8))
    sizes = [*both, *((n, 0) for n in low), *((0, n) for n in target)]
    groups = {f"g{i:02d}": [counts, counts] for i, counts in enumerate(sizes)}
    return table_of(groups)


def assigned(table: pd.DataFrame, by: str = "group") -> pd.Series:
    """The one split of each group; "unused" frames were training frames of a group dealt to the other domain."""
    splits = table["split"].replace("unused", "train").groupby(table[by]).unique()
    assert (splits.map(len) == 1).all()
    return splits.map(lambda names: names[0])


def in_both_domains(table: pd.DataFrame, by: str) -> set[str]:
    train = table[table["split"] == "train"]
    return set(train.loc[train["domain"] == "low_light", by]) & set(train.loc[train["domain"] == "target", by])


@settings(max_examples=40, deadline=None)
@given(catalogues(), st.integers(0, 2**31 - 1), st.randoms(use_true_random=False))
def test_groups_stay_whole_domains_unpaired_and_nothing_depends_on_row_order(table, seed, random) -> None:
    result = split(table, seed=seed)
    assert sorted(result["file"]) == sorted(table["file"])
    assert set(assigned(result)) == set(SHARES)
    for name in SHARES:
        assert set(result.loc[result["split"] == name, "domain"]) == {"low_light", "target"}
    train = result[result["split"] == "train"]
    assert not in_both_domains(result, "group" if train["group"].nunique() > 1 else "scene")
    assert set(result["split_by"]) == {"group"}
    order = list(range(len(table)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(split(table.iloc[order], seed=seed), result)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=6), st.integers(0, 99))
def test_few_groups_are_split_as_near_as_any_assignment_can(sizes, seed) -> None:
    table = table_of({f"g{i}": [(n, n), (n, n)] for i, n in enumerate(sizes)})
    chosen = assigned(split(table, seed=seed))

    def distance(names: Sequence[str]) -> float:
        shares = [sum(n for n, s in zip(sizes, names, strict=True) if s == name) / sum(sizes) for name in SHARES]
        return sum((a - b) ** 2 for a, b in zip(shares, SHARES.values(), strict=True))

    everything = (names for names in product(SHARES, repeat=len(sizes)) if set(names) == set(SHARES))
    best = min(distance(names) for names in everything)
    assert distance([chosen[f"g{i}"] for i in range(len(sizes))]) == pytest.approx(best, abs=1e-12)


def test_a_forced_test_animal_leaves_whole_scenes_for_validation() -> None:
    table = mixed(3, scenes=5)
    for seed in range(5):
        result = split(table, seed=seed, test_groups=("m02",))
        assert set(result.loc[result["split"] == "test", "group"]) == {"m02"}
        assert set(result.loc[result["group"] == "m02", "split"]) == {"test"}
        scenes = assigned(result, "scene")
        assert scenes.value_counts().to_dict() == {"train": 8, "validation": 2, "test": 5}
        assert set(result.loc[result["split"] == "validation", "group"]) == {"m00", "m01"}
        assert not in_both_domains(result, "group")
        assert result.groupby("group")["split_by"].unique().map(list).to_dict() == {
            "m00": ["scene"],
            "m01": ["scene"],
            "m02": ["group"],
        }


def test_one_animal_needs_leave_to_be_split_by_scene() -> None:
    table = mixed(1, scenes=10)
    with pytest.raises(
        NircoreError, match=r"needs 3 groups in each domain, and there are 1 \(m00\).*allow_scene_split"
    ):
        split(table)
    result = split(table, allow_scene_split=True)
    assert set(result["split_by"]) == {"scene"}
    assert set(assigned(result, "scene")) == set(SHARES)
    assert not in_both_domains(result, "scene")
    assert set(split(mixed(4), allow_scene_split=True)["split_by"]) == {"group"}


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (mixed(2), {}, "needs 3 groups"),
        (table_of({"a": [(1, 1)], "b": [(1, 1)], "c": [(1, 0)]}), {}, "there are 2"),
        (mixed(1, scenes=2), {"allow_scene_split": True}, "needs 3 scenes"),
        (mixed(3, scenes=1), {}, "only training scene"),
        (mixed(3, scenes=1), {"test_groups": ("m00",)}, "needs 2 scenes"),
        (mixed(3), {"test_groups": ("m09",)}, "m09: choose among m00, m01, m02"),
        (mixed(3), {"test_groups": ("m00", "m01", "m02")}, "every group"),
        (
            table_of({f"a{i}": [(1, 0), (1, 0)] for i in range(4)} | {f"b{i}": [(0, 1)] for i in range(4)}),
            {"test_groups": ("a1",)},
            "test split has no target",
        ),
        (mixed(3).query("domain == 'target'"), {}, "no low_light frames"),
        (mixed(3), {"fractions": (0.7, 0.3, 0.0)}, "sum to 1"),
        (mixed(3), {"fractions": (0.7, 0.2, 0.2)}, "sum to 1"),
    ],
)
def test_what_cannot_be_split_is_refused(table: pd.DataFrame, options: dict, words: str) -> None:
    with pytest.raises(NircoreError, match=words):
        split(table, **options)


@pytest.mark.parametrize("where", ["test split", "other domain", "same split"])
def test_the_same_file_in_two_splits_or_domains_is_refused(tmp_path: Path, where: str) -> None:
    table = mixed(6)
    table["file"] = [str(tmp_path / file.strip("/").replace("/", "_")) for file in table["file"]]
    for file in table["file"]:
        Path(file).write_text(file)
    result = split(table)
    assert result["sha256"].is_unique and result["sha256"].map(len).eq(64).all()
    train, test = (result[result["split"] == name] for name in ("train", "test"))
    one = train.iloc[0]
    others = {"test split": test, "other domain": train[train["domain"] != one["domain"]]}
    other = others.get(where, train[train["group"] == one["group"]].iloc[1:]).iloc[0]
    Path(other["file"]).write_bytes(Path(one["file"]).read_bytes())
    if where == "same split":
        return pd.testing.assert_series_equal(assigned(split(table)), assigned(result))
    with pytest.raises(NircoreError, match="the same file: remove one") as caught:
        split(table)
    assert one["file"] in str(caught.value) and other["file"] in str(caught.value)

"""A stream loses nothing unless told to, counts what it loses, and ends cleanly however it ends."""

import _thread
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from threadpoolctl import threadpool_info

import nircore as package
from nircore.errors import NircoreError
from nircore.inference import engines
from nircore.models import UNetGenerator, initialise
from nirlab.stream import Account, stream, to_folder
from tests.lab.made import OneStep

COUNT = 40


@pytest.fixture(autouse=True)
def interruptible():
    """Shells start background jobs with interrupts ignored; here they count."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def camera(pause: float = 0.0, count: int = COUNT):
    for k in range(count):
        time.sleep(pause)
        yield np.full((16, 16), float(k))


class Disk:
    """Remembers what was written."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause, self.frames = pause, {}

    def __call__(self, index: int, image: np.ndarray) -> None:
        time.sleep(self.pause)
        assert index not in self.frames
        self.frames[index] = float(image[0, 0])


class Three:
    """Adds 1000 in three steps, any of which may take its time or break; remembers who did what."""

    def __init__(self, pauses: dict[str, float] | None = None, broken: str = "") -> None:
        self.pauses, self.broken, self.done = pauses or {}, broken, []

    def _step(self, name: str, index: float) -> None:
        if name == self.broken and index == 2:
            raise ValueError(name)
        time.sleep(self.pauses.get(name, 0))
        self.done.append((name, index, threading.get_ident()))

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, float]:
        self._step("prepare", pixels[0, 0])
        return pixels + 10, pixels[0, 0]

    def run(self, x: np.ndarray) -> np.ndarray:
        self._step("run", x[0, 0] - 10)
        return x + 500

    def finish(self, values: np.ndarray, fit: float) -> np.ndarray:
        assert values[0, 0] == fit + 510
        self._step("finish", fit)
        return values + 490

    def __str__(self) -> str:
        return "engine abacus, float16"


def slow(pause: float) -> OneStep:
    def enhance(pixels: np.ndarray) -> np.ndarray:
        time.sleep(pause)
        return pixels + 1000

    return OneStep(enhance)


@pytest.mark.parametrize(("source", "network", "disk"), [(0, 0.003, 0), (0.003, 0, 0), (0, 0, 0.003), (0, 0, 0)])
def test_nothing_is_lost_whichever_is_slowest(source, network, disk):
    writer = Disk(disk)
    account = stream(camera(source), slow(network), writer, size=2)
    assert writer.frames == {k: k + 1000.0 for k in range(COUNT)}
    assert (account.read, account.written, account.dropped) == (COUNT, COUNT, 0)
    assert len(account.latencies_s) == COUNT and not account.interrupted


@pytest.mark.parametrize("slowest", ["prepare", "run", "finish"])
@pytest.mark.parametrize("when_full", ["block", "drop"])
def test_steps_have_threads_of_their_own_and_keep_the_order(slowest, when_full):
    writer, steps = Disk(), Three({slowest: 0.004})
    account = stream(camera(0.001), steps, writer, size=2, when_full=when_full)
    assert account.read == COUNT == account.written + account.dropped
    assert all(value == index + 1000 for index, value in writer.frames.items())
    threads = set()
    for name in ("prepare", "run", "finish"):
        own = [(index, thread) for step, index, thread in steps.done if step == name]
        assert [index for index, _ in own] == sorted(writer.frames) == list(writer.frames)
        threads |= {thread for _, thread in own}
    assert len(threads) == 3 and threading.get_ident() not in threads
    assert "engine abacus, float16" in str(account)


def test_a_stream_s_frames_are_those_of_its_enhancer():
    generator = initialise(UNetGenerator(2, 1), 0).eval()
    movie = list(np.random.default_rng(0).poisson(300, (5, 32, 40)).astype(np.float32))
    alone, written = engines.Pipeline("torch", generator), {}
    account = stream(movie, engines.Pipeline("torch", generator), written.__setitem__)
    for index, frame in enumerate(movie):
        assert np.array_equal(written[index], alone(frame))
    assert "engine torch, float32" in str(account)


@pytest.mark.parametrize(("count", "given"), [(1, {}), (4, {}), (8, {"temporal": "both"})])
def test_blas_has_its_threads_back_however_many_threads_enhance(count, given):
    def blas() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before, shown = blas(), np.random.default_rng(0).normal(500, 12, (count, 2, 48, 64)).astype(np.float32)
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda frame: package.enhance(frame, model="realtime", **given), shown))
    assert blas() == before


@pytest.mark.parametrize(("network", "disk"), [(0.02, 0), (0, 0.02)])
def test_what_is_dropped_is_counted(network, disk):
    writer = Disk(disk)
    account = stream(camera(0.001), slow(network), writer, size=2, when_full="drop")
    assert account.dropped > 0
    assert account.read == COUNT == account.written + account.dropped
    assert len(writer.frames) == account.written
    assert all(value == index + 1000 for index, value in writer.frames.items())
    assert f"{account.dropped} dropped" in str(account)


def test_an_interrupt_ends_the_source_and_writes_what_was_read():
    writer, before = Disk(), threading.active_count()

    def pressed():
        for frame in camera(0.002, 100_000):
            if frame[0, 0] == 20:
                _thread.interrupt_main()
            yield frame

    account = stream(pressed(), slow(0), writer, size=2)
    assert account.interrupted and 20 <= account.read < 100_000
    assert account.read == account.written == len(writer.frames)
    assert threading.active_count() == before


def test_an_interrupt_ends_a_source_that_waits_for_a_frame_in_vain():
    released = threading.Event()

    def waiting():
        yield from camera(count=3)
        _thread.interrupt_main()
        released.wait(30)

    writer = Disk()
    account = stream(waiting(), slow(0), writer)
    released.set()
    assert account.interrupted and len(writer.frames) == account.written == 3


def test_an_interrupt_may_come_at_any_moment():
    for moment in range(40):
        writer = Disk()
        timer = threading.Timer(0.002 * moment, _thread.interrupt_main)

        def endless(timer=timer):
            timer.start()
            yield from camera(0.001, 100_000)

        account = stream(endless(), slow(0), writer)
        assert account.interrupted and account.read == account.written == len(writer.frames)


def test_a_second_interrupt_ends_the_program():
    def stubborn():
        yield np.zeros((16, 16))
        _thread.interrupt_main()
        time.sleep(1)

    timer = threading.Timer(0.4, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stream(stubborn(), OneStep(lambda pixels: time.sleep(2) or pixels), Disk())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("where", ["source", "prepare", "run", "finish", "disk"])
def test_an_error_anywhere_ends_the_stream_and_is_raised(where):
    def broken(*_):
        raise ValueError(where)

    def source():
        yield from camera(count=3)
        if where == "source":
            broken()
        yield from camera()

    before = threading.active_count()
    with pytest.raises(ValueError, match=where):
        stream(source(), Three(broken=where), broken if where == "disk" else Disk(), size=2)
    assert threading.active_count() <= before  # a source given up on earlier may end meanwhile


def test_to_folder_writes_floats_in_the_frame_s_unit(tmp_path):
    account = stream(camera(count=3), slow(0), to_folder(tmp_path / "out"))
    assert account.written == 3
    assert [file.name for file in sorted((tmp_path / "out").iterdir())] == [f"frame_{k:06d}.tif" for k in range(3)]
    image = tifffile.imread(tmp_path / "out" / "frame_000002.tif")
    assert image.dtype == np.float32
    assert (image == 1002).all()


def test_what_is_no_stream_is_refused(tmp_path):
    with pytest.raises(NircoreError, match="when_full='lose'"):
        stream(camera(), slow(0), Disk(), when_full="lose")
    assert "0 frames read" in str(Account())

"""What is known of each pair and timeframe that is followed."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.bars.gapless import BarSequencer
from shared.ports.exchange import KlineFrame, Stream


@dataclass(slots=True)
class BarTrack:
    """One pair and timeframe: its sequencer, and when REST may be asked for it again.

    asking: whether a worker asks for it now, or will soon.
    failures: how many questions in a row brought nothing.
    not_before_steady_ns: steady time before which nothing is asked.
    refused: the exchange does not know the pair, so nothing is asked until it is listed again.
    newest: the last frame, of a finished or a forming bar.
    """

    stream: Stream
    sequencer: BarSequencer
    asking: bool = False
    failures: int = 0
    not_before_steady_ns: int = 0
    refused: bool = False
    newest: KlineFrame | None = None

    @property
    def symbol(self) -> str:
        return self.stream.symbol

    @property
    def timeframe(self) -> str:
        return self.stream.kind

    @property
    def feed(self) -> str:
        """The feed's name in ``FeedLost``."""
        return f"bars:{self.stream.kind}"

    def wants_rest(self, due_ns: int) -> bool:
        """Whether REST has to be asked: for history, for a gap, or for bars that had to close by ``due_ns``."""
        sequencer = self.sequencer
        return sequencer.cold or sequencer.gap is not None or sequencer.due(due_ns) is not None

    def try_again_soon(self) -> None:
        """Something changed for the better: forget earlier failures."""
        self.failures, self.not_before_steady_ns, self.refused = 0, 0, False


class BarTracks:
    """All tracks, by stream.

    off: pairs that the exchange no longer knows; nothing is asked for them.
    halted: pairs that it lists but does not trade now; silence is nothing unusual there.
    """

    def __init__(self) -> None:
        self._tracks: dict[Stream, BarTrack] = {}
        self.off: set[str] = set()
        self.halted: set[str] = set()

    def __len__(self) -> int:
        return len(self._tracks)

    def add(self, stream: Stream, last_open_ns: int | None) -> BarTrack:
        track = BarTrack(stream, BarSequencer(stream.kind, last_open_ns))
        self._tracks[stream] = track
        return track

    def get(self, symbol: str, timeframe: str) -> BarTrack | None:
        return self._tracks.get(Stream(symbol, timeframe))

    def of(self, symbol: str) -> list[BarTrack]:
        return [track for track in self._tracks.values() if track.symbol == symbol]

    def total(self, counter: str) -> int:
        """One of the sequencers' counters, summed over all tracks."""
        return sum(getattr(track.sequencer, counter) for track in self._tracks.values())

    def symbols(self) -> list[str]:
        """The pairs that are followed and that the exchange lists."""
        return list(dict.fromkeys(track.symbol for track in self.active()))

    def active(self) -> Iterator[BarTrack]:
        """Those of pairs that the exchange lists."""
        return (track for track in self._tracks.values() if track.symbol not in self.off)

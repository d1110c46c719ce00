"""Clients of the line protocol that ask for a photo by its name: judge it now, or say what was said of it."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from blemish.errors import OutputError
from blemish.results.delivery import Delivery
from blemish.results.verdict_lines import LineClient, VerdictLines, not_judged_line, verdict_line
from blemish.watching.arrivals import Arrivals

WAITED_FOR = 10.0
"""Seconds that a photo which was asked for may take to come, and that its verdict may be older than the question."""
_MOST_REMEMBERED = _MOST_OPEN = 1000
_MOST_HEARD = 10_000  # questions that wait for the watch, as while a share does not answer


@dataclass(frozen=True, kw_only=True)
class _Question:
    client: LineClient
    until: float


class Questions:
    """The names that were asked for and not answered yet.

    NAME: judge this photo as soon as it is there, without waiting for it to be quiet. ?NAME: say again what was last
    said of it. A verdict that everybody was told answers one NAME that comes after it, for who asks may be late.
    """

    def __init__(
        self, arrivals: Arrivals, latest: Callable[[str], Delivery | None], *, wake: Callable[[], object]
    ) -> None:
        """`latest` says what was last said of a name; `wake` is called, in another thread, where there is a question.

        Answers go to `lines`, which is set when it is there."""
        self.lines: VerdictLines | None = None
        self._arrivals = arrivals
        self._latest = latest
        self._wake = wake
        self._heard: deque[tuple[str, LineClient]] = deque()
        self._open: dict[str, list[_Question]] = {}
        self._told: OrderedDict[str, tuple[Delivery, float]] = OrderedDict()

    def hear(self, asked: str, client: LineClient) -> None:
        """Takes a question, or says that it will not be answered where too many wait; may be called in any thread."""
        if len(self._heard) >= _MOST_HEARD:
            self._answer(asked.removeprefix("?"), None, client)
            return
        self._heard.append((asked.replace("\\", "/"), client))
        self._wake()

    def work(self) -> None:
        """Answers what can be answered, and sees to it that what was asked for is judged."""
        while self._heard:
            name, client = self._heard.popleft()
            if name.startswith("?"):
                self._answer(name[1:], self._last_said(name[1:]), client)
            elif (told := self._told.pop(name, None)) and told[1] > monotonic():
                self._answer(name, told[0], client)
            elif sum(map(len, self._open.values())) >= _MOST_OPEN:
                self._answer(name, None, client)
            else:
                question = _Question(client=client, until=monotonic() + WAITED_FOR)
                self._open.setdefault(name, []).append(question)
                self._arrivals.ask_for(name)
        for name, questions in list(self._open.items()):
            while questions and monotonic() > questions[0].until:
                self._answer(name, None, questions.pop(0).client)
            if not questions:
                self._arrivals.ask_no_more(name)
                del self._open[name]

    def told(self, delivery: Delivery) -> None:
        """Learns that everybody was told of a photo: who has asked for it has the answer."""
        name = delivery.record["name"]
        if self._open.pop(name, None) is None:
            self._told[name] = (delivery, monotonic() + WAITED_FOR)
            self._told.move_to_end(name)
            if len(self._told) > _MOST_REMEMBERED:
                self._told.popitem(last=False)
        self._arrivals.ask_no_more(name)

    def was_judged(self, name: str) -> None:
        """Answers who has asked for a photo that turns out to be one judged before."""
        questions = self._open.pop(name, [])
        if questions:
            self._arrivals.ask_no_more(name)
        for question in questions:
            self._answer(name, self._last_said(name), question.client)

    def _last_said(self, name: str) -> Delivery | None:
        """Returns what was last said of a photo; None, too, where the journal cannot be read, of which others tell:
        a line stops what nobody vouches for."""
        try:
            return self._latest(name)
        except OutputError:
            return None

    def _answer(self, name: str, delivery: Delivery | None, client: LineClient) -> None:
        if self.lines is not None:
            self.lines.send(not_judged_line(name) if delivery is None else verdict_line(delivery), client)

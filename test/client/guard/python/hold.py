"""One hold of an enforcement point, written from the page of the lease protocol (src/decisions/README.md).

`python3 hold.py lease-vectors.json` plays the vectors, and prints a line of JSON for each: its name, and at which step it
went wrong, if it did. What a program needs beside it: a thread that reads the stream and one that pings.
"""
import json
import sys

PACE_MAX = 1.1  # the server's clock is slewed by a tenth at most


class Hold:
    def __init__(self, lease_ms, clocks):
        self.asked_ms, self.clocks = lease_ms, clocks  # clocks(): milliseconds, (monotonic, wall)
        self.pings = {}  # nonce -> (its place among all pings, both clocks when it was sent); not answered yet
        self.sequence = 0
        self.lease = None  # (place of its ping, clocks at t0, milliseconds, the checkpoint's instant)
        self.ended = True
        self.answer, self.until = False, None

    def ping(self, nonce):
        """Call it before the ping is sent: the lease runs from here."""
        self.sequence += 1
        self.pings[nonce] = (self.sequence, self.clocks())

    def state(self, allowed, instant, missing_fields=(), valid_for_ms=None):
        """What `states` and `flips` say of it."""
        self.answer = allowed and not missing_fields
        self.until = None if valid_for_ms is None else instant + valid_for_ms

    def refused(self):
        self.answer = False

    def checkpoint(self, instant, nonce=None, lease_ms=None):
        """Call it after the states before it were taken and what they ended was stopped; then acknowledge."""
        if self.until is not None and self.until <= instant:
            self.answer = False  # nothing new came before the checkpoint that passes its validity
        ping = self.pings.pop(nonce, None)  # a nonce counts once
        if ping is None or lease_ms is None or (self.lease is not None and ping[0] <= self.lease[0]):
            return
        self.lease = (ping[0], ping[1], min(lease_ms, self.asked_ms), instant)
        self.ended = False

    def elapsed(self):
        """Since the lease's ping was sent, by whichever clock says more."""
        return max(now - then for now, then in zip(self.clocks(), self.lease[1]))

    @property
    def allowed(self):
        """Compares the clocks each time. A lease that has ended stays so, wherever the clocks are set."""
        if self.lease is None or self.ended:
            return False
        _, _, lease_ms, instant = self.lease
        elapsed = self.elapsed()
        self.ended = elapsed >= lease_ms
        in_time = self.until is None or instant + elapsed * PACE_MAX < self.until
        return self.answer and in_time and not self.ended


def play(lease_ms, steps):
    """At which step, from 1, something else is allowed than is expected; None: nowhere."""
    now = [1_000_000.0, 50_000_000.0]
    hold = Hold(lease_ms, lambda: tuple(now))
    for at, step in enumerate(steps, 1):
        what = step["do"]
        if what in ("pass", "monotonic"):
            now[0] += step["ms"]
        if what in ("pass", "wall"):
            now[1] += step["ms"]
        if what == "ping":
            hold.ping(step["ping"])
        elif what == "state" or what == "flip":
            hold.state(step["allowed"], step["instant"], step.get("missingFields", ()), step.get("validForMs"))
        elif what == "checkpoint":
            hold.checkpoint(step["instant"], step.get("ping", step.get("nonce")), step.get("leaseMs"))
        elif what == "refuse":
            hold.refused()
        elif what == "expect" and hold.allowed != step["allowed"]:
            return at
    return None


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for vector in cases["vectors"]:
        print(json.dumps({"name": vector["name"], "wrongAt": play(cases["leaseMs"], vector["steps"])}))

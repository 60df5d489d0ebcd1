"""One login per code, however often it is submitted: a double tap, a gateway's retry, a second listener."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from typing import Callable

# As long as WeChat's codes live.
MEMORY_S = 300


class OncePerCode:
    """Results by code, in this process. Failures are shared with those who waited and then forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, tuple[float, Future]] = OrderedDict()

    def run(self, code: str, work: Callable[[], object]):
        with self._lock:
            self._forget_old()
            known = self._jobs.get(code)
            if known is None:
                job: Future = Future()
                self._jobs[code] = (time.monotonic(), job)
        if known is not None:
            return known[1].result()
        try:
            job.set_result(work())
        except BaseException as error:
            self.forget(code)
            job.set_exception(error)
        return job.result()

    def forget(self, code: str) -> None:
        with self._lock:
            self._jobs.pop(code, None)

    def _forget_old(self) -> None:
        while self._jobs:
            code, (since, job) = next(iter(self._jobs.items()))
            if time.monotonic() - since < MEMORY_S or not job.done():
                return
            del self._jobs[code]

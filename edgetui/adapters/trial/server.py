"""The real inference server on loopback, for one trial: start, GET /, POST /score, end. Nothing of it is left."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgetui.adapters.files.own_folder import claimed
from edgetui.adapters.trial import words as trial_words
from edgetui.adapters.trial.environments import TrialEnvironment, TrialEnvironments
from edgetui.adapters.trial.layout import Layout, lay_out
from edgetui.adapters.trial.supervised import Ended, Limits, Supervised
from edgetui.core.events import Event, LogLine, Progress, Smoked
from edgetui.core.models import Problem, SampleAnswer, TrialRequest

SERVER = "azureml-inference-server-http"
ANSWER_LIMIT = 1 << 20  # bytes of an answer that are read
RESTARTS = 3  # so many processes that end in init() are enough
PROCESSES = 100  # of one server; a script that forks without end is stopped there
# What `azmlinfsrv` does, but on a socket that is ours: on loopback, with a port that nobody else can take.
_LAUNCHER = """
import contextlib, sys
sys.path.pop(0)
with contextlib.suppress(ImportError):  # before gunicorn 25.1 there is none
    from gunicorn.config import ControlSocketDisable
    ControlSocketDisable.default = True
from gunicorn.app.wsgiapp import WSGIApplication
sys.argv = ["azmlinfsrv", "-b", f"fd://{sys.argv[1]}", "-w", "1", "--timeout", "86400", "--access-logfile", "-",
            "--error-logfile", "/dev/null", "azureml_inference_server_http.server.entry:app"]
WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run()
"""


@dataclass(frozen=True)
class _Reply:
    """What the server said to one request; status 0 where it said nothing."""

    path: str
    status: int
    body: bytes = b""
    run_milliseconds: float | None = None
    sample: str = ""  # another one than the plan's own


@dataclass(frozen=True)
class _Asking:
    """The server is asked now, with this sample; "" is the plan's own."""

    sample: str


class TrialServer:
    """The Trial port; `cache` is edgetui's cache folder."""

    def __init__(self, cache: Path) -> None:
        self._environments, self._folders = TrialEnvironments(cache), cache / "trials"

    def run(self, request: TrialRequest) -> Iterator[Event]:
        """Install, start, ask, end; ends in `Smoked`. EdgeError where the environment cannot be made."""
        environment = yield from self._environments.ensure(request.requirements, request.python, request.index)
        with claimed(self._folders, "trial") as folder:
            yield from _Trial(request, environment, folder).run()


class _Trial:
    """One run of the server."""

    def __init__(self, request: TrialRequest, environment: TrialEnvironment, folder: Path) -> None:
        self._request, self._environment, self._folder = request, environment, folder
        self._replies: dict[str, _Reply] = {}
        self._begun = 0
        self._asked = ""

    def run(self) -> Generator[Event, None, None]:
        laid = lay_out(self._request, self._folder)
        text = laid.script.read_text(encoding="utf-8", errors="replace")
        listening = socket.create_server(("127.0.0.1", 0), backlog=16)
        port = listening.getsockname()[1]
        number = listening.fileno()
        argv = [str(self._environment.python), "-c", _LAUNCHER, str(number)]
        limits = Limits(self._request.seconds, self._request.memory, PROCESSES)
        yield Progress("script", "starting the inference server")
        with contextlib.closing(listening):
            with Supervised(argv, self._environ(laid), laid.app, limits, (number,), self._folder) as running:
                # Only the server holds the socket now: when it ends, whoever asks it is told at once.
                listening.close()
                asking = threading.Thread(target=self._ask, args=(running, port), name="trial", daemon=True)
                asking.start()
                ended: Ended | None = None
                for one in running.happenings():
                    if isinstance(one, str):
                        yield LogLine("script", one)
                        self._begun += trial_words.begins(one)
                        if self._begun == RESTARTS:
                            running.stop()
                    elif isinstance(one, Ended):
                        ended = one
                    elif isinstance(one, _Reply):
                        self._replies[one.sample or one.path] = one
                    else:
                        self._asked = one.sample
                        yield Progress("script", f"asking with {one.sample or 'the sample'}")
                output = list(running.output.tail)
            asking.join(5.0)
        told = trial_words.Told(self._request.name, laid.script, text, output, laid.app)
        yield self._verdict(told, ended or Ended(None, "stopped"))

    def _environ(self, laid: Layout) -> dict[str, str]:
        bin_folder = str(self._environment.python.parent)
        return {
            "PATH": os.pathsep.join([bin_folder, os.defpath]),
            "HOME": str(laid.home),
            "TMPDIR": str(laid.temporary),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AML_APP_ROOT": str(laid.app),
            "AZUREML_ENTRY_SCRIPT": str(laid.script),
            "AZUREML_MODEL_DIR": str(laid.models),
            "AML_APP_INSIGHTS_ENABLED": "false",
            "WORKER_COUNT": "1",
        }

    def _ask(self, running: Supervised, port: int) -> None:
        """In a thread of its own: ask what a device is asked, then end the server. The connection waits until it is up."""
        try:
            health = _request(port, "GET", "/", b"", self._request.seconds)
            running.put(health)
            if health.status == 200 and self._request.sample:
                for name, sample in (("", self._request.sample), *self._request.others):
                    running.put(_Asking(name))
                    reply = _request(port, "POST", "/score", sample.encode(), self._request.seconds)
                    running.put(replace(reply, sample=name))
                    if not reply.status:  # after that nothing is as on a device
                        break
        finally:
            running.stop()

    def _verdict(self, told: trial_words.Told, ended: Ended) -> Smoked:
        health, answer = self._replies.get("/"), self._replies.get("/score")
        up = health is not None and health.status == 200
        problems: list[Problem] = []
        if self._begun >= RESTARTS and not up:
            problems.append(told.restarted())
        elif ended.why in {"deadline", "memory", "processes"}:
            problems.append(told.limit(ended.why, self._request, "run" if up else "init", self._asked))
        elif not up:
            problems.append(told.failure("init", ended.code))
        elif answer is not None and answer.status == 0:
            problems.append(told.failure("run", ended.code))
        elif answer is not None and not 200 <= answer.status < 300:
            problems.append(told.answered(answer.status, answer.body))
        others = [self._replies[name] for name, _ in self._request.others if name in self._replies]
        if not problems:
            problems += (
                told.other(one.sample, one.status, one.body) for one in others if one.status not in range(1, 500)
            )
        return Smoked(
            all(problem.severity == "warning" for problem in problems),
            tuple(problems),
            told.init_seconds(),
            answer.run_milliseconds if answer else None,
            answer.status if answer else 0,
            _value(answer.body) if answer else None,
            ended.peak,
            self._environment.version,
            told.traceback() if problems else (),
            others=tuple(SampleAnswer(one.sample, one.status, _value(one.body)) for one in others),
        )


def _request(port: int, method: str, path: str, body: bytes, seconds: float) -> _Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds + 30)
    with contextlib.closing(connection):
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            took = response.headers.get("x-ms-run-fn-exec-ms")
            return _Reply(path, response.status, response.read(ANSWER_LIMIT), float(took) if took else None)
        except (OSError, http.client.HTTPException, ValueError):
            return _Reply(path, 0)


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")

"""A real Label Studio on 127.0.0.1, with a data folder of its own, for tests, measurements and a person to try.

    python tests/label_studio_server.py                 # with the five seed articles; prints address and login
    python tests/label_studio_server.py -- COMMAND …    # runs a command that finds the server in its environment
    python tests/label_studio_server.py --browser       # prints the path of the browser that drives its pages

`make server` installs it into a virtual environment of its own: it pins old versions of what Rasid uses too.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / ".venv-label-studio" / "bin" / "label-studio"
EMAIL, PASSWORD = "annotator@example.com", "conflict-news"
_LEGACY = "0123456789abcdef0123456789abcdef01234567"
_BOOT = 240.0  # seconds; it makes its database first
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class LabelStudioServer:
    """A running server.

    Attributes:
        url: its address.
        token: a personal access token of the first user.
        legacy_token: the same user's token of the older kind, which the organisation is set to allow.
    """

    def __init__(self, data: Path, port: int | None = None) -> None:
        if not PROGRAM.exists():
            raise RuntimeError(f"{PROGRAM} is missing: `make server` installs Label Studio there")
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.legacy_token = _LEGACY
        self._data = data
        self._log = data / "server.log"
        self.start()
        self._http = self._login()
        self._post("/api/jwt/settings", {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True})
        self.token: str = self._post("/api/token/", {})["token"]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._data.mkdir(parents=True, exist_ok=True)
        settings = {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self._data),
            "DJANGO_DB": "sqlite",
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "false",
            "SECRET_KEY": "of a server on 127.0.0.1 that is thrown away",
            "HOST": self.url,
            "SSRF_PROTECTION_ENABLED": "false",  # a model may answer from this machine
            "USE_DEFAULT_BANNED_SUBNETS": "false",
        }
        command = [str(PROGRAM), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port)]
        command += ["--username", EMAIL, "--password", PASSWORD, "--user-token", _LEGACY, "--log-level", "WARNING"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | settings, cwd=self._data, start_new_session=True
            )
        end = time.monotonic() + _BOOT
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.3)
        self.stop()
        raise RuntimeError(f"Label Studio did not start:\n{self._log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        """End the server and what it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def add_user(self, email: str) -> int:
        """Another member of the organisation; its number."""
        return int(self._post("/api/users/", {"email": email, "username": email.partition("@")[0]})["id"])

    def allow_legacy_tokens(self, allowed: bool) -> None:
        """Whether the organisation takes tokens of the older kind."""
        self._post("/api/jwt/settings", {"api_tokens_enabled": True, "legacy_api_tokens_enabled": allowed})

    def _login(self) -> httpx.Client:
        http = httpx.Client(base_url=self.url, follow_redirects=True, timeout=60)
        http.get("/user/login/")
        form = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        http.post("/user/login/", data=form, headers={"Referer": self.url}).raise_for_status()
        return http

    def _post(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-CSRFToken": self._http.cookies["csrftoken"], "Referer": self.url}
        response = self._http.post(path, json=data, headers=headers)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Stop the server and remove its data."""
        self._http.close()
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def chromium() -> str:
    """The path of a Chromium: the one named in the variable CHROMIUM, the system's, or that of Playwright."""
    found = next(filter(None, (os.environ.get("CHROMIUM"), *map(shutil.which, _BROWSERS))), None)
    if found is None:
        with sync_playwright() as playwright:
            found = playwright.chromium.executable_path
    if not Path(found).is_file():
        raise RuntimeError("no Chromium found: `make browser` installs one, or name one in the variable CHROMIUM")
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main(command: list[str]) -> int:
    """Run ``command`` beside a server; without one, push the seed articles and wait for the keyboard."""
    rasid = str(Path(sys.executable).with_name("rasid"))
    data = Path(tempfile.mkdtemp(prefix="label-studio-"))
    with LabelStudioServer(data) as server:
        environment = os.environ | {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": server.token}
        if command:
            return subprocess.run(command, env=environment, check=False).returncode
        seeds = ROOT / "annotations" / "corpus" / "seeds.jsonl"
        push = [rasid, "annotations", "push", str(seeds), "--project", "Seed articles", "--predict"]
        subprocess.run(push, env=environment, check=True)
        print(f"\n  {server.url}\n  login {EMAIL}, password {PASSWORD}\n\nFor the command line, in another terminal:\n")
        print(f"  export LABEL_STUDIO_URL={server.url}\n  export LABEL_STUDIO_API_KEY={server.token}\n")
        print(f"The server and its data ({data}) go when you press Ctrl+C.", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the server must not outlive us
    if sys.argv[1:] == ["--browser"]:
        print(chromium())
        sys.exit()
    sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))

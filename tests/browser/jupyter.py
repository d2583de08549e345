"""JupyterLab on a folder of its own, and a browser tab that drives it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

_SETTINGS = "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
_QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
_READY = """async () => {
    await window.jupyterapp.restored;
    const session = window.jupyterapp.shell.currentWidget.sessionContext;
    await session.ready;
    await session.session.kernel.info;
}"""
_RUN = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"


@contextmanager
def lab(folder: Path, home: Path) -> Iterator[str]:
    """The address of a JupyterLab over `folder` that keeps all its files under `home`.

    Its token is empty, which is for a test server on loopback only.
    """
    quiet = home / _SETTINGS
    quiet.parent.mkdir(parents=True)
    quiet.write_text(json.dumps(_QUIET), "utf-8")
    places = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }  # fmt: skip
    environment = {**os.environ, **{name: str(home / place) for name, place in places.items()}}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
        "--ServerApp.password=", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _await_server(server, f"http://127.0.0.1:{port}/api", home / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            # The kernels are its children: the whole group goes.
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(10)


def open_and_run(page: Page, address: str, notebook: str) -> None:
    """Open the notebook and run all its cells; gives back when the last is done.

    Running before the session is ready would open a dialogue and hang.
    """
    page.goto(f"{address}/lab/tree/{notebook}")
    page.wait_for_selector(".jp-Notebook", timeout=40_000)
    page.evaluate(_READY)
    page.evaluate(_RUN)


def _await_server(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text('utf-8')[-2000:]}")

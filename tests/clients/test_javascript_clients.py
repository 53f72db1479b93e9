"""The unmodified Better Auth clients, in Node, against the account routes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.auth_server import CLIENTS, install_clients, python_server

ORIGIN = "http://localhost:3999"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    install_clients()
    with python_server(tmp_path_factory.mktemp("server"), ORIGIN) as port:
        yield port


def drive(port: int, package: str, mode: str, host: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", "client.mjs", f"http://{host}:{port}", package, mode, ORIGIN]
        + [f"{package}-{mode}-{host}@example.test"],
        cwd=CLIENTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.timeout(900)  # the first run installs the packages
@pytest.mark.parametrize("package", ["better-auth", "better-auth-1-4"])
@pytest.mark.parametrize(
    ("mode", "host"), [("cookie", "localhost"), ("cookie", "127.0.0.1"), ("bearer", "127.0.0.1")]
)
def test_client_lives_through_an_account(server: int, package: str, mode: str, host: str) -> None:
    told = drive(server, package, mode, host)
    results = told["results"]
    data = {name: one["data"] for name, one in results.items() if isinstance(one, dict)}
    codes = {
        name: one["error"]["code"]
        for name, one in results.items()
        if isinstance(one, dict) and one["error"]
    }

    assert codes == {
        "duplicate": "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
        "wrongPassword": "INVALID_EMAIL_OR_PASSWORD",
        "afterDelete": "INVALID_EMAIL_OR_PASSWORD",
    }
    assert data["signedOut"] is None
    assert data["session"]["user"]["id"] == data["signUp"]["user"]["id"]
    assert results["datesAreDates"] is True
    assert results["expiresInDays"] == 7
    assert data["secondTab"]["session"]["token"] == data["signUp"]["token"]
    assert data["afterUpdate"]["user"]["name"] == "Ada Lovelace"
    assert data["change"]["token"] != data["signUp"]["token"]
    assert data["afterChange"]["session"]["token"] == data["change"]["token"]
    assert [one["token"] for one in data["list"]] == [data["change"]["token"]]
    assert data["signOut"] == {"success": True}
    assert data["afterSignOut"] is None
    assert data["signIn"]["redirect"] is False
    assert len(data["twoSessions"]) == 2
    assert len(data["oneSession"]) == 1
    assert data["delete"]["message"] == "User deleted"
    for line in told["seen"]["setCookies"]:
        assert ("SameSite=None; Partitioned" in line) == (host == "127.0.0.1")
